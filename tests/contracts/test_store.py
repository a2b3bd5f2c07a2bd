"""The store's contract: claims, leases, fences, and every guard of protocol.md's table."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from prelo.core import job as transitions
from prelo.core.job import MAX_LOSSES, IllegalTransition, Job, Progress, State
from prelo.ports import LANES, Store
from tests.contracts.store_cases import (
    LEASE,
    Place,
    artifact_of,
    claimed,
    draft,
    fail,
    give_up,
    retry,
    running,
    steps,
    succeed,
    succeeded,
)

READING = Progress(phase="reading", rows=7)


async def test_a_claim_takes_the_attempt_the_fence_and_a_lease(store: Store):
    job = await running(store)
    assert (job.state, job.attempt, job.fence, job.owner) == (State.RUNNING, 1, 1, "w1")
    assert job.started_at is not None
    assert job.lease_until == job.started_at + LEASE
    assert await store.get(job.id, with_order=True) == job
    assert await store.claim(LANES, "w2", LEASE) is None


async def test_only_lanes_that_were_asked_for_are_claimed(store: Store):
    await store.submit(draft(lane="large"))
    assert await store.claim(["small", "isolation"], "w1", LEASE) is None
    assert await store.claim([], "w1", LEASE) is None
    assert (await claimed(store, lanes=("large",))).lane == "large"


async def test_two_hundred_submits_and_as_many_claims_at_once_meet_one_to_one(place: Place):
    stores = [place.open(), place.open()]
    claims: list[Job] = []

    async def work(store: Store, owner: str) -> None:
        while len(claims) < 200:
            job = await store.claim(LANES, owner, LEASE)
            if job is not None:
                claims.append(job)

    async def ask(n: int) -> None:
        await stores[n % 2].submit(draft(n, f"tenant {n % 7}"))

    async with asyncio.timeout(30):
        workers = [work(stores[n % 2], f"w{n}") for n in range(4)]
        await asyncio.gather(*(ask(n) for n in range(200)), *workers)
    assert set(Counter(job.id for job in claims).values()) == {1}
    assert len(claims) == 200
    assert {job.fence for job in claims} == {1}


async def test_a_beat_extends_the_lease_and_notes_progress(store: Store, place: Place):
    job = await running(store)
    place.pass_time(20_000)
    beat = await store.beat(job, LEASE, READING)
    assert beat is not None
    found = await store.get(job.id)
    assert found is not None
    assert (found.lease_until, found.progress) == (beat.lease_until, READING)
    assert not beat.cancel
    assert await store.due("lapsed", 10) == []


async def test_a_beat_tells_that_somebody_wants_the_job_to_stop(store: Store):
    job = await running(store)
    assert await store.request_cancel(job)
    assert await store.request_cancel(job)
    beat = await store.beat(job, LEASE, READING)
    assert beat is not None
    assert beat.cancel


async def test_progress_survives_the_settling(store: Store):
    job = await running(store)
    await store.beat(job, LEASE, READING)
    assert await store.move(job, fail)
    done = await store.get(job.id)
    assert done is not None
    assert (done.state, done.progress) == (State.FAILED, READING)


async def test_whoever_lost_the_fence_can_neither_beat_nor_settle(store: Store, place: Place):
    zombie = await running(store)
    place.pass_time(LEASE)
    assert await store.move(zombie, transitions.lose, lapsed=True)
    again = await claimed(store, "w1")  # the same owner: the fence alone tells them apart
    assert again.fence == zombie.fence + 1
    assert await store.beat(zombie, LEASE, READING) is None
    for change in (succeed, fail, retry, give_up, transitions.release, transitions.cancel):
        assert await store.move(zombie, change) is None
    assert await steps(store, zombie.id) == ["queued", "running", "queued", "running"]
    assert await store.get(zombie.id, with_order=True) == again
    assert await store.move(again, succeed)


async def test_a_claim_again_begins_with_what_its_owner_holds(store: Store, place: Place):
    for subject in range(2):
        await store.submit(draft(subject))
    first = await claimed(store, "w1.0")
    place.pass_time(LEASE // 2)
    again = await store.claim(LANES, "w1.0", LEASE, again=True)
    assert again
    assert again.lease_until
    assert first.lease_until
    # Half a lease has passed for the row and none on the clock: one begun anew ends when the first one did.
    assert 0 <= again.lease_until - first.lease_until < LEASE // 2
    assert again.order == first.order
    assert await steps(store, first.id) == ["queued", "running"]
    other = await store.claim(LANES, "w1.1", LEASE, again=True)
    assert other
    assert other.id != first.id
    assert await store.move(again, succeed)
    assert await store.claim(LANES, "w1.0", LEASE, again=True) is None
    place.pass_time(LEASE)
    assert await store.claim(LANES, "w1.1", LEASE, again=True) is None  # it may be taken away


async def test_another_owner_can_neither_beat_nor_settle(store: Store):
    job = await running(store)
    thief = job.model_copy(update={"owner": "w2"})
    assert await store.beat(thief, LEASE, READING) is None
    assert await store.move(thief, succeed) is None
    assert await store.move(job, succeed)


async def test_a_job_settles_once(store: Store):
    job = await running(store)
    endings = await asyncio.gather(*(store.move(job, change) for change in [succeed, fail] * 5))
    assert sum(ending is not None for ending in endings) == 1
    assert len(await steps(store, job.id)) == 3


async def test_success_brings_artifact_manifest_and_retention(store: Store):
    job = await succeeded(store, retention_ms=5_000)
    assert job.artifact == artifact_of(job)
    assert job.manifest is not None
    assert job.finished_at is not None
    assert job.expires_at == job.finished_at + 5_000
    assert (job.owner, job.lease_until) == (None, None)


@pytest.mark.parametrize(
    ("change", "state"),
    [(fail, State.FAILED), (give_up, State.DEAD), (transitions.cancel, State.CANCELLED)],
)
async def test_an_attempt_may_end_without_a_file(
    store: Store, change: Callable[[Job, int], Job], state: State
):
    ended = await store.move(await running(store), change)
    assert ended is not None
    assert ended.state is state
    assert ended.artifact is None
    assert await store.depth() == 0


async def test_a_retry_waits_for_its_time_and_counts(store: Store, place: Place):
    job = await store.move(await running(store), retry)
    assert job is not None
    assert (job.state, job.attempt) == (State.QUEUED, 1)
    assert job.error is not None
    assert await store.claim(LANES, "w1", LEASE) is None
    assert await store.depth() == 0
    place.pass_time(5_000)
    assert await store.depth() == 1
    again = await claimed(store)
    assert (again.attempt, again.fence, again.error) == (2, 2, None)


async def test_a_released_job_gets_its_attempt_back(store: Store):
    job = await store.move(await running(store), transitions.release)
    assert job is not None
    assert job.attempt == 0
    again = await claimed(store, "w2")
    assert (again.attempt, again.fence) == (1, 2)


async def test_a_job_lost_once_runs_alone_and_lost_three_times_is_dead(store: Store, place: Place):
    job = (await store.submit(draft())).job
    for loss in range(1, MAX_LOSSES + 1):
        job = await claimed(store)
        place.pass_time(LEASE)
        assert [found.id for found in await store.due("lapsed", 10)] == [job.id]
        lost = await store.move(job, transitions.lose, lapsed=True)
        assert lost is not None
        assert (lost.lost_count, lost.attempt) == (loss, loss)
        if loss < MAX_LOSSES:
            assert (lost.state, lost.lane) == (State.QUEUED, "isolation")
            assert (await store.bells(10))[-1].lane == "isolation"
    dead = await store.get(job.id)
    assert dead is not None
    assert dead.state is State.DEAD
    assert dead.error is not None
    assert dead.error.type == "worker-lost"


async def test_a_lease_that_was_extended_in_between_is_not_lost(store: Store, place: Place):
    job = await running(store)
    place.pass_time(LEASE)
    (late,) = await store.due("lapsed", 10)
    assert await store.beat(job, LEASE, READING)
    assert await store.move(late, transitions.lose, lapsed=True) is None
    assert await store.move(job, succeed)


async def test_a_success_loses_against_a_cancel_that_came_first(store: Store):
    job = await running(store)
    assert await store.request_cancel(job)
    assert await store.move(job, succeed) is None
    cancelled = await store.move(job, transitions.cancel)
    assert cancelled is not None
    assert cancelled.state is State.CANCELLED


async def test_a_cancel_loses_against_a_success_that_came_first(store: Store):
    job = await running(store)
    assert await store.move(job, succeed)
    assert not await store.request_cancel(job)
    assert await store.move(job, transitions.cancel) is None


@pytest.mark.parametrize("change", [retry, transitions.release])
async def test_a_job_that_was_asked_to_stop_is_never_queued_where_nobody_would_claim_it(
    store: Store, place: Place, change: Callable[[Job, int], Job]
):
    job = await running(store)
    await store.request_cancel(job)
    assert await store.move(job, change) is None
    place.pass_time(LEASE)
    (late,) = await store.due("lapsed", 10)
    ended = await store.move(late, transitions.lose, lapsed=True)
    assert ended is not None
    assert ended.state is State.CANCELLED


async def test_a_queued_job_is_cancelled_at_once_and_not_claimed(store: Store):
    job = (await store.submit(draft())).job
    assert not await store.request_cancel(job)  # it does not run
    assert await store.move(job, transitions.cancel)
    assert await store.claim(LANES, "w1", LEASE) is None


async def test_cancelling_and_claiming_at_once_has_one_winner(place: Place):
    one, two = place.open(), place.open()
    for n in range(10):
        job = (await one.submit(draft(n))).job
        cancelled, taken = await asyncio.gather(
            one.move(job, transitions.cancel), two.claim(LANES, "w1", LEASE)
        )
        assert (cancelled is None) != (taken is None)


async def test_a_job_past_its_deadline_is_not_claimed_but_overdue(store: Store, place: Place):
    job = (await store.submit(draft(deadline_at=5_000))).job
    assert await store.due("overdue", 10) == []
    with pytest.raises(IllegalTransition):
        await store.move(job, transitions.pass_deadline)
    place.pass_time(5_000)
    assert await store.claim(LANES, "w1", LEASE) is None
    (late,) = await store.due("overdue", 10)
    dead = await store.move(late, transitions.pass_deadline)
    assert dead is not None
    assert dead.error is not None
    assert (dead.state, dead.error.type) == (State.DEAD, "deadline")


async def test_an_outlived_file_expires_and_may_be_made_again(store: Store, place: Place):
    job = await succeeded(store, retention_ms=5_000)
    assert await store.due("outlived", 10) == []
    place.pass_time(5_000)
    (old,) = await store.due("outlived", 10)
    expired = await store.move(old, transitions.expire)
    assert expired is not None
    assert expired.state is State.EXPIRED
    assert (await store.submit(draft())).job.id == job.id
    assert await steps(store, job.id) == ["queued", "running", "succeeded", "expired", "queued"]


async def test_an_illegal_change_is_refused_and_writes_nothing(store: Store):
    job = (await store.submit(draft())).job
    with pytest.raises(IllegalTransition):
        await store.move(job, succeed)
    with pytest.raises(IllegalTransition, match="cannot become succeeded"):
        await store.move(job, lambda j, _: j.model_copy(update={"state": State.SUCCEEDED}))
    assert await store.get(job.id) == job
    assert await steps(store, job.id) == ["queued"]


async def test_the_log_says_who_did_what_and_when(store: Store):
    job = await running(store)
    await store.move(job, retry)
    log = await store.transitions(job.id)
    assert [(c.before, c.after, c.owner, c.fence, c.attempt) for c in log] == [
        (None, State.QUEUED, None, 0, 0),
        (State.QUEUED, State.RUNNING, "w1", 1, 1),
        (State.RUNNING, State.QUEUED, "w1", 1, 1),
    ]
    times = [change.at for change in log]
    assert times == sorted(times)
    assert times[0] == job.created_at


async def test_the_log_is_only_ever_appended_to(store: Store, place: Place):
    job = await running(store)
    before = await store.transitions(job.id)
    place.pass_time(LEASE)
    await store.move(job, transitions.lose, lapsed=True)
    done = await store.move(await claimed(store), succeed)
    assert done is not None
    assert await store.forget(done)
    after = await store.transitions(job.id)
    known = [(one.number, one.before, one.after) for one in after]
    assert known[: len(before)] == [(one.number, one.before, one.after) for one in before]
    assert len(after) == len(before) + 3
    assert await store.transitions("nobody") == []


async def test_a_cancelled_caller_leaves_no_transaction_half_done(store: Store):
    for n in range(20):
        asking = asyncio.create_task(store.submit(draft(n)))
        await asyncio.sleep(0)
        asking.cancel()
    await store.submit(draft("last"))
    bells = await store.bells(100)
    assert len(bells) == await store.depth()
    assert (await claimed(store)).state is State.RUNNING


async def test_a_job_of_an_earlier_generation_changes_nothing_in_a_later_one(store: Store):
    job = (await store.submit(draft())).job
    first = await store.move(job, transitions.cancel)
    assert first is not None
    revived = await store.move(first, transitions.revive)
    assert revived is not None
    second = await store.move(revived, transitions.cancel)
    assert second is not None
    assert (first.state, first.fence) == (second.state, second.fence)
    assert await store.move(first, transitions.revive) is None
    assert not await store.forget(first)
    assert await store.move(second, transitions.revive)
