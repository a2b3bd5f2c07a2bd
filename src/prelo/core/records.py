"""What is on record beside the jobs: messages for the broker, keys of callers, the log of transitions, the
audit; and by what marks jobs and entries are looked for.
"""

from typing import Any, Literal

from prelo.core.errors import Deadline
from prelo.core.fire import Fired
from prelo.core.job import MAX_LOSSES, Job, State
from prelo.core.model import Model
from prelo.core.report import Lane

Fate = Literal["lost", "spent", "late"]
Deed = Literal["replay", "drop"]
Doing = Literal[
    "ask", "download", "cancel", "retry", "forget", "replay", "drop",
    "key.create", "key.rotate", "key.revoke",
]  # fmt: skip


class Bell(Model):
    """A doorbell: there is work in `lane`, perhaps `job_id`. It carries no state and proves nothing.

    What it says beside is for people who look into a broker; nothing is decided by it.
    """

    lane: Lane
    job_id: str
    number: int = 0
    report: str | None = None
    format: str | None = None
    tenant: str | None = None
    attempt: int | None = None
    traceparent: str | None = None


class Obituary(Model):
    """A job was given up: what programs that watch the dead letters are told, once or more often, always in
    the same words. `problem` is the type of its error.
    """

    number: int = 0
    job_id: str
    generation: int
    report: str
    version: int
    format: str
    tenant: str
    lane: Lane
    attempt: int
    lost_count: int
    problem: str | None


def obituary(dead: Job) -> Obituary:
    """What is to be said of a job that has just been given up."""
    same = {name: getattr(dead, name) for name in Obituary.model_fields if hasattr(dead, name)}
    return Obituary(job_id=dead.id, problem=dead.error and dead.error.type, **same)


class Submitted(Model):
    """`fresh`: this call queued the job (new, revived or superseding); else an existing one answers.

    `replayed`: the idempotency key was known, and this is its first answer's job.
    """

    job: Job
    fresh: bool
    replayed: bool = False


class IdempotencyKey(Model):
    """A caller's key and the digest of the body it came with. `fired`: it is this firing's."""

    key: str
    digest: str
    fired: Fired | None = None


class Beat(Model):
    """The lease was extended. `cancel`: somebody wants the job to stop."""

    lease_until: int
    cancel: bool


class Change(Model):
    """One line of the append-only transition log. `number` rises with the time for each job. Whose it is and
    of what is not known of what an older Prelo wrote.
    """

    number: int
    job_id: str
    tenant: str | None = None
    scope: str | None = None
    report: str | None = None
    generation: int
    fence: int
    attempt: int
    before: State | None
    after: State
    owner: str | None
    at: int


class JobFilter(Model):
    """Which jobs to list, newest first. `before` is the (created_at, id) of the last one seen. `hidden` are
    reports and versions whose jobs are left out.
    """

    tenant: str
    scope: str = ""
    states: tuple[State, ...] = ()
    report: str | None = None
    hidden: frozenset[tuple[str, int]] = frozenset()
    created_after: int | None = None
    before: tuple[int, str] | None = None
    limit: int = 50


def fate(job: Job) -> Fate:
    """Why a job was given up: its deadline came, its workers were lost, or its attempts were spent."""
    if job.error is not None and job.error.type == Deadline.type:
        return "late"
    return "lost" if job.lost_count >= MAX_LOSSES else "spent"


class DeadFilter(Model):
    """Which of the jobs that ended without a file, of all tenants; every mark that is given must fit.

    `error` is the type of the last error. `since`, `until`: when it ended, in ms, both included.
    """

    state: Literal[State.DEAD, State.FAILED] = State.DEAD
    ids: tuple[str, ...] = ()
    tenant: str | None = None
    report: str | None = None
    version: int | None = None
    error: str | None = None
    since: int | None = None
    until: int | None = None
    fate: Fate | None = None


class Tally(Model):
    """So many jobs of one report and error; `latest` is when the last of them ended, in ms."""

    report: str
    error: str | None
    count: int
    latest: int


class Act(Model):
    """What somebody does, to be noted in the audit. `detail` is small and holds no data."""

    actor: str
    action: Doing
    detail: dict[str, Any] = {}


class Entry(Act):
    """An act that is noted after it was done: `ago` ms before it is written. `job_id`: empty if it concerns
    none.
    """

    tenant: str
    job_id: str = ""
    generation: int = 0
    ago: int = 0


class Noted(Act):
    """An entry of the append-only audit. `job_id` is empty for what concerns no job."""

    number: int
    at: int
    tenant: str
    job_id: str
    generation: int


class AuditFilter(Model):
    """Which entries, newest first. `since`, `until` in ms, both included; `before` is the number of the last
    one seen. `actions`: any of these; empty: whatever it was.
    """

    job_id: str | None = None
    tenant: str | None = None
    actor: str | None = None
    actions: tuple[Doing, ...] = ()
    since: int | None = None
    until: int | None = None
    before: int | None = None
    limit: int = 50


class Made(Model):
    """What one finished job took, from the begin of its last attempt on."""

    ms: int
    size: int


class Ahead(Model):
    """`jobs` that come before a waiting one; `running` ones of its lane; `typical_ms`: what the last files
    of the report took; None: there are none.
    """

    jobs: int
    running: int
    typical_ms: int | None
