"""What every source promises, and what each technology adds; a new one is one line in SOURCES."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prelo.adapters.source_file import FileSource
from prelo.adapters.source_python import PythonSource
from prelo.adapters.source_rows import RowsSource
from prelo.adapters.source_sql import BATCH_ROWS, SqlSource
from prelo.core.errors import (
    DefinitionMissing,
    Failure,
    FunctionFailed,
    Misconfigured,
    QueryFailed,
    SourceInvalid,
    SourceUnavailable,
)
from prelo.core.report import Report
from prelo.core.table import Column, Kind
from prelo.formats.stream import open_stream
from prelo.ports import Source

ROWS = [(1, "a", 1.5), (2, None, -2.25), (3, "ü", None)]
NAMES = ("n", "t", "x")


def rows_source(_: Path) -> tuple[Source, dict[str, Any]]:
    return RowsSource(), {"names": NAMES, "rows": ROWS}


def csv_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    (folder / "data.csv").write_text("n,t,x\n1,a,1.5\n2,,-2.25\n3,ü,\n", encoding="utf-8")
    return FileSource(folder), {"file": "data.csv"}


def parquet_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    pq.write_table(table(), folder / "data.parquet")
    return FileSource(folder), {"file": "data.parquet"}


def arrow_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    with pa.ipc.new_file(folder / "data.arrow", table().schema) as file:
        file.write_table(table())
    return FileSource(folder), {"file": "data.arrow"}


def arrow_stream_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    with pa.ipc.new_stream(folder / "data.arrow", table().schema) as file:
        file.write_table(table())
    return FileSource(folder), {"file": "data.arrow"}


def lines_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    lines = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return FileSource(folder), {"file": "data.jsonl"}


def sql_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    fill(folder / "data.db", "create table t (n integer, t text, x real)", ROWS)
    return sqlite(folder), {"query": "select n, t, x from t order by n"}


def python_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    (folder / "made.py").write_text(
        f"def made():\n    for row in {ROWS!r}:\n        yield dict(zip({NAMES!r}, row))\n",
        encoding="utf-8",
    )
    return PythonSource(folder, sqlite(folder).query), {"python": "made.py:made"}


SOURCES: dict[str, Callable[[Path], tuple[Source, dict[str, Any]]]] = {
    "rows": rows_source,
    "csv": csv_source,
    "parquet": parquet_source,
    "arrow": arrow_source,
    "arrow-stream": arrow_stream_source,
    "lines": lines_source,
    "sqlite": sql_source,
    "python": python_source,
}


@pytest.mark.parametrize("technology", list(SOURCES))
def test_rows_arrive_in_order_with_their_types_and_nulls(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    asked = report(**spec)
    source.check(asked)
    for _ in range(2):  # a source is opened again and again in a warm press
        frame = read(source, asked)
        assert frame.rows() == ROWS
        assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "String", "Float64"]


@pytest.mark.parametrize("technology", list(SOURCES))
def test_a_column_gets_the_kind_that_the_report_gives_it(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    frame = read(source, report(columns={"n": "code", "x": "money:EUR"}, **spec))
    assert frame["n"].to_list() == ["1", "2", "3"]
    assert [None if v is None else float(v) for v in frame["x"]] == [1.5, -2.25, None]


@pytest.mark.parametrize("technology", list(SOURCES))
def test_a_value_that_is_not_of_the_kind_is_named(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    with pytest.raises(Failure, match=r"column 't', row 1: 'a' is not a valid integer"):
        read(source, report(columns={"t": "integer"}, **spec))


@pytest.mark.parametrize("technology", list(SOURCES))
def test_leaving_in_the_middle_is_clean(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)

    def use() -> None:
        with source.open(report(**spec), {}) as data:
            open_stream(data, report(**spec))
            raise OSError("ours")  # never taken for the source's

    with pytest.raises(OSError, match=r"^ours$"):
        use()


# Inline rows


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("integer", "12", 12),
        ("integer", 3.0, 3),
        ("boolean", "TRUE", True),
        ("boolean", 0, False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("code", "007", "007"),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("number", "1.5", 1.5),
    ],
)
def test_inline_values_are_read_by_their_kind(kind: str, value: Any, wanted: Any):
    asked = report(names=("v",), rows=[(value,), (None,)], columns={"v": kind})
    assert read(RowsSource(), asked)["v"].to_list() == [wanted, None]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 1.5),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "x"),
        ("number", "many"),
        ("money:EUR", "1,50"),
        ("money:EUR", "1e40"),
        ("boolean", 2),
        ("boolean", "perhaps"),
        ("date", "31.01.2026"),
        ("date", 20260131),
        ("datetime", "soon"),
        ("time", "25:00"),
        ("duration", "long"),
        ("text", {"a": 1}),
        ("text", "\ud800"),
    ],
)
def test_an_inline_value_that_does_not_fit_is_named(kind: str, value: Any):
    rows = [(None,), (value,)]
    with pytest.raises(SourceInvalid, match=r"column 'v', row 2: .* is not a valid "):
        RowsSource().check(report(names=("v",), rows=rows, columns={"v": kind}))


def test_money_in_texts_keeps_every_digit_and_floats_stay_floats():
    asked = report(
        names=("a", "b"),
        rows=[("0.10", 1.1), ("12345678901234567.89", 2)],
        columns={"a": "money:EUR"},
    )
    frame = read(RowsSource(), asked)
    assert [str(value).rstrip("0") for value in frame["a"]] == ["0.1", "12345678901234567.89"]
    assert frame["b"].to_list() == [1.1, 2.0]


def test_undescribed_inline_columns_take_the_narrowest_kind():
    asked = report(
        names=("i", "f", "b", "t", "n"), rows=[(1, 1, True, 1, None), (2, 2.5, False, "x", None)]
    )
    kinds = [str(field.kind) for field in fields(RowsSource(), asked)]
    assert kinds == ["integer", "number", "boolean", "text", "text"]


def test_times_with_a_zone_and_without_do_not_mix():
    rows = [("2026-01-01T00:00:00Z",), ("2026-01-01T00:00:00",)]
    with pytest.raises(SourceInvalid, match="choose one"):
        RowsSource().check(report(names=("v",), rows=rows, columns={"v": "datetime"}))


def test_short_rows_and_no_rows():
    with pytest.raises(SourceInvalid, match="row 2 has 1 values, the report has 2"):
        RowsSource().check(report(names=("a", "b"), rows=[(1, 2), (1,)]))
    assert read(RowsSource(), report(names=("a", "b"), rows=[])).columns == ["a", "b"]


# Files


def test_codes_keep_their_zeros_and_na_is_a_text(tmp_path: Path):
    (tmp_path / "d.csv").write_text('zip,country,empty\n00123,NA,""\n10000,DE,\n')
    assert read(FileSource(tmp_path), report(file="d.csv")).rows() == [
        ("00123", "NA", ""),
        ("10000", "DE", None),
    ]


def test_a_column_that_begins_empty_or_whole_is_read_by_its_kind(tmp_path: Path):
    lines = "".join(f"{n},,\n" for n in range(300_000)) + "0.5,late,1.25\n"
    (tmp_path / "d.csv").write_text("n,t,m\n" + lines)
    kinds = {"n": "number", "m": "money:EUR"}
    last = read(FileSource(tmp_path), report(file="d.csv", columns=kinds)).row(-1)
    assert (last[0], last[1], float(last[2])) == (0.5, "late", 1.25)


def test_a_broken_line_half_way_is_named(tmp_path: Path):
    good = "".join(f"{n},x\n" for n in range(200_000))
    (tmp_path / "few.csv").write_text(f"a,b\n{good}1\n")
    (tmp_path / "type.csv").write_text(f"a,b\n{good}x,x\n")
    with pytest.raises(SourceInvalid, match=r"'few.csv' is broken .*Row #200002: Expected 2"):
        read(FileSource(tmp_path), report(file="few.csv"))
    with pytest.raises(SourceInvalid, match=r"Row #200002: .*'x'; give the column a kind"):
        read(FileSource(tmp_path), report(file="type.csv"))


def test_broken_files_of_every_kind_are_said(tmp_path: Path):
    many = pa.table({"a": list(range(50_000))})
    pq.write_table(many, tmp_path / "cut.parquet")
    with pa.ipc.new_stream(tmp_path / "cut.arrow", many.schema) as file:
        file.write_table(many, 1000)
    for name in ("cut.parquet", "cut.arrow"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.jsonl").write_text('{"a": 1}\n{"a": \n')
    (tmp_path / "list.jsonl").write_text('{"a": 1}\n[1]\n')
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9t\xe9\n")
    for name, said in {
        "cut.parquet": "cannot be read",
        "cut.arrow": "broken after row",
        "cut.jsonl": "line 2 is not JSON",
        "list.jsonl": "line 2 is no JSON object",
        "empty.csv": "Empty",
        "latin.csv": "UTF8",
    }.items():
        with pytest.raises(SourceInvalid, match=said):
            read(FileSource(tmp_path), report(file=name))


def test_files_outside_missing_or_unknown_are_refused(tmp_path: Path):
    folder = tmp_path / "catalog"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "notes.txt").write_text("")
    outside = ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "x/../../secret.csv")
    for name in outside:
        with pytest.raises(SourceInvalid, match="not below the catalog"):
            read(FileSource(folder), report(file=name))
    with pytest.raises(SourceInvalid, match="missing"):
        read(FileSource(folder), report(file="gone.csv"))
    with pytest.raises(SourceInvalid, match=r"no known kind; use one of .*\.parquet"):
        read(FileSource(folder), report(file="notes.txt"))


# SQL


def test_parameters_are_bound_and_only_those_the_query_names(tmp_path: Path):
    fill(
        tmp_path / "data.db",
        "create table t (d date, name text)",
        [("2026-01-01", "a'; --"), ("2026-02-01", "b")],
    )
    asked = report(query="select name from t where d >= :start and (name = :name or :name is null)")
    given = {"start": date(2026, 1, 1), "name": "a'; --", "unused": 1}
    assert read(sqlite(tmp_path), asked, given).rows() == [("a'; --",)]
    given = {"start": date(2026, 1, 15), "name": None}
    assert read(sqlite(tmp_path), asked, given).rows() == [("b",)]


def test_a_kind_settles_what_the_first_batch_leaves_open(tmp_path: Path):
    late = [(None, None, 1, None)] * (2 * BATCH_ROWS) + [("x", 1.5, 2.5, 7)]
    fill(tmp_path / "data.db", "create table t (a, b, c, d)", late)
    asked = report(query="select * from t", columns={"a": "text", "b": "number", "c": "money:EUR"})
    assert read(sqlite(tmp_path), asked).row(-1) == ("x", 1.5, 2.5, 7)


def test_values_of_another_type_after_the_first_batch_are_said_with_advice(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [(1,)] * (2 * BATCH_ROWS) + [("x",)])
    with pytest.raises(
        SourceInvalid, match=r"column 'a', after row \d+: found text .*kind.*cast\(a as"
    ):
        read(sqlite(tmp_path), report(query="select a from t"))


@pytest.mark.parametrize("kind", [None, "text", "money:EUR"])
def test_reals_among_texts_keep_their_digits(kind: str | None, tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [(1234567.891,), ("12.5",)])
    asked = report(query="select a from t", columns={"a": kind} if kind else {})
    assert [float(value) for value in read(sqlite(tmp_path), asked)["a"]] == [1234567.891, 12.5]


def test_the_order_of_the_query_is_kept_over_many_batches(tmp_path: Path):
    rows = [(n * 7919 % 50_021,) for n in range(50_021)]
    fill(tmp_path / "data.db", "create table t (a)", rows)
    found = read(
        sqlite(tmp_path),
        report(query="select a from t where a >= :low order by a desc;"),
        {"low": 5},
    )
    assert found["a"].to_list() == list(range(50_020, 4, -1))


def test_queries_that_are_wrong_say_what_and_where(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [(1,)])
    for query, said in {
        "select *\nfrom nowhere": "no such table: nowhere",
        "select a from t\nwhere a === 1 frm": r'near "=": syntax error|near "==',
        "select a\n  frm t t2": r'near "t".*line 2, column 7',
        "select :who": "asks for ':who'; the report's parameters are: :start",
        "select ?": "asks for",
        "select 1; select 2": "one single SELECT",
        "delete from t": "one single SELECT",
        "pragma user_version = 5": "one single SELECT",
        "create table u (a)": "one single SELECT",
        "  ": "empty",
        "select abs(-9223372036854775807 - 1)": "integer overflow",
        "select locked from t": "no such column: locked",
        "select json_extract('{', '$') from t": "malformed JSON",
    }.items():
        with pytest.raises(QueryFailed, match=said) as caught:
            read(sqlite(tmp_path), report(query=query), {"start": "secret value"})
        assert "secret value" not in str(caught.value)
    with closing(sqlite3.connect(tmp_path / "data.db")) as opened:
        assert opened.execute("select count(*) from t").fetchone() == (1,)


def test_databases_that_cannot_be_read_are_said(tmp_path: Path):
    with pytest.raises(SourceInvalid, match=r"data\.db.* is missing"):
        read(sqlite(tmp_path), report(query="select 1"))
    (tmp_path / "data.db").write_text("no database at all, and long enough to be looked at" * 50)
    with pytest.raises(SourceInvalid, match="no SQLite database"):
        read(sqlite(tmp_path), report(query="select 1 from t"))
    with pytest.raises(SourceInvalid, match="'other' is not configured; configured: default"):
        read(sqlite(tmp_path), report(query="select 1", connection="other"))
    with pytest.raises(Misconfigured, match="'default' must be sqlite:///"):
        SqlSource({"default": "oracle://user:password@host"})


def test_a_locked_database_is_worth_another_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.source_sql.BUSY_MS", 50)
    fill(tmp_path / "data.db", "create table t (a)", [(1,)])
    # Another process: two copies of SQLite in one process do not see each other's locks.
    child = subprocess.Popen(
        [sys.executable, "-c", LOCKS, str(tmp_path / "data.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stdout.readline() == "locked\n"
    with pytest.raises(SourceUnavailable, match="locked"):
        read(sqlite(tmp_path), report(query="select a from t"))
    child.communicate("done\n")
    assert read(sqlite(tmp_path), report(query="select a from t")).rows() == [(1,)]


def test_texts_that_are_not_utf8_are_refused(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "data.db")) as opened:
        opened.execute("create table t as select cast(x'e9' as text) as a")
        opened.commit()
    with pytest.raises(SourceInvalid, match="not UTF-8"):
        read(sqlite(tmp_path), report(query="select a from t"))


def test_column_names_of_every_sort_survive(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [(1,)])
    query = """select a as "x y", a as `q"u`, a as "b`t", a + 1, a as ü from t"""
    kinds = {"x y": "text", "b`t": "text", "ü": "number"}
    frame = read(sqlite(tmp_path), report(query=query, columns=kinds))
    assert frame.columns == ["x y", 'q"u', "b`t", "a + 1", "ü"]
    assert frame.rows() == [("1", 1, "1", 2, 1.0)]


# Python functions


def python(tmp_path: Path, body: str, **settings: Any) -> tuple[Source, Report]:
    (tmp_path / "made.py").write_text(body)
    return PythonSource(tmp_path, sqlite(tmp_path).query), report(python="made.py:made", **settings)


@pytest.mark.parametrize(
    "result",
    [
        "pa.table({'a': [1, 2]})",
        "pa.record_batch({'a': [1, 2]})",
        "pl.DataFrame({'a': [1, 2]})",
        "pl.LazyFrame({'a': [1, 2]})",
        "pd.DataFrame({'a': [1, 2]})",
        "[{'a': 1}, {'a': 2}]",
        "iter([pl.DataFrame({'a': [1]}), pa.table({'a': [2]})])",
        "(pa.record_batch({'a': [n]}) for n in (1, 2))",
    ],
)
def test_a_function_may_return_any_table(result: str, tmp_path: Path):
    imports = "import pandas as pd, polars as pl, pyarrow as pa\n"
    source, asked = python(
        tmp_path, f"{imports}def made():\n    print('noise')\n    return {result}\n"
    )
    assert read(source, asked).rows() == [(1,), (2,)]


def test_a_function_gets_typed_parameters_and_the_connections(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (d date)", [("2026-01-01",), ("2026-03-01",)])
    source, asked = python(
        tmp_path,
        "def made(start, *, sources):\n"
        "    assert start.year == 2026\n"
        "    return sources['default'].query('select d from t where d > :start', start=start)\n",
    )
    assert read(source, asked, {"start": date(2026, 2, 1)}).rows() == [("2026-03-01",)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def made():\n    return 1 / 0\n",
            r"made.py, line 2: ZeroDivisionError: division by zero",
        ),
        ("def made():\n    yield {'a': 1}\n    raise KeyError('x')\n", r"line 3: KeyError: 'x'"),
        ("import sys\ndef made():\n    sys.exit(3)\n", r"line 3: SystemExit: 3"),
        ("def made():\n    return None\n", r"made.py:made returned NoneType, which is no table"),
        ("def made():\n    return 5\n", r"returned int"),
        ("def made():\n    return {'a': [1]}\n", r"returned dict"),
        ("async def made():\n    return []\n", r"async; make it a plain function"),
        ("def made(x):\n    return []\n", r"TypeError: .*missing 1 required"),
        ("def other():\n    return []\n", r"no function 'made'"),
        ("def made(:\n", r"made.py, line 1: SyntaxError"),
        ("import nowhere_at_all\n", r"line 1: ModuleNotFoundError"),
    ],
)
def test_a_function_that_fails_says_what_and_where(body: str, said: str, tmp_path: Path):
    source, asked = python(tmp_path, body)
    with pytest.raises(FunctionFailed, match=said):
        read(source, asked)


def test_a_failed_query_of_a_function_stays_a_failed_query(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [])
    body = "def made(sources):\n    return sources['default'].query('select b from t')\n"
    source, asked = python(tmp_path, body)
    with pytest.raises(QueryFailed, match="no such column: b"):
        read(source, asked)


def test_functions_elsewhere_or_changed_are_refused(tmp_path: Path):
    source, asked = python(tmp_path, "def made():\n    return []\n")
    with pytest.raises(FunctionFailed, match="not below"):
        read(source, report(python="../made.py:made"))
    with pytest.raises(DefinitionMissing, match="cannot be read"):
        read(source, report(python="gone.py:made"))
    changed = asked.model_copy(
        update={"source": asked.source.model_copy(update={"digest": "0" * 64})}
    )
    with pytest.raises(DefinitionMissing, match="changed since"):
        read(source, changed)


def test_checking_a_function_does_not_call_it(tmp_path: Path):
    source, asked = python(tmp_path, "def made(start):\n    raise RuntimeError\n")
    with pytest.raises(FunctionFailed, match="does not take the report's parameters"):
        source.check(asked)
    source.check(report(python="made.py:made", parameters={"start": {"type": "date"}}))


def test_an_importable_function_is_found(tmp_path: Path):
    source, _ = python(tmp_path, "")
    asked = report(python="tests.contracts.test_sources:importable")
    assert read(source, asked).rows() == [(42,)]


def importable() -> Iterator[dict[str, int]]:
    yield {"a": 42}


def table() -> pa.Table:
    columns = list(zip(*ROWS, strict=True))
    return pa.table(
        [pa.array(columns[0], pa.int64()), pa.array(columns[1]), pa.array(columns[2])],
        names=list(NAMES),
    )


def report(**settings: Any) -> Report:
    spec = {key: settings.pop(key) for key in list(settings) if key in SPEC}
    columns = {
        name: Column(kind=Kind.parse(kind)) for name, kind in settings.pop("columns", {}).items()
    }
    return Report(name="tried", source=spec, columns=columns, **settings)  # pyright: ignore[reportArgumentType]


def read(source: Source, asked: Report, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    with source.open(asked, parameters or {}) as data:
        stream = open_stream(data, asked)
        frames = list(stream.frames)
    return pl.concat(frames) if frames else stream.first


def fields(source: Source, asked: Report) -> Any:
    with source.open(asked, {}) as data:
        return open_stream(data, asked).fields


def sqlite(folder: Path) -> SqlSource:
    return SqlSource({"default": f"sqlite:///{folder / 'data.db'}"})


def fill(path: Path, create: str, rows: list[Any]) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(create)
        if rows:
            marks = ",".join("?" * len(rows[0]))
            opened.executemany(f"insert into t values ({marks})", rows)
        opened.commit()


SPEC = {"names", "rows", "file", "query", "python", "connection", "digest"}
LOCKS = """
import sqlite3, sys
opened = sqlite3.connect(sys.argv[1], isolation_level=None)
opened.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.readline()
"""
