"""Workbooks with much in them, written through the library's door."""

import io
import re
import warnings
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast

import openpyxl
import polars as pl
import python_calamine as calamine
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet
from PIL import Image

from prelo import write_xlsx
from prelo.core.table import Manifest

ROWS = 30


def image(form: str = "png", width: int = 200, height: int = 80) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#1F3A5F").save(out, form, dpi=(96, 96))
    return out.getvalue()


LOGO = image()
SALES = pl.DataFrame(
    {
        "region": [("North", "South", "West")[i // 10] for i in range(ROWS)],
        "city": [f"City {i // 4}" for i in range(ROWS)],
        "item": [f"item {i}" for i in range(ROWS)],
        "amount": pl.Series([Decimal(i * 7) / 4 for i in range(ROWS)], dtype=pl.Decimal(12, 2)),
        "units": [None if i % 9 == 4 else i for i in range(ROWS)],
        "cost": [i * 1.5 for i in range(ROWS)],
        "day": [date(2026, 1, 1) + timedelta(i) for i in range(ROWS)],
        "state": [("open", "done")[i % 2] for i in range(ROWS)],
        "url": [f"https://example.org/{i % 20}?a=1&b=2#part" for i in range(ROWS)],
    }
)
COLUMNS: dict[str, Any] = {
    "item": {"wrap": True, "outline": 1, "indent": 2, "note": "What was <sold> & to whom"},
    "amount": {"kind": "money:EUR", "total": "sum", "heading": "Money & co", "highlight": "bar"},
    "units": {"total": "count", "heading": "Money & co", "highlight": [
        {"show": "cell", "when": ">", "value": 10, "fill": "#FFEEAA"}, {"show": "icons"}]},
    "cost": {"total": "mean", "highlight": "scale", "color": "#112233", "bold": True},
    "state": {"choices": ["open", "done"], "fill": "#EEEEEE",
              "highlight": {"show": "row", "when": "=", "value": "open", "bold": True}},
    "url": "link",
}  # fmt: skip
CHARTS = [
    {"type": "column", "x": "item", "y": "units", "lines": "cost", "title": "Units & <cost>"},
    {"type": "pie", "x": "item", "y": "units"},
]
SPARKLINES = [{"title": "Trend", "first": "amount", "last": "cost"}]
SUMMARY = {
    "by": "region", "values": {"amount": ["sum", "mean"], "units": "max"}, "title": "By region",
    "charts": [{"type": "bar", "x": "region", "y": "amount sum"}],
}  # fmt: skip
EVERYTHING: dict[str, Any] = {
    "title": "Sales & <more>", "subtitle": "=not a formula", "author": "Ana & Zoë", "logo": LOGO,
    "facts": {"Region": "North & South", "Year": "2026"}, "columns": COLUMNS, "freeze_columns": 1,
    "zebra": True, "charts": CHARTS, "sparklines": SPARKLINES, "summaries": [SUMMARY], "info": True,
    "strings": "shared", "properties": {"company": "ACME <&>", "Ticket": "42 & more"},
    "protect": True, "header": "{title}|{sheet}|{page}/{pages}", "footer": "1 & 2||{page}",
}  # fmt: skip
GROUPED: dict[str, Any] = EVERYTHING | {"group_by": ["region", "city"], "charts": []}
SALES_TAB = "Sales & <more>"
BOOKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "everything": EVERYTHING,
    "table": EVERYTHING | {"table": True},
    "table split": EVERYTHING | {"table": "Dark 3", "rows_per_sheet": 7},
    "table cut": EVERYTHING | {"table": "Light 9", "rows_per_sheet": 7, "overflow": "truncate"},
    "groups": GROUPED,
    "groups folded": GROUPED | {"group_by": "region", "folded": True},
    "groups split": GROUPED | {"rows_per_sheet": 7},
    "groups flat": GROUPED | {"groups": "flat", "charts": CHARTS},
    "split": EVERYTHING | {"rows_per_sheet": 7},
    "from the right": EVERYTHING | {"locale": "ar", "table": True},
    "paper": {"columns": COLUMNS, "rtl": True, "landscape": True, "paper": "A3",
              "autofilter": False, "freeze_header": False, "header": "&1|{title}|", "footer": ""},
    "no rows": EVERYTHING,
    "no rows, table": EVERYTHING | {"table": True},
    "no rows, groups": GROUPED,
    "several": {"table": True, "logo": LOGO, "info": True, "charts": CHARTS, "sheets": {
        "Sales 2": {"table": True, "logo": image("jpeg"), "charts": CHARTS, "columns": COLUMNS},
        "C1000003, x": {"group_by": "region", "columns": COLUMNS, "title": "Third"}}},
    "several split": {"table": True, "rows_per_sheet": 12, "charts": CHARTS, "sheets": {
        "Sales 2": {"table": True, "logo": LOGO, "sparklines": SPARKLINES, "columns": COLUMNS}}},
}  # fmt: skip
"""By what is special in each."""


def data_of(name: str) -> Any:
    if name.startswith("several"):
        tables = {"Sales": SALES, "Sales 2": SALES[:20], "C1000003, x": SALES}
        return tables if name == "several" else dict(list(tables.items())[:2])
    return SALES[:0] if name.startswith("no rows") else SALES


@cache
def book_of(name: str) -> bytes:
    return made(data_of(name), **BOOKS[name])[0]


def made(data: Any, **options: Any) -> tuple[bytes, Manifest]:
    out = bytearray()
    manifest = write_xlsx(data, out, **options)
    return bytes(out), manifest


def opened(file: bytes, **options: Any) -> Workbook:
    with warnings.catch_warnings():  # openpyxl leaves out what came after Excel 2007, and says so
        warnings.simplefilter("ignore")
        return openpyxl.load_workbook(io.BytesIO(file), **options)


def by_calamine(file: bytes) -> dict[str, list[list[Any]]]:
    book = calamine.load_workbook(io.BytesIO(file))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def parts_of(file: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        return {name: package.read(name) for name in package.namelist()}


def without_results(file: bytes, path: Path) -> Path:
    """The workbook at `path` without the results of its formulas: who shows some has computed them."""
    with zipfile.ZipFile(path, "w") as target:
        for name, part in parts_of(file).items():
            target.writestr(name, re.sub(rb"</f><v>[^<]*</v>", b"</f>", part))
    return path


def sheet_of(name: str, sheet: str = SALES_TAB) -> Worksheet:
    return cast("Worksheet", opened(book_of(name))[sheet])


def ranges_of_charts(sheet: Any) -> list[str]:
    out: list[str] = []
    for chart in sheet._charts:
        for part in chart._charts:
            for series in part.series:
                out += [series.val.numRef.f, (series.cat.strRef or series.cat.numRef).f]
    return out
