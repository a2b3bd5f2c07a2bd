"""What every cache promises; a new one is one line in CACHES."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from prelo.adapters.cache_memory import MemoryCache
from prelo.adapters.cache_postgresql import PostgresqlCache
from prelo.adapters.cache_redis import RedisCache
from prelo.ports import Cache

CACHES: dict[str, Callable[[pytest.FixtureRequest], Cache]] = {
    "memory": lambda _: MemoryCache(),
    "postgresql": lambda request: PostgresqlCache(request.getfixturevalue("postgresql")),
    "redis": lambda request: RedisCache(request.getfixturevalue("redis")),
}


@pytest.fixture(params=list(CACHES))
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    opened = CACHES[request.param](request)
    yield opened
    await opened.close()


async def test_a_listener_hears_what_is_said_while_it_is_open(cache: Cache):
    await cache.publish("job", "too early")
    async with cache.listen("job") as watch:
        await cache.publish("job", "one")
        await cache.publish("other", "not for us")
        await cache.publish("job", "two")
        heard = [await watch.wait(5), await watch.wait(5)]
        if heard[0] == "too early":  # late news is news all the same
            heard = [heard[1], await watch.wait(5)]
        assert heard == ["one", "two"]
        assert await watch.wait(0.05) is None


async def test_who_wants_one_word_only_hears_no_other(cache: Cache):
    async with cache.listen("jobs", only="mine") as one, cache.listen("jobs") as every:
        for word in ("yours", "mine", "theirs"):
            await cache.publish("jobs", word)
        assert [await every.wait(5) for _ in range(3)] == ["yours", "mine", "theirs"]
        assert (await one.wait(5), await one.wait(0.05)) == ("mine", None)


async def test_every_listener_of_a_topic_hears_it(cache: Cache):
    async with cache.listen("job") as one, cache.listen("job") as two:
        await cache.publish("job", "news")
        assert (await one.wait(5), await two.wait(5)) == ("news", "news")


async def test_a_waiting_listener_is_woken(cache: Cache):
    async with cache.listen("job") as watch:
        waiting = asyncio.create_task(watch.wait(10))
        await asyncio.sleep(0.02)
        await cache.publish("job", "awake")
        assert await asyncio.wait_for(waiting, 5) == "awake"


async def test_nothing_is_lost_to_a_wait_that_ended_before(cache: Cache):
    async with cache.listen("job") as watch:
        assert await watch.wait(0.01) is None
        await cache.publish("job", "later")
        assert await watch.wait(5) == "later"


async def test_publishing_to_nobody_is_quiet(cache: Cache):
    await cache.check()
    await cache.publish("nobody", "hello")


async def test_what_is_kept_is_recalled_until_its_time_is_over(cache: Cache):
    assert await cache.recall("name") is None
    await cache.keep("name", "text ü", 60)
    await cache.keep("short", "text", 0.05)
    await asyncio.sleep(0.1)
    assert (await cache.recall("name"), await cache.recall("short")) == ("text ü", None)


async def test_the_first_to_keep_a_name_keeps_it_unless_it_is_written_over(cache: Cache):
    await cache.keep("name2", "one", 60)
    await cache.keep("name2", "two", 60)
    assert await cache.recall("name2") == "one"
    await cache.keep("name2", "", 60, over=True)
    assert await cache.recall("name2") == ""
    await cache.keep("name2", "three", 60)
    assert await cache.recall("name2") == ""


async def test_calls_are_counted_within_their_window(cache: Cache):
    assert [await cache.count("calls", 60) for _ in range(3)] == [1, 2, 3]
    assert [await cache.count("calls", 60, 40), await cache.count("calls", 60)] == [43, 44]
    assert await cache.count("other calls", 0.05) == 1
    await asyncio.sleep(0.1)
    assert await cache.count("other calls", 60) == 1


async def test_calls_at_once_are_counted_once_each(cache: Cache):
    counted = await asyncio.gather(*(cache.count("at once", 60) for _ in range(50)))
    assert sorted(number or 0 for number in counted) == list(range(1, 51))


async def test_what_memory_keeps_is_bounded():
    cache = MemoryCache(most=3)
    for number in range(10):
        await cache.keep(str(number), "kept", 60)
    kept = [n for n in range(10) if await cache.recall(str(n))]
    assert kept == [7, 8, 9]


async def test_a_slow_listener_in_memory_keeps_the_newest_only():
    cache = MemoryCache(backlog=3)
    async with cache.listen("job") as watch:
        for number in range(100):
            await cache.publish("job", str(number))
        heard = [await watch.wait(0) for _ in range(4)]
    assert heard == ["97", "98", "99", None]


async def test_closed_listeners_leave_nothing_in_memory():
    cache = MemoryCache()
    for number in range(10):
        async with cache.listen(f"job{number}"), cache.listen("jobs", only=f"job{number}"):
            pass
    assert not cache._audience.topics  # pyright: ignore[reportPrivateUsage]  nothing else shows it
