"""Trouble around an attempt: nothing is left lying, no attempt is spent, no error grows without bound."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prelo.app import intake
from prelo.core.job import Progress, State
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
    assert (phases[0], phases[-1]) == ("reading", "storing")
    assert len(phases) < 1_000
