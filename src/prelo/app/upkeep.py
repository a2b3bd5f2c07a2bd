"""The clock moves on: doorbells are rung, lapsed leases rescued, deadlines kept, schedules fired, old files
deleted, notices brought.

Every act is a conditional write, so any number of upkeep processes may run at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from prelo.app import answers, datasets
from prelo.app.deliver import Deliveries, Pace
from prelo.app.fire import Alarm
from prelo.app.quarantine import alarm
from prelo.core import job as transitions
from prelo.core.errors import PreloError, Unavailable
from prelo.core.job import Job
from prelo.core.records import Bell, Obituary
from prelo.core.topics import news_topic
from prelo.ports import Duty, Ports

_BATCH = 100
_SWEEP = 3600.0  # seconds between two of them
_DAY_MS = 86_400_000
Transition = Callable[[Job, int], Job]


async def upkeep(
    ports: Ports,
    stop: asyncio.Event,
    *,
    turn: float = 2.0,
    look: float = 0.5,
    max_queued: int | None = None,
    pace: Pace | None = None,
) -> None:
    """Keep house until `stop`. Seconds between turns, and between looks for doorbells; how notices are
    brought. `max_queued`: schedules ask for nothing behind so many jobs.
    """
    ports.observer.event("upkeep.started")
    alarm_clock = Alarm(max_queued)
    duties = [
        _every(look, ports, stop, relay, waits=ports.store.stirred),
        _every(turn, ports, stop, tidy),
        _every(turn, ports, stop, bury),
        _every(look, ports, stop, alarm_clock.fire, waits=alarm_clock.wait),
        _every(_SWEEP, ports, stop, forget_firings),
        _every(10 * turn, ports, stop, sweep_datasets),
        _every(_SWEEP, ports, stop, sweep_files),
        Deliveries(ports, pace).run(stop),
    ]
    await asyncio.gather(*duties)
    ports.observer.event("upkeep.stopped")


async def _every(
    seconds: float,
    ports: Ports,
    stop: asyncio.Event,
    duty: Callable[[Ports], Awaitable[int]],
    waits: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Do the duty again and again; at once while there is more, after an error only later."""
    stopping = asyncio.create_task(stop.wait())
    while not stop.is_set():
        pause = waits
        try:
            more = await duty(ports) >= _BATCH
        except PreloError as error:
            ports.observer.event("upkeep.failed", duty=duty.__name__, detail=error.detail)
            more, pause = False, asyncio.sleep
        if not more:
            waiting = asyncio.ensure_future(pause(seconds))
            await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()


async def relay(ports: Ports) -> int:
    """Ring every doorbell that is due, up to a batch. Rung twice is harmless; so the mark comes after.

    Raises Unavailable if none of them was confirmed: then each job that is queued must not bring us back
    at once, to fail for all that wait.
    """
    bells = await ports.store.bells(_BATCH)
    if not bells:
        return 0
    failures = await asyncio.gather(*(_ring(bell, ports) for bell in bells))
    sure = [bell.number for bell, failure in zip(bells, failures, strict=True) if failure is None]
    if sure:
        await ports.store.rung(sure)
    unsure = [failure for failure in failures if failure is not None]
    if not unsure:
        return len(bells)
    # One line for all: a broker that is away would fill the log.
    ports.observer.event("bell.unconfirmed", count=len(unsure), detail=unsure[0].detail)
    if not sure:
        raise Unavailable(unsure[0].detail)
    return 0


async def _ring(bell: Bell, ports: Ports) -> PreloError | None:
    """What kept it from being confirmed."""
    try:
        await ports.broker.ring(bell)
    except PreloError as error:
        return error
    return None


async def bury(ports: Ports) -> int:
    """Hand over obituaries, up to a batch; apart from the doorbells, which must not wait for them."""
    found = await ports.store.obituaries(_BATCH)
    confirmed = await asyncio.gather(*(_bury(obituary, ports) for obituary in found))
    if any(confirmed):
        await ports.store.rung(
            [one.number for one, sure in zip(found, confirmed, strict=True) if sure]
        )
    return len(found) if all(confirmed) else 0


async def _bury(obituary: Obituary, ports: Ports) -> bool:
    try:
        await ports.broker.bury(obituary)
    except PreloError as error:
        ports.observer.event("obituary.unconfirmed", job_id=obituary.job_id, detail=error.detail)
        return False
    return True


async def tidy(ports: Ports) -> int:
    """Rescue what its worker left, end what is too late, expire what is too old, ring what is unheard."""
    lost = await _move(ports, "lapsed", transitions.lose, "job.rescued")
    late = await _move(ports, "overdue", transitions.pass_deadline, "job.dead")
    old = await _expire(ports)
    unrung = await ports.store.due("unrung", _BATCH)
    if unrung:
        await ports.store.ring_again(unrung)
        ports.observer.event("bells.again", count=len(unrung))
    return max(lost, late, old)


async def _move(ports: Ports, duty: Duty, change: Transition, event: str) -> int:
    jobs = await ports.store.due(duty, _BATCH)
    for job in jobs:
        moved = await ports.store.move(job, change, lapsed=duty == "lapsed")
        if moved is not None:
            ports.observer.event(event, moved)
            if moved.lost_count > job.lost_count:
                await alarm(moved, ports)
            await ports.cache.publish(news_topic(job.tenant), job.id)
    return len(jobs)


async def _expire(ports: Ports) -> int:
    """The row first, the file after its commit: a file without a row is swept, a row without a file lies."""
    jobs = await ports.store.due("outlived", _BATCH)
    keys: list[str] = []
    for job in jobs:
        if await ports.store.move(job, transitions.expire) is not None:
            ports.observer.event("job.expired", job)
            await answers.changed(job, ports)
            await ports.cache.publish(news_topic(job.tenant), job.id)
            keys += [job.artifact.key] if job.artifact else []
    await ports.files.delete(keys)
    return len(jobs)


async def forget_firings(ports: Ports) -> int:
    """The history of schedules, after 90 days."""
    await ports.store.prune_firings()
    return 0


async def sweep_datasets(ports: Ports) -> int:
    """Forget datasets that have expired and that nobody needs."""
    return await datasets.sweep(ports, _BATCH)


async def sweep_files(ports: Ports) -> int:
    """Delete files that no job refers to and that are older than a day: what dead attempts left."""
    await ports.files.discard("")
    batch: list[str] = []
    async for stored in ports.files.list(older_than_ms=int(time.time() * 1000) - _DAY_MS):
        batch.append(stored.key)
        if len(batch) == _BATCH:
            await _sweep(batch, ports)
            batch = []
    await _sweep(batch, ports)
    return 0


async def _sweep(keys: list[str], ports: Ports) -> None:
    orphans = sorted(await ports.store.unreferenced(keys)) if keys else []
    if orphans:
        await ports.files.delete(orphans)
        ports.observer.event("files.swept", count=len(orphans))
