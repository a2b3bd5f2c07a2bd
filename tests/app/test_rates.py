"""Requests of a minute: counted for all processes together, and seldom waited for."""

import asyncio

import pytest

from prelo.adapters.cache_memory import MemoryCache
from prelo.app import rates
from prelo.app.rates import Rates

LIMIT = 100


class Shared(MemoryCache):
    """What processes share: it answers when it is let, and says how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.asked = 0
        self.silent = False

    async def count(self, name: str, seconds: float, times: int = 1) -> int | None:
        self.asked += 1
        await self.open.wait()
        return None if self.silent else await super().count(name, seconds, times)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rates.time, "time", lambda: 6_000_010.0)


async def left(who: Rates) -> int | None:
    async with asyncio.timeout(5):
        quota = await who.taken("acme")
    return None if quota is None else quota.left


async def test_far_below_the_limit_nobody_waits_for_the_cache():
    cache = Shared()
    one = Rates(cache, {"*": LIMIT})
    assert await left(one) == 99  # the first one asks
    cache.open.clear()
    assert [await left(one) for _ in range(89)] == list(range(98, 9, -1))
    close = asyncio.create_task(left(one))
    await asyncio.sleep(0.05)
    assert not close.done()  # nine tenths are taken: from here the cache is asked
    cache.open.set()
    assert await close == 9
    assert cache.asked < 10  # many are said at once


async def test_processes_count_together_and_none_lets_in_more_than_the_limit():
    cache = Shared()
    doors = [Rates(cache, {"*": LIMIT}) for _ in range(3)]
    told: list[int | None] = []
    for _ in range(40):
        for door in doors:
            told.append(await left(door))
            await asyncio.sleep(0)  # the request's own work, while the cache is told
    assert sum(number != -1 for number in told) == LIMIT
    assert min(number for number in told if number is not None) == -1


async def test_many_at_once_are_a_number_each():
    one = Rates(Shared(), {"*": LIMIT})
    told = await asyncio.gather(*(left(one) for _ in range(LIMIT + 20)))
    assert sorted(number or 0 for number in told) == [-1] * 20 + list(range(LIMIT))


async def test_what_others_took_is_good_for_a_moment_only(monkeypatch: pytest.MonkeyPatch):
    cache = Shared()
    one, other = (Rates(cache, {"*": LIMIT}) for _ in range(2))
    assert await left(one) == 99
    for _ in range(50):
        await other.taken("acme")
    later = rates.time.monotonic() + 2
    monkeypatch.setattr(rates.time, "monotonic", lambda: later)
    assert await left(one) == 48


async def test_a_cache_that_falls_silent_refuses_nobody_and_is_asked_again():
    cache = Shared()
    one = Rates(cache, {"*": 3})
    assert await left(one) == 2
    cache.silent = True
    assert [await left(one) for _ in range(5)][-1] is None
    cache.silent = False
    assert await left(one) == -1  # what nobody could say was taken all the same


async def test_one_who_hangs_up_leaves_the_others_their_answer():
    cache = Shared()
    one = Rates(cache, {"*": LIMIT})
    cache.open.clear()
    gone, stays = (asyncio.create_task(left(one)) for _ in range(2))
    await asyncio.sleep(0.02)
    gone.cancel()
    cache.open.set()
    assert await stays == 98


async def test_a_new_minute_is_a_new_count(monkeypatch: pytest.MonkeyPatch):
    one = Rates(Shared(), {"*": 1})
    assert [await left(one), await left(one)] == [0, -1]
    monkeypatch.setattr(rates.time, "time", lambda: 6_000_070.0)
    assert await left(one) == 0


async def test_who_asks_near_the_limit_does_not_wait_for_those_who_come_after():
    class Slow(Shared):
        async def count(self, name: str, seconds: float, times: int = 1) -> int | None:
            await asyncio.sleep(0.01)
            return await super().count(name, seconds, times)

    one = Rates(Slow(), {"*": LIMIT})
    for _ in range(95):
        await one.taken("acme")
    near = asyncio.create_task(left(one))
    after: list[asyncio.Task[int | None]] = []
    while not near.done() and len(after) < 500:  # they come faster than they are told
        after.append(asyncio.create_task(left(one)))
        await asyncio.sleep(0.001)
    assert near.done()
    assert near.result() == 4
    await asyncio.gather(*after)
