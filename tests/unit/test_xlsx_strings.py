"""Shared strings: what stands in the table and what stays inline, read back by openpyxl and calamine."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape

from prelo.formats.xlsx import strings
from prelo.formats.xlsx.strings import SharedStrings

PART, SHEET = "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"
TITLES = ("Region", "City")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
DRAWN = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" count="0" uniqueCount="0"/>'


def numbers(
    table: SharedStrings, column: int, values: Sequence[str | None]
) -> list[int | None] | None:
    found = table.indices(column, pl.Series("A", values, pl.String))
    return found if found is None else pl.select(found.cast(pl.Int64)).to_series().to_list()


def parsed(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314  our own


def entries(xml: bytes) -> list[str]:
    """The texts of a table as Excel shows them."""
    items = parsed(xml).iter(f"{MAIN}si")
    return [unescape(item.findtext(f"{MAIN}t") or "") for item in items]


def count(xml: bytes) -> tuple[int, int]:
    root = parsed(xml)
    return int(root.attrib["count"]), int(root.attrib["uniqueCount"])


def workbook(columns: Sequence[Sequence[str | None]], frames: int = 1) -> bytes:
    """A workbook drawn by XlsxWriter, with rows whose cells are all of the table."""
    drawn = io.BytesIO()
    with xlsxwriter.Workbook(drawn, {"in_memory": True}) as book:
        book.add_worksheet().write_row(0, 0, TITLES)
    with zipfile.ZipFile(drawn) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    table, height = SharedStrings(first=len(TITLES)), len(columns[0]) // frames
    rows = ""
    for start in range(0, len(columns[0]), height):
        found = [
            numbers(table, i, values[start : start + height]) for i, values in enumerate(columns)
        ]
        for row in range(height):
            cells = [f'<c r="{letter}{start + row + 2}" t="s"><v>{column[row]}</v></c>'
                     for letter, column in zip("AB", found, strict=False)
                     if column and column[row] is not None]  # fmt: skip
            rows += f'<row r="{start + row + 2}">{"".join(cells)}</row>'
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", f"{rows}</sheetData>".encode())
    parts[PART] = table.xml(parts[PART])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return out.getvalue()


def by_openpyxl(file: bytes) -> list[tuple[Any, ...]]:
    sheet: Any = openpyxl.load_workbook(io.BytesIO(file)).active
    return list(sheet.iter_rows(values_only=True))


def by_calamine(file: bytes) -> list[list[Any]]:
    return calamine.load_workbook(io.BytesIO(file)).get_sheet_by_index(0).to_python()


def test_cells_show_the_texts_of_the_table_beside_the_drawn_ones():
    regions, cities = ["north", "south", None, "north"], ["Lübeck & Co", "<b>", " Ulm ", "north"]
    file = workbook([regions, cities], frames=2)
    assert by_openpyxl(file) == [TITLES, *zip(regions, cities, strict=True)]
    assert by_calamine(file) == [
        list(TITLES),
        *([r or "", c] for r, c in zip(regions, cities, strict=True)),
    ]


def test_a_text_of_two_columns_and_many_frames_has_one_entry():
    table = SharedStrings(first=3)
    assert numbers(table, 0, ["a", "b", "a"]) == [3, 4, 3]
    assert numbers(table, 1, ["b", "c"]) == [4, 5]
    assert numbers(table, 0, ["c", "d", "a"]) == [5, 6, 3]


def test_every_reference_is_counted_and_every_entry_once():
    table = SharedStrings(first=2)
    numbers(table, 0, ["a", None, "a"])
    numbers(table, 1, ["a", "b"])
    drawn = b'<sst xmlns="urn:x" count="7" uniqueCount="2"><si><t>x</t></si><si><t>y</t></si></sst>'
    assert count(table.xml(drawn)) == (7 + 4, 2 + 2)


def test_null_stays_null_even_where_a_frame_has_nothing_else():
    table = SharedStrings(first=0)
    assert numbers(table, 0, [None, None]) == [None, None]
    assert numbers(table, 0, ["a", None]) == [0, None]
    assert numbers(table, 0, []) == []


def test_empty_text_is_a_text():
    table = SharedStrings(first=0)
    assert numbers(table, 0, ["", None]) == [0, None]
    assert entries(table.xml(DRAWN)) == [""]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1))
def test_any_text_comes_back_from_its_entry(texts: list[str]):
    table = SharedStrings(first=0)
    found = numbers(table, 0, texts)
    shown = entries(table.xml(DRAWN))
    assert found
    assert [shown[number or 0] for number in found] == texts
    assert len(shown) == len(set(texts))


@given(st.lists(st.text("_x0158Fa<&\x08\ufffe ", max_size=12), min_size=1))
def test_a_text_that_reads_like_an_escape_comes_back_too(texts: list[str]):
    table = SharedStrings(first=0)
    found = numbers(table, 0, texts)
    shown = entries(table.xml(DRAWN))
    assert found
    assert [shown[number or 0] for number in found] == texts


def test_a_column_that_begins_with_mostly_different_texts_stays_inline_for_good():
    table = SharedStrings(first=0)
    assert numbers(table, 0, [f"order {i // 2}" for i in range(500)]) is not None
    assert numbers(table, 1, [f"note {i}" for i in range(201)]) is None
    assert numbers(table, 1, ["note 1"]) is None
    assert numbers(table, 2, [f"text {i}" for i in range(200)]) is not None


def test_rows_without_a_value_do_not_make_texts_few():
    table = SharedStrings(first=0)
    assert numbers(table, 0, [f"note {i}" for i in range(300)] + [None] * 700) is None


def test_the_first_frame_with_a_value_is_the_one_that_tells():
    table = SharedStrings(first=0)
    numbers(table, 0, [None, None])
    assert numbers(table, 0, [f"note {i}" for i in range(201)]) is None


def test_a_column_leaves_when_its_texts_have_become_too_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(strings, "_COLUMN_ENTRIES", 300)
    table = SharedStrings(first=0)
    assert numbers(table, 0, [f"a{i % 200}" for i in range(1000)]) is not None
    assert numbers(table, 0, [f"b{i % 100}" for i in range(1000)]) is not None
    assert numbers(table, 0, ["one more"]) is None
    assert numbers(table, 0, ["a1"]) is None
    assert len(entries(table.xml(DRAWN))) == 300
    assert numbers(table, 1, ["a1", "one more"]) == [1, 300]


@pytest.mark.parametrize(("limit", "most"), [("_TABLE_ENTRIES", 3), ("_TABLE_BYTES", 150)])
def test_a_full_table_takes_nothing_new_but_still_serves_what_it_has(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int
):
    monkeypatch.setattr(strings, limit, most)
    table = SharedStrings(first=0)
    assert numbers(table, 0, ["a", "b"]) == [0, 1]
    assert numbers(table, 1, ["b", "c", "d", "e"]) is None
    assert numbers(table, 1, ["a"]) is None
    assert numbers(table, 0, ["b", "a"]) == [1, 0]
    assert numbers(table, 2, ["b", "c"]) == [1, 2]


def test_a_text_longer_than_a_cell_sends_one_frame_inline_and_is_in_no_entry():
    table = SharedStrings(first=0)
    assert numbers(table, 0, ["short", "x" * 32_768]) is None
    assert numbers(table, 0, ["short", "y" * 32_767]) == [0, 1]
    assert numbers(table, 0, ["\U0001f600" * 16_384]) is None
    assert [len(text) for text in entries(table.xml(DRAWN))] == [5, 32_767]


def test_a_frame_without_a_table_gets_one():
    table = SharedStrings(first=0)
    numbers(table, 0, ["a"])
    assert entries(table.xml(None)) == ["a"]


def test_a_table_of_another_program_keeps_its_prefix_and_its_extensions():
    drawn = (b'<?xml version="1.0"?><x:sst uniqueCount="1" count="4" xmlns:x="'
             + MAIN[1:-1].encode() + b'"><x:si><x:t>old</x:t></x:si><x:extLst/></x:sst>')  # fmt: skip
    table = SharedStrings(first=1)
    assert numbers(table, 0, ["<new>"]) == [1]
    xml = table.xml(drawn)
    assert (entries(xml), count(xml)) == (["old", "<new>"], (5, 2))
    assert [child.tag for child in parsed(xml)] == [
        f"{MAIN}si",
        f"{MAIN}si",
        f"{MAIN}extLst",
    ]


def test_a_table_with_other_entries_than_announced_is_refused():
    with pytest.raises(AssertionError):
        SharedStrings(first=1).xml(DRAWN)


def test_equal_data_give_an_equal_table():
    def made() -> bytes:
        table = SharedStrings(first=0)
        for frame in range(3):
            numbers(table, 0, [f"text {(i * 7919 + frame) % 3000}" for i in range(9000)])
        return table.xml(DRAWN)

    assert made() == made()
