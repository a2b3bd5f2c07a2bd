"""A schedule's times and what becomes of them: exclusions, bounds, misfires, pauses; pure functions all."""

from datetime import UTC, datetime
from itertools import takewhile
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prelo.core.errors import Invalid, NotFound, TooManyJobs
from prelo.core.fire import (
    MOST,
    Firing,
    after,
    is_paused,
    paused,
    replanned,
    resumed,
    turned,
)
from prelo.core.parameters import Parameter
from prelo.core.report import Catalog, Report, SourceSpec
from prelo.core.request import Caller
from prelo.core.schedule import Plan, Schedule, asked, checked, fires, following, upcoming

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CATALOG = Catalog(
    [
        Report(
            name="sales",
            source=SourceSpec(query="select 1"),
            parameters={"day": Parameter(type="date"), "n": Parameter(type="integer", default=1)},
        )
    ]
)


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def plan(**chosen: Any) -> Plan:
    request = {"report": "sales", "parameters": {"day": "{{ today }}"}}
    told = {"name": "Sales", "cron": "0 9 * * *", "request": request, **chosen}
    return Plan.model_validate(told)


def days(found: list[int]) -> list[str]:
    return [f"{datetime.fromtimestamp(ms / 1000, UTC):%m-%d %H:%M}" for ms in found]


def schedule(next_fire_at: int | None, **chosen: Any) -> Schedule:
    caller = Caller(tenant="acme")
    made = plan(cron="* * * * *", **chosen)
    return Schedule(id="s", tenant="acme", caller=caller, plan=made, next_fire_at=next_fire_at)


def test_nothing_fires_on_days_that_are_excluded_by_the_clocks_of_the_zone():
    chosen = plan(
        exclude=["2026-12-25", "2026-12-27/2026-12-29"],
        timezone="Pacific/Auckland",
        cron="0 8 * * *",
    )
    found = upcoming(chosen, at("2026-12-23T00:00"), 4)
    assert days(found) == ["12-23 19:00", "12-25 19:00", "12-29 19:00", "12-30 19:00"]


def test_a_century_of_excluded_minutes_is_passed_at_once():
    chosen = plan(cron="* * * * *", exclude=["2026-01-02/2030-06-30", "2030-06-01/2126-12-31"])
    assert following(chosen, at("2026-01-01T23:59")) == at("2127-01-01T00:00")


def test_it_fires_from_its_start_to_its_end_both_included():
    bounds = {"starts_at": "2026-01-02T09:00:00Z", "ends_at": "2026-01-04T09:00:00Z"}
    assert days(upcoming(plan(**bounds), 0, 9)) == ["01-02 09:00", "01-03 09:00", "01-04 09:00"]
    assert following(plan(**bounds), at("2026-01-04T09:00")) is None


@settings(max_examples=30)
@given(
    st.integers(at("2026-01-01T00:00"), at("2027-01-01T00:00")),
    st.sampled_from(["0 9 * * *", "*/7 * * * *", "30 2 * * 0", "0 0 1 * *"]),
    st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]),
)
def test_times_are_the_same_in_one_look_as_one_by_one(start: int, cron: str, zone: str):
    chosen = plan(cron=cron, timezone=zone, exclude=["2026-03-08", "2026-10-04/2026-10-06"])
    together = upcoming(chosen, start, 20)
    apart = [start]
    for _ in together:
        apart.append(following(chosen, apart[-1]) or 0)
    assert apart[1:] == together == sorted(set(together))
    assert list(fires(chosen, start, together[10])) == together[:11]


@pytest.mark.parametrize(
    ("chosen", "place", "sentence"),
    [
        ({"name": ""}, "name", "at least 1 character"),
        ({"name": "a\nb"}, "name", "printable"),
        ({"cron": "* " * 200}, "cron", "at most 200"),
        ({"cron": None}, "cron", "valid string"),
        ({"starts_at": "2026-01-01T00:00:00"}, "starts_at", "timezone"),
        ({"starts_at": "9999-12-31T23:59:59Z"}, "starts_at", "between the years 1970 and 2200"),
        ({"ends_at": "0001-01-01T00:00:00+14:00"}, "ends_at", "between the years"),
        (
            {"starts_at": "2026-01-02T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
            "",
            "must be later",
        ),
        ({"exclude": ["2026-02-30"]}, "exclude", "must be a day"),
        ({"exclude": ["2026-W01-1"]}, "exclude", "must be a day"),
        ({"exclude": ["2026-03-02/2026-03-01"]}, "exclude", "from a day to a later one"),
        ({"exclude": ["0001-01-01/9999-12-31"]}, "exclude", "between 1970 and 2200"),
        ({"exclude": ["2026-01-01"] * 401}, "exclude", "at most 400"),
        ({"misfire": "twice"}, "misfire", "'skip', 'once' or 'all'"),
        ({"overlap": "queue"}, "overlap", "'allow', 'skip' or 'wait'"),
        ({"grace": -1}, "grace", "greater than or equal to 0"),
        ({"grace": float("nan")}, "grace", ""),
        ({"catch_up": 0}, "catch_up", "greater than or equal to 1"),
        ({"request": {}}, "request", "give either 'report'"),
        ({"request": {"report": "sales", "format": "docx"}}, "request", "'xlsx'"),
        ({"timezon": "UTC"}, "timezon", "not permitted"),
    ],
)
def test_a_plan_that_is_no_plan_is_refused_where_it_is_wrong(
    chosen: dict[str, Any], place: str, sentence: str
):
    with pytest.raises(ValidationError) as caught:
        plan(**chosen)
    (error,) = caught.value.errors()
    assert place in map(str, error["loc"] or [""])
    assert sentence in error["msg"]


@pytest.mark.parametrize(
    ("chosen", "pointer", "sentence"),
    [
        ({"cron": "0 9 31 2 *"}, "/cron", "cannot be read"),
        ({"cron": "* * * * * *"}, "/cron", "once a minute"),
        ({"timezone": "Mars/Olympus"}, "/timezone", "no time zone 'Mars/Olympus'"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "/cron", "never fire"),
        ({"cron": "0 0 25 12 *", "exclude": [f"{y}-12-25" for y in range(2020, 2199)],
          "ends_at": "2100-01-01T00:00:00Z"}, "/cron", "never fire"),
        ({"request": {"columns": [{"name": "a"}], "rows": [[1]]}}, "/request/report", "of the catalog"),
        ({"request": {"report": "sales"}}, "/request/parameters/day", "must be given"),
        ({"request": {"report": "sales", "parameters": {"day": "{{ todya }}"}}}, "/request/parameters/day",
         "character 4"),
        ({"request": {"report": "sales", "parameters": {"day": "{{ today | '%m' }}"}}},
         "/request/parameters/day", "must be a day"),
        ({"request": {"report": "sales", "parameters": {"day": "{{ today }}", "x": 1}}},
         "/request/parameters/x", "no such parameter"),
    ],
)  # fmt: skip
def test_a_plan_that_could_not_fire_as_it_says_is_refused(
    chosen: dict[str, Any], pointer: str, sentence: str
):
    with pytest.raises(Invalid) as caught:
        checked(plan(**chosen), CATALOG, Caller(), at("2026-01-01T00:00"))
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert sentence in caught.value.errors[0].detail


def test_a_plan_for_a_report_that_is_not_there_is_refused():
    with pytest.raises(NotFound, match="no report 'sails'"):
        checked(plan(request={"report": "sails"}), CATALOG, Caller(), 0)


def test_a_preview_shows_the_parameters_of_each_time_on_the_clocks_of_the_zone():
    chosen = plan(cron="30 0 * * *", timezone="Asia/Kathmandu")
    found = checked(chosen, CATALOG, Caller(), at("2026-01-01T00:00"))
    assert [request.parameters["day"] for _, request in found[:2]] == ["2026-01-02", "2026-01-03"]
    assert days([found[0][0]]) == ["01-01 18:45"]


def test_a_request_that_says_no_age_asks_for_a_new_file_each_time():
    assert asked(plan(), CATALOG, DAY).max_age == 0
    told = {"report": "sales", "parameters": {"day": "2026-01-01"}, "max_age": 600}
    assert asked(plan(request=told), CATALOG, DAY).max_age == 600


NOON = at("2026-01-01T12:00")


def outcome(made: list[Firing]) -> list[tuple[str, int, int]]:
    """What it is, when (in minutes before noon), and for how many."""
    return [(one.outcome, (one.at - NOON) // MINUTE, one.count) for one in made]


@pytest.mark.parametrize(
    ("policy", "behind", "now", "wanted"),
    [
        ("skip", 0, NOON + 300, [("open", 0, 1)]),
        ("once", 0, NOON + 300, [("open", 0, 1)]),
        ("all", 0, NOON + 300, [("open", 0, 1)]),
        ("skip", 5, NOON + 300, [("missed", -5, 4), ("open", -1, 1), ("open", 0, 1)]),
        ("once", 5, NOON + 300, [("missed", -5, 4), ("open", -1, 1), ("open", 0, 1)]),
        ("all", 5, NOON + 300, [("missed", -5, 1), ("open", -4, 1), ("open", -3, 1), ("open", -2, 1),
                                ("open", -1, 1), ("open", 0, 1)]),
    ],
)  # fmt: skip
def test_what_is_on_time_fires_and_what_is_late_goes_by_the_policy(
    policy: str, behind: int, now: int, wanted: list[tuple[str, int, int]]
):
    due = schedule(NOON - behind * MINUTE, misfire=policy, catch_up=3, grace=90)
    then, made = turned(due, now)
    assert outcome(made) == wanted
    assert then.next_fire_at == NOON + MINUTE


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("skip", [("missed", 0, 1)]),
        ("once", [("open", 0, 1)]),
        ("all", [("open", 0, 1)]),
    ],
)
def test_the_one_time_of_a_daily_schedule_that_was_missed_by_hours(
    policy: str, wanted: list[tuple[str, int, int]]
):
    due = schedule(NOON, misfire=policy)
    due = due.model_copy(update={"plan": plan(cron="0 12 * * *", misfire=policy)})
    then, made = turned(due, NOON + 5 * HOUR)
    assert outcome(made) == wanted
    assert then.next_fire_at == NOON + DAY


def test_years_of_missed_minutes_are_told_in_spans_and_the_newest_fires_once():
    due, now = schedule(NOON - 5 * MOST * MINUTE // 2, misfire="once", grace=0), NOON + 30_000
    made: list[Firing] = []
    for _ in range(9):
        due, more = turned(due, now)
        made += more
    assert [(one.outcome, one.count) for one in made] == [
        ("missed", MOST), ("missed", MOST), ("missed", MOST // 2), ("open", 1),
    ]  # fmt: skip
    assert made[-1].at == NOON
    assert [one.at for one in made[1:]] == [(one.until or 0) + MINUTE for one in made[:-1]]


@settings(max_examples=40)
@given(
    st.integers(1, 3000), st.sampled_from(["skip", "once", "all"]), st.integers(1, 100),
    st.floats(0, 7200), st.integers(0, 59_999),
)  # fmt: skip
def test_every_time_fires_or_is_told_as_missed_and_none_twice(
    behind: int, policy: str, catch_up: int, grace: float, ms: int
):
    due = schedule(NOON - behind * MINUTE, misfire=policy, catch_up=catch_up, grace=grace)
    made: list[Firing] = []
    while (due.next_fire_at or 0) <= NOON + ms:
        due, more = turned(due, NOON + ms)
        made += more
    times: list[int] = []
    for one in made:
        times += range(one.at, (one.until or one.at) + 1, MINUTE)
        assert one.count == ((one.until or one.at) - one.at) // MINUTE + 1
    assert times == list(range(NOON - behind * MINUTE, NOON + 1, MINUTE))
    late = [one for one in made if one.outcome == "open" and NOON + ms - one.at > grace * 1000]
    assert len(late) <= {"skip": 0, "once": 1, "all": catch_up}[policy]
    assert all(one.outcome == "open" for one in made if NOON + ms - one.at <= grace * 1000)


def test_a_schedule_that_has_come_to_its_end_is_over():
    due = schedule(NOON, ends_at="2026-01-01T12:00:30Z")
    then, made = turned(due, NOON + 1)
    assert outcome(made) == [("open", 0, 1)]
    assert then.next_fire_at is None
    assert turned(then, NOON + DAY) == (then, [])


def test_a_pause_lasts_until_it_is_over_and_is_not_caught_up_with():
    live = schedule(NOON)
    stopped = paused(live, None)
    assert (stopped.next_fire_at, is_paused(stopped, NOON)) == (None, True)
    again = resumed(stopped, NOON + HOUR)
    assert (again.next_fire_at, is_paused(again, NOON)) == (NOON + HOUR + MINUTE, False)
    resting = paused(live, NOON + HOUR)
    assert resting.next_fire_at == NOON + HOUR
    assert is_paused(resting, NOON + HOUR - 1)
    assert not is_paused(resting, NOON + HOUR)


def test_another_plan_holds_from_now_on_and_ends_no_pause():
    daily = plan(cron="0 9 * * *")
    assert replanned(schedule(NOON), daily, NOON).next_fire_at == at("2026-01-02T09:00")
    assert replanned(paused(schedule(NOON), None), daily, NOON).next_fire_at is None
    resting = paused(schedule(NOON), at("2026-02-01T09:00"))
    assert replanned(resting, daily, NOON).next_fire_at == at("2026-02-01T09:00")


def test_a_firing_without_room_is_tried_ever_more_slowly_for_an_hour():
    full = TooManyJobs("500 of your jobs are waiting already", 1)
    firing, now, pauses = Firing(schedule_id="s", at=NOON, created_at=NOON), NOON, list[int]()
    while firing.outcome == "open":
        firing = after(firing, full, now)
        pauses.append((firing.try_at - now) // 1000)
        now = max(now, firing.try_at)
    assert pauses[:7] == [5, 10, 20, 40, 80, 160, 300]
    assert list(takewhile(lambda pause: pause, pauses)) == pauses[:-1]
    assert NOON + HOUR - 300_000 <= now <= NOON + HOUR
    assert (firing.outcome, firing.detail) == ("refused", "500 of your jobs are waiting already")


def test_a_firing_whose_report_is_gone_is_refused_at_once():
    gone = NotFound("there is no report 'sales'; the catalog has stock")
    firing = after(Firing(schedule_id="s", at=NOON, created_at=NOON), gone, NOON)
    assert (firing.outcome, firing.ended_at, firing.tries) == ("refused", NOON, 0)
    assert firing.detail == gone.detail


@pytest.mark.parametrize("count", [999, 1000, 1001, 1003, 1999, 2001])
def test_the_newest_few_fire_however_many_were_missed(count: int):
    due = schedule(NOON - (count - 1) * MINUTE, misfire="all", catch_up=10, grace=0)
    fired: list[int] = []
    while due.next_fire_at is not None and due.next_fire_at <= NOON:
        due, made = turned(due, NOON + 1)
        fired += [one.at for one in made if one.outcome == "open"]
    assert fired == [NOON - k * MINUTE for k in reversed(range(10))]
