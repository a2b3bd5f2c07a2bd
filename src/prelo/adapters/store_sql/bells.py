"""Doorbells: written with the change that makes them due, read by state, marked when they were rung."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, literal, null, select, update

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import NowMs, idempotency, job, loss, outbox
from prelo.core.job import Job, State
from prelo.core.rules import QUARANTINE_MS
from prelo.ports import Bell

KEPT_MS = (
    10 * 60_000
)  # a rung doorbell is kept while it says "not again yet", and a while for people
DOORBELL = "doorbell"

_RING = insert(outbox).inline()
_WAITING = (
    select(outbox.c.number, outbox.c.lane, outbox.c.job_id)
    .where(outbox.c.kind == DOORBELL, outbox.c.sent_at.is_(None), outbox.c.available_at <= NowMs())
    .order_by(outbox.c.available_at, outbox.c.number)
    .limit(bindparam("most"))
)
_RUNG = (
    update(outbox)
    .where(outbox.c.number.in_(bindparam("numbers", expanding=True)), outbox.c.sent_at.is_(None))
    .values(sent_at=bindparam("now"), attempts=outbox.c.attempts + 1)
)


def ring(tx: Transaction, queued: Job) -> None:
    """A doorbell for a job that has just been queued, due when the job is."""
    bell = {
        "kind": DOORBELL,
        "job_id": queued.id,
        "lane": queued.lane,
        "available_at": queued.run_at,
        "attempts": 0,
    }
    tx.connection.execute(_RING, bell)
    tx.rang = tx.rang or queued.run_at <= tx.now


def ring_again(tx: Transaction, job_ids: Collection[str]) -> None:
    """A doorbell for those of them that are still queued."""
    still: Any = select(
        literal(DOORBELL), job.c.id, job.c.lane, job.c.run_at, literal(0), null()
    ).where(job.c.id.in_(job_ids), job.c.state == State.QUEUED)
    names = ["kind", "job_id", "lane", "available_at", "attempts", "sent_at"]
    tx.connection.execute(insert(outbox).from_select(names, still))
    tx.rang = True


def waiting(tx: Transaction, limit: int) -> Sequence[Bell]:
    """Doorbells to ring. By state: numbers become visible out of order, a later one first."""
    rows = tx.connection.execute(_WAITING, {"most": limit}).mappings()
    return [Bell(**row) for row in rows]


def rung(tx: Transaction, numbers: Collection[int]) -> None:
    """Mark them; the first mark stays."""
    tx.connection.execute(_RUNG, {"numbers": list(numbers), "now": tx.now})


def prune(tx: Transaction) -> None:
    """Delete what has done its work: doorbells rung long ago, idempotency keys that have expired, losses
    that count no more.
    """
    tx.connection.execute(
        delete(outbox).where(outbox.c.kind == DOORBELL, outbox.c.sent_at < tx.now - KEPT_MS)
    )
    tx.connection.execute(delete(idempotency).where(idempotency.c.expires_at <= tx.now))
    tx.connection.execute(delete(loss).where(loss.c.at <= tx.now - QUARANTINE_MS))
