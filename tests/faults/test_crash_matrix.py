"""Each line of the crash matrix: a real process is killed there, another one goes on, the ledger is clean."""

import asyncio
import contextlib
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.plant import Plant, on_every_plant

pytestmark = on_every_plant
BODY = {"report": "quick", "format": "csv"}


@pytest.mark.parametrize(
    ("crash", "stored"),
    [
        ({"at": "store.submit", "when": "before"}, False),
        ({"at": "commit", "nth": 1}, False),
        ({"at": "store.submit", "when": "after"}, True),
    ],
    ids=["before the submit", "in its commit", "after the commit, before the 202"],
)
async def test_a_caller_whose_api_dies_asks_again_and_gets_the_one_job(
    plant: Plant, crash: dict[str, Any], *, stored: bool
):
    async with plant.ports() as ports:
        with plant.process("api", crash=crash) as process:
            url = f"http://127.0.0.1:{await asyncio.to_thread(plant.ready, process)}/v1/jobs"
            async with httpx.AsyncClient(trust_env=False) as client:
                with pytest.raises(httpx.TransportError):
                    await client.post(url, json=BODY, headers={"Idempotency-Key": "k1"})
            await plant.killed(process)
        assert (await ports.store.depth() == 1) is stored
        with plant.running("api") as again:
            url = f"http://127.0.0.1:{again.port}/v1/jobs"
            async with httpx.AsyncClient(trust_env=False) as client:
                answers = [
                    await client.post(url, json=BODY, headers={"Idempotency-Key": "k1"})
                    for _ in range(2)
                ]
        assert {answer.status_code for answer in answers} == {202}
        plant.accepted = {answer.json()["id"] for answer in answers}
        assert len(plant.accepted) == 1
        jobs = await plant.recover(ports)
        assert [job.state for job in jobs] == [State.SUCCEEDED]
        assert await ports.store.depth() == 0


@pytest.mark.parametrize(
    ("crash", "attempts", "losses"),
    [
        ({"at": "store.claim", "when": "after"}, 2, 1),
        ({"at": "heard", "phase": "rendering"}, 2, 1),
        ({"at": "heard", "phase": "storing"}, 2, 1),
        ({"at": "store.move", "when": "before"}, 2, 1),
        ({"at": "store.move", "when": "after"}, 1, 0),
    ],
    ids=[
        "claimed, before the ack",
        "rendering",
        "uploading",
        "uploaded, before settle",
        "after settle",
    ],
)
async def test_a_job_whose_worker_dies_is_finished_once_by_another(
    plant: Plant, crash: dict[str, Any], attempts: int, losses: int
):
    async with plant.ports() as ports:
        await plant.submit(ports, "slow", seconds=0.5)  # of a shorter one a press says nothing
        await plant.crash("work", "upkeep", **crash)
        (job,) = await plant.recover(ports)
        assert job.state is State.SUCCEEDED
        assert (job.attempt, job.lost_count) == (attempts, losses)
        assert len(ledger.orphans(plant.books)) <= losses


async def test_a_worker_that_dies_with_a_doorbell_in_hand_has_spent_no_attempt(
    plant: Plant, tmp_path: Path
):
    plant.settings["look"] = 30  # nothing but the doorbell leads to the job
    notes = tmp_path / "bells.txt"
    async with plant.ports() as ports:
        crash = {"at": "broker.take", "when": "after"}
        with plant.process(crash=crash, bells=str(notes)) as process:
            await plant.waiting(notes)
            await plant.submit(ports)
            await plant.killed(process)
        assert notes.read_text().split() == ["wait", "take"]
        (job,) = await plant.recover(ports)
        assert (job.state, job.attempt, job.lost_count) == (State.SUCCEEDED, 1, 0)


@pytest.mark.parametrize("nth", range(1, 6))
async def test_a_worker_that_dies_in_any_of_its_commits_changes_nothing_twice(
    plant: Plant, nth: int
):
    async with plant.ports() as ports:
        await plant.submit(ports)
        await plant.crash("work", "upkeep", at="commit", nth=nth)
        (job,) = await plant.recover(ports)
        assert job.state is State.SUCCEEDED
        assert job.lost_count <= 1


@pytest.mark.parametrize(
    "crash",
    [
        {"at": "broker.ring", "when": "before"},
        {"at": "broker.ring", "when": "after"},
        {"at": "store.rung", "when": "before"},
        {"at": "store.rung", "when": "after"},
    ],
    ids=["before ringing", "rung, not marked", "before the mark", "marked, broker's memory lost"],
)
async def test_a_doorbell_lost_with_its_relay_costs_seconds_and_no_job(
    plant: Plant, crash: dict[str, Any]
):
    async with plant.ports() as ports:
        await plant.submit(ports)
        await plant.crash("upkeep", **crash)
        (job,) = await plant.recover(ports)
        assert (job.state, job.attempt) == (State.SUCCEEDED, 1)


async def test_a_doorbell_is_acknowledged_after_the_claim_and_not_before(
    plant: Plant, tmp_path: Path
):
    notes = tmp_path / "bells.txt"
    plant.settings["look"] = 30
    async with plant.ports() as ports:
        # The first claim is the look of a slot that has just started; the second follows the doorbell.
        crash = {"at": "store.claim", "when": "before", "nth": 2}
        with plant.process(crash=crash, bells=str(notes)) as process:
            await plant.waiting(notes)
            await plant.submit(ports)
            await plant.killed(process)
        assert notes.read_text().split() == ["wait", "take"]
        (job,) = await plant.recover(ports)
        assert job.state is State.SUCCEEDED


async def test_a_press_that_is_killed_under_a_job_is_replaced(plant: Plant):
    """Every time: so the job is poison, and dead at its third loss, and the worker lives on."""
    async with plant.ports() as ports:
        await plant.submit(ports, "slow", seconds=2)  # or it might be done before it is killed
        with plant.running(crash={"at": "heard", "phase": "rendering", "child": True}):
            (job,) = await plant.ended(ports)
            assert (job.state, job.lost_count, job.lane) == (State.DEAD, 3, "isolation")
            assert job.error
            assert job.error.type == "press-lost"
        ledger.check(plant.books, plant.accepted, job.lost_count)
        assert ledger.orphans(plant.books) == set()


async def test_a_worker_stopped_for_longer_than_its_lease_finds_its_job_gone(plant: Plant):
    """It wakes while another one renders: its beats and its result must be refused."""
    async with plant.ports() as ports:
        job = await plant.submit(ports, "slow", seconds=4)
        with plant.running("work") as first:
            await running(plant, ports, job.id)
            await stopped(plant, first.pid)
            with plant.running():
                await running(plant, ports, job.id, fence=2)
                os.kill(first.pid, signal.SIGCONT)
                await refused(plant)
                (done,) = await plant.ended(ports)
        assert (done.state, done.fence, done.lost_count) == (State.SUCCEEDED, 2, 1)
        ledger.check(plant.books, plant.accepted, 1)


async def running(plant: Plant, ports: Any, job_id: str, fence: int = 1) -> None:
    for _ in range(200):
        job = await ports.store.get(job_id)
        if job.state is State.RUNNING and job.fence == fence:
            await asyncio.sleep(0.3)  # somewhere in the middle of it
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the job never ran\n{plant.log()}")


async def stopped(plant: Plant, pid: int) -> None:
    """Stop the process, but not while it holds SQLite's one write lock: that would stop everybody."""
    for _ in range(50):
        os.kill(pid, signal.SIGSTOP)
        if not plant.config.store.startswith("sqlite:"):
            return
        with contextlib.closing(sqlite3.connect(plant.data / "prelo.db", timeout=0.2)) as db:
            try:
                db.execute("begin immediate")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                await asyncio.sleep(0.05)
            else:
                return
    raise AssertionError("the process could not be stopped outside of a write")


async def refused(plant: Plant) -> None:
    """The late worker has said that it gave up."""
    for _ in range(200):
        if "attempt.lost" in plant.log() or "attempt.refused" in plant.log():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the late worker was not refused\n{plant.log()}")


async def test_sigterm_gives_a_running_job_back_and_spends_no_attempt(plant: Plant):
    async with plant.ports() as ports:
        job = await plant.submit(ports, "slow", seconds=30)
        with plant.running("work"):
            await running(plant, ports, job.id)
        given_back = await ports.store.get(job.id)
        assert given_back
        assert (given_back.state, given_back.attempt, given_back.lost_count) == (State.QUEUED, 0, 0)
        assert ledger.orphans(plant.books) == set()


async def test_random_kills_lose_nothing_and_publish_nothing_twice(plant: Plant):
    async with plant.ports() as ports:
        for k in range(30):
            await plant.submit(ports, k=k)
        kills = 0
        for pause in (1.2, 0.9, 1.5, 1.1):
            with plant.process() as process:
                await asyncio.to_thread(plant.ready, process)
                await asyncio.sleep(pause)
                process.send_signal(signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
        assert kills == 4
        jobs = await plant.recover(ports, kills)
        assert {job.state for job in jobs} <= {State.SUCCEEDED, State.DEAD}
        assert sum(job.state is State.SUCCEEDED for job in jobs) >= 28
