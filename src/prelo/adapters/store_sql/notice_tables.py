"""The tables of notices: who wants to hear of a job, webhooks, notices and what came of their tries."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Enum,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)

from prelo.adapters.store_sql.tables import MYSQL, NUMBER, TEXT, Document, Names, metadata
from prelo.core.notice import Facts, NoticeState

_STATE = Enum(NoticeState, native_enum=False, length=16, values_callable=list[NoticeState])

channel = Table(
    "channel",
    metadata,
    Column("job_id", String(36), ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("target", String(254), primary_key=True),
    **MYSQL,
)

webhook = Table(
    "webhook",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("host", String(255), nullable=False),
    Column("description", String(200), nullable=False),
    Column("jobs", String(16), nullable=False),
    Column("events", Names, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("why", String(500), nullable=False),
    # as the vault gave them: sealed, where there is a key
    Column("secret", TEXT, nullable=False),
    Column("old_secret", TEXT),
    Column("old_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Index("webhook_tenant", "tenant", "jobs", "enabled"),
    **MYSQL,
)

# No key to the job or the webhook: what is on its way arrives, and is on record, when they are gone.
notice = Table(
    "notice",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("target", String(254), nullable=False),
    Column("host", String(255), nullable=False),
    Column("job_id", String(36)),
    Column("generation", Integer),
    Column("event", String(16), nullable=False),
    Column("facts", Document(Facts)),
    Column("state", _STATE, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("lease_until", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("settled_at", BigInteger),
    Column("status", Integer),
    Column("detail", String(500), nullable=False),
    Index("notice_due", "state", "due_at"),
    Index("notice_listed", "target", "created_at", "id"),
    Index("notice_job", "job_id"),
    Index("notice_settled", "settled_at"),
    **MYSQL,
)

notice_try = Table(
    "notice_try",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=True),
    Column("notice_id", String(36), ForeignKey("notice.id", ondelete="CASCADE"), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("ms", Integer, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("status", Integer),
    Column("detail", String(500), nullable=False),
    Column("excerpt", TEXT, nullable=False),
    Index("notice_try_notice", "notice_id", "number"),
    **MYSQL,
)
