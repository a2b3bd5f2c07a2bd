"""The store on SQL: SQLite now, and nothing in it that PostgreSQL and MySQL do not know."""

from prelo.adapters.store_sql.store import SqlStore

__all__ = ["SqlStore"]
