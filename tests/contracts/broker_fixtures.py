"""Servers of the brokers under test."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError

from prelo.ports import LANES
from tests.servers.rabbitmq import Rabbitmq


@pytest.fixture(scope="session")
def rabbitmq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbitmq]:
    """One of our own, for tests that do it harm. Whoever stops it starts it again."""
    server = Rabbitmq(tmp_path_factory.mktemp("rabbitmq") / "server")
    yield server
    server.close()


@pytest.fixture(scope="session")
def rabbitmq_url(request: pytest.FixtureRequest) -> str:
    """A virtual host where tests may declare what they like."""
    given = os.environ.get("TESTS_RABBITMQ")
    return given or request.getfixturevalue("rabbitmq_server").url


@pytest.fixture
def rabbitmq(rabbitmq_url: str) -> Iterator[str]:
    """The URL of exchanges and queues of the test's own; they are gone after it."""
    prefix = f"t{secrets.token_hex(4)}"
    yield f"{rabbitmq_url}{'&' if '?' in rabbitmq_url else '?'}prefix={prefix}"
    with ThreadPoolExecutor(1) as aside:  # whoever asks may have a loop of its own
        aside.submit(lambda: asyncio.run(removed(rabbitmq_url, prefix))).result()


async def removed(url: str, prefix: str) -> None:
    """Delete what a broker with this prefix has declared."""
    async with await aio_pika.connect(url, timeout=10) as connection:
        for name in (*(f"{prefix}.work.{lane}" for lane in LANES), f"{prefix}.dead"):
            with suppress(AMQPError):
                await (await connection.channel()).queue_delete(name)
        for name in (f"{prefix}.work", f"{prefix}.dead"):
            with suppress(AMQPError):
                await (await connection.channel()).exchange_delete(name)
