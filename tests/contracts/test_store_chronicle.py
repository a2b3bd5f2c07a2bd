"""The store's contract for those who follow: how jobs stand, and the log of a tenant."""

import asyncio

from prelo.core import job as transitions
from prelo.core.job import Progress, State
from prelo.core.news import LogFilter
from prelo.ports import Store
from tests.contracts.store_cases import LEASE, Place, claimed, draft, succeed, succeeded


async def test_a_standing_is_the_job_and_its_last_transition(store: Store):
    job = (await store.submit(draft())).job
    (queued,) = (await store.standings([job.id, "nobody"])).values()
    log = await store.transitions(job.id)
    assert (queued.job, queued.number) == (await store.get(job.id), log[-1].number)
    run = await claimed(store)
    await store.beat(run, LEASE, Progress(rows=5))
    (running,) = (await store.standings([job.id])).values()
    assert running.job.progress.rows == 5
    assert (running.mark.generation, running.mark.fence) == (0, 1)
    assert running.number > queued.number
    assert await store.heads([job.id, "nobody"]) == {job.id: running.number}
    assert (await store.standings([]), await store.heads([])) == ({}, {})


async def test_a_job_and_its_number_are_of_one_moment(place: Place):
    store, other = place.open(), place.open()
    job = (await store.submit(draft())).job
    by_number: dict[int, set[State]] = {}

    async def look() -> None:
        while State.SUCCEEDED not in set().union(*by_number.values()):
            for standing in (await other.standings([job.id])).values():
                by_number.setdefault(standing.number, set()).add(standing.job.state)

    async def change() -> None:
        for _ in range(10):
            run = await claimed(store)
            assert await store.move(run, transitions.release)
        assert await store.move(await claimed(store), succeed)

    async with asyncio.timeout(20):
        await asyncio.gather(look(), change())
    assert all(len(states) == 1 for states in by_number.values())


async def test_a_tenants_log_is_read_from_a_cursor_page_by_page(store: Store):
    ids = [(await succeeded(store, n)).id for n in range(4)]
    await succeeded(store, 9, tenant="other")
    first = await store.log(LogFilter(tenant="acme", limit=5))
    rest = await store.log(LogFilter(tenant="acme", after=first.reached, limit=50))
    assert (len(first.changes), first.more, len(rest.changes), rest.more) == (5, True, 7, False)
    found = first.changes + rest.changes
    numbers = [change.number for change in found]
    assert numbers == sorted(set(numbers))
    assert {change.job_id for change in found} == set(ids)
    assert [c.after for c in found[:3]] == [State.QUEUED, State.RUNNING, State.SUCCEEDED]
    assert {(c.tenant, c.scope, c.report) for c in found} == {("acme", "", "sales")}
    assert rest.reached == numbers[-1]


async def test_what_does_not_fit_is_passed_over_and_not_looked_for_without_end(store: Store):
    await succeeded(store)
    chosen = LogFilter(tenant="acme", limit=2)
    for rare in ({"report": "stock"}, {"scope": "board"}):
        found = await store.log(chosen.model_copy(update=rare))
        assert (found.changes, found.more) == ((), True)
        assert found.reached > 0
    fitting = await store.log(chosen.model_copy(update={"report": "sales", "scope": ""}))
    assert len(fitting.changes) == 2


async def test_a_cursor_stays_behind_what_may_still_be_committed(store: Store, place: Place):
    assert await store.cursor("acme") == 0
    done = await succeeded(store)
    assert await store.cursor("acme") == 0, "a line that took its number before may come after it"
    place.pass_time(11_000)
    last = (await store.transitions(done.id))[-1].number
    await store.submit(draft(2))
    assert await store.cursor("acme") == last
    assert await store.cursor("other") == 0


async def test_the_log_outlives_its_job(store: Store):
    done = await succeeded(store)
    assert await store.forget(done)
    assert await store.standings([done.id]) == {}
    assert len((await store.log(LogFilter(tenant="acme"))).changes) == 3
