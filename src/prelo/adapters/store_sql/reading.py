"""Looking at jobs: nothing here writes, and nothing but `order_of` loads an order."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, literal, not_, or_, select

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import (
    JOB_COLUMNS,
    NowMs,
    job,
    job_of,
    job_order,
    outbox,
    transition,
)
from prelo.core.job import Job, State
from prelo.core.report import Lane
from prelo.core.request import Order
from prelo.ports import Change, Duty, JobFilter

UNRUNG_MS = 60_000  # a due job whose last doorbell is older than this is rung again
_LATE_MS = 10_000  # what upkeep may take to see that a lease has lapsed


def one(tx: Transaction, *conditions: ColumnElement[bool]) -> Job | None:
    """The first job for which all conditions hold, without its order."""
    row = tx.connection.execute(select(*JOB_COLUMNS).where(*conditions).limit(1)).mappings().first()
    return None if row is None else job_of(row)


def get(tx: Transaction, job_id: str, tenant: str | None, *, with_order: bool) -> Job | None:
    """The job by its id."""
    mine = [] if tenant is None else [job.c.tenant == tenant]
    found = one(tx, job.c.id == job_id, *mine)
    if found is None or not with_order:
        return found
    return found.model_copy(update={"order": order_of(tx, job_id)})


def order_of(tx: Transaction, job_id: str) -> Order | None:
    """What the job is to make."""
    chosen = select(job_order.c.document).where(job_order.c.job_id == job_id)
    return tx.connection.execute(chosen).scalar_one_or_none()


def listed(tx: Transaction, chosen: JobFilter) -> Sequence[Job]:
    """One page of a tenant's jobs, newest first; the next begins below the last row of this one."""
    conditions: list[ColumnElement[bool]] = [job.c.tenant == chosen.tenant]
    if chosen.states:
        conditions.append(job.c.state.in_(chosen.states))
    if chosen.report is not None:
        conditions.append(job.c.report == chosen.report)
    if chosen.created_after is not None:
        conditions.append(job.c.created_at > chosen.created_after)
    if chosen.before is not None:
        at, last = chosen.before
        # Said with AND, so that every database finds the place in the index; a row comparison is not.
        conditions += [job.c.created_at <= at, or_(job.c.created_at < at, job.c.id < last)]
    page = select(*JOB_COLUMNS).where(*conditions).limit(chosen.limit)
    return _jobs(tx, page.order_by(job.c.created_at.desc(), job.c.id.desc()))


def claimable(lanes: Collection[Lane], now: Any) -> list[ColumnElement[bool]]:
    """Conditions of a job that a worker may claim at `now`."""
    return [
        job.c.state == State.QUEUED,
        job.c.lane.in_(lanes),
        job.c.run_at <= now,
        job.c.cancel_requested_at.is_(None),
        or_(job.c.deadline_at.is_(None), job.c.deadline_at > now),
    ]


def anything(tx: Transaction, lanes: Collection[Lane]) -> bool:
    """Whether there is something to claim: a look that takes no lock."""
    look = select(literal(1)).where(*claimable(lanes, NowMs())).limit(1)
    return tx.connection.execute(look).first() is not None


def due(tx: Transaction, duty: Duty, limit: int) -> Sequence[Job]:
    """Jobs that wait for the clock; see the port."""
    conditions, order = _duty(duty, tx.now)
    return _jobs(tx, select(*JOB_COLUMNS).where(*conditions).order_by(order).limit(limit))


def _duty(duty: Duty, now: int) -> tuple[list[ColumnElement[bool]], ColumnElement[Any]]:
    if duty == "lapsed":
        return [job.c.state == State.RUNNING, job.c.lease_until <= now], job.c.lease_until
    if duty == "overdue":
        return [job.c.state == State.QUEUED, job.c.deadline_at <= now], job.c.deadline_at
    if duty == "outlived":
        return [job.c.state == State.SUCCEEDED, job.c.expires_at <= now], job.c.expires_at
    return unrung(now, UNRUNG_MS), job.c.run_at


def unrung(now: Any, silence: int) -> list[ColumnElement[bool]]:
    """Conditions of a job that was due `silence` ms ago, for which no doorbell waits or rang since."""
    waiting = and_(outbox.c.sent_at.is_(None), outbox.c.available_at <= now)
    heard = exists().where(
        outbox.c.job_id == job.c.id, or_(waiting, outbox.c.sent_at > now - silence)
    )
    return [job.c.state == State.QUEUED, job.c.run_at <= now - silence, not_(heard)]


def _jobs(tx: Transaction, statement: Any) -> Sequence[Job]:
    return [job_of(row) for row in tx.connection.execute(statement).mappings()]


def depth(tx: Transaction, lane: Lane | None) -> int:
    """Queued and due, or running. A running job's run_at has passed: one condition does for both."""
    conditions = [job.c.state.in_([State.QUEUED, State.RUNNING]), job.c.run_at <= NowMs()]
    if lane is not None:
        conditions.append(job.c.lane == lane)
    return tx.connection.execute(
        select(func.count()).select_from(job).where(*conditions)
    ).scalar_one()


def unreferenced(tx: Transaction, keys: Collection[str]) -> Collection[str]:
    """Keys of no succeeded job: an expired one keeps its artifact's name, but not its file."""
    held = select(job.c.artifact_key).where(
        job.c.artifact_key.in_(keys), job.c.state == State.SUCCEEDED
    )
    return set(keys) - set(tx.connection.execute(held).scalars())


def transitions(tx: Transaction, job_id: str) -> Sequence[Change]:
    """The job's log. Its numbers rise with time: changes of one row cannot overlap."""
    columns = [column for column in transition.c if column.name != "number"]
    log = select(*columns).where(transition.c.job_id == job_id).order_by(transition.c.number)
    return [Change(**row) for row in tx.connection.execute(log).mappings()]


def health(tx: Transaction) -> Mapping[str, int]:
    """The invariants as numbers. Upkeep is given its turn before a number says that it failed."""
    now = tx.now
    late = [job.c.state == State.RUNNING, job.c.lease_until <= now - _LATE_MS]
    fileless = [job.c.state == State.SUCCEEDED, job.c.artifact_key.is_(None)]
    oldest = select(func.min(outbox.c.available_at)).where(
        outbox.c.sent_at.is_(None), outbox.c.available_at <= now
    )
    waited = now - (tx.connection.execute(oldest).scalar_one() or now)
    return {
        "running_past_lease": _count(tx, late),
        "queued_not_rung_60s": _count(tx, unrung(now, 2 * UNRUNG_MS)),
        "succeeded_without_artifact": _count(tx, fileless),
        "outbox_oldest_seconds": waited // 1000,
    }


def _count(tx: Transaction, conditions: Sequence[ColumnElement[bool]]) -> int:
    return tx.connection.execute(
        select(func.count()).select_from(job).where(*conditions)
    ).scalar_one()
