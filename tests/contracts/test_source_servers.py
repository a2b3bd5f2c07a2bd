"""What every database server promises as a source, and how it behaves on its bad days."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from prelo.adapters.source_sql import SqlSource
from prelo.app.press import press
from prelo.config import Config
from prelo.core.errors import (
    Failure,
    QueryFailed,
    SourceInvalid,
    SourceUnavailable,
    TimeLimit,
)
from prelo.core.job import Progress
from prelo.core.report import Catalog, Limits
from prelo.core.request import Caller, Request, order
from prelo.ports import Task
from prelo.wiring import kit
from tests.contracts.source_cases import read, report
from tests.contracts.sql_fixtures import Place, driven_by
from tests.servers.mariadb import Mariadb
from tests.servers.postgresql import Postgresql

# What tries to leave its quotes, in every tongue.
EVIL = [
    "'", "''", '"', "\\", "\\'", "'; drop table t; --", "') or 1=1 --", "/* */", "%s", "%", ":name",
    "$$", "$1", "{0}", "`", "\u00bf'", "\u2019; --", "line\nbreak", "?", "#", "E'\\''", "\U0001f980",
]  # fmt: skip
WIDE = """
import resource, sys
from prelo.adapters.source_sql import SqlSource
source = SqlSource({"default": sys.argv[1]})
with source.query("default", "select 1 as a", {}) as reader:
    assert reader.read_all().num_rows == 1
before, rows = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
with source.query("default", sys.argv[2], {}) as reader:
    for batch in reader:
        rows += batch.num_rows
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@dataclass(frozen=True)
class Tongue:
    """How a server says what all of them can."""

    rows: str
    sleep: str
    writes: tuple[str, ...]


TONGUES = {
    "postgresql": Tongue(
        "select i, repeat('x', 1000) as t from generate_series(1, {}) as i",
        "select pg_sleep(30)",
        (
            "with gone as (delete from t returning a) select * from gone",
            "select nextval('numbers')",
            "copy t to stdout",
            "select a from t; delete from t",
            "explain analyze delete from t",
        ),
    ),
    "mariadb": Tongue(
        "select seq as i, repeat('x', 1000) as t from seq_1_to_{}",
        "select sleep(30)",
        (
            "select nextval(numbers)",
            "select a from t into @a",
            "select a from t; delete from t",
            "with gone as (select 1) delete from t",
        ),
    ),
}
BOTH_WRITE = (
    "delete from t", "insert into t values (9)", "update t set a = 9", "drop table t", "truncate t",
    "create table u (a int)", "commit", "begin", "set @a = 1", "", "-- only words",
)  # fmt: skip


@pytest.fixture(params=["postgresql", "mariadb-MySQLdb", "mariadb-pymysql"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Place:
    server, _, driver = request.param.partition("-")
    if driver:
        driven_by(driver, monkeypatch)
    return request.getfixturevalue(f"on_{server}")


def tongue(place: Place) -> Tongue:
    return TONGUES[place.url.partition(":")[0]]


@pytest.mark.parametrize("evil", EVIL)
def test_a_text_is_a_value_whatever_is_in_it(place: Place, evil: str):
    asked = report(
        query="""select :a as a, ':a' as q, /* :a ' */ 5 % 3 as m -- :a ' "
            where :a = :a and 'x' <> :a and :n > 0"""
    )
    given = {"a": evil, "n": 1}
    assert read(place.source, asked, given).rows() == [(evil, ":a", 2)]


def test_values_of_every_type_are_compared_as_what_they_are(place: Place):
    moment = "timestamp" if place.url.startswith("postgresql") else "datetime"
    place.run(
        f"create table t (i bigint, f double precision, b boolean, d date, m {moment}, s varchar(9))",
        "insert into t values (9007199254740991, 0.1, true, '2026-01-31', '2026-01-31 10:00:00', 'a')",
    )
    given = {
        "i": 2**53 - 1, "f": 0.1, "b": True, "d": date(2026, 1, 31), "m": datetime(2026, 1, 31, 10), "s": "a",
        "none": None,
    }  # fmt: skip
    same = " and ".join(f"{name} = :{name}" for name in "ifbdms")
    asked = report(query=f"select s from t where {same} and :none is null")
    assert read(place.source, asked, given).rows() == [("a",)]
    for name, other in {"i": 2**53 - 2, "f": 0.2, "b": False, "d": date(2026, 2, 1)}.items():
        assert not read(place.source, asked, {**given, name: other}).rows(), name


def test_a_parameter_that_is_not_there_is_said(place: Place):
    with pytest.raises(QueryFailed, match="asks for ':who'; the report's parameters are: :start"):
        read(place.source, report(query="select :who"), {"start": 1})


def test_what_writes_is_refused_and_changes_nothing(place: Place):
    place.run("create table t (a int)", "create sequence numbers", "insert into t values (1)")
    for query in (*BOTH_WRITE, *tongue(place).writes):
        with pytest.raises(Failure) as caught:
            read(place.source, report(query=query))
        assert not caught.value.retryable, query
    assert read(place.source, report(query="select a from t")).rows() == [(1,)]


def test_what_is_wrong_is_said_with_its_place_by_a_check_too(place: Place):
    place.run("create table t (a int)")
    for query, said in {
        "select a\nfrom nowhere": "nowhere",
        "select a,\n nope from t": "nope",
        "select a\nfrom t wher a = 1 limit": "line 2",
    }.items():
        with pytest.raises(QueryFailed, match=said):
            read(place.source, report(query=query))
        with pytest.raises(QueryFailed, match=said):
            place.source.check(report(query=query))


def test_a_check_runs_nothing_and_needs_no_values(place: Place):
    parameters: dict[str, Any] = {
        "start": {"type": "date"}, "name": {"type": "string"}, "many": {"type": "integer"},
    }  # fmt: skip
    place.run("create table t (a int, d date, s varchar(9))")
    query = f"select a from t where d >= :start and s = :name and a + :many > 0 union {tongue(place).sleep}"
    asked = report(
        query=query.replace("pg_sleep(30)", "length(pg_sleep(30)::text)"), parameters=parameters
    )
    place.source.check(asked)


def test_the_order_is_kept_over_many_batches(place: Place):
    query = tongue(place).rows.format(30_000) + " order by i desc;"
    found = read(place.source, report(query=query))
    assert found["i"].to_list() == list(range(30_000, 0, -1))


def test_a_query_that_takes_too_long_is_ended_by_the_server(place: Place):
    asked = report(query=tongue(place).sleep, limits={"seconds": 0.2})
    with pytest.raises(TimeLimit, match=r"more than 0\.2 s"):
        read(place.source, asked)


def test_memory_does_not_grow_with_the_rows(place: Place):
    query = tongue(place).rows.format(300_000)  # 300 MB
    code = WIDE
    if "mariadb" in place.url:
        from prelo.adapters.source_sql import mysql

        code = f"from prelo.adapters.source_sql import mysql\nmysql.DRIVERS = {mysql.DRIVERS!r}\n{WIDE}"
    done = subprocess.run(
        [sys.executable, "-c", code, place.url, query],
        check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    rows, grown = map(int, done.stdout.split())
    assert rows == 300_000
    assert grown < 120, f"{grown} MB for 300 MB of rows"


def test_a_password_is_in_no_message(place: Place):
    address = place.url.rpartition("@")[2]
    scheme = place.url.partition(":")[0]
    wrong = {
        f"{scheme}://nobody:se-cret@{address}": SourceInvalid,
        f"{scheme}://nobody:se-cret@127.0.0.1:1/none": SourceUnavailable,
    }
    for url, kind in wrong.items():
        source, asked = SqlSource({"dw": url}), report(query="select 1", connection="dw")
        with pytest.raises(kind) as caught:
            read(source, asked)
        with pytest.raises(kind) as checked:
            source.check(asked)
        assert "se-cret" not in f"{caught.value} {checked.value}"
    with pytest.raises(SourceInvalid, match="PRELO_CONNECTION_DW"):
        read(SqlSource({"dw": next(iter(wrong))}), report(query="select 1", connection="dw"))


def test_a_database_that_is_not_there_is_the_operators(place: Place):
    url = place.url.rpartition("/")[0] + "/nowhere"
    with pytest.raises(SourceInvalid, match=r"'nowhere' at .*, is not there"):
        read(SqlSource({"default": url}), report(query="select 1"))


def task(query: str) -> Task:
    asked = Request.model_validate({"report": "long", "format": "csv"})
    long = report(query=query, connection="dw").model_copy(update={"name": "long"})
    ordered, found = order(asked, Catalog([long]), Caller())
    return Task(
        job_id="j", order=ordered, report=found, limits=Limits(), key="t/j/0/1.csv", name="n.csv"
    )


@pytest.fixture
def stopped(
    request: pytest.FixtureRequest, place: Place
) -> Iterator[tuple[str, Callable[[], None]]]:
    """The URL of a server that may be killed, and what does it."""
    if place.url.startswith("mariadb"):
        server: Mariadb = request.getfixturevalue("mariadb_server")
        yield place.url, server.kill
        server.start()
        return
    own = Postgresql()
    yield own.url, own.kill
    own.close()


def test_a_server_that_dies_in_mid_stream_leaves_nothing_and_may_be_asked_again(
    place: Place, stopped: tuple[str, Callable[[], None]], tmp_path: Path
):
    url, kill = stopped
    config = Config(data=tmp_path, catalog=tmp_path, connections={"dw": url})
    killed: list[int] = []

    def heard(progress: Progress) -> None:
        if progress.rows > 10_000 and not killed:
            kill()
            killed.append(progress.rows)

    with pytest.raises(SourceUnavailable) as caught:
        press(task(tongue(place).rows.format(3_000_000)), kit(config), heard)
    assert killed
    assert killed[0] < 3_000_000
    assert url not in str(caught.value)
    assert [path for path in (tmp_path / "files").rglob("*") if path.suffix == ".csv"] == []
    with pytest.raises(SourceUnavailable):  # while it is away
        SqlSource({"dw": url}).check(report(query="select 1", connection="dw"))
