"""The store's contract: schedules, and one firing for each of their times, settled together with its job."""

import asyncio
from typing import Any

import pytest

from prelo.core import job as transitions
from prelo.core.errors import Conflict, KeyReused, TooManyJobs, Unavailable
from prelo.core.fire import Fired, Firing, after, settled, waiting
from prelo.core.records import IdempotencyKey
from prelo.core.request import Caller
from prelo.core.rules import Rules
from prelo.core.schedule import Plan, Schedule
from prelo.ports import Store
from tests.contracts.store_cases import HOUR, Place, claimed, draft, steps, succeed

MINUTE = 60_000
DAY = 24 * HOUR
PLAN = Plan.model_validate(
    {
        "name": "Sales",
        "cron": "* * * * *",
        "request": {"report": "sales"},
        "exclude": ["2026-12-25"],
    }
)


async def kept(store: Store, name: str = "s1", tenant: str = "acme", **chosen: Any) -> Schedule:
    now = await store.clock()
    told: dict[str, Any] = {"created_at": now, "updated_at": now, "next_fire_at": now - MINUTE}
    made = Schedule(
        id=name, tenant=tenant, caller=Caller(tenant=tenant), plan=PLAN, **told | chosen
    )
    assert await store.add_schedule(made)
    return made


def firing_of(schedule: Schedule, at: int, **chosen: Any) -> Firing:
    return Firing(schedule_id=schedule.id, at=at, try_at=at, created_at=at, **chosen)


async def opened(store: Store, schedule: Schedule, *times: int) -> list[Firing]:
    """The schedule goes on, with open firings of these times."""
    later = schedule.model_copy(update={"next_fire_at": (schedule.next_fire_at or 0) + HOUR})
    made = [firing_of(schedule, at) for at in times]
    assert await store.change_schedule(schedule, later, made)
    return list(reversed(await store.firings(schedule.id, 100)))


def key_of(firing: Firing, **chosen: Any) -> IdempotencyKey:
    fired = Fired(schedule_id=firing.schedule_id, at=firing.at, asked=firing.asked, **chosen)
    return IdempotencyKey(key=f"\0{firing.schedule_id}:{firing.at}", digest="d", fired=fired)


async def outcomes(store: Store, schedule_id: str = "s1") -> list[tuple[int, str, str | None]]:
    found = await store.firings(schedule_id, 100)
    return [(one.at, one.outcome, one.job_id) for one in reversed(found)]


async def test_the_clock_is_the_stores(store: Store, place: Place):
    before = await store.clock()
    await asyncio.sleep(0.02)
    assert 0 < await store.clock() - before < 60_000


async def test_a_schedule_is_read_back_as_it_was_written(store: Store, place: Place):
    made = await kept(
        store, paused=True, paused_until=5, last_job_id="j", digest="d" * 64, revision=3
    )
    found = await place.open().schedule("s1", "acme")
    assert found == made
    assert await store.schedule("s1", "other") is None
    assert await store.schedule("s2", "acme") is None


async def test_an_id_is_taken_once(store: Store):
    made = await kept(store)
    assert not await store.add_schedule(made.model_copy(update={"paused": True}))
    assert await store.schedule("s1", "acme") == made


async def test_a_listing_is_one_tenants_and_scopes_newest_first_in_pages(store: Store):
    for n in range(5):
        await kept(store, f"s{n}", created_at=1000 + n // 2)
    await kept(store, "theirs", tenant="other")
    await kept(store, "scoped", scope="north")
    seen: list[str] = []
    before = None
    while page := await store.schedules("acme", "", 2, before=before):
        seen += [one.id for one in page]
        before = page[-1].created_at, page[-1].id
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    assert [one.id for one in await store.schedules("acme", "north", 9)] == ["scoped"]


async def test_of_two_who_change_the_same_one_wins_and_nothing_of_the_other_is_written(
    store: Store,
):
    made = await kept(store)
    first = made.model_copy(update={"revision": 1})
    turned = made.model_copy(update={"next_fire_at": HOUR})
    assert await store.change_schedule(made, first, [firing_of(made, 1)])
    assert not await store.change_schedule(made, turned, [firing_of(made, 2)])
    assert await store.change_schedule(first, turned.model_copy(update={"revision": 1}))
    assert not await store.change_schedule(first, first, [firing_of(made, 3)])
    assert [at for at, *_ in await outcomes(store)] == [1]


async def test_a_time_has_one_firing_even_when_the_clock_is_set_back(store: Store):
    made = await kept(store)
    (first,) = await opened(store, made, 60_000)
    again = await store.schedule("s1", "acme")
    assert again
    made_again = [firing_of(made, 60_000, count=9), firing_of(made, 120_000)]
    assert await store.change_schedule(again, made, made_again)
    assert [one.at for one in await store.firings("s1", 9)] == [120_000, 60_000]
    assert (await store.firings("s1", 9))[1] == first
    by_hand = firing_of(made, 60_000, asked=True)
    assert await store.change_schedule(made, made, [by_hand])
    assert len(await store.firings("s1", 9)) == 3


async def test_what_is_due_comes_with_its_schedule_the_longest_due_first(store: Store):
    now = await store.clock()
    await kept(store, "late", next_fire_at=now - HOUR)
    await kept(store, "later", next_fire_at=now - 2 * HOUR)
    await kept(store, "ahead", next_fire_at=now + HOUR)
    await kept(store, "over", next_fire_at=None)
    due = await store.due_schedules(10)
    assert [one.id for one in due.schedules] == ["later", "late"]
    assert (due.firings, due.next_at) == ([], now - 2 * HOUR)
    assert due.now >= now
    assert [one.id for one in (await store.due_schedules(1)).schedules] == ["later"]


async def test_open_firings_are_due_when_they_are_to_be_tried(store: Store):
    now = await store.clock()
    made = await kept(store, next_fire_at=now + DAY)
    firings = [firing_of(made, now - 5), firing_of(made, now - 9), firing_of(made, now + HOUR)]
    done = settled(firing_of(made, now - 99), "skipped", now, "because")
    assert await store.change_schedule(made, made, [*firings, done])
    due = await store.due_schedules(10)
    assert [(one.at, theirs.id) for one, theirs in due.firings] == [
        (now - 9, "s1"),
        (now - 5, "s1"),
    ]
    assert due.next_at == now - 9
    for one, _ in due.firings:
        assert await store.settle_firing(one, settled(one, "refused", now, "no"))
    due = await store.due_schedules(10)
    assert (due.firings, due.next_at) == ([], now + HOUR)


async def test_a_firing_is_settled_once(store: Store):
    now = await store.clock()
    (one,) = await opened(store, await kept(store), now)
    tried = after(one, TooManyJobs("500 of your jobs are waiting already", 5), now)
    assert await store.settle_firing(one, tried)
    assert not await store.settle_firing(one, settled(one, "refused", now, "no")), (
        "it was tried since"
    )
    assert await store.settle_firing(tried, settled(tried, "refused", now, "no"))
    assert not await store.settle_firing(tried, waiting(tried, now, "again"))
    assert await outcomes(store) == [(now, "refused", None)]


async def test_a_job_and_its_firing_are_one_transaction(store: Store):
    now = await store.clock()
    schedule = await kept(store)
    (one,) = await opened(store, schedule, now)
    submitted = await store.submit(draft(), key=key_of(one))
    assert submitted.fresh
    assert await outcomes(store) == [(now, "fired", submitted.job.id)]
    found = await store.schedule("s1", "acme")
    assert found
    assert found.last_job_id == submitted.job.id
    assert len(await store.bells(10)) == 1


async def test_a_refused_job_leaves_the_firing_open(place: Place):
    store = place.open(Rules(queued_per_tenant=1))
    (one,) = await opened(store, await kept(store), 60_000)
    await store.submit(draft("other"))
    with pytest.raises(TooManyJobs):
        await store.submit(draft(), key=key_of(one))
    assert await outcomes(store) == [(60_000, "open", None)]
    assert [each.at for each, _ in (await store.due_schedules(9)).firings] == [60_000]


async def test_a_firing_that_is_fired_again_answers_its_first_job(store: Store, place: Place):
    (one,) = await opened(store, await kept(store), 60_000)
    first = await store.submit(draft(), key=key_of(one), max_age_ms=0)
    assert await store.move(await claimed(store), succeed), "another request would run it again"
    again = await place.open().submit(draft(), key=key_of(one), max_age_ms=0)
    assert (again.job.id, again.fresh, again.replayed) == (first.job.id, False, True)
    key = key_of(one).model_copy(update={"digest": "another"})
    with pytest.raises(KeyReused):
        await store.submit(draft(), key=key)


async def test_a_process_that_slept_past_the_keys_day_makes_no_second_job(
    store: Store, place: Place
):
    (one,) = await opened(store, await kept(store), 60_000)
    first = await store.submit(draft(), key=key_of(one))
    assert await store.move(first.job, transitions.cancel)
    place.pass_time(2 * DAY)
    key = key_of(one.model_copy(update={"at": one.at - 2 * DAY}))
    with pytest.raises(Conflict, match="settled already"):
        await store.submit(draft(), key=key, max_age_ms=0)
    assert await steps(store, first.job.id) == ["queued", "cancelled"]


async def test_firings_that_must_not_overlap_go_by_the_last_job_that_was_looked_at(store: Store):
    first, second = await opened(store, await kept(store), 60_000, 120_000)
    done = await store.submit(draft(1), key=key_of(first, alone=True))
    with pytest.raises(Conflict, match="look again"):
        await store.submit(draft(2), key=key_of(second, alone=True))
    assert [outcome for _, outcome, _ in await outcomes(store)] == ["fired", "open"]
    seen = key_of(second, alone=True, after=done.job.id)
    assert (await store.submit(draft(2), key=seen)).fresh


async def test_a_deleted_schedule_takes_its_firings_along_and_asks_for_nothing(store: Store):
    schedule = await kept(store)
    (one,) = await opened(store, schedule, 60_000)
    assert await store.remove_schedule(schedule)
    assert not await store.remove_schedule(schedule)
    assert await store.firings("s1", 9) == []
    with pytest.raises(Conflict, match="schedule is gone"):
        await store.submit(draft(), key=key_of(one))
    assert await store.depth() == 0


async def test_several_stores_that_fire_the_same_firings_make_each_job_once(place: Place):
    stores = [place.open() for _ in range(3)]
    firings = await opened(stores[0], await kept(stores[0]), *range(60_000, 900_000, 60_000))
    answers = await asyncio.gather(
        *(store.submit(draft(one.at), key=key_of(one)) for one in firings for store in stores),
        return_exceptions=True,
    )
    fresh = [one for one in answers if not isinstance(one, BaseException) and one.fresh]
    assert len(fresh) == len(firings) == 14
    assert {job for _, _, job in await outcomes(stores[0])} == {one.job.id for one in fresh}


async def test_a_history_is_paged_by_number_and_forgotten_after_90_days(store: Store, place: Place):
    now = await store.clock()
    schedule = await kept(store)
    await opened(store, schedule, *range(now, now + 5))
    newest = await store.firings("s1", 2)
    rest = await store.firings("s1", 9, before=newest[-1].number)
    assert [one.at - now for one in (*newest, *rest)] == [4, 3, 2, 1, 0]
    assert await store.settle_firing(newest[0], settled(newest[0], "skipped", now, "because"))
    assert [one.at - now for one in await store.firings("s1", 9, only_open=True)] == [3, 2, 1, 0]
    assert await store.prune_firings() == 0
    place.pass_time(91 * DAY)
    assert await store.prune_firings() == 1
    assert len(await store.firings("s1", 9)) == 4, "what is open is kept, however old"


async def test_what_a_newer_program_wrote_is_left_to_it_and_keeps_nobody_else_from_firing(
    store: Store, place: Place
):
    now = await store.clock()
    await kept(store, "newer", next_fire_at=now - HOUR)
    mine = await kept(store, "mine", next_fire_at=now - 1)
    (plan,) = place.sql("SELECT plan FROM schedule WHERE id = 'newer'")[0]
    newer = plan.replace('"name":', '"colour": "red", "name":')
    place.sql("UPDATE schedule SET plan = ? WHERE id = 'newer'", newer)
    assert (await store.due_schedules(9)).schedules == [mine]
    with pytest.raises(Unavailable, match="written by a newer Prelo"):
        await store.schedule("newer", "acme")


async def test_looking_for_what_is_due_is_as_many_statements_for_many_as_for_one(store: Store):
    from sqlalchemy import Engine, event

    now = await store.clock()
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    for n in range(30):
        await kept(store, f"s{n}", next_fire_at=now + HOUR if n else now - 1)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        due = await store.due_schedules(100)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert len(due.schedules) == 1
    assert len([one for one in said if "schedule" in one or "firing" in one]) == 3
