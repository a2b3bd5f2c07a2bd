"""Owners with stale jobs in their hands call the store in any order: the row and its log stay in order."""

import asyncio
from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from prelo.core import job as transitions
from prelo.core.job import ALLOWED, IllegalTransition, Job, Progress, State
from prelo.ports import LANES
from tests.contracts.store_cases import (
    LEASE,
    Place,
    draft,
    fail,
    give_up,
    retry,
    succeed,
)
from tests.contracts.store_fixtures import PLACES

Change = Callable[[Job, int], Job]
CHANGES: dict[str, Change] = {
    "succeed": succeed,
    "fail": fail,
    "retry": retry,
    "give up": give_up,
    "release": transitions.release,
    "lose": transitions.lose,
    "cancel": transitions.cancel,
    "pass deadline": transitions.pass_deadline,
    "expire": transitions.expire,
    "revive": transitions.revive,
}
UNWANTED = {State.SUCCEEDED, State.QUEUED}  # where a job that was asked to stop must not go


class StoreMachine(RuleBasedStateMachine):
    """`held`: jobs as somebody saw them once. Whether a call may succeed follows from the row alone."""

    held = Bundle[Job]("held")
    new_place: ClassVar[list[Callable[[], Place]]]

    def __init__(self) -> None:
        super().__init__()
        self.place = self.new_place[0]()
        self.runner = asyncio.Runner()
        self.stores = [self.place.open(), self.place.open()]
        self.ids: set[str] = set()

    def teardown(self) -> None:
        self.runner.run(self.place.close())
        self.runner.close()

    @rule(
        target=held,
        subject=st.integers(0, 1),
        max_age=st.sampled_from([None, 0]),
        deadline=st.sampled_from([None, 60_000]),
    )
    def submit(self, subject: int, max_age: int | None, deadline: int | None) -> Job:
        asked = draft(subject, deadline_at=deadline, retention_ms=60_000)
        answer = self.runner.run(self.stores[0].submit(asked, max_age_ms=max_age))
        assert answer.fresh or answer.job.state in {State.QUEUED, State.RUNNING, State.SUCCEEDED}
        assert not answer.job.superseded
        self.ids.add(answer.job.id)
        return answer.job

    @rule(target=held, owner=st.sampled_from(["w1", "w2"]), which=st.integers(0, 1))
    def claim(self, owner: str, which: int) -> MultipleResults[Job] | Job:
        job = self.runner.run(self.stores[which].claim(LANES, owner, LEASE))
        return multiple() if job is None else job

    @rule(target=held, job=held)
    def look(self, job: Job) -> MultipleResults[Job] | Job:
        seen = self.row(job)
        return multiple() if seen is None else seen

    @rule(job=held, which=st.integers(0, 1))
    def beat(self, job: Job, which: int) -> None:
        row = self.row(job)
        beat = self.runner.run(self.stores[which].beat(job, LEASE, Progress(rows=1)))
        mine = job.state is State.RUNNING and unchanged(job, row)
        assert (beat is not None) == mine
        if beat and row:
            assert beat.cancel == (row.cancel_requested_at is not None)

    @rule(job=held)
    def ask_to_stop(self, job: Job) -> None:
        row = self.row(job)
        asked = self.runner.run(self.stores[1].request_cancel(job))
        same = row is not None and row.generation == job.generation
        assert asked == (same and row is not None and row.state is State.RUNNING)

    @rule(target=held, job=held, name=st.sampled_from(sorted(CHANGES)), which=st.integers(0, 1))
    def move(self, job: Job, name: str, which: int) -> MultipleResults[Job] | Job:
        row = self.row(job)
        lapsed = name == "lose"
        in_time = row is not None and not self.lapsed(row)  # before it is changed
        try:
            moved = self.runner.run(self.stores[which].move(job, CHANGES[name], lapsed=lapsed))
        except IllegalTransition:
            assert self.row(job) == row
            return multiple()
        if moved is None:
            assert self.row(job) == row
            assert self.refused(job, row, name)
            return multiple()
        assert unchanged(job, row)
        assert row is not None
        assert not (lapsed and in_time)
        asked = row.state is State.RUNNING and row.cancel_requested_at is not None
        assert not (asked and moved.state in UNWANTED)
        return moved

    def refused(self, job: Job, row: Job | None, name: str) -> bool:
        """Whether there is a reason to refuse the change."""
        if row is None or not unchanged(job, row):
            return True
        asked = row.state is State.RUNNING and row.cancel_requested_at is not None
        unwanted = name in {"succeed", "retry", "release", "lose"}
        return (asked and unwanted) or (name == "lose" and not self.lapsed(row))

    @rule(job=held)
    def forget(self, job: Job) -> None:
        row = self.row(job)
        gone = self.runner.run(self.stores[0].forget(job))
        assert gone == (job.state.ended and unchanged(job, row))

    @rule(ms=st.sampled_from([10_000, 40_000, 90_000]))
    def time_passes(self, ms: int) -> None:
        self.place.pass_time(ms)

    @invariant()
    def the_log_is_in_order_and_the_row_is_as_it_says(self) -> None:
        for job_id in self.ids:
            before, fence, endings = None, 0, set[int]()
            log = self.runner.run(self.stores[0].transitions(job_id))
            for change in log:
                assert (change.before, change.after) in ALLOWED
                assert change.before == before
                assert change.fence == fence + (change.after is State.RUNNING)
                if change.after.ended and change.after is not State.EXPIRED:
                    assert change.generation not in endings
                    endings.add(change.generation)
                before, fence = change.after, change.fence
            row, last = self.runner.run(self.stores[1].get(job_id)), log[-1]
            if row is not None:
                stands = (row.state, row.generation, row.fence, row.attempt)
                assert stands == (last.after, last.generation, last.fence, last.attempt)

    def row(self, job: Job) -> Job | None:
        return self.runner.run(self.stores[0].get(job.id))

    def lapsed(self, row: Job) -> bool:
        late = self.runner.run(self.stores[0].due("lapsed", 100))
        return row.id in {job.id for job in late} or row.state is not State.RUNNING


def unchanged(job: Job, row: Job | None) -> bool:
    """The row is still as this job says, in all that a guard looks at."""
    if row is None:
        return False
    names = ("state", "generation", "fence", "owner")
    return all(getattr(job, name) == getattr(row, name) for name in names)


@pytest.mark.parametrize("scheme", sorted(PLACES))
def test_whoever_calls_in_whatever_order_the_protocol_holds(
    scheme: str, request: pytest.FixtureRequest
):
    machine = type("Machine", (StoreMachine,), {"new_place": [lambda: PLACES[scheme](request)]})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
