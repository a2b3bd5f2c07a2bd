"""Start the servers once, and run a command that finds their addresses in its environment."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aio_pika
import psycopg
import pytest
import redis
from aio_pika.exceptions import AMQPError

from tests.servers.postgresql import Postgresql
from tests.servers.rabbitmq import Rabbitmq
from tests.servers.redis import Redis
from tests.servers.run import listens
from tests.servers.s3 import Moto, Radosgw


@dataclass(frozen=True)
class Started:
    """A server that runs: its address, and how it ends."""

    url: str
    end: Callable[[], None]


def _postgresql(_: Path) -> Started:
    server = Postgresql()
    return Started(server.url, server.close)


def _rabbitmq(folder: Path) -> Started:
    server = Rabbitmq(folder)
    return Started(server.url, server.close)


def _redis(folder: Path) -> Started:
    server = Redis(folder)
    return Started(server.url, server.stop)


def _s3(kind: type[Moto] | type[Radosgw], folder: Path) -> Started:
    server = kind(folder)
    return Started(server.endpoint, server.stop)


def _postgresql_answers(url: str) -> bool:
    with suppress(psycopg.Error):
        psycopg.connect(url, connect_timeout=2).close()
        return True
    return False


def _rabbitmq_answers(url: str) -> bool:
    async def ask() -> None:
        await (await aio_pika.connect(url, timeout=2)).close()

    with suppress(AMQPError, OSError, TimeoutError):
        asyncio.run(ask())
        return True
    return False


def _redis_answers(url: str) -> bool:
    with suppress(redis.RedisError), redis.from_url(url, socket_timeout=2) as client:
        return bool(client.ping())
    return False


STARTS: dict[str, Callable[[Path], Started]] = {
    "POSTGRESQL": _postgresql,
    "RABBITMQ": _rabbitmq,
    "REDIS": _redis,
    "MOTO": partial(_s3, Moto),
    "RADOSGW": partial(_s3, Radosgw),
}
# What answers where everybody expects it is used; the tests keep to names of their own there.
STANDARD: dict[str, tuple[str, Callable[[str], bool]]] = {
    "POSTGRESQL": ("postgresql://postgres@127.0.0.1:5432/postgres", _postgresql_answers),
    "RABBITMQ": ("amqp://guest:guest@127.0.0.1:5672/%2F", _rabbitmq_answers),
    "REDIS": ("redis://127.0.0.1:6379", _redis_answers),
}


def main(command: list[str]) -> int:
    """The command's exit code. A server that is not installed is left to the tests, which say so."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prelo-servers-")))
        missing = [name for name in STARTS if f"TESTS_{name}" not in os.environ]
        with ThreadPoolExecutor(len(STARTS)) as aside:
            found = aside.map(partial(_found, folder, stack), missing)
            urls = {f"TESTS_{n}": url for n, url in zip(missing, found, strict=True) if url}
        # Ctrl-C is the command's, which does not inherit this. Whoever ends us ends it, so that nobody stays.
        signal.signal(signal.SIGINT, _leave)
        with subprocess.Popen(command, env={**os.environ, **urls}) as running:
            signal.signal(signal.SIGTERM, lambda number, _: running.send_signal(number))
            return running.wait()


def _leave(number: int, frame: object) -> None:
    """It is somebody else's."""


def _found(folder: Path, stack: ExitStack, name: str) -> str | None:
    if name in STANDARD:
        url, answers = STANDARD[name]
        if listens(urlsplit(url).port or 0) and answers(url):
            return url
    with suppress(pytest.skip.Exception, pytest.fail.Exception):
        started = STARTS[name](folder / name.lower())
        stack.callback(started.end)
        return started.url
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
