"""What only a broker on RabbitMQ can show: what it makes there, and what it does when that is disturbed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection

from prelo.adapters.broker_rabbitmq import RabbitmqBroker
from prelo.core.errors import Misconfigured, Unavailable
from prelo.ports import LANES, Bell
from tests.contracts.broker_cases import bell, hears, ringing, taken


@pytest.fixture
async def brokers(rabbitmq: str) -> AsyncIterator[Callable[[], RabbitmqBroker]]:
    """Processes' brokers on the same queues."""
    made: list[RabbitmqBroker] = []

    def make() -> RabbitmqBroker:
        made.append(RabbitmqBroker(rabbitmq))
        return made[-1]

    yield make
    for broker in made:
        await broker.close()


@pytest.fixture
async def broker(brokers: Callable[[], RabbitmqBroker]) -> RabbitmqBroker:
    return brokers()


@pytest.fixture
async def admin(rabbitmq_url: str, rabbitmq: str) -> AsyncIterator[AbstractConnection]:
    """A connection that is not the product's. `rabbitmq` asks for the server to be up."""
    async with await aio_pika.connect(rabbitmq_url, timeout=10) as connection:
        yield connection


def named(rabbitmq: str, rest: str) -> str:
    """A queue or exchange of the broker under test."""
    return f"{rabbitmq.rpartition('=')[2]}.{rest}"


async def test_what_is_no_bell_goes_to_the_dead_letters_and_the_rest_goes_on(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.check()  # all is declared
    channel = await admin.channel(on_return_raises=True)
    work = await channel.get_exchange(named(rabbitmq, "work"))
    bad = [
        b"no json", b"[1]", b'{"type": "prelo.bell"}', b"\xff", b"[" * 900, b" " * 2000,
        b'{"type": "other", "data": {"lane": "small", "job_id": "x"}}',
        b'{"type": "prelo.bell", "data": {"lane": "large", "job_id": "in the wrong queue"}}',
    ]  # fmt: skip
    for body in bad:
        await work.publish(aio_pika.Message(body, delivery_mode=2), "small")
    await broker.ring(bell("good"))
    assert await taken(broker) == "good"
    dead = await (await admin.channel()).get_queue(named(rabbitmq, "dead"))
    found = [await dead.get(timeout=5, fail=False) for _ in bad]
    assert [message.body for message in found if message] == bad
    deaths: list[Any] = [message.headers["x-death"] for message in found if message]
    assert {death[0]["reason"] for death in deaths} == {
        "rejected"
    }  # at once, not after many rounds


async def test_a_newer_versions_bell_is_understood(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.check()
    work = await (await admin.channel()).get_exchange(named(rabbitmq, "work"))
    body = b'{"type": "prelo.bell", "new": 1, "data": {"lane": "small", "job_id": "n", "new": 2}}'
    await work.publish(aio_pika.Message(body), "small")
    assert await taken(broker) == "n"


async def test_a_bell_is_a_small_persistent_cloud_event(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    job = Bell(lane="small", job_id="0" * 36, number=2**62)
    await broker.ring(job)
    await broker.ring(job)
    queue = await (await admin.channel()).get_queue(named(rabbitmq, "work.small"))
    first, second = [await queue.get(no_ack=True) for _ in range(2)]
    assert first.message_id != second.message_id
    assert first.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert first.content_type == "application/cloudevents+json"
    assert len(first.body) < 1024


async def test_a_busy_worker_keeps_no_bell_from_an_idle_one(
    brokers: Callable[[], RabbitmqBroker],
):
    busy, idle, ringer = brokers(), brokers(), brokers()
    await ringer.ring(bell("its work"))
    found = await busy.take(LANES, 10)
    for number in range(5):
        await ringer.ring(bell(str(number)))
    assert found is not None
    await busy.ack(found)  # and now it works, and takes nothing
    for lane in LANES:
        await ringer.ring(bell(f"{lane} 5", lane))
    async with asyncio.timeout(4):  # less than a bell is kept in a hand
        assert [await taken(idle) for _ in range(6)] == ["0", "1", "2", "3", "4", "small 5"]
        for lane in LANES[1:]:
            other = await idle.take([lane], 4)
            assert other is not None


async def test_a_bell_in_the_hand_of_a_worker_that_ends_comes_to_another(
    brokers: Callable[[], RabbitmqBroker],
):
    first, second = brokers(), brokers()
    await second.ring(bell("a"))
    found = await first.take(["small"], 10)
    assert found is not None
    assert await taken(second, 0.3) is None
    await first.close()
    assert await taken(second) == "a"


async def test_a_bell_that_was_acknowledged_just_before_the_end_does_not_come_again(
    brokers: Callable[[], RabbitmqBroker],
):
    first, second = brokers(), brokers()
    await second.ring(bell("a"))
    assert await taken(first) == "a"
    await first.close()
    assert await taken(second, 0.5) is None


async def test_a_bell_that_nobody_acknowledges_is_not_kept_for_ever(
    brokers: Callable[[], RabbitmqBroker], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.broker_rabbitmq.hearing._KEPT_SECONDS", 0.4)
    first, second = brokers(), brokers()
    await first.ring(bell("a"))
    assert await first.take(["small"], 10) is not None  # and its claim failed: no acknowledgement
    await asyncio.sleep(0.6)
    await first.close()  # whatever is unacknowledged now comes again
    assert await taken(second, 0.5) is None


async def consumers(admin: AbstractConnection, name: str) -> int:
    found = await (await admin.channel()).declare_queue(name, passive=True)
    return found.declaration_result.consumer_count or 0


async def test_it_consumes_only_while_somebody_takes(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    async def until(count: int) -> None:
        async with asyncio.timeout(5):
            while await consumers(admin, named(rabbitmq, "work.small")) != count:
                await asyncio.sleep(0.02)

    assert await taken(broker, 0.5) is None
    await until(0)
    taking = asyncio.create_task(broker.take(LANES, 30))
    await until(1)
    taking.cancel()
    await until(0)


async def test_a_queue_deleted_under_its_consumer_comes_back(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.ring(bell("before"))
    assert await taken(broker) == "before"
    taking = asyncio.create_task(hears(broker, "after"))
    await asyncio.sleep(0.2)
    name = named(rabbitmq, "work.small")
    gone = await (await admin.channel()).queue_delete(name)
    assert gone.message_count == 0
    errors = await ringing(broker, "after")
    await taking
    assert all("no queue for a message" in error.detail for error in errors)


async def test_a_message_that_no_queue_wants_is_an_error_and_the_binding_comes_back(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.ring(bell("before"))
    queue = await (await admin.channel()).get_queue(named(rabbitmq, "work.small"))
    await queue.unbind(named(rabbitmq, "work"), "small")
    with pytest.raises(Unavailable, match="no queue for a message"):
        await broker.ring(bell("lost"))
    await broker.ring(bell("after"))
    assert [await taken(broker), await taken(broker)] == ["before", "after"]


async def test_queues_that_somebody_has_made_and_not_yet_bound_are_bound(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await broker.check()
    queue = await (await admin.channel()).get_queue(named(rabbitmq, "work.small"))
    await queue.unbind(named(rabbitmq, "work"), "small")
    await broker.ring(bell("first"))
    assert await taken(broker) == "first"


async def test_a_queue_of_another_kind_is_told(
    broker: RabbitmqBroker, rabbitmq: str, admin: AbstractConnection
):
    await (await admin.channel()).declare_queue(named(rabbitmq, "work.large"), durable=True)
    with pytest.raises(Misconfigured, match=r"another form .*work\.large.*delete it there"):
        await broker.check()


@pytest.mark.parametrize(
    "url", ["amqp://", "amqp:///x", "amqp://user:secret@host:99999/", "amqp://user:secret@[::1/"]
)
def test_what_is_no_address_is_told_without_the_secret(url: str):
    with pytest.raises(Misconfigured, match="PRELO_BROKER is no address of RabbitMQ") as found:
        RabbitmqBroker(url)
    assert "secret" not in str(found.value)
    assert found.value.__cause__ is None


async def test_the_watchdog_builds_anew_what_the_server_does_not_know(
    broker: RabbitmqBroker,
    rabbitmq: str,
    admin: AbstractConnection,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("prelo.adapters.broker_rabbitmq.hearing._WATCH_SECONDS", 0.2)
    taking = asyncio.create_task(hears(broker, "a"))
    # No server forgets a consumer when it is asked to: the test does it on the product's own channel.
    hands = broker._hearer._hands  # pyright: ignore[reportPrivateUsage]
    async with asyncio.timeout(5):
        while not any(hand.lane == "small" and hand.tag for hand in hands):
            await asyncio.sleep(0.01)
    lost = next(hand for hand in hands if hand.lane == "small")
    await lost.queue.cancel(lost.tag)  # as if the server had forgotten it, and said nothing
    await broker.ring(bell("a"))
    await taking
    assert lost not in hands
