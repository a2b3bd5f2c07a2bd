"""Notices: when they are tried again, what they are called, what they say, and how they may change."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.errors import QueryFailed
from prelo.core.job import Job, State
from prelo.core.notice import (
    LONGEST_MS,
    SCHEDULE,
    Answer,
    Notice,
    NoticeState,
    delay,
    event_of,
    give_back,
    replay,
    settle,
    take,
    told,
)
from prelo.core.table import Manifest

CHANCE = st.floats(0, 1, exclude_max=True)
OK, BAD = Answer(ok=True, status=204), Answer(ok=False, status=500)


def job(state: State = State.SUCCEEDED, **rest: object) -> Job:
    made = {"manifest": Manifest(format="csv", rows=3)} if state is State.SUCCEEDED else {}
    return Job.model_validate(
        {
            "id": "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90", "tenant": "acme", "report": "sales", "version": 3,
            "fingerprint": "f", "format": "csv", "state": state, "finished_at": 1_000, **(made | rest),
        }
    )  # fmt: skip


def notice(**rest: object) -> Notice:
    fresh = told(job(), "webhook", "wh_1", "example.com", 1_000)
    return fresh.model_copy(update=rest)


@given(st.integers(1, len(SCHEDULE) - 1), CHANCE, st.integers(0, 10**12))
def test_the_next_try_is_within_a_tenth_of_the_schedule_or_as_late_as_a_retry_after(
    attempt: int, chance: float, after: int
):
    wait = delay(attempt, chance, after)
    assert wait is not None
    planned = 1000 * SCHEDULE[attempt]
    least = min(after, LONGEST_MS)
    assert least <= wait <= max(least, planned * 1.1)
    assert wait >= planned * 0.9 - 1


@given(CHANCE, st.integers(0, 10**12))
def test_after_the_tenth_try_there_is_none(chance: float, after: int):
    assert len(SCHEDULE) == 10
    assert delay(10, chance, after) is None


def test_all_tries_together_take_three_days_and_a_bit():
    waits = [delay(n, 0.5) or 0 for n in range(1, 10)]
    assert waits == sorted(waits)
    assert 75 < sum(waits) / 3_600_000 < 76


@given(st.lists(st.tuples(st.booleans(), CHANCE), max_size=30))
def test_a_notice_is_tried_at_most_ten_times_and_never_after_it_was_sent(
    answers: list[tuple[bool, float]],
):
    now, tried, one = 1_000, 0, notice()
    for ok, chance in answers:
        mine = take(one, max(now, one.due_at), 60_000)
        if mine is None:
            break
        tried += 1
        assert mine.fence == mine.attempts == tried
        one = settle(mine, now, OK if ok else BAD, chance)
    assert tried <= 10
    assert one.state is not NoticeState.SENT or one.settled_at == now
    if one.state is not NoticeState.WAITING:
        assert take(one, 10**15, 1) is None


@pytest.mark.parametrize(
    "answer",
    [Answer(ok=False, final=True), Answer(ok=False, gone=True, status=410)],
    ids=["final", "gone"],
)
def test_what_would_fail_again_is_dead_at_once(answer: Answer):
    mine = take(notice(), 1_000, 10)
    assert mine
    assert settle(mine, 1_001, answer, 0.5).state is NoticeState.DEAD


def test_one_that_is_under_way_is_nobody_elses_until_its_lease_ends():
    mine = take(notice(), 1_000, 500)
    assert mine
    assert take(mine, 1_499, 500) is None
    assert replay(mine, 1_499) is None
    again = take(mine, 1_500, 500)
    assert again
    assert (again.fence, again.attempts) == (2, 2)


def test_one_that_is_given_back_has_spent_no_try():
    mine = take(notice(), 1_000, 500)
    assert mine
    back = give_back(mine, 1_100, 900)
    assert (back.attempts, back.due_at, back.lease_until) == (0, 2_000, None)


def test_a_replay_has_all_its_tries_and_the_same_id():
    dead = notice(state=NoticeState.DEAD, attempts=10, settled_at=9_000)
    again = replay(dead, 10_000)
    assert again
    assert (again.id, again.state, again.attempts, again.due_at) == (dead.id, "waiting", 0, 10_000)


@given(st.integers(0, 3), st.sampled_from(["succeeded", "expired"]), st.sampled_from("ab"))
def test_an_id_is_that_of_job_generation_event_and_channel(gen: int, state: str, target: str):
    one = told(job(State(state), generation=gen), "webhook", target, "h", 5)
    assert uuid.UUID(one.id).version == 8
    same = told(job(State(state), generation=gen), "webhook", target, "elsewhere", 99)
    others = [
        told(job(State(state), generation=gen + 1), "webhook", target, "h", 5),
        told(job(State.FAILED, generation=gen), "webhook", target, "h", 5),
        told(job(State(state), generation=gen), "webhook", target + "x", "h", 5),
        told(job(State(state), generation=gen), "email", target, "h", 5),
    ]
    assert one.id == same.id
    assert len({one.id, *(other.id for other in others)}) == 5


def test_a_notice_says_what_became_of_the_job_and_where_it_is_and_no_more():
    event = json.loads(event_of(notice(), "https://reports.example.com"))
    at = "https://reports.example.com/v1/jobs"
    one = f"{at}/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"
    assert event == {
        "specversion": "1.0",
        "id": notice().id,
        "source": at,
        "type": "prelo.job.succeeded",
        "subject": job().id,
        "time": "1970-01-01T00:00:01.000Z",
        "datacontenttype": "application/json",
        "data": {
            "job": job().id, "generation": 0, "report": "sales", "version": 3, "format": "csv",
            "state": "succeeded", "completeness": "complete", "rows": 3,
            "links": {"job": one, "file": f"{one}/file", "manifest": f"{one}/manifest"},
        },
    }  # fmt: skip


def test_a_failure_is_told_with_the_type_of_its_error_and_without_its_words():
    failed = job(State.FAILED, error=QueryFailed("password 'hunter2' is wrong").problem(1))
    body = event_of(told(failed, "webhook", "wh_1", "h", 1), "")
    assert json.loads(body)["data"]["error"] == "query-failed"
    assert b"hunter2" not in body
    assert json.loads(body)["data"]["links"] == {"job": f"/v1/jobs/{failed.id}"}
