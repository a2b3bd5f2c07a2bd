"""Looking ahead: what a report took lately, and what stands before a waiting job."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, func, literal, select, union_all

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import STATE, job
from prelo.core.job import Job, State
from prelo.core.records import Ahead, Made

_TYPICAL = 20  # jobs


def _took(*columns: Any) -> Any:
    """Of the last finished jobs of a report. The state as text in the statement: no database takes a partial
    index on the word of a parameter.
    """
    return (
        select(*columns)
        .where(
            job.c.tenant == bindparam("of_tenant"),
            job.c.report == bindparam("of_report"),
            job.c.state == literal(State.SUCCEEDED, STATE, literal_execute=True),
            job.c.started_at.is_not(None),
        )
        .order_by(job.c.finished_at.desc())
        .limit(bindparam("last"))
    )


_MS = (job.c.finished_at - job.c.started_at).label("ms")
_MADE = _took(_MS, job.c.artifact)
_LAST = _took(_MS).subquery("few")
_IN_LANE = (job.c.state == State.QUEUED, job.c.lane == bindparam("in_lane"))
_SAME = (*_IN_LANE, job.c.priority == bindparam("own_priority"))
_BEFORE = union_all(
    select(literal(1).label("one")).where(*_IN_LANE, job.c.priority < bindparam("own_priority")),
    select(literal(1).label("one")).where(*_SAME, job.c.fair_key < bindparam("own_fair_key")),
)
_AHEAD = select(
    select(func.count())
    .select_from(_BEFORE.limit(bindparam("most")).subquery("few"))
    .scalar_subquery(),
    select(func.count())
    .select_from(job)
    .where(job.c.state == State.RUNNING, job.c.lane == bindparam("in_lane"))
    .scalar_subquery(),
    select(func.avg(_LAST.c.ms)).scalar_subquery(),
)


def made(tx: Transaction, tenant: str, report: str, limit: int) -> Sequence[Made]:
    told = {"of_tenant": tenant, "of_report": report, "last": limit}
    rows = tx.connection.execute(_MADE, told).all()
    return [Made(ms=row.ms, size=row.artifact.size) for row in rows if row.artifact]


def ahead(tx: Transaction, waiting: Job, most: int) -> Ahead:
    """In one statement."""
    told = {
        "of_tenant": waiting.tenant,
        "of_report": waiting.report,
        "last": _TYPICAL,
        "in_lane": waiting.lane,
        "own_priority": waiting.priority,
        "own_fair_key": waiting.fair_key,
        "most": most,
    }
    jobs, running, typical = tx.connection.execute(_AHEAD, told).one()
    return Ahead(jobs=jobs, running=running, typical_ms=None if typical is None else round(typical))
