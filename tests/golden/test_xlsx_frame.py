"""What stands around the rows of a workbook: dates by locale, groups, the header, printing."""

import io
import zipfile
from datetime import date
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from prelo.core.table import Layout
from prelo.formats.xlsx import Xlsx


def ignore_progress(rows: int, pages: int) -> None:
    """Nobody listens."""


def sheet_of(data: pl.DataFrame, **layout: Any) -> Worksheet:
    out = io.BytesIO()
    Xlsx().write(data, out, Layout.model_validate(layout), ignore_progress)
    sheet = openpyxl.load_workbook(out).active
    assert isinstance(sheet, Worksheet)
    return sheet


@pytest.mark.parametrize(
    ("locale", "form"),
    [
        ("en-US", "m/d/yyyy"),
        ("pt-BR", "dd/mm/yyyy"),
        ("de-DE", r"dd\.mm\.yyyy"),
        ("sv-SE", "yyyy-mm-dd"),
        ("ar-EG", "d/m/yyyy"),  # CLDR has marks of direction in it
        ("bg-BG", "yyyy-mm-dd"),  # CLDR has a word in it
    ],
)
def test_dates_stand_in_the_order_of_the_locale(locale: str, form: str):
    data = pl.DataFrame({"day": [date(2026, 12, 31)]})
    cell = sheet_of(data, locale=locale)["A2"]
    assert (cell.number_format, cell.is_date) == (form, True)


def test_a_flat_sheet_shows_the_columns_of_groups_even_where_they_are_hidden():
    data = pl.DataFrame({"region": ["N", "S"], "secret": [1, 2], "v": [3, 4]})
    hidden = {"region": {"title": "Region", "hidden": True}, "secret": {"hidden": True}}
    sheet = sheet_of(data, columns=hidden, group_by="region", xlsx={"groups": "flat"})
    assert list(sheet.values) == [("Region", "v"), ("N", 3), ("S", 4)]


@pytest.mark.parametrize(("locale", "word"), [("de-DE", "Summe"), ("pt", "Total"), ("fi", "Total")])
def test_the_total_is_said_in_the_language_of_the_report(locale: str, word: str):
    data = pl.DataFrame({"a": ["x"], "v": [1]})
    assert sheet_of(data, columns={"v": {"total": "sum"}}, locale=locale)["A3"].value == word


def test_a_wide_sheet_is_printed_on_its_side_unless_told():
    narrow = pl.DataFrame({"a": [1]})
    wide = pl.DataFrame({f"a column {i}": ["twenty characters ok"] for i in range(8)})
    assert sheet_of(narrow).page_setup.orientation != "landscape"
    assert sheet_of(wide).page_setup.orientation == "landscape"
    assert sheet_of(wide, xlsx={"landscape": False}).page_setup.orientation != "landscape"


def test_the_filter_button_does_not_cover_a_right_aligned_title():
    data = pl.DataFrame({"text": ["x"], "number": [1]})
    plain, filtered = sheet_of(data, xlsx={"autofilter": False}), sheet_of(data)
    assert [plain["B1"].alignment.indent, filtered["B1"].alignment.indent] == [1, 2]
    assert filtered["A1"].alignment.indent == 1
    assert filtered["B2"].alignment.indent == 1


def test_a_title_that_fits_its_column_takes_one_line():
    data = pl.DataFrame({"rank": [1], "share": [0.5], "grade": ["A"]})
    columns = {"rank": {"title": "#", "width": 6}, "share": {"title": "Of all"}}
    one = sheet_of(data, columns=columns).row_dimensions[1].height
    columns["share"] = {"title": "Of all that there is, and of more than that"}
    assert sheet_of(data, columns=columns).row_dimensions[1].height > one


def test_the_printed_footer_has_the_title_and_the_page():
    sheet = sheet_of(pl.DataFrame({"a": [1]}), title="2026: R&D\nnow")
    footer: Any = sheet.oddFooter
    assert (footer.left.text, footer.left.size) == ("2026: R&&D now", 8)
    assert footer.right.text == "&P / &N"


def test_the_first_column_is_wide_enough_for_the_labels_of_subtotals():
    data = pl.DataFrame({"a": ["x"], "group": ["The Northernmost Isles"], "v": [1]})
    looks = {"group": {"hidden": True}, "v": {"total": "sum"}}
    width = sheet_of(data, columns=looks, group_by="group").column_dimensions["A"].width
    assert width > len("Total The Northernmost Isles")


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("'!&<_x1 \n"), max_size=60
)
OWN = "\ue000"  # a private character: with one of its own, a workbook is drawn as it is


@pytest.mark.filterwarnings("ignore:Sparkline Group")  # openpyxl knows none
@given(title=TEXTS, subtitle=TEXTS, region=TEXTS)
@example("R1", "it's", "'R1'!A1")
@example("Sales", "Sales", "")
@example("2026", "_x0041_", " 2026 ")
@example("0\xa00", "two  spaces", "")
def test_texts_put_into_a_drawing_are_as_if_drawn(title: str, subtitle: str, region: str):
    assume(not any("\ue000" <= letter <= "\uf8ff" for letter in title + subtitle + region))
    assume("!" not in title)  # where XlsxWriter itself ends the name of a sheet, in docProps
    layout = {
        "title": title, "subtitle": subtitle, "facts": {"Region": region},
        "xlsx": {
            "header": "{title}{title}|'{title}'",
            "sparklines": [{"title": "T", "first": "n", "last": "m"}],
        },
    }  # fmt: skip
    assert facts_of(layout, author="Ana") == facts_of(layout, author=OWN)


def test_what_looks_like_a_made_up_row_in_a_text_is_the_users_own():
    text = 'ref="A1000000"'
    out = io.BytesIO()
    layout = Layout.model_validate({"title": text, "facts": {"Region": text}})
    Xlsx().write(pl.DataFrame({"n": [1, 2]}), out, layout, ignore_progress)
    book = openpyxl.load_workbook(out)
    assert book.properties.title == text
    assert [row[0] for row in book.worksheets[0].values][:2] == [text, f"Region:  {text}"]


def test_a_drawing_is_shared_by_jobs_and_each_has_its_own_texts():
    data = pl.DataFrame({"a": [1]})
    for title in ("Sales of 1", "Sales of 2", "Costs of 3"):
        sheet = sheet_of(data, title=title, facts={"For": title[::-1]})
        footer: Any = sheet.oddFooter
        found = (sheet.title, sheet["A1"].value, sheet["A2"].value, footer.left.text)
        assert found == (title, title, f"For:  {title[::-1]}", title)


def facts_of(layout: dict[str, Any], author: str) -> list[Any]:
    """What a workbook with this layout shows, and how its formulas name the sheet."""
    out = io.BytesIO()
    data = pl.DataFrame({"n": [1, 2], "m": [3, 4]})
    Xlsx().write(data, out, Layout.model_validate(layout | {"author": author}), ignore_progress)
    book = openpyxl.load_workbook(out)
    (sheet,) = book.worksheets
    made = book.properties
    with zipfile.ZipFile(out) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    tail = parts["xl/worksheets/sheet1.xml"].partition("</sheetData>")[2]
    return [
        made.title, made.subject, made.creator == author, sheet.title, list(sheet.values), tail,
        parts["xl/workbook.xml"], parts["docProps/app.xml"],
    ]  # fmt: skip
