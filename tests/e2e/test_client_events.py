"""Clients that follow a job by its events, over connections that break."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.client import AsyncClient, Client, JobEvent
from prelo.client.events import Following
from prelo.core.errors import NotFound, Unavailable
from prelo.core.job import Job, State
from prelo.core.view import JobView
from prelo.entry.api.views import job_view
from tests.e2e.conftest import Door


def at_once(_: Following) -> float:
    return 0.01


async def kinds(client: AsyncClient, job_id: str, found: list[JobEvent]) -> None:
    async for event in client.events(job_id):
        found += [event]


async def until(found: list[JobEvent], count: int) -> None:
    async with asyncio.timeout(10):
        while len(found) < count:
            await asyncio.sleep(0.01)


async def test_a_job_is_followed_to_its_end(door: Door):
    job_id = await door.asked()
    found: list[JobEvent] = []
    async with door.served() as http, AsyncClient(str(http.base_url)) as client:
        following = asyncio.create_task(kinds(client, job_id, found))
        await until(found, 1)
        job = await door.hand.begin()
        await until(found, 2)
        await door.hand.progress(job, 500)
        await until(found, 3)
        await door.hand.finish(job)
        await following

        def again() -> list[JobEvent]:
            with Client(str(http.base_url)) as blocking:
                return list(blocking.events(job_id))

        assert await asyncio.to_thread(again) == found[-1:]
        with pytest.raises(NotFound):
            await anext(client.events(job_id.replace("-8", "-9")))
    assert [event.kind for event in found] == ["state", "state", "progress", "end"]
    assert (found[2].job.progress.rows, found[2].job.report) == (500, "sales")
    assert found[-1].job.artifact


@contextlib.asynccontextmanager
async def breaking(target: str, most: int) -> AsyncGenerator[tuple[str, list[int]]]:
    """A way to the server on which every connection is cut after so many bytes of answers; and how many
    came that far.
    """
    host, port = target.removeprefix("http://").split(":")
    cut: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        passing = asyncio.create_task(passed(reader, up_writer))
        try:
            sent = 0
            while sent < most and (data := await up_reader.read(most - sent)):
                writer.write(data)
                sent += len(data)
            await writer.drain()
            if sent == most:
                cut.append(sent)
        finally:
            passing.cancel()
            writer.close()
            up_writer.close()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", cut


async def test_what_broken_connections_swallow_is_told_by_the_next_one(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Following, "pause", at_once)
    job_id = await door.asked()
    found: list[JobEvent] = []
    # Enough for the headers and one event that is whole; the next is cut in its middle.
    async with (
        door.served() as http,
        breaking(str(http.base_url), 2_400) as (url, cut),
        AsyncClient(url) as client,
    ):
        following = asyncio.create_task(kinds(client, job_id, found))
        await until(found, 1)
        for rows in range(3):
            job = await door.hand.begin()
            await door.hand.progress(job, 10 + rows)
            await until(found, len(found) + 1)
            await door.hand.give_back(job)
        await door.hand.finish()
        await asyncio.wait_for(following, 10)
    assert cut, "no connection was cut"
    assert [event.kind for event in found].count("end") == 1
    assert (found[-1].kind, found[-1].job.state) == ("end", State.SUCCEEDED)


async def test_a_server_that_stays_away_is_unavailable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Following, "pause", at_once)
    async with AsyncClient("http://127.0.0.1:9") as client:
        with pytest.raises(Unavailable, match="no server answers"):
            await anext(client.events("a"))


ASKED = Job(
    id="a",
    tenant="t",
    report="r",
    version=1,
    fingerprint="f",
    format="csv",
    parameters={"text": "one\u2028two\r\n\x0bthree"},
)
VIEW: JobView = job_view(ASKED)


@given(st.lists(st.integers(1, 400), max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_events_are_the_same_however_their_bytes_arrive(cuts: list[int], end: str):
    done = VIEW.model_copy(update={"state": State.DEAD})
    text = (
        f"retry: 20\n\n: still here\n\nevent: state\nid: 0.0.1\ndata: {VIEW.model_dump_json()}\n\n"
        'event: other\ndata: {}\n\nevent: progress\ndata: {"progress": {"rows": 7}}\n\n'
        f"event: end\nid: 0.0.2\ndata: {done.model_dump_json()}\n\nevent: state\nid: 0.0.9\ndata: cut"
    ).replace("\n", end)
    data = text.encode()
    following = Following("a")
    found: list[JobEvent] = []
    places = sorted({min(cut, len(data)) for cut in cuts})
    for start, stop in zip([0, *places], [*places, len(data)], strict=True):
        found += following.heard(data[start:stop])
    assert [event.kind for event in found] == ["state", "progress", "end"]
    assert found[0].job == VIEW
    assert (found[1].job.progress.rows, found[1].job.parameters) == (7, VIEW.parameters)
    assert following.over
    assert following.asked(1)["headers"]["Last-Event-ID"] == "0.0.2"
    assert 0.01 <= following.pause() <= 0.2
