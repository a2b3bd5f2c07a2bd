"""Any table comes back equal, within Excel's documented rules."""

import io
import warnings
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

import openpyxl
import polars as pl
import pyarrow as pa
import python_calamine as calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from tables import ANY_TEXT, COLUMNS, FIRST_DAY, ROWS, SCHEMA

from prelo import write_xlsx
from prelo.core.table import Manifest


def read(file: bytes | bytearray) -> tuple[list[tuple[Any, ...]], list[list[Any]]]:
    """The rows below the header as openpyxl and as calamine find them."""
    with warnings.catch_warnings():  # openpyxl says so of a duration that it takes for a date
        warnings.simplefilter("ignore")
        sheet = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0]
        theirs = list(sheet.iter_rows(min_row=2, values_only=True))
    return theirs, calamine.load_workbook(io.BytesIO(file)).get_sheet_by_index(0).to_python()[1:]


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 12), shared=st.booleans())
def test_any_table_comes_back_equal(rows: list[dict[str, Any]], cut: int, shared: bool):  # noqa: FBT001
    whole = pa.Table.from_pylist(rows, SCHEMA)
    whole = whole.append_column("end", pa.array(["."] * len(rows), pa.string()))
    out = bytearray()
    parts = iter([whole[:cut], whole[cut:]]) if 0 < cut < len(rows) else whole
    manifest = write_xlsx(parts, out, strings="shared" if shared else "inline")
    theirs, other = read(out)
    wanted = [[*(expected(row[name]) for name in COLUMNS), "."] for row in rows]
    filled = [row for row in theirs if any(v is not None for v in row)]
    found = [as_single([plain(v) for v in row]) for row in filled]
    if shared:  # openpyxl undoes only half of the escapes of a shared string
        assert [row[2:] for row in found] == [row[2:] for row in wanted]
    else:
        assert found == wanted
    assert [as_single([plain(v, escaped=False) for v in row]) for row in other] == [
        [None if v == "" else v for v in row] for row in wanted
    ]
    check_warnings(rows, manifest)


def check_warnings(rows: list[dict[str, Any]], manifest: Manifest) -> None:
    """Every value that had to change is counted, and no other."""
    wanted: dict[str, int] = {}
    for name in COLUMNS:
        count = sum(changed(row[name]) for row in rows)
        if count:
            wanted[name] = count
    assert {w.column: w.count for w in manifest.warnings} == wanted
    assert manifest.rows == len(rows)


def changed(value: Any) -> bool:
    if isinstance(value, float):
        return not isfinite(value)
    if isinstance(value, int):
        return abs(value) >= 10**15
    if isinstance(value, date):
        return day_of(value) < FIRST_DAY
    return False


def day_of(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value


def expected(value: Any) -> Any:
    """What a cell holds for it."""
    if isinstance(value, list):
        return "[" + ",".join("null" if v is None else str(v) for v in value) + "]"
    if isinstance(value, date) and changed(value):
        seconds = f" {value:%H:%M:%S}" if isinstance(value, datetime) else ""
        return day_of(value).isoformat() + seconds
    if isinstance(value, float) and changed(value):
        return None
    if isinstance(value, int) and changed(value):
        return str(value)
    return as_number(value)


def as_single(row: list[Any]) -> list[Any]:
    """A float of 32 bits is written in its own shortest form, which those of 64 bits read as another."""
    place = list(COLUMNS).index("single")
    value = row[place]
    row[place] = value if value is None else pl.Series([value], dtype=pl.Float32).item()
    return row


def plain(value: Any, *, escaped: bool = True) -> Any:
    if isinstance(value, str):
        return (unescape(value) if escaped else value) or (None if not escaped else value)
    return as_number(value)


def as_number(value: Any) -> Any:
    """Days, times and numbers each in one form, whatever the reader calls them."""
    if isinstance(value, datetime) and value.time() == time():
        return value.date()
    if isinstance(value, timedelta):
        return round(value / timedelta(seconds=1))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value)
    return value


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ANY_TEXT, st.none() | st.decimals(-999, 999, places=2)), min_size=1))
def test_any_texts_may_be_groups_of_rows(rows: list[tuple[str, Decimal | None]]):
    """Every row stands under the heading of its group, and subtotals add up to the total."""
    rows = sorted(rows, key=lambda row: row[0])
    schema = {"k": pl.String, "v": pl.Decimal(10, 2)}
    data = pl.DataFrame(rows, schema=schema, orient="row").with_columns(end=pl.lit("."))
    out = bytearray()
    columns: dict[str, Any] = {"v": {"total": "sum"}, "k": {"hidden": True}}
    write_xlsx(data.select("k", "end", "v"), out, columns=columns, group_by="k")
    found = read(out)[1]
    values = [row[1] for row in found if row[0] == "."]
    assert values == ["" if v is None else float(v) for _, v in rows]
    totals = [row[1] for row in found if str(row[0]).startswith("Total")]
    assert len(totals) == len({k for k, _ in rows}) + 1
    assert round(sum(totals[:-1]), 6) == round(totals[-1], 6)
    assert totals[-1] == float(sum(v or 0 for _, v in rows))
