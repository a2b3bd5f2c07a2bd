"""The clocks of an API and of a worker are wrong by ten minutes: the database's clock decides everything."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Generator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from prelo.core.job import State
from prelo.ports import Ports
from tests.faults import ledger
from tests.faults.plant import Plant, long
from tests.servers.run import missing

OFF = 600
RETENTION = 5
REPORT = f"""
name: fleeting
source: {{query: "select 1 as n"}}
retention: {RETENTION}
---
name: flaky
source: {{python: "flaky.py:rows"}}
---
name: steady
source: {{python: "flaky.py:steady"}}
"""
FLAKY = """
import select
import time
from pathlib import Path

from prelo.core.errors import SourceUnavailable

def rows():
    tried = Path({tried!r})
    if not tried.exists():
        tried.touch()
        raise SourceUnavailable("not yet")
    return [{{"n": 1}}]

def steady():
    end = time.monotonic() + 3
    while time.monotonic() < end:
        select.select([], [], [], 0.05)  # libfaketime breaks time.sleep
        yield [{{"n": 2}}]
"""


@contextlib.contextmanager
def wrong(plant: Plant, seconds: int) -> Generator[None]:
    """Whoever is started here believes it is so much later; what is measured stays as it is."""
    found = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if found is None:
        missing("libfaketime", "faketime")
    plant.environment = {
        "LD_PRELOAD": str(found), "FAKETIME": f"{seconds:+d}", "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip
    yield
    plant.environment = {}


@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
@pytest.mark.parametrize("off", [OFF, -OFF], ids=["fast", "slow"])
@long
@pytest.mark.timeout(180)
async def test_clocks_that_are_wrong_by_ten_minutes_change_nothing(plant: Plant, off: int):
    catalog = plant.folder / "reports"
    (catalog / "clocks.yaml").write_text(REPORT)
    (catalog / "flaky.py").write_text(FLAKY.format(tried=str(plant.folder / "tried")))
    plant.settings["retry_base"] = 1
    async with plant.ports() as ports:
        with contextlib.ExitStack() as stack:
            with wrong(plant, off):
                api = stack.enter_context(plant.running("api"))
                worker = stack.enter_context(plant.process("work"))
                await asyncio.to_thread(plant.ready, worker)
            other = stack.enter_context(plant.running("work", "upkeep"))
            assert other.pid
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{api.port}", trust_env=False, timeout=30
            ) as http:
                await asked(plant, http, off)
                jobs = {job.report: job for job in await plant.ended(ports)}
                await kept(ports, jobs["fleeting"].id)
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 30) == 0, plant.log()
    steady, flaky, fleeting = jobs["steady"], jobs["flaky"], jobs["fleeting"]
    wrong_ends = [job.error for job in jobs.values() if job.error]
    assert not wrong_ends
    assert {job.state for job in jobs.values()} <= {State.SUCCEEDED, State.EXPIRED}
    assert (steady.fence, steady.lost_count) == (1, 0), (
        "a lease was not kept by the database's clock"
    )
    assert (flaky.attempt, flaky.lost_count) == (2, 0)
    for job in jobs.values():
        for moment in (job.created_at, job.started_at, job.finished_at, job.run_at):
            assert abs((moment or 0) / 1000 - time.time()) < 120, "somebody's own clock was written"
    assert fleeting.finished_at
    assert fleeting.expires_at == fleeting.finished_at + 1000 * RETENTION
    ledger.check(plant.books, plant.accepted, 2)


async def asked(plant: Plant, http: httpx.AsyncClient, off: int) -> None:
    """At the door with the wrong clock."""
    for body in (
        {"report": "steady", "deadline": 120},
        {"report": "flaky", "deadline": 120},
        {"report": "fleeting", "deadline": 120},
    ):
        answer = await http.post("/v1/jobs", json={"format": "csv", **body})
        assert answer.status_code == 202, answer.text
        plant.accepted.add(answer.json()["id"])
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(told - time.time() - off) < 60, "the fault did not happen"


async def kept(ports: Ports, job_id: str) -> None:
    """The file is there for as long as was promised, and gone soon after."""
    async with asyncio.timeout(30):
        while (job := await ports.store.get(job_id)) and job.state is not State.EXPIRED:
            await asyncio.sleep(0.1)
    assert job
    assert job.expires_at
    late = time.time() - job.expires_at / 1000
    assert 0 <= late < 20, "it was not the database's clock that deleted it"
