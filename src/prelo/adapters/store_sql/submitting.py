"""A request becomes a job, or finds the one that answers it; all in one transaction."""

import hashlib
from collections.abc import Callable

from sqlalchemy import bindparam, delete, func, insert, literal, select, update

from prelo.adapters.store_sql import bells, changing, reading
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.tables import idempotency, job, job_order, row_of, transition
from prelo.core import job as transitions
from prelo.core.errors import KeyReused
from prelo.core.job import Job, Joining, State, joining, succeeding
from prelo.ports import LANES, IdempotencyKey, Submitted

KEY_MS = 24 * 3_600_000  # how long a key stands for its first answer

_INSERT = insert(job).inline()
_INSERT_ORDER = insert(job_order).inline()
_LAST = select(func.max(job.c.fair_key)).where(
    job.c.tenant == bindparam("of_tenant"), job.c.state == State.QUEUED
)
_IN_SERVICE = select(func.max(job.c.fair_key)).where(
    job.c.state == State.RUNNING, job.c.priority == bindparam("of_priority")
)
_KEYS = select(
    _LAST.scalar_subquery().label("last"), _IN_SERVICE.scalar_subquery().label("in_service")
)
_FIRST = select(func.min(job.c.fair_key)).where(
    job.c.state == State.QUEUED,
    job.c.lane == bindparam("in_lane"),
    job.c.priority == bindparam("of_priority"),
)
_LOGGED = select(literal(1)).where(transition.c.job_id == bindparam("known_id")).limit(1)


def answered(
    tx: Transaction, draft: Job, max_age_ms: int | None, key: IdempotencyKey | None
) -> Submitted | None:
    """The answer, if nothing has to be written for it. Only saves the write lock: `submit` asks again."""
    if key is not None:
        return _replayed(tx, draft, key)
    before = reading.standing(tx, draft.fingerprint)
    if before and joining(before, tx.now, max_age_ms) in {Joining.JOIN, Joining.REUSE}:
        return Submitted(job=before, fresh=False)
    return None


def submit(
    tx: Transaction,
    draft: Job,
    max_age_ms: int | None,
    key: IdempotencyKey | None,
    admit: Callable[[Transaction], None],
) -> Submitted:
    """Insert, join, revive or supersede; see the port. `admit` raises where nothing new is let in.

    The draft's fair_key is how far it stands behind its tenant's last one.
    """
    replayed = _replayed(tx, draft, key) if key else None
    if replayed is not None:
        return replayed
    before = reading.standing(tx, draft.fingerprint)
    then = joining(before, tx.now, max_age_ms) if before else None
    if before and then in {Joining.JOIN, Joining.REUSE}:
        placed = Submitted(job=before, fresh=False)
    else:
        admit(tx)
        if before and then is Joining.REVIVE:
            placed = _revived(tx, before, draft)
        else:
            placed = _inserted(tx, draft, before)
    if key is not None:
        _remember(tx, draft, key, placed.job)
    return placed


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
        tx.connection.execute(update(job).where(job.c.id == before.id).values(dedupe_key=None))
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
    tx.connection.execute(_INSERT, row_of(fresh))
    tx.connection.execute(_INSERT_ORDER, {"job_id": fresh.id, "document": fresh.order})
    changing.log(tx, None, fresh)
    bells.ring(tx, fresh)
    return Submitted(job=fresh.model_copy(update={"order": None}), fresh=True)


def _known(tx: Transaction, job_id: str) -> bool:
    return tx.connection.execute(_LOGGED, {"known_id": job_id}).first() is not None


def _fair_key(tx: Transaction, draft: Job) -> int:
    """Behind the tenant's last queued job, and for one that has none behind what is being served: not behind
    what others have queued, however long that has been waiting (start-time fair queuing).
    """
    told = {"of_tenant": draft.tenant, "of_priority": draft.priority}
    keys = tx.connection.execute(_KEYS, told).one()
    served = _first(tx, draft.priority) if keys.in_service is None else keys.in_service
    return max(served, keys.last or served) + draft.fair_key


def _first(tx: Transaction, priority: int) -> int:
    """Where nothing is being served: what will be next, or now where that is to come."""
    told = {"of_priority": priority}
    found = [tx.connection.execute(_FIRST, {**told, "in_lane": lane}).scalar() for lane in LANES]
    return min([tx.now, *(key for key in found if key is not None)])


def _time(tx: Transaction, duration_ms: int | None) -> int | None:
    return None if duration_ms is None else tx.now + duration_ms


def _replayed(tx: Transaction, draft: Job, key: IdempotencyKey) -> Submitted | None:
    """The key's first answer. Raises KeyReused when it was given for another body."""
    first = select(idempotency.c.digest, idempotency.c.job_id).where(
        idempotency.c.key_hash == _hash(draft, key), idempotency.c.expires_at > tx.now
    )
    row = tx.connection.execute(first).first()
    if row is None:
        return None
    if row.digest != key.digest:
        raise KeyReused("this Idempotency-Key came with another request before; use a new key")
    found = reading.get(tx, row.job_id, draft.tenant, with_order=False)
    return found and Submitted(job=found, fresh=False, replayed=True)


def _remember(tx: Transaction, draft: Job, key: IdempotencyKey, placed: Job) -> None:
    hashed = _hash(draft, key)
    # Only what has expired: a key that somebody used at this moment makes the INSERT collide.
    expired = (idempotency.c.key_hash == hashed) & (idempotency.c.expires_at <= tx.now)
    tx.connection.execute(delete(idempotency).where(expired))
    tx.connection.execute(
        insert(idempotency).values(
            key_hash=hashed, digest=key.digest, job_id=placed.id, expires_at=tx.now + KEY_MS
        )
    )


def _hash(draft: Job, key: IdempotencyKey) -> str:
    """A key is its tenant's and scope's own: a replay shows a job."""
    return hashlib.sha256(f"{draft.tenant}\0{draft.scope}\0{key.key}".encode()).hexdigest()
