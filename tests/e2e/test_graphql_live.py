"""Following a job by a GraphQL subscription, over a WebSocket as clients open it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from prelo.adapters.cache_memory import MemoryCache
from prelo.app import keys
from prelo.core.errors import QueryFailed
from prelo.ports import Watch
from tests.e2e.asking import JOB, snake
from tests.e2e.conftest import Door
from tests.e2e.gate import Gate, gate
from tests.e2e.test_graphql_refusals import BOMBS, bare

__all__ = ["bare", "gate"]
PROTOCOL = Subprotocol("graphql-transport-ws")
FOLLOW = f"subscription($id: ID!) {{jobChanged(id: $id) {JOB}}}"
NOWHERE = "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"


class Line:
    """A client's end of the connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return json.loads(await self.socket.recv())

    async def ask(self, query: str, number: str = "1", **variables: Any) -> None:
        payload = {"query": query, "variables": variables}
        await self.say(type="subscribe", id=number, payload=payload)

    async def closed(self) -> tuple[int, str]:
        """What it is closed with, whatever is said before."""
        try:
            while True:
                await self.hear()
        except ConnectionClosed:
            return self.socket.close_code or 0, self.socket.close_reason or ""


def address(http: httpx.AsyncClient) -> str:
    return str(http.base_url).replace("http", "ws").rstrip("/") + "/graphql"


@asynccontextmanager
async def line(
    http: httpx.AsyncClient, *, greeted: bool = True, **more: Any
) -> AsyncGenerator[Line]:
    async with connect(address(http), subprotocols=[PROTOCOL], max_size=None, **more) as socket:
        made = Line(socket)
        if greeted:
            await made.say(type="connection_init")
            assert await made.hear() == {"type": "connection_ack"}
        yield made


async def test_a_subscription_hears_every_state_of_a_job_and_its_end(door: Door):
    job_id = await door.asked()
    async with door.served() as http, line(http) as following:
        await following.ask(FOLLOW, id=job_id)

        async def heard() -> dict[str, Any]:
            """The job; just as REST shows it at this moment."""
            said = await following.hear()
            assert (said["type"], said["id"]) == ("next", "1")
            job = snake(said["payload"]["data"]["jobChanged"])
            shown = (await http.get(f"/v1/jobs/{job_id}")).json()
            assert job == shown | {"queue": None}  # where it waits is no change of it
            return job

        assert (await heard())["state"] == "queued"
        job = await door.hand.begin()
        assert (await heard())["state"] == "running"
        await door.hand.progress(job, 500)
        assert (await heard())["progress"]["rows"] == 500
        await door.hand.fail(QueryFailed("no such table: sale"), job)
        assert (await heard())["error"]["type"] == "query-failed"
        assert await following.hear() == {"type": "complete", "id": "1"}

        await following.say(
            type="subscribe", id="2",
            payload={"query": f'mutation {{retryJob(id: "{job_id}") {{state generation}}}}'},
        )  # fmt: skip
        told = {"retryJob": {"state": "queued", "generation": 1}}
        assert await following.hear() == {"type": "next", "id": "2", "payload": {"data": told}}
        assert await following.hear() == {"type": "complete", "id": "2"}
        await following.ask("subscription($id: ID!) {jobChanged(id: $id) {state}}", id=job_id)
        assert (await following.hear())["payload"]["data"] == {"jobChanged": {"state": "queued"}}
        await door.hand.finish()
        heard_states: list[str] = []
        while (said := await following.hear())["type"] == "next":
            heard_states.append(said["payload"]["data"]["jobChanged"]["state"])
        assert (heard_states[-1], said["type"]) == ("succeeded", "complete")


async def test_a_job_that_is_not_there_ends_it_with_the_problem_rest_has(door: Door):
    async with door.served() as http, line(http) as following:
        await following.ask(FOLLOW, id=NOWHERE)
        (error,) = (await following.hear())["payload"]["errors"]
        assert error["extensions"] == (await http.get(f"/v1/jobs/{NOWHERE}")).json()
        assert (await following.hear())["type"] == "complete"


async def test_what_is_refused_by_post_is_refused_on_a_websocket(door: Door):
    async with door.served() as http, line(http) as talking:
        for bomb in ("fragments that double", "wide", "many words", "a fragment in itself"):
            query, sentence = BOMBS[bomb]
            await talking.ask(query)
            said = await talking.hear()
            assert (said["type"], said["id"]) == ("error", "1")
            assert sentence in said["payload"][0]["message"]
            assert said["payload"][0]["extensions"]["type"] == "graphql-too-costly"
        for query in (
            "{",
            "{nope}",
            "{" + "x" * 5_000 + "}",
            "query a {reports {name}} query b {reports {name}}",
        ):
            await talking.ask(query)
            said = await talking.hear()
            assert (said["type"], said["payload"][0]["extensions"]["type"]) == (
                "error",
                "graphql-invalid",
            )
        await talking.say(type="ping")
        assert await talking.hear() == {"type": "pong"}


async def test_a_connection_carries_fifty_operations_and_no_more(door: Door):
    job_id = await door.asked()
    async with door.served() as http, line(http) as following:
        for number in range(51):
            await following.ask(FOLLOW, str(number), id=job_id)
        heard = [await following.hear() for _ in range(51)]
        (refused,) = [said for said in heard if said["type"] == "error"]
        assert (refused["id"], refused["payload"][0]["extensions"]["type"]) == (
            "50",
            "graphql-too-costly",
        )
        await following.say(type="complete", id="0")
        await following.ask(FOLLOW, "50", id=job_id)
        assert (await following.hear())["type"] == "next"


class Counting(MemoryCache):
    """It knows how many listen."""

    listening = 0

    @asynccontextmanager
    async def listen(self, topic: str, only: str | None = None) -> AsyncGenerator[Watch]:
        async with super().listen(topic, only) as watch:
            self.listening += 1
            try:
                yield watch
            finally:
                self.listening -= 1

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.listening != count:
                await asyncio.sleep(0.01)


async def test_each_operation_on_a_connection_is_let_in_anew(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.callers._FRESH_SECONDS", 0)
    key, text = await gate.key("jobs:read")
    headers = {"Authorization": f"Bearer {text}"}
    async with gate.served() as http, line(http, additional_headers=headers) as following:
        await following.ask("{jobs(first: 1) {nodes {id}}}", "1")
        assert (await following.hear())["type"] == "next"
        assert (await following.hear())["type"] == "complete"
        await keys.revoke(key.id, gate.ports.store, "ana@desk")
        await following.ask("{jobs(first: 1) {nodes {id}}}", "2")
        told = await following.hear()
        assert (told["type"], told["payload"][0]["extensions"]["status"]) == ("error", 401)


async def test_nothing_is_left_of_those_who_stop_listening_or_are_gone(door: Door):
    cache = Counting()
    counting = Door(replace(door.ports, cache=cache), door.config)
    job_id = await door.asked()
    async with counting.served() as http:
        async with line(http) as following:
            await following.ask(FOLLOW, "1", id=job_id)
            await following.ask(FOLLOW, "2", id=job_id)
            await cache.until(1)  # for all who listen in this process
            await following.hear()
            await following.hear()
            await following.say(type="complete", id="1")
            await following.say(type="complete", id="2")
            await cache.until(0)
            await following.ask(FOLLOW, "3", id=job_id)
            await cache.until(1)
        await cache.until(0)


async def test_one_who_stops_listening_is_told_nothing_more(door: Door):
    job_id = await door.asked()
    async with door.served() as http, line(http) as following:
        await following.ask(FOLLOW, id=job_id)
        await following.hear()
        await following.say(type="complete", id="1")
        await following.say(type="ping")
        assert await following.hear() == {"type": "pong"}
        await door.hand.finish()
        await following.say(type="ping")
        assert await following.hear() == {"type": "pong"}


NO_MESSAGES: list[str | bytes] = [
    "nonsense", "[]", "1", "null", "{}", '{"type": 1}', '{"type": "start"}', '{"type": "next"}',
    '{"type": "subscribe"}', '{"type": "subscribe", "id": [], "payload": {"query": "{a}"}}',
    '{"type": "subscribe", "id": "1", "payload": "x"}', '{"type": "subscribe", "id": "1", "payload": {}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": ""}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "operationName": {}}}',
    '{"type": "subscribe", "id": "' + "1" * 65 + '", "payload": {"query": "{a}"}}',
    '{"type": "complete", "id": {}}', '{"type": "' + "x" * 500 + '"}', "[" * 10_000,
    '{"type": "ping", "payload": NaN}', b"\x00\x01",
]  # fmt: skip


async def test_a_message_that_is_none_closes_the_connection_with_a_reason(
    door: Door, caplog: pytest.LogCaptureFixture
):
    async with door.served() as http:
        for message in NO_MESSAGES:
            async with line(http) as talking:
                await talking.socket.send(message)
                code, reason = await talking.closed()
                assert (code, bool(reason)) == (4400, True), message
    assert "Traceback" not in caplog.text


async def test_a_client_speaks_the_protocol_and_greets_first(door: Door):
    async with door.served() as http:
        async with connect(address(http)) as socket:
            assert (await Line(socket).closed())[0] == 4406
        async with line(http, greeted=False) as hasty:
            await hasty.ask("{reports {name}}")
            assert await hasty.closed() == (4401, "Unauthorized")
        with pytest.raises(InvalidStatus) as refused:  # a page of somebody else, in a browser
            async with line(http, origin="http://example.com"):
                pass
        assert refused.value.response.status_code == 403


@pytest.mark.usefixtures("bare")
async def test_a_websocket_at_a_server_without_the_library_is_told_what_to_install(door: Door):
    async with door.served() as http:
        with pytest.raises(InvalidStatus) as refused:
            async with line(http):
                pass
    answer = refused.value.response
    assert answer.status_code == 501
    assert b"pip install 'prelo[graphql]'" in answer.body
