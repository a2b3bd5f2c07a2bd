"""The store's contract: obituaries, what is looked for among dead jobs, and the audit."""

import asyncio
from collections import Counter

import pytest

from prelo.core import job as transitions
from prelo.core.errors import Deadline
from prelo.core.job import MAX_LOSSES, Job, State
from prelo.core.records import Act, AuditFilter, DeadFilter, fate
from prelo.ports import LANES, Store
from tests.contracts.store_cases import (
    BROKEN,
    HOUR,
    LEASE,
    Place,
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

ANA = Act(actor="ana@desk", action="replay", detail={"door": "cli"})
ALL_DEAD = DeadFilter()


async def given_up(store: Store, subject: object = 1, **chosen: str) -> Job:
    dead = await store.move(await running(store, subject, **chosen), give_up)
    assert dead is not None
    return dead


async def lost(store: Store, place: Place, subject: object = 1) -> Job:
    """A job whose workers died until nobody took it any more."""
    job: Job | None = (await store.submit(draft(subject))).job
    for _ in range(MAX_LOSSES):
        taken = await claimed(store)
        place.pass_time(LEASE)
        job = await store.move(taken, transitions.lose, lapsed=True)
    assert job is not None
    return job


async def late(store: Store, place: Place, subject: object = 1) -> Job:
    """A job whose deadline passed in the queue."""
    job = (await store.submit(draft(subject, deadline_at=HOUR))).job
    place.pass_time(HOUR)
    (job,) = await store.due("overdue", 10)
    dead = await store.move(job, transitions.pass_deadline)
    assert dead is not None
    return dead


async def audited(store: Store, **marks: object) -> list[tuple[str, str, str, int]]:
    found = await store.audit(AuditFilter.model_validate(marks))
    return [(one.actor, one.action, one.job_id, one.generation) for one in found]


async def test_each_way_to_die_leaves_one_obituary_that_says_how(store: Store, place: Place):
    dead = [await given_up(store, 1), await lost(store, place, 2), await late(store, place, 3)]
    found = await store.obituaries(10)
    assert {one.job_id: (one.problem, one.attempt, one.lost_count, one.lane) for one in found} == {
        dead[0].id: ("source-unavailable", 1, 0, "small"),
        dead[1].id: ("worker-lost", 3, 3, "isolation"),
        dead[2].id: ("deadline", 0, 0, "small"),
    }
    assert len(found) == 3
    assert {(one.report, one.version, one.format, one.tenant, one.generation) for one in found} == {
        ("sales", 3, "csv", "acme", 0)
    }
    await store.rung([one.number for one in found])
    assert await store.obituaries(10) == []


async def test_no_other_end_leaves_an_obituary(store: Store):
    await succeeded(store, 1)
    assert await store.move(await running(store, 2), fail)
    assert await store.move(await running(store, 3), transitions.cancel)
    assert await store.move(await running(store, 4), retry)
    assert await store.obituaries(10) == []


async def test_a_death_that_was_not_written_leaves_no_obituary(store: Store):
    job = await running(store)
    assert await store.move(job, succeed)
    assert await store.move(job, give_up) is None  # a late owner
    assert await store.obituaries(10) == []


async def test_an_obituary_says_the_same_whatever_becomes_of_the_job(store: Store):
    dead = await given_up(store)
    (told,) = await store.obituaries(10)
    assert await store.move(dead, transitions.revive)
    assert await store.obituaries(10) == [told]
    again = await store.move(await claimed(store), give_up)
    assert again is not None
    assert await store.forget(again)
    assert [one.generation for one in await store.obituaries(10)] == [0, 1]
    assert (await store.obituaries(1))[0] == told


async def test_an_obituary_is_no_doorbell(store: Store, place: Place):
    """Neither rung as one, nor taken for one when upkeep looks for jobs that nobody was told of."""
    dead = await given_up(store)
    await store.rung([bell.number for bell in await store.bells(10)])
    assert await store.move(dead, transitions.revive)
    (bell,) = await store.bells(10)
    await store.rung([bell.number])
    place.pass_time(2 * 60_000)
    assert len(await store.obituaries(10)) == 1
    assert [job.id for job in await store.due("unrung", 10)] == [dead.id]


async def test_a_doorbell_says_what_it_is_for_and_rings_for_a_forgotten_job_too(store: Store):
    await store.submit(draft(1, trace="00-ab-cd-01"))
    (bell,) = await store.bells(10)
    told = (bell.report, bell.format, bell.tenant, bell.attempt, bell.traceparent)
    assert told == ("sales", "csv", "acme", 0, "00-ab-cd-01")
    assert await store.forget(await _ended(store))
    (bell,) = await store.bells(10)
    assert (bell.lane, bell.report) == ("small", None)


async def _ended(store: Store) -> Job:
    done = await store.move(await claimed(store), succeed)
    assert done is not None
    return done


async def test_the_dead_are_found_by_every_mark(store: Store, place: Place):
    spent = await given_up(store, 1)
    other = await given_up(store, 1, tenant="other")
    gone = await lost(store, place, 2)
    tardy = await late(store, place, 3)
    failed = await store.move(await running(store, 4), fail)
    assert failed is not None
    await succeeded(store, 5)
    every = {spent.id, other.id, gone.id, tardy.id}

    async def found(**marks: object) -> set[str]:
        jobs = await store.dead(DeadFilter.model_validate(marks), 50)
        tally = await store.tally(DeadFilter.model_validate(marks))
        assert sum(one.count for one in tally) == len(jobs)
        return {job.id for job in jobs}

    assert await found() == every
    assert await found(state=State.FAILED) == {failed.id}
    assert await found(tenant="other") == {other.id}
    assert await found(ids=(spent.id, failed.id)) == {spent.id}
    assert await found(error="worker-lost") == {gone.id}
    assert await found(report="sales", version=3) == every
    assert await found(report="stock") == await found(version=2) == set()
    for fated in (spent, gone, tardy):
        assert fated.id in await found(fate=fate(fated))
    assert await found(fate="late") == {tardy.id}
    assert await found(fate="lost") == {gone.id}


async def test_the_dead_are_found_by_when_they_ended_both_ends_included(store: Store, place: Place):
    jobs = [await given_up(store, n) for n in range(4)]
    for n, job in enumerate(jobs):
        place.sql("UPDATE job SET finished_at = ? WHERE id = ?", 10 * n, job.id)
    found = await store.dead(DeadFilter(since=10, until=20), 50)
    assert [job.id for job in found] == [jobs[2].id, jobs[1].id]
    assert [one.latest for one in await store.tally(DeadFilter(until=20))] == [20]


async def test_pages_of_the_dead_hold_each_once_the_last_first(store: Store, place: Place):
    ids = [(await given_up(store, n)).id for n in range(9)]
    for n, job_id in enumerate(ids):
        place.sql("UPDATE job SET finished_at = ? WHERE id = ?", n // 3, job_id)
    seen: list[tuple[int, str]] = []
    before = None
    while page := await store.dead(ALL_DEAD, 2, before=before):
        seen += [(job.finished_at or 0, job.id) for job in page]
        before = seen[-1]
    assert seen == sorted(seen, reverse=True)
    assert sorted(job_id for _, job_id in seen) == sorted(ids)


async def test_a_tally_counts_by_report_and_error_the_most_first(store: Store, place: Place):
    for n in range(3):
        await given_up(store, n)
    await lost(store, place, 3)
    counted = [(one.report, one.error, one.count) for one in await store.tally(ALL_DEAD)]
    assert counted == [("sales", "source-unavailable", 3), ("sales", "worker-lost", 1)]


async def test_two_who_replay_the_same_have_it_once_and_the_audit_says_who(store: Store):
    dead = await given_up(store)
    acts = [ANA.model_copy(update={"actor": f"operator {n}"}) for n in range(8)]
    moved = await asyncio.gather(*(store.move(dead, transitions.revive, act=act) for act in acts))
    (won,) = [n for n, job in enumerate(moved) if job is not None]
    assert await audited(store) == [(f"operator {won}", "replay", dead.id, 1)]
    assert (await steps(store, dead.id)).count("queued") == 2
    assert await store.claim(LANES, "w", LEASE)
    assert await store.claim(LANES, "w", LEASE) is None


async def test_a_drop_is_noted_and_outlived_by_what_was_written(store: Store):
    dead = await given_up(store)
    act = ANA.model_copy(update={"action": "drop"})
    assert await store.forget(dead, act)
    assert not await store.forget(dead, act)
    assert await store.get(dead.id) is None
    assert await audited(store) == [("ana@desk", "drop", dead.id, 0)]
    assert await steps(store, dead.id) == ["queued", "running", "dead"]


async def test_a_change_and_its_entry_are_written_both_or_neither(store: Store, place: Place):
    dead = await given_up(store)
    place.sql("ALTER TABLE audit RENAME TO elsewhere")
    for undone in (store.move(dead, transitions.revive, act=ANA), store.forget(dead, ANA)):
        with pytest.raises(Exception, match=r"audit|tables|schema|migrate"):
            await undone
    assert await store.get(dead.id) == dead.model_copy(update={"order": None})
    assert await steps(store, dead.id) == ["queued", "running", "dead"]
    place.sql("ALTER TABLE elsewhere RENAME TO audit")
    assert await store.move(dead, transitions.revive, act=ANA)
    assert await audited(store) == [("ana@desk", "replay", dead.id, 1)]


async def test_the_audit_is_read_by_job_actor_time_and_page(store: Store, place: Place):
    *jobs, last = [await given_up(store, n) for n in range(5)]
    for n, job in enumerate(jobs):
        act = ANA.model_copy(update={"actor": ["ana", "bob"][n % 2]})
        assert await store.move(job, transitions.revive, act=act)
    place.pass_time(HOUR)
    assert await store.forget(last, ANA)
    assert Counter(actor for actor, *_ in await audited(store, actor="bob")) == {"bob": 2}
    assert [job_id for *_, job_id, _ in await audited(store, job_id=jobs[0].id)] == [jobs[0].id]
    (newest,) = await store.audit(AuditFilter(since=last.finished_at))
    assert (newest.job_id, newest.tenant, newest.detail) == (last.id, "acme", {"door": "cli"})
    rest = await store.audit(AuditFilter(before=newest.number, limit=3))
    assert [one.job_id for one in rest] == [job.id for job in reversed(jobs[1:])]


async def test_what_was_handed_over_long_ago_is_pruned(
    store: Store, place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.store_sql.store._PRUNE_SECONDS", 0)
    await given_up(store)
    (told,) = await store.obituaries(10)
    place.pass_time(HOUR)
    await store.rung([])
    assert await store.obituaries(10) == [told.model_copy()]  # not before it was handed over
    await store.rung([told.number])
    place.pass_time(HOUR)
    await store.rung([])
    assert place.sql("SELECT count(*) FROM outbox WHERE kind = 'obituary'") == [(0,)]


def test_why_a_job_was_given_up():
    def dead(error: str, losses: int) -> Job:
        problem = BROKEN.model_copy(update={"type": error})
        return draft().model_copy(update={"error": problem, "lost_count": losses})

    assert fate(dead("source-unavailable", MAX_LOSSES - 1)) == "spent"
    assert fate(dead("press-lost", MAX_LOSSES)) == "lost"
    assert fate(dead(Deadline.type, MAX_LOSSES)) == "late"


async def test_what_died_before_the_desk_was_there_is_found_after_the_migration(
    store: Store, place: Place
):
    dead, job = await given_up(store, 1), await running(store, 2)
    for undone in (
        "DROP INDEX job_given_up",
        "ALTER TABLE job DROP COLUMN error_type",
        "ALTER TABLE outbox DROP COLUMN document",
        "DROP TABLE audit",
        "ALTER TABLE job DROP COLUMN sources",
        "DROP TABLE loss",
        "DROP TABLE notice_try",
        "DROP TABLE notice",
        "DROP TABLE webhook",
        "DROP TABLE channel",
        "DROP TABLE firing",
        "DROP TABLE schedule",
        "DROP TABLE dataset",
        "DROP INDEX transition_tenant",
        *(f"ALTER TABLE transition DROP COLUMN {name}" for name in ("tenant", "scope", "report")),
        "DROP TABLE api_key",
        "DROP INDEX job_made",
        "UPDATE alembic_version SET version_num = '0001'",
    ):
        place.sql(undone)
    anew = place.open()
    await anew.migrate()
    await anew.check()
    assert [one.id for one in await anew.dead(DeadFilter(error="source-unavailable"), 10)] == [
        dead.id
    ]
    assert await anew.move(job, give_up)
    assert len(await anew.dead(ALL_DEAD, 10)) == 2
