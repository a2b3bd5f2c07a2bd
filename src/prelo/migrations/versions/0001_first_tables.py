"""The first tables: job and its order, outbox, idempotency, transition.

What they mean stands with the tables of the store; a migration is history and imports nothing of it.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.String(36)
_STATE = sa.String(16)


def upgrade() -> None:
    _job()
    op.create_table(
        "job_order",
        sa.Column("job_id", _ID, sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("document", _TEXT, nullable=False),
        **_MYSQL,
    )
    op.create_table(
        "idempotency",
        sa.Column("key_hash", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("job_id", _ID, sa.ForeignKey("job.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        **_MYSQL,
    )
    op.create_index("idempotency_job", "idempotency", ["job_id"])
    op.create_index("idempotency_expiry", "idempotency", ["expires_at"])
    _outbox()
    _transition()


def _job() -> None:
    op.create_table(
        "job",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("report", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("dedupe_key", sa.String(64), unique=True),
        sa.Column("format", sa.String(16), nullable=False),
        sa.Column("parameters", _TEXT, nullable=False),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("cost", sa.Integer, nullable=False),
        sa.Column("fair_key", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("state", _STATE, nullable=False),
        sa.Column("run_at", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lost_count", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("cancel_requested_at", sa.BigInteger),
        sa.Column("deadline_at", sa.BigInteger),
        sa.Column("retention_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("progress", _TEXT, nullable=False),
        sa.Column("artifact", _TEXT),
        sa.Column("artifact_key", sa.String(512)),
        sa.Column("manifest", _TEXT),
        sa.Column("error", _TEXT),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("trace", sa.String(255)),
        **_MYSQL,
    )
    op.create_index(
        "job_next", "job", ["state", "lane", "priority", "fair_key", "created_at", "run_at"]
    )
    op.create_index("job_deadline", "job", ["state", "deadline_at"])
    op.create_index("job_expiry", "job", ["state", "expires_at"])
    op.create_index("job_listed", "job", ["tenant", "created_at", "id"])
    op.create_index("job_tenant_queue", "job", ["tenant", "state", "fair_key"])
    op.create_index("job_artifact", "job", ["artifact_key", "state"])


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("available_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        **_MYSQL,
    )
    op.create_index("outbox_waiting", "outbox", ["kind", "sent_at", "available_at"])
    op.create_index("outbox_job", "outbox", ["job_id", "sent_at"])


def _transition() -> None:
    op.create_table(
        "transition",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("job_id", _ID, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("before", _STATE),
        sa.Column("after", _STATE, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("at", sa.BigInteger, nullable=False),
        **_MYSQL,
    )
    op.create_index("transition_job", "transition", ["job_id", "number"])
