"""core/job.py: whatever is called, in whatever order, a job only goes where the protocol lets it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from prelo.core import job as transitions
from prelo.core.errors import QueryFailed, SourceUnavailable
from prelo.core.job import (
    ALLOWED,
    MAX_LOSSES,
    Artifact,
    IllegalTransition,
    Job,
    Joining,
    Progress,
    State,
    joining,
    succeeding,
)
from prelo.core.retry import RetryPolicy
from prelo.core.table import Manifest

NOW = 1_700_000_000_000
ARTIFACT = Artifact(key="k", name="a.csv", media_type="text/csv", size=1, sha256="0")
MANIFEST = Manifest(format="csv", rows=1)
PROBLEM = QueryFailed("no such table").problem()
BLANK = Job(id="j", tenant="t", report="r", version=1, fingerprint="f", format="csv")

Change = Callable[[Job, int], Job]
CHANGES: dict[str, Change] = {
    "claim": lambda job, now: transitions.claim(job, now, "w1", 30_000),
    "succeed": lambda job, now: transitions.succeed(job, now, ARTIFACT, MANIFEST),
    "fail": lambda job, now: transitions.fail(job, now, PROBLEM),
    "retry": lambda job, now: transitions.retry(job, now, PROBLEM, 2_000),
    "give up": lambda job, now: transitions.retry(job, now, PROBLEM, None),
    "release": transitions.release,
    "snooze": lambda job, now: transitions.release(job, now, 15_000),
    "lose": transitions.lose,
    "cancel": transitions.cancel,
    "pass deadline": transitions.pass_deadline,
    "expire": transitions.expire,
    "revive": transitions.revive,
}
names = st.sampled_from(sorted(CHANGES))


class JobMachine(RuleBasedStateMachine):
    """Calls in any order, with time that stands or passes, and wishes to stop at any moment."""

    @initialize(deadline=st.none() | st.integers(0, 60_000), retention=st.integers(0, 60_000))
    def accept(self, deadline: int | None, retention: int) -> None:
        deadline_at = None if deadline is None else NOW + deadline
        self.now = NOW
        self.job = BLANK.model_copy(
            update={"run_at": NOW, "deadline_at": deadline_at, "retention_ms": retention}
        )
        self.ended: set[int] = set()

    @rule(ms=st.integers(0, 40_000))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule()
    def somebody_wants_it_to_stop(self) -> None:
        if self.job.state is State.RUNNING:
            self.job = self.job.model_copy(update={"cancel_requested_at": self.now})

    @rule(name=names)
    def change(self, name: str) -> None:
        before = self.job
        try:
            after = CHANGES[name](before, self.now)
        except IllegalTransition:
            return
        assert (before.state, after.state) in ALLOWED
        assert after.fence == before.fence + (name == "claim")
        assert after.generation == before.generation + (name == "revive")
        if after.state.ended and after.state is not State.EXPIRED:
            assert after.generation not in self.ended, "two endings of one generation"
            self.ended.add(after.generation)
        self.job = after

    @invariant()
    def the_row_is_in_order(self) -> None:
        job = self.job
        assert (job.state is State.RUNNING) == (job.owner is not None)
        assert (job.owner is None) == (job.lease_until is None)
        assert job.state.ended == (job.finished_at is not None)
        assert 0 <= job.attempt <= job.fence
        assert 0 <= job.lost_count <= MAX_LOSSES
        if job.state is State.SUCCEEDED:
            assert job.artifact is not None
            assert job.manifest is not None
            assert job.cancel_requested_at is None
        elif job.state is not State.EXPIRED:
            assert job.artifact is None
        if job.state in {State.FAILED, State.DEAD}:
            assert job.error is not None


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


def in_state(state: State, **chosen: Any) -> Job:
    run = {"owner": "w1", "lease_until": NOW, "fence": 1, "attempt": 1}
    return BLANK.model_copy(
        update={"state": state, **(run if state == "running" else {}), **chosen}
    )


FROM: dict[str, set[State]] = {
    "claim": {State.QUEUED},
    "succeed": {State.RUNNING},
    "fail": {State.RUNNING},
    "retry": {State.RUNNING},
    "give up": {State.RUNNING},
    "release": {State.RUNNING},
    "snooze": {State.RUNNING},
    "lose": {State.RUNNING},
    "cancel": {State.RUNNING, State.QUEUED},
    "pass deadline": {State.QUEUED},
    "expire": {State.SUCCEEDED},
    "revive": {State.FAILED, State.DEAD, State.CANCELLED, State.EXPIRED},
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("state", State)
def test_a_change_works_from_its_states_and_from_no_other(name: str, state: State):
    job = in_state(state, deadline_at=NOW - 1, expires_at=NOW - 1)
    if state in FROM[name]:
        after = CHANGES[name](job, NOW)
        assert (state, after.state) in ALLOWED
    else:
        with pytest.raises(IllegalTransition):
            CHANGES[name](job, NOW)


def test_every_allowed_change_of_state_is_made_by_some_transition():
    made: set[tuple[State | None, State]] = {(None, State.QUEUED)}
    for name, states in FROM.items():
        for state in states:
            for losses in (0, MAX_LOSSES - 1):
                job = in_state(state, expires_at=NOW, lost_count=losses)
                deadline = NOW if name == "pass deadline" else None
                after = CHANGES[name](job.model_copy(update={"deadline_at": deadline}), NOW)
                made.add((state, after.state))
    assert made == ALLOWED


def test_a_job_is_claimed_when_it_is_due_and_not_before():
    job = in_state(State.QUEUED, run_at=NOW + 1)
    with pytest.raises(IllegalTransition, match="not due"):
        transitions.claim(job, NOW, "w1", 30_000)
    assert transitions.claim(job, NOW + 1, "w1", 30_000).lease_until == NOW + 30_001


def test_a_claim_begins_afresh():
    worn = in_state(State.QUEUED, error=PROBLEM, progress=Progress(rows=9), fence=4, attempt=2)
    job = transitions.claim(worn, NOW, "w2", 30_000)
    assert (job.fence, job.attempt, job.error, job.progress) == (5, 3, None, Progress())


def test_a_job_that_was_asked_to_stop_cannot_succeed():
    job = in_state(State.RUNNING, cancel_requested_at=NOW)
    with pytest.raises(IllegalTransition, match="cancelled"):
        transitions.succeed(job, NOW, ARTIFACT, MANIFEST)


def test_a_lost_job_that_was_asked_to_stop_is_cancelled():
    job = transitions.lose(in_state(State.RUNNING, cancel_requested_at=NOW), NOW)
    assert job.state is State.CANCELLED


def test_the_third_loss_is_the_last():
    job = in_state(State.RUNNING)
    for loss in range(1, MAX_LOSSES):
        job = transitions.lose(job, NOW)
        assert (job.state, job.lost_count, job.lane) == (State.QUEUED, loss, "isolation")
        job = transitions.claim(job, NOW, "w1", 30_000)
    dead = transitions.lose(job, NOW)
    assert dead.state is State.DEAD
    assert dead.error is not None
    assert dead.error.type == "worker-lost"


def test_a_release_costs_no_attempt_and_keeps_the_fence():
    job = transitions.release(in_state(State.RUNNING, attempt=3, fence=7), NOW, 15_000)
    assert (job.attempt, job.fence, job.run_at, job.owner) == (2, 7, NOW + 15_000, None)


def test_a_retry_that_would_come_after_the_deadline_is_none():
    job = in_state(State.RUNNING, deadline_at=NOW + 1_999)
    dead = transitions.retry(job, NOW, PROBLEM, 2_000)
    assert dead.state is State.DEAD
    assert dead.error is not None
    assert dead.error.type == "deadline"


def test_only_an_error_that_may_pass_is_tried_again():
    job = in_state(State.RUNNING)
    policy = RetryPolicy(attempts=2)
    again = transitions.after(job, NOW, SourceUnavailable("away"), policy, 0.5)
    assert (again.state, again.run_at) == (State.QUEUED, NOW + 1_000)
    assert transitions.after(job, NOW, QueryFailed("no"), policy, 0.5).state is State.FAILED
    last = in_state(State.RUNNING, attempt=2)
    assert transitions.after(last, NOW, SourceUnavailable("away"), policy, 0.5).state is State.DEAD


@pytest.mark.parametrize("state", [state for state in State if state is not State.SUCCEEDED])
def test_an_equal_request_joins_what_is_under_way_and_revives_what_has_no_file(state: State):
    expected = Joining.REVIVE if state.ended else Joining.JOIN
    assert joining(in_state(state), NOW, 0) is expected


@given(st.none() | st.integers(0, 100), st.none() | st.integers(-50, 50), st.integers(0, 100))
def test_a_file_is_reused_exactly_while_it_is_young_enough_and_there(
    max_age: int | None, expires_in: int | None, age: int
):
    expires_at = None if expires_in is None else NOW + expires_in
    job = in_state(State.SUCCEEDED, finished_at=NOW - age, expires_at=expires_at)
    young = max_age is None or age < max_age
    there = expires_in is None or expires_in > 0
    expected = Joining.REUSE if young and there else Joining.SUPERSEDE
    assert joining(job, NOW, max_age) is expected


def test_the_next_generation_has_an_id_of_its_own_that_anybody_can_compute():
    second = succeeding(BLANK, BLANK)
    third = succeeding(BLANK, second)
    assert (second.generation, third.generation) == (1, 2)
    assert len({BLANK.id, second.id, third.id}) == 3
    assert succeeding(BLANK, BLANK) == second


def test_no_two_attempts_store_their_files_under_one_key():
    job = in_state(State.RUNNING)
    keys = {
        job.artifact_key("a", "csv"),
        job.artifact_key("b", "csv"),
        job.model_copy(update={"fence": 2}).artifact_key("a", "csv"),
        job.model_copy(update={"generation": 1}).artifact_key("a", "csv"),
    }
    assert len(keys) == 4
