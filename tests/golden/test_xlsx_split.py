"""Totals, groups, and rows over several sheets or files; what is computed, LibreOffice computes anew."""

import re
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from books import (
    BOOKS,
    ROWS,
    SALES,
    SALES_TAB,
    book_of,
    by_calamine,
    made,
    opened,
    parts_of,
    ranges_of_charts,
    sheet_of,
    without_results,
)
from conftest import find
from office import converted

from prelo.core.errors import RowLimit
from prelo.core.table import Completeness


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The workbooks without their results, as LibreOffice saves them: one start of it for all."""
    find("soffice", "libreoffice-calc-nogui")
    folder = tmp_path_factory.mktemp("office")
    paths = [
        without_results(book_of(name), folder / f"{name.replace(' ', '_')}.xlsx") for name in BOOKS
    ]
    return dict(zip(BOOKS, converted(paths, "xlsx"), strict=True))


def formulas(file: bytes) -> dict[tuple[str, str], str]:
    return {
        (sheet.title, cell.coordinate): str(cell.value)
        for sheet in opened(file).worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    }


@pytest.mark.parametrize(
    ("name", "least"),
    [("everything", 7), ("table", 7), ("table split", 15), ("groups", 40), ("groups folded", 13),
     ("groups split", 19), ("split", 7), ("several", 6), ("several split", 9)],
)  # fmt: skip
def test_libreoffice_computes_every_total_as_the_file_has_it(
    name: str, least: int, computed: dict[str, Path]
):
    found = formulas(book_of(name))
    assert len(found) >= least - 3
    kept = opened(book_of(name), data_only=True)
    anew = opened(computed[name].read_bytes(), data_only=True)
    for sheet, place in found:
        value = anew[sheet][place].value
        assert value is not None, (sheet, place)
        assert value == pytest.approx(kept[sheet][place].value, rel=1e-12), (sheet, place)


def test_totals_of_a_table_name_its_columns_and_are_those_of_the_data(computed: dict[str, Path]):
    sheet = opened(computed["table"].read_bytes(), data_only=True)[SALES_TAB]
    last = [cell.value for cell in sheet[9 + ROWS]]
    wanted = SALES["amount"].sum(), SALES["units"].count(), SALES["cost"].mean()
    assert last[0] == "Total"
    assert [float(value) for value in cast("Any", last[3:6])] == pytest.approx(
        [float(cast("Any", value)) for value in wanted]
    )
    names = {
        formula for (tab, _), formula in formulas(book_of("table")).items() if tab == SALES_TAB
    }
    assert names == {
        "=SUBTOTAL(109,Sales_more[amount])",
        "=SUBTOTAL(103,Sales_more[units])",
        "=SUBTOTAL(101,Sales_more[cost])",
    }


def test_tables_split_over_sheets_have_names_and_ranges_of_their_own():
    book = opened(book_of("table split"))
    tables = [table for sheet in book.worksheets for table in sheet.tables.values()]
    assert [table.ref for table in tables] == [*["A8:I16"] * 4, "A8:I11"]
    assert [table.name for table in tables] == [
        "Sales_more", "Sales_more_2", "Sales_more_3", "Sales_more_4", "Sales_more_5",
    ]  # fmt: skip
    assert tables[0].tableStyleInfo.name == "TableStyleDark3"
    for number, sheet in enumerate(book.worksheets[:5], 1):
        last = 16 if number < 5 else 11
        suffix = "" if number == 1 else f"_{number}"
        assert sheet.cell(last, 4).value == f"=SUBTOTAL(109,Sales_more{suffix}[amount])"


def test_charts_of_a_split_table_read_their_own_sheet():
    for name in ("split", "table split"):
        for number, sheet in enumerate(opened(book_of(name)).worksheets[:5], 1):
            last = 15 if number < 5 else 10
            assert set(ranges_of_charts(sheet)) == {
                f"'{sheet.title}'!${letter}$9:${letter}${last}" for letter in "CEF"
            }


def test_sparklines_of_a_split_table_name_their_own_sheet():
    xml = parts_of(book_of("split"))["xl/worksheets/sheet2.xml"].decode()
    found = re.findall(r"<xm:f>'([^<]*)'!D(\d+):F(\d+)</xm:f>", xml)
    assert found == [("Sales &amp; &lt;more&gt; (2)", str(n), str(n)) for n in range(9, 16)]


def test_groups_have_headings_subtotals_and_an_outline():
    rows = by_calamine(book_of("groups"))[SALES_TAB]
    first = [row[0] for row in rows]
    assert [text for text in first if "North" in str(text)][:1] == ["Region:  North & South"]
    assert [text for text in first if str(text).startswith("region: ")] == [
        "region: North", "region: South", "region: West",
    ]  # fmt: skip
    assert sum(str(text).startswith("Total City") for text in first) == 9
    sheet = sheet_of("groups")
    levels = {row: sheet.row_dimensions[row].outlineLevel for row in range(9, 16)}
    assert levels == {9: 0, 10: 1, 11: 2, 12: 2, 13: 2, 14: 2, 15: 1}
    assert sheet.sheet_format.outlineLevelRow == 2


def test_subtotals_are_those_of_the_data(computed: dict[str, Path]):
    rows = opened(computed["groups"].read_bytes(), data_only=True)[SALES_TAB].iter_rows(
        values_only=True
    )
    found = {str(row[0]): row[3:6] for row in rows if str(row[0]).startswith("Total")}
    totals = [pl.col("amount").sum(), pl.col("units").count(), pl.col("cost").mean()]
    for region, *wanted in SALES.group_by("region").agg(totals).rows():
        assert found[f"Total {region}"] == pytest.approx([float(value) for value in wanted])
    assert found["Total"] == pytest.approx([float(v) for v in SALES.select(totals).row(0)])


def test_folded_groups_are_hidden_and_still_add_up(computed: dict[str, Path]):
    sheet = sheet_of("groups folded")
    rows = range(9, (sheet.max_row or 0) + 1)
    shown = [str(sheet.cell(row, 1).value) for row in rows if not sheet.row_dimensions[row].hidden]
    assert shown == [
        "region: North", "Total North", "region: South", "Total South", "region: West", "Total West",
        "Total",
    ]  # fmt: skip
    last = opened(computed["groups folded"].read_bytes(), data_only=True)[SALES_TAB][rows[-1]]
    assert float(cast("Any", last[3].value)) == pytest.approx(float(SALES["amount"].sum()))


def test_a_group_that_goes_on_with_the_next_sheet_has_its_heading_there():
    sheets = by_calamine(book_of("groups split"))
    second = [row[0] for row in sheets[f"{SALES_TAB} (2)"]]
    assert "region: North (continued)" in second
    data = [
        row[2] for rows in sheets.values() for row in rows if str(row[2:3]).startswith("['item ")
    ]
    assert data == SALES["item"].to_list()


def test_rows_that_do_not_fit_are_left_out_or_refused_as_told():
    with pytest.raises(RowLimit, match="more rows than fit one sheet"):
        made(SALES, **BOOKS["table"] | {"rows_per_sheet": 7, "overflow": "fail"})
    file, manifest = made(SALES, **BOOKS["table cut"])
    assert (manifest.rows, manifest.completeness) == (7, Completeness.TRUNCATED)
    book = opened(file)
    assert book.sheetnames == [SALES_TAB, "Summary", "About"]
    assert set(ranges_of_charts(book[SALES_TAB])) == {
        f"'{SALES_TAB}'!${letter}$9:${letter}$15" for letter in "CEF"
    }
    told = {row[0]: row[1] for row in book["About"].iter_rows(values_only=True)}
    assert "the file ends after 7 rows" in str(told["State"])


@pytest.mark.parametrize("overflow", ["fail", "truncate", "split_sheets"])
def test_the_limit_of_rows_is_for_data_not_for_the_sheets_about_it(overflow: str):
    options: dict[str, Any] = {"info": True, "summaries": [{"by": "item"}], "overflow": overflow}
    file, manifest = made(SALES[:3], rows_per_sheet=3, title="T", author="A", **options)
    assert manifest.completeness is Completeness.COMPLETE
    sheets = by_calamine(file)
    assert list(sheets) == ["T", "Summary", "About"]
    assert sheets["About"][-1][0] == "Made by"
    assert [row[0] for row in sheets["Summary"][1:4]] == ["item 0", "item 1", "item 2"]


def test_files_of_a_zip_are_whole_workbooks_with_all_that_was_asked_for(tmp_path: Path):
    out, manifest = made(
        SALES, **BOOKS["everything"] | {"overflow": "split_files", "rows_per_sheet": 12}
    )
    assert [sheet.rows for sheet in manifest.sheets] == [12, 12, 6]
    items: list[Any] = []
    for number, file in enumerate(parts_of(out).values()):
        book = opened(file)
        assert book.sheetnames == [SALES_TAB, "Summary", "About"]
        last = 8 + (12 if number < 2 else 6)
        assert book[SALES_TAB].auto_filter.ref == f"A8:I{last}"
        assert len(cast("Any", book[SALES_TAB])._images) == 1
        assert f"$E${last}" in str(ranges_of_charts(book[SALES_TAB]))
        items += [row[2].value for row in book[SALES_TAB].iter_rows(9, last)]
    assert items == SALES["item"].to_list()


def test_several_sheets_have_their_own_tables_logos_charts_and_groups():
    book = opened(book_of("several"))
    assert book.sheetnames == ["Sales", "Sales 2", "C1000003, x", "About"]
    assert [len(sheet.tables) for sheet in book.worksheets] == [1, 1, 0, 0]
    assert [len(cast("Any", sheet)._images) for sheet in book.worksheets] == [1, 1, 0, 0]
    assert set(ranges_of_charts(book["Sales 2"])) == {
        f"'Sales 2'!${letter}$5:${letter}$24" for letter in "CEF"
    }
    names = [sheet.print_title_rows for sheet in book.worksheets]
    assert names == ["$3:$3", "$3:$4", "$3:$4", "$3:$3"]
    xml = parts_of(book_of("several"))["xl/workbook.xml"].decode()
    assert "'C1000003, x'!$3:$4" in xml
    logos = {name for name in parts_of(book_of("several")) if name.startswith("xl/media/")}
    assert {name.rpartition(".")[2] for name in logos} == {"png", "jpeg"}
