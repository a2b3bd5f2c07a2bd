"""Many listeners at once: each sees every end, those who do not read are sent away, and memory stays."""

import asyncio
import contextlib
import functools
import json
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from tests.e2e.conftest import Door
from tests.e2e.serving import serving
from tests.faults.plant import long

REPORTS = """
name: some
source: {query: "select 1 as n union all select 2"}
parameters: {k: {type: integer}}
"""
Ends = dict[str, str]


class Follower(asyncio.Protocol):
    """Follows everything on a WebSocket until so many jobs have ended. No library's, of which a thousand
    clients are as much work as the server that they listen to.
    """

    def __init__(self, count: int, ready: Callable[[], None]) -> None:
        self.count, self.ready = count, ready
        self.ends: Ends = {}
        self.done: asyncio.Future[Ends] = asyncio.get_running_loop().create_future()
        self.rest = b""
        self.accepted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(
            b"GET /v1/live HTTP/1.1\r\nHost: prelo\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )

    def data_received(self, data: bytes) -> None:
        self.rest += data
        if not self.accepted:
            head, found, rest = self.rest.partition(b"\r\n\r\n")
            if not found:
                return
            assert b" 101 " in head, head
            self.accepted, self.rest = True, rest
            self.say(Opcode.TEXT, b'{"type":"subscribe","all":true}')
        start = 0
        while (frame := frame_at(self.rest, start)) is not None:
            first, text, start = frame
            self.heard(first, text)
        self.rest = self.rest[start:]

    def heard(self, first: int, text: bytes) -> None:
        if first == 0x80 | Opcode.PING:
            self.say(Opcode.PONG, text)
        elif first != 0x80 | Opcode.TEXT:
            self.connection_lost(AssertionError(f"a frame of another kind: {first:x} {text}"))
        elif text.startswith(b'{"type":"end"'):
            job_id, state = end_of(text)
            assert job_id not in self.ends, "told twice"
            self.ends[job_id] = state
            if len(self.ends) == self.count:
                self.done.set_result(self.ends)
                self.transport.close()
        elif b'"subscribed"' in text:
            self.ready()

    def say(self, kind: Opcode, text: bytes) -> None:
        self.transport.write(Frame(kind, text).serialize(mask=True))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or AssertionError("the server left before every job ended"))


def frame_at(data: bytes, start: int) -> tuple[int, bytes, int] | None:
    """Its first byte, its content and where it ends; None while it is not there as a whole."""
    if len(data) < start + 2:
        return None
    size, begin = data[start + 1], start + 2
    if size >= 126:
        begin += 2 if size == 126 else 8
        size = int.from_bytes(data[start + 2 : begin], "big")
    end = begin + size
    return (data[start], data[begin:end], end) if len(data) >= end else None


@functools.lru_cache(maxsize=1000)
def end_of(text: bytes) -> tuple[str, str]:
    """Which job, and how it ended: read once for all who were told the same."""
    job = json.loads(text)["job"]
    return job["id"], job["state"]


class Crowd:
    """Listeners at one server. Each collects the ends that it is told of."""

    def __init__(self, port: int, all_left: Callable[[], bool]) -> None:
        self.port = port
        self.all_left = all_left
        self.ready = 0
        self.dropped: list[int] = []

    async def on_a_socket(self, count: int) -> Ends:
        loop = asyncio.get_running_loop()
        _, line = await loop.create_connection(
            lambda: Follower(count, self.one_more), "127.0.0.1", self.port
        )
        return await line.done

    def one_more(self) -> None:
        self.ready += 1

    async def on_a_stream(self, job_id: str) -> Ends:
        """Follows one job, by server-sent events."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: prelo\r\n\r\n".encode())
        assert b"200 OK" in await reader.readline()
        name = ""
        async for line in reader:
            text = line.decode().strip()
            self.ready += text == "retry: 2000"
            name = text.removeprefix("event: ") if text.startswith("event: ") else name
            if text.startswith("data: ") and name == "end":
                writer.close()
                return {job_id: json.loads(text.removeprefix("data: "))["state"]}
        raise AssertionError("the stream ended before its job did")

    async def asleep(self) -> None:
        """Follows everything, and does not read; until it is sent away."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.port))
        url = f"ws://127.0.0.1:{self.port}/v1/live"
        async with connect(url, sock=line, proxy=None, max_queue=1, ping_interval=None) as told:
            await told.send('{"type":"subscribe","all":true}')
            for _ in range(100):  # more answers than lie on the way
                await told.send('{"type":"replay","limit":1000}')
            self.ready += 1
            await self.woken.wait()
            with contextlib.suppress(ConnectionClosed):
                async for _ in told:
                    pass
            self.dropped += [told.close_code or 0]

    async def listen(
        self, count: int, sockets: int, asleep: int, streams: Sequence[str], ready: asyncio.Event
    ) -> list[Ends]:
        """All of them, until so many jobs have ended."""
        self.woken = asyncio.Event()
        sleeping = [asyncio.create_task(self.asleep()) for _ in range(asleep)]
        waiting = [asyncio.create_task(self.on_a_socket(count)) for _ in range(sockets)]
        waiting += [asyncio.create_task(self.on_a_stream(job_id)) for job_id in streams]
        while self.ready < len(waiting) + asleep:
            await asyncio.sleep(0.01)
            for task in waiting:
                if task.done():
                    task.result()
        ready.set()
        found = await asyncio.gather(*waiting)
        while not self.all_left():
            await asyncio.sleep(0.05)
        self.woken.set()
        await asyncio.gather(*sleeping)
        return found


async def test_a_hundred_on_sockets_and_a_hundred_on_streams_see_every_end(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.sockets._KERNEL", 4096)
    monkeypatch.setattr("prelo.entry.sockets._OURS", 4096)
    monkeypatch.setattr("prelo.entry.sockets._LINGER", 60)
    monkeypatch.setattr("prelo.entry.sockets._PATIENCE", 0.5)
    ids = [await door.asked(f"2026-01-{day:02}") for day in range(1, 21)]
    ready = asyncio.Event()
    async with asyncio.timeout(60), door.served() as http:
        crowd = Crowd(http.base_url.port or 0, lambda: not door.app.state.house.live._listeners)
        listening = asyncio.create_task(crowd.listen(20, 100, 3, ids * 5, ready))
        await ready.wait()
        for _ in ids:
            job = await door.hand.begin()
            await door.hand.progress(job, 100)
            await door.hand.finish(job)
        found = await listening
    everything = dict.fromkeys(ids, "succeeded")
    assert found[:100] == [everything] * 100
    assert found[100:] == [{ids[n % 20]: "succeeded"} for n in range(100)]
    assert crowd.dropped == [1013] * 3


@long
@pytest.mark.timeout(900)
async def test_a_thousand_on_sockets_and_a_thousand_on_streams_see_every_end_in_flat_memory(
    tmp_path: Path,
):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/some.yaml").write_text(REPORTS)
    rounds: list[float] = []
    with serving(tmp_path) as server:
        process = psutil.Process(server.pid)
        print(f"at first {process.memory_info().rss / 1e6:.0f} MB")
        for start in range(0, 200, 100):
            begun = time.monotonic()
            async with asyncio.timeout(400):
                asleep = 5 * (start // 100 + 1)
                await a_round(
                    str(server.http.base_url),
                    start,
                    lambda asleep=asleep: server.log.count('"live.dropped"') == asleep,
                )
            rounds.append(process.memory_info().rss / 1e6)
            spent = sum(process.cpu_times()[:2])
            print(f"{time.monotonic() - begun:.1f} s, {rounds[-1]:.0f} MB, {spent:.1f} s of CPU")
    assert rounds[-1] < rounds[0] + 40, rounds


async def a_round(url: str, start: int, all_left: Callable[[], bool]) -> None:
    """A hundred jobs, and two thousand who follow them."""
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
        crowd, ready = Crowd(http.base_url.port or 0, all_left), asyncio.Event()
        listening = asyncio.create_task(crowd.listen(100, 1000, 5, (), ready))
        await ready.wait()
        ids: list[str] = []
        streams: list[asyncio.Task[Ends]] = []
        for k in range(start, start + 100):
            body = {"report": "some", "format": "csv", "parameters": {"k": k}}
            ids.append((await http.post("/v1/jobs", json=body)).json()["id"])
            streams += [asyncio.create_task(crowd.on_a_stream(ids[-1])) for _ in range(10)]
        for found in await listening:
            assert found == dict.fromkeys(ids, "succeeded")
        for job_id, found in zip((i for i in ids for _ in range(10)), streams, strict=True):
            assert await found == {job_id: "succeeded"}
