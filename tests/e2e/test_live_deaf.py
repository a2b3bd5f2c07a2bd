"""Connections that nobody reads are cut, whatever uvicorn waits for."""

import asyncio
import socket
from contextlib import suppress

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from prelo.entry.sockets import Sockets
from tests.e2e.conftest import Door
from tests.e2e.test_graphql_live import line
from tests.e2e.test_live import opened


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prelo.entry.sockets._KERNEL", 4096)
    monkeypatch.setattr("prelo.entry.sockets._LINGER", 0.1)


async def deaf(http: httpx.AsyncClient) -> socket.socket:
    """One in which little waits for its reader."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    where = (http.base_url.host, http.base_url.port)
    await asyncio.get_running_loop().sock_connect(made, where)
    return made


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Sockets]:
    """The server's ends of the connections."""
    found: list[Sockets] = []
    made = Sockets.connection_made

    def seen(self: Sockets, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        found.append(self)

    monkeypatch.setattr(Sockets, "connection_made", seen)
    return found


async def test_one_who_asks_by_graphql_and_does_not_read(
    door: Door,
    lines: list[Sockets],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr("prelo.entry.sockets._OURS", 4096)
    monkeypatch.setattr("prelo.entry.sockets._PATIENCE", 0.3)
    async with door.served() as http, line(http, sock=await deaf(http), max_queue=1) as asking:
        async with asyncio.timeout(10):
            while not lines[0].disconnected:
                with suppress(TimeoutError, ConnectionClosed):
                    async with asyncio.timeout(0.05):
                        await asking.say(type="ping")  # each is answered by a pong
                await asyncio.sleep(0)
        asking.socket.transport.abort()
    assert capfd.readouterr().err.count('"live.dropped"') == 1


async def test_one_who_answers_no_ping_though_something_waits_for_it(
    door: Door, lines: list[Sockets]
):
    async with (
        door.served() as http,
        opened(http, sock=await deaf(http), max_queue=1, ping_interval=None) as slow,
    ):
        await slow.next("hello")
        slow.connection.transport.pause_reading()
        for _ in range(60):  # more than the kernel holds, and less than a writer waits for
            lines[0].transport.write(bytes((0x81, 126, 0x02, 0x00)) + b" " * 512)
        assert 0 < lines[0].transport.get_write_buffer_size() < 64 * 1024
        lines[0].ping_timeout = 0.2
        lines[0].send_keepalive_ping()  # as it does every 20 s
        async with asyncio.timeout(5):
            while not lines[0].disconnected:
                await asyncio.sleep(0.05)
        slow.connection.transport.abort()
