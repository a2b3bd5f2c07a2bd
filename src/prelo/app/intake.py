"""Somebody asks: for a report, for its state, for its file, to stop it, to run it again."""

import time
from collections.abc import Callable, Sequence

from prelo.app import answers, datasets
from prelo.app.channels import checked
from prelo.core import job as transitions
from prelo.core.channel import Channel
from prelo.core.errors import Conflict, Gone, NotFound, Unavailable
from prelo.core.job import Artifact, Job, State, accepted
from prelo.core.records import Act, Doing
from prelo.core.report import Report
from prelo.core.request import PRIORITIES, Caller, Order, Request, order
from prelo.core.topics import CANCELS, news_topic
from prelo.ports import IdempotencyKey, JobFilter, Ports, Submitted

# News from other processes may not reach us: look again, and the longer it takes the less often, for
# there may be hundreds who wait.
_POLL = 0.25
_SLOWEST = 2.0
_TRIES = 5


async def submit(
    request: Request,
    caller: Caller,
    ports: Ports,
    *,
    key: IdempotencyKey | None = None,
    max_queued: int | None = None,
) -> Submitted:
    """Accept a request: validated, fingerprinted and stored with its doorbell, or joined to its equal.

    When this returns, the job reaches exactly one terminal state, whatever crashes. Raises NotFound or
    Invalid before anything is stored; Unavailable when the queue is full or the store cannot be reached,
    TooManyJobs or Quarantined (repeating is safe); KeyReused.
    """
    ordered, report = await _ordered(request, caller, ports)
    max_age = report.max_age if request.max_age is None else request.max_age
    # A key's promise is the store's; and so is the time, by which an age is measured.
    # So are the channels.
    plain = key is None and max_age is None and not request.notify
    known = await answers.recall(ordered, ports) if plain else None
    if known is not None:
        told = {"fresh": False, "replayed": False, "recalled": True, **_by(caller)}
        ports.observer.event("job.accepted", known, **told)
        return Submitted(job=known, fresh=False)
    return await _place(
        ordered,
        report,
        caller,
        ports,
        priority=PRIORITIES[request.priority],
        deadline=request.deadline,
        max_age=max_age,
        key=key,
        max_queued=max_queued,
        channels=request.notify,
    )


async def check(request: Request, caller: Caller, ports: Ports) -> tuple[Order, Report]:
    """What `submit` would make of a request, and nothing stored. Raises NotFound or Invalid as it does."""
    return await _ordered(request, caller, ports)


async def _ordered(request: Request, caller: Caller, ports: Ports) -> tuple[Order, Report]:
    await checked(request.notify, caller, ports)
    if request.dataset is None:
        return order(request, ports.catalog, caller)
    dataset = await datasets.use(request.dataset, caller, ports)
    return order(request, ports.catalog, caller, dataset.spec)


async def _place(  # noqa: PLR0913  the one funnel of submit and refresh
    ordered: Order,
    report: Report,
    caller: Caller,
    ports: Ports,
    *,
    priority: int = 1,
    deadline: float | None = None,
    max_age: float | None = None,
    key: IdempotencyKey | None = None,
    max_queued: int | None = None,
    channels: Sequence[Channel] = (),
) -> Submitted:
    draft = accepted(
        ordered,
        sources=report.source_names,
        lane=report.lane,
        priority=priority,
        cost=8 if report.lane == "large" else 1,
        retention_ms=int(report.retention * 1000),
        deadline_at=None if deadline is None else int(deadline * 1000),
    )
    max_age_ms = None if max_age is None else int(max_age * 1000)
    submitted = await ports.store.submit(
        draft, max_age_ms=max_age_ms, key=key, max_queued=max_queued, channels=channels
    )
    told = {"fresh": submitted.fresh, "replayed": submitted.replayed, **_by(caller)}
    ports.observer.event("job.accepted", submitted.job, **told)
    if submitted.fresh:
        await ports.cache.publish(news_topic(submitted.job.tenant), submitted.job.id)
        if submitted.job.generation:  # the first one comes after nothing
            await answers.changed(submitted.job, ports)
    elif not submitted.replayed:  # a key's first answer may be an old one
        await answers.keep(submitted.job, ports)
    return submitted


async def find(job_id: str, caller: Caller, ports: Ports) -> Job:
    """The caller's job. Raises NotFound, also for another tenant's or scope's."""
    job = await ports.store.get(job_id, caller.tenant)
    if job is None or job.state is State.EXPIRED:
        await answers.gone(job_id, ports)
    if job is None or job.scope != caller.scope or _hidden(job, caller, ports):
        raise NotFound(f"there is no job {job_id}")
    return job


def _hidden(job: Job, caller: Caller, ports: Ports) -> bool:
    """A report may have been given to fewer since somebody asked for it."""
    return (job.report, job.version) in ports.catalog.hidden_from(caller.permissions)


def _by(caller: Caller) -> dict[str, object]:
    """Who, for the log; nothing where callers are not asked who they are."""
    return {"actor": caller.subject} if caller.subject else {}


def _act(caller: Caller, action: Doing, job: Job) -> Act | None:
    """For the audit; None where callers are not asked who they are."""
    if not caller.subject:
        return None
    return Act(
        actor=caller.subject, action=action, detail={"report": job.report, "state": job.state}
    )


async def listing(chosen: JobFilter, ports: Ports) -> Sequence[Job]:
    """The tenant's jobs, newest first."""
    return await ports.store.list(chosen)


def ended(job: Job) -> bool:
    return job.state.ended


async def wait(
    job_id: str,
    caller: Caller,
    ports: Ports,
    seconds: float,
    enough: Callable[[Job], bool] = ended,
) -> Job:
    """The job as soon as it is `enough` (by default: has ended), or as it is after `seconds`."""
    if seconds <= 0:
        return await find(job_id, caller, ports)
    end = time.monotonic() + seconds
    # Listen first: no news falls between the look and the wait.
    async with ports.cache.listen(news_topic(caller.tenant), only=job_id) as watch:
        job = await find(job_id, caller, ports)
        while not enough(job) and (left := end - time.monotonic()) > 0:
            await watch.wait(min(left, _pause(seconds - left)))
            job = await find(job_id, caller, ports)
    return job


def _pause(waited: float) -> float:
    """Seconds until the next look of somebody who has waited so long already."""
    return min(max(_POLL, waited / 4), _SLOWEST)


async def cancel(job_id: str, caller: Caller, ports: Ports) -> Job:
    """Stop a job: a queued one at once, a running one when its worker sees the flag.

    Raises Conflict when it has ended (cancelling a cancelled job is fine).
    """
    for _ in range(_TRIES):
        job = await find(job_id, caller, ports)
        if job.state is State.CANCELLED or (job.state is State.RUNNING and job.cancel_requested_at):
            return job
        if job.state.ended:
            raise Conflict(f"the job is {job.state}; only a queued or running job can be cancelled")
        if job.state is State.QUEUED:
            done = await ports.store.move(job, transitions.cancel, act=_act(caller, "cancel", job))
            if done:
                ports.observer.event("job.cancelled", done)
                await ports.cache.publish(news_topic(job.tenant), job_id)
                return done
        elif await ports.store.request_cancel(job, _act(caller, "cancel", job)):
            await ports.cache.publish(CANCELS, job_id)
            await ports.cache.publish(news_topic(job.tenant), job_id)
            return await find(job_id, caller, ports)
    raise Unavailable("the job changes faster than it could be cancelled; try again", retry_after=1)


async def retry(job_id: str, caller: Caller, ports: Ports) -> Job:
    """Run an ended job without a file again, under the same id. Raises Conflict for any other state."""
    job = await find(job_id, caller, ports)
    if job.superseded:
        raise Conflict("a newer job answers this request; ask for the report again to find it")
    if not job.state.ended or job.state is State.SUCCEEDED:
        hint = "use refresh for a new file" if job.state is State.SUCCEEDED else "it is under way"
        raise Conflict(f"the job is {job.state}: {hint}")
    revived = await ports.store.move(job, transitions.revive, act=_act(caller, "retry", job))
    if revived is None:
        raise Conflict("the job has just changed; look at it again")
    ports.observer.event("job.revived", revived)
    await ports.cache.publish(news_topic(job.tenant), job_id)
    return revived


async def refresh(job_id: str, caller: Caller, ports: Ports) -> Submitted:
    """Ask for the same report anew: a new generation, or the one that is under way."""
    await find(job_id, caller, ports)
    job = await ports.store.get(job_id, caller.tenant, with_order=True)
    if job is None or job.order is None:
        raise NotFound(f"there is no job {job_id}")
    report = job.order.report_from(ports.catalog.seen_by(caller.permissions))
    ordered = job.order
    if ordered.definition is None:
        ordered = ordered.model_copy(update={"report_digest": report.digest})
    return await _place(ordered, report, caller, ports, max_age=0)


async def forget(job_id: str, caller: Caller, ports: Ports) -> None:
    """Delete an ended job and its file. Raises Conflict while it is under way."""
    job = await find(job_id, caller, ports)
    if not job.state.ended:
        raise Conflict(f"the job is {job.state}; cancel it first")
    if not await ports.store.forget(job, _act(caller, "forget", job)):
        raise Conflict("the job has just changed; look at it again")
    ports.observer.event("job.forgotten", job)
    await answers.changed(job, ports)
    await ports.cache.publish(news_topic(job.tenant), job_id)
    if job.artifact:
        await ports.files.delete([job.artifact.key])


def artifact(job: Job) -> Artifact:
    """The job's file. Raises Conflict while there is none, Gone when there was one."""
    if job.state is State.EXPIRED:
        raise Gone("the file's retention is over; retry the job to make it again")
    if job.state is not State.SUCCEEDED or job.artifact is None:
        raise Conflict(f"the job is {job.state}: there is no file")
    return job.artifact
