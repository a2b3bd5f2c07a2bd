"""Trouble around an attempt: nothing is left lying, no attempt is spent, no error grows without bound."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prelo.app import intake, upkeep
from prelo.core.errors import Misconfigured, Unavailable
from prelo.core.job import Job, Progress, State
from prelo.entry.roles import run
from prelo.ports import Pressed, Task
from tests.app.conftest import ANYBODY, House


async def test_cancelling_in_the_middle_of_an_upload_leaves_no_part_of_it(house: House):
    job = await house.submit("never-ends")
    async with house.at_work():
        async with asyncio.timeout(20):
            while not house.stored():  # a part has been written
                await asyncio.sleep(0.02)
        await intake.cancel(job.id, ANYBODY, house.ports)
        await house.until(job.id, State.CANCELLED)
    assert house.stored() == set()


async def test_an_exception_of_any_length_and_spelling_is_told_in_short(house: House):
    job = await house.finished("wordy")
    assert (job.state, job.attempt) == (State.FAILED, 1)
    assert job.error
    assert job.error.detail.startswith("bad.py, line ")
    assert "half a surrogate ? and much more xxx" in job.error.detail
    assert len(job.error.detail) < 5_000


class Listening:
    """The presses, and every word of progress that comes from them."""

    def __init__(self, presses: Any) -> None:
        self._presses = presses
        self.words: list[Progress] = []

    async def start(self) -> "Listening":
        self._press = await self._presses.start()
        return self

    async def render(self, task: Task, heard: Callable[[Progress], None]) -> Pressed:
        def hear(progress: Progress) -> None:
            self.words.append(progress)
            heard(progress)

        return await self._press.render(task, hear)

    async def close(self) -> None:
        await self._press.close()


async def test_a_report_of_many_small_batches_does_not_talk_all_the_time(house: House):
    listening = Listening(house.ports.presses)
    house.ports = replace(house.ports, presses=listening)
    job = await house.finished("chatty")
    assert job.state is State.SUCCEEDED
    phases = [word.phase for word in listening.words]
    assert (phases[0], phases[-1]) == ("rendering", "storing")  # that it reads goes without saying
    assert len(phases) < 1_000


class Troubled:
    """A store whose methods can be put out of order, one by one."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.trouble: dict[str, Callable[[], Any]] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: Any, **named: Any) -> Any:
            if name in self.trouble:
                await self.trouble[name]()
            return await method(*args, **named)

        return call


def troubled(house: House) -> Troubled:
    store: Any = Troubled(house.ports.store)
    house.ports = replace(house.ports, store=store)
    return store


async def for_ever() -> None:
    await asyncio.Event().wait()


async def damaged() -> None:
    raise Misconfigured("the database is damaged")


@pytest.mark.parametrize("trouble", [for_ever, damaged])
async def test_a_store_that_does_not_take_beats_costs_the_attempt_before_the_lease_lapses(
    house: House, trouble: Callable[[], Any]
):
    store = troubled(house)
    job = await house.submit("slow")
    async with house.at_work():
        await house.until(job.id, State.RUNNING)
        store.trouble["beat"] = trouble
        async with asyncio.timeout(20):  # the one slot is free again, and takes the rescued job
            while (now := await house.job(job.id)).fence < 2:
                await asyncio.sleep(0.02)
        store.trouble.clear()
        assert (now.state, now.lost_count) == (State.RUNNING, 1)
        await intake.cancel(job.id, ANYBODY, house.ports)
        await house.until(job.id, State.CANCELLED)


class Unheard(Troubled):
    """A store that claims, or does not, and whose first answer to that is lost."""

    taken = True
    lost: Job | None = None
    asked = 0

    async def claim(self, *args: Any, **named: Any) -> Job | None:
        self.asked += 1
        if self.asked == 1:
            self.lost = await self._store.claim(*args, **named) if self.taken else None
            raise Unavailable("the connection was lost")
        return await self._store.claim(*args, **named)


@pytest.mark.parametrize("taken", [True, False], ids=["done", "undone"])
async def test_a_claim_whose_answer_is_lost_costs_nothing(house: House, *, taken: bool):
    store = Unheard(house.ports.store)
    store.taken = taken
    given: Any = store
    house.ports = replace(house.ports, store=given)
    job = await house.submit("numbers")
    async with house.at_work(slots=1):
        done = await house.until(job.id, State.SUCCEEDED, seconds=5)  # a lease lapses after six
    assert (store.lost is not None) == taken
    assert (done.attempt, done.lost_count, done.fence) == (1, 0, 1)


async def test_upkeep_that_failed_once_still_hears_of_new_jobs_at_once(house: House):
    store = troubled(house)
    failed = asyncio.Event()

    async def once() -> None:
        del store.trouble["bells"]
        failed.set()
        raise Unavailable("just now not")

    store.trouble["bells"] = once
    stop = asyncio.Event()
    keeping = asyncio.create_task(upkeep.upkeep(house.ports, stop, turn=60, look=2))
    await failed.wait()
    await asyncio.sleep(2.2)  # the pause after an error
    job = await house.submit("numbers")
    bell = await house.ports.broker.take(("small",), 1)
    assert bell, "it was heard only at the next look"
    assert bell.job_id == job.id
    stop.set()
    await keeping


async def test_when_one_role_breaks_the_worker_still_gives_its_jobs_back(house: House):
    store = troubled(house)
    job = await house.submit("slow")
    config = house.config.model_copy(update={"grace": 0.2, "slots": 1})
    running = asyncio.create_task(run(config, house.ports, ["upkeep", "work"]))
    await house.until(job.id, State.RUNNING)

    async def bug() -> None:
        raise ZeroDivisionError

    store.trouble["bells"] = bug
    with pytest.raises(ZeroDivisionError):
        await running
    given_back = await house.job(job.id)
    assert (given_back.state, given_back.attempt, given_back.lost_count) == (State.QUEUED, 0, 0)


class Unstartable:
    """Presses of which the machine starts none just now."""

    async def start(self) -> "Unstartable":
        return self

    async def render(self, task: Task, heard: object) -> Pressed:  # noqa: ARG002
        raise Unavailable(f"no press can be started for {task.job_id}", retry_after=0.2)

    async def close(self) -> None: ...


async def test_a_press_that_cannot_be_started_costs_the_job_no_attempt(house: House):
    good, house.ports = house.ports, replace(house.ports, presses=Unstartable())
    job = await house.submit("numbers")
    async with house.at_work():
        async with asyncio.timeout(20):
            while (await house.job(job.id)).fence < 4:
                await asyncio.sleep(0.02)
    house.ports = good
    async with house.at_work():
        done = await house.until(job.id, State.SUCCEEDED, State.DEAD)
    assert (done.state, done.attempt, done.lost_count) == (State.SUCCEEDED, 1, 0)


async def test_whoever_waits_long_looks_seldom(house: House):
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1

    job = await house.submit("numbers")
    store = troubled(house)
    store.trouble["get"] = look
    await intake.wait(job.id, ANYBODY, house.ports, 4)
    assert looks <= 12
