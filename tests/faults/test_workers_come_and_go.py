"""Workers that are added and taken away under load, and ones that sleep through their lease."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

import pytest

from prelo.core.job import State
from prelo.ports import Ports
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import FULL, Plant, Started, long, on_every_plant

ROUNDS = 30 if FULL else 2
JOBS = 600 if FULL else 60


@on_every_plant
@long
@pytest.mark.timeout(900)  # a round is two starts, two jobs of four seconds, and two drains
async def test_workers_that_are_scaled_up_and_down_cost_no_job_and_no_attempt(plant: Plant):
    async with plant.ports() as ports:
        with plant.staffed(workers=1) as api:
            callers = Callers(plant, api)
            asking = asyncio.create_task(callers.ask(range(JOBS), 0.05))
            for round_ in range(ROUNDS):
                with contextlib.ExitStack() as first, contextlib.ExitStack() as second:
                    for more in (first, second):
                        await asyncio.to_thread(more.enter_context, plant.running("work"))
                    for k in range(2):  # one is a new worker's, and runs longer than a drain waits
                        seconds = 4 + (2 * round_ + k) / 1000
                        job = await plant.submit(ports, "slow", seconds=seconds)
                        await begun(ports, job.id)
                    await asyncio.gather(*(asyncio.to_thread(m.close) for m in (first, second)))
            await asking
            jobs = await plant.ended(ports, 90)
    drained = len(plant.said(" worker.stopped ").splitlines())
    assert drained >= 2 * ROUNDS, "the fault did not happen"
    assert {(job.state, job.attempt, job.lost_count) for job in jobs} == {(State.SUCCEEDED, 1, 0)}
    assert len(jobs) == JOBS + 2 * ROUNDS
    given_back = len(plant.said(" attempt.requeued ").splitlines())
    assert sum(job.fence - job.attempt for job in jobs) == given_back > 0
    ledger.check(plant.books, plant.accepted, drained)
    assert ledger.orphans(plant.books) == set()


@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "stop",
    [
        pytest.param({"at": "heard", "phase": "rendering"}, marks=long),
        pytest.param({"at": "heard", "phase": "storing"}, marks=long),
        {"at": "store.move", "when": "before"},
    ],
    ids=["rendering", "uploading", "before settle"],
)
async def test_a_worker_that_sleeps_through_its_lease_is_refused_when_it_wakes(
    plant: Plant, stop: dict[str, Any]
):
    async with plant.ports() as ports:
        job = await plant.submit(ports, "slow", seconds=1)
        with plant.process("work", crash={**stop, "stop": True}) as sleeper:
            await asyncio.to_thread(plant.ready, sleeper)
            await asleep(sleeper)
            with plant.running():
                await taken_over(ports, job.id)
                sleeper.send_signal(signal.SIGCONT)
                (done,) = await plant.ended(ports)
            assert (done.state, done.fence, done.lost_count) == (State.SUCCEEDED, 2, 1)
            async with asyncio.timeout(20):
                while not plant.said(" attempt.refused ", job.id):
                    await asyncio.sleep(0.05)
            sleeper.terminate()
            assert await asyncio.to_thread(sleeper.wait, 30) == 0, plant.log()
        assert await ports.store.get(job.id) == done
    ledger.check(plant.books, plant.accepted, 1)
    # It may not delete what it no longer owns: a file of its own stays for the sweep.
    assert len(ledger.orphans(plant.books)) <= 1


async def taken_over(ports: Ports, job_id: str) -> None:
    """Until the job is somebody else's, and under way."""
    async with asyncio.timeout(30):
        while not (job := await ports.store.get(job_id)) or job.fence < 2:
            assert job is None or not job.state.ended, "too late: it has ended"
            await asyncio.sleep(0.02)


async def begun(ports: Ports, job_id: str) -> None:
    async with asyncio.timeout(60):
        while not (job := await ports.store.get(job_id)) or job.state is State.QUEUED:
            await asyncio.sleep(0.05)


async def asleep(process: Started) -> None:
    """Until it has stopped itself."""
    status = Path(f"/proc/{process.pid}/stat")
    async with asyncio.timeout(20):
        while status.read_text().rpartition(")")[2].split()[0] != "T":  # noqa: ASYNC240  no disk is read
            await asyncio.sleep(0.05)
