"""The store's contract: caps, weights, room for each tenant, quarantine."""

import asyncio
from collections import Counter

import pytest

from prelo.core import job as transitions
from prelo.core.errors import Quarantined, TooManyJobs, Unavailable
from prelo.core.job import Job, State, accepted
from prelo.core.request import AD_HOC
from prelo.core.rules import QUARANTINE_MS, Rules
from prelo.ports import LANES, Store
from tests.contracts.store_cases import HOUR, LEASE, Place, claimed, draft, retry, running, succeed

MINUTE = 60_000


async def tenants(store: Store, number: int) -> list[str]:
    """Whose the next jobs are."""
    return [(await claimed(store)).tenant for _ in range(number)]


# Caps


async def test_a_tenant_at_its_cap_is_passed_over_and_blocks_nobody(place: Place):
    store = place.open(Rules(running_per_tenant=2))
    for n in range(4):
        await store.submit(draft(n, "noisy", priority=0))
    await store.submit(draft("quiet", "quiet", priority=2))
    assert await tenants(store, 3) == ["noisy", "noisy", "quiet"]
    assert await store.claim(LANES, "w1", LEASE) is None


async def test_a_job_that_ends_in_any_way_makes_room_for_the_tenants_next(place: Place):
    store = place.open(Rules(running_per_tenant=1))
    for n in range(3):
        await store.submit(draft(n))
    for change in (succeed, retry):
        job = await claimed(store)
        assert await store.claim(LANES, "w2", LEASE) is None
        assert await store.move(job, change)
    assert await claimed(store)


async def test_a_source_at_its_cap_is_passed_over_and_its_likes_are_not(place: Place):
    """A name that is part of another, or a pattern for it, is not that other."""
    store = place.open(Rules(running_per_source={"sales_1": 1}))
    await store.submit(draft("first", sources=("sales_1", "stock")))
    held = await claimed(store)
    await store.submit(draft("capped", sources=("file:a.csv", "sales_1")))
    likes = ["sales", "sales_11", "salesx1", "sales_1%", "1", "stock"]
    for name in likes:
        await store.submit(draft(name, sources=(name,)))
    await store.submit(draft("without"))
    subjects = [(await claimed(store)).parameters["subject"] for _ in (*likes, "without")]
    assert subjects == [*likes, "without"]
    assert await store.claim(LANES, "w1", LEASE) is None
    await store.move(held, succeed)
    assert (await claimed(store)).parameters["subject"] == "capped"


async def test_a_job_keeps_the_names_of_its_sources(store: Store):
    names = ("file:a b.csv", "python:f.py:rows", "sales")
    job = (await store.submit(draft(sources=names))).job
    assert job.sources == names
    assert (await claimed(store)).sources == names
    assert (await store.submit(draft(2))).job.sources == ()


async def test_no_more_than_the_cap_ever_run_however_many_claim_at_once(place: Place):
    rules = Rules(running_per_tenant=3, running_per_source={"slow": 2})
    stores = [place.open(rules) for _ in range(3)]
    for n in range(12):
        await stores[0].submit(draft(n, "acme" if n % 2 else "beta", sources=("slow",)[: n % 3]))
    for n in range(12, 24):
        await stores[0].submit(draft(n, "acme" if n % 2 else "beta"))
    most: Counter[str] = Counter()
    done = 0
    while done < 24:
        claims = await asyncio.gather(*(stores[n % 3].claim(LANES, "w", LEASE) for n in range(12)))
        jobs = [job for job in claims if job is not None]
        running = Counter(name for job in jobs for name in (job.tenant, *job.sources))
        most |= running
        for job in jobs:
            assert await stores[0].move(job, succeed)
        assert jobs, "what is left is never claimed"
        done += len(jobs)
    assert most == {"acme": 3, "beta": 3, "slow": 2}


# Fairness


@pytest.mark.parametrize("served", [0, 3])
async def test_a_hundred_jobs_stand_behind_the_next_of_another_tenant(place: Place, served: int):
    """Also when they have been waiting for so long that the clock has overtaken them all."""
    store = place.open()
    for n in range(100):
        await store.submit(draft(n, "noisy"))
    await tenants(store, served)
    place.pass_time(HOUR)
    await store.submit(draft("quiet", "quiet"))
    await store.submit(draft("heavy", "heavy", lane="large", cost=8))
    order = await tenants(store, 12)
    assert order.index("quiet") <= 2
    assert order.index("heavy") <= 11


async def test_a_tenant_that_asks_for_one_at_a_time_does_not_overtake_for_ever(store: Store):
    for n in range(10):
        await store.submit(draft(n, "patient"))
    order: list[str] = []
    for n in range(10):
        await store.submit(draft(n, "hasty"))
        order += await tenants(store, 1)
    assert order.count("patient") >= 4


async def test_a_tenant_of_weight_four_gets_four_jobs_for_each_of_anothers(place: Place):
    store = place.open(Rules(weights={"acme": 4}))
    for n in range(40):
        await store.submit(draft(n, "beta"))
        await store.submit(draft(n, "acme"))
    got = Counter(await tenants(store, 40))
    assert got["acme"] in {31, 32, 33}


# Room in the queue


async def test_a_tenant_with_a_full_queue_is_refused_and_others_are_not(place: Place):
    store = place.open(Rules(queued_per_tenant=2))
    for n in range(2):
        await store.submit(draft(n))
    with pytest.raises(TooManyJobs, match="2 of your jobs") as refused:
        await store.submit(draft(2))
    assert refused.value.retry_after > 0
    assert await store.depth() == 2
    assert not (await store.submit(draft(1))).fresh  # joined: nothing is queued by it
    assert (await store.submit(draft(2, "other"))).fresh
    done = await store.move(await claimed(store), succeed)
    assert done is not None
    assert (await store.submit(draft(2))).fresh
    with pytest.raises(TooManyJobs):
        await store.submit(draft(3))
    reused = await store.submit(draft(int(done.parameters["subject"])))
    assert (reused.job.state, reused.fresh) == (State.SUCCEEDED, False)


async def test_what_waits_for_its_next_attempt_takes_room_too(place: Place):
    store = place.open(Rules(queued_per_tenant=1))
    await store.move(await running(store), retry)
    with pytest.raises(TooManyJobs):
        await store.submit(draft(2))


async def test_a_queue_that_is_full_of_everybody_is_nobodys_fault(place: Place):
    store = place.open(Rules(queued_per_tenant=5))
    await store.submit(draft(1))
    with pytest.raises(Unavailable, match="1 jobs are waiting") as refused:
        await store.submit(draft(1, "other"), max_queued=1)
    assert not isinstance(refused.value, TooManyJobs)


# Quarantine


async def lost(store: Store, place: Place, times: int, owner: str = "w") -> None:
    """Jobs whose presses died, or whose workers with a name of their own each."""
    for n in range(times):
        await store.submit(draft(f"{owner} {n}"))
        job = await claimed(store, f"{owner} {n}", ("small",))
        place.pass_time(LEASE)
        assert await store.move(job, transitions.lose, lapsed=True)


async def test_a_report_that_is_lost_too_often_rests_and_its_jobs_wait(place: Place):
    store = place.open(Rules(losses=5))
    await lost(store, place, 5)
    assert await store.quarantines() == []
    assert (await store.submit(draft("accepted"))).fresh
    await lost(store, place, 1, "last")
    (found,) = await store.quarantines()
    assert (found.report, found.version, found.losses) == ("sales", 3, 6)
    assert (await store.health())["reports_quarantined"] == 1
    for one in (store, place.open()):
        with pytest.raises(Quarantined, match="'sales' version 3 crashed too often") as refused:
            await one.submit(draft("refused"))
        assert QUARANTINE_MS / 1000 - 60 < refused.value.retry_after <= QUARANTINE_MS / 1000
        assert await one.claim(LANES, "w1", LEASE) is None
    assert await store.depth() == 7


async def test_another_version_and_another_report_are_not_meant(place: Place):
    store = place.open(Rules(losses=1))
    await lost(store, place, 2)
    for n, change in enumerate(({"version": 4}, {"report": "stock"})):
        other = draft(f"other {n}").model_copy(update=change)
        assert (await store.submit(other)).fresh
        job = await claimed(store)
        assert {name: getattr(job, name) for name in change} == change


async def test_a_quarantine_ends_after_ten_quiet_minutes(place: Place):
    store = place.open(Rules(losses=1))
    await lost(store, place, 2)
    place.pass_time(QUARANTINE_MS - MINUTE)
    assert await store.quarantines()
    with pytest.raises(Quarantined):
        await place.open(Rules(losses=1)).submit(draft("early"))
    place.pass_time(MINUTE)
    assert await store.quarantines() == []
    later = place.open(Rules(losses=1))
    assert (await later.submit(draft("late"))).fresh
    assert await later.claim(LANES, "w1", LEASE)


async def test_an_operator_ends_it_at_once(place: Place):
    store = place.open(Rules(losses=1))
    await lost(store, place, 2)
    assert not await store.release("stock")
    assert not await store.release("sales", 4)
    assert await store.quarantines()
    assert await store.release("sales", 3)
    assert await store.quarantines() == []
    assert (await store.submit(draft("after"))).fresh
    assert await store.claim(LANES, "w1", LEASE)
    assert not await store.release("sales")


async def test_losses_that_are_far_apart_are_none(place: Place):
    store = place.open(Rules(losses=2))
    for n in range(4):
        await lost(store, place, 1, f"w{n}")
        place.pass_time(QUARANTINE_MS // 2)
    assert await store.quarantines() == []


async def test_a_worker_that_dies_with_many_jobs_is_one_loss(place: Place):
    store = place.open(Rules(losses=1))
    for n in range(8):
        await store.submit(draft(n))
    jobs = [await claimed(store, f"the one.{slot}") for slot in range(8)]
    place.pass_time(LEASE)
    for job in jobs:
        assert await store.move(job, transitions.lose, lapsed=True)
    assert await store.quarantines() == []


async def test_each_press_that_dies_under_one_worker_is_a_loss(place: Place):
    store = place.open(Rules(losses=1))
    for n in range(2):
        await store.submit(draft(n))
        assert await store.move(await claimed(store), transitions.lose)
    assert len(await store.quarantines()) == 1


async def test_rows_of_a_callers_own_are_no_report_that_could_be_quarantined(place: Place):
    store = place.open(Rules(losses=1))
    for n in range(3):
        order = draft(n).order
        assert order
        ad_hoc = order.model_copy(update={"report": AD_HOC})
        await store.submit(accepted(ad_hoc))
        assert await store.move(await claimed(store), transitions.lose)
    assert await store.quarantines() == []


async def test_a_retry_is_no_loss(place: Place):
    store = place.open(Rules(losses=1))

    def again(job: Job, now: int) -> Job:
        return transitions.retry(job, now, transitions.lose(job, now).error, 0)  # type: ignore[arg-type]  a loss has one

    for n in range(3):
        await store.submit(draft(n))
        await store.move(await claimed(store), again)
    assert await store.quarantines() == []
