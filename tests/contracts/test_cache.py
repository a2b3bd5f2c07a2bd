"""What every cache promises; a new one is one line in CACHES."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from prelo.adapters.cache_memory import MemoryCache
from prelo.adapters.cache_redis import RedisCache
from prelo.ports import Cache

CACHES: dict[str, Callable[[pytest.FixtureRequest], Cache]] = {
    "memory": lambda _: MemoryCache(),
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
        assert [await watch.wait(5), await watch.wait(5)] == ["one", "two"]
        assert await watch.wait(0.05) is None


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
        async with cache.listen(f"job{number}"):
            pass
    assert not cache._audience.topics  # pyright: ignore[reportPrivateUsage]
