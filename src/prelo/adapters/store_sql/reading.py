"""Looking at jobs: nothing here writes, and nothing but `order_of` loads an order.

Statements that run for every job are built once: building one costs more than running it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    type_coerce,
)

from prelo.adapters.store_sql.bells import DOORBELL
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import (
    JOB_COLUMNS,
    NowMs,
    dataset,
    job,
    job_of,
    job_order,
    outbox,
    transition,
)
from prelo.core.job import Job, State
from prelo.core.report import Lane
from prelo.core.request import Order
from prelo.ports import LANES, Change, Duty, JobFilter

UNRUNG_MS = 60_000  # a due job whose last doorbell is older than this is rung again
_LATE_MS = 10_000  # what upkeep may take to see that a lease has lapsed


def claimable(now: Any) -> list[ColumnElement[bool]]:
    """Conditions of a job that a worker may claim, but for its lane."""
    return [
        job.c.state == State.QUEUED,
        job.c.run_at <= now,
        job.c.cancel_requested_at.is_(None),
        or_(job.c.deadline_at.is_(None), job.c.deadline_at > now),
    ]


_JOBS = select(*JOB_COLUMNS)
_BY_ID = _JOBS.where(job.c.id == bindparam("job_id"))
_BY_IDS = _JOBS.where(job.c.id.in_(bindparam("job_ids", expanding=True)))
_STANDING = _JOBS.where(job.c.dedupe_key.in_(bindparam("fingerprints", expanding=True)))
_ORDER_TEXT = type_coerce(job_order.c.document, Text)
_ORDER = select(_ORDER_TEXT).where(job_order.c.job_id == bindparam("job_id"))
ORDER_OF_JOB = (
    select(_ORDER_TEXT).where(job_order.c.job_id == job.c.id).scalar_subquery().label("order_text")
)


def _busy(only: Sequence[ColumnElement[bool]]) -> Any:
    return select(
        *(
            exists().where(*claimable(NowMs()), *only, job.c.lane == lane).label(lane)
            for lane in LANES
        )
    )


_BUSY = _busy(())
_LOG = (
    select(transition)
    .where(transition.c.job_id == bindparam("job_id"))
    .order_by(transition.c.number)
)


def get(tx: Transaction, job_id: str, tenant: str | None) -> Job | None:
    """The job by its id, with its order."""
    row = tx.connection.execute(_BY_ID, {"job_id": job_id}).mappings().first()
    if row is None or tenant not in {None, row["tenant"]}:
        return None
    return job_of(row, order_of(tx, job_id))


def by_ids(tx: Transaction, job_ids: Collection[str]) -> dict[str, Job]:
    """Those jobs that there are, by their ids."""
    if not job_ids:
        return {}
    rows = tx.connection.execute(_BY_IDS, {"job_ids": list(job_ids)}).mappings()
    return {row["id"]: job_of(row) for row in rows}


def standing(tx: Transaction, fingerprints: Collection[str]) -> dict[str, Job]:
    """The jobs that answer requests of these fingerprints now."""
    rows = tx.connection.execute(_STANDING, {"fingerprints": list(fingerprints)}).mappings()
    return {row["dedupe_key"]: job_of(row) for row in rows}


def order_of(tx: Transaction, job_id: str) -> Order | None:
    """What the job is to make; None also for one that this program cannot read."""
    return order_in(tx.connection.execute(_ORDER, {"job_id": job_id}).scalar_one_or_none())


def order_in(text: str | None) -> Order | None:
    """The same, of its text."""
    try:
        return Order.model_validate_json(text) if text else None
    except ValidationError:  # written by another version: its job's trouble, not the whole worker's
        return None


def listed(tx: Transaction, chosen: JobFilter) -> Sequence[Job]:
    """One page of a tenant's jobs, newest first; the next begins below the last row of this one."""
    conditions: list[ColumnElement[bool]] = [
        job.c.tenant == chosen.tenant,
        job.c.scope == chosen.scope,
    ]
    if chosen.states:
        conditions.append(job.c.state.in_(chosen.states))
    if chosen.report is not None:
        conditions.append(job.c.report == chosen.report)
    conditions += [
        or_(job.c.report != name, job.c.version != version)
        for name, version in sorted(chosen.hidden)
    ]
    if chosen.created_after is not None:
        conditions.append(job.c.created_at > chosen.created_after)
    if chosen.before is not None:
        at, last = chosen.before
        # Said with AND, so that every database finds the place in its index; (a, b) < (x, y) is not.
        conditions += [job.c.created_at <= at, or_(job.c.created_at < at, job.c.id < last)]
    newest = (job.c.created_at.desc(), job.c.id.desc())
    return _jobs(tx, _JOBS.where(*conditions).order_by(*newest).limit(chosen.limit))


def busy_lanes(
    tx: Transaction, lanes: Collection[Lane], only: Sequence[ColumnElement[bool]] = ()
) -> list[Lane]:
    """Those of these lanes that have something to claim, of `only` these conditions: a look that takes no
    lock.
    """
    row = tx.connection.execute(_busy(only) if only else _BUSY).mappings().one()
    return [lane for lane in lanes if row[lane]]


def due(tx: Transaction, duty: Duty, limit: int) -> Sequence[Job]:
    """Jobs that wait for the clock; see the port."""
    conditions, oldest = _duty(duty, tx.now)
    return _jobs(tx, _JOBS.where(*conditions).order_by(oldest).limit(limit))


def _duty(duty: Duty, now: int) -> tuple[list[ColumnElement[bool]], ColumnElement[Any]]:
    if duty == "lapsed":
        return [job.c.state == State.RUNNING, job.c.lease_until <= now], job.c.lease_until
    if duty == "overdue":
        return [job.c.state == State.QUEUED, job.c.deadline_at <= now], job.c.deadline_at
    if duty == "outlived":
        return [job.c.state == State.SUCCEEDED, job.c.expires_at <= now], job.c.expires_at
    return _unrung(now, UNRUNG_MS), job.c.run_at


def _unrung(now: int, silence: int) -> list[ColumnElement[bool]]:
    """Due since `silence` ms, and no doorbell waits or was rung since."""
    waiting = and_(outbox.c.sent_at.is_(None), outbox.c.available_at <= now)
    heard = exists().where(
        outbox.c.job_id == job.c.id,
        outbox.c.kind == DOORBELL,
        or_(waiting, outbox.c.sent_at > now - silence),
    )
    return [job.c.state == State.QUEUED, job.c.run_at <= now - silence, not_(heard)]


def _jobs(tx: Transaction, statement: Select[Any]) -> Sequence[Job]:
    return [job_of(row) for row in tx.connection.execute(statement).mappings()]


def depth(tx: Transaction, lane: Lane | None) -> int:
    """Queued and due, or running. A running job's run_at has passed: one condition does for both."""
    waiting = [job.c.state.in_([State.QUEUED, State.RUNNING]), job.c.run_at <= NowMs()]
    return _count(tx, waiting if lane is None else [*waiting, job.c.lane == lane])


def unreferenced(tx: Transaction, keys: Collection[str]) -> Collection[str]:
    """Keys of no succeeded job, and of no dataset: an expired job keeps its artifact's name, but no file."""
    held = select(job.c.artifact_key).where(
        job.c.artifact_key.in_(keys), job.c.state == State.SUCCEEDED
    )
    uploaded = select(dataset.c.key).where(dataset.c.key.in_(keys))
    return (
        set(keys)
        - set(tx.connection.execute(held).scalars())
        - set(tx.connection.execute(uploaded).scalars())
    )


def transitions(tx: Transaction, job_id: str) -> Sequence[Change]:
    """The job's log. Its numbers rise with time: changes of one row cannot overlap."""
    return [Change(**row) for row in tx.connection.execute(_LOG, {"job_id": job_id}).mappings()]


def health(tx: Transaction) -> Mapping[str, int]:
    """The invariants as numbers. Upkeep is given its turn before a number says that it failed."""
    now = tx.now
    late = [job.c.state == State.RUNNING, job.c.lease_until <= now - _LATE_MS]
    fileless = [job.c.state == State.SUCCEEDED, job.c.artifact_key.is_(None)]
    oldest = select(func.min(outbox.c.available_at)).where(
        outbox.c.sent_at.is_(None), outbox.c.available_at <= now
    )
    waiting_since = tx.connection.execute(oldest).scalar_one() or now
    return {
        "running_past_lease": _count(tx, late),
        "queued_not_rung_60s": _count(tx, _unrung(now, 2 * UNRUNG_MS)),
        "succeeded_without_artifact": _count(tx, fileless),
        "outbox_oldest_seconds": (now - waiting_since) // 1000,
    }


def _count(tx: Transaction, conditions: Sequence[ColumnElement[bool]]) -> int:
    counted = select(func.count()).select_from(job).where(*conditions)
    return tx.connection.execute(counted).scalar_one()
