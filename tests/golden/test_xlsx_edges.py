"""Values at the edges of every kind, as openpyxl, calamine and LibreOffice read them."""

import csv
import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from books import by_calamine, made, opened, parts_of
from conftest import find
from office import converted

from prelo.core.errors import SourceInvalid

Counts = dict[str, int]
NAN, INF = float("nan"), float("inf")
DEC38 = pl.Decimal(38, 10)
EDGES: dict[str, tuple[str, pl.Series, list[Any], Counts]] = {
    "integer": (
        "integer", pl.Series([0, None, 10**15 - 1, -(10**15) + 1, 10**15, -(10**18), 2**63 - 1]),
        [0, None, 10**15 - 1, -(10**15) + 1, str(10**15), str(-(10**18)), str(2**63 - 1)],
        {"large-integer": 3},
    ),
    "unsigned": (
        "integer", pl.Series([0, 2**64 - 1], dtype=pl.UInt64), [0, str(2**64 - 1)],
        {"large-integer": 1},
    ),
    "decimal": (
        "decimal(4)",
        pl.Series([Decimal(0), None, Decimal("-0.0001"), Decimal("99999999999.9999"),
                   Decimal("123456789012.3456"), Decimal("1" * 28)], dtype=pl.Decimal(38, 4)),
        [0, None, -0.0001, 99999999999.9999, 123456789012.3456, float("1" * 28)],
        {"long-decimal": 2},
    ),
    "38 digits": (
        "money:EUR", pl.Series([Decimal("9" * 38), Decimal(10) ** 37], dtype=pl.Decimal(38, 0)),
        [1e38, 1e37], {"long-decimal": 1},
    ),
    "money": ("money:JPY", pl.Series([-0.0, 0.5, NAN, INF]), [0.0, 0.5, None, None],
              {"not-a-number": 2}),
    "percent": ("percent", pl.Series([0.25, -1.0, None, NAN]), [0.25, -1, None, None],
                {"not-a-number": 1}),
    "scientific": ("scientific", pl.Series([1.7976931348623157e308, -5e-324, 0.0]),
                   [1.7976931348623157e308, -5e-324, 0], {}),
    "number": ("number", pl.Series([0.1 + 0.2, 1e15, 123456789012345680.0, -INF, None]),
               [0.1 + 0.2, 1e15, 123456789012345680.0, None, None], {"not-a-number": 1}),
    "single precision": ("number", pl.Series([0.1, 16777216.0], dtype=pl.Float32),
                         [0.1, 16777216], {}),
    "boolean": ("boolean", pl.Series([True, False, None]), [True, False, None], {}),
    "date": (
        "date", pl.Series([date(1900, 2, 28), date(1900, 3, 1), date(9999, 12, 31), date(1, 1, 1), None]),
        ["1900-02-28", date(1900, 3, 1), date(9999, 12, 31), "0001-01-01", None],
        {"date-out-of-range": 2},
    ),
    "datetime": (
        "datetime",
        pl.Series([datetime(1900, 2, 28, 23, 59, 59), datetime(1900, 3, 1), datetime(2026, 1, 1),
                   datetime(9999, 12, 31, 23, 59, 59), datetime(1, 1, 1), None]),
        ["1900-02-28 23:59:59", datetime(1900, 3, 1), datetime(2026, 1, 1),
         datetime(9999, 12, 31, 23, 59, 59), "0001-01-01 00:00:00", None],
        {"date-out-of-range": 2},
    ),
    "zone": (
        "datetime", pl.Series([datetime(2026, 3, 29, 0, 59), datetime(2026, 3, 29, 1, 0),
                               datetime(2026, 10, 25, 0, 30), datetime(2026, 10, 25, 1, 30)])
        .dt.replace_time_zone("UTC"),
        [datetime(2026, 3, 29, 1, 59), datetime(2026, 3, 29, 3, 0), datetime(2026, 10, 25, 2, 30),
         datetime(2026, 10, 25, 2, 30)], {},
    ),
    "time": ("time", pl.Series([time(0), time(12, 30), time(23, 59, 59), None]),
             [time(0), time(12, 30), time(23, 59, 59), None], {}),
    "duration": (
        "duration", pl.Series([timedelta(0), timedelta(hours=24), timedelta(days=400, seconds=1),
                               timedelta(hours=-1, minutes=-30), None]),
        [timedelta(0), timedelta(hours=24), timedelta(days=400, seconds=1),
         timedelta(hours=-1, minutes=-30), None], {},
    ),
    "seconds": ("duration", pl.Series([90.5, -1.0]), [timedelta(seconds=90.5), timedelta(seconds=-1)],
                {}),
}  # fmt: skip
NUMBERED = {"integer", "unsigned", "decimal", "38 digits", "number", "single precision"}


def book(kind: str, values: pl.Series, **options: Any) -> tuple[bytes, Counts]:
    data = values.alias("v").to_frame().with_columns(end=pl.lit("."))
    file, manifest = made(data, columns={"v": {"kind": kind}}, **options)
    return file, {w.type: w.count for w in manifest.warnings}


def plain(value: Any) -> Any:
    """A day at midnight is a day, and nothing is nothing, whatever the reader calls them."""
    if isinstance(value, datetime) and not (value.hour or value.minute or value.second):
        return value.date()
    if isinstance(value, int) and not isinstance(value, bool):
        return float(
            value
        )  # openpyxl has the digits of the file, others what a double holds of them
    return None if value == "" else value


@pytest.mark.parametrize("name", list(EDGES))
def test_values_at_the_edges_come_back_or_are_counted(name: str):
    kind, values, wanted, counts = EDGES[name]
    file, warned = book(kind, values, timezone="Europe/Berlin")
    assert warned == counts
    read = [row[0].value for row in opened(file).worksheets[0].iter_rows(min_row=2)]
    other = [row[0] for row in by_calamine(file)["Report"][1:]]
    for found in (read, other):
        assert [plain(v) for v in found] == [plain(v) for v in wanted]


TEXTS = {
    "empty": "", "spaces": "  lead and trail  ", "formula": "=1+1", "plus": "+1", "minus": "-1",
    "at": "@SUM(A1)", "zeros": "000123", "number": "12.50", "date": "2026-01-01", "break": "a\nb\n",
    "return": "a\r\nb", "tab": "\ta\t", "control": "\x00\x07\x1f", "escape": "_x0041_ _x005F_",
    "end of data": "a]]>b", "markup": "<a href='x'>&amp;</a>", "quotes": "\"'`", "arabic": "مرحبا بالعالم",
    "hebrew": "שלום 123", "direction": "\u202eabc\u202c\u200f", "emoji": "👩‍👩‍👧 🇧🇷", "joined": "e\u0301",
    "separators": "a\u2028b\u2029c\u0085d", "delete": "a\x7fb", "last": "\U0010ffff\ue000\ud7ff",
    "apostrophe": "'text", "error": "#REF!", "true": "TRUE",
}  # fmt: skip


@pytest.mark.parametrize("strings", ["inline", "shared"])
@pytest.mark.parametrize("kind", ["text", "code", "link"])
def test_any_text_comes_back_as_text(kind: str, strings: str):
    data = pl.DataFrame({"v": list(TEXTS.values()), "end": ["."] * len(TEXTS)})
    file, manifest = made(data, columns={"v": kind}, strings=strings)
    assert not manifest.warnings
    assert [row[0] for row in by_calamine(file)["Report"][1:]] == list(TEXTS.values())
    cells = [row[0] for row in opened(file).worksheets[0].iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert b"<f>" not in parts_of(file)["xl/worksheets/sheet1.xml"]


@pytest.mark.parametrize("strings", ["inline", "shared"])
def test_texts_are_cut_where_excel_ends_a_cell_and_never_within_a_character(strings: str):
    texts = ["x" * 32_767, "x" * 32_768, "x" * 32_766 + "😀", "x" * 32_765 + "😀", "\x08" * 32_768]
    data = pl.DataFrame({"v": texts * 30})
    file, manifest = made(data, strings=strings)
    wanted = [texts[0], texts[0], "x" * 32_766, texts[3], "\x08" * 32_767] * 30
    assert [row[0] for row in by_calamine(file)["Report"][1:]] == wanted
    assert [(w.type, w.count) for w in manifest.warnings] == [("text-cut", 90)]


def test_libreoffice_shows_the_same_values(tmp_path: Path):
    """What it shows in a CSV: every edge of every kind, all files in one start."""
    find("soffice", "libreoffice-calc-nogui")
    shown = {name: text for name, text in TEXTS.items() if name not in {"control", "return"}}
    files = {name: book(kind, values)[0] for name, (kind, values, *_) in EDGES.items()}
    files["texts"] = made(pl.DataFrame({"v": list(shown.values()), "end": ["."] * len(shown)}))[0]
    paths = [tmp_path / f"{name.replace(' ', '_')}.xlsx" for name in files]
    for path, file in zip(paths, files.values(), strict=True):
        path.write_bytes(file)
    as_kept = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false"
    rows = {
        name: [row[0] for row in csv.reader(io.StringIO(path.read_text(), newline=""))][1:]
        for name, path in zip(files, converted(paths, as_kept), strict=True)
    }
    assert rows["texts"] == list(shown.values())
    for name in NUMBERED:
        wanted = EDGES[name][2]
        read = [None if text == "" else float(text.replace(",", "")) for text in rows[name]]
        assert read == [None if v is None else pytest.approx(float(v), rel=1e-14) for v in wanted]
    assert rows["boolean"] == ["1", "0", ""]
    assert rows["date"][:4] == ["1900-02-28", "03/01/1900", "12/31/9999", "0001-01-01"]
    assert rows["datetime"][1:3] == ["03/01/1900 00:00:00", "01/01/2026 00:00:00"]
    assert rows["duration"][1:] == ["24:00:00", "9600:00:01", "-01:30:00", ""]
    assert rows["percent"] == ["25%", "-100%", "", ""]


NESTED: dict[str, tuple[Any, Any, list[Any]]] = {
    "list": (pa.list_(pa.int64()), [[1, None], [], None], ["[1,null]", "[]", None]),
    "large list": (pa.large_list(pa.string()), [['a<"é']], ['["a<\\"é"]']),
    "fixed list": (pa.list_(pa.int64(), 2), [[1, 2]], ["[1,2]"]),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.string())]), [{"a": 1, "b": "x"}],
               ['{"a":1,"b":"x"}']),
    "list of structs": (pa.list_(pa.struct([("a", pa.date32())])), [[{"a": date(2026, 1, 1)}]],
                        ['[{"a":"2026-01-01"}]']),
    "json": (pa.json_(), ['{"a": 1}'], ['{"a": 1}']),
    "nothing": (pa.null(), [None, None], [None, None]),
    "half float": (pa.float16(), [1.5, None], [1.5, None]),
    "day of milliseconds": (pa.date64(), [date(2026, 1, 1)], [datetime(2026, 1, 1)]),
    "seconds": (pa.time32("s"), [time(1, 2, 3)], [time(1, 2, 3)]),
    "nanoseconds": (pa.timestamp("ns"), [datetime(2026, 1, 1, 1)], [datetime(2026, 1, 1, 1)]),
    "text view": (pa.string_view(), ["a", None], ["a", None]),
    "wide decimal": (pa.decimal256(50, 2), [Decimal("1.50")], [1.5]),
    "negative scale": (pa.decimal128(5, -2), [Decimal(1500)], [1500]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(NESTED))
def test_every_arrow_type_has_a_cell(name: str):
    dtype, values, wanted = NESTED[name]
    data = pa.table({"v": pa.array(values, dtype), "end": pa.array(["."] * len(values))})
    sheet = opened(made(data)[0]).worksheets[0]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == wanted


def test_dictionaries_and_categories_are_their_texts():
    array = pa.array(["b", "a", None, "b"]).dictionary_encode()
    data = pa.table({"v": array, "n": pa.array([2, 1, 2, None]).dictionary_encode()})
    wanted = [["b", 2], ["a", 1], ["", 2], ["b", ""]]
    assert by_calamine(made(data)[0])["Report"][1:] == wanted
    frame = pl.DataFrame(data).with_columns(pl.col("v").cast(pl.Categorical))
    assert by_calamine(made(frame, strings="shared")[0])["Report"][1:] == wanted


@pytest.mark.parametrize(
    "dtype", [pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view(), pa.list_(pa.binary())]
)
def test_bytes_are_refused_unless_hidden_or_as_text(dtype: Any):
    value: Any = [b"a"] if pa.types.is_list(dtype) else b"a"
    with pytest.raises(SourceInvalid, match=r"the column 'v' (is binary|has the type list)"):
        made(pa.table({"v": pa.array([value], dtype), "w": pa.array([1])}))


def test_warnings_are_counted_by_column_over_frames_and_sheets():
    n = 25_000
    data = pl.DataFrame({"a": [NAN] * n, "b": [10**15] * n, "c": range(n)})
    _, manifest = made(data, rows_per_sheet=9_000)
    found = [(w.column, w.type, w.count) for w in manifest.warnings]
    assert found == [("a", "not-a-number", n), ("b", "large-integer", n)]


def test_a_summary_of_single_precision_adds_up_in_double():
    values = [16_777_216.0, *[1.0] * 1001]
    data = pl.DataFrame({"k": ["x"] * 1002, "v": pl.Series(values, dtype=pl.Float32)})
    file, _ = made(data, summaries=[{"by": "k", "values": {"v": ["sum", "mean"]}}])
    assert by_calamine(file)["Summary"][1] == ["x", 16_778_217.0, 16_778_217 / 1002]
