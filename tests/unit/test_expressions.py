"""Parameters that follow the calendar: what they come to, and a sentence with the place for what does not."""

import contextlib
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.errors import Invalid
from prelo.core.expressions import Wrong, evaluate, filled
from prelo.core.parameters import Parameter, validate

LISBON = ZoneInfo("Europe/Lisbon")
NOW = datetime(2026, 3, 31, 9, 30, tzinfo=LISBON)  # a Tuesday
DAYS = st.dates(date(1900, 1, 1), date(2190, 12, 31))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("{{ today }}", date(2026, 3, 31)),
        ("{{today}}", date(2026, 3, 31)),
        ("  {{ yesterday }} ", date(2026, 3, 30)),
        ("{{ tomorrow }}", date(2026, 4, 1)),
        ("{{ now }}", NOW),
        ("{{ fire.date }}", date(2026, 3, 31)),
        ("{{ fire.time }}", NOW),
        ("{{ today - 1 month }}", date(2026, 2, 28)),
        ("{{ today + 1 month - 1 month }}", date(2026, 3, 30)),
        ("{{ today - 25 months }}", date(2024, 2, 29)),
        ("{{ today + 1 quarter }}", date(2026, 6, 30)),
        ("{{ today - 2 years + 3 weeks - 1 day }}", date(2024, 4, 20)),
        ("{{ start_of(week) }}", date(2026, 3, 30)),
        ("{{ end_of(week) }}", date(2026, 4, 5)),
        ("{{ start_of(month) }}", date(2026, 3, 1)),
        ("{{ end_of(month, today - 1 month) }}", date(2026, 2, 28)),
        ("{{ start_of(quarter) - 1 quarter }}", date(2025, 10, 1)),
        ("{{ end_of(quarter) }}", date(2026, 3, 31)),
        ("{{ start_of(year) }}", date(2026, 1, 1)),
        ("{{ end_of(year, today + 1 year) }}", date(2027, 12, 31)),
        ("{{ start_of(day, now - 9 hours) }}", date(2026, 3, 31)),
        ("{{ (today - 1 day) | '%d.%m.%Y' }}", "30.03.2026"),
        ('{{ fire.time | "%Y%m%d-%H%M%S" }}', "20260331-093000"),
        ("{{ today | '%Y-Q%q, %G-W%V-%u, %j, 100%%, %y' }}", "2026-Q1, 2026-W14-2, 090, 100%, 26"),
        ("{{ now - 90 minutes | '%H:%M' }}", "08:00"),
        ("from {{ start_of(month) }} to {{ today }}", "from 2026-03-01 to 2026-03-31"),
        ("no expression", "no expression"),
    ],
)
def test_an_expression_comes_to(expression: str, value: object):
    found = evaluate(expression, NOW)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("{{ }}", "character 4: expected today, .*, not the end"),
        ("{{ today", "each {{ needs its }}"),
        ("today }}", "each {{ needs its }}"),
        ("{{ today }} }}", "each {{ needs its }}"),
        ("{{ a {{ b }} }}", "each {{ needs its }}"),
        ("{{ today - 1 fortnight }}", "character 14: expected a unit: day, .*, not 'fortnight'"),
        ("{{ today - 1 hour }}", "expected a unit: day, week, month, quarter, year, not 'hour'"),
        ("{{ today - month }}", "character 12: expected a number"),
        ("{{ today today }}", r"character 10: expected \+ or -"),
        ("{{ today - 999999 days }}", "the number is too large"),
        ("{{ today - 9999 years }}", "character 12: there is no such day in the calendar"),
        ("{{ start_of(month }}", r"expected \)"),
        ("{{ start_of month }}", r"expected \("),
        ("{{ start_of(hour) }}", "expected a unit"),
        ("{{ today | Y }}", "expected a format in quotes"),
        ("{{ today | '%Q' }}", "the format has %Q; there are %Y"),
        ("{{ today | '%' }}", "the format has %;"),
        ("{{ today | '%Y' | '%m' }}", "character 17"),
        ("{{ today | 'Y }}", "character 12: ''' means nothing here"),
        ("{{ __import__('os') }}", "character 4: expected today"),
        ("{{ today.year }}", "expected today, .*, not 'today.year'"),
        ("{{ 7 }}", "expected today"),
        ("{{ today; now }}", "character 9: ';' means nothing here"),
        ("{{ ((((((((((today)))))))))) }}", "more than 8 brackets"),
        ("{{ today" + " + 1 day" * 40 + " }}", "at most 200 characters"),
    ],
)
def test_what_is_none_is_refused_with_its_place(expression: str, sentence: str):
    with pytest.raises(Wrong, match=sentence):
        evaluate(expression, NOW)


@given(DAYS, st.integers(-2000, 2000), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_the_calendar_is_that_of_dateutil(day: date, count: int, unit: str):
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    units = {"quarter": {"months": 3 * count}}.get(unit, {f"{unit}s": count})
    expression = f"{{{{ today {'-' if count < 0 else '+'} {abs(count)} {unit}s }}}}"
    try:
        wanted = day + relativedelta(**units)  # pyright: ignore[reportArgumentType]  by name
    except (ValueError, OverflowError):
        with pytest.raises(Wrong, match="no such day"):
            evaluate(expression, moment)
    else:
        assert evaluate(expression, moment) == wanted


@given(DAYS, st.sampled_from(["week", "month", "quarter", "year"]))
def test_a_day_lies_between_the_start_and_the_end_of_its_span_and_spans_touch(day: date, unit: str):
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    start, end = (evaluate(f"{{{{ {edge}_of({unit}) }}}}", moment) for edge in ("start", "end"))
    assert isinstance(start, date)
    assert isinstance(end, date)
    assert start <= day <= end
    after = end + timedelta(days=1)
    next_day = datetime(after.year, after.month, after.day, tzinfo=UTC)
    assert evaluate(f"{{{{ start_of({unit}) }}}}", next_day) == after


WORDS = st.sampled_from(
    ["today", "now", "yesterday", "start_of", "end_of", "month", "days", "week", "(", ")", ",", "+", "-",
     "|", "'%Y'", "'%", "1", "99999", "fire.date", "{{", "}}", "}", "{", "é", "\n", "\0", "hours"]
)  # fmt: skip


@given(st.lists(WORDS, max_size=20).map(" ".join), st.booleans())
def test_any_words_come_to_a_value_or_to_a_sentence(words: str, braced: bool):  # noqa: FBT001  drawn
    text = f"{{{{ {words} }}}}" if braced else words
    said = ""
    try:
        assert isinstance(evaluate(text, NOW), date | str)
    except Wrong as error:
        said = str(error)
    assert not said or "character" in said or "needs its" in said


@given(st.text(max_size=60))
def test_any_text_comes_to_a_value_or_to_a_sentence(text: str):
    for given_text in (text, f"{{{{{text}}}}}"):
        with contextlib.suppress(Wrong):
            assert isinstance(evaluate(given_text, NOW), date | str)


PARAMETERS = {
    "day": Parameter(type="date"),
    "at": Parameter(type="datetime"),
    "name": Parameter(type="string"),
    "year": Parameter(type="integer"),
    "share": Parameter(type="number"),
    "all": Parameter(type="boolean"),
}


def test_a_parameter_gets_a_value_of_its_type():
    given_ = {
        "day": "{{ now }}",
        "at": "{{ now - 1 hour }}",
        "name": "{{ today }}",
        "year": "{{ today | '%Y' }}",
        "share": "{{ today | '0.%m' }}",
        "all": True,
    }
    found = filled(given_, PARAMETERS, NOW)
    assert found == {
        "day": "2026-03-31",
        "at": "2026-03-31T08:30:00+01:00",
        "name": "2026-03-31",
        "year": 2026,
        "share": 0.03,
        "all": True,
    }
    assert validate(PARAMETERS, found)["day"] == "2026-03-31"


def test_every_wrong_parameter_is_named():
    with pytest.raises(Invalid) as caught:
        filled({"day": "{{ todya }}", "a/b": "{{ 1 }}", "name": "{{ now }}"}, PARAMETERS, NOW)
    assert [error.pointer for error in caught.value.errors] == [
        "/parameters/day",
        "/parameters/a~1b",
    ]
    assert "day: '{{ todya }}', character 4: expected today" in caught.value.detail


def test_a_day_more_is_the_same_time_on_the_wall_and_24_hours_more_are_not():
    before = datetime(2026, 3, 28, 12, tzinfo=LISBON)  # the clocks go forward in the night
    assert evaluate("{{ now + 1 day }}", before) == datetime(2026, 3, 29, 12, tzinfo=LISBON)
    assert evaluate("{{ now + 24 hours }}", before) == datetime(2026, 3, 29, 13, tzinfo=LISBON)


def test_a_time_that_the_clocks_skip_is_the_one_they_show_instead():
    before = datetime(2026, 3, 28, 1, 30, tzinfo=LISBON)
    found = evaluate("{{ now + 1 day }}", before)
    assert str(found) == "2026-03-29 02:30:00+01:00"
