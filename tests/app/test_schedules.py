"""Schedules over a whole Prelo: they fire, miss, overlap, pause, and are told what they would ask for."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from prelo.app import fire, schedules, upkeep
from prelo.core import job as transitions
from prelo.core.errors import Conflict, Invalid, NotFound, TooManyJobs, Unavailable
from prelo.core.fire import Firing
from prelo.core.job import Job, State
from prelo.core.report import Catalog
from prelo.core.request import Caller
from prelo.core.schedule import Plan, Schedule
from prelo.ports import LANES, JobFilter, Ports
from tests.app.conftest import ANYBODY, House
from tests.contracts.store_cases import succeed

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


async def test_upkeep_that_looks_once_a_minute_fires_in_time(house: House):
    """The time is moved near, by the store's clock: nobody waits for a minute."""
    schedule, stop = await made(house), asyncio.Event()
    at = await house.ports.store.clock() + 1500
    soon = schedule.model_copy(update={"next_fire_at": at})
    assert await house.ports.store.change_schedule(schedule, soon)
    keeping = asyncio.create_task(upkeep.upkeep(house.ports, stop, turn=60, look=60))
    async with asyncio.timeout(30):
        while not (found := await history(house, schedule)) or found[0].outcome == "open":
            await asyncio.sleep(0.02)
    stop.set()
    await keeping
    assert [(one.at, one.outcome) for one in found] == [(at, "fired")]
    assert found[0].created_at >= at


async def finished(house: House, **asked: Any) -> Job:
    """A job that has ended well, without a press."""
    await house.submit(**asked)
    job = await house.ports.store.claim(LANES, "hand", 30_000)
    assert job
    done = await house.ports.store.move(job, succeed)
    assert done
    return done


async def jobs(house: House) -> list[Job]:
    return list(await house.ports.store.list(JobFilter(tenant="default", limit=100)))


async def test_yesterdays_equal_request_does_not_answer_todays(house: House):
    told = {"report": "numbers", "format": "csv"}
    schedule = await made(house, request=told, catch_up=2, misfire="all")
    first = await finished(house, report="numbers")
    await due(house, schedule, 0)
    await fired(house)
    (firing,) = await history(house, schedule)
    job = await house.job(firing.job_id or "")
    assert (job.id != first.id, job.generation, job.state) == (True, 1, State.QUEUED)


async def test_a_file_that_is_young_enough_answers_where_the_request_says_so(house: House):
    told = {"report": "numbers", "format": "csv", "max_age": 3600}
    schedule = await made(house, request=told)
    first = await finished(house, report="numbers")
    await due(house, schedule, 0)
    await fired(house)
    assert (await history(house, schedule))[0].job_id == first.id


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        ("skip", ["missed"]),
        ("once", ["missed", "fired"]),
        ("all", ["missed", "fired", "fired", "fired"]),
    ],
)
async def test_after_an_outage_the_policy_says_what_fires(
    house: House, policy: str, wanted: list[str]
):
    schedule = await made(house, misfire=policy, catch_up=3, cron="0 * * * *")
    now = await house.ports.store.clock()
    past = schedule.model_copy(update={"next_fire_at": now // HOUR * HOUR - 9 * HOUR - 2 * MINUTE})
    assert await house.ports.store.change_schedule(schedule, past)
    await fired(house)
    found = [one for one in await history(house, schedule) if now - one.at > 60_000]
    on_time = now % HOUR < 60_000
    if policy == "once" and on_time:
        wanted = ["missed"]
    assert [one.outcome for one in found] == wanted
    assert "late, past the grace" in str(found[0].detail)
    assert len({one.job_id for one in found if one.job_id}) == len(wanted) - 1


async def test_firings_may_overlap_unless_the_plan_says_otherwise(house: House):
    schedule = await due(house, await made(house, misfire="all"), 3 * MINUTE)
    await fired(house)
    assert set(await outcomes(house, schedule)) == {"fired"}
    assert len(await jobs(house)) == 4


async def test_a_time_whose_job_before_still_runs_is_skipped(house: House):
    schedule = await due(house, await made(house, misfire="all", overlap="skip"), 2 * MINUTE)
    await fired(house)
    found = await history(house, schedule)
    assert [one.outcome for one in found] == ["fired", "skipped", "skipped"]
    assert f"the job before, {found[0].job_id}, is still queued" in str(found[1].detail)
    (job,) = await jobs(house)
    assert await house.ports.store.move(job, cancelled)
    await due(house, await schedules.find(schedule.id, ANYBODY, house.ports), -MINUTE)
    await again(house, schedule)
    await fired(house)
    assert (await outcomes(house, schedule))[-1] == "fired"


def cancelled(job: Job, now: int) -> Job:
    return transitions.cancel(job, now)


async def again(house: House, schedule: Schedule) -> None:
    """As if the next minute had come."""
    found = await schedules.find(schedule.id, ANYBODY, house.ports)
    now = await house.ports.store.clock()
    assert await house.ports.store.change_schedule(
        found, found.model_copy(update={"next_fire_at": now - 1})
    )


async def test_a_time_waits_for_the_job_before_and_only_one_does(house: House):
    schedule = await due(house, await made(house, misfire="all", overlap="wait"), 2 * MINUTE)
    await fired(house)
    found = await history(house, schedule)
    assert [one.outcome for one in found] == ["fired", "open", "skipped"]
    assert "another firing waits for it already" in str(found[2].detail)
    (job,) = await jobs(house)
    await hurried(house, schedule)
    assert (await outcomes(house, schedule))[1] == "open", "its job is not done yet"
    assert await house.ports.store.move(job, cancelled)
    await hurried(house, schedule)
    assert await outcomes(house, schedule) == ["fired", "fired", "skipped"]


async def hurried(house: House, schedule: Schedule, ports: Ports | None = None) -> None:
    """What waits is tried now."""
    for one in await house.ports.store.firings(schedule.id, 100, only_open=True):
        now = await house.ports.store.clock()
        assert await house.ports.store.settle_firing(one, one.model_copy(update={"try_at": now}))
    await fired(house, ports)


async def test_a_paused_schedule_fires_nothing_and_resumes_without_the_past(house: House):
    schedule = await made(house)
    await schedules.pause(schedule.id, ANYBODY, house.ports, None)
    await fired(house)
    found = await schedules.resume(schedule.id, ANYBODY, house.ports)
    assert (found.next_fire_at or 0) > await house.ports.store.clock()
    assert await outcomes(house, schedule) == []


async def test_what_was_due_when_it_was_paused_is_skipped(house: House):
    schedule = await due(house, await made(house), 0)
    alarm = fire.Alarm()
    full = Full(house.ports.store)
    await alarm.fire(replace(house.ports, store=full))  # pyright: ignore[reportArgumentType]  by __getattr__  a store all the same
    assert await outcomes(house, schedule) == ["open"]
    await schedules.pause(schedule.id, ANYBODY, house.ports, None)
    await hurried(house, schedule)
    (firing,) = await history(house, schedule)
    assert (firing.outcome, firing.detail) == (
        "skipped", "the schedule was paused before it had its job",
    )  # fmt: skip


async def test_a_pause_with_an_end_goes_on_by_itself(house: House):
    schedule = await made(house)
    until = await house.ports.store.clock() + DAY
    found = await schedules.pause(schedule.id, ANYBODY, house.ports, until)
    assert until <= (found.next_fire_at or 0) < until + MINUTE
    with pytest.raises(Invalid, match="a time to come"):
        await schedules.pause(schedule.id, ANYBODY, house.ports, until - 2 * DAY)


class Full:
    """A store without room for jobs, or for a while."""

    def __init__(self, store: Any, error: Exception | None = None) -> None:
        self._store, self._error = store, error or TooManyJobs("500 of your jobs are waiting", 1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def submit(self, *_: Any, **__: Any) -> Any:
        raise self._error


async def test_without_room_a_firing_is_tried_again_and_says_why(house: House):
    schedule = await due(house, await made(house), 0)
    ports: Any = replace(house.ports, store=Full(house.ports.store))  # pyright: ignore[reportArgumentType]  by __getattr__
    await fired(house, ports)
    (firing,) = await history(house, schedule)
    assert (firing.outcome, firing.tries, firing.detail) == (
        "open", 1, "500 of your jobs are waiting",
    )  # fmt: skip
    assert firing.try_at - firing.created_at >= 5_000
    await hurried(house, schedule, ports)
    assert (await history(house, schedule))[0].tries == 2
    await hurried(house, schedule)
    (firing,) = await history(house, schedule)
    assert (firing.outcome, firing.detail) == ("fired", None)


async def test_a_store_that_is_away_loses_nothing(house: House):
    schedule = await due(house, await made(house), 0)

    class Away(Full):
        async def settle_firing(self, *_: Any) -> bool:
            raise Unavailable("the database does not answer")

    away: Any = Away(house.ports.store, Unavailable("the database does not answer"))
    with pytest.raises(Unavailable):
        await fire.Alarm().fire(replace(house.ports, store=away))
    assert await outcomes(house, schedule) == ["open"]
    await fired(house)
    assert await outcomes(house, schedule) == ["fired"]


async def test_a_report_that_is_gone_is_the_outcome_and_the_next_time_comes_all_the_same(
    house: House,
):
    schedule = await due(house, await made(house), 0)
    empty: Any = replace(house.ports, catalog=Catalog())
    await fired(house, empty)
    (firing,) = await history(house, schedule)
    assert firing.outcome == "refused"
    assert "there is no report 'numbers'" in str(firing.detail)
    found = await schedules.find(schedule.id, ANYBODY, house.ports)
    assert (found.next_fire_at or 0) > firing.at


async def test_parameters_that_are_valid_no_more_are_the_outcome(house: House):
    schedule = await due(house, await made(house), 0)
    stricter = house.ports.catalog.get("numbers").model_copy(update={"parameters": {}})
    await fired(house, replace(house.ports, catalog=Catalog([stricter])))
    (firing,) = await history(house, schedule)
    assert firing.outcome == "refused"
    assert "n: the report has no such parameter" in str(firing.detail)


async def test_a_zone_that_the_machine_has_lost_pauses_its_schedule_only(house: House):
    good = await due(house, await made(house), 0)
    bad = await due(house, await made(house), 0)
    gone = bad.model_copy(update={"plan": plan(timezone="Mars/Olympus")})
    assert await house.ports.store.change_schedule(bad, gone)
    await fired(house)
    assert await outcomes(house, good) == ["fired"]
    (firing,) = await history(house, bad)
    assert firing.outcome == "refused"
    assert "no time zone 'Mars/Olympus'" in str(firing.detail)
    assert (await schedules.find(bad.id, ANYBODY, house.ports)).paused


async def test_it_runs_once_by_hand_paused_or_not_and_its_times_stay(house: House):
    schedule = await made(house, overlap="skip")
    first = await schedules.run(schedule.id, ANYBODY, house.ports)
    assert (first.outcome, first.asked) == ("fired", True)
    assert first.job_id
    await schedules.pause(schedule.id, ANYBODY, house.ports, None)
    second = await schedules.run(schedule.id, ANYBODY, house.ports)
    assert second.outcome == "fired"
    assert second.at > first.at
    found = await schedules.resume(schedule.id, ANYBODY, house.ports)
    assert found.next_fire_at == -(-(await house.ports.store.clock()) // MINUTE) * MINUTE


async def test_a_run_by_hand_that_is_refused_says_why(house: House):
    schedule = await made(house)
    ports: Any = replace(house.ports, catalog=Catalog())
    with pytest.raises(Conflict, match="could not fire: there is no report 'numbers'"):
        await schedules.run(schedule.id, ANYBODY, ports)
    assert await outcomes(house, schedule) == ["refused"]


async def test_a_schedule_is_its_tenants_and_scopes_and_fires_by_its_makers_rights(house: House):
    maker = Caller(tenant="acme", scope="north")
    schedule, _ = await schedules.create(plan(), maker, house.ports)
    for other in (ANYBODY, Caller(tenant="acme"), Caller(tenant="beta", scope="north")):
        for act in (
            schedules.find(schedule.id, other, house.ports),
            schedules.pause(schedule.id, other, house.ports, None),
            schedules.resume(schedule.id, other, house.ports),
            schedules.run(schedule.id, other, house.ports),
            schedules.remove(schedule.id, other, house.ports),
            schedules.history(schedule.id, other, house.ports, 9),
            schedules.change(schedule.id, other, house.ports, lambda one: one),
        ):
            with pytest.raises(NotFound, match="there is no schedule"):
                await act
        assert await schedules.listing(other, house.ports, 9) == []
    await due(house, schedule, 0)
    await fired(house)
    (firing,) = await history(house, schedule)
    job = await house.ports.store.get(firing.job_id or "")
    assert job
    assert (job.tenant, job.scope) == ("acme", "north")


async def test_several_upkeeps_at_once_fire_each_time_once(house: House):
    made_ = [await due(house, await made(house, misfire="all"), 4 * MINUTE) for _ in range(8)]
    alarms = [fire.Alarm() for _ in range(4)]
    while sum(await asyncio.gather(*(alarm.fire(house.ports) for alarm in alarms))):
        pass
    for schedule in made_:
        found = await history(house, schedule)
        assert [one.outcome for one in found] == ["fired"] * 5
        assert len({one.at for one in found}) == 5


async def test_a_change_holds_from_now_on(house: House):
    schedule = await made(house)
    found = await schedules.change(
        schedule.id, ANYBODY, house.ports, lambda old: old.model_copy(update={"cron": "0 0 1 1 *"})
    )
    assert found.revision == 1
    assert json.loads(found.plan.model_dump_json())["cron"] == "0 0 1 1 *"
    with pytest.raises(Invalid, match="has 1 field;"):
        await schedules.change(
            schedule.id, ANYBODY, house.ports, lambda old: old.model_copy(update={"cron": "x"})
        )
    assert (await schedules.find(schedule.id, ANYBODY, house.ports)) == found


@pytest.mark.parametrize("act", ["rename", "pause", "resume"])
async def test_a_time_that_was_due_before_a_change_is_on_record(house: House, act: str):
    schedule = await due(house, await made(house, misfire="once"), 2 * MINUTE)
    told = (schedule.id, ANYBODY, house.ports)
    if act == "rename":
        await schedules.change(*told, lambda old: old.model_copy(update={"name": "another"}))
    elif act == "pause":
        await schedules.pause(*told, None)
    else:
        await schedules.resume(*told)
    await fired(house)
    assert schedule.next_fire_at in [one.at for one in await history(house, schedule)]
