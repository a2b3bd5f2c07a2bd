"""Lines that stand on every page: their marks, and what those say in each format."""

import io
from datetime import UTC, datetime, tzinfo
from typing import Any

import openpyxl
import polars as pl
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo import write_pdf, write_xlsx
from prelo.core.table import Layout
from prelo.formats.running import marks_of, pieces
from prelo.formats.xlsx.frame import drawn

DATA = pl.DataFrame({"n": [1]})
MADE = datetime(2026, 3, 4, 23, 5, 59, tzinfo=UTC)
MARKS = {"a": "{page}", "b": " two\n words "}


def test_marks_are_filled_in_once_and_unknown_ones_stay():
    assert pieces("{a}-{page}{B}{b}|{no} {} {", MARKS, ["page"]) == (
        "{page}-", "page", "{B}two words|{no} {} {",
    )  # fmt: skip
    assert pieces("{page}", MARKS) == ("{page}",)


@given(st.text(), st.text())
def test_what_a_mark_stands_for_is_never_read_for_marks(text: str, said: str):
    (found,) = pieces(f"{text}|", {"a": said})
    assert found == text.replace("{a}", " ".join(said.split())) + "|"
    assert len(pieces(said.replace("{page}", ""), {}, ["page"])) == 1


@pytest.mark.parametrize(
    ("locale", "zone", "said"),
    [
        ("en-US", "UTC", "3/4/2026 11:05 PM"),
        ("de-DE", "Europe/Berlin", "05.03.2026 00:05"),
        ("pt-BR", "America/Sao_Paulo", "04/03/2026 20:05"),
        ("ja-JP", "Asia/Tokyo", "2026/03/05 8:05"),
        ("ar-EG", "UTC", "4/3/2026 11:05"),
        ("sv", "UTC", "2026-03-04 23:05"),
        ("xx", "UTC", "2026-03-04 23:05"),
    ],
)
def test_the_time_is_the_locales_in_the_reports_zone(locale: str, zone: str, said: str):
    layout = Layout.model_validate(
        {"locale": locale, "timezone": zone, "stamp": {"made": MADE}, "title": "T"}
    )
    marks = marks_of(layout, ["{date} {time}"])
    found = " ".join(f"{marks['date']} {marks['time']}".split()).replace("\u200f", "")
    assert found.startswith(said)
    assert set(marks) == {"date", "time"}


def test_the_clock_is_not_read_where_no_line_asks_for_it(monkeypatch: pytest.MonkeyPatch):
    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Clock":
            raise AssertionError(f"the clock was read in {tz}")

    monkeypatch.setattr("prelo.formats.running.datetime", Clock)
    assert marks_of(Layout(title="T"), ["{title} {user} date time"]) == {"title": "T", "user": ""}
    with pytest.raises(AssertionError, match="the clock was read"):
        marks_of(Layout(), ["{time}"])


def printed(**options: Any) -> tuple[Any, bytes]:
    out = io.BytesIO()
    write_xlsx(DATA, out, **options)
    return openpyxl.load_workbook(out).worksheets[0], out.getvalue()


STAMP: Any = {
    "report": "R&D {page}", "user": "ana|bob", "made": MADE, "marks": {"year": "2026", "page": "x"},
}  # fmt: skip


def test_a_workbook_prints_the_marks():
    sheet, _ = printed(
        stamp=STAMP, title="T", header="{report}|{user} {year}|{date}", footer="{page} {title} {no}"
    )
    head = sheet.oddHeader
    found = [part.text.strip() for part in (head.left, head.center, head.right)]
    assert found == ["R&&D {page}", "ana|bob 2026", "3/4/2026"]
    assert sheet.oddFooter.left.text.strip() == "&P T {no}"


def test_every_sheet_prints_the_marks():
    out = io.BytesIO()
    its: Any = {"B": {"header": "{user} {time}"}}
    write_xlsx({"A": DATA, "B": DATA}, out, sheets=its, stamp=STAMP)
    sheet: Any = openpyxl.load_workbook(out)["B"]
    assert " ".join(sheet.oddHeader.left.text.split()) == "ana|bob 11:05 PM"


def test_what_no_page_says_changes_no_workbook():
    assert printed()[1] == printed(stamp=STAMP)[1]
    assert printed(header="{user}")[1] != printed(header="{user}", stamp=STAMP)[1]


def test_a_report_is_drawn_once_though_each_file_has_a_time_of_its_own():
    printed(title="Drawn once", stamp=STAMP)
    before = drawn.cache_info().misses
    later = {**STAMP, "made": datetime(2027, 1, 1, tzinfo=UTC), "user": "Eve"}
    printed(title="Drawn once", stamp=later)
    assert drawn.cache_info().misses == before
    printed(title="Drawn once", stamp=later, header="{user}")
    assert drawn.cache_info().misses == before + 1


def test_a_watermark_and_a_pdfs_lines_say_the_marks():
    out = io.BytesIO()
    write_pdf(
        DATA, out, stamp=STAMP, watermark="{year} for {user}", header="{report}|{year}|{page}"
    )
    text = pypdf.PdfReader(out).pages[0].extract_text()
    assert "2026 for ana|bob" in text
    assert " ".join(text.split()).startswith("R&D {page} 2026") or "R&D {page}" in text
    assert "x" not in text.split()


def test_a_line_break_in_a_line_of_a_pdf_is_a_space():
    out = io.BytesIO()
    table = pl.DataFrame({"a": [1]})
    write_pdf(table, out, header="one\ntwo|{page}\nof {pages}", footer="three\tfour")
    (page,) = pypdf.PdfReader(out).pages
    words = page.extract_text().splitlines()
    assert {"one two", "1 of 1", "three four"} <= {word.strip() for word in words}
