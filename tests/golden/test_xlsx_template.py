"""A user's workbook filled with rows: what it shows, computes and keeps, by readers that are not ours."""

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import python_calamine
from conftest import Run
from openpyxl.worksheet.worksheet import Worksheet
from templates import (
    AMOUNTS,
    FACTS,
    ORDERS,
    Data,
    computed,
    convert,
    decorated,
    filled,
    orders,
    parts_of,
    pivot,
    replaced,
    small,
    table,
    with_parts,
)

from prelo.formats.xlsx.template import Slot, Template

REGIONS: Data = {"region": ["North", "South", "North", "West"], "amount": [10, 20.5, 5, 1]}
ODD = small(
    {
        "A1": "{{rows}}{{quantity}}",
        "B1": "=A1:A3*1",
        "C1": "=SUM(A1:A3)",
        "D1": "=A1/A3",
        "A3": "=SUM(A1:A1)",
        "B3": "=SUM(A1,A3)",
    },
    {"A1": "=SUM(Data!A1:A1)", "A2": "=SUM(Data!$1:$1)", "A3": "=INDEX(Data!A:A,6)"},
)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[list[str]]]:
    """All templates as LibreOffice computes them."""
    workbooks = {
        "orders": filled(orders(), ORDERS),
        "table": filled(table(), ORDERS),
        "decorated": filled(decorated(), ORDERS),
        "pivot": filled(pivot(), REGIONS),
        "odd": filled(ODD, ORDERS),
        "none": filled(orders(), {name: [] for name in ORDERS}),
    }
    return computed(workbooks, tmp_path_factory.mktemp("office"))


def opened(workbook: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(workbook), rich_text=True)


@pytest.fixture(scope="module")
def book() -> Any:
    return opened(filled(orders(), ORDERS))


@pytest.fixture
def sheet(book: Any) -> Worksheet:
    return book["Orders"]


def column(rows: list[list[str]], index: int) -> list[str]:
    return [row[index] for row in rows]


def test_rows_stand_at_the_marked_row_and_formulas_go_along(shown: dict[str, list[list[str]]]):
    rows = shown["orders-Orders"]
    assert column(rows[5:9], 0) == list(ORDERS["item"])
    assert [float(v) for v in column(rows[5:9], 3)] == AMOUNTS
    assert [float(v) for v in column(rows[5:9], 5)] == [13.5, 26, 125, 325]
    assert [round(float(v), 6) for v in column(rows[5:9], 4)] == [
        0.041538,
        0.038462,
        0.304615,
        0.615385,
    ]
    assert column(rows[5:9], 6) == ["each"] * 4


def test_totals_below_above_and_on_other_sheets_are_of_all_rows(shown: dict[str, list[list[str]]]):
    rows = shown["orders-Orders"]
    assert rows[10] == ["Total", "264", "", "325", "1", "650", ""]
    assert rows[1][:3] == ["Sum", "325", "325"]
    assert column(shown["orders-It's more"], 0) == [
        "325", "325", "13.5", "325", "325", "Orders!D8 4", "2026-03",
    ]  # fmt: skip


def test_a_table_with_a_total_row_grows(shown: dict[str, list[list[str]]]):
    assert shown["table-T"] == [
        ["2026-03", "quantity", "double"],
        ["ink", "3", "6"],
        ["pens & <paper>", "10", "20"],
        ["=1+1", "1", "2"],
        ["stamps", "250", "500"],
        ["Total", "264", "528"],
    ]
    listed = opened(filled(table(), ORDERS))["T"].tables["Sales"]
    assert (listed.ref, listed.autoFilter.ref) == ("A1:C6", "A1:C5")
    assert listed.column_names == ["2026-03", "quantity", "double"]


def test_arrays_run_in_every_row_and_below(shown: dict[str, list[list[str]]]):
    rows = shown["decorated-Data"]
    assert column(rows[3:7], 3) == ["6", "20", "2", "500"]
    assert rows[8][:2] == ["sum", "264"]
    arrays = re.findall(r'<f t="array" ref="(\w+)"', parts_of(filled(decorated(), ORDERS))[DATA])
    assert arrays == ["D4", "D5", "D6", "D7", "B9"]


def test_a_pivot_table_lives_on_and_shows_the_new_rows(shown: dict[str, list[list[str]]]):
    assert shown["pivot-Pivot"][2:] == [
        ["region", "Sum of amount"],
        ["North", "15"],
        ["South", "20.5"],
        ["West", "1"],
        ["Total Result", "36.5"],
    ]
    cache = opened(filled(pivot(), REGIONS))["Pivot"]._pivots[0].cache
    assert cache.cacheSource.worksheetSource.ref == "A2:B6"
    assert cache.refreshOnLoad
    assert len(cache.records.r) == 1


def test_ranges_from_the_marked_row_to_below_it_end_at_the_same_cell_in_every_row(
    shown: dict[str, list[list[str]]],
):
    rows = shown["odd-Data"]
    assert rows[5][0] == "264"
    assert column(rows[:4], 2) == ["528", "525", "515", "514"]
    assert [round(float(v), 4) for v in column(rows[:4], 3)] == [0.0114, 0.0379, 0.0038, 0.947]
    assert column(shown["odd-It's"], 0)[::2] == ["264", "264"]


def test_without_data_one_blank_row_is_left_and_ranges_stay_valid(
    shown: dict[str, list[list[str]]],
):
    rows = shown["none-Orders"]
    assert set(rows[5]) == {""}
    assert rows[7][:4] == ["Total", "0", "", "0"]
    empty = opened(filled(orders(), {name: [] for name in ORDERS}))["Orders"]
    assert (empty["C6"].number_format, empty.row_dimensions[6].height) == ("#,##0.00", 21)
    assert empty.auto_filter.ref == "A5:F6"


def test_charts_are_drawn_from_all_rows(tmp_path: Path, pdftotext: Run):
    convert({"decorated": filled(decorated(), ORDERS)}, tmp_path, "pdf")
    words = pdftotext("-layout", tmp_path / "decorated.pdf", "-")
    assert words.count("stamps") == 2
    assert "of 2026-03" in words
    assert "2026-03 1" in words


DATA = "xl/worksheets/sheet1.xml"


def test_other_readers_see_the_values():
    sheet = python_calamine.CalamineWorkbook.from_filelike(
        io.BytesIO(filled(orders(), ORDERS))
    ).get_sheet_by_name("Orders")
    rows = sheet.to_python(skip_empty_area=False)
    assert [row[:3] for row in rows[5:9]] == [
        list(row) for row in zip(*ORDERS.values(), strict=True)
    ]


def test_no_result_of_the_template_is_left_to_be_believed():
    parts = parts_of(filled(decorated(), ORDERS))
    assert "<v>7</v>" not in parts[DATA]
    assert "Cache>" not in parts["xl/charts/chart1.xml"]
    assert 'fullCalcOnLoad="1"' in parts["xl/workbook.xml"]


def test_styles_heights_and_constants_are_repeated(sheet: Worksheet):
    for row in range(6, 10):
        assert sheet[f"B{row}"].fill.fgColor.rgb == "00FFF2CC"
        assert sheet[f"C{row}"].number_format == "#,##0.00"
        assert sheet.row_dimensions[row].height == 21
    assert (sheet["A11"].font.b, sheet.row_dimensions[11].height) == (True, 33)


def test_rules_lists_and_links_of_the_marked_row_grow_and_those_below_move(sheet: Worksheet):
    rules = {str(area.sqref): area.rules[0].formula for area in sheet.conditional_formatting}
    assert rules == {
        "D6:D9": [],
        "C6:C9": ["AND($C6>MAX(C$6:C$9)/2,C6>$F$11/100)"],
        "D11": ["$D$6"],
    }
    lists = sheet.data_validations.dataValidation[0]
    assert (str(lists.sqref), lists.formula1) == ("B6:B9", "$A$13:$A$14")
    links = {a: sheet[a].hyperlink for a in ("A6", "A9", "A12")}
    assert {a: link and (link.location or link.target) for a, link in links.items()} == {
        "A6": "Orders!A11",
        "A9": "Orders!A11",
        "A12": "https://example.org/a?b=1&c=2",
    }


def test_filter_merged_cells_breaks_and_print_setup_follow(sheet: Worksheet):
    assert sheet.auto_filter.ref == "A5:F9"
    assert {str(area) for area in sheet.merged_cells.ranges} == {"A1:C1", "A13:C13"}
    assert [one.id for one in sheet.row_breaks.brk] == [11]
    assert sheet.print_area == "'Orders'!$A$1:$F$12"
    assert sheet.print_title_rows == "$5:$5"
    assert sheet.freeze_panes == "A6"


def test_names_grow_and_move(book: Any):
    names = {name: defined.attr_text for name, defined in book.defined_names.items()}
    assert names == {
        "amounts": "Orders!$D$6:$D$9",
        "total": "Orders!$D$11",
        "prelo_D6_D6": "'Orders'!$D$6:$D$9",
        "prelo_D8": "'Orders'!$D$11",
    }


def test_drawings_keep_their_size_and_those_below_move(sheet: Worksheet):
    places = {
        type(one).__name__: one.anchor._from.row
        for one in [*sheet._charts, *sheet._images]  # pyright: ignore[reportAttributeAccessIssue]
    }
    assert places == {"BarChart": 1, "Image": 14}
    boxes = re.findall(
        r"<xdr:from>.*?<xdr:row>(\d+)<.*?<xdr:to>.*?<xdr:row>(\d+)<",
        parts_of(filled(decorated(), ORDERS))["xl/drawings/drawing1.xml"],
    )
    assert boxes == [("2", "16"), ("11", "13"), ("0", "6")]


def test_notes_move_with_their_cells_and_their_boxes_do_too(sheet: Worksheet):
    notes = {c.coordinate: c.comment.text for row in sheet for c in row if c.comment}
    assert notes == {"A5": f"about {FACTS['who']}", "D11": "the sum"}
    boxes = parts_of(filled(decorated(), ORDERS))["xl/drawings/vmlDrawing1.vml"]
    assert re.findall(r"<x:Row>(\d+)<", boxes) == ["2", "8"]
    before = parts_of(decorated())["xl/drawings/vmlDrawing1.vml"]
    tops, moved = (re.findall(r"<x:Anchor>\d+, \d+, (\d+),", text) for text in (before, boxes))
    assert [int(b) - int(a) for a, b in zip(tops, moved, strict=True)] == [0, 3]


def test_sparklines_follow():
    sparklines = re.findall(
        r"<xm:f>(.*?)</xm:f><xm:sqref>(.*?)<", parts_of(filled(decorated(), ORDERS))[DATA]
    )
    assert sparklines == [("Data!B4:B7", "B10"), ("Data!B4:B7", "B1")]


def test_facts_fill_titles_headers_text_boxes_notes_and_properties(book: Any):
    assert book.properties.title == FACTS["title"]
    assert book["Orders"].oddHeader.center.text == "Orders && more"
    assert book["Orders"]["A1"].value == "Orders & more of 2026-03"
    assert book["It's more"]["A7"].value == "2026-03"
    parts = parts_of(filled(orders(), ORDERS)) | parts_of(filled(decorated(), ORDERS))
    assert "{{" not in "".join(parts.values())


def test_a_fact_may_be_cut_into_runs_of_different_looks():
    strings = parts_of(filled(decorated(), ORDERS))["xl/sharedStrings.xml"]
    assert re.sub(r"<rPr>.*?</rPr>", "<rPr/>", strings).count(
        '<r><t xml:space="preserve">for Åsa &lt;ops&gt;</t></r><r><rPr/><t xml:space="preserve"> only</t></r>'
    )


def test_a_fact_is_text_and_never_formula_escape_or_part_of_a_code():
    book = small({"A1": "{{a}}", "A2": "{{rows}}{{v}}"})
    facts = {"a": "=1+1 _x0041_ \x08&", "b": "2026"}
    sheet = opened(filled(book, {"v": [1]}, facts))["Data"]
    assert (sheet["A1"].value, sheet["A1"].data_type) == ("=1+1 _x0041_ &", "s")
    header = filled(decorated(), ORDERS, FACTS | {"month": "2026"})
    assert "&amp;C&amp;12 2026 &amp;P" in parts_of(header)[DATA]


def test_the_row_may_be_marked_by_a_name():
    template = Template.read(table(), FACTS)
    assert (template.sheet, template.first_row, template.part) == (
        "T",
        2,
        "xl/worksheets/sheet1.xml",
    )
    assert [slot.column for slot in template.slots] == ["item", "quantity", None]
    assert "T!$A$2:$C$5" in parts_of(filled(table(), ORDERS))["xl/workbook.xml"]


def test_a_template_is_told_as_slots():
    template = Template.read(orders(), FACTS)
    assert template.row_attributes == ' ht="21" customHeight="1"'
    assert template.slots[1] == Slot("B", ' s="1"', "quantity")
    assert template.slots[3].content == ("><f>", "B", 0, "*C", 0, "</f></c>")


def test_a_sheet_has_room_for_what_stands_below():
    template = Template.read(orders(), FACTS)
    assert template.room == 1_048_576 - 6 - 3
    last = re.findall(r'<row r="(\d+)"', template.tail(template.room).decode())[-1]
    assert last == "1048576"


def test_equal_input_gives_equal_bytes_and_one_row_changes_no_range():
    template = Template.read(orders(), FACTS)
    assert template.tail(7) == Template.read(orders(), FACTS).tail(7)
    assert list(template.parts(7)) == list(template.parts(7))
    once = opened(filled(orders(), {name: values[:1] for name, values in ORDERS.items()}))["Orders"]
    assert (once.auto_filter.ref, once["D8"].value) == ("A5:F6", "=SUM(D6:D6)")


def test_shared_formulas_are_written_out():
    cells = {"A1": "{{rows}}{{v}}", "A3": "=A$1+B3", "A4": "x", "A5": "x"}
    book = replaced(
        small(cells), DATA, "<f>A$1+B3</f>", '<f t="shared" ref="A3:A5" si="0">SUM(A$1:A1)+B3</f>'
    )
    for number in (4, 5):
        text = f'<c r="A{number}" t="inlineStr"><is><t>x</t></is></c>'
        book = replaced(book, DATA, text, f'<c r="A{number}"><f t="shared" si="0"/></c>')
    sheet = opened(filled(book, {"v": [1, 2, 3]}))["Data"]
    assert [sheet[f"A{n}"].value for n in (5, 6, 7)] == [
        "=SUM(A$1:A3)+B5",
        "=SUM(A$1:A4)+B6",
        "=SUM(A$1:A5)+B7",
    ]


def test_the_order_of_calculation_is_forgotten_and_an_xltx_becomes_a_workbook():
    parts = parts_of(small({"A1": "{{rows}}{{v}}"}))
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    chain = '<Override PartName="/xl/calcChain.xml" ContentType="x"/></Types>'
    types = parts["[Content_Types].xml"].replace(main, main.replace("sheet.", "template."))
    rel = '<Relationship Id="rId77" Type="http://x/calcChain" Target="calcChain.xml"/></Relationships>'
    book = with_parts(
        small({"A1": "{{rows}}{{v}}"}),
        {
            "xl/calcChain.xml": "<calcChain/>",
            "[Content_Types].xml": types.replace("</Types>", chain),
            "xl/_rels/workbook.xml.rels": parts["xl/_rels/workbook.xml.rels"].replace(
                "</Relationships>", rel
            ),
        },
    )
    out = parts_of(filled(book, {"v": [1]}))
    assert "xl/calcChain.xml" not in out
    assert "calcChain" not in out["[Content_Types].xml"] + out["xl/_rels/workbook.xml.rels"]
    assert main in out["[Content_Types].xml"]
