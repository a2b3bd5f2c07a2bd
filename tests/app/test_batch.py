"""Small jobs that are claimed together share a transaction and a press, and nothing else."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from hypothesis import given
from hypothesis import strategies as st

from prelo.app import intake
from prelo.app.batch import Pace, attempts
from prelo.app.produce import Terms
from prelo.core.job import Job, State
from prelo.ports import LANES
from tests.app.conftest import ANYBODY, House
from tests.faults import ledger


async def claimed(house: House, *reports: str) -> list[Job]:
    """Jobs of these reports, claimed at once."""
    for n, report in enumerate(reports):
        given = {"parameters": {"n": n}} if report == "numbers" else {}
        await house.submit(report, **given)
    jobs = list(await house.ports.store.claim(LANES, "w", 30_000, len(reports)))
    assert [job.report for job in jobs] == list(reports)
    return jobs


@asynccontextmanager
async def under_way(house: House, jobs: list[Job], terms: Terms) -> AsyncGenerator[None]:
    press = await house.ports.presses.start()
    working = asyncio.create_task(attempts(jobs, house.ports, press, terms))
    try:
        yield
        await asyncio.wait_for(working, 30)
    finally:
        working.cancel()
        await asyncio.wait({working})
        await press.close()


async def found(house: House, jobs: list[Job]) -> list[tuple[State, int, int]]:
    """Of each its state, attempts and losses."""
    now = [await house.job(job.id) for job in jobs]
    return [(job.state, job.attempt, job.lost_count) for job in now]


async def test_a_backlog_of_small_jobs_is_claimed_several_at_a_time_and_each_is_made_once(
    house: House,
):
    ids = [(await house.submit("numbers", parameters={"n": n})).id for n in range(40)]
    async with house.at_work(slots=2):
        for one in ids:
            assert (await house.until(one, State.SUCCEEDED, State.FAILED)).attempt == 1
    ledger.check(ledger.Books(house.config.store, house.config.data / "files"), ids)
    begun = Counter([(await house.job(one)).started_at for one in ids])
    assert len(begun) < 30, "each was claimed in a transaction of its own"


async def test_who_kills_the_press_is_the_only_one_that_it_costs(house: House):
    jobs = await claimed(house, "numbers", "segfault", "raises", "numbers")
    async with under_way(house, jobs, Terms(owner="w")):
        pass
    assert await found(house, jobs) == [
        (State.SUCCEEDED, 1, 0), (State.QUEUED, 1, 1), (State.FAILED, 1, 0), (State.SUCCEEDED, 1, 0),
    ]  # fmt: skip


async def test_nobody_waits_for_a_slow_neighbour(house: House):
    jobs = await claimed(house, "numbers", "slow", "numbers", "numbers")
    async with under_way(house, jobs, Terms(owner="w")):
        await house.until(jobs[0].id, State.SUCCEEDED)
        for job in jobs[2:]:
            await house.until(job.id, State.QUEUED)
        assert await found(house, jobs) == [
            (State.SUCCEEDED, 1, 0), (State.RUNNING, 1, 0), (State.QUEUED, 0, 0), (State.QUEUED, 0, 0),
        ]  # fmt: skip
        again = await house.ports.store.claim(LANES, "somebody", 30_000, 8)
        assert [job.id for job in again] == [job.id for job in jobs[2:]]
        await intake.cancel(jobs[1].id, ANYBODY, house.ports)
    assert (await house.job(jobs[1].id)).state is State.CANCELLED


async def test_a_drain_gives_back_what_waits_and_what_runs(house: House):
    jobs = await claimed(house, "numbers", "slow", "numbers")
    terms = Terms(owner="w")
    async with under_way(house, jobs, terms):
        async with asyncio.timeout(20):
            while len(house.stored()) < 2:  # the second is at work
                await asyncio.sleep(0.01)
        terms.recall.set()
    done, *others = await found(house, jobs)
    assert done == (State.SUCCEEDED, 1, 0)
    assert others == [(State.QUEUED, 0, 0)] * 2


async def test_who_is_cancelled_while_waiting_is_not_finished(house: House):
    jobs = await claimed(house, "numbers", "numbers", "numbers")
    await intake.cancel(jobs[1].id, ANYBODY, house.ports)
    async with under_way(house, jobs, Terms(owner="w")):
        pass
    states = [state for state, _, _ in await found(house, jobs)]
    assert states == [State.SUCCEEDED, State.CANCELLED, State.SUCCEEDED]
    kept = {job.artifact.key for one in jobs if (job := await house.job(one.id)).artifact}
    assert house.stored() == kept


@given(st.lists(st.tuples(st.integers(1, 8), st.floats(0, 20))))
def test_several_are_claimed_only_where_each_takes_a_moment_and_more_are_there(
    turns: list[tuple[int, float]],
):
    pace = Pace()
    assert pace.most == 1
    for jobs, seconds in turns:
        before = pace.most
        pace.told(min(jobs, before), seconds)
        assert 1 <= pace.most <= min(8, 2 * before)
        if jobs < before:
            assert pace.most <= jobs
        if seconds / min(jobs, before) > 0.5:
            assert pace.most == 1


def test_a_long_backlog_of_short_jobs_is_claimed_eight_at_a_time():
    pace = Pace()
    for _ in range(4):
        pace.told(pace.most, pace.most * 0.02)
    assert pace.most == 8
