"""The clients, against a server on a socket and a worker that is driven by hand."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from prelo.client import AsyncClient, Client, JobView
from prelo.core import errors
from prelo.core.job import State
from prelo.core.request import InlineColumn
from tests.e2e.conftest import CONTENT, Door

Address = str


@pytest.fixture
async def address(door: Door) -> AsyncIterator[Address]:
    async with door.served() as http:
        yield str(http.base_url)


def files_of_sales(folder: Path) -> list[str]:
    """Temporary ones included."""
    return [path.name for path in folder.glob("*sales*")]


async def blocking(address: Address, doing: Callable[[Client], Any]) -> Any:
    """Run `doing` in a thread, as a program without an event loop would."""

    def run() -> Any:
        with Client(address) as client:
            return doing(client)

    return await asyncio.to_thread(run)


async def test_a_report_in_one_call(door: Door, address: Address, tmp_path: Path):
    async def working() -> None:
        job = await door.hand.begin()
        await door.hand.progress(job, 400)
        await asyncio.sleep(0.3)
        await door.hand.finish(job)

    seen: list[JobView] = []
    target = tmp_path / "sales.csv"
    target.write_bytes(b"an older file")

    def ask(client: Client) -> Any:
        parameters = {"start": date(2026, 1, 1)}
        return client.report("sales", parameters, format="csv", on_progress=seen.append)

    work = asyncio.create_task(working())
    file = await blocking(address, ask)
    await work
    assert file.job.artifact.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert 400 in [job.progress.rows for job in seen]
    assert seen[-1].state is State.SUCCEEDED

    with Client(address) as client:
        again = client.file(file.job)
        assert await asyncio.to_thread(again.save, target) == target
        assert target.read_bytes() == CONTENT
        assert await asyncio.to_thread(again.bytes) == CONTENT
    assert files_of_sales(tmp_path) == ["sales.csv"]


async def test_the_same_with_await(door: Door, address: Address, tmp_path: Path):
    async with AsyncClient(address) as client:
        asking = asyncio.create_task(client.report("sales", {"start": "2026-01-01"}, format="csv"))
        await door.hand.finish()
        file = await asking
        assert await file.bytes() == CONTENT
        await file.save(tmp_path / "a.csv")
        assert (tmp_path / "a.csv").read_bytes() == CONTENT
        job = await client.job(file.job.id)
        assert job.state is State.SUCCEEDED
        assert [job async for job in client.jobs()] == [job]
        assert [report.name for report in await client.reports()] == ["sales", "stock"]
        new = await client.refresh(job.id)
        assert (await client.cancel(new.id)).state is State.CANCELLED
        assert (await client.retry(new.id)).state is State.QUEUED
        await client.forget(job.id)
        with pytest.raises(errors.NotFound):
            await client.wait(job.id)


async def test_without_waiting_the_file_is_waited_for_when_it_is_used(door: Door, address: Address):
    async with AsyncClient(address) as client:
        file = await client.report("stock", wait=False)
        assert file.job.state is State.QUEUED
        saving = asyncio.create_task(file.bytes())
        await door.hand.finish()
        assert await saving == CONTENT
        assert file.job.state is State.SUCCEEDED


async def test_rows_of_ones_own(door: Door, address: Address):
    rows = [(date(2026, 1, 31), Decimal("1.10")), (None, 2)]
    async with AsyncClient(address) as client:
        file = await client.rows(
            {"day": "date", "price": "money:EUR"}, rows, title="Two", wait=False
        )
        job = await door.hand.begin()
        assert job.order
        assert job.order.definition
        assert job.order.definition.source.rows == (("2026-01-31", "1.10"), (None, 2))
        assert job.order.definition.columns["price"].kind is not None
        named = await client.rows(
            ["a", InlineColumn.model_validate({"name": "b", "kind": "code"})],
            [[1, "01"]],
            wait=False,
        )
        assert named.job.id != file.job.id
        with pytest.raises(errors.Invalid, match="which JSON does not know"):
            await client.rows(["a"], [[object()]])


async def test_a_job_that_fails_is_raised_with_its_reason(door: Door, address: Address):
    async with AsyncClient(address) as client:
        asking = asyncio.create_task(client.report("stock"))
        await door.hand.fail(errors.QueryFailed("no such table: stock"))
        with pytest.raises(errors.JobFailed, match="no such table") as raised:
            await asking
        assert raised.value.state == "failed"
        assert raised.value.reason is not None
        assert raised.value.reason.type == "query-failed"


async def test_patience_has_an_end_and_the_job_goes_on(door: Door, address: Address):
    async with AsyncClient(address) as client:
        with pytest.raises(errors.NotFinished, match="in time"):
            await client.report("stock", timeout=0.2)
        assert [job.state async for job in client.jobs()] == [State.QUEUED]


async def test_refusals_come_as_the_errors_they_are(door: Door, address: Address):
    def wrong(client: Client) -> None:
        with pytest.raises(errors.Invalid) as invalid:
            client.submit("sales", {"start": "soon"})
        assert [error.pointer for error in invalid.value.errors] == ["/parameters/start"]
        with pytest.raises(errors.NotFound, match="the catalog has sales, stock"):
            client.submit("nothing")
        with pytest.raises(errors.NotFound):
            client.job("../reports")
        client.submit("stock", idempotency_key="k")
        with pytest.raises(errors.KeyReused):
            client.submit("stock", format="csv", idempotency_key="k")
        job = client.submit("stock")
        with pytest.raises(errors.Conflict):
            client.forget(job.id)
        with pytest.raises(errors.TooLarge):
            client.rows(["a"], [["x" * 100_000]])

    await blocking(address, wrong)


async def test_listings_go_through_all_pages(door: Door, address: Address):
    made = {await door.asked(f"2026-01-0{day}") for day in range(1, 6)}

    def listed(client: Client) -> None:
        assert {job.id for job in client.jobs(limit=2)} == made
        assert len(list(client.jobs(state=["queued", "running"], report="sales", limit=2))) == 5
        assert not list(client.jobs(created_after=datetime.now(UTC)))

    await blocking(address, listed)


async def test_a_file_that_is_damaged_on_its_way_is_not_kept(
    door: Door, address: Address, tmp_path: Path
):
    job_id = await door.asked()
    done = await door.hand.finish()
    assert done.artifact
    stored = door.config.data / "files" / done.artifact.key
    stored.write_bytes(CONTENT.replace(b"line 7\r", b"LINE 7\r"))
    target = tmp_path / "sales.csv"
    target.write_bytes(b"an older file")
    async with AsyncClient(address) as client:
        file = client.file(await client.job(job_id))
        with pytest.raises(errors.Damaged, match=job_id):
            await file.save(target)
    assert target.read_bytes() == b"an older file"
    assert files_of_sales(tmp_path) == ["sales.csv"]


class Flaky:
    """A server in front of the door that loses answers, and cuts files off in the middle."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.asked: list[httpx.Request] = []
        self.lose = 0
        self.busy = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.busy:
            self.busy -= 1
            return httpx.Response(503, headers={"Retry-After": "0"}, json={"no": "problem"})
        answer = await self.door.http.send(request)
        if self.lose:
            self.lose -= 1
            if not request.url.path.endswith("/file"):
                raise httpx.ReadError("the answer was lost")
            return httpx.Response(200, headers=answer.headers, stream=_Cut(answer.content))
        whole = _Cut(answer.content, None)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=whole)

    async def aclose(self) -> None: ...


class _Cut(httpx.AsyncByteStream):
    def __init__(self, content: bytes, cut: int | None = 1000) -> None:
        self.content, self.cut = content, cut

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.content[: self.cut]
        if self.cut is not None:
            raise httpx.ReadError("cut")


@pytest.fixture
async def flaky(door: Door) -> AsyncIterator[tuple[Flaky, AsyncClient]]:
    between = Flaky(door)
    async with AsyncClient("http://prelo") as client:
        client._http._transport = between  # type: ignore[assignment]
        yield between, client


async def test_a_submit_whose_answer_was_lost_is_repeated_under_the_same_key(
    door: Door, flaky: tuple[Flaky, AsyncClient]
):
    between, client = flaky
    between.lose = 2
    job = await client.submit("stock", max_age=0)
    assert len(between.asked) == 3
    assert len({request.headers["idempotency-key"] for request in between.asked}) == 1
    assert [job.id async for job in client.jobs()] == [job.id]
    other = await client.submit("stock", max_age=0)
    assert (
        between.asked[-1].headers["idempotency-key"] != between.asked[0].headers["idempotency-key"]
    )
    assert other.id == job.id  # it is under way, so it is joined


async def test_a_busy_server_is_asked_again_but_not_for_ever(flaky: tuple[Flaky, AsyncClient]):
    between, client = flaky
    between.busy = 2
    await client.submit("stock")
    assert len(between.asked) == 3
    between.busy = 99
    with pytest.raises(errors.Unavailable):
        await client.reports()
    assert len(between.asked) == 3 + 6


async def test_a_retry_whose_answer_was_lost_is_not_repeated(
    door: Door, flaky: tuple[Flaky, AsyncClient]
):
    between, client = flaky
    job = await client.submit("stock")
    await client.cancel(job.id)
    between.lose = 1
    with pytest.raises(errors.Unavailable):
        await client.retry(job.id)
    assert (await client.job(job.id)).state is State.QUEUED


async def test_a_download_that_breaks_goes_on_where_it_broke(
    door: Door, flaky: tuple[Flaky, AsyncClient], tmp_path: Path
):
    between, client = flaky
    job = await client.job(await door.finished())
    between.lose = 1
    await client.file(job).save(tmp_path / "sales.csv")
    assert (tmp_path / "sales.csv").read_bytes() == CONTENT
    assert between.asked[-1].headers["range"] == "bytes=1000-"
    assert between.asked[-1].headers["if-range"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'


def test_a_server_that_is_not_there_is_unavailable():
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(errors.Unavailable, match="no server answers at http:"),
    ):
        client.reports()


async def test_one_client_serves_many_threads(door: Door, address: Address):
    found: list[str] = []

    with Client(address) as client:
        threads = [
            threading.Thread(target=lambda: found.append(client.submit("stock").id))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
    assert len(found) == 8
    assert len(set(found)) == 1
