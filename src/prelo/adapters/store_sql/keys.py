"""API keys, and the audit: who came in, and who did what."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, or_, select, update

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import api_key, audit
from prelo.core.access import Key
from prelo.core.records import Act, AuditFilter, Entry, Noted

_END = 2**62  # behind every number
_BY_IDS = select(api_key).where(api_key.c.id.in_(bindparam("key_ids", expanding=True)))
_NEWEST = (api_key.c.created_at.desc(), api_key.c.id.desc())
_USED = update(api_key).where(api_key.c.id.in_(bindparam("key_ids", expanding=True)))
_NOTE = insert(audit).inline()
_KEPT = set(api_key.c.keys())


def added(tx: Transaction, key: Key, act: Act, lasts_ms: int | None) -> Key:
    """A new row, and who made it; see the port."""
    until = None if lasts_ms is None else tx.now + lasts_ms
    new = key.model_copy(update={"created_at": tx.now, "expires_at": until})
    return _kept(tx, new, act)


def _kept(tx: Transaction, key: Key, act: Act) -> Key:
    tx.connection.execute(insert(api_key).inline(), key.model_dump(include=_KEPT))
    _noted_of(tx, key, act)
    return key


def found(tx: Transaction, key_ids: Collection[str]) -> Mapping[str, Key]:
    """Those that there are, by their ids."""
    rows = tx.connection.execute(_BY_IDS, {"key_ids": list(key_ids)}).mappings()
    return {row["id"]: _key(tx, row) for row in rows}


def listed(tx: Transaction, tenant: str | None, limit: int) -> Sequence[Key]:
    """The newest first."""
    # A condition that is always so, without which SQLite calls a walk along the index a scan.
    query = select(api_key).where(api_key.c.created_at >= 0).order_by(*_NEWEST).limit(limit)
    if tenant is not None:
        query = query.where(api_key.c.tenant == tenant)
    return [_key(tx, row) for row in tx.connection.execute(query).mappings()]


def rotated(tx: Transaction, key_id: str, fresh: Key, grace_ms: int, act: Act) -> Key | None:
    """The row of `fresh`, and the end of the old one; see the port."""
    old = found(tx, [key_id]).get(key_id)
    if old is None or old.ended is not None:
        return None
    end = tx.now + grace_ms if old.expires_at is None else min(old.expires_at, tx.now + grace_ms)
    # Of two who replace the same key, one does.
    ours = [*_letting_in(tx, key_id), api_key.c.replaced_by.is_(None)]
    closed = update(api_key).where(*ours).values(expires_at=end, replaced_by=fresh.id)
    if not tx.connection.execute(closed).rowcount:
        return None
    same: dict[str, Any] = {
        name: getattr(old, name)
        for name in ("tenant", "name", "scopes", "permissions", "expires_at")
    }
    new = fresh.model_copy(update={**same, "created_at": tx.now})
    return _kept(tx, new, act.model_copy(update={"detail": {**act.detail, "replaces": old.id}}))


def revoked(tx: Transaction, key_id: str, act: Act) -> Key | None:
    """The first to revoke it is the one who did."""
    ours = [api_key.c.id == key_id, api_key.c.revoked_at.is_(None)]
    if not tx.connection.execute(update(api_key).where(*ours).values(revoked_at=tx.now)).rowcount:
        return None
    key = found(tx, [key_id]).get(key_id)
    if key is not None:
        _noted_of(tx, key, act)
    return key


def _letting_in(tx: Transaction, key_id: str) -> list[ColumnElement[bool]]:
    lasting = or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > tx.now)
    return [api_key.c.id == key_id, api_key.c.revoked_at.is_(None), lasting]


def used(tx: Transaction, key_ids: Collection[str]) -> None:
    tx.connection.execute(_USED.values(used_at=tx.now), {"key_ids": sorted(key_ids)})


def _key(tx: Transaction, row: RowMapping) -> Key:
    ended = None
    if row["revoked_at"] is not None:
        ended = "revoked"
    elif row["expires_at"] is not None and row["expires_at"] <= tx.now:
        ended = "expired"
    return Key.model_validate({**row, "ended": ended})


def _noted_of(tx: Transaction, key: Key, act: Act) -> None:
    detail = {"key": key.id, "name": key.name, **act.detail}
    note(tx, [Entry(**act.model_dump(exclude={"detail"}), detail=detail, tenant=key.tenant)])


def note(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Append to the audit."""
    rows = [
        {**entry.model_dump(exclude={"ago"}), "at": tx.now - max(entry.ago, 0)} for entry in entries
    ]
    tx.connection.execute(_NOTE, rows)


def forget(tx: Transaction, keep_ms: int) -> None:
    """Let go of entries that are older."""
    tx.connection.execute(delete(audit).where(audit.c.at < tx.now - keep_ms))


def noted(tx: Transaction, chosen: AuditFilter) -> Sequence[Noted]:
    """Entries, newest first."""
    conditions: list[ColumnElement[bool]] = [audit.c.number < (chosen.before or _END)]
    equal = {
        audit.c.job_id: chosen.job_id,
        audit.c.tenant: chosen.tenant,
        audit.c.actor: chosen.actor,
    }
    conditions += [column == value for column, value in equal.items() if value is not None]
    if chosen.actions:
        conditions.append(audit.c.action.in_(chosen.actions))
    if chosen.since is not None:
        conditions.append(audit.c.at >= chosen.since)
    if chosen.until is not None:
        conditions.append(audit.c.at <= chosen.until)
    newest = select(audit).where(*conditions).order_by(audit.c.number.desc()).limit(chosen.limit)
    return [Noted(**row) for row in tx.connection.execute(newest).mappings()]
