"""Highlights as other readers find them, and what their rules are true of, by LibreOffice's arithmetic."""

import io
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from pathlib import Path
from typing import Any, get_args

import pytest
from drawn import HEADER, calculated, fields, opened, parts, workbook
from openpyxl.formatting.rule import Rule
from openpyxl.formula.translate import Translator
from xlsxwriter import Workbook

from prelo.core.errors import FormatFailed
from prelo.core.table import Kind
from prelo.core.workbook import Highlight, Icons
from prelo.formats.xlsx.highlights import draw_highlights

RED: dict[str, Any] = {"fill": "#F8D7DA", "color": "#8A1C25", "bold": True}


def rules(kind: str, *highlights: Highlight) -> list[tuple[str, Rule]]:
    """The ranges and rules that openpyxl finds for the second of three columns, over four rows."""
    shown = fields(("id", "integer"), ("it", kind, {"highlight": highlights}), ("end", "text"))
    sheet = opened(workbook(draw_highlights, shown, [(1, None, "x")] * 4))
    found = sheet.conditional_formatting
    return [(str(ranged.sqref), rule) for ranged in found for rule in ranged.rules]


def rule_of(kind: str, highlight: Highlight) -> Rule:
    ((_, rule),) = rules(kind, highlight)
    return rule


def rows_met(
    tmp_path: Path, kind: str, values: Sequence[Any], *highlights: Highlight
) -> list[list[int]]:
    """For each highlight, the places of the values that its formula is true of."""
    shown = fields(("it", kind, {"highlight": highlights}))
    sheet = opened(workbook(draw_highlights, shown, [(value,) for value in values]))
    every = [rule for ranged in sheet.conditional_formatting for rule in ranged.rules]
    formulas = [rule.formula[0] for rule in sorted(every, key=attrgetter("priority"))]
    out = io.BytesIO()
    unknown: Any = ""  # LibreOffice calculates what has no value yet
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        cells = book.add_worksheet()
        for number, value in enumerate(values, HEADER + 1):
            if value is not None:
                cells.write(number, 0, value)
            for column, formula in enumerate(formulas, 1):
                first, here = f"X{HEADER + 2}", f"X{number + 1}"
                moved = Translator(f"={formula}", origin=first).translate_formula(here)
                cells.write_formula(number, column, f"=IF({moved[1:]},1,0)", None, unknown)
    table = calculated(out.getvalue(), tmp_path)[HEADER + 1 :]
    return [
        [i for i, row in enumerate(table) if row[column] == "1"]
        for column in range(1, len(formulas) + 1)
    ]


def cell(when: Any, value: Any = None, other: Any = None, show: Any = "row") -> Highlight:
    return Highlight(show=show, when=when, value=value, other=other, **RED)


def test_a_scale_goes_over_two_colours_or_three():
    place, rule = rules("integer", Highlight(show="scale"))[0]
    assert place == "B4:B7"
    assert rule.colorScale
    assert [color.rgb for color in rule.colorScale.color] == ["FFFFFFFF", "FF8FB1D8"]
    three = Highlight(show="scale", colors=("#111111", "#222222", "#333333"), reverse=True)
    scale = rule_of("date", three).colorScale
    assert scale
    assert [color.rgb for color in scale.color] == ["FF333333", "FF222222", "FF111111"]
    assert [value.type for value in scale.cfvo] == ["min", "percentile", "max"]


def test_a_bar_has_its_colour_and_excels_later_form_too():
    shown = fields(("it", "integer", {"highlight": Highlight(show="bar", colors=("#123456",))}))
    file = workbook(draw_highlights, shown, [(1,)])
    (ranged,) = opened(file).conditional_formatting
    bar = ranged.rules[0].dataBar
    assert bar
    assert bar.color.rgb == "FF123456"
    later = parts(file)["xl/worksheets/sheet1.xml"].split("<x14:conditionalFormatting ")[1]
    assert 'gradient="0"' in later
    assert "<x14:negativeFillColor" in later
    assert "<x14:axisColor" in later


@pytest.mark.parametrize("icons", get_args(Icons))
def test_every_set_of_icons_is_drawn(icons: Icons):
    drawn = rule_of("integer", Highlight(show="icons", icons=icons, reverse=True)).iconSet
    assert drawn
    assert drawn.iconSet is None or drawn.iconSet[0] == icons[0]
    assert len(drawn.cfvo) == int(icons[0])
    assert drawn.reverse


def test_a_row_rule_covers_every_column_and_looks_at_its_own():
    ((place, rule),) = rules("integer", cell("<", 0))
    assert (place, rule.type, rule.formula) == ("A4:C7", "expression", ["AND(ISNUMBER($B4),$B4<0)"])
    look: Any = rule.dxf
    assert (look.font.b, look.font.color.rgb, look.fill.bgColor.rgb) == (
        True,
        "FF8A1C25",
        "FFF8D7DA",
    )


def test_a_cell_rule_covers_its_column():
    assert rules("integer", cell("<", 0, show="cell"))[0][0] == "B4:B7"


@pytest.mark.parametrize(
    ("when", "value", "type_", "more"),
    [
        ("duplicate", None, "duplicateValues", {}), ("unique", None, "uniqueValues", {}),
        ("top", 3, "top10", {"rank": 3}), ("bottom", 2, "top10", {"rank": 2, "bottom": True}),
        ("above average", None, "aboveAverage", {}),
        ("below average", None, "aboveAverage", {"aboveAverage": False}),
    ],
)  # fmt: skip
def test_rules_about_the_whole_column_are_excels_own(
    when: Any, value: Any, type_: str, more: dict[str, Any]
):
    rule = rule_of("integer", cell(when, value, show="cell"))
    assert rule.type == type_
    assert {name: getattr(rule, name) for name in more} == more


def test_the_first_highlight_goes_before_the_next():
    found = rules("integer", cell(">", 9), cell(">", 5, show="cell"))
    assert [rule.priority for place, rule in found if place == "A4:C7"] == [1]


def test_numbers_compare_as_numbers_and_empty_cells_and_texts_never(tmp_path: Path):
    values = [-5, 0, 2.5, 7, None, "12345678901234567890", 7]
    asked = [
        cell("<", 1), cell("<=", Decimal("2.5")), cell(">", 0), cell(">=", 7), cell("=", "7"),
        cell("!=", 7.0), cell("between", 7, 0), cell("between", 0, 7), cell("not between", 0, 5),
        cell("blank"), cell("not blank"), cell("contains", "5"),
    ]  # fmt: skip
    assert rows_met(tmp_path, "decimal(2)", values, *asked) == [
        [0, 1], [0, 1, 2], [2, 3, 6], [3, 6], [3, 6], [0, 1, 2], [], [1, 2, 3, 6], [0, 3, 6],
        [4], [0, 1, 2, 3, 5, 6], [0, 2, 5],
    ]  # fmt: skip


def test_rules_about_the_whole_column_hold_for_rows_too(tmp_path: Path):
    values = [3, 9, 9, None, 1, "text", 4]
    asked = [
        cell("duplicate"), cell("unique"), cell("top", 2), cell("top", 50), cell("bottom", 2),
        cell("above average"), cell("below average"),
    ]  # fmt: skip
    assert rows_met(tmp_path, "integer", values, *asked) == [
        [1, 2], [0, 4, 5, 6], [1, 2], [0, 1, 2, 4, 6], [0, 4], [1, 2], [0, 4, 6],
    ]  # fmt: skip


def test_texts_are_looked_for_as_they_stand(tmp_path: Path):
    values = ['say "hi"', "SAY", "a*b", "acb", "=1+1", None, "50%", "A1000000", "IFNA(x", "~"]
    asked = [
        cell("contains", '"hi"'), cell("begins with", "say"), cell("contains", "a*b"),
        cell("=", "=1+1"), cell("!=", "say"), cell("not contains", "a"), cell("ends with", "%"),
        cell("=", "a1000000"), cell("contains", "IFNA("), cell("contains", "~"), cell("=", 'x"&"'),
    ]  # fmt: skip
    assert rows_met(tmp_path, "text", values, *asked) == [
        [0], [0, 1], [2], [4], [0, 2, 3, 4, 6, 7, 8, 9], [4, 6, 9], [6], [7], [8], [9], [],
    ]  # fmt: skip


def test_days_and_times_compare_by_the_calendar(tmp_path: Path):
    days = [date(2026, 1, 3), date(2026, 1, 4), date(2026, 12, 31), None]
    asked = [
        cell("<", date(2026, 1, 4)), cell("=", "2026-01-04"), cell("between", "2026-01-04", "2027-01-01"),
        cell(">=", datetime(2026, 1, 3, 12)),
    ]  # fmt: skip
    assert rows_met(tmp_path, "date", days, *asked) == [[0], [1], [1, 2], [1, 2]]


def test_a_duration_is_written_as_hours_minutes_and_seconds():
    assert rule_of("duration", cell(">", "36:00:00")).formula == ["AND(ISNUMBER($B4),$B4>1.5)"]
    assert rule_of("time", cell("<", "06:00")).formula == ["AND(ISNUMBER($B4),$B4<0.25)"]


def test_truth_compares_with_truth():
    assert rule_of("boolean", cell("=", value=True)).formula == ["AND(ISLOGICAL($B4),$B4=TRUE)"]
    assert rule_of("boolean", cell("=", "false")).formula == ["AND(ISLOGICAL($B4),$B4=FALSE)"]


@pytest.mark.parametrize(
    ("kind", "highlight"),
    [
        ("text", Highlight(show="bar")), ("code", Highlight(show="scale")),
        ("boolean", Highlight(show="icons")), ("integer", cell("<", "many")),
        ("integer", cell("<", "NaN")), ("date", cell("<", "yesterday")), ("date", cell("<", 5)),
        ("duration", cell("<", "1 hour")), ("boolean", cell("=", "maybe")),
        ("money:EUR", cell("between", 1, "x")), ("integer", cell("=", value=True)),
    ],
)  # fmt: skip
def test_a_highlight_that_its_kind_cannot_have_is_refused_by_name(kind: str, highlight: Highlight):
    shown = fields(("it", kind, {"highlight": highlight}))
    with pytest.raises(FormatFailed, match=f"column 'it' is a {kind}".replace("(", r"\(")):
        workbook(draw_highlights, shown, [])


def test_a_highlighted_sheet_of_every_kind_opens():
    kinds = ["integer", "decimal(2)", "number", "money:BRL", "percent", "scientific", "duration"]
    shown = fields(*((f"c{i}", kind, {"highlight": "scale"}) for i, kind in enumerate(kinds)))
    assert all(Kind.parse(kind).numeric for kind in kinds)
    sheet = opened(workbook(draw_highlights, shown, [[1] * len(kinds)]))
    assert len(list(sheet.conditional_formatting)) == len(kinds)
