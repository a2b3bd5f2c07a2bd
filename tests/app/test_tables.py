"""The tables of a report and of its further sheets: opened, counted and checked together."""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prelo import wiring
from prelo.app.tables import check_tables, count_rows, open_tables
from prelo.config import Config
from prelo.core.errors import QueryFailed, SourceInvalid
from prelo.core.report import Report

SOURCES: dict[str, dict[str, Any]] = {
    "sql": {"query": "select n from t"},
    "rows": {"names": ["n"], "rows": [[1], [2], [3]]},
    "wrong": {"query": "select m from t"},
    "lost": {"file": "lost.csv"},
}


def report(own: str, **sheets: str) -> Report:
    given = {name: {"source": SOURCES[source]} for name, source in sheets.items()}
    return Report.model_validate({"name": "r", "source": SOURCES[own], "sheets": given})


@pytest.fixture
def sources(tmp_path: Path) -> Any:
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("create table t (n integer)")
        database.executemany("insert into t values (?)", [(1,), (2,)])
    connections = {"default": f"sqlite:///{tmp_path}/t.db"}
    return wiring.sources(Config(data=tmp_path, catalog=tmp_path, connections=connections))


def rows_of(table: Any) -> list[tuple[Any, ...]]:
    return [row for batch in table for row in pl.DataFrame(batch).rows()]


def test_only_a_writer_of_many_tables_is_handed_those_of_the_sheets(sources: Any):
    made = report("sql", More="rows", Again="sql")
    with open_tables(made, {}, sources, many=True) as data:
        assert isinstance(data, dict)
        tables: dict[str, Any] = data
        assert list(tables) == ["", "More", "Again"]
        assert rows_of(tables[""]) == rows_of(tables["Again"]) == [(1,), (2,)]
    with open_tables(made, {}, sources, many=False) as data:
        assert rows_of(data) == [(1,), (2,)]
    with open_tables(report("sql"), {}, sources, many=True) as data:
        assert rows_of(data) == [(1,), (2,)]


def test_a_sheet_that_cannot_be_opened_is_named_and_the_others_are_closed(sources: Any):
    closed: list[str] = []

    class Watched:
        """A source that notes when it is left."""

        @contextmanager
        def open(self, one: Report, parameters: Any) -> Generator[object]:
            with sources[one.source.technology].open(one, parameters) as data:
                try:
                    yield data
                finally:
                    closed.append(one.source.technology)

    watched: Any = {name: Watched() for name in sources}
    made = report("sql", More="rows", Lost="lost")
    with (
        pytest.raises(SourceInvalid, match=r"^the sheet 'Lost': .*lost\.csv"),
        open_tables(made, {}, watched, many=True),
    ):
        pytest.fail("it was opened")
    assert closed == ["rows", "sql"]


def test_a_report_that_fails_itself_is_said_without_a_sheet(sources: Any):
    with (
        pytest.raises(QueryFailed, match=r"^(?!the sheet).*no such column: m"),
        open_tables(report("wrong", More="rows"), {}, sources, many=True),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize("broken", ["wrong", "lost"])
def test_the_source_of_every_sheet_is_checked(sources: Any, broken: str):
    check_tables(report("sql", More="rows"), sources)
    with pytest.raises((QueryFailed, SourceInvalid), match=r"^the sheet 'Bad': "):
        check_tables(report("sql", More="rows", Bad=broken), sources)


def test_rows_are_counted_over_all_tables_that_will_be_read(sources: Any):
    made = report("rows", More="sql", Again="rows")
    assert count_rows(made, {}, sources, many=True) == 8
    assert count_rows(made, {}, sources, many=False) == 3
    assert count_rows(report("rows", More="lost"), {}, sources, many=True) is None
