"""Equal questions at once cost the database one or two, and each gets an answer as if it had asked alone."""

import asyncio

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
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = asyncio.Event()

    async def ask(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.answer.wait()
        return mine


async def test_who_comes_while_it_is_under_way_shares_the_next_one():
    together, desk = Together(), Desk()
    first = asyncio.create_task(together.ask("it", desk.ask))
    await asyncio.sleep(0.01)
    later = [asyncio.create_task(together.ask("it", desk.ask)) for _ in range(20)]
    await asyncio.sleep(0.01)
    assert desk.asked == 1
    desk.answer.set()
    assert await first == (1, True)
    assert [await task for task in later] == [(2, True), *[(2, False)] * 19]
    assert desk.asked == 2
    assert await together.ask("it", desk.ask) == (3, True)
    assert not together._under_way  # pyright: ignore[reportPrivateUsage]  what would grow for ever
    assert not together._next  # pyright: ignore[reportPrivateUsage]


async def test_who_gives_up_takes_nobodys_answer_away():
    together, desk = Together(), Desk()
    tasks = [asyncio.create_task(together.ask("it", desk.ask)) for _ in range(4)]
    await asyncio.sleep(0.01)
    tasks[0].cancel()
    tasks[1].cancel()
    await asyncio.sleep(0.01)
    desk.answer.set()
    assert [await task for task in tasks[2:]] == [(2, False)] * 2


async def test_an_error_is_everybodys_and_ends_with_them():
    together = Together()

    async def fail() -> None:
        await asyncio.sleep(0.01)
        raise Unavailable("away")

    answers = await asyncio.gather(
        *(together.ask("it", fail) for _ in range(5)), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == ["away"] * 5
    with pytest.raises(Unavailable):
        await together.ask("it", fail)
