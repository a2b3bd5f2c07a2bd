"""The desk of dead letters: an operator looks at what was given up, has it made after all, or lets it go.

An errand remembers nothing but what it has done: when it is killed half-way, the rest is as it was, and the
same words finish it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from prelo.core import job as transitions
from prelo.core.errors import Conflict, NotFound
from prelo.core.job import Job, State
from prelo.core.records import Act, Change, DeadFilter, Deed, Tally
from prelo.core.topics import news_topic
from prelo.ports import Ports

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done with the jobs of `chosen`, who wants it, and by which door it was asked for.

    `most`: no more than so many; `rate`: no faster than so many a second. `named`: the person behind the
    actor, as they say.
    """

    chosen: DeadFilter
    actor: str
    door: str
    most: int | None = None
    rate: float | None = None
    named: str | None = None


async def listing(
    chosen: DeadFilter, ports: Ports, limit: int, before: tuple[int, str] | None = None
) -> Sequence[Job]:
    """The last that ended first; see Store.dead."""
    return await ports.store.dead(chosen, limit, before=before)


async def show(
    job_id: str, ports: Ports, tenant: str | None = None
) -> tuple[Job, Sequence[Change]]:
    """A job that was given up, of this tenant or any, and all it went through. Raises NotFound, and Conflict
    for any other state.
    """
    job = await ports.store.get(job_id, tenant)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    if job.state not in {State.DEAD, State.FAILED}:
        raise Conflict(f"the job {job_id} is {job.state}, neither dead nor failed; see prelo jobs")
    return job, await ports.store.transitions(job_id)


async def counted(chosen: DeadFilter, ports: Ports) -> tuple[DeadFilter, Sequence[Tally]]:
    """How many there are by report and error; and the same choice, closed: a job that an errand has run, and
    that died once more, ended later than all that are in it, so that no errand runs in circles.
    """
    tally = await ports.store.tally(chosen)
    until = max((one.latest for one in tally), default=chosen.until)
    return chosen.model_copy(update={"until": until}), tally


def replay(errand: Errand, ports: Ports) -> AsyncGenerator[Job]:
    """Queue them again, each as a new generation with all its attempts; yields each when it is done.

    Of two who replay the same at once, one has each job.
    """

    async def run(job: Job) -> Job | None:
        done = await ports.store.move(job, _revived, act=_act("replay", job, errand))
        if done is not None:
            ports.observer.event("job.revived", done)
            await ports.cache.publish(news_topic(job.tenant), job.id)
        return done

    return _each(errand, run, ports)


def drop(errand: Errand, ports: Ports) -> AsyncGenerator[Job]:
    """Delete them; their transitions stay. Yields each when it is gone."""

    async def forget(job: Job) -> Job | None:
        if not await ports.store.forget(job, _act("drop", job, errand)):
            return None
        ports.observer.event("job.forgotten", job)
        await ports.cache.publish(news_topic(job.tenant), job.id)
        if job.artifact:
            await ports.files.delete([job.artifact.key])
        return job

    return _each(errand, forget, ports)


async def _each(
    errand: Errand, do: Callable[[Job], Awaitable[Job | None]], ports: Ports
) -> AsyncGenerator[Job]:
    """Whatever was done to a job, by us or by somebody else first, it is not among the chosen any more: so
    each batch is the first of what is left.
    """
    chosen, _ = await counted(errand.chosen, ports)
    left = errand.most
    while left != 0:
        batch = await ports.store.dead(chosen, _BATCH if left is None else min(left, _BATCH))
        if not batch:
            return
        for job in batch:
            done = await do(job)
            if done is None:
                continue
            if errand.rate:
                await asyncio.sleep(1 / errand.rate)
            left = left and left - 1
            yield done


def _revived(job: Job, now: int) -> Job:
    """A thousand that run again do not stand before what callers ask for meanwhile."""
    again = transitions.revive(job, now)
    return again.model_copy(update={"fair_key": max(job.fair_key, now)})


def _act(deed: Deed, job: Job, errand: Errand) -> Act:
    detail = {
        "door": errand.door,
        "report": job.report,
        "version": job.version,
        "state": job.state,
        "error": job.error and job.error.type,
    } | ({"from": errand.named} if errand.named else {})
    return Act(actor=errand.actor, action=deed, detail=detail)
