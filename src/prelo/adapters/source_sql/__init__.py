"""SQL databases as sources: SQLite, PostgreSQL, MySQL and MariaDB, each in a file of its own."""

from prelo.adapters.source_sql.source import SqlSource

__all__ = ["SqlSource"]
