"""The store's contract: submitting, joining, idempotency keys, fairness, doorbells."""

import asyncio
from collections.abc import Callable

import pytest

from prelo.core import job as transitions
from prelo.core.errors import KeyReused, Unavailable
from prelo.core.job import Job, State
from prelo.ports import IdempotencyKey, Store, Submitted
from tests.contracts.store_cases import (
    HOUR,
    Place,
    SqlitePlace,
    claimed,
    draft,
    fail,
    give_up,
    retry,
    running,
    steps,
    succeeded,
)

KEY = IdempotencyKey(key="k-1", digest="d-1")


async def test_a_new_job_is_queued_with_a_doorbell_and_a_line_in_its_log(store: Store):
    submitted = await store.submit(draft(trace="00-abc"))
    job = submitted.job
    assert submitted.fresh
    assert (job.state, job.fence, job.attempt, job.generation) == (State.QUEUED, 0, 0, 0)
    assert job.run_at == job.created_at > 1_700_000_000_000
    assert job.trace == "00-abc"
    assert [(bell.job_id, bell.lane) for bell in await store.bells(10)] == [(job.id, "small")]
    assert await steps(store, job.id) == ["queued"]
    assert await store.get(job.id) == job


async def test_the_order_comes_with_a_claim_and_on_request_only(store: Store):
    wanted = draft()
    job = (await store.submit(wanted)).job
    assert job.order is None
    found = await store.get(job.id, with_order=True)
    assert found is not None
    assert found.order == wanted.order
    assert (await claimed(store)).order == wanted.order


async def test_equal_requests_join_the_job_that_is_under_way(store: Store):
    first = await store.submit(draft())
    second = await store.submit(draft())
    await claimed(store)
    third = await store.submit(draft())
    assert [first.fresh, second.fresh, third.fresh] == [True, False, False]
    assert first.job.id == second.job.id == third.job.id
    assert third.job.state is State.RUNNING
    assert len(await store.bells(10)) == 1


async def test_fifty_equal_requests_at_once_make_one_job(place: Place):
    stores = [place.open(), place.open()]
    answers = await asyncio.gather(*(stores[n % 2].submit(draft()) for n in range(50)))
    assert sum(answer.fresh for answer in answers) == 1
    assert len({answer.job.id for answer in answers}) == 1
    assert await stores[0].depth() == 1


async def test_requests_that_come_together_have_each_their_own_answer(store: Store):
    """They share transactions; what is wrong with one of them is told to it alone."""
    known = (await store.submit(draft(1), key=KEY)).job
    other = IdempotencyKey(key="k-2", digest="d-2")
    plain, replayed, reused, full, first, again, joined = await asyncio.gather(
        store.submit(draft(2)),
        store.submit(draft(1), key=KEY),
        store.submit(draft(3), key=IdempotencyKey(key=KEY.key, digest="another body's")),
        store.submit(draft(4), max_queued=1),
        store.submit(draft(5), key=other),
        store.submit(draft(5), key=other),
        store.submit(draft(5)),
        return_exceptions=True,
    )
    assert isinstance(reused, KeyReused)
    assert isinstance(full, Unavailable)
    answers = [one for one in (plain, replayed, first, again, joined) if isinstance(one, Submitted)]
    assert [(one.fresh, one.replayed) for one in answers] == [
        (True, False), (False, True), (True, False), (False, True), (False, False),
    ]  # fmt: skip
    assert answers[1].job.id == known.id
    assert len({one.job.id for one in answers[2:]}) == 1
    assert await store.depth() == 3


async def test_a_finished_job_is_reused_while_it_is_young_enough(store: Store, place: Place):
    done = await succeeded(store)
    place.pass_time(10_000)
    reused = await store.submit(draft(), max_age_ms=60_000)
    assert (reused.job.id, reused.fresh) == (done.id, False)
    assert (await store.submit(draft())).job.id == done.id  # any age will do


async def test_a_finished_job_that_is_too_old_is_superseded_and_keeps_its_file(
    store: Store, place: Place
):
    old = await succeeded(store)
    place.pass_time(60_000)
    new = await store.submit(draft(), max_age_ms=60_000)
    assert new.fresh
    assert new.job.id != old.id
    assert (new.job.generation, new.job.state) == (1, State.QUEUED)
    before = await store.get(old.id)
    assert before is not None
    assert (before.superseded, before.state, before.artifact) == (
        True,
        State.SUCCEEDED,
        old.artifact,
    )
    assert (await store.submit(draft())).job.id == new.job.id


async def test_a_finished_job_past_its_retention_is_superseded(store: Store, place: Place):
    old = await succeeded(store, retention_ms=1_000)
    place.pass_time(1_000)
    assert (await store.submit(draft())).job.generation == old.generation + 1


@pytest.mark.parametrize("ending", [fail, give_up, transitions.cancel])
async def test_a_job_that_ended_without_a_file_is_revived_under_its_id(
    store: Store, ending: Callable[[Job, int], Job]
):
    job = await running(store)
    await store.request_cancel(job)
    await store.move(job, ending)
    again = await store.submit(draft(priority=0, deadline_at=HOUR))
    assert again.fresh
    assert again.job.id == job.id
    assert (again.job.generation, again.job.attempt, again.job.fence) == (1, 0, 1)
    assert (again.job.priority, again.job.error) == (0, None)
    assert again.job.cancel_requested_at is None
    assert again.job.deadline_at == again.job.run_at + HOUR
    assert (await claimed(store)).fence == 2
    assert (await steps(store, job.id))[-2:] == ["queued", "running"]


async def test_a_key_gives_its_first_answer_again(store: Store):
    first = await store.submit(draft(1), key=KEY)
    again = await store.submit(draft(2), key=KEY)  # the digest decides, not the body behind it
    assert (first.replayed, again.replayed, again.fresh) == (False, True, False)
    assert again.job.id == first.job.id


async def test_a_key_with_another_body_is_refused_and_nothing_is_stored(store: Store):
    await store.submit(draft(1), key=KEY)
    with pytest.raises(KeyReused, match="new key"):
        await store.submit(draft(2), key=KEY.model_copy(update={"digest": "d-2"}))
    assert await store.depth() == 1


async def test_a_key_belongs_to_its_tenant_and_is_compared_exactly(store: Store):
    jobs: set[str] = set()
    for number, (tenant, key) in enumerate(
        [("acme", "k"), ("other", "k"), ("acme", "K"), ("acme", "k "), ("acme", "k" * 5_000)]
    ):
        answer = await store.submit(
            draft(number, tenant), key=IdempotencyKey(key=key, digest=str(number))
        )
        assert not answer.replayed
        jobs.add(answer.job.id)
    assert len(jobs) == 5


async def test_a_key_that_joined_a_job_is_remembered_too(store: Store):
    first = await store.submit(draft())
    joined = await store.submit(draft(), key=KEY)
    assert (joined.fresh, joined.replayed) == (False, False)
    assert (await store.submit(draft(), key=KEY)).replayed
    assert joined.job.id == first.job.id


async def test_a_key_expires_after_a_day(store: Store, place: Place):
    await store.submit(draft(1), key=KEY)
    place.pass_time(24 * HOUR)
    other = await store.submit(draft(2), key=KEY.model_copy(update={"digest": "d-2"}))
    assert other.fresh


async def test_fifty_requests_with_one_key_at_once_make_one_job(place: Place):
    stores = [place.open(), place.open()]
    answers = await asyncio.gather(*(stores[n % 2].submit(draft(n), key=KEY) for n in range(50)))
    assert len({answer.job.id for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1


async def test_a_tenant_with_a_burst_stands_behind_everybodys_next_one(store: Store):
    for n in range(10):
        await store.submit(draft(n, "noisy"))
    await store.submit(draft("quiet", "quiet"))
    order = [(await claimed(store)).tenant for _ in range(3)]
    assert order.index("quiet") <= 2


async def test_priority_comes_before_fairness_and_cost_counts(store: Store):
    await store.submit(draft("heavy", cost=8))
    await store.submit(draft("after", cost=1))
    await store.submit(draft("other", "other", cost=5))
    await store.submit(draft("urgent", "urgent", cost=50, priority=0))
    order = [(await claimed(store)).parameters["subject"] for _ in range(4)]
    assert order == ["urgent", "other", "heavy", "after"]


async def test_bells_are_seen_when_they_are_due_and_until_they_are_rung(store: Store, place: Place):
    job = await running(store)
    await store.rung([bell.number for bell in await store.bells(10)])
    await store.move(job, retry)
    assert await store.bells(10) == []
    place.pass_time(5_000)
    bells = await store.bells(10)
    assert [bell.job_id for bell in bells] == [job.id]
    await store.rung([bell.number for bell in bells])
    await store.rung([])
    assert await store.bells(10) == []


async def test_bells_come_oldest_first_and_no_more_than_asked_for(store: Store, place: Place):
    ids: list[str] = []
    for n in range(5):
        ids.append((await store.submit(draft(n))).job.id)
        place.pass_time(10)
    assert [bell.job_id for bell in await store.bells(3)] == ids[:3]


async def test_a_doorbell_made_due_stirs_whoever_waits(store: Store):
    await asyncio.wait_for(store.stirred(0.001), 1)  # nothing yet: the time runs out
    waiting = asyncio.create_task(store.stirred(30))
    await store.submit(draft())
    await asyncio.wait_for(waiting, 5)
    job = await claimed(store)
    later = asyncio.create_task(store.stirred(0.2))
    await store.move(job, retry)  # due in five seconds: no reason to look now
    assert await asyncio.wait({later}, timeout=0.05) == (set(), {later})
    await later


async def test_old_bells_and_keys_are_pruned(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
):
    await store.submit(draft(1), key=KEY)
    await store.rung([bell.number for bell in await store.bells(10)])
    place.pass_time(25 * HOUR)
    await store.submit(draft(2))
    monkeypatch.setattr("prelo.adapters.store_sql.store._PRUNE_SECONDS", 0)
    await store.rung([bell.number for bell in await store.bells(10)])
    assert place.sql("SELECT count(*) FROM outbox") == [(1,)]
    assert place.sql("SELECT count(*) FROM idempotency") == [(0,)]


async def test_a_deadline_is_counted_from_the_stores_clock(store: Store):
    job = (await store.submit(draft(deadline_at=5_000))).job
    assert job.deadline_at == job.created_at + 5_000


async def test_nothing_is_asked_of_the_store_before_the_first_call(sqlite_place: SqlitePlace):
    sqlite_place.path.unlink()
    sqlite_place.open()
    assert not sqlite_place.path.exists()


async def test_a_full_queue_refuses_new_jobs_and_still_answers_for_those_it_has(store: Store):
    first = await store.submit(draft(1))
    with pytest.raises(Unavailable, match="1 jobs are waiting") as refused:
        await store.submit(draft(2), max_queued=1)
    assert refused.value.retry_after > 0
    joined = await store.submit(draft(1), max_queued=1)
    assert (joined.job.id, joined.fresh) == (first.job.id, False)
    await succeeded(store)
    reused = await store.submit(draft(1), max_queued=0)
    assert (reused.job.state, reused.fresh) == (State.SUCCEEDED, False)
    assert (await store.submit(draft(2), max_queued=1)).fresh


async def test_a_key_belongs_to_its_scope_for_its_answer_shows_a_job(store: Store):
    first = await store.submit(draft(1), key=KEY)
    other = draft(1).model_copy(update={"scope": "managers", "fingerprint": "f" * 64, "id": "m"})
    second = await store.submit(other, key=KEY)
    assert (second.replayed, second.job.scope) == (False, "managers")
    assert (await store.submit(draft(1), key=KEY)).job.id == first.job.id
