"""The clock: doorbells are rung, lapsed leases rescued, old files deleted, orphans swept."""

import asyncio
import os
import time

import pytest

from prelo.app import upkeep
from prelo.core.errors import Unavailable
from prelo.core.job import Job, State
from prelo.core.report import Lane
from prelo.ports import Bell, Ports
from tests.app.conftest import House

DAY = 86_400


async def claimed(house: House, lease_ms: int = 1) -> Job:
    job = await house.ports.store.claim(("small", "large", "isolation"), "somebody", lease_ms)
    assert job
    return job


class Deaf:
    """A broker that confirms nothing."""

    rung = 0

    async def ring(self, bell: Bell) -> None:
        self.rung += 1
        raise Unavailable(f"no confirm for {bell.job_id}")


def with_broker(ports: Ports, broker: object) -> Ports:
    from dataclasses import replace

    return replace(ports, broker=broker)  # type: ignore[arg-type]


async def bell(house: House, lane: Lane = "small") -> Bell | None:
    return await house.ports.broker.take((lane,), 0.05)


async def test_a_submitted_job_is_rung_once(house: House):
    job = await house.submit("numbers")
    assert await upkeep.relay(house.ports) == 1
    assert await upkeep.relay(house.ports) == 0
    heard = await bell(house)
    assert heard
    assert heard.job_id == job.id
    assert await bell(house) is None


async def test_a_doorbell_that_was_not_confirmed_is_rung_again(house: House):
    await house.submit("numbers")
    with pytest.raises(Unavailable, match="no confirm"):
        await upkeep.relay(with_broker(house.ports, Deaf()))
    assert await bell(house) is None
    await upkeep.relay(house.ports)
    assert await bell(house)


async def test_jobs_that_come_while_the_broker_is_away_do_not_drive_the_relay(house: House):
    deaf, stop = Deaf(), asyncio.Event()
    keeping = asyncio.create_task(upkeep.upkeep(with_broker(house.ports, deaf), stop, look=60))
    for k in range(20):
        await house.submit("numbers", parameters={"n": k})
        await asyncio.sleep(0.03)
    stop.set()
    await keeping
    assert 0 < deaf.rung <= 20, "each new job rang again for all that wait"


async def test_a_lapsed_job_is_given_to_the_isolation_lane_and_dead_the_third_time(house: House):
    await house.submit("numbers")
    for losses in (1, 2, 3):
        job = await claimed(house)
        await asyncio.sleep(0.01)
        await upkeep.tidy(house.ports)
        job = await house.job(job.id)
        assert job.lost_count == losses
    assert (job.state, job.lane) == (State.DEAD, "isolation")
    assert job.error
    assert job.error.type == "worker-lost"


async def test_a_lease_that_is_kept_is_left_alone(house: House):
    await house.submit("numbers")
    job = await claimed(house, lease_ms=60_000)
    await upkeep.tidy(house.ports)
    assert (await house.job(job.id)).state is State.RUNNING


async def test_an_outlived_file_is_deleted_and_its_job_says_so(house: House):
    done = await house.finished("brief")
    assert house.stored()
    await asyncio.sleep(0.12)
    await upkeep.tidy(house.ports)
    assert (await house.job(done.id)).state is State.EXPIRED
    assert house.stored() == set()


async def test_the_sweep_takes_old_orphans_and_nothing_else(house: House):
    done = await house.finished("numbers")
    assert done.artifact
    root = house.config.data / "files"
    old, young = root / "default/x/0/1-a.csv", root / "default/x/0/2-b.csv"
    staged = root / "default/x/0/3-c.csv#1"
    for path in (old, young, staged):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("orphan")
    for path in (old, staged, root / done.artifact.key):
        then = time.time() - 2 * DAY
        os.utime(path, (then, then))
    await upkeep.sweep_files(house.ports)
    assert house.stored() == {done.artifact.key, "default/x/0/2-b.csv"}


async def test_several_upkeeps_at_once_do_each_thing_once(house: House):
    jobs = [await house.submit("numbers", parameters={"n": n}) for n in range(20)]
    for _ in jobs:
        await claimed(house)
    await asyncio.sleep(0.01)
    await asyncio.gather(*(upkeep.tidy(house.ports) for _ in range(4)))
    assert [(await house.job(job.id)).lost_count for job in jobs] == [1] * 20
    await asyncio.gather(*(upkeep.tidy(house.ports) for _ in range(4)))
    assert [(await house.job(job.id)).lost_count for job in jobs] == [1] * 20
