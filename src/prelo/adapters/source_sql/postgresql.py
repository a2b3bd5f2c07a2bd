"""PostgreSQL by ADBC: binary COPY, in a transaction that only reads."""

import json
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import adbc_driver_manager.dbapi as adbc
import adbc_driver_postgresql.dbapi as postgresql
import pyarrow as pa
from adbc_driver_postgresql import StatementOptions
from psycopg import DataError
from psycopg.sql import Literal

from prelo.adapters.source_sql.database import BATCH_BYTES, Question, Server, ahead, changed
from prelo.adapters.source_sql.marks import not_one_select, place_in, single
from prelo.adapters.source_sql.postgresql_types import Table
from prelo.core.errors import Failure, QueryFailed, SourceInvalid, SourceUnavailable

CHECK_SECONDS = 5
T = TypeVar("T")
_CONNECT = {
    "application_name": "prelo",
    "connect_timeout": "10",
    # A host that is gone without a word is noticed in seconds, not in hours.
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "client_encoding": "UTF8",  # what Arrow's texts are
}
# What the quoting of parameters and `marks` read by. A longer lock is worth another attempt, not a slot. And
# what is asked outside of a report's own transaction, as an estimate, is worth half a second.
_OPTIONS = (
    "-c standard_conforming_strings=on -c default_transaction_read_only=on -c lock_timeout=5000 "
    "-c statement_timeout=500"
)
# A new connection learns all of the server's types first, which takes longer than a small report. So one is
# kept for the next report, for a while: its types may have become more.
_KEPT_SECONDS = 600.0
_BEGIN = "begin isolation level repeatable read, read only"
# So that a report is checked with the types that it will run with. A text is of no type, as in SQL.
_NULLS = {
    "integer": "null::bigint", "number": "null::numeric", "boolean": "null::boolean",
    "date": "null::date", "datetime": "null::timestamptz",
}  # fmt: skip


@dataclass
class _Opened:
    connection: adbc.Connection
    since: float = field(default_factory=time.monotonic)


class Postgresql:
    """The parameters stand in the query as literals quoted by psycopg: with bound ones the driver leaves
    COPY, and holds all rows at once.
    """

    def __init__(self, name: str, url: str) -> None:
        self._server = Server(name, urlsplit(url))
        given = dict(parse_qsl(self._server.url.query, keep_blank_values=True))
        options = f"{_OPTIONS} {given.pop('options', '')}".strip()
        asked = {**_CONNECT, **given, "options": options}
        asked = urlencode(asked, quote_via=quote)  # libpq takes + for a plus
        self._kept: _Opened | None = None
        self._url = f"postgresql://{self._server.url.netloc}{self._server.url.path}?{asked}"

    def __del__(self) -> None:
        if kept := getattr(self, "_kept", None):
            kept.connection.close()

    @contextmanager
    def rows(self, question: Question) -> Generator[pa.RecordBatchReader]:
        query = _Query(question)
        with self._cursor(question.seconds, query) as cursor:
            with self._translated(question.seconds, query):
                table = Table(_described(cursor, query), question.kinds)
                cursor.execute(table.around(query.text))
                batches = self._watched(cursor.fetch_record_batch(), question.seconds, query)
                first = next(batches, None)
                schema, changes = table.settled(first)
            every = changed(_chained(first, batches), schema, changes)
            if first is None or first.nbytes < BATCH_BYTES // 2:  # it is the only one
                yield pa.RecordBatchReader.from_batches(schema, every)
            else:
                with ahead(every, partial(_stop, cursor)) as read:
                    yield pa.RecordBatchReader.from_batches(schema, read)

    def count(self, question: Question) -> int | None:
        """The planner's estimate, which runs nothing."""
        try:
            query = _Query(question)
            with self._translated(question.seconds, query):
                opened, rows = self._on_kept(partial(_estimated, query.text))
        except Failure:
            return None  # `rows` says why
        self._put_by(opened)
        return rows

    def check(self, question: Question) -> None:
        query = _Query(question)
        with (
            self._cursor(CHECK_SECONDS, query) as cursor,
            self._translated(CHECK_SECONDS, query),
        ):
            _described(cursor, query)
            try:  # nothing but a SELECT can stand there
                cursor.adbc_execute_schema(f"select * from ({query.text}) as q")  # noqa: S608  the report's own
            except adbc.ProgrammingError as error:
                raise not_one_select() from error

    @contextmanager
    def _cursor(self, seconds: float, query: "_Query") -> Generator[adbc.Cursor]:
        """In a transaction; nothing of it is left on the connection for the next one."""
        timeout = f"set local statement_timeout = {max(1, int(seconds * 1000))}"
        with self._translated(seconds, query):
            opened, _ = self._on_kept(partial(_say, f"{_BEGIN}; {timeout}"))
        try:
            cursor = opened.connection.cursor()
            hint = {StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)}
            cursor.adbc_statement.set_options(**hint)
            yield cursor
            cursor.close()
        except BaseException:
            opened.connection.close()
            raise
        try:
            _say("rollback", opened.connection)
            _say("discard all", opened.connection)
        except adbc.Error:
            opened.connection.close()
        else:
            self._put_by(opened)

    def _on_kept(self, act: Callable[[adbc.Connection], T]) -> "tuple[_Opened, T]":
        """`act` on the connection that was kept, if it still is one, else on a new one."""
        kept, self._kept = self._kept, None
        if kept is not None:
            try:
                return kept, act(kept.connection)
            except adbc.Error:  # the server was started anew, or it ended who did nothing
                kept.connection.close()
        opened = _Opened(postgresql.connect(self._url, autocommit=True))
        try:
            return opened, act(opened.connection)
        except BaseException:
            opened.connection.close()
            raise

    def _put_by(self, opened: "_Opened") -> None:
        if time.monotonic() - opened.since > _KEPT_SECONDS or self._kept is not None:
            opened.connection.close()
        else:
            self._kept = opened

    def _watched(
        self, reader: pa.RecordBatchReader, seconds: float, query: "_Query"
    ) -> Iterator[pa.RecordBatch]:
        while True:
            with self._translated(seconds, query):
                batch = next(reader, None)
                if batch is None:
                    return
                batch.validate(full=True)  # a database in SQL_ASCII takes any bytes for text
            yield batch

    @contextmanager
    def _translated(self, seconds: float, query: "_Query") -> Generator[None]:
        try:
            yield
        except MemoryError:
            raise
        except pa.ArrowInvalid as error:
            raise SourceInvalid(f"a text is not UTF-8: {error}") from error
        except (adbc.Error, OSError) as error:
            raise self._failure(error, seconds, query) from error

    def _failure(self, error: Exception, seconds: float, query: "_Query") -> Failure:
        state, said = getattr(error, "sqlstate", None) or "", _said(error)
        if not state:
            state = _state_of(str(error))
        if state == "57014" and "statement timeout" in str(error):
            return self._server.too_slow(seconds)
        if state[:2] == "28":
            return self._server.refused()
        if state == "3D000":
            return self._server.missing()
        if state[:2] in _PASSING or state in _PASSING:
            return SourceUnavailable(f"{self._server.text} cannot be read just now: {said}")
        if state == "25006" or (state == "42601" and "\nLINE 1: COPY (" in str(error)):
            return not_one_select()  # it writes, or was good alone and is nothing that COPY takes
        return QueryFailed(f"the database refused the query: {said}{query.place(error)}")


# Lost and refused connections, no room or memory, stops and starts, conflicts of a standby or with others.
_PASSING = {"08", "53", "57", "58", "40", "55P03"}
# Of a refused or broken connection, and of what breaks off between two rows, there are words and no code.
_STATES = {
    "password authentication failed": "28P01", "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000", 'FATAL:  role "': "28000", 'FATAL:  database "': "3D000",
    "statement timeout": "57014", "user request": "57014", "lock timeout": "55P03",
    "conflict with recovery": "40001", "FATAL:": "57P01", "PANIC:": "57P01", "ERROR:": "XX000",
}  # fmt: skip
_NOISE = re.compile(r"^(?:[A-Z_]+: )?(?:\[libpq\] )?(?:.*?(?:ERROR|FATAL):\s+)?", re.DOTALL)


def _say(statement: str, connection: adbc.Connection) -> None:
    """What has no rows; `execute` would prepare it first, and see whether COPY takes it."""
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_sql_query(statement)
        cursor.adbc_statement.execute_update()


def _estimated(sql: str, connection: adbc.Connection) -> int | None:
    with connection.cursor() as cursor:
        cursor.adbc_statement.set_options(**{StatementOptions.USE_COPY.value: "false"})
        cursor.execute(f"explain (format json) {sql}")
        row = cursor.fetchone()
    return int(json.loads(row[0])[0]["Plan"]["Plan Rows"]) if row else None


def _state_of(said: str) -> str:
    return next((state for words, state in _STATES.items() if words in said), "08006")


def _said(error: Exception) -> str:
    """The server's own sentence: neither the query, which has the parameters in it, nor the URL."""
    details = dict(getattr(error, "details", None) or [])
    if primary := details.get("PG_DIAG_MESSAGE_PRIMARY") or details.get(b"PG_DIAG_MESSAGE_PRIMARY"):
        return primary.decode("utf-8", "replace")
    return _NOISE.sub("", str(error)).partition("\n")[0].strip()


def _described(cursor: adbc.Cursor, query: "_Query") -> pa.Schema:
    """By preparing the query alone, which also gives the plainest messages."""
    schema = cursor.adbc_execute_schema(query.text)
    if not len(schema):
        raise not_one_select()
    return schema


def _stop(cursor: adbc.Cursor) -> None:
    with suppress(adbc.Error):
        cursor.adbc_cancel()


def _chained(
    first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
        yield from rest


class _Query:
    """A query with its parameters in it, and the way back from a place in it to the report's own text."""

    def __init__(self, question: Question) -> None:
        self._sql = question.sql
        found: list[str] = []
        self._marks: list[tuple[range, range]] = []  # a literal in the text, its mark in the query
        here = there = 0
        for kind, text in single(question.sql, "postgresql"):
            put = _literal(question, text[1:]) if kind == "name" else text
            ends = here + len(put), there + len(text)
            if kind == "name":
                self._marks.append((range(here, ends[0]), range(there, ends[1])))
            found.append(put)
            here, there = ends
        self.text = "".join(found) + "\n"  # a comment at its end ends there

    def place(self, error: Exception) -> str:
        """Where it is, if the server says so."""
        details = dict(getattr(error, "details", None) or [])
        said = details.get("PG_DIAG_STATEMENT_POSITION") or details.get(
            b"PG_DIAG_STATEMENT_POSITION"
        )
        if not said:
            return ""
        offset = int(said) - 1
        for literal, mark in reversed(self._marks):
            if offset >= literal.start:
                offset = mark.start if offset in literal else mark.stop + offset - literal.stop
                break
        return place_in(self._sql, offset)


def _literal(question: Question, name: str) -> str:
    value = question.value(name)
    if value is None:
        return f"({_NULLS.get(question.types.get(name, ''), 'null')})"
    try:
        return f"({_typed(value)})"
    except DataError as error:
        raise QueryFailed(f"the parameter '{name}' is no value for PostgreSQL: {error}") from error


def _typed(value: Any) -> str:
    quoted = Literal(value).as_string()
    return quoted if not isinstance(value, datetime) or value.tzinfo else f"{quoted}::timestamp"
