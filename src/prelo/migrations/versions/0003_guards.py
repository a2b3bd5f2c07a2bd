"""Which sources a job reads, and the losses that put a report in quarantine."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("job", sa.Column("sources", _TEXT))
    op.create_table(
        "loss",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("report", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("recent", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        **_MYSQL,
    )
    op.create_index("loss_version", "loss", ["report", "version", "at"])
    op.create_index("loss_at", "loss", ["at"])
