"""A drain at any instant gives back what runs, and costs nobody an attempt."""

import asyncio
import random

from prelo.app.produce import Terms
from prelo.app.worker import work
from prelo.core.job import State
from tests.app.conftest import House
from tests.faults import ledger

INSTANTS = 30


async def test_a_drain_at_any_of_thirty_instants_spends_no_attempt(house: House):
    """Also in the middle of a claim or of settling: what is begun is written before the worker ends."""
    chosen = random.Random(17)
    ids = [(await house.submit("slow")).id]
    for n in range(INSTANTS):
        ids.append((await house.submit("numbers", parameters={"n": n})).id)
        stop = asyncio.Event()
        terms = Terms(owner=f"w{n}", lease=6, beat=0.5)
        working = asyncio.create_task(
            work(house.ports, terms, stop, slots=2, look=0.05, grace=chosen.choice([0, 0.05]))
        )
        await asyncio.sleep(chosen.uniform(0, 0.3))
        stop.set()
        await asyncio.wait_for(working, 30)
        jobs = [await house.job(one) for one in ids]
        assert {job.state for job in jobs} <= {State.QUEUED, State.SUCCEEDED}
        assert all(job.attempt == job.state.ended and not job.lost_count for job in jobs)
    slow = await house.job(ids[0])
    assert slow.fence > INSTANTS / 3, "hardly ever was anything running"
    await house.ports.store.move(
        slow, lambda job, _: job.model_copy(update={"state": State.CANCELLED})
    )
    async with house.at_work(slots=2):
        for one in ids[1:]:
            done = await house.until(one, State.SUCCEEDED, State.FAILED, State.DEAD, seconds=60)
            assert (done.state, done.attempt) == (State.SUCCEEDED, 1)
    ledger.check(ledger.Books(house.config.store, house.config.data / "files"), ids)
