"""Less common things in a template, as XML: what becomes of each when one row becomes four."""

import io
import re
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # a C module without types
from templates import decorated, filled, parts_of, pivot, replaced, small, with_parts

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template import Template
from prelo.formats.xlsx.template.move import Move
from prelo.formats.xlsx.template.parts import moved

BOOK, SHEET, SECOND = "xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
MOVE = Move("Data", 6, 4)
FOUR = {"v": [1, 2, 3, 4]}
CELLS = {"A5": "head", "A6": "{{rows}}{{v}}", "A8": "=SUM(A6:A6)"}


def after(xml: str, part: str = "xl/x.xml", home: str = "Data") -> str:
    return moved(part, xml.encode(), MOVE, home).decode()


def sheet_with(extra: str, *, before: str = "<pageMargins") -> str:
    """The sheet's XML, filled with four rows, of a template with an element more."""
    book = replaced(small(CELLS), SHEET, before, extra + before)
    return parts_of(filled(book, FOUR))[SHEET]


def test_words_and_formulas_of_the_marked_row_are_escaped_in_every_row():
    cells = {"A6": "{{rows}}{{v}}", "B6": "a & <b>", "C6": '=A6&"<&>"', "D6": "{{rows}}x & <y>"}
    sheet = openpyxl.load_workbook(io.BytesIO(filled(small(cells), FOUR)))["Data"]
    for row in range(6, 10):
        read = [sheet.cell(row, column).value for column in (2, 3, 4)]
        assert read == ["a & <b>", f'=A{row}&"<&>"', "x & <y>"]


def test_shared_constants_of_the_marked_row_are_repeated():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    book.add_worksheet("Data").write_row("A1", ["{{rows}}{{v}}", "a & b", 7, True])
    book.close()
    sheet = openpyxl.load_workbook(io.BytesIO(filled(out.getvalue(), FOUR)))["Data"]
    assert list(sheet.values) == [(n, "a & b", 7, True) for n in FOUR["v"]]


def test_a_constant_that_is_the_text_of_a_lost_formula_is_repeated():
    book = replaced(small(CELLS | {"B6": 7}), SHEET, ' t="n"><v>7<', ' t="str"><v>a &amp;<')
    sheet = openpyxl.load_workbook(io.BytesIO(filled(book, FOUR)))["Data"]
    assert [sheet[f"B{row}"].value for row in range(6, 10)] == ["a &"] * 4


def test_what_reads_like_an_escape_in_a_fact_is_escaped():
    book = small(CELLS | {"A1": "{{a}}"})
    assert "_x005F_x0041_" in parts_of(filled(book, FOUR, {"a": "_x0041_"}))[SHEET]


def test_cells_without_their_names_are_counted():
    plain = small(CELLS | {"B6": "=1+1", "B8": "x"})
    bare = re.sub(r'<c r="\w+"', "<c", parts_of(plain)[SHEET]).replace('<row r="6"', "<row")
    first = parts_of(filled(with_parts(plain, {SHEET: bare}), FOUR))[SHEET]
    assert re.findall(r' r="([A-Z]+\d+)"', first) == [
        "A5", "A6", "B6", "A7", "B7", "A8", "B8", "A9", "B9", "A11", "B11",
    ]  # fmt: skip


def test_hints_of_editors_do_not_outlive_the_move():
    hints = ' spans="1:2" xmlns:q="urn:q" q:dyDescent="0.2" ht="20"'
    book = replaced(small(CELLS), SHEET, '<row r="6"', f'<row r="6"{hints}')
    book = replaced(book, SHEET, '<row r="8"', f'<row r="8"{hints}')
    template = Template.read(book, {})
    assert template.row_attributes == ' ht="20"'
    assert "spans" not in template.tail(4).decode()
    assert "<dimension" not in template.head().decode()


def test_a_break_after_the_marked_row_comes_after_the_data():
    breaks = '<rowBreaks><brk id="5"/><brk id="6"/><brk id="7"/></rowBreaks>'
    assert re.findall(r'brk id="(\d+)"', sheet_with(breaks)) == ["5", "9", "10"]


def test_rules_of_the_marked_row_keep_their_distances_and_others_their_cells():
    inside = "<cfRule><formula>A7&gt;$A$8</formula></cfRule>"
    rule = f'<conditionalFormatting sqref="{{}}">{inside}</conditionalFormatting>'
    found = sheet_with(rule.format("A6:B6") + rule.format("A2") + rule.format("A8"))
    rules = re.findall(r'sqref="([^"]+)"><cfRule><formula>([^<]+)<', found)
    assert rules == [
        ("A6:B9", "A7&gt;$A$11"),
        ("A2", "A10&gt;$A$11"),
        ("A11", "A10&gt;$A$11"),
    ]


def test_limits_of_a_scale_may_be_formulas():
    scale = (
        '<conditionalFormatting sqref="A6"><cfRule><colorScale><cfvo type="formula" val="$A$8"/>'
        '<cfvo type="num" val="10"/></colorScale></cfRule></conditionalFormatting>'
    )
    assert re.findall(r' val="([^"]+)"', sheet_with(scale)) == ["$A$11", "10"]


def test_rules_and_lists_of_newer_versions_follow_too():
    newer = (
        '<extLst><ext xmlns:y="urn:y" xmlns:xm="http://schemas.microsoft.com/office/excel/2006/main">'
        "<y:conditionalFormatting><y:cfRule><xm:f>A7&gt;A$8</xm:f></y:cfRule><xm:sqref>A6</xm:sqref>"
        "</y:conditionalFormatting></ext></extLst>"
    )
    found = sheet_with(newer, before="</worksheet>")
    assert "<xm:f>A7&gt;A$11</xm:f>" in found
    assert "<xm:sqref>A6:A9</xm:sqref>" in found


def test_protected_scenario_and_watched_cells_follow():
    extra = (
        '<protectedRanges><protectedRange sqref="A6 B8"/></protectedRanges>'
        '<scenarios><scenario><inputCells r="A8"/></scenario></scenarios>'
        '<dataConsolidate><dataRefs><dataRef ref="A6:A6" sheet="Data"/><dataRef ref="A6:A6" sheet="B"/>'
        '</dataRefs></dataConsolidate><cellWatches><cellWatch r="A6"/></cellWatches>'
    )
    found = sheet_with(extra)
    assert re.findall(r'(?:sqref|ref|inputCells r|cellWatch r)="([^"]+)"', found)[-5:] == [
        "A6:A9 B11", "A11", "A6:A9", "A6:A6", "A6",
    ]  # fmt: skip


def test_selected_cells_stay_as_they_are():
    view = '<customSheetView><selection activeCell="A8" sqref="A8"/></customSheetView>'
    assert view in sheet_with(f"<customSheetViews>{view}</customSheetViews>")


def test_a_data_table_below_reads_the_cells_it_read():
    cells = CELLS | {"A9": "=1", "B9": 2}
    table = '<f t="dataTable" ref="A9:B9" dt2D="1" r1="A5" r2="B8"/>'
    found = parts_of(filled(replaced(small(cells), SHEET, "<f>1</f>", table), FOUR))[SHEET]
    assert '<f t="dataTable" ref="A12:B12" dt2D="1" r1="A5" r2="B11"' in found


def test_controls_follow_their_cells():
    control = (
        f'<formControlPr xmlns="{MAIN}" objectType="List" fmlaLink="$B$8" fmlaRange="$A$6:$A$6"/>'
    )
    assert 'fmlaLink="$B$11" fmlaRange="$A$6:$A$9"' in after(control)
    drawn = (
        '<xml xmlns:x="urn:x"><br><x:ClientData ObjectType="List"><x:Anchor>1, 0, 7, 0, 2, 0, 9, 5</x:Anchor>'
        "<x:FmlaLink>$B$8</x:FmlaLink></x:ClientData></xml>"
    )
    found = after(drawn, "xl/drawings/vmlDrawing1.vml")
    assert "<x:Anchor>1, 0, 10, 0, 2, 0, 12, 5</x:Anchor><x:FmlaLink>$B$11<" in found
    assert after(drawn, "xl/drawings/vmlDrawing1.vml", home="Other") == drawn


def test_threads_of_comments_move_with_their_cells():
    threads = '<threadedComment ref="A6"/><threadedComment ref="A8"/>'
    thread = f'<ThreadedComments xmlns="urn:t">{threads}</ThreadedComments>'
    assert re.findall(r'ref="(\w+)"', after(thread)) == ["A6", "A11"]
    assert after(thread, home="Other") == thread


def test_names_of_a_charts_series_stay_one_cell():
    name = "<tx><strRef><f>Data!$A$6</f></strRef></tx>"
    values = "<val><numRef><f>Data!$B$6</f></numRef></val>"
    found = after(f'<chartSpace xmlns="urn:c"><ser>{name}{values}</ser></chartSpace>')
    assert re.findall("<f>([^<]+)<", found) == ["Data!$A$6", "Data!$B$6:$B$9"]


def test_a_text_box_that_shows_a_cell_goes_on_to_show_it():
    drawing = parts_of(filled(decorated(), {"item": ["a", "b"], "quantity": [1, 2]}))
    assert 'textlink="Data!$B$7"' in drawing["xl/drawings/drawing1.xml"]


def test_a_pivot_table_below_the_data_moves_and_forgets_old_values():
    location = (
        f'<pivotTableDefinition xmlns="{MAIN}"><location ref="A8:B10"/></pivotTableDefinition>'
    )
    assert '"A11:B13"' in after(location)
    cache = parts_of(filled(pivot(), {"region": ["N"], "amount": [1]}))
    assert 'missingItemsLimit="0"' in cache["xl/pivotCache/pivotCacheDefinition1.xml"]


def test_the_order_to_compute_stands_at_its_place():
    bare = re.sub("<calcPr[^>]*>", "<oleSize/>", parts_of(small(CELLS | {"B1": "=A8"}))[BOOK])
    found = parts_of(filled(with_parts(small(CELLS | {"B1": "=A8"}), {BOOK: bare}), FOUR))[BOOK]
    names = [child.tag.rpartition("}")[2] for child in etree.fromstring(found.encode())]
    at = names.index("sheets")
    assert names[at:] == ["sheets", "definedNames", "calcPr", "oleSize"]
    assert '<calcPr fullCalcOnLoad="1"/>' in found


def test_texts_that_formulas_gave_are_forgotten_with_their_type():
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet: Any = book.add_worksheet("Data")
    other: Any = book.add_worksheet("Other")
    sheet.write("A1", "{{rows}}{{v}}")
    sheet.write_formula("A3", '="a"', None, "old")
    other.write_formula("A1", "=Data!A3", None, "old")
    book.close()
    found = parts_of(filled(out.getvalue(), FOUR))
    assert '<c r="A6"><f>"a"</f></c>' in found[SHEET]
    assert '<c r="A1"><f>Data!A6</f></c>' in found[SECOND]


def test_shared_formulas_of_other_sheets_are_written_out_where_they_look_at_the_data():
    book = small(CELLS, {"A1": "=Data!A5", "A2": "=1", "B1": "=A1", "B2": "=2"})
    for old, new in {
        "<f>Data!A5</f>": '<f t="shared" ref="A1:A2" si="0">Data!A7</f>',
        "<f>1</f>": '<f t="shared" si="0"/>',
        "<f>A1</f>": '<f t="shared" ref="B1:B2" si="1">A1</f>',
        "<f>2</f>": '<f t="shared" si="1"/>',
    }.items():
        book = replaced(book, SECOND, old, new)
    found = parts_of(filled(book, FOUR))[SECOND]
    formulas = re.findall(r"<f([^>]*)>", found)
    assert "<f>Data!A10</f>" in found
    assert "<f>Data!A11</f>" in found
    assert [f for f in formulas if "si=" in f] == [
        ' t="shared" ref="B1:B2" si="1"',
        ' t="shared" si="1"/',
    ]


def test_styled_rows_without_content_may_fall_off_the_end():
    book = replaced(small(CELLS), SHEET, "</sheetData>", '<row r="1048576" ht="9"/></sheetData>')
    template = Template.read(book, {})
    assert template.room == 1_048_576 - 7
    rows = re.findall(r'<row r="(\d+)"', template.tail(template.room).decode())
    assert rows == ["1048576"]


def test_parts_that_do_not_change_stay_byte_for_byte():
    book = small(CELLS, {"A1": "hi", "A2": "=A1"})
    before, found = parts_of(book), parts_of(filled(book, FOUR))
    same = {name for name in before if found[name] == before[name]}
    assert {"xl/styles.xml", "xl/theme/theme1.xml", "_rels/.rels", "docProps/core.xml"} <= same


def test_large_sheets_are_for_values_only():
    padding = " " * (11 * 1024 * 1024)
    book = small(CELLS, {"A1": "hi"})
    plain = replaced(book, SECOND, "</worksheet>", f"{padding}</worksheet>")
    assert len(parts_of(filled(plain, FOUR))[SECOND]) > len(padding)
    computing = replaced(
        small(CELLS, {"A1": "=1"}), SECOND, "</worksheet>", f"{padding}</worksheet>"
    )
    with pytest.raises(FormatFailed, match=r"sheet2\.xml has .* bytes of XML"):
        Template.read(computing, {})


def test_a_relation_to_nothing_does_not_hinder():
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship '
        'Id="r1" Type="http://x/table" Target="../tables/table9.xml"/></Relationships>'
    )
    book = with_parts(small(CELLS), {"xl/worksheets/_rels/sheet1.xml.rels": relations})
    assert Template.read(book, {}).first_row == 6
