"""Workbooks as users make them, a filler of rows as plain as can be, and LibreOffice as the reader."""

import csv
import io
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from conftest import find
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.drawing.image import Image
from openpyxl.formatting.rule import CellIsRule, DataBarRule, FormulaRule
from openpyxl.styles import Font, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.pagebreak import Break
from openpyxl.worksheet.table import Table, TableColumn
from PIL import Image as Picture

from prelo.formats.xlsx.template import Slot, Template

Data = Mapping[str, Sequence[str | float]]
ORDERS: Data = {
    "item": ["ink", "pens & <paper>", "=1+1", "stamps"],
    "quantity": [3, 10, 1, 250],
    "price": [4.5, 1.25, 99, 0.8],
}
AMOUNTS = [13.5, 12.5, 99, 200]
FACTS = {"title": "Orders & more", "month": "2026-03", "who": "Åsa <ops>"}


def filled(workbook: bytes, data: Data, facts: Mapping[str, str] = FACTS) -> bytes:
    """The template with its rows, put together as the writer does, but cell by cell."""
    template = Template.read(workbook, facts)
    rows = len(next(iter(data.values())))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        body = "".join(_row(template, data, i) for i in range(rows)).encode()
        archive.writestr(template.part, template.head() + body + template.tail(rows))
        for name, content in template.parts(rows):
            archive.writestr(name, content)
    return out.getvalue()


def _row(template: Template, data: Data, i: int) -> str:
    number = template.first_row + i
    cells = "".join(
        f'<c r="{slot.letter}{number}"{slot.style}{_content(slot, data, number, i)}'
        for slot in template.slots
    )
    return f'<row r="{number}"{template.row_attributes}>{cells}</row>'


def _content(slot: Slot, data: Data, number: int, i: int) -> str:
    if slot.column is None:
        return "".join(p if isinstance(p, str) else str(number + p) for p in slot.content)
    value = data[slot.column][i]
    if isinstance(value, str):
        return f' t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f"><v>{value}</v></c>"


def parts_of(workbook: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return {name: archive.read(name).decode(errors="replace") for name in archive.namelist()}


def with_parts(workbook: bytes, changed: Mapping[str, str | bytes]) -> bytes:
    """The file with parts replaced or added."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name not in changed:
                new.writestr(name, old.read(name))
        for name, content in changed.items():
            new.writestr(name, content)
    return out.getvalue()


def replaced(workbook: bytes, part: str, old: str, new: str) -> bytes:
    text = parts_of(workbook)[part]
    assert old in text
    return with_parts(workbook, {part: text.replace(old, new)})


def convert(workbooks: Mapping[str, bytes], folder: Path, to: str) -> None:
    """What LibreOffice makes of workbooks, into `folder`; it starts once for all of them."""
    soffice = find("soffice", "libreoffice-calc-nogui")
    for name, workbook in workbooks.items():
        (folder / f"{name}.xlsx").write_bytes(workbook)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [soffice, profile, "--headless", "--convert-to", to, "--outdir", str(folder)]
    files = [str(folder / f"{name}.xlsx") for name in workbooks]
    done = subprocess.run([*command, *files], capture_output=True, timeout=55, check=False)
    assert done.returncode == 0, done.stderr.decode()


def computed(workbooks: Mapping[str, bytes], folder: Path) -> dict[str, list[list[str]]]:
    """Every sheet as LibreOffice computes it, by 'workbook-sheet'."""
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    convert(workbooks, folder, every_sheet)
    return {
        path.stem: list(csv.reader(path.read_text().splitlines())) for path in folder.glob("*.csv")
    }


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def small(cells: Mapping[str, Any], other: Mapping[str, Any] | None = None) -> bytes:
    """A workbook of a sheet 'Data', and a sheet "It's" when it has cells."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Data"
    for name, value in cells.items():
        sheet[name] = value
    if other is not None:
        second = book.create_sheet("It's")
        for name, value in other.items():
            second[name] = value
    return saved(book)


_ORDERS = {
    "A1": "{{title}} of {{month}}", "A2": "Sum", "B2": "=SUM(D6:D6)", "C2": "=D8",
    "A5": "Item", "B5": "Quantity", "C5": "Price", "D5": "Amount", "E5": "Share", "F5": "Running",
    "A6": "{{rows}}{{item}}", "B6": "{{quantity}}", "C6": "{{price}}", "D6": "=B6*C6",
    "E6": "=D6/SUM(D$6:D$6)", "F6": "=SUM(D$6:D6)", "G6": "each",
    "A8": "Total", "B8": "=SUM(B6)", "D8": "=SUM(D6:D6)", "E8": "=SUM(E6:E6)", "F8": "=D8*2",
    "A9": "Signed by {{who}}", "A10": "merged",
}  # fmt: skip


def orders() -> bytes:
    """Title, key figures above, a table with a marked row 6, totals in row 8, and much around them."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Orders"
    for name, value in _ORDERS.items():
        sheet[name] = value
    sheet["C6"].number_format = sheet["D6"].number_format = "#,##0.00"
    sheet["B6"].fill = PatternFill("solid", fgColor="FFF2CC")
    sheet["A8"].font = Font(bold=True)
    sheet.row_dimensions[6].height = 21
    sheet.row_dimensions[8].height = 33
    sheet.merge_cells("A10:C10")
    sheet.merge_cells("A1:C1")
    sheet.auto_filter.ref = "A5:F6"
    _add_rules(sheet)
    sheet["A6"].hyperlink = Hyperlink(ref="A6", location="Orders!A8")
    sheet["A9"].hyperlink = "https://example.org/a?b=1&c=2"
    sheet["A5"].comment = Comment("about {{who}}", "me")
    sheet["D8"].comment = Comment("the sum", "me")
    sheet.row_breaks.append(Break(id=8))
    sheet.print_area = "A1:F9"
    sheet.print_title_rows = "5:5"
    sheet.freeze_panes = "A6"
    sheet.oddHeader.center.text = "{{title}}"
    book.properties.title = "{{title}}"
    book.defined_names["amounts"] = DefinedName("amounts", attr_text="Orders!$D$6")
    book.defined_names["total"] = DefinedName("total", attr_text="Orders!$D$8")
    _add_drawings(sheet)
    summary = book.create_sheet("It's more")
    for name, value in {
        "A1": "=SUM(Orders!D6:D6)", "A2": "=Orders!D8", "A3": "=Orders!D6", "A4": "=SUM(amounts)",
        "A5": "=total", "A6": '="Orders!D8 "&COUNTA(Orders!A6:A6)', "A7": "{{month}}",
    }.items():  # fmt: skip
        summary[name] = value
    return saved(book)


def _add_rules(sheet: Any) -> None:
    sheet.conditional_formatting.add("D6", DataBarRule("min", None, "max", None, "FF638EC6"))
    sheet.conditional_formatting.add(
        "C6:C6", FormulaRule(formula=["AND($C6>MAX(C$6:C$6)/2,C6>$F$8/100)"])
    )
    sheet.conditional_formatting.add(
        "D8", CellIsRule(operator="greaterThan", formula=["$D$6"], font=Font(color="FF0000"))
    )
    lists = DataValidation(type="list", formula1="$A$10:$A$11", allow_blank=True)
    lists.add("B6")
    sheet.add_data_validation(lists)


def _add_drawings(sheet: Any) -> None:
    chart = BarChart()
    chart.title = "{{title}}"
    chart.add_data(Reference(sheet, min_col=4, min_row=5, max_row=6), titles_from_data=True)
    chart.set_categories(Reference(sheet, min_col=1, min_row=6))
    sheet.add_chart(chart, "H2")
    dot = io.BytesIO()
    Picture.new("RGB", (8, 8), "red").save(dot, "png")
    sheet.add_image(Image(dot), "A12")


def table() -> bytes:
    """An Excel table with a total row below its one row of data."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "T"
    for row in (
        ["{{month}}", "quantity", "double"],
        ["{{item}}", "{{quantity}}", "=Sales[[#This Row],[quantity]]*2"],
        ["Total", "=SUBTOTAL(109,Sales[quantity])", "=SUM(C2)"],
    ):
        sheet.append(row)
    listed = Table(displayName="Sales", ref="A1:C3", totalsRowCount=1)
    listed.tableColumns = [
        TableColumn(id=1, name="{{month}}", totalsRowLabel="Total"),
        TableColumn(id=2, name="quantity", totalsRowFunction="sum"),
        TableColumn(id=3, name="double"),
    ]
    listed.autoFilter = AutoFilter(ref="A1:C2")
    sheet.add_table(listed)
    book.defined_names["prelo_rows"] = DefinedName("prelo_rows", attr_text="T!$A$2:$C$2")
    return saved(book)


def decorated() -> bytes:
    """By XlsxWriter: sparklines, a text box, notes, a chart with remembered values, rich text, arrays."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet("Data")
    bold = book.add_format({"bold": True})
    sheet.write_rich_string("A1", "for {{", bold, "wh", "o}} only")
    sheet.add_sparkline("B1", {"range": "Data!B4:B4"})
    sheet.add_sparkline("B7", {"range": "Data!B4:B4"})
    sheet.write_row("A3", ["item", "quantity"])
    sheet.write_row("A4", ["{{item}}", "{{quantity}}"])
    sheet.write("C4", "{{rows}}")
    sheet.write("A6", "sum")
    sheet.write_array_formula("B6:B6", "{=SUM(B4:B4*1)}", None, 7)
    sheet.write_dynamic_array_formula("D4", "=SUM(B4:B4*2)")
    sheet.write_comment("A6", "below")
    sheet.write_comment("A3", "above")
    sheet.insert_textbox("E9", "of {{month}}", {"width": 200, "height": 40})
    sheet.insert_textbox("E1", "linked", {"textlink": "=Data!$B$6"})
    chart = book.add_chart({"type": "line"})
    assert chart is not None
    chart.add_series(
        {"name": "=Data!$B$3", "categories": "=Data!$A$4", "values": "=Data!$B$4:$B$4"}
    )
    chart.set_title({"name": "{{title}}"})
    sheet.insert_chart("G3", chart)
    sheet.set_header("&C&12{{month}} &P")
    book.close()
    return out.getvalue()


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PIVOT_PARTS = {
    "xl/pivotCache/pivotCacheDefinition1.xml": f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<pivotCacheDefinition xmlns="{_MAIN}" xmlns:r="{_RELS}" r:id="rId1" refreshedBy="me" refreshedDate="46000"
 createdVersion="6" refreshedVersion="6" minRefreshableVersion="3" recordCount="1"><cacheSource
 type="worksheet"><worksheetSource ref="A2:B3" sheet="Data"/></cacheSource><cacheFields count="2"><cacheField
 name="region" numFmtId="0"><sharedItems count="1"><s v="{{{{rows}}}}{{{{region}}}}"/></sharedItems>
</cacheField><cacheField name="amount" numFmtId="0"><sharedItems count="1"><s v="{{{{amount}}}}"/>
</sharedItems></cacheField></cacheFields></pivotCacheDefinition>""",
    "xl/pivotCache/_rels/pivotCacheDefinition1.xml.rels": f"""<Relationships
 xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="{_RELS}/pivotCacheRecords" Target="pivotCacheRecords1.xml"/></Relationships>""",
    "xl/pivotCache/pivotCacheRecords1.xml": f"""<pivotCacheRecords xmlns="{_MAIN}" count="1"><r><x v="0"/>
<x v="0"/></r></pivotCacheRecords>""",
    "xl/pivotTables/pivotTable1.xml": f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<pivotTableDefinition xmlns="{_MAIN}" name="ByRegion" cacheId="1" applyNumberFormats="0"
 applyBorderFormats="0" applyFontFormats="0" applyPatternFormats="0" applyAlignmentFormats="0"
 applyWidthHeightFormats="1" dataCaption="Values" updatedVersion="6" minRefreshableVersion="3"
 useAutoFormatting="1" itemPrintTitles="1" createdVersion="6" indent="0" outline="1" outlineData="1"
 multipleFieldFilters="0"><location ref="A3:B5" firstHeaderRow="1" firstDataRow="1" firstDataCol="1"/>
<pivotFields count="2"><pivotField axis="axisRow" showAll="0"><items count="2"><item x="0"/>
<item t="default"/></items></pivotField><pivotField dataField="1" showAll="0"/></pivotFields><rowFields
 count="1"><field x="0"/></rowFields><rowItems count="2"><i><x/></i><i t="grand"><x/></i></rowItems>
<colItems count="1"><i/></colItems><dataFields count="1"><dataField name="Sum of amount" fld="1"
 baseField="0" baseItem="0"/></dataFields><pivotTableStyleInfo name="PivotStyleLight16" showRowHeaders="1"
 showColHeaders="1"/></pivotTableDefinition>""",
    "xl/pivotTables/_rels/pivotTable1.xml.rels": f"""<Relationships
 xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="{_RELS}/pivotCacheDefinition" Target="../pivotCache/pivotCacheDefinition1.xml"/></Relationships>""",
    "xl/worksheets/_rels/sheet2.xml.rels": f"""<Relationships
 xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="{_RELS}/pivotTable" Target="../pivotTables/pivotTable1.xml"/></Relationships>""",
}


def pivot() -> bytes:
    """A pivot table over a marked row, as Excel leaves it: it shows the row's own words as a region."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    data, shown = book.add_worksheet("Data"), book.add_worksheet("Pivot")
    data.write_column("A1", ["{{title}}", "region", "{{rows}}{{region}}"])
    data.write_column("B2", ["amount", "{{amount}}"])
    shown.write_column("A3", ["Row Labels", "{{rows}}{{region}}", "Grand Total"])
    shown.write_column("B3", ["Sum of amount", 0, 0])
    book.close()
    parts = parts_of(out.getvalue())
    types = "".join(
        f'<Override PartName="/{part}" ContentType="{_TYPES}.{kind}+xml"/>'
        for part, kind in {
            "xl/pivotCache/pivotCacheDefinition1.xml": "pivotCacheDefinition",
            "xl/pivotCache/pivotCacheRecords1.xml": "pivotCacheRecords",
            "xl/pivotTables/pivotTable1.xml": "pivotTable",
        }.items()
    )
    target = f'Type="{_RELS}/pivotCacheDefinition" Target="pivotCache/pivotCacheDefinition1.xml"'
    caches = '<pivotCaches><pivotCache cacheId="1" r:id="rId99"/></pivotCaches>'
    changed = {
        "[Content_Types].xml": ("</Types>", types + "</Types>"),
        "xl/workbook.xml": ("</workbook>", caches + "</workbook>"),
        "xl/_rels/workbook.xml.rels": (
            "</Relationships>",
            f'<Relationship Id="rId99" {target}/></Relationships>',
        ),
    }
    edited = {name: parts[name].replace(old, new) for name, (old, new) in changed.items()}
    return with_parts(out.getvalue(), edited | _PIVOT_PARTS)
