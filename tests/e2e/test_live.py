"""Listeners on WebSockets, by a client that is not ours."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from prelo.core.errors import Invalid, QueryFailed
from prelo.core.request import Caller
from prelo.entry.api import rights
from tests.e2e.conftest import Door
from tests.e2e.test_live_streams import stream

NOBODY = "00000000-0000-8000-8000-000000000000"


def said(**message: Any) -> str:
    return json.dumps(message)


class Socket:
    """A WebSocket and what came over it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def send(self, **message: Any) -> None:
        await self.connection.send(said(**message))

    async def next(self, *kinds: str) -> dict[str, Any]:
        """The next message of these kinds; others are passed over, and kept in `heard`."""
        async with asyncio.timeout(10):
            while True:
                message = json.loads(await self.connection.recv())
                self.heard.append(message)
                if message["type"] in kinds:
                    return message

    async def _all(self) -> None:
        async with asyncio.timeout(15):
            while True:
                self.heard.append(json.loads(await self.connection.recv()))

    async def closed(self) -> tuple[int, str]:
        """The code and the reason it is closed with."""
        with pytest.raises(ConnectionClosed) as closed:
            await self._all()
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code, closed.value.rcvd.reason


@contextlib.asynccontextmanager
async def opened(http: httpx.AsyncClient, **how: Any) -> AsyncGenerator[Socket]:
    url = f"{http.base_url}/v1/live".replace("http:", "ws:").replace("//v1", "/v1")
    async with connect(url, proxy=None, **how) as connection:
        yield Socket(connection)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow looks that are quick."""
    monkeypatch.setattr("prelo.app.live.LOOK", 0.1)


async def test_an_end_is_told_even_when_every_word_was_lost(door: Door):
    door.hand.mute = True
    job_id = await door.asked()
    async with door.served() as http, opened(http) as one, opened(http) as all_:
        events = aiter(stream(http, job_id))
        await anext(events)
        await one.send(type="subscribe", jobs=[job_id])
        await all_.send(type="subscribe", all=True)
        await one.next("state")
        await all_.next("subscribed")
        await door.hand.finish()
        assert [e["event"] async for e in events][-1] == "end"
        assert (await one.next("end"))["job"]["id"] == job_id
        assert (await all_.next("end"))["job"]["id"] == job_id


async def test_somebody_elses_job_cannot_be_followed(door: Door, monkeypatch: pytest.MonkeyPatch):
    job_id = await door.asked()

    async def stranger() -> Caller:
        return Caller(tenant="other")

    door.app.dependency_overrides[rights.caller] = stranger
    async with door.served() as http, opened(http) as socket:
        answer = await http.get(f"/v1/jobs/{job_id}/events")
        assert (answer.status_code, answer.json()["type"]) == (404, "not-found")
        await socket.send(type="subscribe", id=1, jobs=[job_id])
        refused = await socket.next("error")
        assert (refused["id"], refused["error"]["status"]) == (1, 404)
        await socket.send(type="subscribe", all=True)
        await socket.next("subscribed")
        await socket.send(type="replay", cursor="0")
        assert (await socket.next("replayed"))["changes"] == []
        await door.hand.finish()
        await asyncio.sleep(0.3)
        await socket.send(type="ping")
        await socket.next("pong")
        assert not [m for m in socket.heard if m["type"] in {"state", "end"}]


async def test_a_socket_follows_jobs_by_id_by_report_and_all(door: Door):
    first, second = await door.asked("2026-01-01"), await door.asked("2026-01-02")
    async with (
        door.served() as http,
        opened(http) as one,
        opened(http) as sales,
        opened(http) as stock,
    ):
        await one.send(type="subscribe", id="a", jobs=[first])
        answer = await one.next("subscribed")
        assert (answer["id"], answer["jobs"]) == ("a", [first])
        assert (await one.next("state"))["job"]["state"] == "queued"
        for listener, report in ((sales, "sales"), (stock, "stock")):
            await listener.send(type="subscribe", report=report)
            assert (await listener.next("subscribed"))["cursor"].isdecimal()
        for _ in range(2):
            await door.hand.finish()
        ended = {(await sales.next("end"))["job"]["id"] for _ in range(2)}
        assert ended == {first, second}
        end = await one.next("end")
        assert (end["job"]["id"], end["job"]["state"]) == (first, "succeeded")
        assert end["event"].startswith("0.1.")
        await stock.send(type="ping", id=7)
        assert (await stock.next("pong", "end", "state")) == {"type": "pong", "id": 7}
        assert {m["job"]["id"] for m in one.heard if "job" in m} == {first}


async def test_a_socket_that_comes_back_is_not_told_again_what_it_has_seen(door: Door):
    job_id = await door.asked()
    async with door.served() as http:
        async with opened(http) as socket:
            await socket.send(type="subscribe", jobs=[job_id])
            seen = (await socket.next("state"))["event"]
        async with opened(http) as socket:
            await socket.send(type="subscribe", jobs=[job_id], seen={job_id: seen})
            await socket.send(type="ping")
            await socket.next("pong")
            assert [m["type"] for m in socket.heard] == ["hello", "subscribed", "pong"]


async def test_what_is_not_followed_any_more_is_told_no_more(door: Door):
    job_id = await door.asked()
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="subscribe", jobs=[job_id], all=True)
        await socket.next("state")
        await socket.send(type="unsubscribe", jobs=[job_id])
        await socket.next("unsubscribed")
        await door.hand.begin()
        await socket.next("state")  # as one of all
        await socket.send(type="unsubscribe", id=2, all=True)
        assert (await socket.next("unsubscribed"))["id"] == 2
        before = len(socket.heard)
        await door.http.post(f"/v1/jobs/{job_id}:cancel")
        await asyncio.sleep(0.3)
        await socket.send(type="ping")
        await socket.next("pong")
        assert len(socket.heard) == before + 1


async def test_a_replay_tells_what_happened_since_a_cursor_in_pages(door: Door):
    ids = [await door.finished(f"2026-01-0{day}") for day in (1, 2)]
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="replay", id=1, cursor="0", limit=4)
        page = await socket.next("replayed")
        assert (len(page["changes"]), page["more"], page["id"]) == (4, True, 1)
        await socket.send(type="replay", cursor=page["cursor"], limit=4)
        rest = await socket.next("replayed")
        assert (len(rest["changes"]), rest["more"]) == (2, False)
        steps = [(c["job"], c["before"], c["after"]) for c in page["changes"] + rest["changes"]]
        way = [(None, "queued"), ("queued", "running"), ("running", "succeeded")]
        assert steps == [(job_id, *step) for job_id in ids for step in way]
        assert page["changes"][2]["event"].startswith("0.1.")
        await socket.send(type="replay", cursor=page["cursor"], report="stock")
        assert (await socket.next("replayed"))["changes"] == []


WRONG = {
    "not json": "not understood",
    "[]": "must be a JSON object",
    "{}": "not understood",
    said(type="shout", id=1): "shout",
    said(type="subscribe"): "say which jobs",
    said(type="subscribe", jobs=["nobody"]): "/subscribe/jobs/0",
    said(type="subscribe", jobs=[NOBODY]): f"there is no job {NOBODY}",
    said(type="subscribe", all="perhaps"): "/subscribe/all",
    said(type="replay", cursor="yesterday"): "/replay/cursor",
    said(type="replay", limit=10**6): "/replay/limit",
    said(type="ping", more=1): "there is no such field",
    '{"type": "ping", "id": ' + "9" * 5000 + "}": "not understood",
}


async def test_a_wrong_message_is_answered_with_a_sentence_and_changes_nothing(door: Door):
    job_id = await door.asked()
    async with door.served() as http:
        for text, sentence in WRONG.items():
            async with opened(http) as socket:
                await socket.connection.send(text)
                answer = await socket.next("error")
                assert sentence in answer["error"]["detail"]
                await socket.send(type="subscribe", jobs=[job_id])
                await socket.next("state")
                assert [m["type"] for m in socket.heard] == [
                    "hello",
                    "error",
                    "subscribed",
                    "state",
                ]


async def test_a_subscription_is_made_as_a_whole_or_not_at_all(door: Door):
    job_id = await door.asked()
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="subscribe", jobs=[job_id, NOBODY], all=True)
        await socket.next("error")
        await door.hand.finish()
        await asyncio.sleep(0.3)
        await socket.send(type="ping")
        await socket.next("pong")
        assert [m["type"] for m in socket.heard] == ["hello", "error", "pong"]


async def test_who_talks_nonsense_is_sent_away_after_several_times(door: Door):
    async with door.served() as http, opened(http) as socket:
        for _ in range(4):
            await socket.connection.send("nonsense")
        await socket.connection.send(b"\x00\xff")
        code, reason = await socket.closed()
        assert (code, len([m for m in socket.heard if m["type"] == "error"])) == (1008, 5)
        assert "docs/live.md" in reason


async def test_a_message_that_is_too_long_ends_the_connection(door: Door):
    async with door.served() as http, opened(http) as socket:
        await socket.connection.send("x" * 70_000)
        assert (await socket.closed())[0] == 1009


async def test_more_jobs_than_a_connection_may_name_are_refused(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.api.sockets._MOST_JOBS", 1)
    ids = [await door.asked(f"2026-01-0{day}") for day in (1, 2)]
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="subscribe", jobs=ids)
        assert "at most 1 jobs" in (await socket.next("error"))["error"]["detail"]
        await socket.send(type="subscribe", jobs=ids[:1])
        await socket.next("state")


async def test_a_process_takes_so_many_listeners_and_no_more(door: Door):
    job_id = await door.asked()
    door.app.state.house.live._most = 1
    async with door.served() as http:
        async with opened(http):
            answer = await http.get(f"/v1/jobs/{job_id}/events")
            assert (answer.status_code, answer.json()["type"]) == (503, "unavailable")
            assert answer.headers["retry-after"]
            with pytest.raises(InvalidStatus) as refused:
                async with opened(http):
                    pass
            assert refused.value.response.status_code == 503
            assert b"the most that one process takes" in refused.value.response.body
        async with asyncio.timeout(5):
            while door.app.state.house.live._listeners:
                await asyncio.sleep(0.01)
        async with opened(http) as socket:
            await socket.next("hello")


async def test_a_page_of_another_server_may_not_listen(door: Door):
    async with door.served() as http:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(http, origin="http://evil.example"):
                pass
        assert refused.value.response.status_code == 403
        async with opened(http, origin=str(http.base_url).rstrip("/")) as socket:
            await socket.next("hello")


async def test_a_caller_who_is_refused_is_told_why_before_there_is_a_connection(door: Door):
    async def nobody() -> Caller:
        raise Invalid("who are you?")

    door.app.dependency_overrides[rights.caller] = nobody
    async with door.served() as http:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(http):
                pass
    assert refused.value.response.status_code == 422
    assert b"who are you?" in refused.value.response.body


async def test_a_quiet_socket_hears_that_it_is_alive(door: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prelo.entry.api.sockets.IDLE", 0.05)
    async with door.served() as http, opened(http) as socket:
        assert "cursor" not in await socket.next("heartbeat")
        await socket.send(type="subscribe", all=True)
        await socket.next("subscribed")
        assert (await socket.next("heartbeat"))["cursor"] == "0"


async def test_a_forgotten_job_is_gone_for_those_who_follow_it(door: Door):
    job_id = await door.finished()
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="subscribe", jobs=[job_id])
        await socket.next("end")
        assert (await http.delete(f"/v1/jobs/{job_id}")).status_code == 204
        assert (await socket.next("gone"))["job"] == {"id": job_id}


async def test_a_job_that_is_run_again_is_told_from_its_new_beginning(door: Door):
    job_id = await door.asked()
    await door.hand.fail(QueryFailed("no such table"))
    async with door.served() as http, opened(http) as socket:
        await socket.send(type="subscribe", all=True, jobs=[job_id])
        first = await socket.next("end")
        await http.post(f"/v1/jobs/{job_id}:retry")
        assert (await socket.next("state"))["event"].startswith("1.1.")
        await door.hand.finish()
        second = await socket.next("end")
        assert (first["job"]["state"], second["job"]["state"]) == ("failed", "succeeded")
        assert second["event"].startswith("1.2.")


async def test_everybody_is_sent_away_when_the_process_ends_and_told_when_to_come_back(door: Door):
    job_id = await door.asked()
    async with door.served() as http, opened(http) as socket:
        async with http.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await socket.next("hello")
            await door.app.state.house.live.close()
            code, reason = await socket.closed()
            assert (code, "come back in" in reason) == (1012, True)
            assert 500 <= socket.heard[-1]["retry"] <= 4000
            left = [line async for line in lines if line.startswith("retry")]
            assert len(left) == 1
        assert (await http.get(f"/v1/jobs/{job_id}/events")).status_code == 503


async def test_one_who_does_not_read_is_sent_away_and_delays_nobody(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.api.sockets.BACKLOG", 20)
    monkeypatch.setattr("prelo.entry.sockets._KERNEL", 4096)
    monkeypatch.setattr("prelo.entry.sockets._OURS", 4096)
    async with door.served() as http:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, (http.base_url.host, http.base_url.port))
        async with opened(http, sock=deaf, max_queue=1) as slow, opened(http) as quick:
            for listener in (slow, quick):
                await listener.send(type="subscribe", all=True)
                await listener.next("subscribed")
            ended: set[str] = set()
            for day in range(600):
                if len(door.app.state.house.live._listeners) == 1:
                    break
                body = {
                    "report": "sales", "format": "csv",
                    "parameters": {"start": f"20{day // 28:02}-01-{day % 28 + 1:02}"},
                }  # fmt: skip
                job_id = (await http.post("/v1/jobs", json=body)).json()["id"]
                await http.post(f"/v1/jobs/{job_id}:cancel")
                async with asyncio.timeout(2):
                    ended.add((await quick.next("end"))["job"]["id"])
                assert job_id in ended
            else:
                raise AssertionError("the slow one was never dropped")
            code, reason = await slow.closed()
    assert (code, reason.startswith("you do not read")) == (1013, True)
