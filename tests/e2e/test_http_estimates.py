"""What a request would take, and where a waiting job stands, as the HTTP door tells it."""

import asyncio
import shutil
import sqlite3
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from prelo.app.outlook import Estimates
from prelo.config import Config
from prelo.core.request import Caller, Request, order
from prelo.wiring import opened
from tests.e2e.conftest import Door
from tests.e2e.test_http_refusals import is_problem

CATALOG = """
name: cities
title: Cities
parameters: {year: {type: integer, default: 2026}}
source: {query: "select name from city where founded < :year"}
---
name: abroad
source: {connection: warehouse, query: select 1}
"""
CITIES = {"report": "cities", "format": "csv"}


@pytest.fixture
async def door(tmp_path: Path, migrated: Path) -> AsyncGenerator[Door]:
    catalog = tmp_path / "reports"
    catalog.mkdir()
    (catalog / "all.yaml").write_text(CATALOG)
    with sqlite3.connect(tmp_path / "cities.db") as db:
        db.execute("create table city (name text, founded integer)")
        db.executemany("insert into city values (?, ?)", [("Bern", 1191), ("Brasília", 1960)])
    db.close()
    config = Config(
        data=tmp_path / "data",
        catalog=catalog,
        connections={"default": f"sqlite:///{tmp_path}/cities.db"},
        max_queued_per_tenant=5,
        max_requests_per_tenant={"*": 10_000},
    )
    shutil.copytree(migrated, config.data)
    async with opened(config) as ports:
        made = Door(ports, config)
        async with made.http:
            yield made
            await made.app.state.house.close()


async def checked(door: Door, **asked: Any) -> dict[str, Any]:
    answer = await door.http.post("/v1/jobs?validate_only=true", json=CITIES | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def counted(door: Door, **asked: Any) -> dict[str, Any]:
    """The same, once the source has had its time: opening it for the first time takes longer."""
    async with asyncio.timeout(60):
        while (told := await checked(door, **asked))["estimate"]["rows"] is None:
            await asyncio.sleep(0.05)
    return told


async def test_a_request_is_estimated_and_nothing_is_stored(door: Door):
    told = await counted(door, parameters={"year": 1500})
    assert told["estimate"] == {"rows": 1, "seconds": None, "bytes": None, "jobs": 0}
    assert (await counted(door))["estimate"]["rows"] == 2
    assert told["quota"]["queued"] == {"limit": 5, "left": 5}
    assert told["quota"]["requests"]["limit"] == 10_000
    assert 0 < told["quota"]["requests"]["left"] < 10_000
    assert (await door.http.get("/v1/jobs")).json()["jobs"] == []


async def test_time_and_size_are_those_of_the_reports_own_history(door: Door):
    for year in (1, 2, 3):
        await door.http.post("/v1/jobs", json=CITIES | {"parameters": {"year": year}})
        await door.hand.finish(content=b"x" * 10 * year)
    told = (await checked(door))["estimate"]
    assert (told["bytes"], told["jobs"]) == (20, 3)
    assert 0 <= told["seconds"] < 30
    waiting = await door.http.post("/v1/jobs", json=CITIES)
    assert waiting.status_code == 202
    assert (await checked(door))["quota"]["queued"] == {"limit": 5, "left": 4}


async def test_what_the_source_cannot_say_is_null(door: Door):
    told = await checked(door, report="abroad")  # a connection that only workers have
    assert told["estimate"]["rows"] is None
    with pytest.raises(AssertionError, match="422"):
        await checked(door, parameters={"year": "x"})


async def test_a_source_that_thinks_too_long_keeps_nobody(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.outlook._SECONDS", 0.05)
    go = threading.Event()
    begun: list[object] = []

    class Slow:
        def count(self, report: object, parameters: object) -> int:  # noqa: ARG002  the port's
            begun.append(report)
            go.wait(20)
            return 7

    estimates = Estimates(door.ports, lambda: {"sql": Slow()})  # type: ignore[dict-item]  a part of it
    report = door.ports.catalog.get("cities")
    ordered, _ = order(Request(report="cities", format="csv"), door.ports.catalog, Caller())
    answers = [await estimates.of(ordered, report) for _ in range(6)]
    assert {answer.rows for answer in answers} == {None}
    go.set()
    monkeypatch.setattr("prelo.app.outlook._SECONDS", 5)
    while (answer := await estimates.of(ordered, report)).rows is None:
        await asyncio.sleep(0.01)
    assert answer.rows == 7
    assert len(begun) == 3  # two at once; nobody else's was kept for later
    estimates.close()


async def test_a_waiting_job_says_where_it_stands_and_its_tag_is_of_the_job_alone(door: Door):
    await door.http.post("/v1/jobs", json=CITIES | {"parameters": {"year": 9}})
    await door.hand.finish()
    ids: list[str] = []
    for year in (1, 2, 3):
        answer = await door.http.post("/v1/jobs", json=CITIES | {"parameters": {"year": year}})
        assert answer.json()["queue"] is None
        ids.append(answer.json()["id"])
    shown = [await door.http.get(f"/v1/jobs/{job_id}") for job_id in ids]
    assert [one.json()["queue"]["position"] for one in shown] == [1, 2, 3]
    assert all(one.json()["queue"]["eta_seconds"] >= 0 for one in shown)
    tag = shown[2].headers["etag"]
    assert tag.startswith('W/"')
    running = await door.hand.begin()
    again = await door.http.get(f"/v1/jobs/{ids[2]}", headers={"If-None-Match": tag})
    assert again.status_code == 304  # it stands elsewhere, and is what it was
    assert (await door.http.get(f"/v1/jobs/{ids[2]}")).json()["queue"]["position"] == 2
    now = await door.http.get(f"/v1/jobs/{running.id}")
    assert (now.json()["queue"], now.headers["etag"][0]) == (None, '"')
    listed = (await door.http.get("/v1/jobs")).json()["jobs"]
    assert {job["queue"] for job in listed} == {None}


async def test_the_sixth_job_is_one_too_many_and_says_so(door: Door):
    for year in range(5):
        await door.http.post("/v1/jobs", json=CITIES | {"parameters": {"year": year}})
    assert (await checked(door))["quota"]["queued"]["left"] == 0
    answer = await door.http.post("/v1/jobs", json=CITIES)
    assert is_problem(answer, 429, "too-many-jobs")["violated-policies"] == ["queued"]
