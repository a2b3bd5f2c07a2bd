"""Calls that come together share a transaction, and each gets an answer as if it had come alone."""

import asyncio
from collections.abc import Sequence

import pytest

from prelo.adapters.store_sql.together import Together
from prelo.core.errors import Unavailable
from prelo.core.job import State
from prelo.ports import Store
from tests.contracts.store_cases import draft, steps


async def test_a_hundred_equal_requests_at_once_are_one_fresh_job(store: Store):
    placed = await asyncio.gather(*(store.submit(draft(1)) for _ in range(100)))
    assert len({p.job.id for p in placed}) == 1
    assert [p.fresh for p in placed].count(True) == 1
    assert await steps(store, placed[0].job.id) == ["queued"]


async def test_different_requests_at_once_are_different_jobs(store: Store):
    placed = await asyncio.gather(*(store.submit(draft(n % 10)) for n in range(50)))
    assert len({p.job.id for p in placed}) == 10


async def test_a_hundred_who_look_at_once_see_what_was_written_before_they_looked(store: Store):
    job = (await store.submit(draft(1))).job
    looking = [asyncio.create_task(store.get(job.id)) for _ in range(50)]
    await asyncio.sleep(0)  # the first of them is under way
    claimed = await store.claim(("small",), "w1", 30_000)
    assert claimed
    looking += [asyncio.create_task(store.get(job.id)) for _ in range(50)]
    states = [found.state for found in await asyncio.gather(*looking) if found]
    assert states[50:] == [State.RUNNING] * 50


class Desk:
    """Answers when it is told to: each question with the number of the call that it came with."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.answer = asyncio.Event()

    async def ask(self, questions: Sequence[int]) -> Sequence[str | Exception]:
        self.calls.append(list(questions))
        number = len(self.calls)
        await self.answer.wait()
        return [f"{q} in {number}" if q else Unavailable("nought") for q in questions]


async def test_who_comes_while_it_is_under_way_goes_together_in_the_next():
    desk = Desk()
    together = Together(desk.ask)
    asking = [asyncio.create_task(together(1))]
    await asyncio.sleep(0.01)
    asking += [asyncio.create_task(together(q)) for q in (2, 3, 3)]
    await asyncio.sleep(0.01)
    assert desk.calls == [[1]]
    desk.answer.set()
    assert await asyncio.gather(*asking) == ["1 in 1", "2 in 2", "3 in 2", "3 in 2"]
    assert await together(4) == "4 in 3"
    assert desk.calls == [[1], [2, 3, 3], [4]]


async def test_very_many_go_in_several():
    desk = Desk()
    desk.answer.set()
    together = Together(desk.ask)
    await asyncio.gather(*(together(q) for q in range(1, 201)))
    assert sum(map(len, desk.calls)) == 200
    assert 3 <= len(desk.calls) <= 5


async def test_who_gives_up_takes_nobodys_answer_away():
    desk = Desk()
    together = Together(desk.ask)
    tasks = [asyncio.create_task(together(q)) for q in (1, 2, 3, 4)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0.01)
    desk.answer.set()
    assert [await task for task in tasks[2:]] == ["3 in 1", "4 in 1"]
    assert await together(5) == "5 in 2"


async def test_an_error_of_one_question_is_its_own():
    desk = Desk()
    desk.answer.set()
    together = Together(desk.ask)
    answers = await asyncio.gather(together(1), together(0), together(2), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["1 in 1", "nought", "2 in 1"]


async def test_an_error_of_the_call_is_everybodys_and_ends_with_them():
    async def fail(questions: Sequence[int]) -> Sequence[str]:
        await asyncio.sleep(0.01)
        raise Unavailable(f"away for {len(questions)}")

    together = Together(fail)
    answers = await asyncio.gather(*(together(q) for q in range(5)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["away for 5"] * 5
    with pytest.raises(Unavailable, match="away for 1"):
        await together(1)
