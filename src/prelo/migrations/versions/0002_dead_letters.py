"""Dead letters: what an outbox row says by itself, the type of a job's error to search by, and the audit."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

_MYSQL: Any = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}
_TEXT = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TYPE_OF_ERROR = {
    "sqlite": "json_extract(error, '$.type')",
    "postgresql": "CAST(error AS json) ->> 'type'",
    "mysql": "json_unquote(json_extract(error, '$.type'))",
    "mariadb": "json_unquote(json_extract(error, '$.type'))",
}


def upgrade() -> None:
    op.add_column("outbox", sa.Column("document", _TEXT))
    op.add_column("job", sa.Column("error_type", sa.String(64)))
    found = _TYPE_OF_ERROR[op.get_bind().dialect.name]
    op.execute(f"UPDATE job SET error_type = {found} WHERE error IS NOT NULL")  # noqa: S608  no input
    wrong = sa.text("error_type IS NOT NULL")
    op.create_index(
        "job_given_up",
        "job",
        ["state", "finished_at", "id"],
        sqlite_where=wrong,
        postgresql_where=wrong,
    )
    _audit()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("detail", _TEXT, nullable=False),
        **_MYSQL,
    )
    op.create_index("audit_job", "audit", ["job_id", "number"])
    op.create_index("audit_actor", "audit", ["actor", "number"])
