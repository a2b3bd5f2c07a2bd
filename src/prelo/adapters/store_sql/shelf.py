"""Datasets on record."""

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    String,
    case,
    cast,
    delete,
    insert,
    literal,
    or_,
    select,
    update,
)

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import dataset, job
from prelo.core.dataset import Dataset, source_name
from prelo.core.job import State
from prelo.core.request import Caller

# Of a dataset's row: whether a job that is not done names it among its sources.
_NEEDED = (
    select(job.c.id)
    .where(
        job.c.state.in_([State.QUEUED, State.RUNNING]),
        cast(job.c.sources, String).contains(
            literal("," + source_name("")).concat(dataset.c.id).concat(",")
        ),
    )
    .correlate(dataset)
    .exists()
)


def shelve(tx: Transaction, new: Dataset, life_ms: int) -> Dataset:
    """See the port. Two who put the same on record at once collide, and the second one tries again."""
    found = _extended(tx, [dataset.c.id == new.id], life_ms)
    if found is not None:
        return found
    row = new.model_copy(update={"created_at": tx.now, "expires_at": tx.now + life_ms})
    tx.connection.execute(insert(dataset).inline(), [dict(row)])
    return row


def find(
    tx: Transaction, dataset_id: str, caller: Caller, life_ms: int | None, *, expired: bool
) -> Dataset | None:
    """See the port."""
    conditions = [
        dataset.c.id == dataset_id,
        dataset.c.tenant == caller.tenant,
        dataset.c.scope == caller.scope,
    ]
    if not expired:
        conditions.append(dataset.c.expires_at > tx.now)
    if life_ms is not None:
        return _extended(tx, conditions, life_ms)
    row = tx.connection.execute(select(dataset).where(*conditions)).mappings().first()
    return None if row is None else Dataset(**row)


def _extended(
    tx: Transaction, conditions: Sequence[ColumnElement[bool]], life_ms: int
) -> Dataset | None:
    until = tx.now + life_ms
    later = case((dataset.c.expires_at > until, dataset.c.expires_at), else_=until)
    changed = tx.connection.execute(update(dataset).where(*conditions).values(expires_at=later))
    if not changed.rowcount:
        return None
    row = tx.connection.execute(select(dataset).where(*conditions)).mappings().one()
    return Dataset(**row)


def listed(
    tx: Transaction, caller: Caller, limit: int, before: tuple[int, str] | None
) -> Sequence[Dataset]:
    """See the port."""
    conditions = [
        dataset.c.tenant == caller.tenant,
        dataset.c.scope == caller.scope,
        dataset.c.expires_at > tx.now,
    ]
    if before is not None:
        at, last = before
        conditions += [
            dataset.c.created_at <= at,
            or_(dataset.c.created_at < at, dataset.c.id < last),
        ]
    newest = (dataset.c.created_at.desc(), dataset.c.id.desc())
    rows = tx.connection.execute(select(dataset).where(*conditions).order_by(*newest).limit(limit))
    return [Dataset(**row) for row in rows.mappings()]


def outlived(tx: Transaction, limit: int) -> Sequence[Dataset]:
    """See the port."""
    chosen = select(dataset).where(dataset.c.expires_at <= tx.now, ~_NEEDED)
    rows = tx.connection.execute(chosen.order_by(dataset.c.expires_at).limit(limit))
    return [Dataset(**row) for row in rows.mappings()]


def unshelve(tx: Transaction, known: Dataset, *, outlived: bool) -> bool:
    """See the port."""
    conditions = [dataset.c.id == known.id, dataset.c.key == known.key, ~_NEEDED]
    if outlived:
        conditions.append(dataset.c.expires_at <= tx.now)
    return tx.connection.execute(delete(dataset).where(*conditions)).rowcount > 0
