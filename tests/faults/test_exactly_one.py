"""Callers ask four API processes for the same thing at once: one job, one render, one file."""

import asyncio
import os
from collections import Counter
from contextlib import ExitStack

import httpx

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.plant import Plant, on_every_plant

CALLERS = 1000 if os.environ.get("TESTS_FULL") else 200
PROCESSES = 4
_ALL = httpx.Limits(max_connections=None)


@on_every_plant
async def test_identical_submits_over_4_processes_are_one_job_and_one_render(plant: Plant):
    async with plant.ports() as ports:
        with ExitStack() as stack:
            apis = [stack.enter_context(plant.running("api")) for _ in range(PROCESSES)]
            async with httpx.AsyncClient(trust_env=False, timeout=60, limits=_ALL) as client:
                answers = await asyncio.gather(
                    *(
                        client.post(
                            f"http://127.0.0.1:{apis[n % PROCESSES].port}/v1/jobs",
                            json={"report": "quick", "parameters": {"k": 7}, "format": "csv"},
                        )
                        for n in range(CALLERS)
                    )
                )
            assert Counter(answer.status_code for answer in answers) == {202: CALLERS}
            plant.accepted = {answer.json()["id"] for answer in answers}
            assert len(plant.accepted) == 1
            with plant.running("work"), plant.running("work"), plant.running():
                (job,) = await plant.ended(ports)
        assert (job.state, job.attempt, job.fence, job.generation) == (State.SUCCEEDED, 1, 1, 0)
        assert (
            len([c for c in await ports.store.transitions(job.id) if c.after is State.RUNNING]) == 1
        )
        ledger.check(plant.books, plant.accepted)
        assert ledger.orphans(plant.books) == set()
