"""Port Source for queries, whatever the database."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import pyarrow as pa

from prelo.adapters.source_sql.database import Database, Question
from prelo.core.errors import Misconfigured, SourceInvalid
from prelo.core.report import Limits, Report
from prelo.core.table import Column

DATABASES = {  # by the scheme of the URL: a driver that no connection needs is not imported
    "sqlite": "sqlite:Sqlite",
    "postgresql": "postgresql:Postgresql",
    "postgres": "postgresql:Postgresql",
    "mysql": "mysql:Mysql",
    "mariadb": "mysql:Mysql",
}
EXTRAS = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}


class SqlSource:
    """`connections`: name -> URL, as sqlite:////var/data/sales.db or postgresql://user:password@host/sales.

    The connection is read-only; a query is one SELECT and reads one snapshot. Parameters are values and
    never SQL, those only that the query names.
    """

    def __init__(self, connections: Mapping[str, str]) -> None:
        self._databases = {name: _database(name, url) for name, url in connections.items()}

    def open(
        self, report: Report, parameters: Mapping[str, Any]
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        return self._of(report.source.connection).rows(_question(report, parameters))

    def query(
        self,
        connection: str,
        sql: str,
        parameters: Mapping[str, Any],
        columns: Mapping[str, Column] | None = None,
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """The rows of `sql`; `columns` say which types are wanted where the data leaves it open."""
        return self._of(connection).rows(Question(sql, parameters, _kinds(columns or {})))

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:
        database = self._databases.get(report.source.connection)
        return database.count(_question(report, parameters)) if database else None

    def check(self, report: Report) -> None:
        nothing = dict.fromkeys(report.parameters)
        self._of(report.source.connection).check(_question(report, nothing))

    def _of(self, connection: str) -> Database:
        database = self._databases.get(connection)
        if database is None:
            known = ", ".join(sorted(self._databases)) or "none"
            raise SourceInvalid(
                f"the connection '{connection}' is not configured; configured: {known}"
            )
        return database


def _question(report: Report, parameters: Mapping[str, Any]) -> Question:
    limits: Limits = report.limits
    return Question(
        report.source.query or "",
        parameters,
        _kinds(report.columns),
        {name: parameter.type for name, parameter in report.parameters.items()},
        limits.seconds,
    )


def _kinds(columns: Mapping[str, Column]) -> dict[str, str]:
    return {name: column.kind.name for name, column in columns.items() if column.kind}


def _database(name: str, url: str) -> Database:
    scheme = url.partition(":")[0].partition("+")[0]
    if scheme not in DATABASES:
        known = ", ".join(f"{key}://" for key in DATABASES)
        raise Misconfigured(
            f"the connection '{name}' begins with {scheme}://; this version knows {known}"
        )
    module, _, kind = DATABASES[scheme].partition(":")
    try:
        made: Callable[[str, str], Database] = getattr(
            import_module(f"prelo.adapters.source_sql.{module}"), kind
        )
        return made(name, url)
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"the connection '{name}' needs the package '{error.name}'; install it by: "
            f"pip install 'prelo[{EXTRAS[scheme]}]'"
        ) from error
