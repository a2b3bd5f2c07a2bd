"""Any table comes back equal, within Excel's documented rules."""

import io
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import python_calamine as calamine
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from prelo.core.table import Layout
from prelo.formats.xlsx import Xlsx

# U+FFFE and U+FFFF are no characters; neither XML nor the readers have them.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=20
)
ESCAPES = st.lists(
    st.sampled_from(["_", "x", "0041", "_x0041_", "_x005F", "\r", "&", "a"]), max_size=6
)
VALUES = {
    "text": st.one_of(TEXT, ESCAPES.map("".join)),
    "integer": st.integers(-(10**15) + 1, 10**15 - 1),
    "decimal": st.decimals(min_value=-(10**9), max_value=10**9, places=4),
    "float": st.floats(allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(date(1900, 3, 1), date(9999, 12, 31)),
}
TYPES = {
    "text": pl.String, "integer": pl.Int64, "decimal": pl.Decimal(20, 4), "float": pl.Float64,
    "boolean": pl.Boolean, "date": pl.Date,
}  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | value for name, value in VALUES.items()}), max_size=12
)


def ignore_progress(rows: int, pages: int) -> None:
    """Nobody listens."""


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_any_table_comes_back_equal(rows: list[dict[str, Any]]):
    out = io.BytesIO()
    Xlsx().write(pl.DataFrame(rows, schema=TYPES), out, Layout(), ignore_progress)
    by_openpyxl = openpyxl.load_workbook(out).worksheets[0].iter_rows(min_row=2, values_only=True)
    out.seek(0)
    by_calamine = calamine.load_workbook(out).get_sheet_by_index(0).to_python()[1:]
    assert [plain(row) for row in by_openpyxl if any_value(row)] == [
        expected(row, empty=None) for row in rows if any_value(row.values())
    ]
    while rows and not any_text(rows[-1].values()):
        rows = rows[:-1]  # calamine ends with the last cell that has something in it
    assert [[as_number(v) for v in row] for row in by_calamine][: len(rows)] == [
        expected(row, empty="") for row in rows
    ]


def any_value(values: Any) -> bool:
    return any(value is not None for value in values)


def any_text(values: Any) -> bool:
    return any(value not in {None, ""} for value in values)


def plain(row: tuple[Any, ...]) -> list[Any]:
    return [unescape(v) if isinstance(v, str) else as_number(v) for v in row]


def expected(row: dict[str, Any], empty: Any) -> list[Any]:
    return [empty if value is None else as_number(value) for value in map(row.get, TYPES)]


def as_number(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.date()
    return (
        float(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
    )
