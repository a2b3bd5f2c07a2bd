"""Real servers stopped and started under load: callers are told to ask again, and nothing is lost."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import Plant, Up, long
from tests.servers.postgresql import Postgresql
from tests.servers.rabbitmq import Rabbitmq
from tests.servers.redis import Redis

JOBS = 120


@pytest.fixture
def server() -> Iterator[Postgresql]:
    server = Postgresql()
    yield server
    server.close()


@long
@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_database_that_comes_and_goes_costs_time_and_no_job(
    tmp_path: Path, server: Postgresql, end: str
):
    plant = Plant(tmp_path, store=server.url, broker=server.url, look=0.5)
    async with plant.ports():
        pass  # the tables are there
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(plant.running("api"))
        for roles in (("work",), ("work",), ("upkeep",)):
            stack.enter_context(plant.running(*roles))
        callers = Callers(plant, api)
        asking = asyncio.create_task(callers.ask(range(JOBS), 0.05))
        for _ in range(4):
            await asyncio.sleep(1)
            await asyncio.to_thread(getattr(server, end))
            await asyncio.sleep(0.5)
            await asyncio.to_thread(server.start)
        await asking
        assert callers.answers[503] > 0, "the fault did not happen"
        async with plant.ports() as ports:
            jobs = await plant.ended(ports, 60)
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert len(jobs) == JOBS
    ledger.check(plant.books, plant.accepted)


@long
async def test_a_broker_and_a_cache_that_are_away_cost_seconds_and_nobody_is_told(
    tmp_path: Path,
):
    """Callers are served, jobs are made by looks, and afterwards doorbells ring again."""
    rabbitmq, redis = Rabbitmq(tmp_path / "rabbitmq"), Redis(tmp_path / "redis")
    try:
        plant = Plant(tmp_path, broker=rabbitmq.url, cache=redis.url, look=0.5)
        async with plant.ports():
            pass  # the tables are there
        with contextlib.ExitStack() as stack:
            api = stack.enter_context(plant.running("api"))
            for roles in (("work",), ("work",), ("upkeep",)):
                stack.enter_context(plant.running(*roles))
            await _asked(plant, api, range(10))
            redis.kill()
            await asyncio.to_thread(rabbitmq.stop)
            answers = await _asked(plant, api, range(10, 40))
            async with plant.ports() as ports:
                await plant.ended(ports, 60)
            assert "bell.unconfirmed" in plant.log(), "the fault did not happen"
            await asyncio.to_thread(rabbitmq.start)
            redis.start()
            answers += await _asked(plant, api, range(40, 60))
            async with plant.ports() as ports:
                jobs = await plant.ended(ports, 60)
        assert set(answers) == {202}
        assert Counter((job.state, job.attempt, job.lost_count) for job in jobs) == {
            (State.SUCCEEDED, 1, 0): 60
        }
        ledger.check(plant.books, plant.accepted)
    finally:
        redis.stop()
        rabbitmq.close()


async def _asked(plant: Plant, api: Up, numbers: range) -> Counter[int]:
    callers = Callers(plant, api)
    await callers.ask(numbers, 0.05)
    return callers.answers


@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("crash", "attempts"),
    [
        ({"at": "store.claim", "when": "after"}, 2),
        ({"at": "commit", "nth": 3}, None),
        ({"at": "store.move", "when": "after"}, 1),
    ],
    ids=["claimed", "in a commit", "settled"],
)
async def test_a_worker_that_dies_leaves_what_another_one_finishes_once(
    plant: Plant, crash: dict[str, Any], attempts: int | None
):
    """Three of the crash matrix; `make faults` has all of it on this plant."""
    async with plant.ports() as ports:
        await plant.submit(ports)
        await plant.crash("work", "upkeep", **crash)
        (job,) = await plant.recover(ports)
        assert job.state is State.SUCCEEDED
        assert attempts in {None, job.attempt}
