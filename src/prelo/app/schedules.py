"""Somebody makes a schedule, looks at it, changes, pauses, resumes, runs or deletes it."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

from prelo.app.fire import fire
from prelo.core.errors import Conflict, FieldError, Invalid, KeyReused, NotFound, Unavailable
from prelo.core.fire import Firing, paused, replanned, resumed, turned
from prelo.core.request import Caller, Request
from prelo.core.schedule import Plan, Schedule, asked, checked, following, upcoming
from prelo.ports import IdempotencyKey, Ports

_TRIES = 5
_KEYS = uuid.UUID("6f2b3c58-7d0e-4a9b-9c1f-2e5a8d4b7c10")  # any that is ours alone
_LATEST = 20  # firings in which one that was just made is found
Upcoming = Sequence[tuple[int, Request]]


async def preview(plan: Plan, caller: Caller, ports: Ports) -> Upcoming:
    """The next times of a plan and what would be asked for then; nothing is stored. Raises as `create`."""
    return checked(plan, ports.catalog, caller, await ports.store.clock())


async def create(
    plan: Plan, caller: Caller, ports: Ports, key: IdempotencyKey | None = None
) -> tuple[Schedule, bool]:
    """Store a schedule that fires by the caller's rights; and whether it is new, or the key's first one.

    Raises NotFound or Invalid, with where and why, for a plan that could not fire as it says; KeyReused.
    """
    now = await ports.store.clock()
    checked(plan, ports.catalog, caller, now)
    name = key and f"{caller.tenant}\0{caller.scope}\0{key.key}"
    made = Schedule(
        id=str(uuid.uuid5(_KEYS, name) if name else uuid.uuid4()),
        tenant=caller.tenant,
        scope=caller.scope,
        caller=caller,
        plan=plan,
        next_fire_at=following(plan, now),
        created_at=now,
        updated_at=now,
        digest=key and key.digest,
    )
    if await ports.store.add_schedule(made):
        ports.observer.event("schedule.created", schedule_id=made.id, tenant=made.tenant)
        return made, True
    first = await find(made.id, caller, ports)
    if first.digest != made.digest:
        raise KeyReused("this Idempotency-Key came with another schedule before; use a new key")
    return first, False


async def find(schedule_id: str, caller: Caller, ports: Ports) -> Schedule:
    """The caller's schedule. Raises NotFound, also for another tenant's or scope's."""
    found = await ports.store.schedule(schedule_id, caller.tenant)
    if found is None or found.scope != caller.scope:
        raise NotFound(f"there is no schedule {schedule_id}")
    return found


async def listing(
    caller: Caller, ports: Ports, limit: int, before: tuple[int, str] | None = None
) -> Sequence[Schedule]:
    """The caller's schedules, newest first."""
    return await ports.store.schedules(caller.tenant, caller.scope, limit, before=before)


async def to_come(schedule: Schedule, ports: Ports, count: int) -> Upcoming:
    """The next times, and what will be asked for then; none while it is paused. Raises as `create`."""
    if schedule.next_fire_at is None:
        return []
    times = upcoming(schedule.plan, schedule.next_fire_at - 1, count)
    return [(at, asked(schedule.plan, ports.catalog, at)) for at in times]


async def history(
    schedule_id: str, caller: Caller, ports: Ports, limit: int, before: int | None = None
) -> Sequence[Firing]:
    """Its firings, newest first."""
    await find(schedule_id, caller, ports)
    return await ports.store.firings(schedule_id, limit, before=before)


async def change(
    schedule_id: str, caller: Caller, ports: Ports, revise: Callable[[Plan], Plan]
) -> Schedule:
    """Another plan, from now on. What `revise` raises passes; otherwise raises as `create`."""

    def changed(before: Schedule, now: int) -> Schedule:
        plan = revise(before.plan)
        checked(plan, ports.catalog, before.caller, now)
        return replanned(before, plan, now)

    return await _written(schedule_id, caller, ports, changed)


async def pause(schedule_id: str, caller: Caller, ports: Ports, until: int | None) -> Schedule:
    """Until `resume`, or until that time in ms. Raises Invalid for a time that is past."""

    def changed(before: Schedule, now: int) -> Schedule:
        if until is not None and until <= now:
            detail = "must be a time to come; to go on at once, resume"
            raise Invalid(f"until: {detail}", (FieldError(pointer="/until", detail=detail),))
        return paused(before, until)

    return await _written(schedule_id, caller, ports, changed)


async def resume(schedule_id: str, caller: Caller, ports: Ports) -> Schedule:
    """From now on; what was missed by the pause is not caught up with."""
    return await _written(schedule_id, caller, ports, resumed)


async def run(
    schedule_id: str, caller: Caller, ports: Ports, *, max_queued: int | None = None
) -> Firing:
    """Fire once, now, whether it is paused or not; its own times stay. Raises Conflict if it was refused."""
    for _ in range(_TRIES):
        schedule, now = await find(schedule_id, caller, ports), await ports.store.clock()
        made = Firing(schedule_id=schedule.id, at=now, asked=True, try_at=now, created_at=now)
        if await ports.store.change_schedule(schedule, schedule, [made]):
            break
    else:
        raise _busy()
    await fire(made, schedule, ports, now, max_queued=max_queued)
    # Upkeep may have been faster than we: what became of it stands in the store.
    latest = await ports.store.firings(schedule.id, _LATEST)
    became = next((one for one in latest if one.at == now and one.asked), made)
    if became.outcome == "refused":
        raise Conflict(f"the schedule could not fire: {became.detail}")
    return became


async def remove(schedule_id: str, caller: Caller, ports: Ports) -> None:
    """Delete it and its history; its jobs stay."""
    found = await find(schedule_id, caller, ports)
    if await ports.store.remove_schedule(found):
        ports.observer.event("schedule.deleted", schedule_id=found.id, tenant=found.tenant)


async def _written(
    schedule_id: str, caller: Caller, ports: Ports, change_it: Callable[[Schedule, int], Schedule]
) -> Schedule:
    for _ in range(_TRIES):
        before = await find(schedule_id, caller, ports)
        now = await ports.store.clock()
        due, firings = await _due(before, now)
        more = due.next_fire_at is not None and due.next_fire_at <= now
        changed = due if more else change_it(due, now)
        after = changed.model_copy(update={"revision": before.revision + 1, "updated_at": now})
        if await ports.store.change_schedule(before, after, firings) and not more:
            ports.observer.event("schedule.changed", schedule_id=after.id, tenant=after.tenant)
            return after
    raise _busy()


async def _due(schedule: Schedule, now: int) -> tuple[Schedule, Sequence[Firing]]:
    """What was due before the change fires, or is on record as missed, by the plan that it was due by."""
    try:
        return await asyncio.to_thread(turned, schedule, now)
    except Invalid:  # a plan that nobody can read any more: the change may mend it
        return schedule.model_copy(update={"next_fire_at": None}), ()


def _busy() -> Unavailable:
    return Unavailable("the schedule changes faster than it could be written; try again", 1)
