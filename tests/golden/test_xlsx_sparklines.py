"""A sparkline in every row, made from the one that XlsxWriter drew."""

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from drawn import SHEET, fields, parts, workbook
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.workbook import Sparkline
from prelo.formats.xlsx.place import Place
from prelo.formats.xlsx.sparklines import Sparklines, draw_sparklines

FIELDS = fields(
    ("id", "code"), ("q1", "integer"), ("q2", "integer"), ("q3", "decimal(2)"), ("note", "text"),
    ("end", "integer"),
)  # fmt: skip
ROWS = [("007", 1, 5, 2.5, "x", 1)]
MAIN = "{http://schemas.microsoft.com/office/spreadsheetml/2009/9/main}"
REFERENCE = "{http://schemas.microsoft.com/office/excel/2006/main}"


def line(first: str = "q1", last: str = "q3", **more: Any) -> Sparkline:
    return Sparkline(title="Trend", first=first, last=last, **more)


def sheet_of(*sparklines: Sparkline) -> str:
    def draw(_: Workbook, sheet: Worksheet, place: Place) -> None:
        draw_sparklines(sheet, place, sparklines)

    return parts(workbook(draw, FIELDS, ROWS))["xl/worksheets/sheet1.xml"]


def drawn(xml: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each group its type, and the ranges and places of its sparklines."""
    groups = ET.fromstring(xml).iter(f"{MAIN}sparklineGroup")  # noqa: S314  our own
    return [
        (
            group.get("type", "line"),
            [
                (one.findtext(f"{REFERENCE}f", ""), one.findtext(f"{REFERENCE}sqref", ""))
                for one in group.iter(f"{MAIN}sparkline")
            ],
        )
        for group in groups
    ]


def test_each_sparkline_has_a_column_after_the_last_field():
    found = drawn(sheet_of(line(), line("q2", type="column"), line(type="win_loss")))
    assert sorted(found, key=lambda group: group[1][0][1]) == [
        ("line", [("'It''s <A>'!B4:D4", "G4")]),
        ("column", [("'It''s <A>'!C4:D4", "H4")]),
        ("stacked", [("'It''s <A>'!B4:D4", "I4")]),
    ]


def test_a_sparkline_has_its_colour_or_the_houses():
    assert '<x14:colorSeries rgb="FF123456"/>' in sheet_of(line(color="#123456"))
    assert '<x14:colorSeries rgb="FF1F3A5F"/>' in sheet_of(line())


def test_every_row_gets_its_own_in_the_sheets_name():
    whole = sheet_of(line(), line(type="column"))
    head, tail = whole.split("</sheetData>")
    pieces = list(Sparklines(f"</sheetData>{tail}").pieces("R&D 'x'", 4, 25_003))
    assert max(map(len, pieces)) < 2_000_000
    groups = drawn(head + b"".join(pieces).decode())
    assert [kind for kind, _ in groups] == ["column", "line"]
    for (_, found), column in zip(groups, "HG", strict=True):
        assert found == [(f"'R&D ''x'''!B{n}:D{n}", f"{column}{n}") for n in range(4, 25_004)]


def test_the_drawn_row_comes_back_as_xlsxwriter_wrote_it():
    tail = sheet_of(line()).split("</sheetData>")[1]
    assert b"".join(Sparklines(tail).pieces(SHEET, 4, 4)).decode() == tail


def test_a_sheet_without_rows_keeps_a_group_that_is_whole():
    tail = sheet_of(line()).split("</sheetData>")[1]
    assert b"".join(Sparklines(tail).pieces(SHEET, 4, 3)).decode() == tail


def test_a_tail_without_sparklines_stays_as_it_is():
    assert (
        b"".join(Sparklines("</sheetData><a>é</a>").pieces("x", 1, 9)).decode()
        == "</sheetData><a>é</a>"
    )


@given(first=st.integers(1, 1_000_000), rows=st.integers(0, 25_000))
def test_as_many_sparklines_as_rows_wherever_they_stand(first: int, rows: int):
    group = "<x14:sparkline><xm:f>'S'!A1:B1</xm:f><xm:sqref>C1</xm:sqref></x14:sparkline>"
    out = b"".join(Sparklines(f"<a>{group}</a>").pieces("S", first, first + rows - 1))
    found = re.findall(rb"<xm:sqref>C(\d+)</xm:sqref>", out)
    assert len(found) == max(rows, 1)
    assert (int(found[0]), int(found[-1])) == (first, first + max(rows, 1) - 1)


@pytest.mark.parametrize(
    ("sparkline", "error", "sentence"),
    [
        (line("q3", "q1"), FormatFailed, "which stands before it"),
        (line("q1", "q1"), FormatFailed, "in the same column"),
        (line("q1", "end"), FormatFailed, "'note', which is a text"),
        (line("id", "q1"), FormatFailed, "'id', which is a code"),
        (line("q1", "q9"), ColumnMissing, "the sparkline 'Trend' names the column 'q9'"),
    ],
)
def test_columns_that_make_no_sparkline_are_refused(
    sparkline: Sparkline, error: type[Exception], sentence: str
):
    with pytest.raises(error, match=sentence):
        sheet_of(sparkline)
