"""Datasets over HTTP: uploads that are whole, cut, too large, or not what they say."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from prelo.adapters.datasets_arrow import ArrowAssay
from prelo.client import AsyncClient, Client
from prelo.core.errors import Conflict, NotFound
from prelo.core.request import Caller
from prelo.entry.api import rights
from tests.e2e.conftest import Door

CSV = b"city,people\nBern,134000\nChur,38000\n"
TYPE = {"Content-Type": "text/csv"}


@pytest.fixture
async def desk(door: Door) -> AsyncIterator[Door]:
    """A door whose uploads are looked into without a process, and are small."""
    config = door.config.model_copy(update={"max_dataset": 4096})
    made = Door(replace(door.ports, assay=ArrowAssay()), config)
    async with made.http:
        yield made


def stored(door: Door) -> list[Path]:
    return [path for path in (door.config.data / "files").rglob("*") if path.is_file()]


async def test_an_upload_is_told_what_is_in_it_and_the_same_again_is_the_same(desk: Door):
    first = await desk.http.post("/v1/datasets", content=CSV, headers=TYPE)
    told = first.json()
    assert (first.status_code, first.headers["location"]) == (201, f"/v1/datasets/{told['id']}")
    assert (told["form"], told["rows"], told["size"]) == ("csv", 2, len(CSV))
    assert told["columns"] == [
        {"name": "city", "type": "string"}, {"name": "people", "type": "int64"},
    ]  # fmt: skip
    assert told["dialect"] == {"encoding": "utf-8", "delimiter": ",", "quote": '"', "header": True}
    again = await desk.http.post("/v1/datasets", content=CSV)
    assert (again.status_code, again.json()["id"]) == (200, told["id"])
    assert again.json()["expires_at"] >= told["expires_at"]
    shown = await desk.http.get(first.headers["location"])
    assert shown.json() == again.json()
    assert len(stored(desk)) == 1
    other = await desk.http.post("/v1/datasets?header=false", content=CSV)
    assert (other.status_code, other.json()["rows"]) == (201, 3)


async def test_datasets_are_listed_and_forgotten(desk: Door):
    ids = [
        (await desk.http.post("/v1/datasets", content=CSV + b"x,%d\n" % n)).json()["id"]
        for n in range(3)
    ]
    page = (await desk.http.get("/v1/datasets?limit=2")).json()
    rest = (await desk.http.get(f"/v1/datasets?limit=2&cursor={page['next']}")).json()
    found = [one["id"] for one in page["datasets"] + rest["datasets"]]
    assert (sorted(found), rest["next"]) == (sorted(ids), None)
    job = (await desk.http.post("/v1/jobs", json={"dataset": ids[0], "format": "csv"})).json()
    busy = await desk.http.delete(f"/v1/datasets/{ids[0]}")
    assert (busy.status_code, busy.json()["type"]) == (409, "conflict")
    await desk.http.post(f"/v1/jobs/{job['id']}:cancel")
    for dataset in ids:
        assert (await desk.http.delete(f"/v1/datasets/{dataset}")).status_code == 204
    assert (await desk.http.delete(f"/v1/datasets/{ids[0]}")).status_code == 404
    assert stored(desk) == []


async def test_somebody_elses_dataset_is_not_there(desk: Door):
    told = (await desk.http.post("/v1/datasets", content=CSV)).json()

    async def stranger() -> Caller:
        return Caller(tenant="other")

    desk.app.dependency_overrides[rights.caller] = stranger
    address = f"/v1/datasets/{told['id']}"
    assert (await desk.http.get(address)).status_code == 404
    assert (await desk.http.delete(address)).status_code == 404
    assert (await desk.http.get("/v1/datasets")).json()["datasets"] == []
    asked = await desk.http.post("/v1/jobs", json={"dataset": told["id"]})
    assert (asked.status_code, asked.json()["type"]) == (404, "not-found")
    assert stored(desk)


REFUSED: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", TYPE, 422, "empty"),
    (b"PAR1" + bytes(9) + b"PAR1", TYPE, 422, "declared to be csv, and its content is parquet"),
    (b"a,b\n1\n", TYPE, 422, "Expected 2 columns, got 1"),
    (CSV, {"Content-Type": "application/pdf"}, 415, "cannot be application/pdf"),
    (CSV, {**TYPE, "Content-Encoding": "gzip"}, 415, "must not be compressed"),
    (CSV * 200, TYPE, 413, "at most 4096"),
]


@pytest.mark.parametrize(("content", "headers", "status", "said"), REFUSED)
async def test_what_is_refused_is_refused_with_a_sentence_and_leaves_nothing(
    desk: Door, content: bytes, headers: dict[str, str], status: int, said: str
):
    answer = await desk.http.post("/v1/datasets", content=content, headers=headers)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True)
    assert stored(desk) == []
    assert (await desk.http.get("/v1/datasets")).json()["datasets"] == []


async def test_a_body_without_a_length_is_stopped_as_soon_as_it_is_too_large(desk: Door):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"a" * 1000

    answer = await desk.http.post("/v1/datasets", content=endless(), headers=TYPE)
    assert (answer.status_code, answer.json()["type"]) == (413, "too-large")
    assert sent < 10_000


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(
    desk: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    async with desk.served() as http:
        _, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
        head = "POST /v1/datasets HTTP/1.1\r\nHost: prelo\r\nContent-Length: 3000\r\n\r\n"
        writer.write(head.encode() + CSV)
        await writer.drain()
        async with asyncio.timeout(5):
            while not list((tmp_path / "temporary").rglob("body")):
                await asyncio.sleep(0.01)
        writer.close()
        async with asyncio.timeout(5):
            while list((tmp_path / "temporary").rglob("*")):
                await asyncio.sleep(0.01)
        assert (await http.get("/v1/datasets")).json()["datasets"] == []
    assert stored(desk) == []


async def test_the_clients_upload_files_and_ask_for_reports_on_them(desk: Door, tmp_path: Path):
    path = tmp_path / "cities.csv"
    path.write_bytes(CSV)
    async with desk.served() as http, AsyncClient(str(http.base_url)) as client:

        def blocking() -> str:
            with Client(str(http.base_url)) as other:
                with pytest.raises(NotFound, match="cannot read"):
                    other.upload(tmp_path / "none.csv")
                return other.upload(path).id

        uploaded = await client.upload(path)
        assert uploaded.id == await asyncio.to_thread(blocking)
        asking = asyncio.create_task(
            client.dataset(uploaded.id, {"people": "integer"}, format="csv", title="Cities")
        )
        job = await desk.hand.begin()
        with pytest.raises(Conflict):
            await client.retry(job.id)
        assert job.order
        assert job.order.definition
        assert (job.order.definition.title, job.order.definition.source.names) == (
            "Cities", ("people",),
        )  # fmt: skip
        await desk.hand.finish(job)
        assert (await asking).job.report == "ad-hoc"
