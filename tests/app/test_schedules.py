"""Schedules over a whole Prelo: they fire, miss, overlap, pause, and are told what they would ask for."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from prelo.app import fire, schedules
from prelo.core.errors import Conflict, Invalid, NotFound, TooManyJobs, Unavailable
from prelo.core.fire import Firing
from prelo.core.job import Job, State
from prelo.core.request import Caller
from prelo.core.schedule import Plan, Schedule
from prelo.ports import Ports
from tests.app.conftest import ANYBODY, House

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVERY_MINUTE = "* * * * *"
STAMP = "{{ fire.time | '%Y%m%d%H%M%S' }}"


def plan(**chosen: Any) -> Plan:
    request = {"report": "numbers", "format": "csv", "parameters": {"n": STAMP}}
    told = {"name": "Numbers", "cron": EVERY_MINUTE, "request": request, **chosen}
    return Plan.model_validate(told)


async def made(house: House, **chosen: Any) -> Schedule:
    schedule, fresh = await schedules.create(plan(**chosen), ANYBODY, house.ports)
    assert fresh
    return schedule


async def due(house: House, schedule: Schedule, ago: int) -> Schedule:
    """As if nobody had looked since the time of its that lies about so many ms in the past."""
    now = await house.ports.store.clock()
    past = schedule.model_copy(update={"next_fire_at": (now - ago) // MINUTE * MINUTE})
    assert await house.ports.store.change_schedule(schedule, past)
    return past


async def fired(house: House, ports: Ports | None = None) -> None:
    """Everything that is due, until nothing is."""
    alarm = fire.Alarm()
    while await alarm.fire(ports or house.ports):
        pass


async def history(house: House, schedule: Schedule) -> list[Firing]:
    """The oldest first."""
    return list(reversed(await house.ports.store.firings(schedule.id, 1000)))


async def outcomes(house: House, schedule: Schedule) -> list[str]:
    return [one.outcome for one in await history(house, schedule)]


async def test_a_time_that_has_come_becomes_one_job_with_the_parameters_of_that_time(house: House):
    schedule = await due(house, await made(house), 0)
    await fired(house)
    (firing,) = await history(house, schedule)
    assert (firing.at, firing.outcome) == (schedule.next_fire_at, "fired")
    job = await house.job(firing.job_id or "")
    assert str(job.parameters["n"]).endswith("00")
    found = await schedules.find(schedule.id, ANYBODY, house.ports)
    assert found.next_fire_at == firing.at + MINUTE
    assert found.last_job_id == job.id
