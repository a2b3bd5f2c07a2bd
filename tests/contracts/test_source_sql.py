"""What SQL adds to the sources' promises."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from prelo.adapters.source_sql import SqlSource
from prelo.adapters.source_sql.sqlite import BATCH_ROWS
from prelo.core.errors import (
    Misconfigured,
    QueryFailed,
    SourceInvalid,
    SourceUnavailable,
)
from tests.contracts.source_cases import fill, read, report, sqlite

LOCKS = """
import sqlite3, sys
opened = sqlite3.connect(sys.argv[1], isolation_level=None)
opened.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.readline()
"""


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
    with pytest.raises(Misconfigured, match=r"'default' begins with oracle://; .* postgresql://"):
        SqlSource({"default": "oracle://user:password@host"})


def test_a_locked_database_is_worth_another_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.source_sql.sqlite.BUSY_MS", 50)
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


def test_a_count_binds_its_parameters_and_gives_up_on_what_is_slow_or_wrong(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (n integer)", [(1,), (2,), (3,)])
    source = sqlite(tmp_path)
    assert source.count(report(query="select n from t where n > :least;"), {"least": 1}) == 2
    endless = "with recursive c(i) as (select 1 union all select i + 1 from c) select i from c"
    assert source.count(report(query=endless), {}) is None
    assert source.count(report(query="select nonsense from t"), {}) is None
    assert source.count(report(query="select n from t where n > :unknown"), {}) is None
    assert source.count(report(query="select 1", connection="elsewhere"), {}) is None
    fill(tmp_path / "broken.db", "create table t (n integer)", [])
    (tmp_path / "broken.db").write_bytes(b"no database" * 100)
    broken = SqlSource({"default": f"sqlite:///{tmp_path}/broken.db"})
    assert broken.count(report(query="select n from t"), {}) is None
