"""Whose a transition is, for those who follow a tenant's jobs; and datasets, which callers upload."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0007"
down_revision = "0006"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


def upgrade() -> None:
    # Lines that are there keep NULL: to fill a log of years in one transaction would stop the house.
    op.add_column("transition", sa.Column("tenant", sa.String(255)))
    op.add_column("transition", sa.Column("scope", sa.String(255)))
    op.add_column("transition", sa.Column("report", sa.String(64)))
    op.create_index("transition_tenant", "transition", ["tenant", "number"])
    op.create_table(
        "dataset",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("key", sa.String(512), nullable=False),
        sa.Column("finding", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        **_MYSQL,
    )
    op.create_index("dataset_listed", "dataset", ["tenant", "created_at", "id"])
    op.create_index("dataset_expiry", "dataset", ["expires_at"])
    op.create_index("dataset_key", "dataset", ["key"])
