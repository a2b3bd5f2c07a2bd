"""One attempt and every way it can end: each leaves a clear state, a clear problem, and no rubbish."""

import asyncio
import contextlib
import csv
import hashlib
import io
import sqlite3
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from prelo.app import intake
from prelo.app.listener import Event
from prelo.app.live import Live
from prelo.core.errors import Conflict, NotFound
from prelo.core.job import Job, State
from prelo.core.request import Caller, Request
from prelo.core.rules import TenantLimits
from prelo.core.table import Completeness
from prelo.ports import Ports
from tests.app.conftest import ANYBODY, House


async def test_a_report_is_made_and_its_manifest_tells_what_is_in_it(house: House):
    job = await house.finished("numbers", parameters={"n": 4})
    assert job.state is State.SUCCEEDED
    assert job.artifact
    assert job.manifest
    content = await house.content(job)
    assert hashlib.sha256(content).hexdigest() == job.artifact.sha256
    assert len(content) == job.artifact.size
    rows = list(csv.reader(io.StringIO(content.decode())))
    assert rows == [["No.", "half"], ["1", "1.5"], ["2", "3.0"], ["3", "4.5"], ["4", "6.0"]]
    assert job.artifact.name == "Numbers up to 4.csv"
    assert (job.manifest.rows, job.manifest.report, job.manifest.parameters) == (
        4, "numbers", {"n": 4},
    )  # fmt: skip
    assert job.manifest.completeness is Completeness.COMPLETE
    assert job.manifest.data_as_of
    assert job.manifest.query_digest
    assert job.manifest.peak_memory_bytes
    assert house.stored() == {job.artifact.key}


async def test_no_rows_make_a_file_that_says_so(house: House):
    job = await house.finished(columns=[{"name": "a", "kind": "integer"}], rows=[])
    assert job.state is State.SUCCEEDED
    assert job.manifest
    assert (job.manifest.rows, job.manifest.completeness) == (0, Completeness.EMPTY)


@pytest.mark.parametrize(
    ("report", "type_", "words"),
    [
        ("bad-sql", "query-failed", "nowhere"),
        ("bad-halfway", "query-failed", "malformed JSON"),
        ("endless-query", "time-limit", "longer than 1 s"),
        ("endless-loop", "time-limit", "longer than 1 s"),
        ("many", "row-limit", "more than 1,000 rows"),
        ("large-file", "file-limit", "limit"),
        ("hungry", "out-of-memory", "memory"),
        ("raises", "function-failed", "KeyError"),
        ("nonsense", "function-failed", "int"),
        ("missing-file", "source-invalid", "not-there.csv"),
        ("broken-file", "source-invalid", "broken.csv"),
        ("missing-column", "column-missing", "'b'"),
    ],
)
async def test_what_would_fail_again_fails_at_once_and_leaves_nothing(
    house: House, report: str, type_: str, words: str
):
    job = await house.finished(report)
    assert (job.state, job.attempt) == (State.FAILED, 1)
    assert job.error
    assert (job.error.type, job.error.retryable) == (type_, False)
    assert words in job.error.detail
    assert house.stored() == set()
    after = await house.finished("numbers")
    assert after.state is State.SUCCEEDED, "the press is fit for the next job"


async def test_rows_that_do_not_fit_their_columns_name_the_row(house: House):
    job = await house.finished(
        columns=[{"name": "when", "kind": "date"}], rows=[["2026-01-01"], ["soon"]]
    )
    assert job.state is State.FAILED
    assert job.error
    assert job.error.type == "source-invalid"
    assert "row 2" in job.error.detail
    assert "'when'" in job.error.detail


async def test_a_report_that_crashes_its_press_is_dead_after_three_and_the_worker_lives(
    house: House,
):
    job = await house.finished("segfault")
    assert (job.state, job.lost_count, job.lane) == (State.DEAD, 3, "isolation")
    assert job.error
    assert job.error.type == "press-lost"
    assert "SIGSEGV" in job.error.detail
    assert (await house.finished("numbers")).state is State.SUCCEEDED


async def test_what_a_function_prints_does_not_disturb_the_press(house: House):
    job = await house.finished("prints")
    assert job.state is State.SUCCEEDED


async def test_a_locked_source_is_tried_again(house: House):
    path = house.config.connections["default"].removeprefix("sqlite:///")
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("create table t (a integer)")
        db.execute("insert into t values (7)")
        db.execute("begin exclusive")
        job = await house.submit("table")
        async with house.at_work():
            async with asyncio.timeout(20):
                while (await house.job(job.id)).attempt < 2:
                    await asyncio.sleep(0.02)
            db.execute("rollback")
            done = await house.until(job.id, State.SUCCEEDED, State.DEAD, State.FAILED)
    db.close()
    assert done.state is State.SUCCEEDED


async def followed(job_id: str, ports: Ports) -> AsyncGenerator[Job]:
    """The job at each event until it has ended."""
    live = Live(ports, most=1)
    async with live.listener(ANYBODY) as listener:
        await live.follow(listener, {job_id: None})
        while isinstance(event := await listener.next(20), Event) and event.told:
            yield event.told.standing.job
            if event.kind == "end":
                return
    raise AssertionError("the end was not told")


async def test_progress_reaches_the_caller_while_it_runs(house: House):
    job = await house.submit("slow")
    async with house.at_work():
        async with asyncio.timeout(20):
            async for now in followed(job.id, house.ports):
                if now.progress.rows > 0:
                    break
        seen = await house.job(job.id)
        assert seen.state is State.RUNNING
        assert seen.progress.phase == "rendering"
        await intake.cancel(job.id, ANYBODY, house.ports)


async def test_a_query_that_can_be_counted_shows_percent(house: House):
    path = house.config.connections["default"].removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("create table t (a integer)")
        db.executemany("insert into t values (?)", ((n,) for n in range(1_500_000)))
        db.commit()
    job = await house.submit("table", format="pdf")
    async with house.at_work():
        seen = [
            now.progress.percent
            async for now in followed(job.id, house.ports)
            if now.progress.percent is not None
        ]
    assert len(seen) > 1
    assert seen == sorted(seen)
    assert seen[-1] == 100


async def test_cancelling_a_running_job_kills_its_press_and_leaves_nothing(house: House):
    job = await house.submit("endless-loop")
    async with house.at_work():
        await house.until(job.id, State.RUNNING)
        asked = await intake.cancel(job.id, ANYBODY, house.ports)
        assert asked.cancel_requested_at
        ended = await house.until(job.id, State.CANCELLED, State.FAILED, seconds=5)
    assert ended.state is State.CANCELLED
    assert house.stored() == set()
    with pytest.raises(Conflict, match="there is no file"):
        intake.artifact(ended)


async def test_cancelling_a_queued_job_ends_it_at_once_and_twice_is_fine(house: House):
    job = await house.submit("numbers")
    for _ in range(2):
        assert (await intake.cancel(job.id, ANYBODY, house.ports)).state is State.CANCELLED


async def test_an_equal_request_joins_then_reuses_and_max_age_0_makes_a_new_one(house: House):
    first = await house.submit("numbers")
    assert (await house.submit("numbers", parameters={"n": 3})).id == first.id
    done = await house.finished("numbers")
    assert done.id == first.id
    again = await house.finished("numbers", max_age=0)
    assert again.id != first.id
    assert (again.generation, done.generation) == (1, 0)
    assert (await house.submit("numbers")).id == again.id


async def test_a_failed_job_is_run_again_under_its_id(house: House):
    failed = await house.finished("bad-sql")
    revived = await intake.retry(failed.id, ANYBODY, house.ports)
    assert (revived.id, revived.state, revived.generation) == (failed.id, State.QUEUED, 1)
    with pytest.raises(Conflict, match="under way"):
        await intake.retry(failed.id, ANYBODY, house.ports)


async def test_refresh_makes_the_next_generation_also_of_inline_rows(house: House):
    inline: dict[str, Any] = {"columns": [{"name": "n", "kind": "integer"}], "rows": [[1]]}
    done = await house.finished(**inline)
    fresh = await intake.refresh(done.id, ANYBODY, house.ports)
    assert fresh.fresh
    assert fresh.job.generation == 1
    async with house.at_work():
        again = await house.until(fresh.job.id, State.SUCCEEDED)
    assert await house.content(again) == await house.content(done)
    with pytest.raises(Conflict, match="newer job"):
        await intake.retry(done.id, ANYBODY, house.ports)


async def test_forgetting_deletes_the_file_and_the_job(house: House):
    job = await house.submit("numbers")
    with pytest.raises(Conflict, match="cancel it first"):
        await intake.forget(job.id, ANYBODY, house.ports)
    done = await house.finished("numbers")
    await intake.forget(done.id, ANYBODY, house.ports)
    with pytest.raises(NotFound):
        await house.job(done.id)
    assert house.stored() == set()


async def test_nobody_sees_another_tenants_or_scopes_job(house: House):
    job = await house.submit("numbers")
    for stranger in (Caller(tenant="other"), Caller(scope="other")):
        with pytest.raises(NotFound):
            await intake.find(job.id, stranger, house.ports)
        with pytest.raises(NotFound):
            await intake.cancel(job.id, stranger, house.ports)


async def test_small_jobs_pass_a_long_one_when_there_are_two_slots(house: House):
    long = await house.submit("slow")
    async with house.at_work(slots=2):
        await house.until(long.id, State.RUNNING)
        small = await house.submit("numbers")
        await house.until(small.id, State.SUCCEEDED)
        assert (await house.job(long.id)).state is State.RUNNING
        await intake.cancel(long.id, ANYBODY, house.ports)
        await house.until(long.id, State.CANCELLED)


async def test_a_job_that_never_ran_by_its_deadline_is_dead(house: House):
    request = Request(report="numbers", format="csv", deadline=0.05)
    job = (await intake.submit(request, ANYBODY, house.ports)).job
    await asyncio.sleep(0.1)
    async with house.at_work():
        dead = await house.until(job.id, State.DEAD, State.SUCCEEDED)
    assert dead.state is State.DEAD
    assert dead.error
    assert dead.error.type == "deadline"


async def test_a_press_is_replaced_after_its_number_of_jobs(house: House):
    presses: Any = house.ports.presses
    presses.presses.jobs = 2
    for n in range(5):
        assert (await house.finished("numbers", parameters={"n": n})).state is State.SUCCEEDED


async def test_a_tenants_limits_hold_where_they_are_lower_than_the_reports(house: House):
    limits = TenantLimits(rows={"default": 150_000, "other": 1}, seconds={"*": 1})
    asked = {"numbers": {"n": 160_000}, "many": {}, "slow": {}}
    jobs = {name: await house.submit(name, parameters=told) for name, told in asked.items()}
    said: dict[str, str] = {}
    async with house.at_work(limits=limits):
        for name, job in jobs.items():
            ended = await house.until(job.id, State.FAILED)
            assert ended.error
            said[name] = f"{ended.error.type}: {ended.error.detail}"
    assert said == {
        "numbers": "row-limit: the data has more than 150,000 rows, the limit of your tenant; ask for less",
        "many": "row-limit: the data has more than 1,000 rows, the report's limit; ask for less, "
        "or raise limits.rows",
        "slow": "time-limit: the report took longer than 1 s, the limit of your tenant; ask for less",
    }
