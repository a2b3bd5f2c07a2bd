"""A whole Prelo in this process, with a real press: the embedded default, with short times."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prelo.app import intake
from prelo.app.produce import Terms
from prelo.app.upkeep import upkeep
from prelo.app.worker import work
from prelo.config import Config
from prelo.core.job import Job, State
from prelo.core.request import Caller, Request
from prelo.core.retry import RetryPolicy
from prelo.core.rules import TenantLimits
from prelo.ports import Ports
from prelo.wiring import opened
from tests import forks
from tests.app.noticing import desk

__all__ = ["desk"]

ANYBODY = Caller()
REPORTS = Path(__file__).parent / "reports"


class Kept:
    """The real presses, kept warm for a whole test: a worker that stops leaves its press to the next."""

    def __init__(self, presses: Any) -> None:
        self.presses = presses
        self._idle: list[Any] = []

    async def start(self) -> "Kept._Press":
        return Kept._Press(
            self._idle.pop() if self._idle else await self.presses.start(), self._idle
        )

    async def close(self) -> None:
        for press in self._idle:
            await press.close()

    class _Press:
        def __init__(self, press: Any, idle: list[Any]) -> None:
            self.render, self._press, self._idle = press.render, press, idle

        async def close(self) -> None:
            self._idle.append(self._press)


class House:
    """Ports, and a worker and upkeep that run while a test wants them."""

    def __init__(self, ports: Ports, config: Config) -> None:
        self.ports, self.config = ports, config

    async def submit(self, report: str | None = None, **rest: Any) -> Job:
        request = Request.model_validate({"report": report, "format": "csv", **rest})
        return (await intake.submit(request, ANYBODY, self.ports)).job

    async def job(self, job_id: str) -> Job:
        return await intake.find(job_id, ANYBODY, self.ports)

    async def until(self, job_id: str, *states: State, seconds: float = 30) -> Job:
        """Wait until the job is in one of these states."""
        async with asyncio.timeout(seconds):
            while (job := await self.job(job_id)).state not in states:
                await asyncio.sleep(0.02)
        return job

    async def finished(self, report: str | None = None, **rest: Any) -> Job:
        """Submit, and run until it has ended."""
        job = await self.submit(report, **rest)
        async with self.at_work():
            return await self.until(job.id, *(s for s in State if s.ended))

    async def content(self, job: Job) -> bytes:
        assert job.artifact
        return b"".join([piece async for piece in self.ports.files.read(job.artifact.key)])

    def stored(self) -> set[str]:
        """What lies in storage, unfinished uploads included."""
        folder = self.config.data / "files"
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}

    @contextlib.asynccontextmanager
    async def at_work(
        self, slots: int = 1, limits: TenantLimits | None = None
    ) -> AsyncGenerator[None]:
        stop = asyncio.Event()
        terms = Terms(
            owner=secrets.token_hex(4),
            lease=6,
            beat=0.5,
            retry=RetryPolicy(attempts=3, base_ms=10),
            limits=limits or TenantLimits(),
        )
        tasks = [
            asyncio.create_task(work(self.ports, terms, stop, slots=slots, look=0.3, grace=0.3)),
            asyncio.create_task(upkeep(self.ports, stop, turn=0.2, look=0.1)),
        ]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "source.db").touch()
    config = Config(
        data=tmp_path / "data",
        catalog=REPORTS,
        log="json",
        connections={"default": f"sqlite:///{tmp_path}/source.db"},
    )
    async with opened(config, migrate=True) as ports:
        given: Any = ports.presses
        kept = Kept(forks.Presses(given.command, given.hello, jobs=given.jobs, memory=given.memory))
        yield House(replace(ports, presses=kept), config)
        await kept.close()
