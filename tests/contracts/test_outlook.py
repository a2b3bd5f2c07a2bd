"""The store's contract: what a report took lately, and what stands before a waiting job."""

from prelo.core import job as transitions
from prelo.core.job import Job
from prelo.core.records import Ahead, Made
from prelo.ports import Store
from tests.contracts.store_cases import MANIFEST, Place, artifact_of, claimed, draft, fail, running


async def took(store: Store, place: Place, ms: int, size: int, subject: object = 1) -> Job:
    """A job whose attempt took so long, and whose file has so many bytes."""
    job = await running(store, subject)
    artifact = artifact_of(job).model_copy(update={"size": size})

    def succeed(job: Job, now: int) -> Job:
        return transitions.succeed(job, now, artifact, MANIFEST)

    done = await store.move(job, succeed)
    assert done is not None
    place.sql("UPDATE job SET started_at = finished_at - ? WHERE id = ?", ms, job.id)
    place.pass_time(1_000)
    return done


async def test_what_the_last_files_of_a_report_took_is_told_the_last_first(
    store: Store, place: Place
):
    for n, ms in enumerate((100, 200, 300)):
        await took(store, place, ms, 10 * ms, n)
    await store.move(await running(store, "bad"), fail)
    await store.submit(draft("waits"))
    expected = [Made(ms=ms, size=10 * ms) for ms in (300, 200, 100)]
    assert await store.made("acme", "sales", 10) == expected
    assert await store.made("acme", "sales", 2) == expected[:2]
    assert await store.made("other", "sales", 10) == []
    assert await store.made("acme", "stock", 10) == []


async def test_the_waiting_jobs_of_a_tenant_are_counted(store: Store):
    await running(store, "runs")
    for n in range(3):
        await store.submit(draft(n))
    await store.submit(draft(1, tenant="other"))
    assert [await store.waiting(tenant) for tenant in ("acme", "other", "none")] == [3, 1, 0]


async def test_what_is_before_a_waiting_job_in_its_lane(store: Store, place: Place):
    await took(store, place, 400, 1, "done")
    await took(store, place, 600, 1, "done too")
    await running(store, "runs")
    waiting = [(await store.submit(draft(n))).job for n in range(3)]
    urgent = (await store.submit(draft("urgent", priority=0))).job
    elsewhere = (await store.submit(draft("large", lane="large"))).job

    async def ahead(job: Job, most: int = 100) -> Ahead:
        return await store.ahead(job, most)

    assert [(await ahead(job)).jobs for job in (urgent, *waiting)] == [0, 1, 2, 3]
    assert await ahead(waiting[2]) == Ahead(jobs=3, running=1, typical_ms=500)
    assert (await ahead(waiting[2], 2)).jobs == 2
    assert await ahead(elsewhere) == Ahead(jobs=0, running=0, typical_ms=500)
    assert (await claimed(store)).id == urgent.id
    assert (await ahead(waiting[0])).jobs == 0


async def test_a_report_that_was_never_made_takes_nobody_knows_how_long(store: Store):
    job = (await store.submit(draft())).job
    assert await store.ahead(job, 100) == Ahead(jobs=0, running=0, typical_ms=None)
