"""RabbitMQ on its bad days, under load: callers never notice, and nothing is lost or made twice."""

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from prelo.core.job import Job, State
from prelo.ports import LANES, Ports
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import FULL, Plant, long
from tests.servers.rabbitmq import VIRTUAL_HOST, Rabbitmq

pytestmark = pytest.mark.timeout(300 if FULL else 180)
QUEUED = 1000 if FULL else 100
JOBS = 1000 if FULL else 100
_ONCE = {(State.SUCCEEDED, 1, 1)}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbitmq]:
    """Which a test may do anything to."""
    server = Rabbitmq(tmp_path_factory.mktemp("rabbitmq") / "server")
    yield server
    server.close()


@pytest.fixture
def plant(tmp_path: Path, server: Rabbitmq) -> Plant:
    return Plant(tmp_path, broker=f"{server.url}?prefix={tmp_path.name[-20:]}", look=1)


@contextlib.asynccontextmanager
async def loaded(plant: Plant) -> AsyncGenerator[Callers]:
    """A staffed plant whose callers have just begun, and are done at the end."""
    with plant.staffed() as api:
        callers = Callers(plant, api)
        asking = asyncio.create_task(callers.ask(range(JOBS), 0.04))
        try:
            yield callers
            await asking
        finally:
            asking.cancel()
        assert callers.answers == {202: JOBS}, "callers noticed"
        async with plant.ports() as ports:
            await plant.ended(ports, 60)
            await rings(plant, ports)


async def rings(plant: Plant, ports: Ports) -> None:
    """Doorbells reach a worker again: afterwards, no consumer is dead."""
    before = len(by_bell(plant))
    async with asyncio.timeout(30):
        for k in range(10_000, 11_000):
            await plant.submit(ports, k=k)
            await asyncio.sleep(0.3)
            if len(by_bell(plant)) > before:
                return


def by_bell(plant: Plant) -> list[str]:
    return plant.said(" job.claimed ", "by=bell").splitlines()


def outcomes(jobs: list[Job]) -> set[tuple[State, int, int]]:
    return {(job.state, job.attempt, job.fence) for job in jobs}


@long
async def test_connections_closed_every_second_cost_no_job_and_no_consumer(
    plant: Plant, server: Rabbitmq
):
    closed = 0
    async with plant.ports():
        pass  # the tables are there
    async with loaded(plant) as callers:
        while sum(callers.answers.values()) < JOBS:
            command = ("close_all_connections", "--vhost", VIRTUAL_HOST, "a test")
            said = await asyncio.to_thread(server.rabbitmqctl, *command)
            closed += int(re.findall(r"Closed (\d+) connections", said)[0])
            await asyncio.sleep(1)
    assert closed >= 3, "the fault did not happen"
    async with plant.ports() as ports:
        assert outcomes(await plant.ended(ports)) == _ONCE
    ledger.check(plant.books, plant.accepted, closed)


@long
async def test_a_broker_that_has_lost_all_its_data_costs_no_job(plant: Plant, server: Rabbitmq):
    async with plant.ports() as ports:
        for start in range(0, QUEUED, 50):
            await asyncio.gather(*(plant.submit(ports, k=k) for k in range(start, start + 50)))
        with plant.running("upkeep"):
            async with asyncio.timeout(60):
                while await waiting(ports) < QUEUED:
                    await asyncio.sleep(0.1)
        await asyncio.to_thread(server.wipe)
        assert await waiting(ports) == 0, "the fault did not happen"
        with plant.staffed():
            assert outcomes(await plant.ended(ports, 120)) == _ONCE
            await rings(plant, ports)
            await plant.ended(ports)
    ledger.check(plant.books, plant.accepted, 1)


async def waiting(ports: Ports) -> int:
    await ports.broker.check()  # which makes the queues if they are not there
    return sum([await ports.broker.depth(lane) for lane in LANES])


@long
async def test_a_broker_short_of_memory_is_not_noticed_by_callers(plant: Plant, server: Rabbitmq):
    async with plant.ports():
        pass  # the tables are there
    async with loaded(plant) as callers:
        await asyncio.to_thread(server.rabbitmqctl, "set_vm_memory_high_watermark", "0")
        try:
            while sum(callers.answers.values()) < JOBS:
                await asyncio.sleep(0.1)
            async with plant.ports() as ports:
                await plant.ended(ports, 60)
            assert "short of memory" in plant.said(" bell.unconfirmed "), "no alarm was seen"
        finally:
            usual = ("set_vm_memory_high_watermark", "absolute", "1GB")
            await asyncio.to_thread(server.rabbitmqctl, *usual)
    async with plant.ports() as ports:
        assert outcomes(await plant.ended(ports)) == _ONCE
    refused = len(plant.said(" bell.unconfirmed ").splitlines())
    ledger.check(plant.books, plant.accepted, refused)


async def test_doorbells_that_ring_five_times_in_any_order_or_never_run_nothing_twice(
    plant: Plant, tmp_path: Path
):
    """A slot that has run everything asks the broker again: so most of these lead to nothing."""
    notes = tmp_path / "bells.txt"
    async with plant.ports() as ports:
        with (
            plant.running("upkeep", careless=str(notes)),
            plant.running("api") as api,
            plant.running("work", bells=str(tmp_path / "first.txt")),
            plant.running("work", bells=str(tmp_path / "second.txt")),
        ):
            callers = Callers(plant, api)
            await callers.ask(range(JOBS), 0.04)
            jobs = await plant.ended(ports, 60)
            async with asyncio.timeout(30):  # until the last of the bells was heard
                while await waiting(ports):
                    await asyncio.sleep(0.1)
    did = Counter(notes.read_text().split())
    assert did["dropped"] > JOBS / 10, "the fault did not happen"
    assert did["rung"] > 3 * JOBS, "the fault did not happen"
    taken = sum(
        (tmp_path / name).read_text().split().count("take") for name in ("first.txt", "second.txt")
    )
    assert taken > 2 * JOBS, "the fault did not reach anybody"
    assert len(jobs) == JOBS
    assert outcomes(jobs) == _ONCE
    ledger.check(plant.books, plant.accepted, did["dropped"] + did["rung"])
