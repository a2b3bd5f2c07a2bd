"""The store's contract: what is seen of jobs, by their tenants, by upkeep, and by whoever watches."""

import random

from prelo.core import job as transitions
from prelo.core.job import Job, State
from prelo.ports import IdempotencyKey, JobFilter, Store
from tests.contracts.store_cases import (
    HOUR,
    LEASE,
    Place,
    claimed,
    draft,
    fail,
    retry,
    running,
    steps,
    succeeded,
)

MINUTE = 60_000
HEALTHY = {
    "running_past_lease": 0,
    "queued_not_rung_60s": 0,
    "succeeded_without_artifact": 0,
    "outbox_oldest_seconds": 0,
    "reports_quarantined": 0,
}


async def ring_all(store: Store) -> int:
    bells = await store.bells(1_000)
    await store.rung([bell.number for bell in bells])
    return len(bells)


async def pages(store: Store, **chosen: object) -> list[list[Job]]:
    """All pages, each asked for by the last row of the one before."""
    found: list[list[Job]] = []
    before = None
    while True:
        page = list(await store.list(JobFilter.model_validate({"before": before, **chosen})))
        if not page:
            return found
        found.append(page)
        before = (page[-1].created_at, page[-1].id)


async def test_a_tenant_sees_its_own_jobs_only(store: Store):
    mine = (await store.submit(draft(1, "acme"))).job
    other = (await store.submit(draft(1, "other"))).job
    assert mine.id != other.id
    assert await store.get(mine.id, "other") is None
    assert await store.get(mine.id, "acme") == mine
    assert await store.get("nothing") is None
    assert [job.id for job in await store.list(JobFilter(tenant="acme"))] == [mine.id]


async def test_pages_hold_every_job_once_newest_first_even_of_one_millisecond(
    store: Store, place: Place
):
    ids = [(await store.submit(draft(n))).job.id for n in range(40)]
    rng = random.Random(7)
    for job_id in ids:
        place.sql("UPDATE job SET created_at = ? WHERE id = ?", rng.randrange(5), job_id)
    for limit in (1, 7, 40, 50):
        found = await pages(store, tenant="acme", limit=limit)
        assert all(len(page) <= limit for page in found)
        seen = [(job.created_at, job.id) for page in found for job in page]
        assert seen == sorted(seen, reverse=True)
        assert sorted(job_id for _, job_id in seen) == sorted(ids)


async def test_a_list_is_chosen_by_state_report_and_age(store: Store):
    done = await succeeded(store, 1)
    waiting = (await store.submit(draft(2))).job
    mine = {"tenant": "acme"}

    async def chosen(**more: object) -> set[str]:
        filters = JobFilter.model_validate(mine | more)
        return {job.id for job in await store.list(filters)}

    assert await chosen() == {done.id, waiting.id}
    assert await chosen(states=[State.QUEUED]) == {waiting.id}
    assert await chosen(states=[State.QUEUED, State.SUCCEEDED]) == {done.id, waiting.id}
    assert await chosen(report="other") == set()
    assert await chosen(created_after=waiting.created_at) == set()
    assert done.id in await chosen(created_after=done.created_at - 1)


async def test_no_list_carries_an_order(store: Store):
    await running(store, 1)
    await store.submit(draft(2))
    assert [job.order for job in await store.list(JobFilter(tenant="acme"))] == [None, None]


async def test_the_depth_counts_what_is_due_or_running_by_lane(store: Store):
    await running(store, 1)
    await store.submit(draft(2, lane="large"))
    await store.submit(draft(3))
    await store.move(await claimed(store, lanes=("small",)), retry)  # due later
    await succeeded(store, 4, lane="isolation", priority=0)
    assert await store.depth() == 2
    assert [await store.depth(lane) for lane in ("small", "large", "isolation")] == [1, 1, 0]


async def test_a_job_nobody_claims_is_rung_again_after_a_minute_and_not_at_every_turn(
    store: Store, place: Place
):
    job = (await store.submit(draft())).job
    place.pass_time(MINUTE)
    assert await store.due("unrung", 10) == []  # its first doorbell still waits
    await ring_all(store)
    assert await store.due("unrung", 10) == []  # rung just now
    place.pass_time(MINUTE)
    assert [found.id for found in await store.due("unrung", 10)] == [job.id]
    await store.ring_again([job])
    assert await store.due("unrung", 10) == []
    assert await ring_all(store) == 1
    assert await store.due("unrung", 10) == []
    place.pass_time(MINUTE)
    assert len(await store.due("unrung", 10)) == 1


async def test_a_late_doorbell_of_an_earlier_life_hides_nothing(store: Store, place: Place):
    job = await running(store)
    await ring_all(store)
    waiting = await store.move(job, lambda j, now: transitions.release(j, now, HOUR))
    assert waiting is not None
    ended = await store.move(waiting, transitions.cancel)
    assert ended is not None
    await store.move(ended, transitions.revive)
    assert await ring_all(store) == 1
    place.pass_time(MINUTE)
    assert len(await store.due("unrung", 10)) == 1


async def test_only_queued_jobs_are_rung_again(store: Store):
    one = await running(store, 1)
    two = (await store.submit(draft(2))).job
    await ring_all(store)
    await store.ring_again([one, two])
    await store.ring_again([])
    assert [bell.job_id for bell in await store.bells(10)] == [two.id]


async def test_each_duty_gives_the_oldest_and_no_more_than_asked_for(store: Store, place: Place):
    for n in range(5):
        await store.submit(draft(n, deadline_at=1_000 + n))
    for n in range(5, 10):
        await running(store, n, priority=0)
    place.pass_time(HOUR)
    late = await store.due("lapsed", 3)
    assert len(late) == 3
    assert [job.lease_until for job in late] == sorted(job.lease_until or 0 for job in late)
    assert [job.parameters["subject"] for job in await store.due("overdue", 2)] == ["0", "1"]


async def test_a_file_is_referred_to_while_its_job_has_succeeded(store: Store, place: Place):
    job = await succeeded(store, retention_ms=1_000)
    assert job.artifact is not None
    key = job.artifact.key
    assert set(await store.unreferenced([key, "orphan"])) == {"orphan"}
    assert set(await store.unreferenced([])) == set()
    place.pass_time(1_000)
    (old,) = await store.due("outlived", 10)
    await store.move(old, transitions.expire)
    assert set(await store.unreferenced([key])) == {key}  # nobody may have deleted it


async def test_an_ended_job_is_forgotten_with_its_keys_but_not_its_log(store: Store):
    key = IdempotencyKey(key="k", digest="d")
    await store.submit(draft(), key=key)
    waiting = await store.get((await store.submit(draft())).job.id)
    assert waiting is not None
    assert not await store.forget(waiting)
    taken = await claimed(store)
    assert not await store.forget(taken)
    done = await store.move(taken, fail)
    assert done is not None
    assert await store.forget(done)
    assert not await store.forget(done)
    assert await store.get(done.id) is None
    assert await steps(store, done.id) == ["queued", "running", "failed"]
    assert not (await store.submit(draft(), key=key)).replayed


async def test_a_job_that_changed_since_is_not_forgotten(store: Store):
    done = await store.move(await running(store), fail)
    assert done is not None
    await store.move(done, transitions.revive)
    assert not await store.forget(done)


async def test_an_id_never_comes_back_with_a_generation_it_had(store: Store):
    seen: set[tuple[str, int]] = set()
    for _ in range(3):
        old = await succeeded(store)
        newer = (await store.submit(draft(), max_age_ms=0)).job
        taken = await claimed(store)
        assert taken.id == newer.id
        done = await store.move(taken, fail)
        assert done is not None
        assert await store.forget(done)
        for job in (old, newer):
            assert (job.id, job.generation) not in seen
            seen.add((job.id, job.generation))


async def test_a_store_at_rest_is_healthy(store: Store):
    await succeeded(store, 1)
    await running(store, 2)
    await store.submit(draft(3))
    assert await store.health() == HEALTHY


async def test_health_counts_what_must_never_be(store: Store, place: Place):
    done = await succeeded(store, 1)
    await running(store, 2)
    await store.submit(draft(3))
    await ring_all(store)
    place.sql("UPDATE job SET artifact_key = NULL WHERE id = ?", done.id)
    place.pass_time(LEASE + 5_000)
    assert (await store.health())["running_past_lease"] == 0  # upkeep has its turn first
    place.pass_time(2 * MINUTE)
    await store.submit(draft(4))
    place.pass_time(3_000)
    assert await store.health() == {
        "running_past_lease": 1,
        "queued_not_rung_60s": 1,
        "succeeded_without_artifact": 1,
        "outbox_oldest_seconds": 3,
        "reports_quarantined": 0,
    }
