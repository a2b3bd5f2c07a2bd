"""Any tabular data as frames whose columns have the types of their kinds."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.errors import ColumnMissing, SourceInvalid
from prelo.core.table import Layout
from prelo.formats.stream import BATCH_BYTES, BATCH_ROWS, open_stream

D = Decimal
arrow: Any = pa  # it has no types
TABLE = {"a": [1, 2], "b": ["x", None]}


def read(data: object, **layout: Any) -> pl.DataFrame:
    stream = open_stream(data, Layout(**layout))
    frames = list(stream.frames)
    assert all(0 < frame.height <= BATCH_ROWS for frame in frames)
    assert len({tuple(frame.schema.items()) for frame in (stream.first, *frames)}) == 1
    return pl.concat(frames) if frames else stream.first


def one(values: list[Any], kind: str, dtype: Any = None, timezone: str = "UTC") -> list[Any]:
    frame = pl.DataFrame({"v": pl.Series(values, dtype=dtype)})
    return read(frame, columns={"v": kind}, timezone=timezone)["v"].to_list()


def kinds(data: object) -> list[str]:
    return [str(field.kind) for field in open_stream(data, Layout()).fields]


FORMS: dict[str, Callable[[], Any]] = {
    "polars": lambda: pl.DataFrame(TABLE),
    "lazy": lambda: pl.LazyFrame(TABLE),
    "arrow": lambda: arrow.table(TABLE),
    "batch": lambda: arrow.table(TABLE).to_batches()[0],
    "reader": lambda: arrow.table(TABLE).to_reader(),
    "pandas": lambda: pd.DataFrame(TABLE),
    "pandas-index": lambda: pd.DataFrame(TABLE, index=[7, 9]),
    "dicts": lambda: [{"a": 1, "b": "x"}, {"a": 2}],
    "generator": lambda: ({"a": a, "b": b} for a, b in zip(*TABLE.values(), strict=True)),
    "frames": lambda: [pl.DataFrame(TABLE)[:1], arrow.table(TABLE)[1:]],
    "pages": lambda: iter([[{"a": 1, "b": "x"}], [{"a": 2, "b": None}]]),
    "batches": lambda: iter(arrow.table(TABLE).to_batches(1)),
}


@pytest.mark.parametrize("form", list(FORMS))
def test_every_form_of_a_table_is_read_alike(form: str):
    frame = read(FORMS[form]())
    assert frame.rows() == [(1, "x"), (2, None)]
    assert frame.dtypes == [pl.Int64, pl.String]


def test_a_named_index_is_a_column_and_a_nameless_one_is_not():
    frame = pd.DataFrame({"a": [1]}, index=pd.Index(["k"], name="key"))
    assert open_stream(frame, Layout()).first.columns == ["a", "key"]


def test_without_rows_there_are_still_columns():
    for data in (pl.DataFrame(TABLE).clear(), pl.LazyFrame(TABLE).limit(0), pa.table(TABLE)[:0]):
        stream = open_stream(data, Layout.model_validate({"columns": {"a": "money:EUR"}}))
        assert list(stream.frames) == []
        assert stream.first.columns == ["a", "b"]
    assert read([], columns={"a": "integer"}).schema == {"a": pl.Int64}
    with pytest.raises(SourceInvalid, match="neither rows nor columns"):
        read(iter([]))


def test_columns_named_twice_missing_or_all_hidden_are_refused():
    twice = pa.table([[1], [2]], names=["a", "a"])
    with pytest.raises(SourceInvalid, match="two columns named 'a'"):
        read(twice)
    with pytest.raises(SourceInvalid, match="'a'"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ColumnMissing, match=r"'z'.*it has: a, b"):
        read(pl.DataFrame(TABLE), group_by="z")
    with pytest.raises(SourceInvalid, match="hidden"):
        read(pl.DataFrame({"a": [1]}), columns={"a": {"hidden": True}})


def test_hidden_columns_stay_only_for_groups_and_last():
    frame = pl.DataFrame({"g": ["x"], "h": [b"binary"], "a": [1]})
    hidden = {"g": {"hidden": True}, "h": {"hidden": True}}
    stream = open_stream(frame, Layout.model_validate({"columns": hidden, "group_by": "g"}))
    assert [field.name for field in stream.fields] == ["a"]
    assert stream.first.columns == ["a", "g"]


def test_kinds_are_inferred_from_types():
    frame = pl.DataFrame(
        {
            "i": [1], "f": [1.5], "d": [D("1.25")], "b": [True], "day": [date(2026, 1, 1)],
            "at": [datetime(2026, 1, 1)], "t": [time(1)], "took": [timedelta(1)], "s": ["x"],
            "n": [None], "list": [[1]], "struct": [{"a": 1}],
        },
        schema_overrides={"d": pl.Decimal(10, 2)},
    )  # fmt: skip
    assert kinds(frame) == [
        "integer", "number", "decimal(2)", "boolean", "date", "datetime", "time", "duration",
        "text", "text", "text", "text",
    ]  # fmt: skip
    with pytest.raises(SourceInvalid, match="'a' is binary"):
        kinds(pl.DataFrame({"a": [b"x"]}))


@pytest.mark.parametrize(
    ("values", "dtype", "kind", "wanted"),
    [
        ([3.0, float("nan"), None], pl.Float64, "integer", [3, None, None]),
        ([D("3.00")], pl.Decimal(10, 2), "integer", [3]),
        ([" 7 ", None], pl.String, "integer", [7, None]),
        ([True], pl.Boolean, "integer", [1]),
        (["1.5", " -2 "], pl.String, "decimal(2)", [D("1.5"), D("-2")]),
        (["1e-3"], pl.String, "number", [0.001]),
        ([1, 0, None], pl.Int64, "boolean", [True, False, None]),
        (["TRUE", "f", "0"], pl.String, "boolean", [True, False, False]),
        (["2026-01-31", "2026-01-31 00:00:00"], pl.String, "date", [date(2026, 1, 31)] * 2),
        ([datetime(2026, 1, 31, 5)], pl.Datetime, "date", [date(2026, 1, 31)]),
        ([date(2026, 1, 31)], pl.Date, "datetime", [datetime(2026, 1, 31)]),
        (["09:30", "09:30:07.5"], pl.String, "time", [time(9, 30), time(9, 30, 7, 500_000)]),
        ([datetime(2026, 1, 1, 9)], pl.Datetime, "time", [time(9)]),
        ([90, None], pl.Int64, "duration", [timedelta(seconds=90), None]),
        (["1.5"], pl.String, "duration", [timedelta(seconds=1.5)]),
        ([[1, 2], None], pl.List(pl.Int64), "text", ["[1,2]", None]),
        ([datetime(2026, 1, 1, 9, 0, 0, 500_000)], pl.Datetime, "text", ["2026-01-01 09:00:00.500"]),
        (["x", "y"], pl.Categorical, "code", ["x", "y"]),
        ([None], pl.Null, "money:EUR", [None]),
        ([None], pl.Null, "date", [None]),
    ],
)  # fmt: skip
def test_values_are_brought_to_their_kind(
    values: list[Any], dtype: Any, kind: str, wanted: list[Any]
):
    assert one(values, kind, dtype) == wanted


def test_texts_of_datetimes_may_have_any_iso_form_in_one_column():
    texts = {
        "2026-01-31": datetime(2026, 1, 31, 0, 0),
        "2026-01-31 10:00": datetime(2026, 1, 31, 10),
        "2026-01-31T10:00:07": datetime(2026, 1, 31, 10, 0, 7),
        "2026-01-31 10:00:00.25": datetime(2026, 1, 31, 10, 0, 0, 250_000),
        "2026-01-31T10:00:00Z": datetime(2026, 1, 31, 7),
        "2026-01-31T10:00+02:00": datetime(2026, 1, 31, 5),
        "2026-01-31T10:00:00.5-0330": datetime(2026, 1, 31, 10, 30, 0, 500_000),
    }
    found = one([*texts, None], "datetime", pl.String, "America/Sao_Paulo")
    assert found == [*texts.values(), None]


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2.5], pl.Float64, "integer"),
        ([1, float("inf")], pl.Float64, "integer"),
        ([1, 1e300], pl.Float64, "integer"),
        ([D("1.00"), D("2.50")], pl.Decimal(10, 2), "integer"),
        (["1", "1.5"], pl.String, "integer"),
        (["1", ""], pl.String, "money:EUR"),
        (["1", "1,5"], pl.String, "number"),
        (["1", "9" * 30], pl.String, "decimal"),
        ([1, 5], pl.Int64, "boolean"),
        (["t", "maybe"], pl.String, "boolean"),
        (["2026-01-01", "2026-01-01garbage"], pl.String, "date"),
        (["2026-01-01", "2026-02-30"], pl.String, "date"),
        (["2026-01-01", "2026-01-01T25:00"], pl.String, "datetime"),
        (["10:00", "10"], pl.String, "time"),
        (["1", "long"], pl.String, "duration"),
        ([b"a", b"\xff"], pl.Binary, "text"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_row(values: list[Any], dtype: Any, kind: str):
    good = [values[0]] * 12_344
    with pytest.raises(SourceInvalid, match=r"column 'v', row 12345: .* is not a valid ") as caught:
        one([*good, values[1], values[1]], kind, dtype)
    assert str(caught.value).endswith(kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, "date"),
        (5, "datetime"),
        (5, "time"),
        (date(2026, 1, 1), "integer"),
        (date(2026, 1, 1), "money:EUR"),
        (time(1), "datetime"),
        (True, "duration"),
        ([1], "number"),
        (timedelta(1), "number"),
    ],
)
def test_a_type_that_never_fits_a_kind_is_refused(value: Any, kind: str):
    with pytest.raises(SourceInvalid, match=r"the column 'v' holds .*, which are no "):
        one([value], kind)


@given(st.lists(st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)), min_size=1, max_size=5))
def test_times_with_a_zone_are_shown_in_the_reports(times: list[datetime]):
    zone = ZoneInfo("Europe/Berlin")
    aware = pl.Series(times, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC")
    local = [moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(zone) for moment in times]
    frame = pl.DataFrame({"at": aware, "day": aware, "t": aware})
    columns = {"day": "date", "t": "time"}
    found = read(frame, columns=columns, timezone="Europe/Berlin")
    assert found["at"].to_list() == [moment.replace(tzinfo=None) for moment in local]
    assert found["day"].to_list() == [moment.date() for moment in local]
    assert found["t"].to_list() == [moment.time() for moment in local]


@pytest.mark.parametrize(
    "dtype",
    [
        pa.decimal256(50, 2), pa.decimal32(5, 2), pa.time32("s"), pa.timestamp("s"), pa.date64(),
        pa.float16(), pa.uint64(), pa.null(), pa.string_view(), pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()), pa.dictionary(pa.int8(), pa.int64()),
        pa.timestamp("ns", "Europe/Berlin"), pa.timestamp("us", "+02:00"), pa.duration("s"),
    ],
    ids=str,
)  # fmt: skip
def test_types_of_arrow_that_polars_names_otherwise_are_read(dtype: pa.DataType):
    assert read(pa.table({"a": pa.array([None], dtype)}))["a"].to_list() == [None]


@pytest.mark.parametrize(
    "dtype",
    [pa.month_day_nano_interval(), pa.run_end_encoded(pa.int32(), pa.string()), pa.binary(3)],
    ids=str,
)
def test_types_that_no_cell_can_show_are_refused(dtype: pa.DataType):
    with pytest.raises(SourceInvalid, match=r"the column 'a' .*no cell can show"):
        read(pa.table({"a": pa.array([None], dtype)}))


@given(st.lists(st.integers(0, 3 * BATCH_ROWS), max_size=8))
def test_batches_of_any_size_become_frames_of_the_right_size_and_order(sizes: list[int]):
    numbers = iter(range(sum(sizes)))
    batches = [
        pa.record_batch({"a": pa.array([next(numbers) for _ in range(size)], pa.int64())})
        for size in sizes
    ]
    frame = read(pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches))
    assert frame["a"].to_list() == list(range(sum(sizes)))


def test_wide_rows_make_short_frames():
    frame = pl.DataFrame({"a": ["x" * 100_000] * 1000})
    frames = list(open_stream(frame, Layout()).frames)
    assert max(part.estimated_size() for part in frames) <= 2 * BATCH_BYTES
    assert sum(part.height for part in frames) == 1000


def test_a_long_stream_is_never_held():
    made = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal made
        for _ in range(1000):
            made += 1
            yield pa.record_batch({"a": list(range(1000))})

    stream = open_stream(batches(), Layout())
    next(stream.frames)
    assert made <= 25


def test_the_first_rows_decide_and_kinds_widen_what_dicts_leave_open():
    late = [{"a": 1, "b": None}] * BATCH_ROWS + [{"a": 1.5, "b": "x"}]
    frame = read(iter(late), columns={"a": "number"})
    assert frame.row(-1) == (1.5, "x")
    with pytest.raises(SourceInvalid, match=r"column 'a', after row 10000: .*gives it a kind"):
        read(iter(late))
    with pytest.raises(SourceInvalid, match="after row 10000, there is a new column 'c'"):
        read([{"a": 1}] * BATCH_ROWS + [{"a": 1, "c": 2}])
    with pytest.raises(SourceInvalid, match="'a' holds Python objects"):
        read([{"a": object()}])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "the data is None, and no table; give a table of Polars"),
        ("sales.csv", "of type str, and no table; .* read it first"),
        ({"a": [1, 2]}, r"of type dict, and no table; .* polars\.DataFrame\(data\)"),
        (5, "of type int, and no table"),
        ([[1, 2]], "the first row is of type list, which does not name its columns"),
        (["a"], "the first row is of type str"),
        ([{"a": 1}, [2]], "row 2 is of type list, and the rows before it are dicts"),
        (
            [{"a": 1, "b": 1}, {"b": [1]}, {"b": {"x": 1}}],
            r"column 'b' holds values .* \(dict, int, list; rows 1 to 3\)",
        ),
        (b"bytes", "of type bytes, and no table"),
        (object(), "of type object, and no table"),
        (pl.Series("a", [1]), r"a Series is one column; give data\.to_frame\(\)"),
        (pd.DataFrame({"a": [1, "x"]}), "no table: Conversion failed for column a .*'x'"),
    ],
)
def test_data_that_is_no_table_is_refused_with_the_way_out(data: object, said: str):
    with pytest.raises(SourceInvalid, match=said):
        read(data)


def test_what_breaks_off_is_said_and_the_callers_own_errors_are_not_touched():
    def own() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"a": [1]})
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        read(own())

    whole = pa.BufferOutputStream()
    with pa.ipc.new_stream(whole, pa.schema([("a", pa.int64())])) as file:
        for _ in range(30):
            file.write_batch(pa.record_batch({"a": list(range(1000))}))
    cut = whole.getvalue()[: whole.getvalue().size // 2]
    with pytest.raises(SourceInvalid, match=r"broke off after row \d+"):
        read(pa.ipc.open_stream(cut))
