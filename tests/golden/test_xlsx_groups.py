"""Grouped rows read back: what LibreOffice computes, what openpyxl and calamine find."""

import io
import re
import subprocess
import zipfile
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine
from openpyxl.worksheet.worksheet import Worksheet
from xlsxwriter import Workbook

from prelo.core.table import Column, Kind
from prelo.formats.stream import Field
from prelo.formats.xlsx.groups import Grouped, Grouping
from prelo.formats.xlsx.rows import RowStyles
from prelo.formats.xlsx.totals import Span, total_row

FIRST = 2
ROOM = 1000
NAMES = ("region", "city")


def field(name: str, kind: str, **column: Any) -> Field:
    return Field(name, Column(title=name.title(), kind=Kind.parse(kind), **column))


GROUPS = (field("region", "text", hidden=True), field("city", "text", hidden=True))
FIELDS = (
    field("item", "text"),
    field("amount", "decimal(2)", total="sum"),
    field("weight", "number", total="mean"),
    field("pieces", "integer", total="sum"),
    field("low", "integer", total="min"),
    field("day", "date", total="max"),
    field("hours", "duration", total="mean"),
    field("note", "text", total="count"),
)
STYLES = tuple(("",) * len(FIELDS) for _ in NAMES)
TOTALS = [f.name for f in FIELDS if f.column.total]


def table() -> pl.DataFrame:
    count = range(300)
    return pl.DataFrame(
        {
            "item": [f"item {i}" for i in count],
            "amount": pl.Series([Decimal(i * 7919 % 99_991) / 100 for i in count], dtype=pl.Decimal(20, 2)),
            "weight": [(None, float("nan"), float("inf"))[i % 3] if i % 5 == 0 else i * 0.37 for i in count],
            "pieces": [10**15 if i == 7 else i for i in count],
            "low": [None if i < 30 else i * 31 % 170 - 80 for i in count],
            "day": [date(2026, 1, 1) + timedelta(i * 37 % 365 - (i % 50 == 0) * 50_000) for i in count],
            "hours": [timedelta(minutes=i * 11) for i in count],
            "note": [None if i % 3 else "n" for i in count],
            "region": [("North", "South", "West")[i // 120] for i in count],
            "city": [f"City {i // 13}" for i in count],
        }
    )  # fmt: skip


def workbook(data: pl.DataFrame, *, folded: bool = False, most: int = ROOM) -> bytes:
    """A workbook of nothing but the rows, over as many sheets as it takes."""

    def shown(values: pl.Series, _: Field) -> pl.Series:
        return values

    styles = RowStyles(STYLES[0], STYLES[0], STYLES, STYLES)
    grouping = Grouping(GROUPS, shown, folded=folded)
    writer = Grouped(FIELDS, grouping, styles, [10.0] * len(FIELDS))
    sheets: list[bytes] = []
    spans: list[Span] = []
    row = FIRST
    while data.height or not sheets:
        xml, row, count = b"", FIRST, 0
        while count < most and data.height:
            written = writer.write(data[:70], row, ROOM, most - count)
            xml, row, count = xml + b"".join(written.xml), row + written.used, count + written.taken
            data = data[written.taken :]
        if data.height:
            writer.turn(FIRST)
        else:
            ended = writer.end(row)
            xml, row = xml + b"".join(ended.xml), row + ended.used
        spans.append(Span(f"S{len(sheets)}", FIRST, row - 1))
        sheets.append(xml)
    sheets[-1] += total_row(row, writer.totals, STYLES[0], spans, "Total")
    return spliced(sheets)


def spliced(sheets: list[bytes]) -> bytes:
    drawn, out = io.BytesIO(), io.BytesIO()
    book = Workbook(drawn)
    for number in range(len(sheets)):
        book.add_worksheet(f"S{number}")
    book.close()
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if number := re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", name):
                rows = sheets[int(number[1]) - 1]
                part = part.replace(b"<sheetData/>", b"<sheetData>%b</sheetData>" % rows)
            target.writestr(name, part)
    return out.getvalue()


def computed(file: bytes, folder: Path) -> bytes:
    """What LibreOffice saves of it: the cached values are taken out, so it has computed those it has."""
    path = folder / "groups.xlsx"
    with zipfile.ZipFile(io.BytesIO(file)) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, re.sub(rb"</f><v>[^<]*</v>", b"</f>", source.read(name)))
    subprocess.run(
        ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}",
         "--headless", "--convert-to", "xlsx", "--outdir", folder / "seen", path],
        check=True, capture_output=True, timeout=50,
    )  # fmt: skip
    return (folder / "seen" / path.name).read_bytes()


def opened(file: bytes, **options: Any) -> list[Worksheet]:
    return openpyxl.load_workbook(io.BytesIO(file), **options).worksheets  # pyright: ignore[reportReturnType]


def totals_of(file: bytes) -> dict[str, list[float]]:
    """By label, the numbers of each row that is a total."""
    rows = (
        row for sheet in opened(file, data_only=True) for row in sheet.iter_rows(values_only=True)
    )
    found = [row for row in rows if str(row[0]).startswith("Total")]
    return {str(row[0]): [number(value) for value in row[1:]] for row in found}


def number(value: Any) -> float:
    if isinstance(value, timedelta):
        return value / timedelta(days=1)
    return float("nan") if value is None else float(value)


def wanted(data: pl.DataFrame) -> dict[str, list[float]]:
    """The totals as Polars has them of what a spreadsheet holds as numbers."""
    c = pl.col
    numbers = data.with_columns(
        weight=pl.when(c("weight").is_finite()).then("weight"),
        pieces=pl.when(c("pieces") < 10**15).then("pieces"),
        day=pl.when(c("day").dt.year() > 1900).then(
            (c("day") - date(1899, 12, 30)).dt.total_days()
        ),
        hours=c("hours").dt.total_microseconds() / 86_400e6,
    )
    how = {
        "sum": pl.Expr.sum,
        "mean": pl.Expr.mean,
        "min": pl.Expr.min,
        "max": pl.Expr.max,
        "count": pl.Expr.count,
    }
    totals = [how[f.column.total](c(f.name)).cast(pl.Float64) for f in FIELDS if f.column.total]  # fmt: skip
    out = {"Total": [number(v) for v in numbers.select(totals).row(0)]}
    for by in (["region"], ["region", "city"]):
        for row in (
            numbers.group_by(by, maintain_order=True).agg(totals).select(by[-1], *TOTALS).rows()
        ):
            out.setdefault(f"Total {row[0]}", [number(v) for v in row[1:]])
    return out


def unique_cities(data: pl.DataFrame) -> pl.DataFrame:
    return data.with_columns(city=pl.concat_str("city", pl.lit(" "), "region"))


@pytest.mark.parametrize("folded", [False, True], ids=["open", "folded"])
def test_every_subtotal_is_what_libreoffice_computes_even_of_folded_rows(
    tmp_path: Path, *, folded: bool
):
    data = unique_cities(table())
    want = {k: pytest.approx(v, rel=1e-12, nan_ok=True) for k, v in wanted(data).items()}
    file = workbook(data, folded=folded)
    assert totals_of(file) == want
    assert totals_of(computed(file, tmp_path)) == want


def test_over_several_sheets_the_totals_are_still_those_of_all_rows(tmp_path: Path):
    data = unique_cities(table())
    want = {k: pytest.approx(v, rel=1e-12, nan_ok=True) for k, v in wanted(data).items()}
    file = workbook(data, most=100)
    assert len(opened(file)) == 3
    assert totals_of(file) == want
    assert totals_of(computed(file, tmp_path)) == want


def test_openpyxl_and_calamine_find_headings_rows_and_the_outline():
    data = table()[:30]
    (sheet,) = opened(workbook(data, folded=True))
    first = [sheet.cell(row, 1).value for row in range(FIRST, FIRST + 4)]
    assert first == ["Region: North", "City: City 0", "item 0", "item 1"]
    rows = range(FIRST, (sheet.max_row or 0) + 1)
    levels = [sheet.row_dimensions[row].outlineLevel for row in rows]
    assert levels == [0, 1, *[2] * 13, 1, 1, *[2] * 13, 1, 1, *[2] * 4, 1, 0, 0]
    hidden = [sheet.row_dimensions[row].hidden for row in rows]
    assert hidden == [bool(level) for level in levels]
    cells = calamine.load_workbook(io.BytesIO(workbook(data))).get_sheet_by_index(0).to_python()
    assert [row[0] for row in cells if str(row[0]).startswith("item")] == data["item"].to_list()
