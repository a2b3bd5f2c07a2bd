"""Each feature of a workbook, as other programs read it back; what is computed, LibreOffice computes anew."""

import io
import re
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from books import (
    BOOKS,
    LOGO,
    ROWS,
    SALES,
    SALES_TAB,
    SPARKLINES,
    book_of,
    by_calamine,
    image,
    made,
    opened,
    parts_of,
    ranges_of_charts,
    sheet_of,
)
from conftest import find, run
from msoffcrypto.format.ooxml import OOXMLFile
from office import converted
from openpyxl.worksheet.worksheet import Worksheet

EMU = 9525  # a pixel


def one(data: Any, **options: Any) -> Worksheet:
    return cast("Worksheet", opened(made(data, **options)[0]).worksheets[0])


def test_title_subtitle_facts_and_headings_stand_above_the_table():
    sheet = sheet_of("everything")
    column = [sheet.cell(row, 1).value for row in range(1, 9)]
    assert column == [
        None, "Sales & <more>", "=not a formula", "Region:  North & South", "Year:  2026", None, None,
        "region",
    ]  # fmt: skip
    assert sheet["A3"].data_type == "s"
    assert [sheet.cell(7, column).value for column in (3, 4, 5, 6)] == [
        None,
        "Money & co",
        None,
        None,
    ]
    assert [str(area) for area in sheet.merged_cells.ranges] == ["D7:E7"]


def test_the_logo_is_in_the_file_at_its_own_size():
    sheet = cast("Any", sheet_of("everything"))
    (picture,) = sheet._images
    assert picture._data() == LOGO
    anchor = picture.anchor
    assert type(anchor).__name__ == "OneCellAnchor"
    assert anchor._from.row == 0
    assert (anchor.ext.cx / EMU, anchor.ext.cy / EMU) == pytest.approx((130, 52), abs=1)
    small = cast("Any", one(SALES, logo=image("png", 40, 20)))._images[0].anchor.ext
    assert (small.cx / EMU, small.cy / EMU) == pytest.approx((40, 20), abs=1)


@pytest.mark.parametrize("form", ["png", "jpeg", "gif", "bmp"])
def test_a_logo_may_be_any_image_that_excel_shows(form: str):
    file, _ = made(SALES, logo=image(form))
    (media,) = (part for name, part in parts_of(file).items() if name.startswith("xl/media/"))
    assert media == image(form)


def test_panes_freeze_at_the_header_and_after_the_columns_asked_for():
    assert sheet_of("everything").freeze_panes == "B9"
    assert one(SALES, freeze_header=False, freeze_columns=2).freeze_panes == "C1"
    assert one(SALES, freeze_header=False).freeze_panes is None
    assert sheet_of("groups").freeze_panes == "B9"


def test_a_filter_covers_header_and_rows_but_no_total_and_no_sparkline():
    assert sheet_of("everything").auto_filter.ref == f"A8:I{8 + ROWS}"
    assert sheet_of("groups").auto_filter.ref is None
    assert sheet_of("table").auto_filter.ref is None
    assert one(SALES, group_by="region", autofilter=True).auto_filter.ref is not None


def test_a_table_covers_header_rows_and_totals():
    (table,) = sheet_of("table").tables.values()
    assert table.ref == f"A8:I{9 + ROWS}"
    assert table.totalsRowCount == 1
    assert table.autoFilter.ref == f"A8:I{8 + ROWS}"
    assert table.column_names == SALES.columns
    shown = [cell.value for cell in sheet_of("table")[8]][:9]
    assert shown == table.column_names


def test_without_rows_a_table_has_one_blank_row():
    sheet = sheet_of("no rows, table")
    (table,) = sheet.tables.values()
    assert table.ref == "A8:I10"
    assert all(cell.value is None for cell in sheet[9])
    assert sheet["A10"].value == "Total"


def test_charts_read_from_the_first_row_of_data_to_the_last():
    assert set(ranges_of_charts(sheet_of("everything"))) == {
        f"'{SALES_TAB}'!${letter}$9:${letter}${8 + ROWS}" for letter in "CEF"
    }
    assert ranges_of_charts(sheet_of("everything", "Summary")) == [
        "Summary!$B$4:$B$6",
        "Summary!$A$4:$A$6",
    ]


def test_charts_stand_right_of_the_table_and_keep_their_size():
    sheet = cast("Any", sheet_of("everything"))
    anchors = [chart.anchor for chart in sheet._charts]
    assert [type(anchor).__name__ for anchor in anchors] == ["OneCellAnchor"] * 2
    assert all(anchor._from.col >= len(SALES.columns) + len(SPARKLINES) for anchor in anchors)
    assert {(a.ext.cx / EMU, a.ext.cy / EMU) for a in anchors} == {(640, 340)}


def test_zebra_and_highlights_cover_the_rows_of_data():
    sheet = sheet_of("everything")
    found = {
        str(area.sqref): [rule.type for rule in area.rules] for area in sheet.conditional_formatting
    }
    last = 8 + ROWS
    assert found[f"D9:D{last}"] == ["dataBar"]
    assert sorted(found[f"E9:E{last}"]) == ["expression", "iconSet"]
    assert found[f"F9:F{last}"] == ["colorScale"]
    assert found[f"A9:I{last}"] == ["expression", "expression"]
    priorities = [r.priority for area in sheet.conditional_formatting for r in area.rules]
    assert len(priorities) == len(set(priorities))
    only = one(SALES, zebra=True, group_by="region")
    assert [str(area.sqref) for area in only.conditional_formatting] == ["A2:I34"]


def test_choices_and_notes_are_where_they_belong():
    sheet = sheet_of("everything")
    (rule,) = sheet.data_validations.dataValidation
    assert (str(rule.sqref), rule.formula1) == (f"H9:H{8 + ROWS}", '"open,done"')
    notes = {c.coordinate: c.comment.text for r in sheet.iter_rows() for c in r if c.comment}
    assert notes == {"C8": "What was <sold> & to whom"}


@pytest.mark.parametrize(("name", "first"), [("everything", 9), ("table", 9)])
def test_there_is_a_sparkline_in_each_row(name: str, first: int):
    xml = parts_of(book_of(name))["xl/worksheets/sheet1.xml"].decode()
    found = re.findall(r"<xm:f>([^<]*)</xm:f><xm:sqref>([^<]*)</xm:sqref>", xml)
    tab = "'Sales &amp; &lt;more&gt;'"
    rows = range(first, first + ROWS)
    assert found == [(f"{tab}!D{row}:F{row}", f"J{row}") for row in rows]
    assert sheet_of(name)["J8"].value == "Trend"


def test_summaries_and_the_sheet_about_it_follow_the_data():
    sheets = by_calamine(book_of("everything"))
    assert list(sheets) == [SALES_TAB, "Summary", "About"]
    summary = sheets["Summary"]
    assert summary[0][0] == "By region"
    wanted = SALES.group_by("region").agg(
        pl.col("amount").sum(), pl.col("amount").mean().alias("mean"), pl.col("units").max()
    )
    assert [row[:4] for row in summary[3:6]] == [
        [row[0], *(pytest.approx(float(v)) for v in row[1:])]
        for row in wanted.sort("region").rows()
    ]
    told = {str(row[0]): row[1] for row in sheets["About"]}
    assert (told["Region"], told["Rows"]) == ("North & South", "30")
    assert told["State"] == "complete"


def test_properties_are_those_of_the_document():
    book = opened(book_of("everything"))
    known = book.properties
    assert (known.title, known.subject, known.creator) == (
        "Sales & <more>", "=not a formula", "Ana & Zoë",
    )  # fmt: skip
    own = {one.name: one.value for one in cast("Any", book).custom_doc_props.props}
    assert own == {"Ticket": "42 & more"}
    assert (
        b"<Company>ACME &lt;&amp;&gt;</Company>"
        in parts_of(book_of("everything"))["docProps/app.xml"]
    )


def test_the_page_is_set_up_for_print():
    sheet = sheet_of("paper", "Report")
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 8)
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.sheet_properties.pageSetUpPr
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.print_title_rows == "$1:$2"
    assert sheet_of("everything").print_title_rows == "$7:$8"
    assert one(SALES, locale="en-US").page_setup.paperSize == 1
    assert one(SALES, locale="de-DE").page_setup.paperSize == 9


def test_headers_and_footers_are_printed_as_they_read(tmp_path: Path):
    """An ampersand and a digit at their beginning are no codes; none is longer than Excel takes."""
    pdftotext = find("pdftotext", "poppler-utils")
    file, _ = made(
        SALES.select("item"), title="R&D & 7", header="2026 & more|{sheet}|{title}",
        footer="&1|100 &&|{page} of {pages}",
    )  # fmt: skip
    path = tmp_path / "printed.xlsx"
    path.write_bytes(file)
    (pdf,) = converted([path], "pdf")
    text = run(pdftotext, "-layout", pdf, "-")
    for printed in ("2026 & more", "R&D & 7", "&1", "100 &&", "1 of 1"):
        assert printed in text
    for long in ("&" * 300, "😀" * 300, "{page}" * 100, "x" * 300):
        xml = parts_of(made(SALES, header=f"{long}|{long}|{long}")[0])["xl/worksheets/sheet1.xml"]
        header = re.findall(r"<oddHeader>([^<]*)</oddHeader>", xml.decode())
        assert len(header) == 1
        assert 0 < len(header[0].replace("&amp;", "&").encode("utf-16-le")) <= 2 * 255


def test_a_sheet_begins_at_the_right_where_its_language_does_or_as_told():
    assert sheet_of("from the right").sheet_view.rightToLeft
    assert one(SALES, rtl=True).sheet_view.rightToLeft
    assert not one(SALES, locale="ar", rtl=False).sheet_view.rightToLeft
    assert not one(SALES).sheet_view.rightToLeft
    book = opened(book_of("from the right"))
    assert [sheet.sheet_view.rightToLeft for sheet in book.worksheets] == [True] * 3


def test_protection_locks_all_but_the_cells_to_choose_in():
    sheet = sheet_of("everything")
    assert sheet.protection.sheet
    assert [cell.protection.locked for cell in sheet[9]][:9] == [True] * 7 + [False, True]
    assert not sheet.protection.autoFilter
    assert not sheet_of("paper", "Report").protection.sheet
    assert all(one.protection.sheet for one in opened(book_of("everything")).worksheets)


def test_a_password_opens_the_workbook_with_all_that_is_in_it():
    locked, _ = made(SALES, password="Sésame", **BOOKS["everything"])
    out = io.BytesIO()
    book: Any = OOXMLFile(io.BytesIO(locked))
    book.load_key(password="Sésame", verify_password=True)
    book.decrypt(out, verify_integrity=True)
    assert out.getvalue() == book_of("everything")


def test_shared_strings_hold_what_repeats_and_read_the_same():
    shared, inline = (made(SALES, strings=how)[0] for how in ("shared", "inline"))
    assert by_calamine(shared) == by_calamine(inline)
    assert parts_of(shared)["xl/sharedStrings.xml"].count(b">North<") == 1
    assert parts_of(inline)["xl/worksheets/sheet1.xml"].count(b">North<") == 10


def test_links_lead_to_their_addresses():
    sheet = sheet_of("everything")
    links = {c.coordinate: c.hyperlink for r in sheet.iter_rows() for c in r if c.hyperlink}
    assert list(links) == [f"I{row}" for row in range(9, 9 + ROWS)]
    found = links["I12"]
    assert found
    assert (found.target, found.location) == ("https://example.org/3?a=1&b=2", "part")
    assert sheet["I12"].value == "https://example.org/3?a=1&b=2#part"
    assert sheet["I12"].font.u == "single"
    second = opened(book_of("split")).worksheets[1]["I9"].hyperlink
    assert second
    assert second.target == "https://example.org/7?a=1&b=2"


def test_looks_of_a_column_are_its_cells():
    columns = {
        "a": {"format": '0.0 "kg"', "align": "center", "color": "#112233", "fill": "#EEDDCC"},
        "b": {"wrap": True, "indent": 3, "bold": True, "width": 17, "outline": 2},
        "c": {"hidden": True},
        "d": {"outline": 2},
    }
    data = pl.DataFrame({"a": [1.5], "b": ["long text " * 20], "c": [1], "d": [2], "e": [3]})
    sheet = one(data, columns=columns)
    a, b = sheet["A2"], sheet["B2"]
    assert (a.number_format, a.alignment.horizontal) == ('0.0 "kg"', "center")
    assert (a.font.color.rgb, a.fill.fgColor.rgb) == ("FF112233", "FFEEDDCC")
    assert (b.alignment.wrap_text, b.alignment.indent, b.font.b) == (True, 3, True)
    assert sheet.column_dimensions["B"].width == pytest.approx(17, abs=0.75)
    assert sheet.row_dimensions[2].height > 100
    assert [cell.value for cell in sheet[1]] == ["a", "b", "d", "e"]
    levels = [sheet.column_dimensions[letter].outlineLevel for letter in "ABD"]
    assert levels == [0, 2, 0]
    assert sheet.column_dimensions["B"].max == 2
    assert sheet.column_dimensions["C"].outlineLevel == 2
    assert sheet.sheet_format.outlineLevelCol == 2


def test_widths_fit_what_is_shown_in_any_script():
    data = pl.DataFrame(
        {"short": ["a"], "long": ["m" * 30], "wide": ["漢字" * 8], "n": [1234567.5]}
    )
    width = {key: one(data).column_dimensions[key].width for key in "ABCD"}
    assert width["A"] < width["D"] < width["C"] < width["B"]


def test_the_widest_text_counts_wherever_it_stands():
    short = ["a"] * 20
    texts: list[str | None] = [*short, None, "", "m" * 30, *short]
    data = pl.DataFrame({"": texts, "none": [None] * len(texts), "short": [*short, *short, *"abc"]})
    width = {key: one(data).column_dimensions[key].width for key in "ABC"}
    assert width["A"] > 30
    assert max(width["B"], width["C"]) < 15


@pytest.mark.parametrize("name", ["everything", "table", "groups"])
def test_another_program_may_open_change_and_save_the_file(name: str):
    book = opened(book_of(name))
    again = io.BytesIO()
    book.save(again)
    before, after = (by_calamine(file)[SALES_TAB] for file in (book_of(name), again.getvalue()))
    assert after[:9] == before[:9]
