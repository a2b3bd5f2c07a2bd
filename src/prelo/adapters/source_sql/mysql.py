"""MySQL and MariaDB, unbuffered, in a transaction that only reads.

By mysqlclient where it is installed, which is written in C, else by PyMySQL: both know the same calls.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa

from prelo.adapters.source_sql.database import BATCH_BYTES, Question, Server, changed
from prelo.adapters.source_sql.marks import not_one_select, single
from prelo.adapters.source_sql.mysql_types import BIT, Header, column_of
from prelo.core.errors import (
    Failure,
    Misconfigured,
    QueryFailed,
    SourceInvalid,
    SourceUnavailable,
)

DRIVERS = ("MySQLdb", "pymysql")
LOCK_SECONDS = 5
CONNECT_SECONDS = 10
BATCH_ROWS = 10_000
_FIRST_ROWS = 500  # then as many as BATCH_BYTES hold
_TLS = {"ssl_ca": "ca", "ssl_cert": "cert", "ssl_key": "key"}

# Lost, stopped, full of connections, locked, or ended by somebody else.
_PASSING = {
    0, 1040, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1205, 1213, 1226, 1317, 1927,
    2002, 2003, 2006, 2013, 2055,
}  # fmt: skip
_REFUSED = {1044, 1045, 1251, 1698, 2059}
_TIMEOUTS = {1969, 3024}
_ONLY_READS, _NO_DATABASE, _NO_TLS = 1792, 1049, 2026
_READS = {"select", "with", "values", "table", "("}  # what a query begins with
_LINE = re.compile(r" at line (\d+)$")


class Mysql:
    """Parameters are quoted by the driver. Times with a zone (TIMESTAMP) are read as UTC."""

    def __init__(self, name: str, url: str) -> None:
        self._server = Server(name, urlsplit(url))
        self._driver = _driver()
        self._settings = _settings(name, url)

    @contextmanager
    def rows(self, question: Question) -> Generator[pa.RecordBatchReader]:
        sql, values = _query(question)
        with ExitStack() as stack:
            connection = stack.enter_context(self._connection(question.seconds))
            cursor = stack.enter_context(_unbuffered(connection, self._driver))
            with self._translated(question.seconds):
                cursor.execute(sql, values)
                if cursor.description is None:
                    raise not_one_select()
                columns = [column_of(header, question.kinds) for header in _headers(cursor)]
                rows = _fetched(cursor)
            schema = pa.schema([(column.name, column.dtype) for column in columns])
            changes = {place: column.change for place, column in enumerate(columns)}
            batches = self._batches(rows, schema, question.seconds)
            yield pa.RecordBatchReader.from_batches(schema, changed(batches, schema, changes))

    def count(self, question: Question) -> int | None:  # noqa: ARG002  the port's
        """What EXPLAIN guesses is too often far away."""
        return None

    def check(self, question: Question) -> None:
        sql, _ = _query(question, mark="?")
        with self._connection(LOCK_SECONDS) as connection, self._translated(LOCK_SECONDS):
            connection.cursor().execute("prepare prelo from %s", (sql.replace("%%", "%"),))

    @contextmanager
    def _connection(self, seconds: float) -> Generator[Any]:
        with self._translated(seconds):
            connection = self._driver.connect(
                **self._settings,
                **_strict(self._driver, tls="ssl" in self._settings),
                conv=_conversions(self._driver),
            )
        try:
            with self._translated(seconds):
                _begin(connection, seconds)
            yield connection
        finally:
            connection.close()

    def _batches(
        self, pages: Iterator[list[Any]], schema: pa.Schema, seconds: float
    ) -> Iterator[pa.RecordBatch]:
        """Columns of plain texts, bytes and numbers, as the driver hands them over."""
        while True:
            with self._translated(seconds):
                page = next(pages, None)
            if page is None:
                return
            arrays = [pa.array(values) for values in zip(*page, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, names=schema.names)

    @contextmanager
    def _translated(self, seconds: float) -> Generator[None]:
        try:
            yield
        except MemoryError:
            raise
        except self._driver.MySQLError as error:
            raise self._failure(error, seconds) from error
        except OSError as error:
            raise SourceUnavailable(f"{self._server.text} broke off: {error.strerror}") from error

    def _failure(self, error: Exception, seconds: float) -> Failure:
        code, said = (*error.args, "", "")[:2]
        if code in _TIMEOUTS:
            return self._server.too_slow(seconds)
        if code in _PASSING or not isinstance(code, int):
            return SourceUnavailable(f"{self._server.text} cannot be read just now: {said}")
        if code == _ONLY_READS:
            return not_one_select()
        if code in {*_REFUSED, _NO_DATABASE, _NO_TLS}:
            return self._misconfigured(code, said)
        placed = _LINE.sub(r" (line \1)", str(said))
        return QueryFailed(f"the database refused the query: {placed}")

    def _misconfigured(self, code: int, said: str) -> SourceInvalid:
        if code == _NO_DATABASE:
            return self._server.missing()
        if code == _NO_TLS:
            return SourceInvalid(f"{self._server.text} cannot be spoken with over TLS: {said}")
        return self._server.refused()


def _driver() -> Any:
    """The first one that is installed. Raises ModuleNotFoundError for the last."""
    name = next((name for name in DRIVERS if find_spec(name)), DRIVERS[-1])
    for part in ("converters", "cursors"):
        import_module(f"{name}.{part}")
    return import_module(name)


def _settings(name: str, url: str) -> dict[str, Any]:
    """What both drivers take. `ssl_ca`, `ssl_cert`, `ssl_key` of the URL are files."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    unknown = given.keys() - {*_TLS, "unix_socket"}
    if unknown:
        known = ", ".join([*_TLS, "unix_socket"])
        raise Misconfigured(
            f"the connection '{name}' has the option '{min(unknown)}'; it may have {known}"
        )
    settings: dict[str, Any] = {
        "host": parts.hostname or "localhost",
        "port": parts.port or 3306,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.lstrip("/")),
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
    }
    if socket := given.get("unix_socket"):
        settings["unix_socket"] = socket
    if tls := {ours: given[key] for key, ours in _TLS.items() if key in given}:
        settings["ssl"] = tls
    return settings


def _strict(driver: Any, *, tls: bool) -> dict[str, Any]:
    """What PyMySQL does anyway: one statement at a time, and never without TLS where it is wished for."""
    if driver.__name__ != "MySQLdb":
        return {}
    return {"multi_statements": False} | ({"ssl_mode": "VERIFY_IDENTITY"} if tls else {})


def _conversions(driver: Any) -> dict[Any, Any]:
    """Values to literals as the driver does it; nothing of what comes back but bits, which are no text."""
    known: Mapping[Any, Any] = driver.converters.conversions
    literals = {key: value for key, value in known.items() if isinstance(key, type)}
    return {**literals, BIT: _bits}


def _bits(value: bytes) -> str:
    return str(int.from_bytes(value))


def _begin(connection: Any, seconds: float) -> None:
    cursor = connection.cursor()
    cursor.execute("select version()")
    maria = "mariadb" in str(cursor.fetchone()[0]).lower()
    limit = (
        f"max_statement_time = {seconds:f}"
        if maria
        else f"max_execution_time = {max(1, int(seconds * 1000))}"
    )
    settings = (
        limit,
        f"lock_wait_timeout = {LOCK_SECONDS}",
        f"net_write_timeout = {max(60, int(seconds))}",  # a writer may be busy for longer than a minute
        "time_zone = '+00:00'",
        "sql_mode = replace(replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'ANSI_QUOTES', '')",
    )
    cursor.execute("set " + ", ".join(f"session {setting}" for setting in settings))
    cursor.execute("start transaction with consistent snapshot, read only")
    cursor.close()


def _query(question: Question, mark: str = "%s") -> tuple[str, tuple[Any, ...]]:
    """The query as the driver takes it, and the values for its marks."""
    parts = single(question.sql, "mysql")
    values: list[Any] = []
    found: list[str] = []
    for kind, text in parts:
        if kind == "name":
            values.append(_value(question.value(text[1:])))
        found.append(mark if kind == "name" else text.replace("%", "%%"))
    if next(text for kind, text in parts if kind != "blank").lower() not in _READS:
        raise not_one_select()
    return "".join(found), tuple(values)


def _value(value: Any) -> Any:
    """A moment with a zone, as the clock of our session shows it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


@contextmanager
def _unbuffered(connection: Any, driver: Any) -> Generator[Any]:
    """A cursor that is not closed in the end: that would read all rows that are left."""
    cursor = connection.cursor(driver.cursors.SSCursor)
    try:
        yield cursor
    finally:  # PyMySQL reads them even when nobody needs the result any more
        result: Any = getattr(cursor, "_result", None)
        if hasattr(result, "unbuffered_active"):
            result.unbuffered_active = False


def _headers(cursor: Any) -> list[Header]:
    flags = getattr(cursor, "description_flags", None)
    if flags is None:
        flags = [field.flags for field in cursor._result.fields]  # noqa: SLF001  PyMySQL says them nowhere else
    return [
        Header(told[0], told[1], told[5] or 0, flag)
        for told, flag in zip(cursor.description, flags, strict=True)
    ]


def _fetched(cursor: Any) -> Iterator[list[Any]]:
    """Rows, as many at a time as BATCH_BYTES hold."""
    size = _FIRST_ROWS
    while page := cursor.fetchmany(size):
        yield page
        cells = (cell for row in page[:: max(1, len(page) // 50)] for cell in row)
        sample = sum(len(cell) if isinstance(cell, str | bytes) else 8 for cell in cells)
        looked = len(page[:: max(1, len(page) // 50)])
        size = max(1, min(BATCH_ROWS, BATCH_BYTES * looked // max(1, sample)))
