"""Listeners to server-sent events, read as a browser does."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Door


async def stream(
    http: httpx.AsyncClient, job_id: str, **headers: str
) -> AsyncIterator[dict[str, Any]]:
    """Events as a browser reads them: `id` is that of the last event that had one."""
    async with http.stream("GET", f"/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == 200
        event: dict[str, Any] = {}
        last = ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                last = value
            if name in {"event", "data"}:
                event[name] = value
            if not line and event:
                yield {"event": event["event"], "id": last, "data": json.loads(event["data"])}
                event = {}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow looks that are quick."""
    monkeypatch.setattr("prelo.app.live.LOOK", 0.1)


async def test_events_are_told_once_and_a_progress_is_only_the_newest(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.live.LOOK", 60)
    job_id = await door.asked()
    async with door.served() as http:
        events = aiter(stream(http, job_id))
        found = [await anext(events)]
        job = await door.hand.begin()
        found.append(await anext(events))
        await door.hand.progress(job, 10)
        found.append(await anext(events))
        await door.hand.finish(job)
        found += [event async for event in events]
    assert [event["event"] for event in found] == ["state", "state", "progress", "end"]
    assert [event["data"]["state"] for event in found] == [
        "queued", "running", "running", "succeeded",
    ]  # fmt: skip
    assert found[2]["id"] == found[1]["id"], (
        "progress has no id: who comes back asks for the newest"
    )
    assert re.fullmatch(r"0\.1\.\d+", found[3]["id"])


async def test_who_comes_back_is_told_what_is_new_and_nothing_twice(door: Door):
    job_id = await door.asked()
    async with door.served() as http:
        queued = await anext(aiter(stream(http, job_id)))
        job = await door.hand.begin()
        running = await anext(aiter(stream(http, job_id, **{"Last-Event-ID": queued["id"]})))
        await door.hand.progress(job, 7)
        again = await anext(aiter(stream(http, job_id, **{"Last-Event-ID": running["id"]})))
        await door.hand.finish(job)
        ends = [e async for e in stream(http, job_id, **{"Last-Event-ID": running["id"]})]
        stay_away = await http.get(
            f"/v1/jobs/{job_id}/events", headers={"Last-Event-ID": ends[0]["id"]}
        )
    assert (running["event"], running["data"]["state"]) == ("state", "running")
    assert (again["event"], again["data"]["progress"]["rows"]) == ("progress", 7)
    assert [e["event"] for e in ends] == ["end"]
    assert stay_away.status_code == 204


async def test_an_id_that_is_not_ours_is_the_id_of_a_beginner(door: Door):
    job_id = await door.finished()
    for nonsense in ("", "1", "a.b.c", "9" * 400, "0.1.٣", "-1.0.0"):
        headers: Any = {"Last-Event-ID": nonsense.encode()}
        answer = await door.http.get(f"/v1/jobs/{job_id}/events", headers=headers)
        assert (answer.status_code, answer.text.count("event: end")) == (200, 1)


@pytest.mark.parametrize("wakes", [True, False])
async def test_a_stream_that_nobody_reads_is_ended_and_told_why(
    door: Door, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *, wakes: bool
):
    monkeypatch.setattr("prelo.entry.sockets._KERNEL", 4096)
    monkeypatch.setattr("prelo.entry.sockets._OURS", 4096)
    monkeypatch.setattr("prelo.entry.sockets._PATIENCE", 0.3)
    monkeypatch.setattr("prelo.entry.sockets._LINGER", 60 if wakes else 0.1)
    job_id = await door.asked()
    loop = asyncio.get_running_loop()
    async with door.served() as http:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.setblocking(False)
            await loop.sock_connect(deaf, (http.base_url.host, http.base_url.port))
            await loop.sock_sendall(
                deaf, f"GET /v1/jobs/{job_id}/events HTTP/1.1\r\nHost: prelo\r\n\r\n".encode()
            )
            assert await loop.sock_recv(deaf, 12) == b"HTTP/1.1 200"
            job = await door.hand.begin()
            async with asyncio.timeout(15):
                rows = 0
                while door.app.state.house.live._listeners:
                    rows += 1
                    await door.hand.progress(job, rows)
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.3)
            said = b""
            async with asyncio.timeout(5):
                while chunk := await loop.sock_recv(deaf, 65536):
                    said += chunk
    assert said.endswith(b"\r\n0\r\n\r\n") == wakes, "else it is cut, after a while"
    assert (b"\n: you do not read" in said) == wakes
    assert capfd.readouterr().err.count('"live.dropped"') == 1
