"""A request becomes a job, or finds the one that answers it; all in one transaction."""

import hashlib

from sqlalchemy import delete, func, insert, select

from prelo.adapters.store_sql import bells, changing, reading
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.tables import idempotency, job, job_order, row_of, transition
from prelo.core import job as transitions
from prelo.core.errors import KeyReused
from prelo.core.job import Job, Joining, State, joining, succeeding
from prelo.ports import IdempotencyKey, Submitted

KEY_MS = 24 * 3_600_000  # how long a key stands for its first answer
_COST_MS = 1_000  # a job of cost 1 puts the tenant's next one this far behind everybody's


def answered(
    tx: Transaction, draft: Job, max_age_ms: int | None, key: IdempotencyKey | None
) -> Submitted | None:
    """The answer, if nothing has to be written for it. Only saves the write lock: `submit` asks again."""
    if key is not None:
        return _replayed(tx, draft.tenant, key)
    before = _standing(tx, draft)
    if before and joining(before, tx.now, max_age_ms) in {Joining.JOIN, Joining.REUSE}:
        return Submitted(job=before, fresh=False)
    return None


def submit(
    tx: Transaction, draft: Job, max_age_ms: int | None, key: IdempotencyKey | None
) -> Submitted:
    """Insert, join, revive or supersede; see the port."""
    replayed = _replayed(tx, draft.tenant, key) if key else None
    if replayed is not None:
        return replayed
    before = _standing(tx, draft)
    then = joining(before, tx.now, max_age_ms) if before else None
    if before and then in {Joining.JOIN, Joining.REUSE}:
        placed = Submitted(job=before, fresh=False)
    elif before and then is Joining.REVIVE:
        placed = _revived(tx, before, draft)
    else:
        placed = _inserted(tx, draft, before)
    if key is not None:
        _remember(tx, draft.tenant, key, placed.job)
    return placed


def _standing(tx: Transaction, draft: Job) -> Job | None:
    return reading.one(tx, job.c.dedupe_key == draft.fingerprint)


def _revived(tx: Transaction, before: Job, draft: Job) -> Submitted:
    deadline_at = _time(tx, draft.deadline_at)
    fair_key = _fair_key(tx, draft)

    def revive(ended: Job, now: int) -> Job:
        again = transitions.revive(ended, now, deadline_at)
        return again.model_copy(update={"fair_key": fair_key, "priority": draft.priority})

    moved = changing.move(tx, before, revive, lapsed=False)
    if moved is None:  # only where writers do not queue up as SQLite's do
        raise Collided("the job was changed by somebody else at this moment; ask again", 1)
    return Submitted(job=moved, fresh=True)


def _inserted(tx: Transaction, draft: Job, before: Job | None) -> Submitted:
    if before is not None:
        _supersede(tx, before)
        draft = succeeding(draft, before)
    while _known(tx, draft.id):  # forgotten, or superseded: an id and generation never come back
        draft = succeeding(draft, draft)
    fresh = draft.model_copy(
        update={
            "state": State.QUEUED,
            "run_at": tx.now,
            "created_at": tx.now,
            "deadline_at": _time(tx, draft.deadline_at),
            "fair_key": _fair_key(tx, draft),
        }
    )
    tx.connection.execute(insert(job).values(row_of(fresh)))
    if fresh.order is not None:
        tx.connection.execute(insert(job_order).values(job_id=fresh.id, document=fresh.order))
    changing.log(tx, None, fresh)
    bells.ring(tx, fresh)
    return Submitted(job=fresh.model_copy(update={"order": None}), fresh=True)


def _supersede(tx: Transaction, before: Job) -> None:
    old = job.update().where(job.c.id == before.id).values(dedupe_key=None)
    tx.connection.execute(old)


def _known(tx: Transaction, job_id: str) -> bool:
    logged = select(transition.c.number).where(transition.c.job_id == job_id).limit(1)
    return tx.connection.execute(logged).first() is not None


def _fair_key(tx: Transaction, draft: Job) -> int:
    """Behind the tenant's last queued job, but never in the past: a burst waits behind everybody's next."""
    last = select(func.max(job.c.fair_key)).where(
        job.c.tenant == draft.tenant, job.c.state == State.QUEUED
    )
    return max(tx.now, tx.connection.execute(last).scalar_one() or 0) + draft.cost * _COST_MS


def _time(tx: Transaction, duration_ms: int | None) -> int | None:
    return None if duration_ms is None else tx.now + duration_ms


def _replayed(tx: Transaction, tenant: str, key: IdempotencyKey) -> Submitted | None:
    """The key's first answer. Raises KeyReused when it was given for another body."""
    first = select(idempotency.c.digest, idempotency.c.job_id).where(
        idempotency.c.key_hash == _hash(tenant, key), idempotency.c.expires_at > tx.now
    )
    row = tx.connection.execute(first).first()
    if row is None:
        return None
    if row.digest != key.digest:
        raise KeyReused("this Idempotency-Key came with another request before; use a new key")
    found = reading.get(tx, row.job_id, tenant, with_order=False)
    return found and Submitted(job=found, fresh=False, replayed=True)


def _remember(tx: Transaction, tenant: str, key: IdempotencyKey, placed: Job) -> None:
    hashed = _hash(tenant, key)
    tx.connection.execute(delete(idempotency).where(idempotency.c.key_hash == hashed))  # expired
    tx.connection.execute(
        insert(idempotency).values(
            key_hash=hashed, digest=key.digest, job_id=placed.id, expires_at=tx.now + KEY_MS
        )
    )


def _hash(tenant: str, key: IdempotencyKey) -> str:
    return hashlib.sha256(f"{tenant}\0{key.key}".encode()).hexdigest()
