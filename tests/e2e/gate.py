"""A door that asks who one is, with keys for it, and what stands behind it."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from prelo.app import keys
from prelo.config import Config
from prelo.core import job as transitions
from prelo.core.access import SCOPES, USUAL, Key, Scope
from prelo.core.errors import SourceUnavailable
from prelo.core.job import Job
from prelo.wiring import opened
from tests.e2e.conftest import CATALOG, Door

SALARIES = """
---
name: salaries
title: Salaries
allow: [hr]
source: {query: select 1}
"""
AWAY = SourceUnavailable("the warehouse does not answer").problem(6)


class Gate(Door):
    """A door that asks who one is, and keys for it."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, migrated: Path, **settings: Any) -> AsyncGenerator["Gate"]:
        catalog = folder / "reports"
        catalog.mkdir()
        (catalog / "all.yaml").write_text(CATALOG + SALARIES)
        asking: dict[str, Any] = {
            "auth": ("keys",),
            "data": folder / "data",
            "catalog": catalog,
            **settings,
        }
        config = Config(**asking)
        shutil.copytree(migrated, config.data)
        async with opened(config) as ports:
            gate = cls(ports, config)
            async with gate.http:
                yield gate
                await gate.app.state.house.close()

    async def key(self, *scopes: Scope, **told: Any) -> tuple[Key, str]:
        facts: dict[str, Any] = {"name": "ci", "tenant": "acme", "permissions": (), **told}
        wanted = keys.Wanted(scopes=scopes or USUAL, **facts)
        return await keys.create(wanted, self.ports.store, "test@here")

    async def as_(self, *scopes: Scope, **told: Any) -> httpx.AsyncClient:
        """Somebody with a key of these scopes."""
        _, text = await self.key(*scopes, **told)
        return self.by(text)

    def by(self, text: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {text}"}
        return httpx.AsyncClient(transport=transport, base_url="http://prelo", headers=headers)


def but(*scopes: Scope) -> list[Scope]:
    """All scopes but these."""
    return [scope for scope in SCOPES if scope not in scopes]


async def made(gate: Gate, http: httpx.AsyncClient, start: str = "2026-01-01") -> str:
    """The id of a job with a file."""
    body = {"report": "sales", "parameters": {"start": start}, "format": "csv"}
    answer = await http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return (await gate.hand.finish()).id


async def dead(gate: Gate, http: httpx.AsyncClient, start: str = "2026-06-06") -> str:
    body = {"report": "sales", "parameters": {"start": start}, "format": "csv"}
    await http.post("/v1/jobs", json=body)
    job = await gate.hand.begin()

    def given_up(job: Job, now: int) -> Job:
        return transitions.retry(job, now, AWAY, None)

    assert await gate.ports.store.move(job, given_up)
    return job.id


async def audit(gate: Gate, **marks: str) -> list[dict[str, Any]]:
    """What the audit has, once all of it is written."""
    await gate.app.state.house.trail.close()
    boss = await gate.as_("admin", name="boss", tenant="house")
    answer = await boss.get("/v1/audit", params=marks)
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


@pytest.fixture
async def gate(tmp_path: Path, migrated: Path) -> AsyncGenerator[Gate]:
    async with Gate.opened(tmp_path, migrated) as made:
        yield made
