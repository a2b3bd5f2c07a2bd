"""What every broker promises; a new one is one line in BROKERS."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from prelo.adapters.broker_memory import MemoryBroker
from prelo.adapters.broker_postgresql import PostgresqlBroker
from prelo.adapters.broker_rabbitmq import RabbitmqBroker
from prelo.core.records import Obituary
from prelo.core.report import Lane
from prelo.ports import LANES, Bell, Broker

BROKERS: dict[str, Callable[[pytest.FixtureRequest], Broker]] = {
    "memory": lambda _: MemoryBroker(),
    "postgresql": lambda request: PostgresqlBroker(request.getfixturevalue("postgresql")),
    "rabbitmq": lambda request: RabbitmqBroker(request.getfixturevalue("rabbitmq")),
}


@pytest.fixture(params=list(BROKERS))
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    opened = BROKERS[request.param](request)
    # Whoever takes has asked before; some brokers pass on only what is rung after that.
    assert await opened.take(LANES, 0.5) is None
    yield opened
    await opened.close()


async def waiting(broker: Broker, lane: Lane, count: int) -> None:
    """Until so many bells wait in the lane: a bell may take its time."""
    async with asyncio.timeout(5):
        while await broker.depth(lane) != count:
            await asyncio.sleep(0.01)


def bell(job: str, lane: str = "small") -> Bell:
    return Bell.model_validate({"lane": lane, "job_id": job})


async def test_a_bell_is_taken_in_its_lane_once(broker: Broker):
    await broker.ring(bell("a"))
    assert await broker.take(["large"], 0.05) is None
    taken = await broker.take(["large", "small"], 5)
    assert taken is not None
    assert (taken.job_id, taken.lane) == ("a", "small")
    await broker.ack(taken)
    assert await broker.take(["small"], 0.05) is None


async def test_a_waiting_taker_is_woken_by_any_of_its_lanes(broker: Broker):
    waiting = asyncio.create_task(broker.take(["small", "large"], 10))
    await asyncio.sleep(0.02)
    await broker.ring(bell("b", "large"))
    taken = await waiting
    assert taken is not None
    assert taken.job_id == "b"


async def test_each_bell_wakes_exactly_one_taker(broker: Broker):
    waiting = [asyncio.create_task(broker.take(["small"], 1)) for _ in range(5)]
    await asyncio.sleep(0.02)
    for number in range(3):
        await broker.ring(bell(f"job{number}"))
    taken = [found.job_id for found in await asyncio.gather(*waiting) if found]
    assert sorted(taken) == ["job0", "job1", "job2"]


async def test_a_cancelled_taker_takes_nothing_with_it():
    broker = MemoryBroker()  # the hand-over is the same for all; only here it is in the same turn
    first = asyncio.create_task(broker.take(["small"], 10))
    await asyncio.sleep(0.02)
    await broker.ring(bell("kept"))  # in the same turn of the loop as the cancel
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    taken = await broker.take(["small"], 5)
    assert taken is not None
    assert taken.job_id == "kept"


async def test_a_cancelled_takers_bell_goes_to_the_one_who_waits():
    broker = MemoryBroker()
    first = asyncio.create_task(broker.take(["small"], 10))
    await asyncio.sleep(0.02)
    second = asyncio.create_task(broker.take(["small"], 10))
    await asyncio.sleep(0.02)
    await broker.ring(bell("handed on"))
    first.cancel()
    taken = await asyncio.wait_for(second, 5)
    assert taken is not None
    assert taken.job_id == "handed on"


async def test_bells_keep_their_order_and_are_counted_per_lane(broker: Broker):
    for number in range(3):
        await broker.ring(bell(str(number)))
    await broker.ring(bell("x", "isolation"))
    await waiting(broker, "small", 3)
    await waiting(broker, "isolation", 1)
    taken = [await broker.take(["small"], 1) for _ in range(3)]
    assert [found.job_id for found in taken if found] == ["0", "1", "2"]
    await waiting(broker, "small", 0)


async def test_an_obituary_is_confirmed_and_never_taken_for_a_bell(broker: Broker):
    told = Obituary(
        job_id="a", generation=0, report="sales", version=1, format="csv", tenant="acme", lane="small",
        attempt=6, lost_count=0, problem="source-unavailable",
    )  # fmt: skip
    await broker.bury(told)
    assert await broker.take(LANES, 0.2) is None
    assert [await broker.depth(lane) for lane in LANES] == [0, 0, 0]


async def test_a_bell_may_say_more_for_people(broker: Broker):
    told = bell("a").model_copy(update={"report": "sales", "tenant": "acme", "attempt": 2})
    await broker.ring(told)
    assert await broker.take(["small"], 5) == told


async def test_a_broker_answers_its_check(broker: Broker):
    await broker.check()


async def test_a_full_lane_in_memory_drops_bells_and_keeps_nobody_waiting():
    broker = MemoryBroker(capacity=2)
    for number in range(5):
        await broker.ring(bell(str(number)))
    assert await broker.depth("small") == 2
    await broker.ring(bell("other", "large"))
    assert await broker.depth("large") == 1
