"""A broker on RabbitMQ on its server's bad days."""

import asyncio
import signal
from pathlib import Path

import pytest

from prelo.adapters.broker_rabbitmq import RabbitmqBroker
from prelo.core.errors import Misconfigured, PreloError, Unavailable
from prelo.ports import LANES
from tests.contracts.broker_cases import bell, hears, ringing, taken
from tests.servers.certificates import certify
from tests.servers.rabbitmq import PASSWORD, USER, VIRTUAL_HOST, Rabbitmq

pytestmark = pytest.mark.timeout(180)  # a server starts slowly on a busy machine


@pytest.fixture
def own(rabbitmq_server: Rabbitmq) -> str:
    return f"{rabbitmq_server.url}?prefix=own"


async def connections(server: Rabbitmq) -> set[str]:
    """As the server knows them."""
    said = await asyncio.to_thread(server.rabbitmqctl, "list_connections", "pid")
    return {word for word in said.split() if word.startswith("<")}


async def test_a_stopped_server_starts_again_under_a_taker_and_a_ringer(
    rabbitmq_server: Rabbitmq, own: str
):
    broker = RabbitmqBroker(own)
    await broker.ring(bell("before"))
    assert await taken(broker) == "before"
    taking = asyncio.create_task(hears(broker, "after", 120))
    rabbitmq_server.kill()
    try:
        with pytest.raises(Unavailable, match=r"RabbitMQ at 127\.0\.0\.1:\d+ cannot be reached"):
            async with asyncio.timeout(6):
                await broker.ring(bell("lost"))
        with pytest.raises(Unavailable, match="cannot be reached"):
            await broker.check()
        began = asyncio.get_running_loop().time()
        assert await broker.take(["large"], 0.2) is None
        assert asyncio.get_running_loop().time() - began < 1
        assert not taking.done()
    finally:
        await asyncio.to_thread(rabbitmq_server.start)
    await ringing(broker, "after")
    await taking
    await broker.check()
    await broker.close()


async def test_all_connections_closed_by_the_server_are_opened_again(
    rabbitmq_server: Rabbitmq, own: str
):
    broker = RabbitmqBroker(own)
    await broker.ring(bell("before"))
    assert await taken(broker) == "before"
    taking = asyncio.create_task(hears(broker, "after"))
    before = await connections(rabbitmq_server)
    assert len(before) >= 2
    await asyncio.to_thread(
        rabbitmq_server.rabbitmqctl, "close_all_connections", "--vhost", VIRTUAL_HOST, "a test"
    )
    async with asyncio.timeout(20):
        while before & await connections(rabbitmq_server):
            pass
    await ringing(broker, "after")
    await taking
    await broker.close()


async def test_a_full_queue_refuses_bells_until_it_has_room(rabbitmq_server: Rabbitmq, own: str):
    broker = RabbitmqBroker(f"{own}-full")
    await broker.ring(bell("0"))
    ctl = rabbitmq_server.rabbitmqctl
    await asyncio.to_thread(
        ctl, "set_policy", "-p", VIRTUAL_HOST, "--apply-to", "queues", "full", "^own-full",
        '{"max-length": 10}',
    )  # fmt: skip
    errors: list[PreloError] = []
    async with asyncio.timeout(20):  # the limit is a soft one: some more are let in
        while not errors:
            try:
                await broker.ring(bell("more"))
            except PreloError as error:
                errors.append(error)
    assert "refused a message: the queue is full" in errors[0].detail
    hearing = asyncio.create_task(hears(broker, "after"))
    await ringing(broker, "after")
    await hearing
    await broker.close()


async def test_a_server_short_of_memory_is_told_at_once_and_works_again_afterwards(
    rabbitmq_server: Rabbitmq, own: str
):
    ringer, taker = RabbitmqBroker(own), RabbitmqBroker(own)
    await ringer.ring(bell("before"))
    assert await taken(taker) == "before"
    ctl = rabbitmq_server.rabbitmqctl
    await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", "0")
    try:
        assert "memory" in await asyncio.to_thread(ctl, "eval", "rabbit_alarm:get_alarms().")
        loop = asyncio.get_running_loop()
        for most in (2, 0.1):  # the first has to learn it
            began = loop.time()
            with pytest.raises(Unavailable, match="short of memory or disk"):
                await ringer.ring(bell("refused"))
            assert loop.time() - began < most
        with pytest.raises(Unavailable, match="short of memory or disk"):
            await ringer.check()
        assert await taken(taker, 0.3) is None
    finally:
        await asyncio.to_thread(ctl, "set_vm_memory_high_watermark", "absolute", "1GB")
    await ringing(ringer, "after")
    await hears(taker, "after")  # "refused" was on the way, and may come, too
    await ringer.close()
    await taker.close()


async def test_a_server_that_does_not_answer_costs_seconds_and_a_sentence(
    rabbitmq_server: Rabbitmq, own: str
):
    broker = RabbitmqBroker(own)
    await broker.ring(bell("before"))
    assert await taken(broker) == "before"
    rabbitmq_server.tell(signal.SIGSTOP)
    try:
        async with asyncio.timeout(6):
            said = await asyncio.gather(
                broker.ring(bell("lost")), broker.check(), return_exceptions=True
            )
        assert [type(error) for error in said] == [Unavailable, Unavailable]
        assert all("does not answer" in str(error) for error in said)
    finally:
        rabbitmq_server.tell(signal.SIGCONT)
    await ringing(broker, "after")
    await hears(broker, "after")
    await broker.close()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"password": "a-wrong-secret"}, "name or password is wrong"),
        ({"virtual_host": "nowhere"}, "no virtual host 'nowhere'"),
    ],
    ids=["password", "virtual host"],
)
async def test_a_wrong_address_is_told_without_the_secret(
    rabbitmq_server: Rabbitmq, wrong: dict[str, str], sentence: str
):
    broker = RabbitmqBroker(rabbitmq_server.of(**wrong))
    with pytest.raises(Misconfigured, match=sentence) as found:
        await broker.check()
    with pytest.raises(Unavailable, match=sentence) as rung:
        await broker.ring(bell("a"))
    assert await broker.take(LANES, 0.1) is None
    for said in (found.value, rung.value):
        assert f"127.0.0.1:{rabbitmq_server.port}" in said.detail
        assert "a-wrong-secret" not in said.detail
        assert PASSWORD not in said.detail
    await broker.close()


@pytest.mark.parametrize("writes", [".*", r"^own\.(work|dead)$"], ids=["all", "no queues"])
async def test_a_user_that_may_not_make_queues_works_with_those_that_are_there(
    rabbitmq_server: Rabbitmq, own: str, writes: str
):
    ctl = rabbitmq_server.rabbitmqctl
    await asyncio.to_thread(ctl, "add_user", "guarded", "secret")
    await asyncio.to_thread(
        ctl, "set_permissions", "-p", VIRTUAL_HOST, "guarded", "^$", writes, ".*"
    )
    url = own.replace(f"{USER}:{PASSWORD}", "guarded:secret")
    made, guarded, early = RabbitmqBroker(own), RabbitmqBroker(url), RabbitmqBroker(f"{url}-none")
    await made.check()
    await guarded.check()
    hearing = asyncio.create_task(hears(guarded, "a"))
    await guarded.ring(bell("a"))
    await hearing
    with pytest.raises(Misconfigured, match=r"no permission for 'own-none\.work'") as found:
        await early.check()
    assert "secret" not in found.value.detail
    for broker in (made, guarded, early):
        await broker.close()
    await asyncio.to_thread(ctl, "delete_user", "guarded")


async def test_over_tls_only_a_server_with_a_trusted_certificate_is_spoken_with(tmp_path: Path):
    trusted = certify(tmp_path)
    server = await asyncio.to_thread(Rabbitmq, tmp_path, tls=True)
    try:
        url = server.url.replace("amqp://", "amqps://")
        for wrong, reason in (
            (url, "CERTIFICATE_VERIFY_FAILED"),
            (server.url, "cannot be reached"),
        ):
            stranger = RabbitmqBroker(wrong)
            with pytest.raises(Unavailable, match=reason):
                await stranger.ring(bell("a"))
            await stranger.close()
        broker = RabbitmqBroker(f"{url}?cafile={trusted}")
        await broker.check()
        await broker.ring(bell("a"))
        assert await taken(broker) == "a"
        await broker.close()
    finally:
        server.close()
