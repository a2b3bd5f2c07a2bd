"""Schedules, and their times with what became of each."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0006"
down_revision = "0005"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("caller", _TEXT, nullable=False),
        sa.Column("plan", _TEXT, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("paused_until", sa.BigInteger),
        sa.Column("next_fire_at", sa.BigInteger),
        sa.Column("last_job_id", sa.String(36)),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64)),
        **_MYSQL,
    )
    op.create_index("schedule_due", "schedule", ["next_fire_at"])
    op.create_index("schedule_listed", "schedule", ["tenant", "created_at", "id"])
    op.create_table(
        "firing",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("schedule_id", sa.String(36), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("asked", sa.Boolean, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("job_id", sa.String(36)),
        sa.Column("detail", _TEXT),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("try_at", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], ondelete="CASCADE"),
        **_MYSQL,
    )
    op.create_index("firing_time", "firing", ["schedule_id", "at", "asked"], unique=True)
    op.create_index("firing_due", "firing", ["outcome", "try_at"])
    op.create_index("firing_listed", "firing", ["schedule_id", "number"])
