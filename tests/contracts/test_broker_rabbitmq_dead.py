"""What lies in RabbitMQ's queue of dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection

from prelo.adapters.broker_rabbitmq import RabbitmqBroker
from prelo.app import upkeep
from prelo.config import Config
from prelo.core.errors import Unavailable
from prelo.core.records import Bell, Obituary
from prelo.ports import LANES, Ports
from prelo.wiring import opened
from tests.contracts.broker_cases import bell, taken
from tests.contracts.store_cases import claimed, draft, fail, give_up, running, succeeded
from tests.servers.fixtures import migrated

TOLD = Obituary(
    number=7, job_id="5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90", generation=2, report="sales", version=3,
    format="csv", tenant="acme", lane="isolation", attempt=6, lost_count=3, problem="worker-lost",
)  # fmt: skip


@pytest.fixture
async def broker(rabbitmq: str) -> AsyncIterator[RabbitmqBroker]:
    broker = RabbitmqBroker(rabbitmq)
    yield broker
    await broker.close()


@pytest.fixture
async def admin(rabbitmq_url: str, rabbitmq: str) -> AsyncIterator[AbstractConnection]:
    """A connection that is not the product's. `rabbitmq` asks for the server to be up."""
    async with await aio_pika.connect(rabbitmq_url, timeout=10) as connection:
        yield connection


@pytest.fixture
async def ports(rabbitmq: str, tmp_path: Path) -> AsyncIterator[Ports]:
    (tmp_path / "reports").mkdir()
    migrated(f"sqlite:///{tmp_path}/prelo.db")
    config = Config(
        data=tmp_path, store=f"sqlite:///{tmp_path}/prelo.db", broker=rabbitmq,
        catalog=tmp_path / "reports",
    )  # fmt: skip
    async with opened(config) as ports:
        yield ports


def named(rabbitmq: str, rest: str) -> str:
    return f"{rabbitmq.rpartition('=')[2]}.{rest}"


async def letters(admin: AbstractConnection, rabbitmq: str, least: int = 0) -> list[Any]:
    """What lies in the queue, taken out: all that comes, and at least so many."""
    queue = await (await admin.channel()).get_queue(named(rabbitmq, "dead"))
    found: list[Any] = []
    async with asyncio.timeout(10):
        while (message := await queue.get(no_ack=True, fail=False)) or len(found) < least:
            found += [message] if message else []
    return found


async def test_an_obituary_is_a_small_persistent_cloud_event(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.bury(TOLD)
    await broker.bury(TOLD)
    first, second = await letters(admin, rabbitmq, 2)
    assert first.body == second.body
    assert first.message_id != second.message_id
    assert first.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert first.content_type == "application/cloudevents+json"
    event = json.loads(first.body)
    assert event.pop("data") == TOLD.model_dump(exclude={"number"})
    assert event == {
        "specversion": "1.0", "source": "prelo", "type": "prelo.obituary", "subject": TOLD.job_id,
        "id": f"{TOLD.job_id}.2", "datacontenttype": "application/json",
    }  # fmt: skip


async def test_a_long_name_keeps_no_message_from_fitting(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    long = "𝄞" * 255
    await broker.bury(TOLD.model_copy(update={"tenant": long}))
    (letter,) = await letters(admin, rabbitmq, 1)
    assert len(letter.body) <= 1024
    assert "tenant" not in json.loads(letter.body)["data"]
    ringing = Bell(
        lane="small", job_id=TOLD.job_id, report="r" * 64, tenant=long, traceparent="t" * 255
    )
    await broker.ring(ringing)
    assert await taken(broker) == TOLD.job_id  # a longer one is no bell
    assert await letters(admin, rabbitmq) == []


async def test_there_is_one_letter_for_each_job_that_dies_and_none_for_other_ends(
    ports: Ports, rabbitmq: str, admin: AbstractConnection
):
    await ports.broker.check()
    dead = [await ports.store.move(await running(ports.store, n), give_up) for n in range(3)]
    await succeeded(ports.store, 7)
    assert await ports.store.move(await running(ports.store, 8), fail)
    assert await upkeep.bury(ports) == 3
    assert await upkeep.bury(ports) == 0
    found = [json.loads(letter.body)["data"] for letter in await letters(admin, rabbitmq, 3)]
    assert sorted(one["job_id"] for one in found) == sorted(job.id for job in dead if job)
    assert {(one["problem"], one["attempt"]) for one in found} == {("source-unavailable", 1)}
    assert not any("parameters" in one or "subject" in one for one in found)


async def test_a_broker_that_does_not_confirm_keeps_them_waiting_and_no_bell_from_ringing(
    ports: Ports, rabbitmq: str, admin: AbstractConnection
):
    """The exchange of dead letters is deleted under who publishes there, and made anew unbound."""
    await ports.broker.bury(TOLD)
    assert await ports.store.move(await running(ports.store, 1), give_up)
    channel = await admin.channel()
    await channel.exchange_delete(named(rabbitmq, "dead"))
    await channel.declare_exchange(named(rabbitmq, "dead"), "fanout", durable=True)
    with pytest.raises(Unavailable, match="no queue for a message"):
        await ports.broker.bury(TOLD)
    await ports.broker.ring(bell("rings"))
    assert await taken(ports.broker) == "rings"
    assert await upkeep.bury(ports) == 1  # the binding was made anew
    assert len(await letters(admin, rabbitmq, 2)) == 2


class Deaf:
    """A broker that confirms nothing of one kind."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def bury(self, obituary: Obituary) -> None:
        raise Unavailable(f"no confirm for {obituary.job_id}")


async def test_what_was_not_confirmed_is_handed_over_again(
    ports: Ports, rabbitmq: str, admin: AbstractConnection
):
    await ports.broker.check()
    dead = await ports.store.move(await running(ports.store, 1), give_up)
    assert dead is not None
    deaf: Any = Deaf(ports.broker)
    assert await upkeep.bury(replace(ports, broker=deaf)) == 0
    assert await letters(admin, rabbitmq) == []
    await ports.store.submit(draft(2))
    assert await upkeep.relay(replace(ports, broker=deaf)) > 0
    assert await ports.broker.take(LANES, 5)
    assert (await claimed(ports.store)).id != dead.id
    assert await upkeep.bury(ports) == 1
    assert len(await letters(admin, rabbitmq, 1)) == 1
