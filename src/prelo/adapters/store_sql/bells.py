"""The outbox, of doorbells and obituaries: written with the change that makes them due, read by state,
marked when they were handed over.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, literal, null, select, update

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import NowMs, idempotency, job, loss, outbox
from prelo.core.job import Job, State
from prelo.core.records import Bell, Obituary, obituary
from prelo.core.rules import QUARANTINE_MS

KEPT_MS = (
    10 * 60_000
)  # a rung doorbell is kept while it says "not again yet", and a while for people
DOORBELL, OBITUARY = "doorbell", "obituary"

_RING = insert(outbox).inline()
_WAITING = (
    select(
        outbox.c.number,
        outbox.c.lane,
        outbox.c.job_id,
        *(
            job.c.report,
            job.c.format,
            job.c.tenant,
            job.c.attempt,
            job.c.trace.label("traceparent"),
        ),
    )
    .outerjoin(job, job.c.id == outbox.c.job_id)  # a job that was forgotten is rung for, too
    .where(outbox.c.kind == DOORBELL, outbox.c.sent_at.is_(None), outbox.c.available_at <= NowMs())
    .order_by(outbox.c.available_at, outbox.c.number)
    .limit(bindparam("most"))
)
_UNBURIED = (
    select(outbox.c.number, outbox.c.document)
    .where(outbox.c.kind == OBITUARY, outbox.c.sent_at.is_(None), outbox.c.available_at <= NowMs())
    .order_by(outbox.c.available_at, outbox.c.number)
    .limit(bindparam("most"))
)
_RUNG = (
    update(outbox)
    .where(outbox.c.number.in_(bindparam("numbers", expanding=True)), outbox.c.sent_at.is_(None))
    .values(sent_at=bindparam("now"), attempts=outbox.c.attempts + 1)
)


def ring(tx: Transaction, queued: Sequence[Job]) -> None:
    """A doorbell for each of these jobs that have just been queued, due when the job is."""
    bells = [
        {
            "kind": DOORBELL,
            "job_id": one.id,
            "lane": one.lane,
            "available_at": one.run_at,
            "attempts": 0,
        }
        for one in queued
    ]
    tx.connection.execute(_RING, bells)
    tx.rang = tx.rang or any(one.run_at <= tx.now for one in queued)


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


def mourn(tx: Transaction, dead: Job) -> None:
    """An obituary, complete: the job may run again, or be gone, before it is handed over."""
    row = {
        "kind": OBITUARY,
        "job_id": dead.id,
        "lane": dead.lane,
        "available_at": tx.now,
        "attempts": 0,
        "document": obituary(dead),
    }
    tx.connection.execute(_RING, row)


def unburied(tx: Transaction, limit: int) -> Sequence[Obituary]:
    """Obituaries to hand over."""
    rows = tx.connection.execute(_UNBURIED, {"most": limit})
    return [row.document.model_copy(update={"number": row.number}) for row in rows]


def rung(tx: Transaction, numbers: Collection[int]) -> None:
    """Mark them; the first mark stays."""
    tx.connection.execute(_RUNG, {"numbers": list(numbers), "now": tx.now})


def prune(tx: Transaction) -> None:
    """Delete what has done its work: what was sent long ago, idempotency keys that have expired, losses that
    count no more.
    """
    tx.connection.execute(
        delete(outbox).where(
            outbox.c.kind.in_([DOORBELL, OBITUARY]), outbox.c.sent_at < tx.now - KEPT_MS
        )
    )
    tx.connection.execute(delete(idempotency).where(idempotency.c.expires_at <= tx.now))
    tx.connection.execute(delete(loss).where(loss.c.at <= tx.now - QUARANTINE_MS))
