"""Real Excel tables, as openpyxl reads them and LibreOffice calculates their totals."""

import re
from pathlib import Path
from typing import Any

import pytest
from drawn import HEADER, calculated, fields, opened, parts, workbook
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl.worksheet.table import Table
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from prelo.core.table import Column, Total
from prelo.formats.stream import Field
from prelo.formats.xlsx.excel_table import add_table, table_name, table_titles, total_formula
from prelo.formats.xlsx.place import Place

ROWS = [("North", 10, 2.5), ("South", None, 4.0), ("West", 5, -1.0)]
SHOWN = fields(
    ("region", "text"), ("sales", "integer", {"total": "sum"}), ("share", "number", {"total": "mean"})
)  # fmt: skip


def file_of(shown: tuple[Field, ...] = SHOWN, style: Any = True, **more: Any) -> bytes:  # noqa: FBT002
    def draw(_: Workbook, sheet: Worksheet, place: Place) -> None:
        options: dict[str, Any] = {"filtered": True} | more
        add_table(sheet, place, "Sales", style, **options)

    return workbook(draw, shown, [row[: len(shown)] for row in ROWS])


def table_of(file: bytes) -> Table:
    (table,) = opened(file).tables.values()
    return table


def test_a_table_stands_over_the_header_and_the_rows():
    table = table_of(file_of())
    assert (table.name, table.displayName, table.ref) == ("Sales", "Sales", "A3:C6")
    assert table.autoFilter
    assert table.autoFilter.ref == "A3:C6"
    assert table.tableStyleInfo
    assert table.tableStyleInfo.name == "TableStyleMedium2"
    assert table.tableStyleInfo.showRowStripes
    assert not table.totalsRowCount
    assert table.headerRowCount != 0


def test_a_table_without_a_filter_has_none():
    assert table_of(file_of(filtered=False)).autoFilter is None


def test_a_table_has_the_style_that_was_asked_for():
    style = table_of(file_of(style="Dark 11")).tableStyleInfo
    assert style
    assert style.name == "TableStyleDark11"


def test_a_row_of_totals_is_after_the_last_and_out_of_the_filter():
    table = table_of(file_of(totals="All & more"))
    assert (table.ref, table.totalsRowCount) == ("A3:C7", 1)
    assert table.autoFilter
    assert table.autoFilter.ref == "A3:C6"
    columns = [(c.name, c.totalsRowFunction, c.totalsRowLabel) for c in table.tableColumns]
    assert columns == [
        ("Region", None, "All & more"), ("Sales", "sum", None), ("Share", "average", None),
    ]  # fmt: skip


def test_the_first_column_may_have_a_total_in_the_words_stead():
    shown = fields(("region", "text", {"total": "count"}))
    (column,) = table_of(file_of(shown, totals="Total")).tableColumns
    assert (column.totalsRowFunction, column.totalsRowLabel) == ("count", None)


def nothing(_: Workbook, sheet: Worksheet, place: Place) -> None:
    """Draw nothing."""


def test_a_table_writes_no_cell():
    with_table = file_of(totals="Total")
    without = workbook(nothing, SHOWN, ROWS)
    rows = [
        parts(f)["xl/worksheets/sheet1.xml"].split("</sheetData>")[0] for f in (with_table, without)
    ]
    assert rows[0] == rows[1]


def titled(*titles: str) -> tuple[Field, ...]:
    return tuple(Field(f"c{i}", Column(title=title)) for i, title in enumerate(titles))


def test_titles_are_made_unique_and_never_empty():
    given_ = titled("Amount", "amount", "", "AMOUNT", "two\nlines", "amount 2", " ", "Column 3")
    assert table_titles(given_) == (
        "Amount", "amount 2", "Column 3", "AMOUNT 3", "two lines", "amount 2 2", "Column 7", "Column 3 2",
    )  # fmt: skip


@given(st.lists(st.text(max_size=300), min_size=1, max_size=8))
@example(["😀" * 200, "😀" * 200, "x" * 300, "X" * 300])
def test_any_titles_become_those_of_a_table(titles: list[str]):
    made = table_titles(titled(*titles))
    assert len({title.casefold() for title in made}) == len(titles)
    assert all(title and len(title.encode("utf-16-le")) // 2 <= 255 for title in made)
    assert made == table_titles(titled(*made)), "titles that are right stay as they are"


def test_titles_that_look_like_escapes_come_back_as_they_were():
    shown = fields(("id", "integer", {"title": "_x0041_ & <b>"}))
    name = re.findall(
        r'<tableColumn id="1" name="([^"]*)"', parts(file_of(shown))["xl/tables/table1.xml"]
    )
    assert name == ["_x005F_x0041_ &amp; &lt;b&gt;"]


@pytest.mark.parametrize(
    ("sheet", "name"),
    [
        ("Report", "Report"), ("It's 2026!", "It_s_2026"), ("2026", "_2026"), ("A1", "_A1"),
        ("R1C1", "_R1C1"), ("c", "_c"), ("日本", "日本"), ("!!", "Table"), ("AB12 x", "AB12_x"),
    ],
)  # fmt: skip
def test_a_table_is_named_after_its_sheet_by_excels_rules(sheet: str, name: str):
    assert table_name(sheet, set()) == name


def test_no_two_tables_share_a_name():
    used: set[str] = set()
    assert [table_name(n, used) for n in ("Sales", "SALES", "Sales 2", "sales")] == [
        "Sales", "SALES_2", "Sales_2_2", "sales_3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("total", "title", "formula"),
    [
        ("sum", "Amount", "SUBTOTAL(109,T[Amount])"), ("count", "A b", "SUBTOTAL(103,T[A b])"),
        ("min", "a#1", "SUBTOTAL(105,T[a'#1])"), ("max", "a[b]", "SUBTOTAL(104,T[a'[b']])"),
        ("mean", "it's", "SUBTOTAL(101,T[it''s])"),
    ],
)  # fmt: skip
def test_a_total_names_its_column(total: Total, title: str, formula: str):
    assert total_formula(total, "T", title) == formula


def test_totals_are_right_whatever_their_columns_are_called(tmp_path: Path):
    titles = ["Net, EUR", "it's [all] #1", "a@b", "Ü", "=1+1"]
    totals: list[Total] = ["sum", "count", "min", "max", "mean"]
    shown = fields(*(
        (f"c{i}", "integer", {"title": title, "total": total})
        for i, (title, total) in enumerate(zip(titles, totals, strict=True))
    ))  # fmt: skip
    unknown: Any = ""

    def draw(_: Workbook, sheet: Worksheet, place: Place) -> None:
        made = add_table(sheet, place, "Odd", True, filtered=True, totals="Total")
        for i, (title, total) in enumerate(zip(made, totals, strict=True)):
            sheet.write_formula(
                place.last + 1, i, f"={total_formula(total, 'Odd', title)}", None, unknown
            )

    rows = [[4] * 5, [7] * 5, [1] * 5]
    shows = calculated(workbook(draw, shown, rows), tmp_path)
    assert shows[HEADER] == titles
    assert shows[HEADER + 4] == ["12", "3", "1", "7", "4"]
