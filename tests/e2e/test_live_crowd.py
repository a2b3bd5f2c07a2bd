"""Many listeners at once: each sees every end, those who do not read are sent away, and memory stays."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.e2e.conftest import Door
from tests.e2e.serving import serving
from tests.faults.plant import long

REPORTS = """
name: some
source: {query: "select 1 as n union all select 2"}
parameters: {k: {type: integer}}
"""
Ends = dict[str, str]


class Crowd:
    """Listeners at one server. Each collects the ends that it is told of."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ready = 0
        self.dropped: list[int] = []

    async def on_a_socket(self, count: int) -> Ends:
        """Follows everything until so many jobs have ended."""
        ends: Ends = {}
        url = f"ws://127.0.0.1:{self.port}/v1/live"
        async with connect(url, proxy=None, open_timeout=60, compression=None) as line:
            await line.send('{"type":"subscribe","all":true}')
            while len(ends) < count:
                text = await line.recv(decode=False)
                self.ready += b'"subscribed"' in text
                if text.startswith(b'{"type":"end"'):
                    told = json.loads(text)
                    assert told["job"]["id"] not in ends, "told twice"
                    ends[told["job"]["id"]] = told["job"]["state"]
        return ends

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
        self.woken.set()
        await asyncio.gather(*sleeping)
        return found


async def test_a_hundred_on_sockets_and_a_hundred_on_streams_see_every_end(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.sockets._KERNEL", 4096)
    monkeypatch.setattr("prelo.entry.sockets._OURS", 4096)
    monkeypatch.setattr("prelo.entry.sockets._LINGER", 60)
    monkeypatch.setattr("prelo.entry.api.sockets._PATIENCE", 0.5)
    ids = [await door.asked(f"2026-01-{day:02}") for day in range(1, 21)]
    ready = asyncio.Event()
    async with asyncio.timeout(60), door.served() as http:
        crowd = Crowd(http.base_url.port or 0)
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
        for start in range(0, 200, 100):
            begun = time.monotonic()
            async with asyncio.timeout(400):
                await a_round(str(server.http.base_url), start)
            print(f"{time.monotonic() - begun:.1f} s")
            rounds.append(process.memory_info().rss / 1e6)
        print(rounds)
        assert '"live.dropped"' in server.log
    assert rounds[-1] < rounds[0] + 40, rounds


async def a_round(url: str, start: int) -> None:
    """A hundred jobs, and two thousand who follow them."""
    async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
        crowd, ready = Crowd(http.base_url.port or 0), asyncio.Event()
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
