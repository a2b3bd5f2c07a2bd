"""News between processes, as each has a cache of its own: by Redis, or by PostgreSQL where there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from prelo.adapters.cache_postgresql import PostgresqlCache
from prelo.adapters.cache_redis import RedisCache
from prelo.app import intake
from prelo.app.listener import Event
from prelo.app.live import Live
from prelo.config import Config
from prelo.core.errors import Misconfigured, Unavailable
from prelo.core.request import Caller, Request
from prelo.ports import Cache, Ports
from prelo.wiring import opened

KINDS: dict[str, Callable[[str], Cache]] = {"redis": RedisCache, "postgresql": PostgresqlCache}


@pytest.fixture(params=list(KINDS))
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Cache, Cache]]:
    """The same server, by two processes."""
    url = request.getfixturevalue(request.param)
    both = KINDS[request.param](url), KINDS[request.param](url)
    yield both
    for cache in both:
        await cache.close()


@pytest.fixture
async def ports(tmp_path: Path) -> AsyncIterator[Ports]:
    async with opened(Config(data=tmp_path, catalog=tmp_path), migrate=True) as made:
        yield made


async def test_what_one_process_changes_is_told_by_another(pair: tuple[Cache, Cache], ports: Ports):
    mine, theirs = (replace(ports, cache=cache) for cache in pair)
    body = {"columns": [{"name": "a"}], "rows": [[1]], "format": "csv"}
    job = (await intake.submit(Request.model_validate(body), Caller(), mine)).job
    live = Live(mine, most=5, look=60)
    async with live.listener(Caller()) as listener:
        await live.follow(listener, {job.id: None})
        first = await listener.next(5)
        await intake.cancel(job.id, Caller(), theirs)
        last = await listener.next(5)
        waiting = asyncio.create_task(intake.wait(job.id, Caller(), mine, 5))
        assert (await waiting).state.ended
    assert isinstance(first, Event)
    assert isinstance(last, Event)
    assert (first.kind, last.kind) == ("state", "end")


async def test_a_connection_that_postgresql_cuts_is_made_anew(
    postgresql: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.cache_postgresql._AGAIN_SECONDS", 0.05)
    one, other = PostgresqlCache(postgresql), PostgresqlCache(postgresql)
    async with one.listen("news") as watch:
        await other.publish("news", "first")
        assert await watch.wait(5) == "first"
        with psycopg.connect(postgresql, autocommit=True) as admin:
            cut = admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'prelo news'"
            ).rowcount
        assert cut >= 2
        async with asyncio.timeout(10):
            heard = None
            while heard is None:
                await other.publish("news", "again")
                heard = await watch.wait(0.1)
        assert heard == "again"
    await one.close()
    await other.close()


async def test_many_words_at_once_are_all_heard_and_a_word_of_any_text_is_one(postgresql: str):
    one, other = PostgresqlCache(postgresql), PostgresqlCache(postgresql)
    words = [f"word {n} '\"\\ ü \n two lines" for n in range(300)]
    async with one.listen("te'nant") as watch:
        await other.publish("te'nant", "x" * 9_000)  # too long for the server: nobody hears it
        for word in words:
            await other.publish("te'nant", word)
        assert [await watch.wait(5) for _ in words] == words
    await one.close()
    await other.close()


async def test_a_postgresql_that_is_away_keeps_nobody_waiting():
    cache = PostgresqlCache("postgresql://nobody@127.0.0.1:9/none")
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await cache.check()
        await cache.publish("news", "word")
        async with cache.listen("news") as watch:
            assert await watch.wait(0.01) is None
        started = asyncio.get_running_loop().time()
        async with cache.listen("news"):
            pass
        assert asyncio.get_running_loop().time() - started < 1, "only the first waits in vain"
    await cache.close()


def test_an_address_that_is_none_is_refused_without_telling_its_password():
    wrong: Any = "postgresql://user:hidden@[::1"
    with pytest.raises(Misconfigured, match="PRELO_CACHE is no address") as refused:
        PostgresqlCache(wrong)
    assert "hidden" not in str(refused.value)
    assert refused.value.__cause__ is None
