"""The tables, how a Job lies in them, and the one clock. migrations/ creates them; a test compares."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from prelo.core.dataset import Finding
from prelo.core.errors import Problem
from prelo.core.job import Artifact, Job, Progress, State
from prelo.core.records import Obituary
from prelo.core.request import Order
from prelo.core.table import Manifest

VERSION = "0007"  # the newest revision in migrations/versions


class NowMs(FunctionElement[int]):
    """The database's time in whole ms since 1970: the only clock that a decision in the store is made by.

    Constant within a statement everywhere, so that an index can be searched by it.
    """

    name = "now_ms"
    type = BigInteger()
    inherit_cache = True


@compiles(NowMs, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    # not unixepoch('subsec'): NULL before SQLite 3.42, and a claim that compares with NULL finds nothing
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"


@compiles(NowMs, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    # not now(), which stands still for a whole transaction; not clock_timestamp(), which no index likes
    return "CAST(EXTRACT(EPOCH FROM statement_timestamp()) * 1000 AS BIGINT)"


@compiles(NowMs, "mysql", "mariadb")
def _mysql_now(*_: Any, **__: Any) -> str:
    return "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)"


class Document(TypeDecorator[Any]):
    """A value as JSON text: read whole, never searched, so no database's own JSON type is needed."""

    impl = Text
    cache_ok = True

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of
        self._adapter: TypeAdapter[Any] = TypeAdapter(of)

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(TEXT)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002  SQLAlchemy's
        return None if value is None else self._adapter.dump_json(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002  SQLAlchemy's
        return None if value is None else self._adapter.validate_json(value)


class Names(TypeDecorator[tuple[str, ...]]):
    """Names as ",one,two,": one of them is found by looking for it between commas."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(TEXT)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002  SQLAlchemy's
        return "".join(f",{name.replace(',', ';')}" for name in value) + "," if value else ""

    def process_result_value(self, value: Any, dialect: Dialect) -> tuple[str, ...]:  # noqa: ARG002  SQLAlchemy's
        return tuple(value.strip(",").split(",")) if value else ()


TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")  # MySQL's TEXT ends at 64 KiB
STATE = Enum(State, native_enum=False, length=16, values_callable=list[State])
NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER only
# Texts are compared byte by byte everywhere; MySQL needs to be told.
MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

_WRONG = text("error_type IS NOT NULL")
_DONE = text("state = 'succeeded'")

metadata = MetaData()

job = Table(
    "job",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("report", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    # the fingerprint while this job answers it, NULL once a newer one does
    Column("dedupe_key", String(64), unique=True),
    Column("format", String(16), nullable=False),
    Column("parameters", Document(dict[str, Any]), nullable=False),
    Column("sources", Names),
    Column("lane", String(16), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("cost", Integer, nullable=False),
    Column("fair_key", BigInteger, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", STATE, nullable=False),
    Column("run_at", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("lost_count", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("owner", String(64)),
    Column("lease_until", BigInteger),
    Column("cancel_requested_at", BigInteger),
    Column("deadline_at", BigInteger),
    Column("retention_ms", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("progress", Document(Progress), nullable=False),
    Column("artifact", Document(Artifact)),
    Column("artifact_key", String(512)),
    Column("manifest", Document(Manifest)),
    Column("error", Document(Problem)),
    Column("error_type", String(64)),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("trace", String(255)),
    Index("job_next", "state", "lane", "priority", "fair_key", "created_at", "run_at"),
    Index("job_deadline", "state", "deadline_at"),
    Index("job_expiry", "state", "expires_at"),
    Index("job_listed", "tenant", "created_at", "id"),
    Index("job_tenant_queue", "tenant", "state", "fair_key"),
    Index("job_artifact", "artifact_key", "state"),
    # Only where something went wrong: what goes well pays nothing for the desk of dead letters.
    Index(
        "job_given_up", "state", "finished_at", "id", sqlite_where=_WRONG, postgresql_where=_WRONG
    ),
    # What a report of a tenant took lately, by which the next one is estimated.
    Index(
        "job_made", "tenant", "report", "finished_at", sqlite_where=_DONE, postgresql_where=_DONE
    ),
    **MYSQL,
)

# An order may be 1 MiB and never changes: beside the row, so that no beat writes it again.
job_order = Table(
    "job_order",
    metadata,
    Column("job_id", String(36), ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("document", Document(Order), nullable=False),
    **MYSQL,
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("available_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", BigInteger),
    # what is to be said when it is sent; NULL for a doorbell, which says nothing that must be kept
    Column("document", Document(Obituary)),
    Index("outbox_waiting", "kind", "sent_at", "available_at"),
    Index("outbox_job", "job_id", "sent_at"),
    **MYSQL,
)

idempotency = Table(
    "idempotency",
    metadata,
    # SHA-256 of tenant and key: a key of any length, compared exactly on every database
    Column("key_hash", String(64), primary_key=True),
    Column("digest", String(128), nullable=False),
    Column("job_id", String(36), ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("idempotency_job", "job_id"),
    Index("idempotency_expiry", "expires_at"),
    **MYSQL,
)

transition = Table(
    "transition",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("job_id", String(36), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("before", STATE),
    Column("after", STATE, nullable=False),
    Column("owner", String(64)),
    Column("at", BigInteger, nullable=False),
    # NULL in lines that are older than these columns
    Column("tenant", String(255)),
    Column("scope", String(255)),
    Column("report", String(64)),
    Index("transition_job", "job_id", "number"),
    Index("transition_tenant", "tenant", "number"),
    **MYSQL,
)

audit = Table(
    "audit",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("action", String(16), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("job_id", String(36), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("detail", Document(dict[str, Any]), nullable=False),
    Index("audit_job", "job_id", "number"),
    Index("audit_actor", "actor", "number"),
    Index("audit_tenant", "tenant", "number"),
    Index("audit_at", "at"),
    **MYSQL,
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("scopes", Names, nullable=False),
    Column("permissions", Names, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("used_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("replaced_by", String(16)),
    Index("api_key_tenant", "tenant", "created_at"),
    Index("api_key_listed", "created_at"),
    **MYSQL,
)

# One row for each loss of a report's version. `recent`: how many it had by then within QUARANTINE_MS. The
# losses of one `cause` are one: a worker that dies takes all of its jobs with it.
loss = Table(
    "loss",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("report", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("cause", String(64), nullable=False),
    Column("recent", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("loss_version", "report", "version", "at"),
    Index("loss_at", "at"),
    **MYSQL,
)

# The file lies in storage under `key`; `finding` says what is in it.
dataset = Table(
    "dataset",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("key", String(512), nullable=False),
    Column("finding", Document(Finding), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("dataset_listed", "tenant", "created_at", "id"),
    Index("dataset_expiry", "expires_at"),
    Index("dataset_key", "key"),
    **MYSQL,
)

_FOR_SEARCHES = {"artifact_key", "error_type"}  # what stands in a document already
JOB_COLUMNS = [column for column in job.c if column.name not in _FOR_SEARCHES]
_SAME = [name for name in Job.model_fields if name in job.c]


def row_of(this: Job) -> dict[str, Any]:
    """A Job as values of its row."""
    return {
        **{name: getattr(this, name) for name in _SAME},
        "dedupe_key": None if this.superseded else this.fingerprint,
        "artifact_key": this.artifact.key if this.artifact else None,
        "error_type": this.error.type if this.error else None,
    }


def job_of(row: RowMapping, order: Order | None = None) -> Job:
    """A row of JOB_COLUMNS as a Job."""
    same = {name: row[name] for name in _SAME}
    return Job(**same, superseded=row["dedupe_key"] is None, order=order)
