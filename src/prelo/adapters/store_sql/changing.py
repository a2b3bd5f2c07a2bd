"""Changing one job: always `UPDATE … WHERE <it still is as it was>`; zero rows is an answer."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
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
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)  # two claims at once take two jobs; SQLite has one writer
)
_LOG = insert(transition).inline()
_NOTE = insert(audit).inline()


@dataclass(frozen=True, slots=True)
class Move:
    """One transition that somebody asks for; see the port."""

    before: Job
    change: Transition
    lapsed: bool = False
    act: Act | None = None


def moves(tx: Transaction, asked: Sequence[Move]) -> list[Job | IllegalTransition | None]:
    """The transitions, each with its log line and its doorbell; of each what became of it."""
    found: dict[int, Job | IllegalTransition] = {}
    steps: dict[int, _Step] = {}
    # In one order everywhere: transactions that change the same jobs do not wait for each other.
    for i, move in sorted(enumerate(asked), key=lambda one: one[1].before.id):
        try:
            steps[i] = _step(move, move.change(move.before, tx.now))
        except IllegalTransition as error:
            found[i] = error
    written = _written(tx, steps)
    queued = [after for after in written.values() if after.state is State.QUEUED]
    if queued:
        bells.ring(tx, queued)
    for i, after in written.items():
        if (act := asked[i].act) is not None:
            note(tx, after, act)
    found |= written
    return [found.get(i) for i in range(len(asked))]


def move(tx: Transaction, before: Job, change: Transition) -> Job | None:
    """One transition. Raises IllegalTransition."""
    (found,) = moves(tx, [Move(before, change)])
    if isinstance(found, IllegalTransition):
        raise found
    return found


def _step(move: Move, after: Job) -> "_Step":
    # Nobody claims a queued job that was asked to stop: whoever missed the wish must cancel.
    running = move.before.state is State.RUNNING
    unasked = running and after.state in {State.SUCCEEDED, State.QUEUED}
    statement = _CHANGE_UNASKED if unasked else _CHANGE
    return _Step(statement.where(_LAPSED) if move.lapsed else statement, move.before, after)


def claim(
    tx: Transaction,
    lanes: Collection[Lane],
    owner: str,
    lease_ms: int,
    most: int,
    only: Sequence[ColumnElement[bool]] = (),
) -> list[Job]:
    """Take the next due job, of small ones up to `most`. Losing them all to somebody else means looking
    again, not giving up.

    `only`: further conditions of a job that may be taken.
    """
    while found := _next(tx, lanes, most, only):
        steps = {
            i: _Step(_CHANGE_UNASKED, before, transitions.claim(before, tx.now, owner, lease_ms))
            for i, before in enumerate(found)
        }
        if taken := _written(tx, steps):
            return list(taken.values())
    return []


def _next(
    tx: Transaction, lanes: Collection[Lane], most: int, only: Sequence[ColumnElement[bool]]
) -> list[Job]:
    """The first due job by priority, then fair_key, and the small ones that follow it. Lane by lane, so that
    the index gives the order.
    """
    query = _NEXT.where(*only) if only else _NEXT
    found = [
        row
        for lane in lanes
        for row in tx.connection.execute(
            query, {"in_lane": lane, "most": most if lane == "small" else 1}
        ).mappings()
    ]
    if not found:
        return []
    tx.now = max(row["now"] for row in found)  # the time by which they are due
    found.sort(key=lambda one: (one["priority"], one["fair_key"], one["created_at"]))
    small = list(takewhile(lambda one: one["lane"] == "small", found))[:most]
    return [job_of(row, reading.order_in(row["order_text"])) for row in small or found[:1]]


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


@dataclass(frozen=True, slots=True)
class _Step:
    """A change of one row: the statement with its guards, and what the job was and becomes."""

    statement: Update
    before: Job
    after: Job


def _written(tx: Transaction, steps: Mapping[int, _Step]) -> dict[int, Job]:
    """The guarded changes that held, as their jobs are now, with their log lines and what else goes with
    them. Only what differs is written: a beat's progress stays.
    """
    for step in steps.values():
        if (step.before.state, step.after.state) not in ALLOWED:
            raise IllegalTransition(
                f"job {step.before.id} is {step.before.state}; it cannot become {step.after.state}"
            )
    held = {i: step for i, step in steps.items() if _changed(tx, step)}
    if held:
        log(tx, [_line_of(tx, step) for step in held.values()])
    written = {i: step.after for i, step in held.items()}
    for after in written.values():
        if after.state is State.DEAD:
            bells.mourn(tx, after)
    if ended := [after for after in written.values() if after.state.ended]:
        telling.tell(tx, ended)
    return written


def _changed(tx: Transaction, step: _Step) -> bool:
    old, new = row_of(step.before), row_of(step.after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    return _updated(tx, step.statement, step.before, changed)


def _line_of(tx: Transaction, step: _Step) -> dict[str, Any]:
    before, after = step.before, step.after
    return line(tx, before.state, after, after.owner or before.owner)


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
