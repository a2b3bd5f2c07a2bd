"""Changing one job: always `UPDATE … WHERE <it still is as it was>`; zero rows is an answer."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from prelo.adapters.store_sql import bells, reading
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import JOB_COLUMNS, job, job_of, row_of, transition
from prelo.core import job as transitions
from prelo.core.job import ALLOWED, IllegalTransition, Job, Progress, State
from prelo.core.report import Lane
from prelo.ports import Beat

Transition = Callable[[Job, int], Job]


def move(tx: Transaction, before: Job, change: Transition, *, lapsed: bool) -> Job | None:
    """One transition with its log line and its doorbell; see the port."""
    after = change(before, tx.now)
    guards = _unchanged(before)
    if before.state is State.RUNNING and after.state in {State.SUCCEEDED, State.QUEUED}:
        # Nobody claims a queued job that was asked to stop: whoever missed the wish must cancel.
        guards.append(job.c.cancel_requested_at.is_(None))
    if lapsed:
        guards.append(job.c.lease_until <= tx.now)
    if not write(tx, before, after, guards):
        return None
    if after.state is State.QUEUED:
        bells.ring(tx, after)
    written = reading.get(tx, before.id, None, with_order=False)
    return written and written.model_copy(update={"order": before.order})


def claim(tx: Transaction, lanes: Collection[Lane], owner: str, lease_ms: int) -> Job | None:
    """Take the next due job. Losing a row to somebody else means looking again, not giving up."""
    while (before := _next(tx, lanes)) is not None:
        after = transitions.claim(before, tx.now, owner, lease_ms)
        guards = [*_unchanged(before), job.c.cancel_requested_at.is_(None)]
        if write(tx, before, after, guards):
            return after.model_copy(update={"order": reading.order_of(tx, before.id)})
    return None


def _next(tx: Transaction, lanes: Collection[Lane]) -> Job | None:
    """The first due job by priority, then fair_key. Lane by lane, so that the index gives the order."""
    order = (job.c.priority, job.c.fair_key, job.c.created_at)
    found: list[Job] = []
    for lane in lanes:
        first = (
            select(*JOB_COLUMNS)
            .where(*reading.claimable([lane], tx.now))
            .order_by(*order)
            .limit(1)
            .with_for_update(
                skip_locked=True
            )  # two claims at once take two jobs; SQLite has one writer
        )
        row = tx.connection.execute(first).mappings().first()
        found += [] if row is None else [job_of(row)]
    return min(found, key=lambda j: (j.priority, j.fair_key, j.created_at), default=None)


def beat(tx: Transaction, mine: Job, lease_ms: int, progress: Progress) -> Beat | None:
    """Extend the lease, if it is still ours."""
    until = tx.now + lease_ms
    held = _owned(mine)
    if not _update(tx, held, {"lease_until": until, "progress": progress}):
        return None
    asked = select(job.c.cancel_requested_at).where(job.c.id == mine.id)
    return Beat(lease_until=until, cancel=tx.connection.execute(asked).scalar_one() is not None)


def request_cancel(tx: Transaction, running: Job) -> bool:
    """Leave the wish in the row, whoever's attempt it is by now; the first wish stays."""
    same = [
        job.c.id == running.id,
        job.c.generation == running.generation,
        job.c.state == State.RUNNING,
    ]
    wish = func.coalesce(job.c.cancel_requested_at, tx.now)
    return _update(tx, same, {"cancel_requested_at": wish})


def forget(tx: Transaction, ended: Job) -> bool:
    """Delete the row; its order and its idempotency keys go with it, its transitions stay."""
    if not ended.state.ended:
        return False
    return tx.connection.execute(delete(job).where(*_unchanged(ended))).rowcount > 0


def write(tx: Transaction, before: Job, after: Job, guards: list[ColumnElement[bool]]) -> bool:
    """The guarded change and its log line. Only what differs is written: a beat's progress stays."""
    if (before.state, after.state) not in ALLOWED:
        raise IllegalTransition(
            f"job {before.id} is {before.state}; it cannot become {after.state}"
        )
    old, new = row_of(before), row_of(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if not _update(tx, guards, changed):
        return False
    log(tx, before.state, after, after.owner or before.owner)
    return True


def log(tx: Transaction, before: State | None, after: Job, owner: str | None = None) -> None:
    """Append to the transition log, in the transaction of the change."""
    line = {
        "job_id": after.id,
        "generation": after.generation,
        "fence": after.fence,
        "attempt": after.attempt,
        "before": before,
        "after": after.state,
        "owner": owner,
        "at": tx.now,
    }
    tx.connection.execute(insert(transition).values(line))


def _unchanged(this: Job) -> list[ColumnElement[bool]]:
    return [
        job.c.id == this.id,
        job.c.state == this.state,
        job.c.generation == this.generation,
        job.c.fence == this.fence,
        job.c.owner == this.owner,
    ]


def _owned(mine: Job) -> list[ColumnElement[bool]]:
    return [
        job.c.id == mine.id,
        job.c.state == State.RUNNING,
        job.c.owner == mine.owner,
        job.c.fence == mine.fence,
    ]


def _update(tx: Transaction, guards: list[ColumnElement[bool]], values: dict[str, Any]) -> bool:
    return tx.connection.execute(update(job).where(*guards).values(values)).rowcount > 0
