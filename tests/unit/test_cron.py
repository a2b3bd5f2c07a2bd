"""Cron on the clocks of a place, against a slow reference: minute by minute, as the clocks show them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelo.core import cron

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A zone, and the first of three years in which its clocks do something odd.
ZONES = {
    "America/New_York": 2024,
    "Europe/Lisbon": 2024,
    "Australia/Lord_Howe": 2024,  # by half an hour
    "Pacific/Chatham": 2024,  # at a quarter to three, from an offset of 12:45
    "Africa/Casablanca": 2024,  # for Ramadan
    "America/Sao_Paulo": 2016,  # at midnight
    "Antarctica/Troll": 2024,  # by two hours
    "Asia/Kathmandu": 1985,  # once, by a quarter of an hour
    "Pacific/Apia": 2010,  # a day that never was
    "Asia/Tehran": 2020,  # at midnight, and then no more
}
CHANGES = {
    "America/New_York": 6, "Europe/Lisbon": 6, "Australia/Lord_Howe": 6, "Pacific/Chatham": 6,
    "Africa/Casablanca": 6, "America/Sao_Paulo": 6, "Antarctica/Troll": 6, "Asia/Kathmandu": 1,
    "Pacific/Apia": 6, "Asia/Tehran": 6,
}  # fmt: skip
PATTERNS = [
    "30 2 * * *", "0 0 * * *", "15 0,1,2,3 * * *", "0-59/20 1-3 * * *", "0 9 * * 1-5", "30 23 * * 6",
    "45 2 1-7 * 0", "0 12 30 12 *", "*/15 * * * *", "0 * * * *", "7 */2 * * *", "* 2 * * *",
    "*/10 1,2 * * 0",
]  # fmt: skip


class Reference:
    """Reads a pattern, and looks at every minute."""

    ranges = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))

    def __init__(self, pattern: str) -> None:
        texts = pattern.split()
        self.repeats = texts[0][0] == "*" or texts[1][0] == "*"
        self.both = texts[2][0] == "*" or texts[4][0] == "*"
        fields = [self._read(text, *r) for text, r in zip(texts, self.ranges, strict=True)]
        self.minutes, self.hours, self.days, self.months, self.weekdays = fields

    def _read(self, text: str, low: int, high: int) -> set[int]:
        found: set[int] = set()
        for part in text.split(","):
            whole, _, step = part.partition("/")
            first, _, last = whole.partition("-")
            start = low if first == "*" else int(first)
            end = high if first == "*" else int(last or first)
            found |= set(range(start, end + 1, int(step or 1)))
        return found

    def matches(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours:
            return False
        day, weekday = (
            wall.day in self.days,
            bool({wall.isoweekday(), wall.isoweekday() % 7} & self.weekdays),
        )
        return wall.month in self.months and ((day and weekday) if self.both else (day or weekday))

    def fires(self, walls: list[tuple[datetime, datetime]]) -> Iterator[datetime]:
        """`walls`: every minute with what the clocks show then. Skipped minutes are made up for at once; what
        the clocks have shown already is no time of day any more.
        """
        shown = walls[0][1] - MINUTE
        for moment, wall in walls:
            if self.repeats or wall - shown == MINUTE:
                if self.matches(wall):
                    yield moment
            elif wall > shown:
                passed = (shown + MINUTE * n for n in range(1, (wall - shown) // MINUTE + 1))
                if any(map(self.matches, passed)):
                    yield moment
            shown = max(shown, wall)


@cache
def changes(name: str) -> list[datetime]:
    """The hours before which the clocks changed."""
    zone, hours = ZoneInfo(name), 3 * 366 * 24
    start = datetime(ZONES[name], 1, 1, tzinfo=UTC)
    moments = [start + HOUR * n for n in range(hours)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    return [moments[n] for n in range(1, hours) if offsets[n] != offsets[n - 1]]


@cache
def walls(name: str, around: datetime) -> list[tuple[datetime, datetime]]:
    """A day and a bit on both sides of a change."""
    zone, start = ZoneInfo(name), around - DAY - 3 * HOUR
    moments = (start + MINUTE * n for n in range(2 * 27 * 60))
    return [(moment, moment.astimezone(zone).replace(tzinfo=None)) for moment in moments]


def fired(pattern: str, name: str, after: datetime, until: datetime) -> list[datetime]:
    found = cron.moments(pattern, ZoneInfo(name), after)
    return list(takewhile(lambda moment: moment <= until, found))


@pytest.mark.parametrize("name", ZONES)
def test_through_every_change_of_three_years_it_fires_as_the_clocks_show(name: str):
    assert len(changes(name)) >= CHANGES[name], "the zone has lost its oddness"
    for change in changes(name):
        minutes = walls(name, change)
        start, end = minutes[0][0], minutes[-1][0]
        for pattern in PATTERNS:
            wanted = list(Reference(pattern).fires(minutes))
            assert fired(pattern, name, start - MINUTE, end) == wanted, (pattern, change)


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("pattern", ["*/15 * * * *", "10,40 0-3 * * *"])
def test_from_every_minute_around_a_change_the_next_time_is_the_same(name: str, pattern: str):
    for change in changes(name)[:2]:
        minutes = walls(name, change)
        wanted = list(Reference(pattern).fires(minutes))
        for n in range(-150, 150):
            after = change + MINUTE * n
            found = next(cron.moments(pattern, ZoneInfo(name), after))
            assert found == next(moment for moment in wanted if moment > after), (change, after)


@pytest.mark.parametrize("name", ZONES)
def test_a_time_of_day_comes_once_on_every_day_that_there_is(name: str):
    zone, year = ZoneInfo(name), ZONES[name]
    start, end = (datetime(y, 1, 1, 12, tzinfo=zone).astimezone(UTC) for y in (year, year + 3))
    found = fired("30 2 * * *", name, start, end)
    days = [moment.astimezone(zone).date() for moment in found]
    missing = {"Pacific/Apia": 1}.get(
        name, 0
    )  # its 30 December fires at the first moment of the 31st
    assert len(days) == (end.astimezone(zone).date() - start.astimezone(zone).date()).days
    assert len(set(days)) == len(days) - missing
    assert found == sorted(found)


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str)
    span = st.tuples(st.integers(low, high), st.integers(low, high)).map(
        lambda both: f"{min(both)}-{max(both)}"
    )
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, 30)).map(
        lambda t: f"{t[0]}/{t[1]}"
    )
    listed = st.lists(one, min_size=1, max_size=3).map(",".join)
    return st.one_of(st.just("*"), one, listed, span, step)


PATTERN = st.tuples(
    numbers(0, 59), numbers(0, 23), st.one_of(st.just("*"), numbers(1, 28)),
    st.one_of(st.just("*"), numbers(1, 12)), st.one_of(st.just("*"), numbers(0, 7)),
).map(" ".join)  # fmt: skip


@settings(max_examples=40)
@given(PATTERN, st.sampled_from(sorted(ZONES)), st.data())
def test_any_pattern_fires_as_the_clocks_show_from_any_moment_on(
    pattern: str, name: str, data: st.DataObject
):
    minutes = walls(name, data.draw(st.sampled_from(changes(name))))
    wanted = list(Reference(pattern).fires(minutes))
    after = data.draw(st.sampled_from([moment for moment, _ in minutes]))
    seconds = data.draw(st.integers(0, 59))
    after += timedelta(seconds=seconds)
    expected = [moment for moment in wanted if moment > after]
    assert fired(pattern, name, after, minutes[-1][0]) == expected


def test_a_pattern_by_name_is_that_pattern():
    assert cron.pattern("@daily") == "0 0 * * *"
    assert cron.pattern(" @Weekly ") == "0 0 * * 0"
    assert cron.pattern("0  9 *   * MON-FRI") == "0 9 * * MON-FRI"


def test_the_last_day_and_the_nth_weekday_are_known():
    lisbon, start = ZoneInfo("Europe/Lisbon"), datetime(2026, 1, 1, tzinfo=UTC)
    last = [
        f"{m.astimezone(lisbon):%d.%m}" for m in islice(cron.moments("0 7 L * *", lisbon, start), 3)
    ]
    assert last == ["31.01", "28.02", "31.03"]
    first = [f"{m:%d.%m}" for m in islice(cron.moments("0 7 * * MON#1", lisbon, start), 3)]
    assert first == ["05.01", "02.02", "02.03"]


def test_29_february_waits_for_its_year():
    found = cron.moments("0 0 29 2 *", ZoneInfo("UTC"), datetime(2026, 1, 1, tzinfo=UTC))
    assert next(found) == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("", "has 0 fields"),
        ("0 9 * *", "has 4 fields; a pattern has five"),
        ("*/10 * * * * *", "has 6 fields; .* once a minute at most"),
        ("61 * * * *", "minute must be 0 to 59"),
        ("0 24 * * *", "hour must be 0 to 23"),
        ("0 0 0 * *", "day must be 1 to 31"),
        ("0 0 * 13 *", "month must be 1 to 12"),
        ("0 0 * * 8", "day of the week must be 0 to 7"),
        ("0 0 * * MON#6", "day of the week"),
        ("0 0 * * MON#1/2", "either # or /"),
        ("0 0 30 2 *", "one that a month of it has"),
        ("0 0 31 4,6 *", "one that a month of it has"),
        ("* * */20 * 1L", "never fires"),
        ("@reboot", "has 1 field;"),
        ("0 9 * * 1-5; rm -rf", "has 7 fields"),
        ("٣ 9 * * *", "cannot be read"),
        ("5-1 * * * *", "minute"),
        ("*/0 * * * *", "minute"),
        ("0 " * 200, "at most 200 characters"),
    ],
)
def test_what_is_no_pattern_or_never_fires_is_refused_with_a_sentence(bad: str, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        cron.pattern(bad)


@given(st.text("0123456789*/,-#LW MONJANl@\t", max_size=40))
def test_any_text_is_a_pattern_or_a_sentence(text: str):
    try:
        said = cron.pattern(text)
    except ValueError as error:
        said = str(error)
    assert len(said.split()) >= 5


@pytest.mark.parametrize(
    "bad", ["", "Europe/Lisbn", "America", "../../etc/passwd", "UTC\0", "a" * 500, "/UTC"]
)
def test_a_zone_that_is_none_is_refused_with_a_sentence(bad: str):
    with pytest.raises(ValueError, match="there is no time zone"):
        cron.zone(bad)


def test_every_zone_of_the_database_is_known():
    assert all(cron.zone(name).key == name for name in ZONES)
    assert set(ZONES) <= available_timezones()
