"""What PostgreSQL's types and errors become."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from prelo.adapters.source_sql import SqlSource
from prelo.adapters.source_sql.database import ahead
from prelo.core.errors import QueryFailed, SourceInvalid, SourceUnavailable
from tests.contracts.source_cases import read, report
from tests.contracts.sql_fixtures import Place

TYPES = """
create type mood as enum ('sad', 'well');
create type pair as (a int, b text);
create domain number as numeric(10, 2);
create table t (
  i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric(38, 10), u numeric, dom number, b boolean,
  tx text, vc varchar(9), ch char(5), na name, d date, ts timestamp, tz timestamptz, ti time, id uuid,
  e mood, dt interval
);
insert into t values
  (-32768, -2147483648, -9223372036854775808, 4294967295, 1.1, 1e300, 1234567890123456789012345678.0123456789,
   12.50, 0.10, true, 'ü🦀', 'v', 'ab', 'n', '2024-02-29', '2024-02-29 23:59:59.123456',
   '2024-07-01 12:00:00+02', '23:59:59.999999', '123e4567-e89b-12d3-a456-426614174000', 'well', '26:00:01.5'),
  (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null),
  (1, 1, 1, 1, -0.5, -0.0, -0.0000000001, -7, -1, false, '', '', '', '', '0001-01-01', '1900-01-01',
   '9999-12-31 23:59:59Z', '00:00', '00000000-0000-0000-0000-000000000000', 'sad', '-1 second')
"""
TEXTS = {
    "'{\"a\": 1}'::jsonb": '{"a": 1}',
    "'{\"a\":1}'::json": '{"a":1}',
    "array['a', null]": '["a",null]',
    "array[[1], [2]]": "[[1],[2]]",
    "array[1.50]": "[1.50]",
    "row(1, 'a b')::text": '(1,"a b")',
    "'10.0.0.1'::inet": "10.0.0.1/32",
    "int4range(1, 5)": "[1,5)",
    "'<a/>'::xml": "<a/>",
    "b'101'": "101",
    "'10:00+02'::timetz": "10:00:00+02",
    "point(1, 2)": "(1,2)",
}


def as_shown(value: Any) -> Any:
    """What psycopg says, as a report says it: in UTC, without its zone."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def test_every_value_is_what_another_reader_says(on_postgresql: Place):
    on_postgresql.run(*TYPES.split(";"))
    found = read(on_postgresql.source, report(query="select * from t"))
    with psycopg.connect(on_postgresql.url) as connection:
        said = connection.execute("select * from t").fetchall()
    casts: dict[str, Callable[[Any], Any]] = {"id": str, "ch": str.rstrip}
    for place, name in enumerate(found.columns):
        expected = [as_shown(row[place]) for row in said]
        if cast := casts.get(name):
            expected = [None if value is None else cast(value) for value in expected]
        assert found[name].to_list() == expected, name
    assert str(found["u"].dtype).startswith("Decimal")
    assert found["dom"][0] == Decimal("0.10")


def test_what_arrow_has_no_type_for_is_text(on_postgresql: Place):
    columns = ", ".join(f"{expression} as c{n}" for n, expression in enumerate(TEXTS))
    asked = report(query=f"select {columns}, 12.5::money as m -- done")
    row = read(on_postgresql.source, asked).row(0)
    assert row == (*TEXTS.values(), Decimal("12.50"))


def test_numbers_without_declared_decimals_keep_those_they_have(on_postgresql: Place):
    on_postgresql.run("create table t (a numeric(15, 2))", "insert into t values (0.10), (0.20)")
    asked = report(
        query="select sum(a) as s, avg(a) as v, count(*) as c, sum(2::bigint) as b from t"
    )
    found = read(on_postgresql.source, asked)
    assert found.row(0) == (Decimal("0.30"), 0.15, 2, Decimal(4))
    assert str(found["v"].dtype) == "Float64"
    for kind, value in {"text": "0.30", "decimal(2)": Decimal("0.30"), "number": 0.3}.items():
        asked = report(query="select sum(a) as s from t", columns={"s": kind})
        assert read(on_postgresql.source, asked)["s"].to_list() == [value]


def test_a_declared_scale_holds_when_the_first_rows_are_empty(on_postgresql: Place):
    on_postgresql.run(
        "create table t (i int, a numeric(15, 4))",
        "insert into t select i, case when i = 100000 then 1.2345 end from generate_series(1, 100000) i",
    )
    found = read(on_postgresql.source, report(query="select a, repeat('x', 200) from t order by i"))
    assert found["a"][-1] == Decimal("1.2345")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        (
            "case when i = 60000 then 1.123 else 1.1 end",
            r"after row \d\d+: .* 1 decimals of the first",
        ),
        (
            "case when i = 60000 then 'NaN' else 1::numeric end",
            r"column 'v', after row \d\d+: .*'nan'",
        ),
        (
            "case when i = 60000 then 'infinity' else date '2026-01-01' end",
            "is infinite or outside",
        ),
        ("case when i = 60000 then '-infinity' else now() end", "is infinite or outside"),
        ("timestamp '0044-03-15 BC'", "column 'v', after row 0: a date is infinite or outside"),
        ("date '10000-01-01'", "column 'v', after row 0: a date is infinite or outside"),
    ],
)
def test_values_that_no_cell_can_show_are_said(on_postgresql: Place, expression: str, said: str):
    query = f"select repeat('x', 300) as t, {expression} as v from generate_series(1, 60000) as i"
    with pytest.raises(SourceInvalid, match=said):
        read(on_postgresql.source, report(query=query))


def test_bytes_are_refused_by_name(on_postgresql: Place):
    with pytest.raises(SourceInvalid, match="'b' is binary"):
        read(on_postgresql.source, report(query=r"select '\x00ff'::bytea as b"))


def test_names_of_columns_survive_the_casts(on_postgresql: Place):
    frame = read(
        on_postgresql.source,
        report(
            query="""select 1 as "x y", uuid_in('123e4567e89b12d3a456426614174000') as "q""u%s", 'ü' as ü"""
        ),
    )
    assert frame.columns == ["x y", 'q"u%s', "ü"]


def test_an_error_is_placed_in_the_text_that_the_report_has(on_postgresql: Place):
    for query, place in {
        "select :long as a,\n  nope": "line 2, column 3",
        "select nope, :long as a": "line 1, column 8",
        "select 'ü🦀',\n :long, nope, :long": "line 2, column 9",
        "select date(:long)": "line 1, column 13",
    }.items():
        asked = report(query=query, parameters={"long": {"type": "string"}})
        with pytest.raises(QueryFailed, match=f"{place}"):
            read(on_postgresql.source, asked, {"long": "a 'long' text\nof two lines " * 9})


def test_a_text_with_a_zero_is_refused(on_postgresql: Place):
    with pytest.raises(QueryFailed, match="'a' is no value for PostgreSQL"):
        read(on_postgresql.source, report(query="select :a as a"), {"a": "a\0b"})


def test_what_the_user_may_not_read_is_permanent(on_postgresql: Place):
    user = f"reader_{on_postgresql.url.rpartition('_')[2]}"
    on_postgresql.run("create table t (a int)", f"create role {user} login")
    url = on_postgresql.url.replace("postgres@", f"{user}@")
    with pytest.raises(QueryFailed, match="permission denied for table t"):
        read(SqlSource({"default": url}), report(query="select a from t"))
    on_postgresql.run(f"drop role {user}")


def test_an_estimate_that_takes_the_planner_long_is_none_and_the_rows_come(on_postgresql: Place):
    on_postgresql.run(
        """create function slow(n int) returns int immutable language plpgsql
           as 'begin perform pg_sleep(1); return n; end'"""
    )
    asked = report(query="select slow(7) as a")  # a constant: the planner works it out
    assert on_postgresql.source.count(asked, {}) is None
    assert read(on_postgresql.source, asked)["a"].to_list() == [7]
    assert on_postgresql.source.count(report(query="select 7 as a"), {}) == 1


def test_nothing_of_a_report_is_left_for_the_next_one(on_postgresql: Place):
    source = on_postgresql.source  # one of the place's, as a press has one
    mark = "select set_config('timezone', 'Asia/Tokyo', false) as a, pg_advisory_lock(7)::text as b"
    look = """select current_setting('timezone') as a,
        (select count(*) from pg_locks where locktype = 'advisory') as b, pg_backend_pid() as pid"""
    before = read(source, report(query=look)).to_dicts()
    read(source, report(query=mark))
    assert read(source, report(query=look)).to_dicts() == before


def test_a_connection_that_was_kept_and_is_gone_costs_nobody_anything(on_postgresql: Place):
    """The server was started anew between two reports, or ended whoever did nothing."""
    source = on_postgresql.source
    mine = report(query="select pg_backend_pid() as a")
    (first,) = read(source, mine)["a"].to_list()
    assert read(source, mine)["a"].to_list() == [first]
    on_postgresql.run(f"select pg_terminate_backend({first})")
    assert read(source, mine)["a"].to_list() != [first]


def test_a_locked_table_and_an_ended_connection_are_worth_another_attempt(
    on_postgresql: Place,
):
    hasty = SqlSource({"default": f"{on_postgresql.url}?options=-c%20lock_timeout=200"})
    on_postgresql.run("create table t (a int)")
    with psycopg.connect(on_postgresql.url) as connection:
        connection.execute("lock table t")
        with pytest.raises(SourceUnavailable, match="lock timeout"):
            read(hasty, report(query="select a from t"))
    for query in (
        "select pg_terminate_backend(pg_backend_pid())",
        "select pg_cancel_backend(pg_backend_pid()), pg_sleep(1)",
    ):
        with pytest.raises(SourceUnavailable):
            read(on_postgresql.source, report(query=query))


def test_a_report_reads_one_snapshot_in_functions_too(on_postgresql: Place):
    on_postgresql.run(
        "create table t (a int)",
        "insert into t values (1)",
        """create function seen(int) returns int volatile language plpgsql
           as 'begin return (select max(a) from t); end'""",
    )
    rows = "select seen(i) as a, repeat('x', 1000) as t from generate_series(1, 60000) as i"
    with on_postgresql.source.query("default", rows, {}) as reader:
        assert next(reader)["a"][0].as_py() == 1
        on_postgresql.run("update t set a = 2")
        assert {value for batch in reader for value in batch["a"].to_pylist()} == {1}


def test_a_count_is_the_planners_and_none_where_there_is_none(on_postgresql: Place):
    source = on_postgresql.source
    asked = report(query="select * from generate_series(1, :many) as i")
    assert source.count(asked, {"many": 700}) == 700
    assert source.count(report(query="select nonsense"), {}) is None
    assert source.count(report(query="select :who"), {}) is None
    away = SqlSource({"default": "postgresql://nobody@127.0.0.1:1/none"})
    assert away.count(report(query="select 1"), {}) is None


def test_moments_with_a_zone_and_lengths_of_time(on_postgresql: Place):
    asked = report(query="select :m as m, :n as n, interval '1 day 2:03' as i, time '10:00' as t")
    given = {
        "m": datetime.fromisoformat("2026-07-01T12:00:00+02:00"), "n": datetime(2026, 7, 1, 12),
    }  # fmt: skip
    assert read(on_postgresql.source, asked, given).row(0) == (
        datetime(2026, 7, 1, 10), datetime(2026, 7, 1, 12), timedelta(days=1, hours=2, minutes=3), time(10),
    )  # fmt: skip
    assert read(on_postgresql.source, report(query="select :d as d"), {"d": date(2026, 1, 1)}).row(
        0
    ) == (date(2026, 1, 1),)


def test_a_batch_is_read_while_the_one_before_is_written():
    asked: list[int] = []
    second = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(3):
            asked.append(number)
            if number == 1:
                second.set()
            yield pa.RecordBatch.from_pydict({"n": [number]})

    with ahead(batches(), lambda: None) as read:
        first = next(read)
        assert second.wait(10)  # nobody has asked for it yet
        assert len(asked) <= 2  # and no further one is held
        assert [first, *read] == list(batches())


def test_who_breaks_off_stops_what_the_server_is_still_doing(postgresql: str):
    source = SqlSource({"default": postgresql})
    slow = """
        select i, repeat('x', 1000) as t from generate_series(1, 10000) as i
        union all select 0, pg_sleep(30)::text
    """

    def breaks_off():
        with source.query("default", slow, {}) as reader:
            assert next(reader).num_rows > 1000
            raise ZeroDivisionError

    began = monotonic()
    with pytest.raises(ZeroDivisionError):
        breaks_off()
    assert monotonic() - began < 20
    with source.query("default", "select 1 as a", {}) as reader:
        assert reader.read_all().to_pylist() == [{"a": 1}]
