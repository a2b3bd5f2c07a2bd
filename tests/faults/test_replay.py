"""A replay of many dead jobs is killed half-way and told again: each runs again once, the books in order."""

import asyncio
from collections import Counter
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from prelo.core import job as transitions
from prelo.core.errors import SourceUnavailable
from prelo.core.job import Job, State
from prelo.ports import LANES, Ports
from tests.faults import ledger
from tests.faults.plant import Plant, Up, long

JOBS = 1000
AWAY = SourceUnavailable("the warehouse does not answer").problem(6)


async def given_up(plant: Plant, ports: Ports) -> None:
    """As many jobs as this is about, all of them dead."""

    def change(job: Job, now: int) -> Job:
        return transitions.retry(job, now, AWAY, None)

    for k in range(JOBS):
        await plant.submit(ports, k=k)
    for _ in range(JOBS):
        job = await ports.store.claim(LANES, "worker of old", 60_000)
        assert job is not None
        assert await ports.store.move(job, change)


async def replayed(up: Up, until: str | None = None) -> list[dict[str, Any]]:
    """The same command, call after call as the command line does, until nothing is left."""
    answers: list[dict[str, Any]] = []
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{up.port}", timeout=60, trust_env=False
    ) as http:
        while not answers or answers[-1]["left"]:
            body = {"all": True, "most": 1000} | ({"until": until} if until else {})
            answer = await http.post("/v1/dead/replay", json=body, headers={"From": "ana@desk"})
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
            until = answers[-1]["until"]
    return answers


def states(plant: Plant) -> Counter[str]:
    return Counter(row["state"] for row in plant.books.rows("select state from job"))


@long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
async def test_a_replay_that_is_killed_half_way_is_finished_by_the_same_command(plant: Plant):
    async with plant.ports() as ports:
        await given_up(plant, ports)
        assert states(plant) == {"dead": JOBS}
        crash = {"at": "store.move", "when": "after", "nth": JOBS // 2}
        with plant.process("api", crash=crash) as process:
            up = Up(process.pid, plant.ready(process))
            with pytest.raises(httpx.TransportError):
                await replayed(up)
            await plant.killed(process)
        assert states(plant) == {"queued": JOBS // 2, "dead": JOBS - JOBS // 2}, "no half way"
        with ExitStack() as stack:
            apis = [stack.enter_context(plant.running("api")) for _ in range(2)]
            both = await asyncio.gather(*(replayed(api) for api in apis))  # two operators at once
            assert states(plant) == {"queued": JOBS}
            assert sum(answer["done"] for answers in both for answer in answers) == JOBS - JOBS // 2
        with plant.running("work"), plant.running("work"), plant.running("upkeep"):
            jobs = await plant.ended(ports, 300)
    assert {(job.state, job.generation, job.attempt) for job in jobs} == {(State.SUCCEEDED, 1, 1)}
    ledger.check(plant.books, plant.accepted)
    _each_ran_again_once(plant)


def _each_ran_again_once(plant: Plant) -> None:
    log = plant.books.rows("select job_id, generation, before, after from transition")
    again = [line for line in log if line["generation"] == 1]
    for before, after in (("dead", "queued"), ("queued", "running"), ("running", "succeeded")):
        of_each = Counter(
            line["job_id"] for line in again if (line["before"], line["after"]) == (before, after)
        )
        assert of_each == dict.fromkeys(plant.accepted, 1), (before, after)
    noted = Counter(
        (row["job_id"], row["actor"], row["action"], row["generation"])
        for row in plant.books.rows("select * from audit")
    )
    assert noted == {(job_id, "ana@desk", "replay", 1): 1 for job_id in plant.accepted}
    buried = plant.books.rows("select job_id from outbox where kind = 'obituary'")
    assert Counter(row["job_id"] for row in buried) == dict.fromkeys(plant.accepted, 1)
