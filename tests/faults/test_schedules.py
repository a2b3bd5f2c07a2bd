"""Upkeep processes are killed while they fire schedules: each time fires once, each firing has its job."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import pytest

from prelo.app import schedules
from prelo.core import job as transitions
from prelo.core.errors import QueryFailed
from prelo.core.fire import Firing
from prelo.core.schedule import Plan, Schedule
from prelo.ports import LANES, Ports
from tests.faults import ledger
from tests.faults.plant import ANYBODY, Plant, Started, long, on_every_plant

MINUTE, TIMES = 60_000, 12
# On both sides of the step of a schedule to its next time, and of the job of a firing.
WORST = [
    {"at": "store.change_schedule", "when": "before", "nth": 1},
    {"at": "store.change_schedule", "when": "after", "nth": 1},
    {"at": "store.submit", "when": "before", "nth": 4},
    {"at": "store.submit", "when": "after", "nth": 4},
]


async def behind(ports: Ports, number: int) -> Schedule:
    """A schedule whose last times nobody has fired. No two of them ask for the same."""
    stamp = f"{{{{ fire.time | '{number}%m%d%H%M' }}}}"
    request = {"report": "quick", "format": "csv", "parameters": {"k": stamp}}
    told = {"name": f"Number {number}", "cron": "* * * * *", "misfire": "all", "catch_up": 100}
    plan = Plan.model_validate({**told, "request": request})
    made, _ = await schedules.create(plan, ANYBODY, ports)
    now = await ports.store.clock()
    past = made.model_copy(update={"next_fire_at": (now // MINUTE - TIMES + 1) * MINUTE})
    assert await ports.store.change_schedule(made, past)
    return past


async def settled(plant: Plant, ports: Ports, schedule: Schedule) -> list[Firing]:
    """Its firings up to now, when none is open."""
    async with asyncio.timeout(40):
        while True:
            found = await ports.store.firings(schedule.id, 1000)
            if len(found) >= TIMES and all(one.outcome != "open" for one in found):
                break
            await asyncio.sleep(0.05)
    plant.accepted |= {one.job_id or "" for one in found}
    return list(reversed(found))


async def check(ports: Ports, schedule: Schedule, found: list[Firing]) -> None:
    """Every minute since its first one, each with a job of its own that was queued once."""
    first = schedule.next_fire_at or 0
    assert [one.at for one in found] == [first + n * MINUTE for n in range(len(found))]
    assert Counter(one.outcome for one in found) == {"fired": len(found)}
    assert len({one.job_id for one in found}) == len(found)
    for one in found:
        log = await ports.store.transitions(one.job_id or "")
        assert [change.after for change in log] == ["queued", "running", "failed"]


async def failing(ports: Ports, stop: asyncio.Event) -> None:
    """Every job ends at once, without a press: whoever asked for it a second time would run it again."""
    problem = QueryFailed("no such table").problem(1)
    while not stop.is_set():
        job = await ports.store.claim(LANES, "hand", 60_000)
        if job is None:
            await asyncio.sleep(0.02)
        else:
            await ports.store.move(job, lambda job, now: transitions.fail(job, now, problem))


@asynccontextmanager
async def at_work(ports: Ports) -> AsyncGenerator[None]:
    """Until everything that was asked for has ended."""
    stop = asyncio.Event()
    working = asyncio.create_task(failing(ports, stop))
    yield
    async with asyncio.timeout(30):
        while await ports.store.depth():
            await asyncio.sleep(0.02)
    stop.set()
    await working


async def until_dead(ports: Ports, process: Started) -> list[Schedule]:
    """Schedules fall behind, one after the other, until the process has had the occasion to die."""
    made: list[Schedule] = []
    while process.poll() is None:
        assert len(made) < 60, "it never came to fire one"
        made.append(await behind(ports, len(made) + 1))
        await asyncio.sleep(0.2)
    return made


@on_every_plant
async def test_of_three_upkeeps_one_is_killed_and_each_time_fires_once(plant: Plant):
    async with plant.ports() as ports:
        with ExitStack() as stack:
            told: list[dict[str, Any]] = [{}, {}, {"crash": WORST[3]}]
            upkeeps = [stack.enter_context(plant.process("upkeep", **one)) for one in told]
            for upkeep in upkeeps:
                plant.ready(upkeep)
            dying = upkeeps[-1]
            async with at_work(ports):
                made = await until_dead(ports, dying)
                await plant.killed(dying)
                found = [await settled(plant, ports, one) for one in made]
        for schedule, firings in zip(made, found, strict=True):
            await check(ports, schedule, firings)
        ledger.check(plant.books, plant.accepted, 1)


@pytest.mark.parametrize("crash", WORST, ids=lambda crash: f"{crash['when']} {crash['at']}")
@long
@on_every_plant
async def test_killed_at_each_step_no_time_is_missed_or_doubled(
    plant: Plant, crash: dict[str, Any]
):
    async with plant.ports() as ports:
        schedule = await behind(ports, 1)
        await plant.crash("upkeep", **crash)
        with plant.running("upkeep"):
            async with at_work(ports):
                found = await settled(plant, ports, schedule)
        await check(ports, schedule, found)
        ledger.check(plant.books, plant.accepted, 1)
