"""Three nodes of RabbitMQ, each killed once under load: callers never notice, nothing is made twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import Plant, long
from tests.servers.rabbitmq import VIRTUAL_HOST, Rabbitmq

JOBS = 400
LANES = 3


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Rabbitmq]]:
    nodes = [Rabbitmq(tmp_path / "node1")]
    try:
        for number in (2, 3):
            nodes.append(Rabbitmq(tmp_path / f"node{number}", joins=nodes[0]))
        yield nodes
    finally:
        for node in reversed(nodes):
            node.close()


@pytest.fixture
def plant(tmp_path: Path, nodes: list[Rabbitmq]) -> Plant:
    """Its processes know the first node only."""
    return Plant(tmp_path, broker=nodes[0].url, look=1, lease=4, beat=1)


@long
@pytest.mark.timeout(600)
async def test_nodes_killed_one_after_the_other_cost_no_job(plant: Plant, nodes: list[Rabbitmq]):
    async with plant.ports() as ports:
        with plant.staffed() as api:
            assert await on_all(nodes), "the queues are on one node only"
            callers = Callers(plant, api)
            asking = asyncio.create_task(callers.ask(range(JOBS), 0.1))
            for node in (nodes[1], nodes[2], nodes[0]):
                await asyncio.to_thread(node.kill)
                await asyncio.sleep(3)
                await asyncio.to_thread(node.start)
                await asyncio.sleep(3)
            assert not asking.done(), "nobody asked while the nodes were killed"
            await asking
            jobs = await plant.ended(ports, 60)
            bells = len(by_bell(plant))
            await plant.submit(ports, k=JOBS)
            async with asyncio.timeout(30):
                while len(by_bell(plant)) == bells:
                    await plant.submit(ports, k=JOBS + len(plant.accepted))
                    await asyncio.sleep(0.3)
            await plant.ended(ports)
    assert callers.answers == {202: JOBS}, "callers noticed"
    assert {(job.state, job.attempt, job.lost_count) for job in jobs} == {(State.SUCCEEDED, 1, 0)}
    ledger.check(plant.books, plant.accepted, len(nodes))


async def on_all(nodes: list[Rabbitmq]) -> bool:
    """Whether each queue of work has a member on each node, as the server's own tool says."""
    asked = ("list_queues", "--vhost", VIRTUAL_HOST, "--formatter", "json", "name", "members")
    async with asyncio.timeout(60):
        while True:
            queues = json.loads(await asyncio.to_thread(nodes[0].rabbitmqctl, *asked))
            work = [queue["members"] for queue in queues if ".work." in queue["name"]]
            if len(work) == LANES:
                return all(len(members) == len(nodes) for members in work)
            await asyncio.sleep(0.5)


def by_bell(plant: Plant) -> list[str]:
    return plant.said(" job.claimed ", "by=bell").splitlines()
