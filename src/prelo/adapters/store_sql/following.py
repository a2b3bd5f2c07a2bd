"""How jobs stand and what happened to them, for those who follow: nothing here writes."""

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, func, select

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import JOB_COLUMNS, NowMs, job, job_of, transition
from prelo.core.news import Log, LogFilter, Standing
from prelo.core.records import Change

# A transaction that took a number may be that long in coming: no statement of ours takes longer.
SETTLED_MS = 10_000
_IDS = bindparam("job_ids", expanding=True)
_LAST = select(func.max(transition.c.number)).where(transition.c.job_id == job.c.id)
# One statement, so that a job and its number are of one moment wherever a look is no transaction.
_STANDINGS = select(*JOB_COLUMNS, _LAST.scalar_subquery().label("last")).where(job.c.id.in_(_IDS))
_HEADS = (
    select(transition.c.job_id, func.max(transition.c.number).label("last"))
    .where(transition.c.job_id.in_(_IDS))
    .group_by(transition.c.job_id)
)
_AFTER = (
    select(transition)
    .where(transition.c.tenant == bindparam("tenant"), transition.c.number > bindparam("after"))
    .order_by(transition.c.number)
    .limit(bindparam("most"))
)
_SETTLED = (
    select(transition.c.number)
    .where(transition.c.tenant == bindparam("tenant"), transition.c.at <= NowMs() - SETTLED_MS)
    .order_by(transition.c.number.desc())
    .limit(1)
)


def standings(tx: Transaction, job_ids: Collection[str]) -> Mapping[str, Standing]:
    """See the port."""
    if not job_ids:
        return {}
    rows = tx.connection.execute(_STANDINGS, {"job_ids": list(job_ids)}).mappings()
    return {row["id"]: Standing(job=job_of(row), number=row["last"] or 0) for row in rows}


def heads(tx: Transaction, job_ids: Collection[str]) -> Mapping[str, int]:
    """See the port."""
    if not job_ids:
        return {}
    rows = tx.connection.execute(_HEADS, {"job_ids": list(job_ids)})
    return {row.job_id: row.last for row in rows}


def log(tx: Transaction, chosen: LogFilter) -> Log:
    """So many lines by the index, and of them those that fit: however rare they are, it takes no longer."""
    asked = {"tenant": chosen.tenant, "after": chosen.after, "most": chosen.limit + 1}
    lines = [Change(**row) for row in tx.connection.execute(_AFTER, asked).mappings()]
    more, lines = len(lines) > chosen.limit, lines[: chosen.limit]
    fitting = tuple(
        one
        for one in lines
        if chosen.scope in {None, one.scope} and chosen.report in {None, one.report}
    )
    reached = lines[-1].number if lines else chosen.after
    return Log(changes=fitting, reached=reached, more=more)


def cursor(tx: Transaction, tenant: str) -> int:
    """See the port."""
    return tx.connection.execute(_SETTLED, {"tenant": tenant}).scalar_one_or_none() or 0
