"""Templates that cannot be filled: the sentence says what is wrong, and nothing large is unpacked."""

import io
import re
import struct
import zipfile

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.formula import ArrayFormula
from openpyxl.worksheet.table import Table, TableColumn
from templates import orders, parts_of, pivot, replaced, saved, small, with_parts

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template import Template

GOOD = small({"A1": "x", "A6": "{{rows}}{{v}}", "A8": "=SUM(A6:A6)"})
BOOK, SHEET = "xl/workbook.xml", "xl/worksheets/sheet1.xml"
BOMB = 51 * 1024 * 1024


def changed(old: str, new: str, part: str = SHEET) -> bytes:
    return replaced(GOOD, part, old, new)


def named(target: str) -> bytes:
    names = (
        f'<definedNames><definedName name="Prelo_Rows">{target}</definedName></definedNames><calcPr'
    )
    return changed("<calcPr", names, BOOK)


def lying_bomb() -> bytes:
    """A part that unpacks to far more than both its headers say."""
    packed = with_parts(GOOD, {"xl/media/a.png": bytes(BOMB)})
    honest = struct.pack("<L", BOMB)
    assert packed.count(honest) == 2
    return packed.replace(honest, struct.pack("<L", 100))


def bomb() -> bytes:
    return with_parts(GOOD, {"xl/media/a.png": bytes(BOMB)})


def crowd() -> bytes:
    return with_parts(GOOD, {f"xl/media/{i}.png": b"" for i in range(2_000)})


def sparkline() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    sheet.write_row("A1", ["{{rows}}{{a}}", "{{b}}"])
    sheet.add_sparkline("C1", {"range": "A1:B1"})
    book.close()
    return out.getvalue()


def with_table(ref: str, totals: int | None = None) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(small({"A5": "v", "A6": "{{rows}}{{v}}", "A7": "w"})))
    sheet = book["Data"]
    listed = Table(displayName="Sales", ref=ref, totalsRowCount=totals)
    listed.tableColumns = [TableColumn(id=1, name="v")]
    sheet.add_table(listed)
    return saved(book)


def merged(area: str) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(GOOD))
    book["Data"].merge_cells(area)
    return saved(book)


def array(area: str) -> bytes:
    return small({"A6": "{{rows}}{{v}}", "B5": ArrayFormula(area, "=A5:A9*2")})


def pivot_beside() -> bytes:
    parts = parts_of(pivot())
    relations = parts["xl/worksheets/_rels/sheet2.xml.rels"]
    return with_parts(
        replaced(pivot(), "xl/pivotTables/pivotTable1.xml", "A3:B5", "F3:G5"),
        {
            "xl/worksheets/_rels/sheet1.xml.rels": relations,
            "xl/worksheets/_rels/sheet2.xml.rels": re.sub(
                "<Relationship .*/>", "", relations, flags=re.DOTALL
            ),
            "xl/worksheets/sheet2.xml": re.sub(
                "<row.*</row>", "", parts["xl/worksheets/sheet2.xml"]
            ),
        },
    )


WRONG = {
    "no file": (b"", "no workbook"),
    "a text": (b"a,b\n1,2\n", "no workbook"),
    "half a file": (GOOD[:2000], "no workbook"),
    "a bit wrong": (GOOD[:600] + b"\0\0\0\0" + GOOD[604:], "no workbook"),
    "some zip": (with_parts(b"PK\5\6" + bytes(18), {"a": "b"}), "no workbook"),
    "old": (bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "xls"),
    "locked": (
        bytes.fromhex("D0CF11E0A1B11AE1") + "EncryptedPackage".encode("utf-16-le"),
        "save it without",
    ),
    "macros": (with_parts(GOOD, {"xl/vbaProject.bin": b""}), "macros"),
    "binary": (with_parts(GOOD, {"xl/workbook.bin": b""}), "binary"),
    "signed": (with_parts(GOOD, {"_xmlsignatures/origin.sigs": b""}), "signed"),
    "strict": (
        changed(
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
            BOOK,
        ),
        "Strict",
    ),
    "1904": (changed("<workbookPr/>", '<workbookPr date1904="1"/>', BOOK), "1904"),
    "outside": (with_parts(GOOD, {"xl/../../evil.xml": b""}), "no workbook"),
    "utf-16": (with_parts(GOOD, {SHEET: parts_of(GOOD)[SHEET].encode("utf-16")}), "UTF-16"),
    "not xml": (changed("</sheetData>", "</sheetDat>"), "cannot be read"),
    "entities": (
        with_parts(
            GOOD,
            {SHEET: '<!DOCTYPE x [<!ENTITY a "aa">]>' + parts_of(GOOD)[SHEET].replace(">x<", ">&a;<")},
        ),
        "DTD",
    ),
    "rows by letters": (changed('<row r="8"', '<row r="x"'), "damaged"),
    "no mark": (small({"A1": "{{v}}"}), "marks no row"),
    "two marks": (small({"A1": "{{rows}}{{v}}", "A3": "{{rows}}{{v}}"}), "row 1 of 'Data', row 3 of 'Data'"),
    "two sheets": (small({"A1": "{{rows}}{{v}}"}, {"A1": "{{rows}}"}), "row 1 of 'It's'"),
    "name and mark": (named("Data!$A$7:$F$7"), "row 6 of 'Data', row 7 of 'Data'"),
    "name of two rows": (named("Data!$A$6:$F$7"), "must be one row"),
    "name of a column": (named("Data!$A:$A"), "must be one row"),
    "name of nothing": (named("#REF!"), "#REF!"),
    "no column": (small({"A1": "{{rows}}"}), "names a column"),
    "words around": (small({"A1": "{{rows}}No. {{v}}"}), "A1 has text around"),
    "unknown fact": (small({"A1": "{{rows}}{{v}}", "B3": "{{monht}}"}), r"\{\{monht\}\}.*: month, who"),
    "merged": (merged("A6:B6"), "merged"),
    "sparkline": (sparkline(), "sparkline"),
    "array over": (array("B5:B7"), "array formula"),
    "table's header": (with_table("A6:A7"), "header of the table Sales"),
    "table's totals": (with_table("A5:A6", 1), "total row of the table Sales"),
    "pivot beside": (pivot_beside(), "beside or within the pivot table at F3:G5"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_filled_is_refused_with_a_reason(name: str):
    workbook, why = WRONG[name]
    with pytest.raises(FormatFailed, match=why):
        Template.read(workbook, {"month": "2026-03", "who": "me"})


@pytest.mark.parametrize("make", [bomb, crowd])
def test_bombs_are_refused_before_they_are_unpacked(make: object):
    workbook = make()  # pyright: ignore[reportCallIssue]
    with pytest.raises(FormatFailed, match="too large"):
        Template.read(workbook, {})


def test_a_bomb_that_lies_about_its_size_is_refused():
    with pytest.raises(FormatFailed, match="no workbook"):
        Template.read(lying_bomb(), {})


def test_a_header_too_long_for_excel_is_refused():
    with pytest.raises(FormatFailed, match="255"):
        Template.read(orders(), {"title": "x" * 300, "month": "", "who": ""})


def test_what_is_only_near_a_hindrance_is_filled():
    for fine in (GOOD, merged("B5:B7"), array("B5"), with_table("A5:A7"), with_table("A5:A7", 1)):
        assert Template.read(fine, {}).first_row == 6


def test_every_sentence_tells_what_to_do_without_a_path_or_a_class():
    for workbook, _ in WRONG.values():
        with pytest.raises(FormatFailed) as caught:
            Template.read(workbook, {})
        assert re.match(r".*the template(?:'s)? ", caught.value.detail)
        assert zipfile.__name__ not in caught.value.detail
