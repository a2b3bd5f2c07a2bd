"""Spreading: how often the store is asked, and what happens when it or the cache is in trouble."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prelo.adapters.cache_memory import MemoryCache
from prelo.app import intake
from prelo.app.listener import Event, Listener
from prelo.app.live import Live
from prelo.config import Config
from prelo.core.errors import NotFound, Unavailable
from prelo.core.job import Job, Progress
from prelo.core.request import Caller, Request
from prelo.core.topics import news_topic
from prelo.ports import LANES, Ports
from prelo.wiring import opened

ACME = Caller(tenant="acme")


class Counting:
    """The store, and how often how jobs stand was asked; it may be away for a while."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.looks: list[Sequence[str]] = []
        self.away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def standings(self, job_ids: Sequence[str]) -> Any:
        self.looks.append(job_ids)
        if self.away:
            raise Unavailable("the database is away")
        return await self._store.standings(job_ids)


class Hall:
    """Ports without a worker, and jobs that are moved by hand."""

    def __init__(self, ports: Ports) -> None:
        self.store = Counting(ports.store)
        self.ports = replace(ports, store=self.store)  # type: ignore[arg-type]  by __getattr__

    async def job(self, number: int = 1, caller: Caller = ACME) -> Job:
        body = {"columns": [{"name": "a"}], "rows": [[number]], "format": "csv"}
        return (await intake.submit(Request.model_validate(body), caller, self.ports)).job

    async def run(self) -> Job:
        job = await self.ports.store.claim(LANES, "w", 30_000)
        assert job
        await self.ports.cache.publish(news_topic(job.tenant), job.id)
        return job


@pytest.fixture
async def hall(tmp_path: Path) -> AsyncIterator[Hall]:
    async with opened(Config(data=tmp_path, catalog=tmp_path), migrate=True) as ports:
        yield Hall(ports)


async def heard(listener: Listener) -> Event:
    event = await listener.next(5)
    assert isinstance(event, Event)
    return event


async def test_a_hundred_listeners_are_one_look(hall: Hall):
    job = await hall.job()
    live = Live(hall.ports, most=1000, look=60)
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(live.listener(ACME)) for _ in range(100)]
        await asyncio.gather(*(live.follow(one, {job.id: None}) for one in listeners))
        assert {(await heard(one)).kind for one in listeners} == {"state"}
        assert sum(job.id in look for look in hall.store.looks) <= 2, (
            "those who come together are one"
        )
        hall.store.looks.clear()
        run = await hall.run()
        events = [await heard(one) for one in listeners]
        assert len(hall.store.looks) == 1
        assert len({id(event.told) for event in events}) == 1, "written once for all of them"
        await hall.ports.store.beat(run, 30_000, Progress(rows=9))
        for _ in range(20):
            await hall.ports.cache.publish(news_topic("acme"), run.id)
        assert (await heard(listeners[0])).kind == "progress"
        assert len(hall.store.looks) == 2


async def test_nobody_who_left_costs_anything(hall: Hall):
    job = await hall.job()
    live = Live(hall.ports, most=5, look=0.05)
    async with live.listener(ACME) as one, live.listener(ACME) as other:
        await live.follow(one, {job.id: None})
        await live.follow(other, {job.id: None})
        live.unfollow(one, {job.id})
        await hall.run()
        while (await heard(other)).told.standing.job.attempt == 0:  # type: ignore[union-attr]  it is a told one
            pass
        assert await one.next(0.1) is None
    hall.store.looks.clear()
    await asyncio.sleep(0.2)
    assert hall.store.looks == []
    assert not hall.ports.cache._audience.topics  # type: ignore[attr-defined]  in memory
    assert not any(vars(live)[f"_{name}"] for name in ("by_job", "known", "tenants", "watched"))


async def test_a_store_that_was_away_delays_news_and_loses_none(hall: Hall, monkeypatch: Any):
    monkeypatch.setattr("prelo.app.live._AGAIN", 0.05)
    job = await hall.job()
    live = Live(hall.ports, most=5, look=60)
    async with live.listener(ACME) as one, live.listener(ACME) as late:
        await live.follow(one, {job.id: None})
        await heard(one)
        hall.store.away = True
        await intake.cancel(job.id, ACME, hall.ports)
        assert await one.next(0.1) is None
        with pytest.raises(Unavailable):
            await live.follow(late, {job.id: None})
        hall.store.away = False
        assert (await heard(one)).kind == "end"
        assert await late.next(0.1) is None, "what could not be done was not half-done"


async def test_a_cache_that_tells_nothing_delays_news_and_loses_none(hall: Hall):
    """As with several API processes and no way for words between them."""
    job = await hall.job()
    live = Live(replace(hall.ports, cache=MemoryCache()), most=5, look=0.05)
    async with live.listener(ACME) as named, live.listener(ACME) as everything:
        await live.follow(named, {job.id: None})
        await live.ready_for_all(everything)
        live.follow_all(everything)
        assert (await heard(named)).kind == "state"
        run = await hall.run()
        assert (await heard(named)).told.standing.job.attempt == 1  # type: ignore[union-attr]  it is a told one
        await hall.ports.store.beat(run, 30_000, Progress(rows=9))
        assert (await heard(named)).kind == "progress"
        await hall.ports.store.request_cancel(run)
        other = await hall.job(2)
        await intake.cancel(other.id, ACME, hall.ports)
        while (event := await heard(everything)).kind != "end":
            pass
        assert event.job_id == other.id


async def test_a_tenant_and_a_scope_are_told_their_own_jobs_only(hall: Hall):
    mine = await hall.job()
    others = [Caller(tenant="other"), Caller(tenant="acme", scope="board")]
    live = Live(hall.ports, most=5, look=0.05)
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(live.listener(who)) for who in others]
        for place in places:
            with pytest.raises(NotFound):
                await live.follow(place, {mine.id: None})
            left = [vars(live)[f"_{name}"] for name in ("watched", "by_job", "known")]
            assert not any(left), "nothing is left of it"
            await live.ready_for_all(place)
            live.follow_all(place)
        own = [await hall.job(caller=who) for who in others]
        await intake.cancel(mine.id, ACME, hall.ports)
        await asyncio.sleep(0.3)
        for place, job in zip(places, own, strict=True):
            assert (await heard(place)).job_id == job.id
            assert await place.next(0) is None
            log = await live.replay(place.caller, 0, 100)
            assert {change.job_id for change in log.changes} == {job.id}


async def test_who_follows_all_from_now_on_is_not_told_what_was_before(hall: Hall):
    old = await hall.job()
    await intake.cancel(old.id, ACME, hall.ports)
    live = Live(hall.ports, most=5, look=0.05)
    async with live.listener(ACME) as place:
        await live.ready_for_all(place)
        live.follow_all(place)
        assert await place.next(0.3) is None, "a cursor lies seconds back, and news does not"
        new = await hall.job(2)
        assert (await heard(place)).job_id == new.id


async def test_words_that_never_cease_leave_time_for_what_no_word_is_heard_of(hall: Hall):
    busy, silent = await hall.job(1), await hall.job(2)
    mute = replace(hall.ports, cache=MemoryCache())
    live = Live(hall.ports, most=5, look=0.05)
    ask = hall.store.standings

    async def never_ceasing(job_ids: Sequence[str]) -> Any:
        await hall.ports.cache.publish(news_topic("acme"), busy.id)
        await asyncio.sleep(0)  # it is heard
        return await ask(job_ids)

    async with live.listener(ACME) as place:
        await live.follow(place, {busy.id: None, silent.id: None})
        hall.store.standings = never_ceasing  # type: ignore[method-assign]  a busy house
        await hall.ports.cache.publish(news_topic("acme"), busy.id)
        await asyncio.sleep(0.05)
        await intake.cancel(silent.id, ACME, mute)
        async with asyncio.timeout(2):
            while (await heard(place)).kind != "end":
                pass


async def test_what_waits_is_told_as_long_as_anything_has_it_followed(hall: Hall):
    job = await hall.job()
    live = Live(hall.ports, most=5, look=60)
    async with live.listener(ACME) as place, live.listener(ACME) as other:
        for one in (place, other):
            await live.ready_for_all(one)
            live.follow_all(one)
        await live.follow(place, {job.id: None})
        await intake.cancel(job.id, ACME, hall.ports)
        while (await heard(other)).kind != "end":
            pass
        live.unfollow(place, {job.id})
        assert (await heard(place)).kind == "end", "it is one of all"
        await hall.job(2)
        await heard(other)
        live.unfollow_all(place)
        assert await place.next(0) is None, "and nothing is followed any more"
