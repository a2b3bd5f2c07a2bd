"""The contract of notices: written with the change they tell of, taken by one, settled once, never lost."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from prelo.adapters.store_sql import SqlStore
from prelo.core import job as transitions
from prelo.core.channel import Channel
from prelo.core.job import Job
from prelo.core.notice import Answer, Notice, NoticeState, Tried
from prelo.core.webhook import Webhook
from prelo.couriers import Notices
from prelo.ports import Store
from tests.contracts.store_cases import (
    HOUR,
    Place,
    claimed,
    draft,
    fail,
    give_up,
    running,
    succeed,
    succeeded,
)

LEASE = 60_000
OK, BAD = (
    Answer(ok=True, status=204, ms=3),
    Answer(ok=False, status=500, detail="bad", excerpt="no"),
)
ANA, BOB = Channel(email="ana@example.com"), Channel(email="bob@example.com")


def hook(number: int = 1, tenant: str = "acme", **rest: object) -> Webhook:
    told = {"id": f"wh_{number:024x}", "tenant": tenant, "url": f"https://h{number}.example/",
            "host": f"h{number}.example", "secret": "plain.x", **rest}  # fmt: skip
    return Webhook.model_validate(told)


def channel(number: int = 1) -> Channel:
    return Channel(webhook=f"wh_{number:024x}")


async def take(notices: Notices, limit: int = 50, lease: int = LEASE, **told: int) -> list[Notice]:
    found = await notices.take(["webhook", "email"], limit, lease, per_host=100, busy=told)
    return list(found)


async def ended(store: Store, job: Job, how: object = succeed) -> Job:
    done = await store.move(job, how)  # type: ignore[arg-type]  of a parameter
    assert done
    return done


async def asked(store: Store, subject: object, *channels: Channel, **rest: Any) -> Job:
    return (await store.submit(draft(subject, **rest), channels=channels)).job


async def events(notices: Notices, job: Job) -> Counter[tuple[str, str]]:
    return Counter((one.target, one.event) for one in await notices.of_job(job.id))


@pytest.mark.parametrize(
    ("how", "event"), [(succeed, "succeeded"), (fail, "failed"), (give_up, "dead")]
)
async def test_a_job_that_ends_makes_one_notice_for_each_channel(
    store: Store, notices: Notices, how: object, event: str
):
    await notices.add(hook(), 9)
    await asked(store, 1, ANA, BOB, channel(), ANA)
    job = await claimed(store)
    assert await notices.of_job(job.id) == []
    done = await ended(store, job, how)
    found = await notices.of_job(job.id)
    assert {(one.target, one.event, one.generation) for one in found} == {
        (target, event, 0) for target in ("ana@example.com", "bob@example.com", channel().webhook)
    }
    assert len(found) == 3
    assert {one.host for one in found} == {"@", "h1.example"}
    facts = found[0].facts
    assert facts
    assert (facts.state, facts.report, facts.finished_at) == (done.state, "sales", done.finished_at)


async def test_cancelled_overdue_and_expired_jobs_are_told_of_too(
    place: Place, store: Store, notices: Notices
):
    cancelled = await asked(store, 1, ANA)
    await ended(store, cancelled, transitions.cancel)
    late = await asked(store, 2, ANA, deadline_at=5_000)
    place.pass_time(6_000)
    (overdue,) = await store.due("overdue", 5)
    await ended(store, overdue, transitions.pass_deadline)
    await asked(store, 3, ANA, retention_ms=1_000)
    old = await ended(store, await claimed(store))
    place.pass_time(2_000)
    (found,) = await store.due("outlived", 5)
    await ended(store, found, transitions.expire)
    ana = "ana@example.com"
    assert await events(notices, cancelled) == {(ana, "cancelled"): 1}
    assert await events(notices, late) == {(ana, "dead"): 1}
    assert await events(notices, old) == {(ana, "succeeded"): 1, (ana, "expired"): 1}


async def test_a_job_that_nobody_asked_about_makes_none(store: Store, notices: Notices):
    await succeeded(store)
    assert await take(notices) == []


async def test_a_change_that_was_refused_tells_nobody(store: Store, notices: Notices):
    await asked(store, 1, ANA)
    job = await claimed(store)
    await ended(store, job)
    assert await store.move(job, fail) is None
    assert len(await notices.of_job(job.id)) == 1


async def test_whoever_joins_is_told_too_and_makes_no_other_request_of_it(
    store: Store, notices: Notices
):
    first = await asked(store, 1, ANA)
    second = await asked(store, 1, BOB)
    third = await asked(store, 1)
    assert first.id == second.id == third.id
    await ended(store, await claimed(store))
    assert set(await events(notices, first)) == {
        ("ana@example.com", "succeeded"), ("bob@example.com", "succeeded"),
    }  # fmt: skip


async def test_whoever_joins_a_job_that_has_ended_is_told_at_once_and_once(
    store: Store, notices: Notices
):
    await asked(store, 1, ANA)
    done = await ended(store, await claimed(store))
    for _ in range(3):
        assert (await asked(store, 1, BOB, ANA)).id == done.id
    assert await events(notices, done) == {
        ("ana@example.com", "succeeded"): 1, ("bob@example.com", "succeeded"): 1,
    }  # fmt: skip


async def test_a_job_that_runs_again_tells_all_its_channels_again(store: Store, notices: Notices):
    await asked(store, 1, ANA)
    failed = await ended(store, await claimed(store), fail)
    again = await asked(store, 1, BOB)
    assert (again.id, again.generation) == (failed.id, 1)
    await ended(store, await claimed(store))
    assert await events(notices, failed) == {
        ("ana@example.com", "failed"): 1, ("ana@example.com", "succeeded"): 1,
        ("bob@example.com", "succeeded"): 1,
    }  # fmt: skip
    assert len({one.id for one in await notices.of_job(failed.id)}) == 3


async def test_joining_and_ending_at_the_same_moment_loses_no_notice(place: Place):
    """A join that sees the job under way may end after it: the end must see its channel."""
    stores = [place.open() for _ in range(4)]
    for n in range(15):
        await asked(stores[0], n)
        job = await claimed(stores[0])
        joins = [
            asked(store, n, Channel(email=f"a{k}@example.com"))
            for k, store in enumerate(stores[1:])
        ]
        await asyncio.gather(ended(stores[0], job), *joins)
        assert isinstance(stores[0], SqlStore)
        assert len(await stores[0].notices.of_job(job.id)) == 3


async def test_a_webhook_that_hears_of_all_hears_of_its_tenants_jobs_and_of_its_events(
    store: Store, notices: Notices
):
    await notices.add(hook(1, jobs="all"), 9)
    await notices.add(hook(2, jobs="all", events=("failed", "dead")), 9)
    await notices.add(hook(3, tenant="other", jobs="all"), 9)
    await notices.add(hook(4), 9)
    await notices.add(hook(5, jobs="all", enabled=False), 9)
    good = await ended(store, await running(store, 1))
    bad = await ended(store, await running(store, 2), fail)
    one, two = hook(1).id, hook(2).id
    assert await events(notices, good) == {(one, "succeeded"): 1}
    assert await events(notices, bad) == {(one, "failed"): 1, (two, "failed"): 1}


async def test_a_webhook_that_is_named_and_hears_of_all_is_told_once(
    store: Store, notices: Notices
):
    await notices.add(hook(1, jobs="all"), 9)
    await asked(store, 1, channel(1))
    done = await ended(store, await claimed(store))
    assert await events(notices, done) == {(hook(1).id, "succeeded"): 1}


async def told(store: Store, count: int) -> list[Job]:
    jobs: list[Job] = []
    for n in range(count):
        await asked(store, f"for ana {n}", ANA)
        jobs.append(await ended(store, await claimed(store)))
    return jobs


async def test_each_notice_is_taken_once_however_many_take(place: Place):
    stores = [place.open() for _ in range(3)]
    await told(stores[0], 12)
    all_notices = [store.notices for store in stores if isinstance(store, SqlStore)]
    taken = await asyncio.gather(*(take(one, limit=7) for one in all_notices for _ in range(3)))
    ids = [one.id for found in taken for one in found]
    assert len(ids) == len(set(ids)) == 12
    assert {one.attempts for found in taken for one in found} == {1}


async def test_what_is_not_settled_is_taken_again_after_its_lease_and_the_late_one_is_refused(
    place: Place, store: Store, notices: Notices
):
    (job,) = await told(store, 1)
    (first,) = await take(notices)
    place.pass_time(LEASE - 1_000)
    assert await take(notices) == []
    place.pass_time(2_000)
    (second,) = await take(notices)
    assert (second.id, second.fence, second.attempts) == (first.id, 2, 2)
    assert await notices.settle(first, OK, 0.5) is None
    assert not await notices.give_back(first, 0)
    done = await notices.settle(second, OK, 0.5)
    assert done
    assert done.state is NoticeState.SENT
    assert await notices.settle(second, BAD, 0.5) is None
    assert [one.attempt for one in await notices.tries([first.id])] == [2]
    assert (await notices.of_job(job.id))[0].state is NoticeState.SENT


async def test_a_failed_try_comes_back_when_the_schedule_says_and_is_dead_after_the_tenth(
    place: Place, store: Store, notices: Notices
):
    (job,) = await told(store, 1)
    for attempt in range(1, 11):
        (mine,) = await take(notices)
        assert mine.attempts == attempt
        after = await notices.settle(mine, BAD, 0.5)
        assert after
        assert await take(notices) == []
        assert (after.state is NoticeState.DEAD) == (attempt == 10)
        place.pass_time(25 * HOUR)
    assert await take(notices) == []
    (dead,) = await notices.of_job(job.id)
    assert (dead.attempts, dead.status, dead.detail) == (10, 500, "bad")
    log = await notices.tries([dead.id])
    assert [one.attempt for one in log] == list(range(1, 11))
    assert log[0] == Tried(
        notice_id=dead.id, attempt=1, at=log[0].at, ms=0, ok=False, status=500, detail="bad", excerpt="no",
    )  # fmt: skip


async def test_a_host_gets_no_more_than_it_has_room_for_and_others_are_found_behind_it(
    store: Store, notices: Notices
):
    for number in (1, 2):
        await notices.add(hook(number), 9)
    for n in range(6):
        await asked(store, n, channel(1))
        await ended(store, await claimed(store))
    await asked(store, 9, channel(2))
    await ended(store, await claimed(store))
    kinds = ["webhook"]
    first = await notices.take(kinds, 10, LEASE, per_host=2, busy={"h1.example": 1})  # type: ignore[arg-type]  of a parameter
    assert Counter(one.host for one in first) == {"h1.example": 1, "h2.example": 1}
    second = await notices.take(kinds, 10, LEASE, per_host=2, busy={"h1.example": 2})  # type: ignore[arg-type]  of a parameter
    assert list(second) == []


async def test_only_kinds_that_were_asked_for_are_taken(store: Store, notices: Notices):
    await told(store, 1)
    assert list(await notices.take(["webhook"], 10, LEASE, per_host=9, busy={})) == []
    assert len(await take(notices)) == 1


async def sent_to(store: Store, notices: Notices, count: int, answer: Answer) -> Sequence[Notice]:
    await notices.add(hook(), 9)
    for n in range(count):
        await asked(store, n, channel())
        await ended(store, await claimed(store))
    for mine in await take(notices):
        assert await notices.settle(mine, answer, 0.5)
    return await notices.of_webhook(hook().id, 50)


async def test_a_receiver_that_is_gone_gets_no_more(store: Store, notices: Notices):
    gone = Answer(ok=False, gone=True, status=410)
    (found,) = await sent_to(store, notices, 1, gone)
    assert found.state is NoticeState.DEAD
    webhook = await notices.webhook(hook().id)
    assert webhook
    assert not webhook.enabled
    assert "410" in webhook.why


async def test_what_is_dead_is_sent_again_all_at_once_under_its_ids(store: Store, notices: Notices):
    dead = await sent_to(store, notices, 3, Answer(ok=False, final=True))
    assert await notices.replay_dead(hook().id) == 3
    assert await notices.replay_dead(hook().id) == 0
    again = await take(notices)
    assert {one.id for one in again} == {one.id for one in dead}
    assert {one.attempts for one in again} == {1}


async def test_one_is_sent_again_unless_it_is_under_way(store: Store, notices: Notices):
    (sent,) = await sent_to(store, notices, 1, OK)
    again = await notices.replay(hook().id, sent.id)
    assert isinstance(again, Notice)
    assert (again.id, again.state) == (sent.id, NoticeState.WAITING)
    await take(notices)
    assert await notices.replay(hook().id, sent.id) is NoticeState.WAITING
    assert await notices.replay(hook(2).id, sent.id) is None


async def test_deliveries_are_listed_newest_first_page_by_page(store: Store, notices: Notices):
    found = await sent_to(store, notices, 5, OK)
    pages: list[Notice] = []
    place: tuple[int, str] | None = None
    while page := await notices.of_webhook(hook().id, 2, before=place):
        pages += page
        place = page[-1].created_at, page[-1].id
    assert pages == list(found)
    assert [one.created_at for one in pages] == sorted((p.created_at for p in pages), reverse=True)


async def test_settled_notices_are_forgotten_after_a_month(
    place: Place, store: Store, notices: Notices
):
    await sent_to(store, notices, 1, OK)
    await told(store, 1)
    place.pass_time(31 * 24 * HOUR)
    notices._pruned -= 100  # type: ignore[attr-defined]  # its minute is over
    await take(notices)
    assert place.sql("SELECT kind FROM notice") == [("email",)]
    assert place.sql("SELECT count(*) FROM notice_try") == [(0,)]


async def test_a_job_that_is_forgotten_takes_its_channels_and_its_news_still_arrives(
    place: Place, store: Store, notices: Notices
):
    (job,) = await told(store, 1)
    assert await store.forget(job)
    assert place.sql("SELECT count(*) FROM channel") == [(0,)]
    assert len(await take(notices)) == 1


async def test_a_tenants_webhooks_are_its_own_and_not_too_many(store: Store, notices: Notices):
    first = await notices.add(hook(1), 2)
    assert first
    assert first.created_at > 0
    await notices.add(hook(2), 2)
    assert await notices.add(hook(3), 2) is None
    await notices.add(hook(4, tenant="other"), 2)
    assert [one.id for one in await notices.webhooks("acme")] == [hook(1).id, hook(2).id]
    assert await notices.webhook(hook(1).id) == first


async def test_changes_of_a_webhook_do_not_undo_each_other(place: Place):
    stores = [place.open() for _ in range(2)]
    first, second = (store.notices for store in stores if isinstance(store, SqlStore))
    await first.add(hook(description="0"), 9)

    def count(webhook: Webhook, _: int) -> Webhook:
        return webhook.model_copy(update={"description": str(int(webhook.description) + 1)})

    await asyncio.gather(
        *(one.change(hook().id, count) for one in (first, second) for _ in range(8))
    )
    changed = await first.webhook(hook().id)
    assert changed
    assert changed.description == "16"
    assert await first.change(hook(2).id, count) is None


async def test_what_waits_follows_a_webhook_to_its_new_host_and_dies_with_it(
    place: Place, store: Store, notices: Notices
):
    await notices.add(hook(), 9)
    await notices.ping(hook(), "00000000-0000-4000-8000-000000000001")
    await notices.change(hook().id, lambda w, _: w.model_copy(update={"host": "new.example"}))
    assert place.sql("SELECT host FROM notice") == [("new.example",)]
    assert await notices.remove(hook().id)
    assert not await notices.remove(hook().id)
    assert place.sql("SELECT state FROM notice") == [("dead",)]


async def test_no_secret_is_in_the_words_of_a_webhook():
    assert "plain.x" not in repr(hook())
