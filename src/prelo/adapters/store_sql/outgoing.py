"""Notices on their way: taken under a lease, settled with a line in the delivery log, replayed, listed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from prelo.adapters.store_sql import telling
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.notice_tables import notice, notice_try, webhook
from prelo.adapters.store_sql.tables import NowMs
from prelo.core import notice as transitions
from prelo.core.channel import Kind
from prelo.core.notice import Answer, Notice, NoticeState, Tried
from prelo.core.webhook import Webhook

KEPT_MS = 30 * 86_400_000  # how long a settled notice can be looked at and replayed
_PRUNED = 1_000  # at once, so that no transaction is a long one
_LOOK = 4  # candidates for each that is wanted: of one host's many only a few are taken

_CHANGE = update(notice).where(
    notice.c.id == bindparam("if_id"),
    notice.c.state == bindparam("if_state"),
    notice.c.fence == bindparam("if_fence"),
)
_LOG = insert(notice_try).inline()
_TRIES = (
    select(*(column for column in notice_try.c if column.name != "number"))
    .where(notice_try.c.notice_id.in_(bindparam("ids", expanding=True)))
    .order_by(notice_try.c.number)
)


class Chosen(NamedTuple):
    """What `take` is asked for; see the port."""

    kinds: tuple[Kind, ...]
    limit: int
    lease_ms: int
    per_host: int
    busy: Mapping[str, int]


def due(tx: Transaction, kinds: Collection[Kind], full: Sequence[str]) -> bool:
    """Whether there is anything to take."""
    asked = select(exists().where(*_due(kinds, full)))
    return bool(tx.connection.execute(asked).scalar_one())


def take(tx: Transaction, chosen: Chosen, full: Sequence[str]) -> list[Notice]:
    """Those that are due, the longest due first; of no host more than it has room for."""
    statement = (
        select(notice)
        .where(*_due(chosen.kinds, full))
        .order_by(notice.c.due_at, notice.c.id)
        .limit(chosen.limit * _LOOK)
        .with_for_update(skip_locked=True)  # SQLite has one writer
    )
    taken: list[Notice] = []
    count = Counter(chosen.busy)
    for row in tx.connection.execute(statement).mappings().all():
        found = Notice(**row)
        mine = transitions.take(found, tx.now, chosen.lease_ms)
        if mine is None or count[found.host] >= chosen.per_host:
            continue
        if moved(tx, found, mine):
            count[found.host] += 1
            taken.append(mine)
        if len(taken) == chosen.limit:
            break
    return taken


def _due(kinds: Collection[Kind], full: Sequence[str]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        notice.c.state == NoticeState.WAITING,
        notice.c.due_at <= NowMs(),
        or_(notice.c.lease_until.is_(None), notice.c.lease_until <= NowMs()),
        notice.c.kind.in_(list(kinds)),
    ]
    return [*conditions, notice.c.host.not_in(full)] if full else conditions


def moved(tx: Transaction, before: Notice, after: Notice) -> bool:
    """Write what differs, if the row still is as it was: its state, and who took it last."""
    old, new = telling.row_of(before), telling.row_of(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    guards = {"if_id": before.id, "if_state": before.state, "if_fence": before.fence}
    return tx.connection.execute(_CHANGE, {**guards, **changed}).rowcount > 0


def settle(tx: Transaction, mine: Notice, answer: Answer, chance: float) -> Notice | None:
    """What came of a try; see the port."""
    after = transitions.settle(mine, tx.now, answer, chance)
    if not moved(tx, mine, after):
        return None
    row = Tried(
        notice_id=mine.id,
        attempt=mine.attempts,
        at=tx.now,
        **answer.model_dump(include={"ms", "ok", "status", "detail", "excerpt"}),
    )
    tx.connection.execute(_LOG, row.model_dump())
    if answer.gone:
        gone = {"enabled": False, "why": "it answered 410: it wants no more notices"}
        tx.connection.execute(update(webhook).where(webhook.c.id == mine.target).values(gone))
    return after


def replay(tx: Transaction, webhook_id: str, notice_id: str) -> Notice | NoticeState | None:
    """Send one again; its state while a try is under way; None if there is none."""
    one = [notice.c.id == notice_id, notice.c.target == webhook_id]
    row = tx.connection.execute(select(notice).where(*one).with_for_update()).mappings().first()
    if row is None:
        return None
    found = Notice(**row)
    after = transitions.replay(found, tx.now)
    if after is None:
        return found.state
    moved(tx, found, after)
    tx.rang = True
    return after


def replay_dead(tx: Transaction, webhook_id: str) -> int:
    """Send again all that are dead; how many."""
    again = {"state": NoticeState.WAITING, "due_at": tx.now, "attempts": 0, "settled_at": None}
    dead = [notice.c.target == webhook_id, notice.c.state == NoticeState.DEAD]
    tx.rang = True
    return tx.connection.execute(update(notice).where(*dead).values(again)).rowcount


def ping(tx: Transaction, to: Webhook, notice_id: str) -> Notice:
    """A notice of nothing, to see whether it arrives."""
    fresh = Notice(
        id=notice_id,
        tenant=to.tenant,
        kind="webhook",
        target=to.id,
        host=to.host,
        event="ping",
        due_at=tx.now,
        created_at=tx.now,
    )
    telling.write(tx, [fresh])
    return fresh


def of_job(tx: Transaction, job_id: str) -> Sequence[Notice]:
    """All of a job, oldest first."""
    found = select(notice).where(notice.c.job_id == job_id)
    ordered = found.order_by(notice.c.created_at, notice.c.kind, notice.c.target)
    return [Notice(**row) for row in tx.connection.execute(ordered).mappings()]


def of_webhook(
    tx: Transaction, webhook_id: str, limit: int, before: tuple[int, str] | None
) -> Sequence[Notice]:
    """One page, newest first."""
    conditions: list[ColumnElement[bool]] = [notice.c.target == webhook_id]
    if before is not None:
        at, last = before
        conditions += [
            notice.c.created_at <= at,
            or_(notice.c.created_at < at, notice.c.id < last),
        ]
    newest = (notice.c.created_at.desc(), notice.c.id.desc())
    found = select(notice).where(*conditions).order_by(*newest).limit(limit)
    return [Notice(**row) for row in tx.connection.execute(found).mappings()]


def tries(tx: Transaction, notice_ids: Collection[str]) -> Sequence[Tried]:
    """What came of their tries, oldest first."""
    rows = tx.connection.execute(_TRIES, {"ids": list(notice_ids)}).mappings()
    return [Tried(**row) for row in rows]


def prune(tx: Transaction) -> None:
    """Delete what was settled long ago, with its log."""
    settled = notice.c.settled_at < tx.now - KEPT_MS
    old = select(notice.c.id).where(settled).limit(_PRUNED)
    ids = list(tx.connection.execute(old).scalars())
    if ids:
        tx.connection.execute(delete(notice).where(notice.c.id.in_(ids), settled))
