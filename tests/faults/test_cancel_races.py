"""Cancels at random instants, also while a result is being settled: every job ends once."""

import asyncio
import contextlib
import random
from collections import Counter

import pytest

from prelo.app import intake
from prelo.core.errors import Conflict
from prelo.core.job import State
from prelo.ports import Ports
from tests.faults import ledger
from tests.faults.plant import ANYBODY, FULL, Plant, on_every_plant

JOBS = 1_000 if FULL else 80


@on_every_plant
@pytest.mark.timeout(300 if FULL else 180)
async def test_a_cancel_that_races_the_result_leaves_one_end_and_files_of_successes_only(
    plant: Plant,
):
    chance = random.Random(20)
    async with plant.ports() as ports:
        with plant.running("work"), plant.running("work"), plant.running("upkeep"):
            crowd = asyncio.Semaphore(6)  # about as many as run or are next

            async def one(k: int) -> None:
                async with crowd:
                    job = await plant.submit(ports, k=k)
                    await _cancelled(ports, job.id, chance.uniform(0, 0.15))

            await asyncio.gather(*(one(k) for k in range(JOBS)))
            jobs = await plant.ended(ports, 60)
    states = Counter(job.state for job in jobs)
    assert set(states) == {State.SUCCEEDED, State.CANCELLED}, "nothing raced"
    assert all((job.artifact is not None) is (job.state is State.SUCCEEDED) for job in jobs)
    running = "select count(*) as n from transition where before='running' and after='cancelled'"
    assert plant.books.rows(running)[0]["n"] > 0, "none was cancelled while it ran"
    wished = [job for job in jobs if job.cancel_requested_at is not None]
    assert {job.state for job in wished} == {State.CANCELLED}, (
        "a wish that came first was not heard"
    )
    ledger.check(plant.books, plant.accepted, JOBS)
    assert ledger.orphans(plant.books) == set()


async def _cancelled(ports: Ports, job_id: str, after: float) -> None:
    """Cancel so many seconds after it began."""
    async with asyncio.timeout(30):
        while (job := await ports.store.get(job_id)) and job.state is State.QUEUED:
            if after < 0.03:  # a fifth of them while they wait
                break
            await asyncio.sleep(0.005)
    await asyncio.sleep(after)
    with contextlib.suppress(Conflict):  # it has ended
        await intake.cancel(job_id, ANYBODY, ports)
