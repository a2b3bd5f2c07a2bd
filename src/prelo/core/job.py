"""A Job: the durable record of one request for a report, and the only ways it may change.

Every transition is a pure function of a job and the time: it returns the changed job, or raises
IllegalTransition. The store writes the change if, and only if, the row is still as the job says.

    queued ──claim──▶ running ──succeed──▶ succeeded ──expire──▶ expired
      ▲  ▲──retry / release / lose──┤
      │                             ├──fail──▶ failed
      │                             ├──retry (attempts spent) / lose (3rd)──▶ dead
      │                             └──cancel──▶ cancelled
      └────────────── revive (generation + 1) ── failed, dead, cancelled, expired
"""

from enum import StrEnum
from typing import Any
from urllib.parse import quote

from prelo.core.errors import Deadline, FieldError, PreloError, Problem, WorkerLost
from prelo.core.model import Model
from prelo.core.report import Lane
from prelo.core.request import Order, job_id
from prelo.core.retry import RetryPolicy
from prelo.core.table import Manifest

MAX_LOSSES = 3  # a job that killed this many workers is poison


class State(StrEnum):
    """Where a job stands. SUCCEEDED may still expire; FAILED, DEAD, CANCELLED and EXPIRED may be revived."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        """True for a state in which nothing more happens unless somebody asks."""
        return self not in {State.QUEUED, State.RUNNING}


ALLOWED: frozenset[tuple[State | None, State]] = frozenset({
    (None, State.QUEUED),
    (State.QUEUED, State.RUNNING),
    (State.QUEUED, State.CANCELLED),
    (State.QUEUED, State.DEAD),
    (State.RUNNING, State.SUCCEEDED),
    (State.RUNNING, State.QUEUED),
    (State.RUNNING, State.FAILED),
    (State.RUNNING, State.DEAD),
    (State.RUNNING, State.CANCELLED),
    (State.SUCCEEDED, State.EXPIRED),
    (State.FAILED, State.QUEUED),
    (State.DEAD, State.QUEUED),
    (State.CANCELLED, State.QUEUED),
    (State.EXPIRED, State.QUEUED),
})  # fmt: skip


class IllegalTransition(PreloError):
    type = "illegal-transition"
    title = "The job cannot change that way"


class Artifact(Model):
    """The finished file. `key` is where it is stored, `name` what a download is called, `size` in bytes."""

    key: str
    name: str
    media_type: str
    size: int
    sha256: str


class Progress(Model):
    """How far an attempt is. `percent` only where the number of rows is known beforehand."""

    phase: str = "reading"
    rows: int = 0
    pages: int = 0
    rows_expected: int | None = None

    @property
    def percent(self) -> float | None:
        if not self.rows_expected:
            return None
        return min(100.0, round(100 * self.rows / self.rows_expected, 1))


class Job(Model):
    """The row. Times are milliseconds since 1970 by the store's clock; None: not (yet) so.

    `order` is loaded for a claim only. `superseded`: a newer job answers the same request now.
    `retention_ms` and `sources` (as SourceSpec.name) are copied from the report when the job is accepted.
    """

    id: str
    tenant: str
    scope: str = ""
    report: str
    version: int
    fingerprint: str
    format: str
    parameters: dict[str, Any] = {}
    order: Order | None = None
    sources: tuple[str, ...] = ()
    lane: Lane = "small"
    priority: int = 1
    cost: int = 1
    fair_key: int = 0
    generation: int = 0
    superseded: bool = False
    state: State = State.QUEUED
    run_at: int = 0
    attempt: int = 0
    lost_count: int = 0
    fence: int = 0
    owner: str | None = None
    lease_until: int | None = None
    cancel_requested_at: int | None = None
    deadline_at: int | None = None
    retention_ms: int = 7 * 86_400_000
    expires_at: int | None = None
    progress: Progress = Progress()
    artifact: Artifact | None = None
    manifest: Manifest | None = None
    error: Problem | None = None
    created_at: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    trace: str | None = None

    def artifact_key(self, nonce: str, extension: str) -> str:
        """Where this attempt stores its file; no other attempt can ever have the same key."""
        folder = quote(self.tenant, safe="").replace(".", "%2E")  # no tenant's name is a path
        return f"{folder}/{self.id}/{self.generation}/{self.fence}-{nonce}.{extension}"


def accepted(order: Order, **chosen: Any) -> Job:
    """A new job for `order`; `chosen` are sources, lane, priority, cost, retention_ms, deadline_at, trace."""
    return Job(
        id=job_id(order.tenant, order.fingerprint, 0),
        tenant=order.tenant,
        scope=order.scope,
        report=order.report,
        version=order.version,
        fingerprint=order.fingerprint,
        format=order.format,
        parameters=order.parameters,
        order=order,
        **chosen,
    )


def succeeding(draft: Job, before: Job) -> Job:
    """The draft as the next generation after `before`, under an id of its own."""
    generation = before.generation + 1
    return draft.model_copy(
        update={
            "id": job_id(draft.tenant, draft.fingerprint, generation),
            "generation": generation,
        }
    )


class Joining(StrEnum):
    """What a new request for the same thing does with the job that is there."""

    JOIN = "join"  # it is under way: wait with it
    REUSE = "reuse"  # it is done, and young enough
    REVIVE = "revive"  # it ended without a file: the same job runs again
    SUPERSEDE = "supersede"  # it is done, and too old: a new generation


def joining(job: Job, now: int, max_age_ms: int | None) -> Joining:
    """What to do with a new request that equals `job`'s. `max_age_ms` None: any age will do."""
    if not job.state.ended:
        return Joining.JOIN
    if job.state is not State.SUCCEEDED:
        return Joining.REVIVE
    age = now - (job.finished_at or 0)
    outlived = job.expires_at is not None and job.expires_at <= now
    if outlived or (max_age_ms is not None and age >= max_age_ms):
        return Joining.SUPERSEDE
    return Joining.REUSE


def claim(job: Job, now: int, owner: str, lease_ms: int) -> Job:
    """Take a due job. The attempt counts from here, before any work: poison cannot loop for free."""
    if job.run_at > now or job.cancel_requested_at is not None:
        raise IllegalTransition(f"job {job.id} is not due")
    return _to(
        job, State.RUNNING, from_={State.QUEUED}, fence=job.fence + 1, attempt=job.attempt + 1,
        owner=owner, lease_until=now + lease_ms, started_at=now, progress=Progress(), error=None,
    )  # fmt: skip


def succeed(job: Job, now: int, artifact: Artifact, manifest: Manifest) -> Job:
    if job.cancel_requested_at is not None:
        raise IllegalTransition(f"job {job.id} was cancelled")
    rows, pages = manifest.rows, manifest.pages or 0
    return _ended(
        job, now, State.SUCCEEDED, artifact=artifact, manifest=manifest, error=None,
        expires_at=now + job.retention_ms,
        progress=Progress(phase="done", rows=rows, pages=pages, rows_expected=rows),
    )  # fmt: skip


def fail(job: Job, now: int, problem: Problem) -> Job:
    """End for good: the same attempt would fail again."""
    return _ended(job, now, State.FAILED, error=problem)


def retry(job: Job, now: int, problem: Problem, delay_ms: int | None) -> Job:
    """Try again in `delay_ms`; None, or a deadline before that, means dead. See RetryPolicy.delay."""
    if delay_ms is None:
        return _ended(job, now, State.DEAD, error=problem)
    if job.deadline_at is not None and now + delay_ms > job.deadline_at:
        return _ended(job, now, State.DEAD, error=_deadline(job))
    return _requeued(job, now + delay_ms, error=problem)


def after(job: Job, now: int, error: PreloError, policy: RetryPolicy, chance: float) -> Job:
    """What an attempt's error does to its job: another attempt, failed, or dead."""
    problem = error.problem(job.attempt)
    if not error.retryable:
        return fail(job, now, problem)
    retry_after = int(1000 * float(getattr(error, "retry_after", 0)))
    return retry(job, now, problem, policy.delay(job.attempt, chance, retry_after))


def release(job: Job, now: int, delay_ms: int = 0) -> Job:
    """Give a job back unharmed (drain, open breaker, quota): the attempt costs nothing."""
    return _requeued(job, now + delay_ms, attempt=job.attempt - 1)


def lose(job: Job, now: int, problem: Problem | None = None) -> Job:
    """Its worker or its press died or hung. From the first loss it runs alone; the third is the last."""
    losses = job.lost_count + 1
    problem = problem or WorkerLost(
        f"the worker of attempt {job.attempt} ended without a word; "
        "the report may crash or exhaust its process"
    ).problem(job.attempt)
    if job.cancel_requested_at is not None:
        return cancel(job, now).model_copy(update={"lost_count": losses})
    if losses >= MAX_LOSSES:
        return _ended(job, now, State.DEAD, error=problem, lost_count=losses)
    return _requeued(job, now, lost_count=losses, lane="isolation", error=problem)


def cancel(job: Job, now: int) -> Job:
    return _ended(job, now, State.CANCELLED)


def pass_deadline(job: Job, now: int) -> Job:
    """A queued job whose deadline has passed will never run."""
    if job.state is not State.QUEUED or job.deadline_at is None or job.deadline_at > now:
        raise IllegalTransition(f"job {job.id} is within its deadline")
    return _to(job, State.DEAD, from_={State.QUEUED}, finished_at=now, error=_deadline(job))


def expire(job: Job, now: int) -> Job:
    """Retention is over. The file is deleted after this is committed, never before."""
    if job.expires_at is None or job.expires_at > now:
        raise IllegalTransition(f"job {job.id} has not outlived its retention")
    return _to(job, State.EXPIRED, from_={State.SUCCEEDED})


def revive(job: Job, now: int, deadline_at: int | None = None) -> Job:
    """Ask again for what ended without a file: the same job, a new generation, all attempts back."""
    return _to(
        job, State.QUEUED, from_={State.FAILED, State.DEAD, State.CANCELLED, State.EXPIRED},
        generation=job.generation + 1, attempt=0, lost_count=0, run_at=now, error=None,
        artifact=None, manifest=None, finished_at=None, started_at=None, expires_at=None,
        cancel_requested_at=None, deadline_at=deadline_at, progress=Progress(),
    )  # fmt: skip


def _deadline(job: Job) -> Problem:
    return Deadline(
        "the job's deadline passed before it could run; allow more time or ask again",
        (FieldError(pointer="/deadline", detail="passed"),),
    ).problem(job.attempt)


def _requeued(job: Job, run_at: int, **changed: Any) -> Job:
    return _to(
        job,
        State.QUEUED,
        from_={State.RUNNING},
        run_at=run_at,
        owner=None,
        lease_until=None,
        **changed,
    )


def _ended(job: Job, now: int, state: State, **changed: Any) -> Job:
    running = {State.RUNNING}
    possible = running | {State.QUEUED} if state is State.CANCELLED else running
    return _to(job, state, from_=possible, finished_at=now, owner=None, lease_until=None, **changed)


def _to(job: Job, state: State, *, from_: set[State], **changed: Any) -> Job:
    if job.state not in from_:
        raise IllegalTransition(f"job {job.id} is {job.state}; it cannot become {state}")
    return job.model_copy(update={"state": state, **changed})
