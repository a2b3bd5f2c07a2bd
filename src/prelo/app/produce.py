"""One attempt of one job, straight down: told, rendered and watched, settled.

The press renders; this side beats, sees a wish to cancel, keeps the time limit, and settles. Whoever
loses the lease kills the press and writes nothing: another owner has the job.
"""

import asyncio
import random
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from prelo.app.breakers import Breakers, Call
from prelo.app.quarantine import alarm
from prelo.core import job as transitions
from prelo.core.errors import (
    DefinitionMissing,
    PreloError,
    PressLost,
    SourceInvalid,
    TimeLimit,
    Unavailable,
)
from prelo.core.job import Job, Progress, State
from prelo.core.request import Caller
from prelo.core.retry import RetryPolicy
from prelo.core.rules import TenantLimits, whose
from prelo.core.topics import CANCELS, news_topic
from prelo.ports import Beat, Ports, Press, Pressed, Task, Watch

Transition = Callable[[Job, int], Job]
_TICK = 1.0  # progress is written at most this often
_MARGIN = 5.0  # the press is killed this long before a lapsing lease, in seconds


@dataclass(frozen=True, slots=True)
class Terms:
    """How an attempt is made. `owner` is random per process start, and in a slot "process.slot"; times are
    in seconds.

    `recall` is set when a drain's patience is over: running attempts are given back, unharmed.
    """

    owner: str
    lease: float = 30
    beat: float = 10
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    recall: asyncio.Event = field(default_factory=asyncio.Event)
    breakers: Breakers = field(default_factory=Breakers)
    limits: TenantLimits = field(default_factory=TenantLimits)

    @property
    def lease_ms(self) -> int:
        return int(self.lease * 1000)

    @property
    def margin(self) -> float:
        return min(_MARGIN, self.lease / 4)


class _Lost(Exception):
    """The lease is somebody else's, or may soon be."""


class _Cancelled(Exception):
    """Somebody wants the job to stop."""


class _Recalled(Exception):
    """The worker drains."""


async def attempt(job: Job, ports: Ports, press: Press, terms: Terms) -> None:
    """Make one attempt of a job that was just claimed under `terms.owner`, and settle it.

    Never raises for what the report or the machines did; that becomes the job's state.
    """
    lease = _Lease(job, ports, terms)
    try:
        task = await _at_hand(_told(job, ports, terms), job, ports)
        call = terms.breakers.begin(job.sources, ports.observer)
    except (DefinitionMissing, SourceInvalid, Unavailable) as error:
        _tell(job, await _settle(lease, _after(error, lease)), ports)
        await ports.cache.publish(news_topic(job.tenant), job.id)
        return
    ports.observer.event("attempt.started", job)
    await ports.cache.publish(news_topic(job.tenant), job.id)
    change, pressed = await _outcome(task, lease, press, call)
    if pressed is None and lease.safe:
        await _discard(task, ports)
    settled = await _settle(lease, change) if change else None
    if pressed and settled and settled.state is not State.SUCCEEDED:
        await _discard(task, ports)
    _tell(job, settled, ports)
    if settled and settled.lost_count > job.lost_count:
        await alarm(settled, ports)
    await ports.cache.publish(news_topic(job.tenant), job.id)


def _told(job: Job, ports: Ports, terms: Terms) -> Task:
    """Everything the press needs. Raises DefinitionMissing if this worker's catalog is not the caller's."""
    if job.order is None:
        raise DefinitionMissing(f"job {job.id} has lost its order")
    try:
        report = job.order.report_from(ports.catalog)
    except PreloError as error:
        raise DefinitionMissing(str(error)) from error
    if job.order.definition is None and report.digest != job.order.report_digest:
        raise DefinitionMissing(
            f"the report '{report.name}' version {report.version} is not the one the job was accepted "
            "for; give a changed report a new version, or ask for it again"
        )
    extension = job.order.extension(report)
    return Task(
        job_id=job.id,
        order=job.order,
        report=report,
        limits=terms.limits.over(report.limits, job.tenant),
        key=job.artifact_key(secrets.token_hex(4), extension),
        name=f"{_slug(job.order.layout(report).title) or report.name}.{extension}",
    )


async def _at_hand(task: Task, job: Job, ports: Ports) -> Task:
    """The task with the place of its dataset's file, which may have been uploaded again since it was asked
    for. Raises SourceInvalid if it is gone.
    """
    spec = task.report.source.dataset
    if spec is None:
        return task
    owner = Caller(tenant=job.tenant, scope=job.scope)
    found = await ports.store.dataset(spec.id, owner, expired=True)
    if found is None:
        raise SourceInvalid(f"the dataset {spec.id} has expired; upload it again, and ask again")
    source = task.report.source.model_copy(
        update={"dataset": spec.model_copy(update={"key": found.key})}
    )
    return task.model_copy(update={"report": task.report.model_copy(update={"source": source})})


def _slug(title: str) -> str:
    return re.sub(r"[^\w.()-]+", " ", title).strip(" .")[:100]


async def _outcome(
    task: Task, lease: "_Lease", press: Press, call: Call
) -> tuple[Transition | None, Pressed | None]:
    """Render under watch; every way it can end is a transition. None: the lease is lost, write nothing."""
    try:
        with call:
            pressed = await _watched(task, lease, press)
    except _Lost:
        return None, None
    except _Cancelled:
        return transitions.cancel, None
    except _Recalled:
        return transitions.release, None
    except PressLost as error:
        problem = error.problem(lease.job.attempt)
        return (lambda job, now: transitions.lose(job, now, problem)), None
    except PreloError as error:
        return _after(error, lease), None
    artifact, manifest = pressed.artifact, pressed.manifest
    return (lambda job, now: transitions.succeed(job, now, artifact, manifest)), pressed


def _after(error: PreloError, lease: "_Lease") -> Transition:
    if isinstance(error, Unavailable):  # an open breaker, or no press: the job has not been tried
        lease.ports.observer.event("attempt.snoozed", lease.job, detail=error.detail)
        pause = int(error.retry_after * 1000)
        return lambda job, now: transitions.release(job, now, pause)
    chance = random.random()  # noqa: S311  jitter, not a secret
    return lambda job, now: transitions.after(job, now, error, lease.terms.retry, chance)


async def _watched(task: Task, lease: "_Lease", press: Press) -> Pressed:
    """The press's work, while the lease is kept and the clock is watched."""
    heard: list[Progress] = []
    limit = time.monotonic() + task.limits.seconds
    rendering = asyncio.create_task(press.render(task, heard.append))
    try:
        async with lease.ports.cache.listen(CANCELS) as wish:
            while not await _ended(rendering, wish, lease):
                if time.monotonic() > limit:
                    raise TimeLimit(
                        f"the report took longer than {task.limits.seconds:g} s, "
                        + whose("seconds", task.limits, task.report.limits)
                    )
                await lease.keep(heard)
        return rendering.result()
    finally:
        if not rendering.done():
            rendering.cancel()
            await asyncio.wait({rendering})


async def _ended(rendering: "asyncio.Task[Pressed]", wish: Watch, lease: "_Lease") -> bool:
    """Wait one tick, or less if the press is done, somebody wants to cancel, or the drain recalls."""
    wished = asyncio.create_task(wish.wait(min(_TICK, lease.terms.beat)))
    recalled = asyncio.create_task(lease.terms.recall.wait())
    try:
        await asyncio.wait({rendering, wished, recalled}, return_when=asyncio.FIRST_COMPLETED)
        if rendering.done():
            return True
        if recalled.done():
            raise _Recalled
        if wished.done() and wished.result() == lease.job.id:
            lease.hurry()
        return False
    finally:
        for waiter in (wished, recalled):
            waiter.cancel()


class _Lease:
    """The right to this job: kept by beats, given up in good time when the store cannot be reached."""

    def __init__(self, job: Job, ports: Ports, terms: Terms) -> None:
        self.job, self.ports, self.terms = job, ports, terms
        self._until = time.monotonic() + terms.lease
        self._next = time.monotonic() + terms.beat
        self._said = Progress()

    @property
    def safe(self) -> bool:
        """False when it may lapse before we would notice."""
        return time.monotonic() < self._until - self.terms.margin

    def hurry(self) -> None:
        """Beat at the next opportunity."""
        self._next = 0

    async def keep(self, heard: list[Progress]) -> None:
        """Beat if it is time, or if there is progress to tell."""
        latest = heard[-1] if heard else self._said
        heard.clear()
        if latest == self._said and time.monotonic() < self._next:
            return
        beat = await self._beat(latest)
        if beat is None:
            return
        if latest != self._said:
            await self.ports.cache.publish(news_topic(self.job.tenant), self.job.id)
        self._said = latest
        if beat.cancel:
            raise _Cancelled

    async def _beat(self, progress: Progress) -> Beat | None:
        """None: the store cannot be reached just now. Raises _Lost if the job is not ours any more."""
        began = time.monotonic()
        try:
            # A store that does not answer must not keep us from killing the press in good time; but
            # whoever slept through the lease asks all the same: the job may still be ours.
            async with asyncio.timeout(max(_TICK, self._until - self.terms.margin - began)):
                beat = await self.ports.store.beat(self.job, self.terms.lease_ms, progress)
        except (PreloError, TimeoutError) as error:
            self.ports.observer.event("beat.missed", self.job, detail=str(error) or "no answer")
            if not self.safe:
                raise _Lost from error
            return None
        if beat is None:
            raise _Lost
        self._until = began + self.terms.lease
        self._next = began + self.terms.beat
        return beat


async def _settle(lease: _Lease, change: Transition) -> Job | None:
    """Write the outcome if the fence still holds, else None. Repeating is safe: the guard sees to it."""
    store, job = lease.ports.store, lease.job
    while True:
        try:
            settled = await store.move(job, change)
            # A success may be refused because somebody cancelled meanwhile: then that is the outcome.
            return settled or await store.move(job, transitions.cancel)
        except PreloError as error:
            lease.ports.observer.event("settle.missed", job, detail=error.detail)
            if not lease.safe:
                return None
            await asyncio.sleep(0.5)


async def _discard(task: Task, ports: Ports) -> None:
    """Leave nothing of an attempt without a success: neither its file nor an unfinished upload.

    Only ever under this attempt's own key. What an unknown outcome leaves is the daily sweep's.
    """
    try:
        await ports.files.discard(task.key)
        await ports.files.delete([task.key])
    except PreloError as error:
        ports.observer.event("files.failed", detail=error.detail)


def _tell(job: Job, settled: Job | None, ports: Ports) -> None:
    if settled is None:
        ports.observer.event("attempt.refused", job)
    elif settled.state is State.QUEUED:
        ports.observer.event("attempt.requeued", settled, run_at=settled.run_at)
    else:
        ports.observer.event(f"job.{settled.state}", settled)
