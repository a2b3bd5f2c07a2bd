"""Schedules and firings, written as jobs are, `WHERE <they still are as they were>`."""

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.schedule_tables import (
    SCHEDULE,
    firing,
    firing_of,
    row_of,
    schedule,
    schedule_of,
)
from prelo.core.errors import Conflict, Unavailable
from prelo.core.fire import Fired, Firing
from prelo.core.job import Job
from prelo.core.schedule import Schedule
from prelo.timetable import Due

Change = tuple[Schedule, Schedule, Sequence[Firing]]

_END = 2**62  # behind every number
_KEPT_MS = 90 * 86_400_000
_SETTLED = ("fired", "skipped", "missed", "refused")
_SOON = (
    select(*SCHEDULE)
    .where(schedule.c.next_fire_at <= bindparam("now"))
    .order_by(schedule.c.next_fire_at)
    .limit(bindparam("most"))
)
_OPEN = (
    select(firing)
    .where(firing.c.outcome == "open", firing.c.try_at <= bindparam("now"))
    .order_by(firing.c.try_at, firing.c.at)
    .limit(bindparam("most"))
)
_NEXT = select(
    select(func.min(schedule.c.next_fire_at)).scalar_subquery(),
    select(func.min(firing.c.try_at)).where(firing.c.outcome == "open").scalar_subquery(),
)
_BY_IDS = select(*SCHEDULE).where(schedule.c.id.in_(bindparam("ids", expanding=True)))


def added(tx: Transaction, new: Schedule) -> bool:
    same = select(schedule.c.id).where(schedule.c.id == new.id)
    if tx.connection.execute(same).first() is not None:
        return False
    tx.connection.execute(insert(schedule).inline(), row_of(new))
    return True


def one(tx: Transaction, schedule_id: str, tenant: str) -> Schedule | None:
    found = select(*SCHEDULE).where(schedule.c.id == schedule_id, schedule.c.tenant == tenant)
    row = tx.connection.execute(found).mappings().first()
    return None if row is None else schedule_of(row)


def listed(
    tx: Transaction, tenant: str, scope: str, limit: int, before: tuple[int, str] | None
) -> Sequence[Schedule]:
    conditions: list[ColumnElement[bool]] = [schedule.c.tenant == tenant, schedule.c.scope == scope]
    if before is not None:
        at, last = before
        conditions += [
            schedule.c.created_at <= at,
            or_(schedule.c.created_at < at, schedule.c.id < last),
        ]
    newest = (schedule.c.created_at.desc(), schedule.c.id.desc())
    found = select(*SCHEDULE).where(*conditions).order_by(*newest).limit(limit)
    return [schedule_of(row) for row in tx.connection.execute(found).mappings()]


def all_changed(tx: Transaction, changes: Sequence[Change]) -> list[bool]:
    """Each on its own, in one transaction. In the same order everywhere: two that lock the same rows in
    different ones would wait for each other.
    """
    done = [False] * len(changes)
    for place in sorted(range(len(changes)), key=lambda place: changes[place][0].id):
        done[place] = changed(tx, *changes[place])
    return done


def changed(tx: Transaction, before: Schedule, after: Schedule, firings: Sequence[Firing]) -> bool:
    """The row first: whoever has written it is alone with its firings until the commit."""
    same = [
        schedule.c.id == before.id,
        schedule.c.revision == before.revision,
        schedule.c.next_fire_at.is_not_distinct_from(before.next_fire_at),
    ]
    values = row_of(after)
    del values["last_job_id"]  # which a job that was asked for meanwhile has set
    if not tx.connection.execute(update(schedule).where(*same).values(values)).rowcount:
        return False
    times = [one.at for one in firings]
    there = select(firing.c.at, firing.c.asked).where(
        firing.c.schedule_id == before.id, firing.c.at.in_(times)
    )
    known = {(row.at, row.asked) for row in tx.connection.execute(there)} if times else set()
    rows = [row_of(one) for one in firings if (one.at, one.asked) not in known]
    if rows:
        tx.connection.execute(insert(firing).inline(), rows)
    return True


def removed(tx: Transaction, gone: Schedule) -> bool:
    return tx.connection.execute(delete(schedule).where(schedule.c.id == gone.id)).rowcount > 0


def history(
    tx: Transaction, schedule_id: str, limit: int, before: int | None, *, only_open: bool
) -> Sequence[Firing]:
    conditions: list[ColumnElement[bool]] = [
        firing.c.schedule_id == schedule_id,
        firing.c.number < (before or _END),
    ]
    if only_open:
        conditions.append(firing.c.outcome == "open")
    newest = select(firing).where(*conditions).order_by(firing.c.number.desc()).limit(limit)
    return [firing_of(row) for row in tx.connection.execute(newest).mappings()]


def due(tx: Transaction, limit: int) -> Due:
    """What is due, and when there is more. The plans are read of what is due only."""
    told = {"now": tx.now, "most": limit}
    soon = _readable(tx.connection.execute(_SOON, told).mappings())
    tries = [firing_of(row) for row in tx.connection.execute(_OPEN, told).mappings()]
    ids = {one.schedule_id for one in tries}
    rows = tx.connection.execute(_BY_IDS, {"ids": sorted(ids)}).mappings() if ids else ()
    theirs = {one.id: one for one in _readable(rows)}
    both = [(one, theirs[one.schedule_id]) for one in tries if one.schedule_id in theirs]
    ahead = [at for at in tx.connection.execute(_NEXT).one() if at is not None]
    return Due(now=tx.now, schedules=soon, firings=both, next_at=min(ahead, default=None))


def _readable(rows: Iterable[RowMapping]) -> list[Schedule]:
    """What a newer program wrote is left to it: while versions change, both look."""
    found: list[Schedule] = []
    for row in rows:
        with contextlib.suppress(Unavailable):
            found.append(schedule_of(row))
    return found


def settled(tx: Transaction, before: Firing, after: Firing) -> bool:
    same = [*_same(before), firing.c.outcome == "open", firing.c.tries == before.tries]
    return tx.connection.execute(update(firing).where(*same).values(row_of(after))).rowcount > 0


def prune(tx: Transaction) -> int:
    """By the index that finds what is open, whose `try_at` is about when it was settled."""
    old = delete(firing).where(firing.c.outcome.in_(_SETTLED), firing.c.try_at < tx.now - _KEPT_MS)
    return tx.connection.execute(old).rowcount


def needed(tx: Transaction, key: Fired | None) -> None:
    """Raise Conflict if no job is to be asked for any more, or not now. What is read stays so until the
    commit: the rows are locked where writers do not queue up as SQLite's do.
    """
    if key is None:
        return
    last = select(schedule.c.last_job_id).where(schedule.c.id == key.schedule_id).with_for_update()
    row = tx.connection.execute(last).first()
    is_open = select(firing.c.outcome).where(*_same(key), firing.c.outcome == "open")
    if row is None or tx.connection.execute(is_open.with_for_update()).first() is None:
        raise Conflict("this firing has been settled already, or its schedule is gone")
    if key.alone and row.last_job_id != key.after:
        raise Conflict("another firing of the schedule has just got its job; look again")


def fired(tx: Transaction, key: Fired | None, found: Job) -> None:
    """The firing has its job, in the transaction that makes the job."""
    if key is None:
        return
    done: dict[str, Any] = {"outcome": "fired", "job_id": found.id, "ended_at": tx.now}
    tx.connection.execute(update(firing).where(*_same(key)).values(done | {"detail": None}))
    last = update(schedule).where(schedule.c.id == key.schedule_id)
    tx.connection.execute(last.values(last_job_id=found.id))


def _same(this: Firing | Fired) -> list[ColumnElement[bool]]:
    return [
        firing.c.schedule_id == this.schedule_id,
        firing.c.at == this.at,
        firing.c.asked == this.asked,
    ]
