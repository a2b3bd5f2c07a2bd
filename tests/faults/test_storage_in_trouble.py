"""A bucket that refuses, stalls and loses uploads half-way: all is finished, and nothing half is visible."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from prelo.core.job import State
from tests.contracts.s3_fixtures import address
from tests.faults import ledger
from tests.faults.callers import Body, Callers
from tests.faults.plant import FULL, Plant
from tests.servers.proxy import Proxy, proxy_aside
from tests.servers.s3 import KEYS, Moto, client

JOBS = 300 if FULL else 30
ROWS = 10_000
LEASE = 5  # seconds: that of a machine with much to do lasts; and it ends while the bucket stalls
REPORT = """
name: big
source: {python: "big.py:rows"}
parameters: {k: {type: integer}}
"""
BIG = f"""
def rows(k):
    return [{{"n": n, "k": k, "text": "some more words in it"}} for n in range({ROWS})]
"""


def big(k: int) -> Body:
    return {"report": "big", "format": "csv", "parameters": {"k": k}}


@dataclass(frozen=True)
class InBucket(ledger.Books):
    """The same with the files in a bucket, as boto3 sees them."""

    s3: Any = None
    bucket: str = ""
    prefix: str = ""

    def keys(self) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        found = (one["Key"] for page in pages for one in page.get("Contents", []))
        return {key.removeprefix(self.prefix) for key in found}

    def content(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.bucket, Key=self.prefix + key)["Body"].read()


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    server = Moto(tmp_path_factory.mktemp("moto") / "server")
    yield server
    server.stop()


@pytest.fixture
def between(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    client(moto.endpoint).create_bucket(Bucket="prelo-faults")
    with proxy_aside(moto.port) as made:
        yield made


@pytest.fixture
def plant(tmp_path: Path, moto: Moto, between: Proxy) -> Plant:
    url = address("prelo-faults", f"http://127.0.0.1:{between.port}", timeout=2)
    plant = Plant(tmp_path, files=url, attempts=100, breaker_open=1, lease=LEASE, beat=1)
    catalog = tmp_path / "reports"
    (catalog / "big.yaml").write_text(REPORT)
    (catalog / "big.py").write_text(BIG)
    prefix = urlsplit(url).path.lstrip("/") + "/"
    books = plant.books
    plant.books = InBucket(
        books.store, books.files, books.log, s3=client(moto.endpoint), bucket="prelo-faults",
        prefix=prefix,
    )  # fmt: skip
    return plant


async def trouble(proxy: Proxy) -> None:
    """One after the other, each until it has been felt."""
    async with asyncio.timeout(60):
        proxy.busy = 30
        while proxy.busy:
            await asyncio.sleep(0.05)
        proxy.stalled.set()
        while proxy.counted["stalled"] < 2:
            await asyncio.sleep(0.05)
        await asyncio.sleep(LEASE + 1)
        proxy.stalled.clear()
        proxy.cut_upload_after = 0  # the first 64 KiB of a request, and no more
        while proxy.counted["cut"] < 10:
            await asyncio.sleep(0.05)
        proxy.cut_upload_after = None


@pytest.mark.timeout(300 if FULL else 180)
async def test_a_bucket_that_refuses_stalls_and_truncates_costs_time_and_no_report(
    plant: Plant, between: Proxy
):
    async with plant.ports() as ports:
        with plant.staffed() as api:
            callers = Callers(plant, api, big)
            asking = asyncio.create_task(callers.ask(range(JOBS), 0.05))
            await trouble(between)
            await asking
            jobs = await plant.ended(ports, 120)
    assert callers.answers == {202: JOBS}, "callers noticed"
    assert {(job.state, job.lost_count) for job in jobs} == {(State.SUCCEEDED, 0)}
    assert max(job.attempt for job in jobs) > 1, "no attempt has felt it"
    for key in plant.books.keys():  # noqa: SIM118  no dictionary; orphans, too
        assert len(plant.books.content(key).splitlines()) == ROWS + 1, "half a file is visible"
    ledger.check(plant.books, plant.accepted, sum(between.counted.values()))
