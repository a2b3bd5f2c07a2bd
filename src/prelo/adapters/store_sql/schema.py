"""Bringing the schema up, and saying in a sentence when it is not this program's."""

from sqlalchemy import column, select, table

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import VERSION
from prelo.core.errors import Misconfigured

_LOCK = 7_239_842_106  # any number that is ours alone
_MARK = table("alembic_version", column("version_num"))


def upgrade(tx: Transaction, name: str) -> None:
    """Run the migrations that are missing; all of them or none, and nobody else's at the same time."""
    if tx.connection.dialect.name == "postgresql":
        # Whoever else migrates waits here, and then finds it done; and a migration may take its time.
        tx.connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        tx.connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        tx.connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    if _refused_or(tx, name) == VERSION:
        return
    # Alembic is large, and only whoever migrates pays for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "prelo:migrations")
    config.attributes["connection"] = tx.connection
    command.upgrade(config, "head")


def check(tx: Transaction, name: str) -> None:
    """Raise Misconfigured unless the schema is exactly this program's."""
    version = _refused_or(tx, name)
    if version is None:
        raise Misconfigured(f"the database {name} has no tables yet; run `prelo migrate`")
    if version != VERSION:
        raise Misconfigured(
            f"the database {name} has schema {version}, this program needs {VERSION}; "
            "run `prelo migrate`"
        )


def _refused_or(tx: Transaction, name: str) -> str | None:
    """The schema's version, None if there is none. Raises Misconfigured for one of a newer program."""
    version = _version(tx)
    if version is not None and version > VERSION:  # they are numbers of four digits
        raise Misconfigured(
            f"the database {name} has schema {version}, this program knows up to {VERSION}; "
            "use the newer Prelo that made it, or a database restored from before"
        )
    return version


def _version(tx: Transaction) -> str | None:
    if not tx.connection.dialect.has_table(tx.connection, "alembic_version"):
        return None
    return tx.connection.execute(select(_MARK.c.version_num)).scalar_one_or_none()
