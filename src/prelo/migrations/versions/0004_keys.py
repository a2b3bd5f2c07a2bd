"""API keys, the audit by tenant and time, and the finished jobs of a report."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("scopes", _TEXT, nullable=False),
        sa.Column("permissions", _TEXT, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("replaced_by", sa.String(16)),
        **_MYSQL,
    )
    op.create_index("api_key_tenant", "api_key", ["tenant", "created_at"])
    op.create_index("api_key_listed", "api_key", ["created_at"])
    op.create_index("audit_tenant", "audit", ["tenant", "number"])
    op.create_index("audit_at", "audit", ["at"])
    done = sa.text("state = 'succeeded'")
    op.create_index(
        "job_made",
        "job",
        ["tenant", "report", "finished_at"],
        sqlite_where=done,
        postgresql_where=done,
    )
