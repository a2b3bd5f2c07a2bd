"""Changing one job: always `UPDATE … WHERE <it still is as it was>`; zero rows is an answer."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Update, bindparam, delete, func, insert, select, update

from prelo.adapters.store_sql import bells, reading, telling
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import (
    JOB_COLUMNS,
    NowMs,
    audit,
    job,
    job_of,
    row_of,
    transition,
)
from prelo.core import job as transitions
from prelo.core.job import ALLOWED, IllegalTransition, Job, Progress, State
from prelo.core.records import Act
from prelo.core.report import Lane
from prelo.ports import Beat

Transition = Callable[[Job, int], Job]

# Names of guards begin with "if_": an UPDATE sets every other name it is given.
_SAME = [
    job.c.id == bindparam("if_id"),
    job.c.state == bindparam("if_state"),
    job.c.generation == bindparam("if_generation"),
    job.c.fence == bindparam("if_fence"),
    job.c.owner.is_not_distinct_from(bindparam("if_owner")),
]
_UNASKED = job.c.cancel_requested_at.is_(None)
_LAPSED = job.c.lease_until <= NowMs()
_CHANGE = update(job).where(*_SAME)
_CHANGE_UNASKED = _CHANGE.where(_UNASKED)
_WISH = select(job.c.cancel_requested_at).where(job.c.id == bindparam("job_id"))
_NEXT = (
    select(*JOB_COLUMNS, reading.ORDER_OF_JOB, NowMs().label("now"))
    .where(*reading.claimable(NowMs()), job.c.lane == bindparam("in_lane"))
    .order_by(job.c.priority, job.c.fair_key, job.c.created_at)
    .limit(1)
    .with_for_update(skip_locked=True)  # two claims at once take two jobs; SQLite has one writer
)
_HELD = select(*JOB_COLUMNS, reading.ORDER_OF_JOB).where(
    job.c.state == State.RUNNING, job.c.owner == bindparam("of_owner"), job.c.lease_until > NowMs()
)
_LOG = insert(transition).inline()
_NOTE = insert(audit).inline()


def move(
    tx: Transaction, before: Job, change: Transition, *, lapsed: bool, act: Act | None = None
) -> Job | None:
    """One transition with its log line and its doorbell; see the port."""
    after = change(before, tx.now)
    # Nobody claims a queued job that was asked to stop: whoever missed the wish must cancel.
    running = before.state is State.RUNNING
    unasked = running and after.state in {State.SUCCEEDED, State.QUEUED}
    statement = _CHANGE_UNASKED if unasked else _CHANGE
    if not _written(tx, statement.where(_LAPSED) if lapsed else statement, before, after):
        return None
    if after.state is State.QUEUED:
        bells.ring(tx, [after])
    if act is not None:
        note(tx, after, act)
    return after


def claim(
    tx: Transaction,
    lanes: Collection[Lane],
    owner: str,
    lease_ms: int,
    only: Sequence[ColumnElement[bool]] = (),
) -> Job | None:
    """Take the next due job. Losing a row to somebody else means looking again, not giving up.

    `only`: further conditions of a job that may be taken.
    """
    while (before := _next(tx, lanes, only)) is not None:
        after = transitions.claim(before, tx.now, owner, lease_ms)
        if _written(tx, _CHANGE_UNASKED, before, after):
            return after
    return None


def held(tx: Transaction, owner: str, lease_ms: int) -> Job | None:
    """The job that this owner has already, with its lease begun anew."""
    row = tx.connection.execute(_HELD, {"of_owner": owner}).mappings().first()
    if row is None:
        return None
    found = job_of(row, reading.order_in(row["order_text"]))
    beaten = beat(tx, found, lease_ms, found.progress)
    return found.model_copy(update={"lease_until": beaten.lease_until}) if beaten else None


def _next(
    tx: Transaction, lanes: Collection[Lane], only: Sequence[ColumnElement[bool]]
) -> Job | None:
    """The first due job by priority, then fair_key. Lane by lane, so that the index gives the order."""
    query = _NEXT.where(*only) if only else _NEXT
    found = [
        row for lane in lanes for row in tx.connection.execute(query, {"in_lane": lane}).mappings()
    ]
    if not found:
        return None
    tx.now = max(row["now"] for row in found)  # the time by which they are due
    row = min(found, key=lambda one: (one["priority"], one["fair_key"], one["created_at"]))
    return job_of(row, reading.order_in(row["order_text"]))


def beat(tx: Transaction, mine: Job, lease_ms: int, progress: Progress) -> Beat | None:
    """Extend the lease, if it is still ours."""
    until = tx.now + lease_ms
    news = {"lease_until": until, "progress": progress}
    if mine.state is not State.RUNNING or not _updated(tx, _CHANGE, mine, news):
        return None
    wish = tx.connection.execute(_WISH, {"job_id": mine.id}).scalar_one()
    return Beat(lease_until=until, cancel=wish is not None)


def request_cancel(tx: Transaction, running: Job, act: Act | None) -> bool:
    """Leave the wish in the row, whoever's attempt it is by now; the first wish stays."""
    same = [
        job.c.id == running.id,
        job.c.generation == running.generation,
        job.c.state == State.RUNNING,
    ]
    wish = func.coalesce(job.c.cancel_requested_at, tx.now)
    asked = update(job).where(*same).values(cancel_requested_at=wish)
    if not tx.connection.execute(asked).rowcount:
        return False
    if act is not None:
        note(tx, running, act)
    return True


def forget(tx: Transaction, ended: Job, act: Act | None) -> bool:
    """Delete the row; its order and its idempotency keys go with it, its transitions stay."""
    if not ended.state.ended:
        return False
    if not tx.connection.execute(delete(job).where(*_SAME), _guards(ended)).rowcount:
        return False
    if act is not None:
        note(tx, ended, act)
    return True


def note(tx: Transaction, concerned: Job, act: Act) -> None:
    """Append to the audit, in the transaction of the change."""
    facts = {"job_id": concerned.id, "tenant": concerned.tenant, "at": tx.now}
    generation = {"generation": concerned.generation}
    tx.connection.execute(_NOTE, {**act.model_dump(), **facts, **generation})


def line(
    tx: Transaction, before: State | None, after: Job, owner: str | None = None
) -> dict[str, Any]:
    """Of the transition log."""
    return {
        "job_id": after.id,
        "generation": after.generation,
        "fence": after.fence,
        "attempt": after.attempt,
        "before": before,
        "after": after.state,
        "owner": owner,
        "at": tx.now,
        "tenant": after.tenant,
        "scope": after.scope,
        "report": after.report,
    }


def log(tx: Transaction, lines: Sequence[dict[str, Any]]) -> None:
    """Append to the transition log, in the transaction of the changes."""
    tx.connection.execute(_LOG, lines)


def _written(tx: Transaction, statement: Update, before: Job, after: Job) -> bool:
    """The guarded change and its log line. Only what differs is written: a beat's progress stays."""
    if (before.state, after.state) not in ALLOWED:
        raise IllegalTransition(
            f"job {before.id} is {before.state}; it cannot become {after.state}"
        )
    old, new = row_of(before), row_of(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if not _updated(tx, statement, before, changed):
        return False
    log(tx, [line(tx, before.state, after, after.owner or before.owner)])
    if after.state is State.DEAD:
        bells.mourn(tx, after)
    if after.state.ended:
        telling.tell(tx, after)
    return True


def _updated(tx: Transaction, statement: Update, before: Job, values: dict[str, Any]) -> bool:
    return tx.connection.execute(statement, {**_guards(before), **values}).rowcount > 0


def _guards(before: Job) -> dict[str, Any]:
    return {
        "if_id": before.id,
        "if_state": before.state,
        "if_generation": before.generation,
        "if_fence": before.fence,
        "if_owner": before.owner,
    }
