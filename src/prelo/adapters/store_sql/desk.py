"""Looking at what was given up."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, literal, or_, select

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import JOB_COLUMNS, STATE, job, job_of
from prelo.core.errors import Deadline
from prelo.core.job import MAX_LOSSES, Job
from prelo.core.records import DeadFilter, Fate, Tally

_LATE = job.c.error_type == Deadline.type
_LOST = job.c.lost_count >= MAX_LOSSES
_FATES: dict[Fate, list[ColumnElement[bool]]] = {
    "late": [_LATE],
    "lost": [~_LATE, _LOST],
    "spent": [~_LATE, ~_LOST],
}


def dead(
    tx: Transaction, chosen: DeadFilter, limit: int, before: tuple[int, str] | None
) -> Sequence[Job]:
    """The last that ended first; see the port."""
    conditions = _conditions(chosen)
    if before is not None:
        at, last = before
        conditions += [job.c.finished_at <= at, or_(job.c.finished_at < at, job.c.id < last)]
    found = select(*JOB_COLUMNS).where(*conditions)
    newest = (job.c.finished_at.desc(), job.c.id.desc())
    rows = tx.connection.execute(found.order_by(*newest).limit(limit)).mappings()
    return [job_of(row) for row in rows]


def tally(tx: Transaction, chosen: DeadFilter) -> Sequence[Tally]:
    """How many there are of each report and error."""
    count = func.count().label("count")
    latest = func.max(job.c.finished_at).label("latest")
    by = (job.c.report, job.c.error_type)
    counted = (
        select(job.c.report, job.c.error_type.label("error"), count, latest)
        .where(*_conditions(chosen))
        .group_by(*by)
        .order_by(count.desc(), *by)
    )
    return [Tally(**row) for row in tx.connection.execute(counted).mappings()]


def _conditions(chosen: DeadFilter) -> list[ColumnElement[bool]]:
    # The state as text in the statement: no database takes a partial index on the word of a parameter.
    conditions: list[ColumnElement[bool]] = [
        job.c.state == literal(chosen.state, STATE, literal_execute=True),
        job.c.error_type.is_not(None),
    ]
    if chosen.ids:
        conditions.append(job.c.id.in_(chosen.ids))
    equal = {
        job.c.tenant: chosen.tenant,
        job.c.report: chosen.report,
        job.c.version: chosen.version,
        job.c.error_type: chosen.error,
    }
    conditions += [column == value for column, value in equal.items() if value is not None]
    if chosen.since is not None:
        conditions.append(job.c.finished_at >= chosen.since)
    if chosen.until is not None:
        conditions.append(job.c.finished_at <= chosen.until)
    return conditions + (_FATES[chosen.fate] if chosen.fate else [])
