"""Whose a transition is, for those who follow a tenant's jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"


def upgrade() -> None:
    # Lines that are there keep NULL: to fill a log of years in one transaction would stop the house.
    op.add_column("transition", sa.Column("tenant", sa.String(255)))
    op.add_column("transition", sa.Column("scope", sa.String(255)))
    op.add_column("transition", sa.Column("report", sa.String(64)))
    op.create_index("transition_tenant", "transition", ["tenant", "number"])
