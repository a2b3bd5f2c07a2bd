"""What becomes of a schedule's times: which of them fire, which were missed, and which are tried again."""

from typing import Literal

from prelo.core.errors import PreloError
from prelo.core.model import Model
from prelo.core.schedule import Plan, Schedule, fires, following

Outcome = Literal["open", "fired", "skipped", "missed", "refused"]
MOST = 1000  # times of a schedule in one turn; the rest is another turn's
_FIRST_MS, _SLOWEST_MS, _PATIENCE_MS = 5_000, 300_000, 3_600_000
WAITS_MS = 2_000  # between two looks whether the job before has ended


class Firing(Model):
    """A time of a schedule and what became of it. There is one for each time, and one for each time that
    somebody had it fire at once (`asked`).

    `open`: its job is still to be asked for, at `try_at` · `fired`: `job_id` answers it · `skipped`: the job
    before was under way · `missed`: upkeep was too late; this stands for `count` times, up to `until` ·
    `refused`: no job was accepted. `detail` says why. Times are ms by the store's clock.
    """

    number: int = 0
    schedule_id: str
    at: int
    asked: bool = False
    until: int | None = None
    count: int = 1
    outcome: Outcome = "open"
    job_id: str | None = None
    detail: str | None = None
    tries: int = 0
    try_at: int = 0
    created_at: int = 0
    ended_at: int | None = None


class Fired(Model):
    """The firing that a job is asked for, to be settled with it, atomically, if it is still open.

    With `alone`, only while the last job that the schedule asked for is the one that was looked at:
    `after`.
    """

    schedule_id: str
    at: int
    asked: bool
    alone: bool = False
    after: str | None = None


def turned(schedule: Schedule, now: int) -> tuple[Schedule, list[Firing]]:
    """A schedule whose time has come, as it goes on, and the firings that come of it.

    What is on time fires. Of what is late by more than the grace, the plan says what fires: nothing, the
    newest unless another one fires on time with it, or the newest few, the oldest of them first. Raises
    Invalid for a plan that cannot be read any more.
    """
    plan, first = schedule.plan, schedule.next_fire_at
    if first is None or first > now:
        return schedule, []
    times = [first]
    for at in fires(plan, first, now):
        if len(times) == MOST:
            break
        times.append(at)
    then = following(plan, times[-1])
    if then is not None and then <= now and plan.misfire == "all":
        # The newest few may be among these: they wait for the next turn.
        then, times = times[-plan.catch_up], times[: -plan.catch_up]
    on_time = [at for at in times if now - at <= plan.grace * 1000]
    late = times[: len(times) - len(on_time)]
    # While more is to come, the newest are not among these.
    caught = [] if then is not None and then <= now else _caught(plan, late, alone=not on_time)
    missed = late[: len(late) - len(caught)]
    made = [
        Firing(schedule_id=schedule.id, at=at, try_at=now, created_at=now)
        for at in (*caught, *on_time)
    ]
    if missed:
        made.insert(0, _missed(schedule.id, missed, now))
    return schedule.model_copy(update={"next_fire_at": then}), made


def _caught(plan: Plan, late: list[int], *, alone: bool) -> list[int]:
    """Those of the late ones that fire."""
    if plan.misfire == "all":
        return late[-plan.catch_up :]
    return late[-1:] if plan.misfire == "once" and alone else []


def _missed(schedule_id: str, times: list[int], now: int) -> Firing:
    late = round((now - times[-1]) / 1000)
    return Firing(
        schedule_id=schedule_id, at=times[0], until=times[-1], count=len(times), outcome="missed",
        detail=f"upkeep came {late} s late, past the grace; it was down, or busy",
        try_at=now, created_at=now, ended_at=now,
    )  # fmt: skip


def paused(schedule: Schedule, until: int | None) -> Schedule:
    """Without its times up to `until`, or until somebody resumes it. They are not caught up with."""
    then = None if until is None else following(schedule.plan, until - 1)
    changes = {"paused": until is None, "paused_until": until, "next_fire_at": then}
    return schedule.model_copy(update=changes)


def resumed(schedule: Schedule, now: int) -> Schedule:
    """With its times from now on."""
    then = following(schedule.plan, now)
    return schedule.model_copy(update={"paused": False, "paused_until": None, "next_fire_at": then})


def replanned(schedule: Schedule, plan: Plan, now: int) -> Schedule:
    """By another plan from now on; what was paused stays so."""
    changed = schedule.model_copy(update={"plan": plan})
    if changed.paused:
        return changed
    start = max(now, (changed.paused_until or 0) - 1)
    return changed.model_copy(update={"next_fire_at": following(plan, start)})


def is_paused(schedule: Schedule, now: int) -> bool:
    return schedule.paused or (schedule.paused_until or 0) > now


def settled(firing: Firing, outcome: Outcome, now: int, detail: str) -> Firing:
    """Without a job."""
    return firing.model_copy(update={"outcome": outcome, "detail": detail, "ended_at": now})


def waiting(firing: Firing, now: int, detail: str) -> Firing:
    """Looked at again before long; that is no try."""
    return firing.model_copy(update={"try_at": now + WAITS_MS, "detail": detail})


def after(firing: Firing, error: PreloError, now: int) -> Firing:
    """What an error does to it: what is passing is tried again for an hour, ever more slowly."""
    pause = min(_FIRST_MS * 2 ** min(firing.tries, 10), _SLOWEST_MS)
    pause = max(pause, round(1000 * float(getattr(error, "retry_after", 0))))
    if error.retryable and now + pause - firing.created_at <= _PATIENCE_MS:
        changes = {"try_at": now + pause, "detail": error.detail, "tries": firing.tries + 1}
        return firing.model_copy(update=changes)
    return settled(firing, "refused", now, error.detail)
