"""The tables of schedules and their firings, and how these lie in them."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    RowMapping,
    String,
    Table,
    Text,
    type_coerce,
)

from prelo.adapters.store_sql.tables import MYSQL, NUMBER, TEXT, Document, metadata
from prelo.core.errors import Unavailable
from prelo.core.fire import Firing
from prelo.core.request import Caller
from prelo.core.schedule import Plan, Schedule

schedule = Table(
    "schedule",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("caller", Document(Caller), nullable=False),
    Column("plan", Document(Plan), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("paused_until", BigInteger),
    Column("next_fire_at", BigInteger),
    Column("last_job_id", String(36)),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("digest", String(64)),
    Index("schedule_due", "next_fire_at"),
    Index("schedule_listed", "tenant", "created_at", "id"),
    **MYSQL,
)

firing = Table(
    "firing",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column(
        "schedule_id", String(36), ForeignKey("schedule.id", ondelete="CASCADE"), nullable=False
    ),
    Column("at", BigInteger, nullable=False),
    Column("asked", Boolean, nullable=False),
    Column("until", BigInteger),
    Column("count", Integer, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("job_id", String(36)),
    Column("detail", TEXT),
    Column("tries", Integer, nullable=False),
    Column("try_at", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    # One firing for each time, however many upkeeps there are, and whatever a clock that is set back says.
    Index("firing_time", "schedule_id", "at", "asked", unique=True),
    Index("firing_due", "outcome", "try_at"),
    Index("firing_listed", "schedule_id", "number"),
    **MYSQL,
)


_TEXTS = {"plan", "caller"}
SCHEDULE = [
    type_coerce(column, Text).label(column.name) if column.name in _TEXTS else column
    for column in schedule.c
]


def row_of(this: Schedule | Firing) -> dict[str, Any]:
    """Its values; a firing's number is the database's to give."""
    return {name: getattr(this, name) for name in type(this).model_fields if name != "number"}


def schedule_of(row: RowMapping) -> Schedule:
    """A row of SCHEDULE. Raises Unavailable for one that this program cannot read."""
    values = {name: row[name] for name in Schedule.model_fields}
    try:
        values["plan"] = Plan.model_validate_json(row["plan"])
        values["caller"] = Caller.model_validate_json(row["caller"])
    except ValidationError as error:
        raise Unavailable(
            f"the schedule {row['id']} was written by a newer Prelo, which alone can read it", 60
        ) from error
    return Schedule(**values)


def firing_of(row: RowMapping) -> Firing:
    return Firing(**{name: row[name] for name in Firing.model_fields})
