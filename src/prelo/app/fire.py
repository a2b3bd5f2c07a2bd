"""The times of schedules come: each time becomes a firing, once, and each open firing gets its job.

Two steps, each a transaction of its own, and each driven by what the store says: a schedule whose time has
come goes on to its next one, together with its firing; an open firing is settled together with the job that
is made for it or joined. Whoever dies between them leaves an open firing, which the next one finds.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterable, Sequence
from itertools import groupby
from typing import Any

from prelo.app import intake
from prelo.core.errors import Conflict, Invalid, PreloError
from prelo.core.fire import Fired, Firing, after, is_paused, paused, settled, turned, waiting
from prelo.core.records import IdempotencyKey
from prelo.core.schedule import Schedule, asked
from prelo.ports import Ports

_BATCH = 100
_SHORTEST = 0.05  # seconds; what is overdue and cannot be done yet must not keep us busy


class Alarm:
    """Fires what is due, and knows when there will be more."""

    def __init__(self, max_queued: int | None = None) -> None:
        self._max_queued = max_queued
        self._next = 0.0

    async def fire(self, ports: Ports) -> int:
        """Everything that is due, up to a batch of schedules and one of firings."""
        due = await ports.store.due_schedules(_BATCH)
        turning = len(due.schedules)
        await _all(_turn(schedule, due.now, ports) for schedule in due.schedules)
        if turning:
            due = await ports.store.due_schedules(_BATCH)
        groups = groupby(sorted(due.firings, key=_order), key=lambda both: both[0].schedule_id)
        await _all(self._fire_each(list(group), ports, due.now) for _, group in groups)
        # What is overdue and was not handed to us is another program's: no reason to look sooner.
        ours = due.next_at is not None and (due.next_at > due.now or due.schedules or due.firings)
        left = ((due.next_at or 0) - due.now) / 1000 if ours else float("inf")
        self._next = time.monotonic() + left
        return max(turning, len(due.firings))

    async def _fire_each(
        self, firings: Sequence[tuple[Firing, Schedule]], ports: Ports, now: int
    ) -> None:
        """Those of one schedule, one after the other; different schedules do not wait for each other."""
        for firing, schedule in firings:
            await fire(firing, schedule, ports, now, max_queued=self._max_queued)

    async def wait(self, seconds: float) -> None:
        """For so long, or until something is due that was there at the last look."""
        await asyncio.sleep(max(min(seconds, self._next - time.monotonic()), _SHORTEST))


def _order(both: tuple[Firing, Schedule]) -> tuple[str, int]:
    return both[0].schedule_id, both[0].at


async def _all(doing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Everything, at once, before the first error is raised."""
    for done in await asyncio.gather(*doing, return_exceptions=True):
        if done is not None:
            raise done


async def _turn(schedule: Schedule, now: int, ports: Ports) -> None:
    try:
        # After an outage it reckons up to a thousand times: others are served meanwhile.
        then, firings = await asyncio.to_thread(turned, schedule, now)
    except Invalid as error:  # its zone is gone from the database of zones
        then = paused(schedule, None)
        stopped = Firing(
            schedule_id=schedule.id, at=schedule.next_fire_at or now, try_at=now, created_at=now
        )
        firings = [settled(stopped, "refused", now, f"{error.detail}; the schedule was paused")]
    if await ports.store.change_schedule(schedule, then, firings):
        for firing in firings:
            if firing.outcome != "open":
                _tell(firing, schedule, ports)


async def fire(
    firing: Firing, schedule: Schedule, ports: Ports, now: int, *, max_queued: int | None = None
) -> None:
    """Ask for the job of an open firing, or settle it without one. Whatever else has settled it meanwhile
    stays as it is.
    """
    then = await _held(firing, schedule, ports, now)
    if then is None:
        try:
            await _submit(firing, schedule, ports, max_queued)
        except Conflict:
            return
        except PreloError as error:
            then = after(firing, error, now)
        else:
            return
    if await ports.store.settle_firing(firing, then) and then.outcome != "open":
        _tell(then, schedule, ports)


async def _submit(firing: Firing, schedule: Schedule, ports: Ports, max_queued: int | None) -> None:
    # No caller's key has a NUL in it: nobody can have used this one.
    key = IdempotencyKey(
        key=f"\0schedule:{firing.schedule_id}:{firing.at}:{firing.asked}",
        digest=firing.schedule_id,
        fired=Fired(
            schedule_id=firing.schedule_id,
            at=firing.at,
            asked=firing.asked,
            alone=_alone(firing, schedule),
            after=schedule.last_job_id,
        ),
    )
    request = asked(schedule.plan, ports.catalog, firing.at)
    done = await intake.submit(request, schedule.caller, ports, key=key, max_queued=max_queued)
    ports.observer.event(
        "schedule.fired", done.job, schedule_id=schedule.id, at=firing.at, asked=firing.asked
    )


def _alone(firing: Firing, schedule: Schedule) -> bool:
    """What a person asks for does not wait for what the clock has asked for."""
    return schedule.plan.overlap != "allow" and not firing.asked


async def _held(firing: Firing, schedule: Schedule, ports: Ports, now: int) -> Firing | None:
    """What becomes of it instead of a job, if there is to be none now."""
    if firing.asked:
        return None
    if is_paused(schedule, now):
        return settled(firing, "skipped", now, "the schedule was paused before it had its job")
    if not _alone(firing, schedule) or schedule.last_job_id is None:
        return None
    last = await ports.store.get(schedule.last_job_id)
    if last is None or last.state.ended:
        return None
    sentence = f"the job before, {last.id}, is still {last.state}"
    if schedule.plan.overlap == "wait":
        unsettled = await ports.store.firings(schedule.id, _BATCH, only_open=True)
        if not any(one.at < firing.at and not one.asked for one in unsettled):
            return waiting(firing, now, sentence)
        sentence += ", and another firing waits for it already"
    return settled(firing, "skipped", now, sentence)


def _tell(firing: Firing, schedule: Schedule, ports: Ports) -> None:
    ports.observer.event(
        f"schedule.{firing.outcome}",
        schedule_id=schedule.id,
        tenant=schedule.tenant,
        at=firing.at,
        count=firing.count,
        detail=firing.detail,
    )
