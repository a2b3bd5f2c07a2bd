"""What only a cache on Redis can show: words between processes, and a server in trouble."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import pytest
import redis

from prelo.adapters.cache_redis import RedisCache
from prelo.core.errors import Misconfigured, Unavailable
from prelo.ports import Watch
from tests.servers.redis import PASSWORD, Redis
from tests.servers.run import free_port


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A server that a test may do anything to."""
    server = Redis(tmp_path_factory.mktemp("own") / "redis")
    yield server
    server.stop()


@pytest.fixture
async def opened(own: Redis) -> AsyncIterator[Callable[[], RedisCache]]:
    """Makes caches, each as if in a process of its own."""
    caches: list[RedisCache] = []

    def one() -> RedisCache:
        caches.append(RedisCache(own.url))
        return caches[-1]

    yield one
    for cache in caches:
        await cache.close()


async def heard_again(cache: RedisCache, watch: Watch, topic: str) -> float:
    """Seconds until a word of `cache` reaches the listener."""
    start = time.monotonic()
    async with asyncio.timeout(15):
        while await watch.wait(0.1) is None:
            await cache.publish(topic, "again")
    return time.monotonic() - start


async def took(call: Callable[[], Awaitable[object]]) -> float:
    start = time.monotonic()
    await call()
    return time.monotonic() - start


def connections(own: Redis) -> int:
    """How many the server has now, that of the question not counted."""
    with redis.Redis.from_url(own.url) as client:
        return int(client.info("clients")["connected_clients"]) - 1


async def test_what_one_process_says_the_other_hears(opened: Callable[[], RedisCache]):
    here, there = opened(), opened()
    async with here.listen("job:1") as one, here.listen("job:2") as two:
        await there.publish("job:1", "settled ü")
        assert await one.wait(5) == "settled ü"
        assert await two.wait(0.05) is None


async def test_databases_of_one_server_do_not_hear_each_other(
    own: Redis, opened: Callable[[], RedisCache]
):
    here = opened()
    other = RedisCache(own.url.removesuffix("/0") + "/7")
    async with here.listen("job") as mine, other.listen("job") as theirs:
        await other.publish("job", "seven")
        assert await theirs.wait(5) == "seven"
        assert await mine.wait(0.1) is None
    await other.close()


async def test_a_thousand_listeners_share_one_connection_and_leave_nothing(
    own: Redis, opened: Callable[[], RedisCache]
):
    here, there = opened(), opened()
    before = connections(own)
    async with AsyncExitStack() as stack:
        watches = [
            await stack.enter_async_context(here.listen(f"job:{n % 500}")) for n in range(1000)
        ]
        assert connections(own) == before + 1
        assert own.says("PUBSUB NUMPAT") == ":0"
        for n in range(500):
            await there.publish(f"job:{n}", str(n))
        assert [await watch.wait(5) for watch in watches] == [str(n % 500) for n in range(1000)]
    async with asyncio.timeout(5):
        while own.says("PUBSUB CHANNELS") != "*0":
            await asyncio.sleep(0.02)
    assert not here._ear._sure  # pyright: ignore[reportPrivateUsage]  what would grow for ever


async def test_a_topic_is_heard_by_whoever_comes_as_another_leaves(
    opened: Callable[[], RedisCache],
):
    here, there = opened(), opened()
    for n in range(200):
        async with here.listen("job") as watch:
            await there.publish("job", str(n))
            assert await watch.wait(5) == str(n)


async def test_a_server_killed_and_started_again_is_listened_to_again(
    own: Redis, opened: Callable[[], RedisCache]
):
    here, there = opened(), opened()
    async with here.listen("job") as watch:
        await there.publish("job", "before")
        assert await watch.wait(5) == "before"
        own.kill()
        try:
            assert own.says("PING") == ""  # the fault happened
            waiting = asyncio.create_task(watch.wait(30))
            for _ in range(200):
                await there.publish("job", "lost")
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ cannot be reached"):
                await there.check()
            async with asyncio.timeout(1), here.listen("new while away") as new:
                assert await new.wait(0.01) is None
                assert not waiting.done()
        finally:
            own.start()
        async with asyncio.timeout(10):
            while not waiting.done():
                await there.publish("job", "after")
                await asyncio.sleep(0.05)
        assert waiting.result() == "after"
    await there.check()


async def test_a_listener_that_came_while_the_server_was_away_hears_when_it_is_back(
    own: Redis, opened: Callable[[], RedisCache]
):
    here, there = opened(), opened()
    own.kill()
    try:
        stack = AsyncExitStack()
        watch = await stack.enter_async_context(here.listen("job"))
        assert own.says("PING") == ""
    finally:
        own.start()
    async with stack:
        assert await heard_again(there, watch, "job") < 5


async def test_a_dead_server_costs_publishers_and_listeners_nothing(
    own: Redis, opened: Callable[[], RedisCache]
):
    cache = opened()
    own.kill()
    try:
        await cache.publish("job", "first")  # finds out

        async def many() -> None:
            for n in range(2000):
                await cache.publish("job", str(n))

        assert await took(many) < 0.5

        async def listeners() -> None:
            for n in range(100):
                async with cache.listen(f"job:{n}"):
                    pass

        assert await took(listeners) < 2
        assert own.says("PING") == ""
    finally:
        own.start()


async def test_a_server_that_does_not_answer_costs_half_a_second_once(
    own: Redis, opened: Callable[[], RedisCache]
):
    here, there = opened(), opened()
    async with here.listen("job") as watch:
        await there.publish("job", "before")
        assert await watch.wait(5) == "before"
        with own.paused():
            assert own.says("PING", 0.3) == ""  # it takes connections, and does not answer
            assert 0.4 < await took(lambda: there.publish("job", "hanging")) < 1
            slowest = 0.0
            until = time.monotonic() + 4
            while time.monotonic() < until:
                slowest = max(slowest, await took(lambda: there.publish("job", "skipped")))
                await asyncio.sleep(0.02)
            assert slowest < 1
            assert await took(lambda: asyncio.gather(*_published(there, 100))) < 1
            with pytest.raises(Unavailable, match="did not answer within 1 s"):
                await there.check()
            async with asyncio.timeout(1.5):
                async with here.listen("other"):
                    pass
                async with here.listen("a third"):  # nobody waits in vain twice
                    pass
        assert await heard_again(there, watch, "job") < 8


def _published(cache: RedisCache, count: int) -> list[Awaitable[None]]:
    return [cache.publish("job", str(n)) for n in range(count)]


async def test_a_connection_that_went_silent_is_given_up(
    own: Redis, opened: Callable[[], RedisCache], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.cache_redis._PROBE_SECONDS", 0.3)
    here, there = opened(), opened()
    async with here.listen("job") as watch:
        await asyncio.sleep(1.5)  # quiet, but the probes are answered
        await there.publish("job", "still here")
        assert await watch.wait(1) == "still here"
        with own.paused():
            await asyncio.sleep(2)
            start = time.monotonic()
            async with here.listen("another"):  # it is known without anybody having waited
                assert time.monotonic() - start < 0.2
        assert await heard_again(there, watch, "job") < 8


async def test_what_one_process_keeps_the_others_recall_and_count(
    opened: Callable[[], RedisCache],
):
    here, there = opened(), opened()
    await here.keep("shared", "text", 60)
    assert await there.recall("shared") == "text"
    assert [await cache.count("shared calls", 60) for cache in (here, there)] == [1, 2]


async def test_without_a_server_nothing_is_kept_and_nobody_waits(
    own: Redis, opened: Callable[[], RedisCache]
):
    cache = opened()
    await cache.keep("name", "text", 60)

    async def ask() -> None:
        assert await cache.recall("name") is None
        assert await cache.count("calls", 60) is None
        await cache.keep("name", "other", 60, over=True)

    with own.paused():
        assert await took(ask) < 2
        assert await took(ask) < 0.1  # nobody waits for what did not answer just now
    own.kill()
    await asyncio.sleep(2.1)
    assert await took(ask) < 2
    own.start()


async def test_a_server_that_is_full_still_passes_on_words(
    own: Redis, opened: Callable[[], RedisCache]
):
    cache = opened()
    assert own.says("CONFIG SET maxmemory 1") == "+OK"
    try:
        async with cache.listen("job") as watch:
            await cache.keep("full", "text", 60)
            await cache.publish("job", "word")
            assert await watch.wait(5) == "word"
        assert await cache.recall("full") is None
    finally:
        own.says("CONFIG SET maxmemory 0")


async def test_clients_that_the_server_throws_out_come_back(
    own: Redis, opened: Callable[[], RedisCache]
):
    here, there = opened(), opened()
    async with here.listen("job") as watch:
        for _ in range(3):
            await there.publish("job", "word")
            assert await watch.wait(5)
            assert int(own.says("CLIENT KILL TYPE pubsub").removeprefix(":")) == 1
            assert int(own.says("CLIENT KILL TYPE normal SKIPME yes").removeprefix(":")) >= 1
            assert await heard_again(there, watch, "job") < 6
            while await watch.wait(0.2):
                pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((":a-pass", ":wrong-pass"), "refuses the user or the password; check PRELO_CACHE"),
        ((":a-pass%3Aword%2Fof%40tests@", ""), "refuses the user or the password"),
        (("/0", "/77"), "does not work with database 77"),
    ],
)
async def test_what_is_wrong_is_said_without_the_password(
    own: Redis, change: tuple[str, str], said: str
):
    cache = RedisCache(own.url.replace(*change))
    with pytest.raises(Unavailable, match=said) as raised:
        await cache.check()
    assert f"127.0.0.1:{own.port}" in str(raised.value)
    for error in (raised.value, raised.value.__cause__):
        assert "pass:word" not in str(error).replace(PASSWORD, "pass:word")
        assert "wrong-pass" not in repr(error)
    await cache.publish("job", "said to nobody")
    async with cache.listen("job") as watch:
        assert await watch.wait(0.01) is None
    await cache.close()


@pytest.mark.parametrize("missing", ["-publish", "-set", "-get", "resetkeys"])
async def test_a_user_who_may_not_work_is_said(own: Redis, missing: str):
    assert own.says(f"ACL SETUSER reader on >secret +@all ~* &* {missing}") == "+OK"
    cache = RedisCache(f"redis://reader:secret@127.0.0.1:{own.port}")
    with pytest.raises(Unavailable, match="does not let this user work"):
        await cache.check()
    await cache.close()


async def test_the_rights_that_the_manual_asks_for_are_enough(own: Redis):
    calls = "+publish +subscribe +unsubscribe +ping +get +set +incrby +multi +exec"
    rights = f"resetchannels -@all {calls} ~prelo:* &prelo:*"
    assert own.says(f"ACL SETUSER meek on >secret {rights}") == "+OK"
    cache = RedisCache(f"redis://meek:secret@127.0.0.1:{own.port}")
    await cache.check()
    async with cache.listen("job") as watch:
        await cache.publish("job", "word")
        assert await watch.wait(5) == "word"
    await cache.keep("name", "text", 60)
    assert await cache.recall("name") == "text"
    assert await cache.count("calls", 60) == 1
    await cache.close()


async def test_nobody_there_is_said():
    cache = RedisCache(f"redis://:secret@127.0.0.1:{free_port()}/0")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ cannot be reached") as raised:
        await cache.check()
    assert "secret" not in str(raised.value)
    await cache.close()


@pytest.mark.parametrize(
    "url", ["redis://:secret@host:port/0", "nonsense://x", "redis://:secret@host/0?colour=red"]
)
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str):
    with pytest.raises(Misconfigured, match="PRELO_CACHE is no address") as raised:
        RedisCache(url)
    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
