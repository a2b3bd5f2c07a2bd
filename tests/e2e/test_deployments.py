"""The same reports on every deployment: one process on a folder, and several on real servers."""

import contextlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import forks
from tests.contracts.s3_fixtures import address
from tests.servers.postgresql import Postgresql
from tests.servers.s3 import KEYS

CATALOG = """
name: cities
title: Cities before {year}
parameters: {year: {type: integer, default: 2026}}
source: {query: "select name, people from city where founded < :year order by name"}
columns: {people: {title: People, total: sum}}
pdf: {header: "{report}||"}
---
name: broken
source: {query: "select nonsense from nowhere"}
"""
APART = ("api", "api", "work", "work", "upkeep")


@dataclass
class Deployment:
    """Processes that share a store and files; `urls` are those of the API's."""

    folder: Path
    settings: dict[str, str]
    urls: list[str] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)

    def job(self, report: str, form: str, api: int = 0, **parameters: Any) -> dict[str, Any]:
        """A job that has ended, asked of one of the APIs."""
        body = {"report": report, "format": form, "parameters": parameters}
        with self.http(api) as http:
            return http.post("/v1/jobs", json=body, headers={"Prefer": "wait=40"}).json()

    def file(self, report: str, form: str, api: int = 0, **parameters: Any) -> bytes:
        job = self.job(report, form, api, **parameters)
        assert job["state"] == "succeeded", (job, self.log)
        with self.http(-1 - api) as http:  # the other one hands it out
            return http.get(f"/v1/jobs/{job['id']}/file").content

    def http(self, api: int) -> httpx.Client:
        return httpx.Client(
            base_url=self.urls[api], timeout=60, trust_env=False, follow_redirects=True
        )

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")[-8000:]


@contextmanager
def deployed(folder: Path, roles: tuple[str, ...], **settings: str) -> Generator[Deployment]:
    """Processes of these roles over one catalog and one database of cities."""
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "reports.yaml").write_text(CATALOG)
    with contextlib.closing(sqlite3.connect(folder / "cities.db")) as database, database:
        database.execute("create table city (name text, people integer, founded integer)")
        rows = [("Bern", 134_000, 1191), ("Zürich", 448_000, 929), ("Neustadt", 5, 2050)]
        database.executemany("insert into city values (?, ?, ?)", rows)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
    chosen = {
        "PRELO_DATA": str(folder / "data"), "PRELO_CATALOG": str(folder / "reports"), "PRELO_LOG": "json",
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{folder}/cities.db", "PRELO_SLOTS": "1", **settings,
    }  # fmt: skip
    deployment = Deployment(folder, chosen)
    with ExitStack() as stack:
        processes: list[forks.Forked] = []
        for role in roles:
            port = ["--port", "0"] if role in {"serve", "api"} else []
            process = forks.begun([role, "--json", *port], kept | chosen, folder / "log.txt")
            processes.append(stack.enter_context(process))
            deployment.pids[role] = process.pid
        for process in processes:
            stack.callback(process.terminate)  # all of them, before one is waited for
        for role, process in zip(roles, processes, strict=True):
            line = process.stdout.readline()
            assert line, deployment.log
            if role in {"serve", "api"}:
                deployment.urls.append(json.loads(line)["url"])
        yield deployment


@contextmanager
def database(server: str) -> Generator[str]:
    """A new database there, without tables."""
    name = f"prelo_deployed_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with deployed(tmp_path_factory.mktemp("embedded") / "one", ("serve",)) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def postgresql_only(
    tmp_path_factory: pytest.TempPathFactory, postgresql: str
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("postgresql_only") / "many"
    with database(postgresql) as url, deployed(folder, APART, PRELO_STORE=url) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def every_server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """PostgreSQL, RabbitMQ, Redis and S3."""
    postgresql, rabbitmq, redis, moto = (
        request.getfixturevalue(name) for name in ("postgresql", "rabbitmq_url", "redis", "moto")
    )
    bucket = request.getfixturevalue("bucket_of")(moto)
    with database(postgresql) as store:
        settings = {
            "PRELO_STORE": store, "PRELO_BROKER": f"{rabbitmq}?prefix=t{secrets.token_hex(4)}",
            "PRELO_CACHE": redis, "PRELO_FILES": address(bucket, moto), **KEYS,
        }  # fmt: skip
        folder = tmp_path_factory.mktemp("every_server") / "many"
        with deployed(folder, APART, **settings) as deployment:
            yield deployment


@pytest.fixture(scope="module", params=["postgresql_only", "every_server"])
def apart(request: pytest.FixtureRequest) -> Deployment:
    """Two APIs, two workers and upkeep, on real servers."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("form", ["csv", "xlsx", "pdf"])
def test_files_are_equal_wherever_they_are_made(embedded: Deployment, apart: Deployment, form: str):
    assert apart.file("cities", form) == embedded.file("cities", form)


def test_a_request_made_at_two_doors_is_one_job(apart: Deployment):
    jobs = [apart.job("cities", "csv", api, year=1200) for api in (0, 1)]
    assert jobs[0]["id"] == jobs[1]["id"]
    assert {job["state"] for job in jobs} == {"succeeded"}


def test_a_failure_says_the_same_everywhere(embedded: Deployment, apart: Deployment):
    said = [deployment.job("broken", "csv")["error"] for deployment in (embedded, apart)]
    assert said[0] == said[1]
    assert "nowhere" in said[0]["detail"]


def test_many_at_once_are_made_once_each(apart: Deployment):
    def ask(n: int) -> tuple[str, str]:
        job = apart.job("cities", "csv", n % 2, year=n // 2)  # each by two callers
        return job["id"], job["state"]

    with ThreadPoolExecutor(16) as callers:
        jobs = list(callers.map(ask, range(80)))
    assert {state for _, state in jobs} == {"succeeded"}
    assert len({job_id for job_id, _ in jobs}) == 40


def test_every_process_says_that_it_is_ready(apart: Deployment):
    for api in range(2):
        with apart.http(api) as http:
            ready = http.get("/readyz")
            assert ready.status_code == 200, ready.text


def test_who_only_works_goes_behind_who_answers(apart: Deployment):
    nice = {role: os.getpriority(os.PRIO_PROCESS, pid) for role, pid in apart.pids.items()}
    assert nice["work"] > nice["api"] == nice["upkeep"] == os.getpriority(os.PRIO_PROCESS, 0)


def test_a_database_that_comes_after_its_processes_is_waited_for(tmp_path: Path):
    server = Postgresql()
    try:
        server.stop()
        with deployed(
            tmp_path / "early", ("api", "work", "upkeep"), PRELO_STORE=server.url
        ) as deployment:
            with deployment.http(0) as http:
                ready = http.get("/readyz")
                asked = http.post("/v1/jobs", json={"report": "cities", "format": "csv"})
            assert (ready.status_code, asked.status_code) == (503, 503)
            assert "the store is not well: the database 'postgres' at" in ready.json()["detail"]
            assert "cannot be reached; is the server running?" in ready.json()["detail"]
            assert asked.headers["Retry-After"]
            server.start()
            with deployment.http(0) as http:
                until = time.monotonic() + 30
                while http.get("/readyz").status_code != 200:
                    assert time.monotonic() < until, deployment.log
                    time.sleep(0.1)
            assert b"Bern" in deployment.file("cities", "csv")
    finally:
        server.close()
