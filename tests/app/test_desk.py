"""The desk: what was given up is counted, run again or let go; once, at its pace, and on record."""

import asyncio
import time
from collections.abc import AsyncGenerator

import pytest

from prelo.app import desk
from prelo.core.errors import Conflict, NotFound, QueryFailed, SourceUnavailable
from prelo.core.job import Job, State
from prelo.core.job import fail as failing
from prelo.core.job import retry as retrying
from prelo.core.records import AuditFilter, DeadFilter
from prelo.ports import LANES
from tests.app.conftest import House

AWAY = SourceUnavailable("the warehouse does not answer").problem(6)
WRONG = QueryFailed("no such column: price").problem(1)


def errand(chosen: DeadFilter | None = None, **more: object) -> desk.Errand:
    values: dict[str, object] = {
        "chosen": chosen or DeadFilter(),
        "actor": "ana@desk",
        "door": "cli",
    }
    return desk.Errand(**{**values, **more})  # type: ignore[arg-type]  tests choose what they need


async def end(house: House, *, dead: bool = True) -> Job:
    """Take the next job, and give it up."""
    job = await house.ports.store.claim(LANES, "somebody", 60_000)
    assert job is not None

    def change(job: Job, now: int) -> Job:
        return retrying(job, now, AWAY, None) if dead else failing(job, now, WRONG)

    ended = await house.ports.store.move(job, change)
    assert ended is not None
    return ended


async def given_up(house: House, count: int, *, dead: bool = True) -> list[Job]:
    for n in range(count):
        await house.submit("numbers", parameters={"n": n + 1000 * (not dead)})
    return [await end(house, dead=dead) for _ in range(count)]


async def ids(jobs: AsyncGenerator[Job]) -> list[str]:
    return [job.id async for job in jobs]


async def test_replayed_jobs_run_again_and_are_made(house: House):
    dead = await given_up(house, 3)
    assert sorted(await ids(desk.replay(errand(), house.ports))) == sorted(job.id for job in dead)
    async with house.at_work():
        done = [await house.until(job.id, State.SUCCEEDED) for job in dead]
    assert {(job.generation, job.attempt, job.lost_count) for job in done} == {(1, 1, 0)}
    assert await ids(desk.replay(errand(), house.ports)) == []


async def test_nothing_is_replayed_twice_by_one_errand_though_it_dies_again(house: House):
    await given_up(house, 3)
    replayed = desk.replay(errand(), house.ports)
    first = await anext(replayed)
    assert (await end(house)).id == first.id  # at once, while the errand goes on
    assert first.id not in await ids(replayed)
    (left,) = await house.ports.store.dead(DeadFilter(), 10)
    assert (left.id, left.generation) == (first.id, 1)


async def test_an_errand_that_is_stopped_leaves_the_rest_and_its_repeat_finishes_it(house: House):
    dead = await given_up(house, 5)
    replayed = desk.replay(errand(), house.ports)
    done = {(await anext(replayed)).id, (await anext(replayed)).id}
    await replayed.aclose()
    assert len(await house.ports.store.dead(DeadFilter(), 10)) == 3
    again = await ids(desk.replay(errand(), house.ports))
    assert done.isdisjoint(again)
    assert done.union(again) == {job.id for job in dead}
    assert [(await house.job(job.id)).generation for job in dead] == [1] * 5


async def test_two_operators_at_once_do_each_job_once(house: House):
    dead = await given_up(house, 20)
    both = await asyncio.gather(
        *(ids(desk.replay(errand(actor=actor), house.ports)) for actor in ("ana", "bob"))
    )
    assert sorted(both[0] + both[1]) == sorted(job.id for job in dead)
    noted = await house.ports.store.audit(AuditFilter(limit=100))
    assert sorted(one.job_id for one in noted if one.actor == "ana") == sorted(both[0])
    assert {one.generation for one in noted} == {1}
    assert len(noted) == 20


async def test_only_what_is_chosen_and_no_more_than_wanted(house: House):
    dead = await given_up(house, 4)
    failed = await given_up(house, 2, dead=False)
    one = DeadFilter(ids=(dead[0].id, failed[0].id))
    assert await ids(desk.replay(errand(one), house.ports)) == [dead[0].id]
    assert len(await ids(desk.replay(errand(most=2), house.ports))) == 2
    assert len(await house.ports.store.dead(DeadFilter(), 10)) == 1
    wrong = DeadFilter(state=State.FAILED, error="query-failed")
    assert len(await ids(desk.replay(errand(wrong), house.ports))) == 2
    assert await ids(desk.replay(errand(DeadFilter(error="press-lost")), house.ports)) == []


async def test_a_rate_is_kept(house: House):
    await given_up(house, 3)
    began = time.monotonic()
    assert len(await ids(desk.replay(errand(rate=10), house.ports))) == 3
    assert time.monotonic() - began >= 0.3


async def test_a_replayed_job_stands_behind_what_was_asked_for_meanwhile(house: House):
    (dead,) = await given_up(house, 1)
    fresh = await house.submit("numbers", parameters={"n": 7})
    await asyncio.sleep(1.1)  # a job's cost puts it that far behind the clock
    assert await ids(desk.replay(errand(), house.ports)) == [dead.id]
    first = await house.ports.store.claim(LANES, "w", 60_000)
    assert first is not None
    assert first.id == fresh.id


async def test_dropped_jobs_are_gone_and_what_they_went_through_is_not(house: House):
    dead = await given_up(house, 2)
    (failed,) = await given_up(house, 1, dead=False)
    assert len(await ids(desk.drop(errand(), house.ports))) == 2
    for job in dead:
        assert await house.ports.store.get(job.id) is None
        log = await house.ports.store.transitions(job.id)
        assert [change.after for change in log] == [State.QUEUED, State.RUNNING, State.DEAD]
    assert (await house.job(failed.id)).state is State.FAILED
    noted = await house.ports.store.audit(AuditFilter())
    assert {(one.actor, one.action, one.tenant) for one in noted} == {
        ("ana@desk", "drop", "default")
    }
    assert noted[0].detail == {
        "door": "cli", "report": "numbers", "version": 1, "state": "dead", "error": AWAY.type,
    }  # fmt: skip


async def test_a_job_is_shown_with_all_it_went_through(house: House):
    (dead,) = await given_up(house, 1)
    assert await ids(desk.replay(errand(), house.ports)) == [dead.id]
    with pytest.raises(Conflict, match="is queued, neither dead nor failed"):
        await desk.show(dead.id, house.ports)
    await end(house)
    job, log = await desk.show(dead.id, house.ports)
    assert job.error == AWAY
    assert [(change.generation, change.after.value) for change in log] == [
        (0, "queued"), (0, "running"), (0, "dead"), (1, "queued"), (1, "running"), (1, "dead"),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        await desk.show("00000000-0000-8000-8000-000000000000", house.ports)


async def test_upkeep_says_of_each_death_to_the_broker(house: House):
    from prelo.app import upkeep

    await given_up(house, 2)
    assert await upkeep.bury(house.ports) == 2
    assert await upkeep.bury(house.ports) == 0
    health = await house.ports.store.health()
    assert health["outbox_oldest_seconds"] == 0
