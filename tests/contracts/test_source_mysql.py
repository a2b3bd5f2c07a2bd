"""What MySQL's types and errors become, by each of its two drivers."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import certifi
import pytest

from prelo.adapters.source_sql import SqlSource
from prelo.core.errors import Misconfigured, QueryFailed, SourceInvalid, SourceUnavailable
from tests.contracts.source_cases import read, report
from tests.contracts.sql_fixtures import Place
from tests.servers.mariadb import Mariadb

pytestmark = pytest.mark.usefixtures("driver")

CREATE = """
create table t (
  id int, i1 tinyint(1), i3 mediumint, iu int unsigned, i8 bigint, u8 bigint unsigned, b1 bit(1), b64 bit(64),
  n decimal(38, 10), f float, f8 double, y year, d date, dt datetime(6), ts timestamp(3) null, ti time(6),
  vc varchar(20), ch char(5), lt longtext, e enum('a', 'b'), s set('x', 'y'), j json, vb varbinary(9),
  id6 uuid
)
"""
ROWS = [
    (
        1, 127, -8388608, 4294967295, -(2**63), 2**64 - 1, b"\1", 2**64 - 1,
        Decimal("1234567890123456789012345678.0123456789"), 1.1, 1e300, 2024, date(2024, 2, 29),
        datetime(2024, 2, 29, 23, 59, 59, 123456), datetime(2024, 7, 1, 10), "-838:59:58.999999",
        "ü🦀", "ab", "x" * 100_000, "b", "x,y", '{"a": "ü"}', "bytes", "123e4567-e89b-12d3-a456-426614174000",
    ),
    (2, *[None] * 23),
    (
        3, 0, 1, 0, 1, 0, b"\0", 0, Decimal("-0.0000000001"), -0.5, -0.0, 1901, date(1000, 1, 1),
        datetime(9999, 12, 31), datetime(1970, 1, 2), "00:00:00.5", "", "", "", "a", "", "[]", "",
        "00000000-0000-0000-0000-000000000000",
    ),
]  # fmt: skip


def fill(server: Mariadb, place: Place, zone: str = "+00:00") -> None:
    """By PyMySQL, with its own conversions, in a session of that zone."""
    place.run(CREATE)
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"use {place.url.rpartition('/')[2]}")
        cursor.execute(f"set time_zone = '{zone}'")
        cursor.executemany(f"insert into t values ({', '.join(['%s'] * len(ROWS[0]))})", ROWS)


def test_every_value_is_what_was_stored(mariadb_server: Mariadb, on_mariadb: Place):
    fill(mariadb_server, on_mariadb)
    found = read(on_mariadb.source, report(query="select * from t order by id"))
    changed: dict[str, dict[Any, Any]] = {
        "b1": {b"\1": 1, b"\0": 0},
        "ti": {
            "-838:59:58.999999": -timedelta(hours=838, minutes=59, seconds=58, microseconds=999999),
            "00:00:00.5": timedelta(milliseconds=500),
        },
    }
    for place, name in enumerate(found.columns):
        stored = [row[place] for row in ROWS]
        expected = [changed.get(name, {}).get(value, value) for value in stored]
        assert found[name].to_list() == expected, name
    assert str(found["n"].dtype) == "Decimal(precision=38, scale=10)"
    assert [str(found[name].dtype) for name in ("u8", "i8", "f")] == ["UInt64", "Int64", "Float64"]


def test_a_timestamp_is_a_moment_and_a_datetime_is_a_clock(
    mariadb_server: Mariadb, on_mariadb: Place
):
    fill(mariadb_server, on_mariadb, zone="+02:00")
    asked = report(query="select ts, dt from t where id = 1", timezone="Asia/Tokyo")
    found = read(on_mariadb.source, asked).row(0)
    assert found == (datetime(2024, 7, 1, 17), datetime(2024, 2, 29, 23, 59, 59, 123456))


def test_a_time_may_be_a_time_of_day(on_mariadb: Place):
    asked = report(query="select time '10:00:01.5' as t", columns={"t": "time"})
    assert read(on_mariadb.source, asked).row(0) == (time(10, 0, 1, 500_000),)


def test_numbers_that_are_computed_stay_exact(on_mariadb: Place):
    on_mariadb.run(
        "create table t (a decimal(15, 2), b bigint)",
        "insert into t values (0.10, 9007199254740993), (0.20, 1)",
    )
    query = "select sum(a) as s, avg(a) as v, sum(b) as b, count(*) as c, 1.50 * 2 as m from t"
    expected = (Decimal("0.30"), Decimal("0.150000"), Decimal(9007199254740994), 2, Decimal("3.00"))
    assert read(on_mariadb.source, report(query=query)).row(0) == expected


def test_no_date_is_empty_and_a_date_that_is_none_is_said(on_mariadb: Place):
    on_mariadb.run(
        "set sql_mode = ''",
        "create table t (id int, d date, m datetime)",
        "insert into t values (1, '0000-00-00', '0000-00-00'), (2, '2024-02-00', '2024-00-01 10:00')",
    )
    asked = report(query="select d, m from t where id = 1")
    assert read(on_mariadb.source, asked).rows() == [(None, None)]
    for name, value in {"d": "2024-02-00", "m": "2024-00-01 10:00:00"}.items():
        with pytest.raises(SourceInvalid, match=f"column '{name}', after row 0: .*'{value}"):
            read(on_mariadb.source, report(query=f"select {name} from t"))


def test_types_hold_when_the_first_rows_are_empty(on_mariadb: Place):
    query = """select if(seq < 30000, null, cast(18446744073709551615 as unsigned)) as u,
        repeat('x', 900) as t,
        if(seq < 30000, null, cast(1.25 as decimal(9, 4))) as n, if(seq < 30000, null, curdate()) as d
        from seq_1_to_30000 order by seq"""
    row = read(on_mariadb.source, report(query=query)).row(-1)
    assert row[0] == 2**64 - 1
    assert row[2] == Decimal("1.25")
    assert isinstance(row[3], date)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("x'00ff'", "UTF"),
        ("cast(1e34 as decimal(65, 10))", "precision"),
    ],
)
def test_values_that_no_cell_can_show_are_said(on_mariadb: Place, expression: str, said: str):
    with pytest.raises(SourceInvalid, match=f"column 'v', after row 0: .*{said}.*cast it"):
        read(on_mariadb.source, report(query=f"select {expression} as v"))


def test_a_query_reads_the_same_whatever_the_servers_mode(
    mariadb_server: Mariadb, on_mariadb: Place
):
    mariadb_server.run("set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
    try:
        asked = report(query="""select :a as a, '\\'' as q, "text" as t""")
        assert read(on_mariadb.source, asked, {"a": "\\' or 1=1"}).row(0) == (
            "\\' or 1=1",
            "'",
            "text",
        )
    finally:
        mariadb_server.run("set global sql_mode = default")


def test_a_locked_table_and_an_ended_connection_are_worth_another_attempt(
    mariadb_server: Mariadb, on_mariadb: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.source_sql.mysql.LOCK_SECONDS", 1)
    on_mariadb.run("create table t (a int)")
    name = on_mariadb.url.rpartition("/")[2]
    with mariadb_server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"lock tables {name}.t write")
        with pytest.raises(SourceUnavailable, match="Lock wait"):
            read(on_mariadb.source, report(query="select a from t"))
    long = "select seq, repeat('x', 1000) as t from seq_1_to_3000000"
    with on_mariadb.source.query("default", long, {}) as reader:
        next(reader)
        with mariadb_server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"select id from information_schema.processlist where db = '{name}'")
            cursor.execute(f"kill {cursor.fetchall()[0][0]}")
        with pytest.raises(SourceUnavailable):
            for _ in reader:
                pass


def test_what_the_user_may_not_read_is_permanent(mariadb_server: Mariadb, on_mariadb: Place):
    on_mariadb.run("create table t (a int)")
    mariadb_server.run(
        "create user stranger identified by 'x'", "grant select on sales.* to stranger"
    )
    try:
        url = f"mysql://stranger:x@127.0.0.1:{mariadb_server.port}/sales"
        name = on_mariadb.url.rpartition("/")[2]
        with pytest.raises(QueryFailed, match="denied to user 'stranger'"):
            read(SqlSource({"default": url}), report(query=f"select a from {name}.t"))
    finally:
        mariadb_server.run("drop user stranger")


def test_an_option_that_no_driver_knows_is_said_at_start():
    with pytest.raises(Misconfigured, match="'dw' has the option 'useSSL'; it may have ssl_ca"):
        SqlSource({"dw": "mysql://a:b@host/c?useSSL=true"})


def test_where_tls_is_wished_for_nothing_is_said_without_it(on_mariadb: Place):
    url = f"{on_mariadb.url}?ssl_ca={certifi.where()}"  # this server has none
    with pytest.raises(SourceInvalid, match="cannot be spoken with over TLS"):
        read(SqlSource({"default": url}), report(query="select 1"))
