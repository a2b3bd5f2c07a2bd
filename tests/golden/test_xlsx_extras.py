"""Notes, choices and headings; and that a made-up last row stands only where it can be replaced."""

import re
from datetime import date
from typing import Any

import pytest
from drawn import HEADER, fields, opened, parts, workbook
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Chart, Highlight, Sparkline
from prelo.formats.stream import Field
from prelo.formats.xlsx.charts import draw_charts
from prelo.formats.xlsx.excel_table import add_table
from prelo.formats.xlsx.headings import draw_headings
from prelo.formats.xlsx.highlights import draw_highlights
from prelo.formats.xlsx.notes import draw_choices, draw_notes
from prelo.formats.xlsx.place import Place, last_row
from prelo.formats.xlsx.sparklines import draw_sparklines


def with_notes(_: Workbook, sheet: Worksheet, place: Place) -> None:
    draw_notes(sheet, place)


def with_choices(_: Workbook, sheet: Worksheet, place: Place) -> None:
    draw_choices(sheet, place)


def test_a_note_is_at_the_title_of_its_column_and_names_nobody():
    text = "=1+1 <b>\nSecond line & last"
    shown = fields(("id", "integer"), ("name", "text", {"note": text}))
    file = workbook(with_notes, shown, [(1, "x")])
    sheet = opened(file)
    comments = {c.coordinate: c.comment for row in sheet.iter_rows() for c in row if c.comment}
    assert list(comments) == ["B3"]
    assert comments["B3"].text == text
    assert "<author></author>" in parts(file)["xl/comments1.xml"]


def test_a_note_is_as_high_as_its_text():
    def height(note: str) -> float:
        shown = fields(("name", "text", {"note": note}))
        vml = parts(workbook(with_notes, shown, []))["xl/drawings/vmlDrawing1.vml"]
        return float(re.findall(r"height:([\d.]+)pt", vml)[0])

    assert height("short") < height("one\ntwo\nthree") < height("long " * 60)
    assert height("x\n" * 500) < 300


def test_choices_are_offered_in_every_row():
    shown = fields(
        ("id", "integer"), ("state", "text", {"choices": ("open", 'the "new"', "=late")})
    )
    sheet = opened(workbook(with_choices, shown, [(1, "open")] * 4))
    (rule,) = sheet.data_validations.dataValidation
    assert (rule.type, str(rule.sqref), rule.formula1) == (
        "list",
        "B4:B7",
        '"open,the ""new"",=late"',
    )
    assert rule.showErrorMessage
    assert rule.allowBlank
    assert (rule.errorTitle, rule.error) == ("State", 'Choose one of these: open, the "new", =late')


def test_the_message_about_a_wrong_choice_is_cut_to_what_excel_takes():
    choices = tuple(f"choice {n:02}" for n in range(25))
    shown = fields(("state", "text", {"choices": choices, "title": "A long title\n" * 5}))
    (rule,) = opened(workbook(with_choices, shown, [("x",)])).data_validations.dataValidation
    assert len(rule.error or "") <= 225
    assert len(rule.errorTitle or "") <= 32
    assert (rule.error or "").endswith("…")


@pytest.mark.parametrize(
    ("choices", "sentence"),
    [
        (("a,b",), "a comma"), ((" a",), "spaces around"), (("",), "is empty"),
        (tuple(f"choice {n:03}" for n in range(30)), "329 characters, and Excel takes 255"),
        (("😀" * 128,), "256 characters"),
    ],
)  # fmt: skip
def test_choices_that_make_no_list_are_refused(choices: tuple[str, ...], sentence: str):
    shown = fields(("state", "text", {"choices": choices}))
    with pytest.raises(FormatFailed, match=f"the column 'state' make no list.*{sentence}"):
        workbook(with_choices, shown, [])


def headed(*headings: str | None) -> tuple[Field, ...]:
    return fields(*((f"c{i}", "integer", {"heading": h}) for i, h in enumerate(headings)))


def headings_of(*headings: str | None) -> tuple[bool, Any]:
    said: list[bool] = []

    def draw(book: Workbook, sheet: Worksheet, place: Place) -> None:
        said.append(draw_headings(sheet, place, book.add_format({"bold": True})))

    sheet = opened(workbook(draw, headed(*headings), [[1] * len(headings)]))
    return said[0], sheet


def test_headings_merge_over_the_columns_that_share_them():
    drawn, sheet = headings_of(None, "A", "A", "B", "A", None, "C", "C")
    assert drawn
    assert sorted(map(str, sheet.merged_cells.ranges)) == ["B2:C2", "G2:H2"]
    row = sheet[HEADER]
    assert [cell.value for cell in row] == [None, "A", None, "B", "A", None, "C", None]
    assert [cell.font.b for cell in row if cell.value or cell.column in {1, 6}] == [True] * 6


@pytest.mark.parametrize("text", ["=1+1", "http://example.org", "{=1}", "12"])
def test_a_heading_is_a_text_whatever_it_looks_like(text: str):
    _, sheet = headings_of(text, text)
    assert (sheet["A2"].value, sheet["A2"].data_type, sheet["A2"].hyperlink) == (text, "s", None)


def test_without_a_heading_nothing_is_drawn():
    drawn, sheet = headings_of(None, None)
    assert not drawn
    assert all(cell.value is None and not cell.has_style for cell in sheet[HEADER])


RED: dict[str, Any] = {"fill": "#F8D7DA"}
EVERY = fields(
    ("name", "text", {"note": "n", "choices": ("A1000000", "b"), "heading": "H", "highlight": [
        Highlight(show="cell", when=when, value="X1000000", **RED)
        for when in ("=", "contains", "not contains", "begins with", "ends with")
    ]}),
    ("sales", "integer", {"total": "sum", "heading": "H", "highlight": [
        Highlight(show="scale"), Highlight(show="bar"), Highlight(show="icons"),
        *(Highlight(show=show, when=when, value=1_000_000, **RED)
          for show in ("cell", "row") for when in ("<", "duplicate", "unique", "above average", "blank")),
        *(Highlight(show=show, when=when, value=3, **RED)
          for show in ("cell", "row") for when in ("top", "bottom")),
    ]}),
    ("cost", "money:EUR", {"total": "mean"}), ("day", "date"),
)  # fmt: skip
CHARTS = [
    Chart(type=form, x="day" if form == "scatter" else "name", y=("sales",), title="T 1000000")
    for form in ("column", "bar", "line", "area", "pie", "doughnut", "scatter")
] + [Chart(x="day", y=("sales", "cost"), lines=("sales",))]  # fmt: skip


def everything(book: Workbook, sheet: Worksheet, place: Place) -> None:
    draw_headings(sheet, place, book.add_format({"bold": True}))
    add_table(sheet, place, "Table_1000000", True, filtered=True, totals="Total")
    draw_highlights(book, sheet, place)
    draw_choices(sheet, place)
    draw_notes(sheet, place)
    draw_sparklines(sheet, place, [Sparkline(title="S", first="sales", last="cost")])
    draw_charts(book, sheet, place, CHARTS, 6, locale="en-US")


ROWS = [("x", 5, 2.5, date(2026, 1, 1))]
# Within a formula up to its first text: no reference to the rows may come after one.
REFERENCE = re.compile(
    r'\b(?:ref|sqref)="[^"]*"|<(?:c:f|xm:f|xm:sqref|definedName|formula)\b[^>]*>[^"<]*'
)
MADE_UP = re.compile(r"(?<=[A-Z$])100000[01](?!\d)")


def test_a_made_up_last_row_stands_only_where_it_can_be_replaced():
    drawn = parts(workbook(everything, EVERY, ROWS, last_row(0)))
    found = {
        name: set(MADE_UP.findall("".join(m[0] for m in REFERENCE.finditer(text))))
        for name, text in drawn.items()
    }
    charts = {f"xl/charts/chart{n}.xml" for n in range(1, len(CHARTS) + 1)}
    assert {name for name, rows in found.items() if rows} == {
        "xl/worksheets/sheet1.xml", "xl/tables/table1.xml", *charts,
    }  # fmt: skip
    assert found["xl/tables/table1.xml"] == {"1000000", "1000001"}
    for name, text in drawn.items():
        rest = REFERENCE.sub("", text)
        own = re.sub(r'"(?:Table_)?1000000"|T 1000000|A1000000,b|A1000000, b', "", rest)
        assert "1000000" not in own, name


def test_what_looks_like_a_made_up_row_within_a_text_is_left_alone():
    sheet = parts(workbook(everything, EVERY, ROWS, last_row(0)))["xl/worksheets/sheet1.xml"]
    formulas = re.findall(r"<formula>([^<]*)</formula>", sheet)
    assert len(formulas) == 14
    for formula in formulas:
        texts = "".join(re.findall(r'"[^"]*"', formula))
        assert not MADE_UP.search(texts)
        assert all(row == "1000000" for row in MADE_UP.findall(formula))


def test_two_drawings_are_equal():
    assert parts(workbook(everything, EVERY, ROWS, 50)) == parts(
        workbook(everything, EVERY, ROWS, 50)
    )


def test_all_of_it_opens_together():
    sheet = opened(workbook(everything, EVERY, ROWS))
    assert list(sheet.tables) == ["Table_1000000"]
    assert len(sheet._charts) == len(CHARTS)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
