"""Every combination of features is a sound package: by Microsoft's validator, and part by part."""

import io
import posixpath
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest
import xlsxwriter
from books import BOOKS, book_of, data_of, made, opened, parts_of
from office import faults
from openpyxl.cell import Cell
from openpyxl.styles.numbers import BUILTIN_FORMATS

from prelo.formats.xlsx.frame import drawn

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"
TYPES = "{http://schemas.openxmlformats.org/package/2006/content-types}"
OFFICE = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
NAMES = list(BOOKS)


def parsed(part: bytes) -> ET.Element:
    return ET.fromstring(part)  # noqa: S314  our own file


@pytest.mark.parametrize("name", NAMES)
def test_the_validator_finds_no_fault(name: str, tmp_path: Path):
    assert faults(book_of(name), tmp_path) == []


def relationships(parts: dict[str, bytes]) -> dict[str, dict[str, str]]:
    """For each part that has some, the targets within the package by their ids."""
    out: dict[str, dict[str, str]] = {}
    for name in (n for n in parts if n.endswith(".rels")):
        folder, file = posixpath.split(name)
        owner = posixpath.join(posixpath.dirname(folder), file.removesuffix(".rels"))
        found = parsed(parts[name]).findall(f"{RELATIONS}Relationship")
        ids = [one.attrib["Id"] for one in found]
        assert len(ids) == len(set(ids)), f"{name} has an id twice"
        out[owner] = {
            one.attrib["Id"]: ""
            if one.get("TargetMode") == "External"
            else posixpath.normpath(posixpath.join(posixpath.dirname(owner), one.attrib["Target"]))
            if not one.attrib["Target"].startswith("/")
            else one.attrib["Target"][1:]
            for one in found
        }
    return out


@pytest.mark.parametrize("name", NAMES)
def test_every_part_is_there_once_typed_related_and_asked_for(name: str):
    with zipfile.ZipFile(io.BytesIO(book_of(name))) as package:
        assert package.testzip() is None
        names = package.namelist()
    assert len(names) == len({n.casefold() for n in names})
    parts = parts_of(book_of(name))
    types = parsed(parts["[Content_Types].xml"])
    overrides = [one.attrib["PartName"][1:] for one in types.findall(f"{TYPES}Override")]
    defaults = {one.attrib["Extension"] for one in types.findall(f"{TYPES}Default")}
    assert set(overrides) <= set(names)
    assert len(overrides) == len(set(overrides))
    assert all(n in overrides or n.rpartition(".")[2] in defaults for n in names)
    related = relationships(parts)
    targets = {target for found in related.values() for target in found.values() if target}
    assert targets <= set(names)
    plain = {n for n in names if n != "[Content_Types].xml" and not n.endswith(".rels")}
    assert targets == plain, "a part that nothing relates to, or the other way round"
    for owner, found in related.items():
        asked = re.findall(rb'\b(?:r:id|r:embed|r:pict|o:relid)="([^"]+)"', parts.get(owner, b""))
        assert {one.decode() for one in asked} <= set(found), owner


@pytest.mark.parametrize("name", NAMES)
def test_no_id_is_there_twice_and_no_made_up_row_is_left(name: str):
    parts = parts_of(book_of(name))
    found: Counter[str] = Counter()
    for part, content in parts.items():
        if part.startswith("xl/tables/"):
            table = parsed(content)
            found.update(f"table {table.attrib[key]}".casefold() for key in ("id", "name"))
            columns = [one.attrib["name"] for one in table.iter(f"{MAIN}tableColumn")]
            found.update(f"{part} {column}".casefold() for column in columns)
        if re.fullmatch(r"xl/drawings/drawing\d+\.xml", part):
            ids = re.findall(rb'<xdr:cNvPr id="(\d+)"', content)
            found.update(f"{part} {one.decode()}" for one in ids)
        if part == "xl/workbook.xml":
            for sheet in parsed(content).iter(f"{MAIN}sheet"):
                keys = ("name", "sheetId", f"{OFFICE}id")
                found.update(f"{key} {sheet.attrib[key].casefold()}" for key in keys)
        left = content.replace(b"C1000003, x", b"")
        assert not re.search(rb"(?<!\d)10000\d\d(?!\d)", left), part
    assert [key for key, count in found.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_cells_stand_in_their_order(name: str):
    for part, content in parts_of(book_of(name)).items():
        if not part.startswith("xl/worksheets/sheet"):
            continue
        rows = list(parsed(content).iter(f"{MAIN}row"))
        numbers = [int(row.attrib["r"]) for row in rows]
        assert numbers == sorted(set(numbers))
        for row in rows:
            places = [cell.attrib["r"] for cell in row]
            letters = [place.rstrip("0123456789") for place in places]
            assert letters == sorted(set(letters), key=lambda letter: (len(letter), letter))
            assert {place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for place in places} <= {
                row.attrib["r"]
            }


@pytest.mark.parametrize("name", NAMES)
def test_equal_input_gives_equal_bytes_drawn_anew_or_not(name: str):
    first = book_of(name)
    assert made(data_of(name), **BOOKS[name])[0] == first
    drawn.cache_clear()
    assert made(data_of(name), **BOOKS[name])[0] == first


def test_a_password_makes_other_bytes_each_time():
    data = pl.DataFrame({"a": [1]})
    assert made(data, password="x")[0] != made(data, password="x")[0]


SAME = pl.DataFrame(
    {
        "n": [1, -2, None],
        "f": [0.1, 1e300, -0.5],
        "b": [True, None, False],
        "t": ["a <&> b", " x ", None],
    }
)
WIDTHS = {"n": 12.0, "f": 12.0, "b": 8.0, "t": 20.0}


def by_xlsxwriter() -> bytes:
    """The same content written by XlsxWriter's own calls, a cell at a time."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = workbook.add_worksheet("Same")
    head: dict[str, Any] = {
        "bold": True, "font_color": "#FFFFFF", "bg_color": "#1F3A5F", "valign": "vcenter",
        "text_wrap": True,
    }  # fmt: skip
    body: dict[str, Any] = {"bottom": 1, "bottom_color": "#E1E6ED"}
    looks: dict[str, tuple[dict[str, Any], str]] = {
        "n": ({"align": "right", "indent": 1}, "#,##0"),
        "f": ({"align": "right", "indent": 1}, "General"),
        "b": ({"align": "center"}, '"Yes";"Yes";"No"'),
        "t": ({"align": "left", "indent": 1}, "General"),
    }
    for i, (name, (aligned, form)) in enumerate(looks.items()):
        sheet.set_column(i, i, WIDTHS[name])
        sheet.write(0, i, name, workbook.add_format(head | aligned))
        style = workbook.add_format(body | aligned | {"num_format": form})
        for row, value in enumerate(SAME[name], 1):
            sheet.write(row, i, value, style)
    workbook.close()
    return out.getvalue()


def cells(file: bytes) -> dict[str, tuple[str, str]]:
    """Type and value of each cell as the XML has them; texts are alike wherever they stand."""
    parts = parts_of(file)
    shared = parsed(parts.get("xl/sharedStrings.xml", b"<sst/>"))
    texts = ["".join(item.itertext()) for item in shared]
    out: dict[str, tuple[str, str]] = {}
    for cell in parsed(parts["xl/worksheets/sheet1.xml"]).iter(f"{MAIN}c"):
        kind, value = cell.get("t", "n"), "".join(cell.itertext())
        if kind == "s":
            kind, value = "text", texts[int(value)]
        if kind == "n" and value:
            value = repr(float(value))
        out[cell.attrib["r"]] = ("text" if kind == "inlineStr" else kind, value)
    return out


def style(cell: Cell) -> dict[str, Any]:
    found = {
        "number": cell.number_format, "bold": cell.font.b, "color": cell.font.color.rgb,
        "font": (cell.font.name, cell.font.sz), "fill": cell.fill.fgColor.rgb,
        "bottom": (cell.border.bottom.style, cell.border.bottom.color), "top": cell.border.top.style,
        "aligned": [getattr(cell.alignment, key) for key in ("horizontal", "vertical", "wrap_text",
                                                             "indent")],
    }  # fmt: skip
    assert found["number"] in BUILTIN_FORMATS.values() or '"' in str(found["number"])
    return found


def test_xlsxwriter_writes_the_same_cells_in_the_same_looks():
    columns: dict[str, Any] = {name: {"width": width} for name, width in WIDTHS.items()}
    columns["f"] |= {"align": "right"}
    options: dict[str, Any] = {"columns": columns, "sheet": "Same", "autofilter": False}
    ours, theirs = made(SAME, **options)[0], by_xlsxwriter()
    assert cells(ours) == cells(theirs)
    sheets = opened(ours).worksheets[0], opened(theirs).worksheets[0]
    for mine, other in zip(*(sheet.iter_rows() for sheet in sheets), strict=True):
        for a, b in zip(mine, other, strict=True):
            assert isinstance(a, Cell)
            assert isinstance(b, Cell)
            assert (a.value, a.data_type, style(a)) == (b.value, b.data_type, style(b))
    widths = [{key: d.width for key, d in s.column_dimensions.items()} for s in sheets]
    assert widths[0] == pytest.approx(widths[1], abs=0.01)
