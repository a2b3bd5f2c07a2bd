"""A plant of real processes over one data folder, to submit to, to kill, and to hold to account."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prelo.app import intake
from prelo.config import Config
from prelo.core.job import Job
from prelo.core.request import Caller, Request
from prelo.ports import Ports
from prelo.wiring import opened
from tests.faults import ledger
from tests.faults.process import begin
from tests.forks import Forked

ANYBODY = Caller()
# On real servers the same takes twice as long again: `make faults` asks for it.
FULL = bool(os.environ.get("TESTS_FULL"))
long = pytest.mark.skipif(not FULL, reason="takes its time: `make faults` has it")
PLANTS = ["embedded", "postgresql"] if FULL else ["embedded"]
on_every_plant = pytest.mark.parametrize("plant", PLANTS, indirect=True)
ALL = ("work", "upkeep")
ROOT = Path(__file__).parents[2]

REPORTS = """
name: quick
title: Quick
source: {query: "select 1 as n, 'one' as word union all select 2, 'two'"}
parameters: {k: {type: integer, default: 0}}
---
name: slow
title: Slow
source: {python: "slow.py:rows"}
parameters: {seconds: {type: number, default: 3}}
---
name: broken
title: Broken
source: {query: "select nonsense from nowhere"}
"""
SLOW = '''
import time

def rows(seconds):
    """A batch now, the rest later: something to be killed in."""
    yield [{"n": 1}]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.05)
        yield [{"n": 2}]
'''


Started = Forked | subprocess.Popen[str]


@dataclass(frozen=True)
class Up:
    """A process that runs."""

    pid: int
    port: int


class Plant:
    """One data folder. Leases are short, so that a lapse takes a second and not thirty."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.data = folder / "data"
        catalog = folder / "reports"
        catalog.mkdir()
        (catalog / "reports.yaml").write_text(REPORTS)
        (catalog / "slow.py").write_text(SLOW)
        self.settings: dict[str, Any] = {
            "data": str(self.data), "catalog": str(catalog), "slots": 1, "lease": 1.2, "beat": 0.3,
            "grace": 0.5, "retry_base": 0.05, "port": 0, "log": "text", "look": 0.2,
            "connections": {"default": f"sqlite:///{folder}/empty.db"},
        } | settings  # fmt: skip
        (folder / "empty.db").touch()
        self.environment: dict[str, str] = {}  # of the processes that are started from now on
        self.accepted: set[str] = set()
        self.books = ledger.Books(self.config.store, self.data / "files", folder / "log.txt")

    @property
    def config(self) -> Config:
        return Config(**self.settings)

    @asynccontextmanager
    async def ports(self) -> AsyncGenerator[Ports]:
        async with opened(self.config, migrate=True) as ports:
            yield ports

    async def submit(self, ports: Ports, report: str = "quick", **parameters: Any) -> Job:
        request = Request(report=report, parameters=parameters, format="csv")
        job = (await intake.submit(request, ANYBODY, ports)).job
        self.accepted.add(job.id)
        return job

    @contextmanager
    def process(self, *roles: str, **told: Any) -> Generator[Started]:
        """A process that is started, and killed in the end whatever happened."""
        message = {"config": self.settings, "roles": roles or ALL, **told}
        with self._started(message) as process:
            try:
                yield process
            finally:
                process.kill()

    def _started(self, message: dict[str, Any]) -> Started:
        if not self.environment:
            return Forked(begin, message, self.folder / "log.txt")
        path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
        with (self.folder / "log.txt").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.faults.process", json.dumps(message)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": path, **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    @contextmanager
    def running(self, *roles: str, **told: Any) -> Generator[Up]:
        """A process that is up; ended by SIGTERM, and expected to end well."""
        with self.process(*roles, **told) as process:
            yield Up(process.pid, self.ready(process))
            process.terminate()
            assert process.wait(30) == 0, self.log()

    @contextmanager
    def staffed(self, workers: int = 2) -> Generator[Up]:
        """An API, workers and an upkeep, each a process of its own; the API."""
        with ExitStack() as stack:
            api = stack.enter_context(self.running("api"))
            for roles in [("work",)] * workers + [("upkeep",)]:
                stack.enter_context(self.running(*roles))
            yield api

    async def crash(self, *roles: str, **crash: Any) -> None:
        """Run a process until it has killed itself at the named call; assert that it did."""
        with self.process(*roles, crash=crash) as process:
            await self.killed(process)

    async def killed(self, process: Started, seconds: float = 30) -> None:
        """Wait for the process to die by SIGKILL; anything else means that the fault did not happen."""
        code = await asyncio.to_thread(process.wait, seconds)
        assert code == -signal.SIGKILL, f"the fault did not happen: exit {code}\n{self.log()}"

    async def waiting(self, notes: Path) -> None:
        """Until a slot waits for a doorbell, and would hear one."""
        heard = (
            "select 1 as heard from pg_stat_activity "
            "where datname = current_database() and query like 'LISTEN prelo_lane%'"
        )
        async with asyncio.timeout(30):
            while not notes.exists():  # noqa: ASYNC240  a look at a local file
                await asyncio.sleep(0.05)
            while self.config.broker.startswith("postgresql:") and not self.books.rows(heard):
                await asyncio.sleep(0.05)

    async def ended(self, ports: Ports, seconds: float = 40) -> list[Job]:
        """All accepted jobs, when the last of them has ended."""
        end = time.monotonic() + seconds
        while True:
            jobs = [await ports.store.get(job_id) for job_id in sorted(self.accepted)]
            found = [job for job in jobs if job is not None]
            if len(found) == len(jobs) and all(job.state.ended for job in found):
                return found
            states = [(job.state, job.attempt, job.lost_count) for job in found]
            assert time.monotonic() < end, f"not ended: {states}\n{self.log()}"
            await asyncio.sleep(0.05)

    async def recover(self, ports: Ports, faults: int = 1) -> list[Job]:
        """Let a healthy process finish everything after so many faults, then hold the plant to account."""
        with self.running():
            jobs = await self.ended(ports)
        ledger.check(self.books, self.accepted, faults)
        return jobs

    def ready(self, process: Started) -> int:
        """Wait until the process says that it is up; its port."""
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("ready"), f"the process did not start\n{self.log()}"
        return int(line.split()[1])

    def log(self) -> str:
        """The end of what the processes said."""
        return "\n".join(self.said().splitlines()[-40:])

    def said(self, *words: str) -> str:
        """What the processes said, line by line; the lines with these words only."""
        lines = (self.folder / "log.txt").read_text().splitlines()
        return "\n".join(line for line in lines if all(word in line for word in words))
