"""Notices: who wants to hear of a job, webhooks, the notices themselves, and what came of their tries."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0005"
down_revision = "0004"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _channels()
    _notices()
    op.create_table(
        "notice_try",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column(
            "notice_id",
            sa.String(36),
            sa.ForeignKey("notice.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("ms", sa.Integer, nullable=False),
        sa.Column("ok", sa.Boolean, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("detail", sa.String(500), nullable=False),
        sa.Column("excerpt", _TEXT, nullable=False),
        **_MYSQL,
    )
    op.create_index("notice_try_notice", "notice_try", ["notice_id", "number"])


def _channels() -> None:
    op.create_table(
        "channel",
        sa.Column(
            "job_id", sa.String(36), sa.ForeignKey("job.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("target", sa.String(254), primary_key=True),
        **_MYSQL,
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("jobs", sa.String(16), nullable=False),
        sa.Column("events", _TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("why", sa.String(500), nullable=False),
        sa.Column("secret", _TEXT, nullable=False),
        sa.Column("old_secret", _TEXT),
        sa.Column("old_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        **_MYSQL,
    )
    op.create_index("webhook_tenant", "webhook", ["tenant", "jobs", "enabled"])


def _notices() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("target", sa.String(254), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("generation", sa.Integer),
        sa.Column("event", sa.String(16), nullable=False),
        sa.Column("facts", _TEXT),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("lease_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("status", sa.Integer),
        sa.Column("detail", sa.String(500), nullable=False),
        **_MYSQL,
    )
    op.create_index("notice_due", "notice", ["state", "due_at"])
    op.create_index("notice_listed", "notice", ["target", "created_at", "id"])
    op.create_index("notice_job", "notice", ["job_id"])
    op.create_index("notice_settled", "notice", ["settled_at"])
