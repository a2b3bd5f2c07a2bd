"""Requests become jobs, or find the jobs that answer them; several at once, all in one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from prelo.adapters.store_sql import bells, changing, reading, schedules, telling
from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.fairness import FairKeys
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.guards import Guards
from prelo.adapters.store_sql.tables import idempotency, job, job_order, row_of, transition
from prelo.core import job as transitions
from prelo.core.channel import Channel
from prelo.core.errors import KeyReused, PreloError
from prelo.core.job import Job, Joining, State, joining, succeeding
from prelo.ports import IdempotencyKey, Submitted

KEY_MS = 24 * 3_600_000  # how long a key stands for its first answer

_INSERT = insert(job).inline()
_INSERT_ORDER = insert(job_order).inline()
_INSERT_KEY = insert(idempotency).inline()
_SUPERSEDED = update(job).where(job.c.id == bindparam("old_id")).values(dedupe_key=None)
_LOGGED = (
    select(transition.c.job_id)
    .where(transition.c.job_id.in_(bindparam("ids", expanding=True)))
    .distinct()
)
_FIRST = select(idempotency.c.key_hash, idempotency.c.digest, idempotency.c.job_id).where(
    idempotency.c.key_hash.in_(bindparam("hashes", expanding=True)),
    idempotency.c.expires_at > bindparam("now"),
)
# Only what has expired: a key that somebody used at this moment makes the INSERT collide.
_EXPIRED = delete(idempotency).where(
    idempotency.c.key_hash.in_(bindparam("hashes", expanding=True)),
    idempotency.c.expires_at <= bindparam("now"),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One call of `submit`; see the port."""

    draft: Job
    max_age_ms: int | None
    key: IdempotencyKey | None
    max_queued: int | None
    channels: tuple[Channel, ...] = ()

    @property
    def key_hash(self) -> str | None:
        """A key is its tenant's and scope's own: a replay shows a job."""
        if self.key is None:
            return None
        of = f"{self.draft.tenant}\0{self.draft.scope}\0{self.key.key}"
        return hashlib.sha256(of.encode()).hexdigest()


def answered(tx: Transaction, asks: Sequence[Ask]) -> list[Submitted | PreloError | None]:
    """Answers for which nothing has to be written. Only saves the write lock: `placed` asks again."""
    known = _Known(tx, asks)
    return [known.answer(ask) for ask in asks]


def placed(tx: Transaction, asks: Sequence[Ask], guards: Guards) -> list[Submitted | PreloError]:
    """Insert, join, revive or supersede, in this order of asking; see the port. A draft's fair_key is how
    far it stands behind its tenant's last one.
    """
    placing = _Placing(tx, asks, guards)
    answers = [placing.answer(ask) for ask in asks]
    placing.write()
    return answers


class _Known:
    """What there is already for these requests."""

    def __init__(self, tx: Transaction, asks: Sequence[Ask]) -> None:
        self.tx = tx
        hashes = [found for ask in asks if (found := ask.key_hash)]
        self._first: dict[str, tuple[str, str]] = {}
        """Digest and job of the first request with a key, by its hash."""
        if hashes:
            rows = tx.connection.execute(_FIRST, {"hashes": hashes, "now": tx.now})
            self._first = {row.key_hash: (row.digest, row.job_id) for row in rows}
        self._by_id = reading.by_ids(tx, [job_id for _, job_id in self._first.values()])
        self._standing = reading.standing(tx, {ask.draft.fingerprint for ask in asks})

    def replayed(self, ask: Ask) -> Submitted | KeyReused | None:
        """The key's first answer, or the error that it was given for another body."""
        first = self._first.get(ask.key_hash or "")
        if ask.key is None or first is None:
            return None
        digest, job_id = first
        if digest != ask.key.digest:
            return KeyReused("this Idempotency-Key came with another request before; use a new key")
        found = self._by_id.get(job_id)
        if found is None or found.tenant != ask.draft.tenant:
            return None
        return Submitted(job=found, fresh=False, replayed=True)

    def standing_for(self, ask: Ask) -> Submitted | None:
        """The job that answers this request as it is."""
        before = self._standing.get(ask.draft.fingerprint)
        if before and joining(before, self.tx.now, ask.max_age_ms) in {Joining.JOIN, Joining.REUSE}:
            return Submitted(job=before, fresh=False)
        return None

    def answer(self, ask: Ask) -> Submitted | KeyReused | None:
        """What nothing has to be written for: neither a key nor a channel."""
        if ask.key is not None:
            return self.replayed(ask)
        return None if ask.channels else self.standing_for(ask)

    def before(self, ask: Ask) -> Job | None:
        """The job of the same fingerprint, whatever has become of it."""
        return self._standing.get(ask.draft.fingerprint)

    def note(self, ask: Ask, found: Job) -> None:
        """Those who ask next find this one."""
        self._standing[found.fingerprint] = self._by_id[found.id] = found
        if ask.key and ask.key_hash:
            self._first[ask.key_hash] = ask.key.digest, found.id


class _Placing:
    """A transaction's work: answers one by one, then written all together."""

    def __init__(self, tx: Transaction, asks: Sequence[Ask], guards: Guards) -> None:
        self._tx = tx
        self._guards = guards
        self._known = _Known(tx, asks)
        self._drafts = {ask.draft.id for ask in asks}
        self._fair_keys = FairKeys(tx)
        self._fresh: list[Job] = []
        self._keys: list[dict[str, Any]] = []
        self._channels: dict[str, set[Channel]] = {}

    def answer(self, ask: Ask) -> Submitted | PreloError:
        replayed = self._known.replayed(ask)
        if replayed is not None:
            return replayed
        try:
            schedules.needed(self._tx, ask.key and ask.key.fired)
            submitted = self._known.standing_for(ask) or self._queued(ask)
        except Collided:
            raise
        except PreloError as error:
            return error
        self._remember(ask, submitted.job)
        if ask.channels:
            self._channels.setdefault(submitted.job.id, set()).update(ask.channels)
        self._known.note(ask, submitted.job)
        return submitted

    def write(self) -> None:
        """What the answers promise."""
        tx = self._tx
        if self._fresh:
            tx.connection.execute(_INSERT, [row_of(fresh) for fresh in self._fresh])
            orders = [{"job_id": fresh.id, "document": fresh.order} for fresh in self._fresh]
            tx.connection.execute(_INSERT_ORDER, orders)
            changing.log(tx, [changing.line(tx, None, fresh) for fresh in self._fresh])
            bells.ring(tx, self._fresh)
        if self._keys:
            expired = {"hashes": [key["key_hash"] for key in self._keys], "now": tx.now}
            tx.connection.execute(_EXPIRED, expired)
            tx.connection.execute(_INSERT_KEY, self._keys)
        if self._channels:
            telling.ask(tx, self._channels)

    def _queued(self, ask: Ask) -> Submitted:
        self._guards.admit(self._tx, ask.draft, ask.max_queued, self._fresh)
        before = self._known.before(ask)
        if before and joining(before, self._tx.now, ask.max_age_ms) is Joining.REVIVE:
            return self._revived(ask.draft, before)
        return self._inserted(ask.draft, before)

    def _revived(self, draft: Job, before: Job) -> Submitted:
        fair_key = self._fair_keys.next(draft)
        deadline_at = self._time(draft.deadline_at)

        def revive(ended: Job, now: int) -> Job:
            again = transitions.revive(ended, now, deadline_at)
            return again.model_copy(update={"fair_key": fair_key, "priority": draft.priority})

        moved = changing.move(self._tx, before, revive, lapsed=False)
        if moved is None:  # only where writers do not queue up as SQLite's do
            raise Collided("the job was changed by somebody else at this moment; ask again", 1)
        return Submitted(job=moved, fresh=True)

    def _inserted(self, draft: Job, before: Job | None) -> Submitted:
        if before is not None:
            self._tx.connection.execute(_SUPERSEDED, {"old_id": before.id})
            draft = succeeding(draft, before)
        while self._was(draft.id):  # forgotten, or superseded: an id and generation never come back
            draft = succeeding(draft, draft)
        fair_key = self._fair_keys.next(draft)  # brings the time along
        fresh = draft.model_copy(
            update={
                "state": State.QUEUED,
                "run_at": self._tx.now,
                "created_at": self._tx.now,
                "deadline_at": self._time(draft.deadline_at),
                "fair_key": fair_key,
            }
        )
        self._fresh.append(fresh)
        return Submitted(job=fresh.model_copy(update={"order": None}), fresh=True)

    def _was(self, job_id: str) -> bool:
        if job_id in self._drafts:
            return job_id in self._logged
        return bool(_logged(self._tx, [job_id]))

    @cached_property
    def _logged(self) -> set[str]:
        return _logged(self._tx, sorted(self._drafts))

    def _time(self, duration_ms: int | None) -> int | None:
        return None if duration_ms is None else self._tx.now + duration_ms

    def _remember(self, ask: Ask, found: Job) -> None:
        if ask.key is None:
            return
        schedules.fired(self._tx, ask.key.fired, found)
        self._keys.append(
            {
                "key_hash": ask.key_hash,
                "digest": ask.key.digest,
                "job_id": found.id,
                "expires_at": self._tx.now + KEY_MS,
            }
        )


def _logged(tx: Transaction, job_ids: Sequence[str]) -> set[str]:
    return set(tx.connection.execute(_LOGGED, {"ids": job_ids}).scalars())
