"""SQLite by ADBC, as a stream of record batches."""

import re
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime
from datetime import time as clock_time
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_manager.dbapi as adbc
import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa
import pyarrow.compute as pc

from prelo.adapters.source_sql.database import Question
from prelo.adapters.source_sql.marks import not_one_select, place_in
from prelo.core.errors import (
    Failure,
    Misconfigured,
    QueryFailed,
    SourceInvalid,
    SourceUnavailable,
)

BATCH_ROWS = 20_000
COUNT_SECONDS = 0.5
BUSY_MS = 2_000  # a longer lock is worth another attempt, not a slot

_SQLITE_URL = re.compile(r"sqlite(\+\w+)?:///(?P<path>[^?]+)")
_NOISE = re.compile(r"^(?:[A-Z_]+: )?(?:\[SQLite\] )?(?:Failed to \w+ query: )?")
_NEAR = re.compile(r'near "([^"]+)"')
_MISMATCH = re.compile(r"Type mismatch in column (\d+): expected (\w+) but got (\w+)")
# SQLite's own sentences (sqlite3_errstr), whole: a column may be named `locked`.
_UNREACHABLE = re.compile(
    r"(database|database table|database schema) is locked|disk I/O error|unable to open database file"
    r"|locking protocol|failed to open "
)
_BROKEN = re.compile(r"file is not a database|database disk image is malformed")
_WORDS = {"INT64": "whole numbers", "DOUBLE": "numbers", "STRING": "text", "BINARY": "bytes"}
_VENDOR = (adbc.Error, OSError, pa.ArrowException)

# The driver takes each column's type from the first batch, and NULL there for an integer. One pattern
# row in front of the query's own makes it the type that the column's kind needs.
_NUMBERS = {"number", "decimal", "money", "percent", "scientific", "duration"}
_TEXTS = {"text", "code", "link", "date", "datetime", "time", "boolean"}

# Where the first batch mixes texts and reals, the driver prints the reals so, and six digits are left.
_ROUNDED = r"^-?\d\.\d{6}e[+-]\d+$"


class Sqlite:
    """A file, opened read-only. Parameters are bound; dates as ISO texts."""

    def __init__(self, name: str, url: str) -> None:
        self._name, self._path = name, _path(name, url)

    @contextmanager
    def rows(self, question: Question) -> Generator[pa.RecordBatchReader]:
        sql = question.sql
        with ExitStack() as stack:
            with _translated(sql):
                cursor = self._cursor(stack)
                values = _bound(cursor, question)
                names = _names(cursor, sql, values)
                run = _Run(cursor, sql, values, {n: question.kinds.get(n, "") for n in names})
            yield pa.RecordBatchReader.from_batches(run.schema, run.batches())

    def count(self, question: Question) -> int | None:
        """By counting, for at most COUNT_SECONDS, before anything else has the file open.

        Python's own SQLite, since ADBC's cannot be interrupted.
        """
        if not self._path.is_file():
            return None
        end = time.monotonic() + COUNT_SECONDS
        values = {name: _sql_value(value) for name, value in question.parameters.items()}
        with closing(sqlite3.connect(_read_only(self._path), uri=True, timeout=0)) as opened:
            opened.set_progress_handler(lambda: time.monotonic() > end, 10_000)
            try:
                query = f"select count(*) from ({_bare(question.sql)}\n)"  # noqa: S608  the report's own
                return opened.execute(query, values).fetchone()[0]
            except sqlite3.Error:
                return None  # too slow, or wrong: `rows` says how

    def check(self, question: Question) -> None:
        with ExitStack() as stack, _translated(question.sql):
            cursor = self._cursor(stack)
            _names(cursor, question.sql, _bound(cursor, question))

    def _cursor(self, stack: ExitStack) -> adbc.Cursor:
        if not self._path.is_file():
            raise SourceInvalid(
                f"the database {self._path} of the connection '{self._name}' is missing"
            )
        opened = sqlite.connect(_read_only(self._path), autocommit=True)
        cursor = stack.enter_context(stack.enter_context(opened).cursor())
        cursor.execute(f"pragma busy_timeout = {BUSY_MS}")
        cursor.fetchall()
        cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        return cursor


def _read_only(path: Path) -> str:
    return f"file:{quote(str(path.absolute()))}?mode=ro"


@contextmanager
def _translated(sql: str) -> Generator[None]:
    try:
        yield
    except MemoryError:
        raise
    except _VENDOR as error:
        raise _failure(error, sql) from error


def _path(name: str, url: str) -> Path:
    match = _SQLITE_URL.fullmatch(url)
    if not match:
        raise Misconfigured(
            f"the connection '{name}' must be sqlite:///relative or sqlite:////absolute path"
        )
    return Path(match["path"])


def _bound(cursor: adbc.Cursor, question: Question) -> dict[str, Any]:
    """The values of the parameters that the query names, as SQLite compares them.

    Preparing the query alone, before anything is put around it, also gives the plainest messages.
    """
    if not _bare(question.sql):
        raise QueryFailed("the query is empty")
    named = cursor.adbc_prepare(question.sql)
    values: dict[str, Any] = {}
    for mark in named.names if named is not None else ():
        if not mark.startswith(":"):
            raise QueryFailed(f"the query asks for '{mark}'; parameters are written :name")
        values[mark] = _sql_value(question.value(mark[1:]))
    return values


def _sql_value(value: Any) -> Any:
    """SQLite has no dates; its own functions write them as ISO texts, times after a space."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | clock_time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _names(cursor: adbc.Cursor, sql: str, values: dict[str, Any]) -> list[str]:
    """The query's column names, without running it."""
    try:
        cursor.execute(f"select * from ({_bare(sql)}\n) limit 0", values)  # noqa: S608
        return cursor.fetch_record_batch().schema.names
    except adbc.ProgrammingError as error:  # it was good alone
        raise not_one_select() from error


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()


class _Run:
    """One run of a query, with the types settled by its first batch."""

    def __init__(
        self, cursor: adbc.Cursor, sql: str, values: dict[str, Any], kinds: dict[str, str]
    ) -> None:
        self._cursor, self._sql, self._values, self._kinds = cursor, sql, values, kinds
        self._as_text = {name for name, kind in kinds.items() if kind in _TEXTS}
        self._execute()
        if rounded := {name for name in kinds if self._is_rounded(name)}:
            self._as_text |= rounded
            self._execute()

    def _execute(self) -> None:
        pattern = ", ".join(map(self._pattern, self._kinds))
        columns = ", ".join(map(self._column, self._kinds))
        self._cursor.execute(
            f"select {pattern} union all select {columns} from ({_bare(self._sql)}\n)",  # noqa: S608
            self._values,
        )
        self._reader = self._cursor.fetch_record_batch()
        self._first = self._reader.read_next_batch()
        fields = zip(self._kinds, self._reader.schema.types, strict=True)
        self.schema = pa.schema(list(fields))

    def _pattern(self, name: str) -> str:
        if name in self._as_text:
            return "''"
        return "0.0" if self._kinds[name] in _NUMBERS else "null"

    def _column(self, name: str) -> str:
        quoted = "`" + name.replace("`", "``") + "`"  # unlike "…", never taken for a text
        return f"cast({quoted} as text)" if name in self._as_text else quoted

    def _is_rounded(self, name: str) -> bool:
        place = self.schema.get_field_index(name)
        if name in self._as_text or not pa.types.is_string(self.schema.types[place]):
            return False
        found = pc.match_substring_regex(self._first.column(place), _ROUNDED)  # pyright: ignore[reportAttributeAccessIssue]
        return self._kinds[name] in _NUMBERS or True in found.unique().to_pylist()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every batch but the pattern row. Raises SourceInvalid for a value of another type."""
        row = 1
        try:
            for batch in chain([self._first.slice(1)], self._reader):
                # SQLite takes any bytes for text, and readers of Arrow trust a string to be UTF-8.
                batch.validate(full=True)
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
                row += batch.num_rows
        except MemoryError:
            raise
        except _VENDOR as error:
            raise _broken_batch(error, self.schema, row) or _failure(error, self._sql) from error


def _broken_batch(error: Exception, schema: pa.Schema, row: int) -> SourceInvalid | None:
    """What the driver says about values, in words; `row` is the first of the batch that failed."""
    if isinstance(error, pa.ArrowInvalid):
        return SourceInvalid(f"after row {row - 1}, a text is not UTF-8: {error}")
    match = _MISMATCH.search(str(error))
    if not match:
        return None
    name = schema.names[int(match[1])]
    expected, got = (_WORDS.get(word, word) for word in match.group(2, 3))
    return SourceInvalid(
        f"column '{name}', after row {row - 1}: found {got} where there were only {expected} (or "
        f"nothing) before; give the column a kind in the report, as 'number' or 'text', or write "
        f"cast({name} as real) or cast({name} as text) in the query"
    )


def _failure(error: Exception, sql: str) -> Failure:
    said = _NOISE.sub("", str(error).partition("\nquery:")[0])
    if _UNREACHABLE.match(said):
        return SourceUnavailable(f"the database cannot be read just now: {said}")
    if _BROKEN.match(said):
        return SourceInvalid(f"the database is no SQLite database or damaged: {said}")
    return QueryFailed(f"the database refused the query: {said}{_place(said, sql)}")


def _place(said: str, sql: str) -> str:
    """Where in the query it is, if the word that SQLite names stands there only once."""
    near = _NEAR.search(said)
    found = list(re.finditer(rf"(?<!\w){re.escape(near[1])}(?!\w)", sql)) if near else []
    if len(found) != 1:
        return ""
    return place_in(sql, found[0].start())
