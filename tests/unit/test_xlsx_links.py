"""Hyperlinks of a sheet, read back by openpyxl, calamine and LibreOffice."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st
from xlsxwriter.url import Url

from prelo.formats.xlsx.links import Links

SHEET, RELATIONS = "xl/worksheets/sheet1.xml", "xl/worksheets/_rels/sheet1.xml.rels"
END = b"</sheetData>"
Found = list[tuple[str, str, str | None]]
"""Cell, address and its part after #, of every link."""


def added(sheet: Links, values: list[str | None], letter: str = "A", first: int = 2) -> int:
    rows = pl.int_range(first, first + len(values), dtype=pl.Int64, eager=True)
    return sheet.add(letter, rows, pl.Series(letter, values, pl.String))


def parsed(xml: bytes) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314  our own


def found(sheet: Links) -> Found:
    """What an XML parser makes of the two parts."""
    part = sheet.relationships(None)
    if part is None:
        assert not sheet.xml()
        return []
    targets = {e.attrib["Id"]: e.attrib for e in parsed(part)}
    assert {e["TargetMode"] for e in targets.values()} == {"External"}
    out: Found = []
    for link in parsed(sheet.xml()):
        [id_] = [value for name, value in link.attrib.items() if name.endswith("}id")]
        out.append((link.attrib["ref"], targets[id_]["Target"], link.attrib.get("location")))
    return out


def linked(*values: str | None) -> Found:
    sheet = Links()
    assert added(sheet, list(values)) == 0
    return found(sheet)


def workbook(values: list[str], *, chart: bool = False) -> bytes:
    """A workbook drawn by XlsxWriter with texts in column A, and our links on them."""
    drawn = io.BytesIO()
    options = {"in_memory": True, "strings_to_urls": False}
    with xlsxwriter.Workbook(drawn, options) as book:
        page = book.add_worksheet()
        page.write_column(1, 0, values)
        page.data_validation(1, 1, 9, 1, {"validate": "list", "source": ["a", "b"]})
        page.conditional_format(1, 2, 9, 2, {"type": "data_bar", "data_bar_2010": True})
        if chart:
            line: Any = book.add_chart({"type": "line"})
            line.add_series({"values": "=Sheet1!$C$2:$C$9"})
            page.insert_chart("E2", line)
    sheet = Links()
    assert added(sheet, list(values)) == 0
    with zipfile.ZipFile(drawn) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    head, tail = parts[SHEET].split(END)
    parts[SHEET] = head + END + sheet.spliced(tail)
    parts[RELATIONS] = sheet.relationships(parts.get(RELATIONS)) or b""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return out.getvalue()


ADDRESSES = [
    "https://example.com/a?b=1&c=2",
    "HTTP://example.com/page#part two",
    "mailto:anna@example.com?subject=Hello you",
    "ftp://user:word@example.com:21/x",
    "https://example.com/<a> 100%/ü\U0001f600",
    "MailTo:bob@example.com?subject=#1",
    'https://example.com/#"a"<b>&c',
]
TARGETS = [
    ("https://example.com/a?b=1&c=2", None),
    ("HTTP://example.com/page", "part two"),
    ("mailto:anna@example.com?subject=Hello%20you", None),
    ("ftp://user:word@example.com:21/x", None),
    ("https://example.com/%3ca%3e%20100%25/ü\U0001f600", None),
    ("MailTo:bob@example.com?subject=#1", None),
    ("https://example.com/", '"a"<b>&c'),
]


@pytest.mark.filterwarnings("ignore:.*extension is not supported:UserWarning")  # data bars
@pytest.mark.parametrize("chart", [False, True])
def test_openpyxl_finds_the_links_beside_all_that_was_drawn(chart: bool):  # noqa: FBT001
    sheet: Any = openpyxl.load_workbook(io.BytesIO(workbook(ADDRESSES, chart=chart))).active
    cells = [sheet.cell(row + 2, 1) for row in range(len(ADDRESSES))]
    assert [(c.hyperlink.target, c.hyperlink.location) for c in cells] == TARGETS
    assert [c.value for c in cells] == ADDRESSES
    assert len(sheet.data_validations.dataValidation) == 1
    assert len(sheet._charts) == int(chart)


def test_calamine_still_reads_the_texts():
    sheet = calamine.load_workbook(io.BytesIO(workbook(ADDRESSES))).get_sheet_by_index(0)
    assert [row[0] for row in sheet.to_python()] == ADDRESSES


def test_libreoffice_opens_the_links(tmp_path: Path):
    program = shutil.which("soffice")
    if not program:
        pytest.skip("soffice is not installed (Debian: apt-get install libreoffice-calc)")
    (tmp_path / "links.xlsx").write_bytes(workbook(ADDRESSES, chart=True))
    subprocess.run(
        [program, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile",
         "--convert-to", "fods", "--outdir", tmp_path, tmp_path / "links.xlsx"],
        check=True, capture_output=True, timeout=50,
    )  # fmt: skip
    xml = (tmp_path / "links.fods").read_text()
    hrefs = [ET.fromstring(f'<a b="{h}"/>').attrib["b"]  # noqa: S314
             for h in re.findall(r'<text:a xlink:href="([^"]*)"', xml)]  # fmt: skip
    assert hrefs == [target + (f"#{part}" if part else "") for target, part in TARGETS]


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "vbscript:x", "ms-excel:x",
        "/relative", "www.example.com", "see https://example.com", "https://", "https:///path",
        "http://?x", "http://#x", "http://a b/", "http://host:port/", "mailto:", "mailto:nobody",
        "mailto:@x", "http:example.com", "", " ", None, "\\\\server\\share", "internal:Sheet1!A1",
        "http://a\x01b/", "http://a/\x1f", "http://a/b\nc", "http://a/\x7f", "http://a/\ufffe",
        "mailto:a\x02@b", "https://user\x03@host/", "http://a/\u2028b",
    ],
)  # fmt: skip
def test_what_is_no_address_of_the_web_or_mail_stays_text_and_is_not_counted(value: str | None):
    assert linked(value) == []


def test_no_link_no_part():
    sheet = Links()
    assert added(sheet, []) == added(sheet, ["text", None]) == 0
    assert (sheet.xml(), sheet.relationships(None), sheet.relationships(b"x")) == (b"", None, b"x")
    assert sheet.spliced(b"</worksheet>") == b"</worksheet>"


def test_space_around_an_address_is_not_part_of_it():
    assert linked(" https://example.com/ \n") == [("A2", "https://example.com/", None)]


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("http://x/100%", "http://x/100%25"),
        ("http://x/a%20b c", "http://x/a%20b%20c"),
        ("http://x/%zz%4", "http://x/%25zz%254"),
        ("http://x/%2541", "http://x/%2541"),
    ],
)
def test_a_percent_sign_is_escaped_unless_it_begins_an_escape(value: str, target: str):
    assert linked(value) == [("A2", target, None)]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"],
                             exclude_characters="%\ufffe\uffff"), max_size=20))  # fmt: skip
def test_addresses_become_what_xlsxwriter_makes_of_them(path: str):
    value = f"https://example.com/{path}"
    theirs: Any = Url(value)
    assert linked(value) == [("A2", theirs._target(), theirs._anchor or None)]


@given(st.lists(st.text(max_size=20)), st.sampled_from(["", "http://", "mailto:a@", "ftp://h/"]))
def test_whatever_the_data_the_parts_are_xml_with_schemes_that_run_nothing(
    texts: list[str], start: str
):
    values: list[str | None] = [start + text.encode("utf-8", "ignore").decode() for text in texts]
    for _, target, _ in linked(*values):
        assert re.match(r"(https?|ftp)://.|mailto:.", target, re.IGNORECASE)


def test_equal_addresses_share_a_relationship_and_keep_their_own_parts():
    sheet = Links()
    added(sheet, ["http://a/", "http://b/"], "A")
    added(sheet, ["http://a/#x", "http://a/#"], "C")
    added(sheet, ["http://b/"], "A", first=4)
    assert found(sheet) == [
        ("A2", "http://a/", None), ("A3", "http://b/", None),
        ("C2", "http://a/", "x"), ("C3", "http://a/", None), ("A4", "http://b/", None),
    ]  # fmt: skip
    assert len(parsed(sheet.relationships(None) or b"")) == 2


def test_links_go_to_the_rows_they_are_given():
    sheet = Links()
    sheet.add("AB", pl.Series([7, 9, 1_048_576]), pl.Series(["http://a/", "no", "http://b/"]))
    assert [cell for cell, _, _ in found(sheet)] == ["AB7", "AB1048576"]


def test_links_past_the_limit_of_a_sheet_are_counted():
    sheet = Links()
    values: list[str | None] = [f"http://x/{i % 5}" for i in range(40_000)]
    assert added(sheet, [*values, "text"]) == 0
    assert added(sheet, values) == 80_000 - 65_530
    assert added(sheet, ["http://x/", "text"]) == 1
    assert sheet.xml().count(b"<hyperlink ") == 65_530
    assert (sheet.relationships(None) or b"").count(b"<Relationship ") == 5


def test_addresses_longer_than_excel_takes_are_counted():
    def padded(length: int, fill: str = "x") -> str:
        start = "http://x/"
        return start + fill * (length - len(start))

    sheet = Links()
    longest = padded(2079)
    assert (
        added(sheet, [longest, padded(2080), f"{longest}#{'y' * 2079}", f"http://x/#{'y' * 2080}"])
        == 2
    )
    assert added(sheet, [padded(1200, "\U0001f600"), padded(1000, " ") + "x"]) == 2
    assert [cell for cell, _, _ in found(sheet)] == ["A2", "A4"]


def test_addresses_that_would_fill_the_memory_are_counted():
    sheet = Links(most_bytes=30)
    assert added(sheet, ["http://x/1#2", "http://x/2", "http://x/3"]) == 1
    assert added(sheet, ["http://x/4"]) == 1
    assert [target for _, target, _ in found(sheet)] == ["http://x/1", "http://x/2"]


CONTENT = b"</sheetData><sheetProtection/><autoFilter/><customSheetViews><pageMargins/></customSheetViews>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"</sheetData>", b"</worksheet>"),
        (b"</sheetData>", b"<pageMargins/><pageSetup/></worksheet>"),
        (CONTENT, b'<printOptions/><pageMargins/><drawing r:id="rId1"/></worksheet>'),
        (CONTENT + b"<conditionalFormatting><cfRule><extLst/></cfRule></conditionalFormatting>"
         b"<dataValidations/>", b"<tableParts/><extLst/></worksheet>"),
    ],
)  # fmt: skip
def test_the_element_stands_where_the_standard_has_it(before: bytes, after: bytes):
    sheet = Links()
    added(sheet, ["http://a/"])
    assert sheet.spliced(before + after) == before + sheet.xml() + after


def test_links_that_were_drawn_stay():
    tail = b'<hyperlinks><hyperlink ref="Z1" location="Sheet1!A1"/></hyperlinks></worksheet>'
    drawn = b'<Relationships xmlns="urn:x"><Relationship Id="rId1" Target="x"/></Relationships>'
    sheet = Links(first=2)
    added(sheet, ["http://a/"])
    spliced = sheet.spliced(tail)
    assert spliced.count(b"<hyperlinks") == spliced.count(b"</hyperlinks>") == 1
    assert re.findall(rb'ref="(\w+)"', spliced) == [b"Z1", b"A2"]
    part = sheet.relationships(drawn) or b""
    assert [e.attrib["Id"] for e in parsed(part)] == ["rId1", "rId2"]


@pytest.mark.parametrize(
    "drawn", [b'<p:Relationships xmlns:p="urn:x"/>', b'<Relationships xmlns="urn:x" />']
)
def test_a_part_of_another_program_keeps_its_prefix(drawn: bytes):
    sheet = Links()
    added(sheet, ["http://a/?b&c"])
    [relation] = parsed(sheet.relationships(drawn) or b"")
    assert (relation.tag, relation.attrib["Target"]) == ("{urn:x}Relationship", "http://a/?b&c")
