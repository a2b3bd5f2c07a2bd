"""The HTTP door over the embedded default, and a worker that is driven by hand."""

import asyncio
import contextlib
import hashlib
import shutil
import socket
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from prelo.config import Config
from prelo.core import job as transitions
from prelo.core.errors import PreloError
from prelo.core.job import Artifact, Job, Progress
from prelo.core.table import Manifest, SheetRows
from prelo.core.topics import news_topic
from prelo.entry.api.http import create_app
from prelo.entry.sockets import MOST_SAID, Sockets, Streams
from prelo.ports import LANES, Ports
from prelo.wiring import opened
from tests.contracts.broker_fixtures import rabbitmq_server, rabbitmq_url
from tests.contracts.issuer_fixtures import giver
from tests.contracts.redis_fixtures import redis
from tests.contracts.s3_fixtures import bucket_of, moto
from tests.contracts.sql_fixtures import mariadb_server, on_mariadb, on_postgresql
from tests.servers.fixtures import postgresql

__all__ = [
    "bucket_of", "giver", "mariadb_server", "moto", "on_mariadb", "on_postgresql", "postgresql",
    "rabbitmq_server", "rabbitmq_url", "redis",
]  # fmt: skip

CATALOG = """
name: sales
version: 2
title: Sales
description: What was sold
parameters:
  start: {type: date}
  region: {type: string, default: all, enum: [all, north]}
formats: [xlsx, csv]
source: {query: "select 'secret-table'"}
---
name: sales
version: 1
title: Sales
source: {query: select 1}
---
name: stock
title: Stock
source: {query: select 1}
"""
CONTENT = b"".join(b"line %d\r\n" % n for n in range(1000))


class Hand:
    """Does what a worker does, one step at a time."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.mute = False

    async def begin(self) -> Job:
        """Claim a job, as soon as there is one."""
        async with asyncio.timeout(20):
            while (job := await self.ports.store.claim(LANES, "hand", 30_000)) is None:
                await asyncio.sleep(0.01)
        await self._say(job)
        return job

    async def _say(self, job: Job) -> None:
        """As a worker does; where words are lost, it is `mute`."""
        if not self.mute:
            await self.ports.cache.publish(news_topic(job.tenant), job.id)

    async def progress(self, job: Job, rows: int) -> None:
        assert await self.ports.store.beat(job, 30_000, Progress(phase="writing", rows=rows))
        await self._say(job)

    async def finish(
        self, job: Job | None = None, content: bytes = CONTENT, name: str = "sales.csv"
    ) -> Job:
        job = job or await self.begin()
        key = job.artifact_key("nonce", "csv")
        with self.ports.files.create(key, "text/csv") as sink:
            sink.write(content)
        artifact = Artifact(
            key=key, name=name, media_type="text/csv", size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )  # fmt: skip
        manifest = Manifest(format="csv", rows=1000, sheets=(SheetRows(name="Sales", rows=1000),))

        def succeeded(j: Job, now: int) -> Job:
            return transitions.succeed(j, now, artifact, manifest)

        return await self._move(job, succeeded)

    async def fail(self, error: PreloError, job: Job | None = None) -> Job:
        def failed(j: Job, now: int) -> Job:
            return transitions.fail(j, now, error.problem(1))

        return await self._move(job or await self.begin(), failed)

    async def give_back(self, job: Job) -> Job:
        return await self._move(job, transitions.release)

    async def expire(self, job: Job) -> Job:
        def expired(j: Job, now: int) -> Job:
            return transitions.expire(j.model_copy(update={"expires_at": now}), now)

        return await self._move(job, expired)

    async def _move(self, job: Job, change: Any) -> Job:
        moved = await self.ports.store.move(job, change)
        assert moved, "somebody else was first"
        await self._say(moved)
        return moved


class Door:
    """The application, a way in that needs no socket, and the worker's hand."""

    def __init__(self, ports: Ports, config: Config) -> None:
        self.ports, self.config = ports, config
        self.app: FastAPI = create_app(ports, config)
        self.hand = Hand(ports)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://prelo")

    async def ask(self, start: str = "2026-01-01", **headers: str) -> httpx.Response:
        body = {"report": "sales", "parameters": {"start": start}, "format": "csv"}
        return await self.http.post("/v1/jobs", json=body, headers=headers)

    async def asked(self, start: str = "2026-01-01") -> str:
        return (await self.ask(start)).json()["id"]

    async def finished(self, start: str = "2026-01-01", **made: Any) -> str:
        job_id = await self.asked(start)
        await self.hand.finish(**made)
        return job_id

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncGenerator[httpx.AsyncClient]:
        """The same application on a socket."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(2048)  # whoever connects before the server is up waits
        server = uvicorn.Server(
            uvicorn.Config(
                self.app,
                log_config=None,
                lifespan="off",
                timeout_graceful_shutdown=1,
                http=Streams,
                ws=Sockets,
                ws_max_size=MOST_SAID,
                ws_per_message_deflate=False,
            )
        )
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]  pytest has the signals
        serving = asyncio.create_task(server.serve([listener]))
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with httpx.AsyncClient(base_url=url, timeout=20) as http:
                yield http
        finally:
            await self.app.state.house.live.close()
            server.should_exit = True
            await serving
            listener.close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is up to date: migrating takes longer than most tests."""
    folder = tmp_path_factory.mktemp("migrated")

    async def migrate() -> None:
        async with opened(Config(data=folder, catalog=folder), migrate=True):
            pass

    asyncio.run(migrate())
    return folder


@pytest.fixture
async def door(tmp_path: Path, migrated: Path) -> AsyncGenerator[Door]:
    catalog = tmp_path / "reports"
    catalog.mkdir()
    (catalog / "all.yaml").write_text(CATALOG)
    config = Config(data=tmp_path / "data", catalog=catalog, log="json", max_body=64 * 1024)
    shutil.copytree(migrated, config.data)
    async with opened(config) as ports:
        made = Door(ports, config)
        async with made.http:
            yield made
