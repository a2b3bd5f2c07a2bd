"""One report, tenant or source that misbehaves, and real processes that go on for all others."""

import asyncio
from collections import Counter

import pytest

from prelo.app import intake
from prelo.core import job as transitions
from prelo.core.errors import Quarantined
from prelo.core.job import Job, State
from prelo.core.request import Caller, Request
from prelo.ports import Ports
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import PLANTS, Plant, long, on_every_plant

MANY = 2_000 if len(PLANTS) > 1 else 500
REPORTS = """
name: hungry
source: {python: "hungry.py:rows"}
parameters: {k: {type: integer, default: 0}}
limits: {memory: 400000000, seconds: 30}
---
name: far
source: {python: "far.py:rows"}
parameters: {k: {type: integer, default: 0}}
---
name: crashing
source: {python: "hungry.py:crash"}
parameters: {k: {type: integer, default: 0}}
"""
HUNGRY = """
import ctypes

def rows(k):
    held = []
    while True:
        held.append(b"x" * 10_000_000)

def crash(k):
    ctypes.string_at(0)
"""
FAR = """
from pathlib import Path

from prelo.core.errors import SourceUnavailable

def rows(k):
    if Path({away!r}).exists():
        raise SourceUnavailable("the warehouse does not answer")
    return [{{"k": k}}]
"""
pytestmark = on_every_plant


@pytest.fixture(autouse=True)
def reports(plant: Plant) -> None:
    catalog = plant.folder / "reports"
    (catalog / "guards.yaml").write_text(REPORTS)
    (catalog / "hungry.py").write_text(HUNGRY)
    (catalog / "far.py").write_text(FAR.format(away=str(plant.folder / "away")))


def log(plant: Plant) -> str:
    return (plant.folder / "log.txt").read_text()


async def said(plant: Plant, words: str) -> None:
    """Until a process has said so."""
    for _ in range(600):
        if words in log(plant):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the fault did not happen: nobody said {words}\n{plant.log()}")


async def test_reports_that_eat_memory_without_end_cost_the_good_ones_nothing(plant: Plant):
    plant.settings["slots"] = 2
    async with plant.ports() as ports:
        hungry = {(await plant.submit(ports, "hungry", k=k)).id for k in range(2)}
        for k in range(40):
            await plant.submit(ports, k=k)
        with plant.running():
            jobs = await plant.ended(ports, 60)
        for job in jobs:
            if job.id in hungry:
                assert (job.state, job.attempt) == (State.FAILED, 1)
                assert job.error
                assert job.error.type == "out-of-memory"
            else:
                assert (job.state, job.attempt, job.lost_count) == (State.SUCCEEDED, 1, 0)
        ledger.check(plant.books, plant.accepted)
        assert ledger.orphans(plant.books) == set()


async def test_a_source_that_is_away_for_a_while_costs_its_jobs_time_and_others_nothing(
    plant: Plant,
):
    """Its breaker opens; what is claimed meanwhile is given back, and costs no attempt."""
    plant.settings |= {"breaker_open": 1, "retry_base": 1}
    away = plant.folder / "away"
    away.touch()
    async with plant.ports() as ports:
        far = {(await plant.submit(ports, "far", k=k)).id for k in range(14)}
        with plant.running():
            await said(plant, "attempt.snoozed")
            near = await plant.submit(ports)
            await until(ports, near.id, State.SUCCEEDED)
            away.unlink()
            jobs = await plant.ended(ports, 60)
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    text = log(plant)
    for event in ("breaker.opened", "breaker.half_open", "breaker.closed"):
        assert f" {event} " in text, event
    snoozed = text.count(" attempt.snoozed ")
    assert snoozed > 0
    assert sum(job.fence - job.attempt for job in jobs) == snoozed
    assert all(job.attempt == 1 for job in jobs if job.id not in far)
    ledger.check(plant.books, plant.accepted)


async def until(ports: Ports, job_id: str, *states: State) -> Job:
    job = None
    for _ in range(600):
        job = await ports.store.get(job_id)
        assert job
        if job.state in states:
            return job
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job is still {job and job.state}")


async def test_a_report_that_crashes_again_and_again_rests_until_it_is_released(plant: Plant):
    plant.settings["max_losses"] = 1
    async with plant.ports() as ports:
        crashing = await plant.submit(ports, "crashing")
        with plant.running():
            await said(plant, "report.quarantined")
            with pytest.raises(Quarantined, match="'crashing' version 1"):
                await plant.submit(ports, "crashing", k=9)
            good = await plant.submit(ports)
            await until(ports, good.id, State.SUCCEEDED)
            waits = await until(ports, crashing.id, State.QUEUED)
            assert (waits.lost_count, waits.lane) == (2, "isolation")
            assert await ports.store.release("crashing")
            jobs = await plant.ended(ports)
        assert Counter((job.state, job.lost_count) for job in jobs) == {
            (State.DEAD, 3): 1,
            (State.SUCCEEDED, 0): 1,
        }
        ledger.check(plant.books, plant.accepted)


@pytest.mark.timeout(300)  # thousands are submitted one by one
async def test_the_next_job_of_a_tenant_runs_soon_behind_thousands_of_another(plant: Plant):
    async def ask(tenant: str, k: int) -> Job:
        request = Request(report="quick", parameters={"k": k}, format="csv")
        job = (await intake.submit(request, Caller(tenant=tenant), ports)).job
        plant.accepted.add(job.id)
        return job

    async with plant.ports() as ports:
        for start in range(0, MANY, 100):
            await asyncio.gather(*(ask("noisy", k) for k in range(start, start + 100)))
        with plant.running():
            for _ in range(600):
                if plant.books.rows("select id from job where state = 'succeeded' limit 3")[2:]:
                    break
                await asyncio.sleep(0.05)
            before = claims(plant)
            quiet = await ask("quiet", 0)
            await until(ports, quiet.id, State.SUCCEEDED)
            assert claims(plant) - before < 20, "it waited for the noisy one"
        assert await ports.store.depth() > MANY / 2, "the fault did not happen"
        for row in plant.books.rows("select id from job where state = 'queued'"):
            job = await ports.store.get(row["id"])
            assert job
            await ports.store.move(job, transitions.cancel)
        ledger.check(plant.books, plant.accepted)


def claims(plant: Plant) -> int:
    statement = "select count(*) as n from transition where after = 'running'"
    return plant.books.rows(statement)[0]["n"]


@long
@pytest.mark.parametrize(("limit", "status"), [("max_queued", 503), ("max_queued_per_tenant", 429)])
async def test_five_times_too_many_callers_are_told_to_wait_and_all_are_served(
    plant: Plant, limit: str, status: int
):
    plant.settings[limit] = 8
    async with plant.ports() as ports:
        with plant.running("api") as api, plant.running(), plant.running("work"):
            callers = [Callers(plant, api) for _ in range(40)]
            asking = [one.ask(range(n, n + 1), 0) for n, one in enumerate(callers)]
            await asyncio.gather(*asking)
            answers = sum((one.answers for one in callers), Counter[int]())
            assert answers[status] > 0, "the fault did not happen"
            assert set(answers) == {202, status}
            jobs = await plant.ended(ports, 60)
            later = Callers(plant, api)
            await later.ask(range(100, 105), 0)
            assert later.answers == {202: 5}, "it has not recovered"
            await plant.ended(ports)
        assert Counter((job.state, job.attempt) for job in jobs) == {(State.SUCCEEDED, 1): 40}
        ledger.check(plant.books, plant.accepted)
