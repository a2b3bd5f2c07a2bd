"""What a definition may say of a workbook, and the sentences about what it may not."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from prelo.core.table import Column
from prelo.core.workbook import Chart, Highlight, Sparkline, XlsxOptions

RED: dict[str, Any] = {"fill": "#F8D7DA"}


def refused(model: type[Any], **values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model(**values)
    return str(caught.value)


def test_a_highlight_may_be_one_word_or_one_of_several():
    assert Column(highlight="bar").highlight == (Highlight(show="bar"),)
    both = Column(highlight=["scale", {"show": "icons", "icons": "5_arrows"}]).highlight
    assert both == (Highlight(show="scale"), Highlight(show="icons", icons="5_arrows"))
    assert Column(highlight=Highlight(show="bar")).highlight == (Highlight(show="bar"),)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Decimal("1.50"), "1.50"), (date(2026, 1, 4), "2026-01-04"), ("007", "007"), ("1e5", "1e5"),
        (datetime(2026, 1, 4, 8, 30), "2026-01-04T08:30:00"), (True, True), (3, 3), (0.5, 0.5),
    ],
)  # fmt: skip
def test_a_value_to_compare_with_keeps_its_meaning_on_its_way_through_json(value: Any, read: Any):
    given = Highlight(show="cell", when="=", value=value, **RED)
    assert given.value == value
    back = Highlight.model_validate_json(given.model_dump_json()).value
    assert (back, type(back)) == (read, type(read))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"show": "scale", "when": "<", "value": 1}, "only cell and row have a 'when'"),
        ({"show": "scale", "colors": ["#FFFFFF"]}, "2 or 3 colors"),
        ({"show": "cell", "when": "<", **RED}, "needs a 'value'"),
        ({"show": "cell", **RED}, "needs a 'when'"),
        ({"show": "row", "when": "between", "value": 1, **RED}, "'value' and 'other'"),
        ({"show": "row", "when": "<", "value": 1}, "how the cells look"),
        ({"show": "cell", "when": "top", "value": 0, **RED}, "1 to 1000"),
        ({"show": "cell", "when": "bottom", "value": "ten", **RED}, "1 to 1000"),
        ({"show": "cell", "when": "top", "value": 1.5, **RED}, "1 to 1000"),
        ({"show": "cell", "when": "contains", "value": "", **RED}, "a text to look for"),
        ({"show": "cell", "when": "=", "value": "x" * 256, **RED}, "at most 255"),
        ({"show": "cell", "when": "=", "value": "bell \a", **RED}, "control character"),
        ({"show": "cell", "when": "=", "value": "\ud800", **RED}, "half a character"),
        ({"show": "cell", "when": "<", "value": datetime(2026, 1, 1, tzinfo=UTC), **RED}, "a zone"),
    ],
)  # fmt: skip
def test_a_highlight_that_says_too_little_or_too_much_is_refused_with_a_sentence(
    values: dict[str, Any], sentence: str
):
    assert sentence in refused(Highlight, **values)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"y": []}, "needs a column of values"),
        ({"type": "pie", "y": ["a", "b"]}, "one column of values"),
        ({"type": "bar", "y": "a", "lines": "b"}, "make it a column chart"),
        ({"type": "scatter", "y": "a", "lines": "b"}, "put them in y"),
        ({"type": "scatter", "y": "a", "stacked": True}, "cannot be stacked"),
        ({"y": "a", "title": "bell \a"}, "control character"),
    ],
)
def test_a_chart_that_cannot_be_is_refused_with_a_sentence(values: dict[str, Any], sentence: str):
    assert sentence in refused(Chart, x="region", **values)


def test_one_name_stands_for_a_list_of_one():
    chart = Chart.model_validate({"x": "region", "y": "sales", "lines": "margin"})
    assert (chart.y, chart.lines) == (("sales",), ("margin",))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (True, True), (False, False), ("Medium 9", "Medium 9"), ("table style light1", "Light 1"),
        ("TableStyleDark11", "Dark 11"), (" medium 28 ", "Medium 28"),
    ],
)  # fmt: skip
def test_a_table_style_is_known_by_excels_name(given: Any, kept: Any):
    assert XlsxOptions(table=given).table == kept


@pytest.mark.parametrize("given", ["Medium 29", "Light 0", "Dark 12", "Fancy 1", "Medium", ""])
def test_another_table_style_is_refused_with_those_there_are(given: str):
    assert "Light 1 to 21, Medium 1 to 28, Dark 1 to 11" in refused(XlsxOptions, table=given)


def test_a_sparklines_title_is_a_text_that_xml_can_hold():
    assert "control character" in refused(Sparkline, title="\0", first="a", last="b")
    assert Sparkline(title="a\nb\tc", first="a", last="b").title == "a\nb\tc"
