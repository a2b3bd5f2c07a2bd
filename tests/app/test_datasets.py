"""A report on rows that a caller brought along, by a real press."""

import contextlib
import hashlib
import io
import sqlite3
from dataclasses import replace

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prelo.adapters.datasets_arrow import ArrowAssay
from prelo.app import datasets, intake
from prelo.app.datasets import DAY_MS, Upload
from prelo.core.dataset import Dataset
from prelo.core.errors import Conflict, Invalid, NotFound
from prelo.core.job import State
from prelo.core.request import Caller, Request
from tests.app.conftest import ANYBODY, House

CONTENT = b"city;people\r\nBern;134000\r\nZ\xfcrich;448000\r\n"


@pytest.fixture
def desk(house: House) -> House:
    """A house whose uploads are looked into without a process."""
    house.ports = replace(house.ports, assay=ArrowAssay())
    return house


async def kept(house: House, content: bytes = CONTENT, caller: Caller = ANYBODY) -> Dataset:
    path = house.config.data / "body"
    path.write_bytes(content)
    upload = Upload(path, len(content), hashlib.sha256(content).hexdigest())
    return (await datasets.keep(upload, caller, house.ports, DAY_MS))[0]


async def test_a_report_on_an_upload_has_its_rows(desk: House):
    dataset = await kept(desk)
    columns = [{"name": "people", "kind": "integer", "title": "People"}, {"name": "city"}]
    done = await desk.finished(dataset=dataset.id, title="Cities", columns=columns, format="xlsx")
    assert done.state is State.SUCCEEDED, done.error
    sheet = openpyxl.load_workbook(io.BytesIO(await desk.content(done))).active
    assert sheet
    rows = [[cell for cell in row if cell is not None] for row in sheet.values]
    assert rows[-3:] == [["People", "city"], [134000, "Bern"], [448000, "Zürich"]]
    assert done.artifact
    assert (done.artifact.name, done.manifest and done.manifest.rows) == ("Cities.xlsx", 2)


async def test_equal_requests_are_one_job_and_other_content_is_another(desk: House):
    one, again = await kept(desk), await kept(desk)
    other = await kept(desk, CONTENT + b"Chur;38000\r\n")
    assert one == again.model_copy(update={"expires_at": one.expires_at})
    jobs = [await desk.submit(dataset=dataset.id) for dataset in (one, again, other)]
    assert jobs[0].id == jobs[1].id != jobs[2].id
    listed = await datasets.listing(ANYBODY, desk.ports, 10, None)
    assert {dataset.id for dataset in listed} == {one.id, other.id}
    assert len(desk.stored()) == 2


async def test_an_upload_that_was_swept_and_came_again_serves_the_old_job(desk: House):
    """The file lies elsewhere then; the job is the same."""
    first = await kept(desk)
    job = await desk.submit(dataset=first.id)
    await intake.cancel(job.id, ANYBODY, desk.ports)
    await datasets.forget(first.id, ANYBODY, desk.ports)
    assert desk.stored() == set()
    gone = await intake.retry(job.id, ANYBODY, desk.ports)
    async with desk.at_work():
        failed = await desk.until(gone.id, State.FAILED, State.SUCCEEDED, State.DEAD)
        assert failed.error
        assert "upload it again" in failed.error.detail
        second = await kept(desk)
        assert (second.id, second.key) == (first.id, second.key)
        assert second.key != first.key
        again = await desk.submit(dataset=second.id)
        done = await desk.until(again.id, State.SUCCEEDED, State.DEAD)
    assert (done.state, done.id) == (State.SUCCEEDED, job.id)


async def test_what_a_job_needs_outlives_its_time(desk: House):
    path = desk.config.data / "body"
    path.write_bytes(CONTENT)
    upload = Upload(path, len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    dataset, _ = await datasets.keep(upload, ANYBODY, desk.ports, 1)
    spare, _ = await datasets.keep(replace(upload, sha256="0" * 64), ANYBODY, desk.ports, 1)
    with pytest.raises(NotFound, match="upload it again"):
        await desk.submit(dataset=dataset.id)
    again, _ = await datasets.keep(upload, ANYBODY, desk.ports, DAY_MS)
    job = await desk.submit(dataset=dataset.id)
    with pytest.raises(Conflict):
        await datasets.forget(again.id, ANYBODY, desk.ports)
    with contextlib.closing(sqlite3.connect(desk.config.data / "prelo.db")) as db, db:
        db.execute("update dataset set expires_at = 1")
    assert await datasets.sweep(desk.ports, 10) == 1
    assert desk.stored() == {dataset.key}, "the one that nobody needs is gone"
    async with desk.at_work():
        assert (await desk.until(job.id, State.SUCCEEDED, State.FAILED)).state is State.SUCCEEDED
    assert spare.key != dataset.key


async def test_an_upload_is_its_tenants_and_scopes_own(desk: House):
    dataset = await kept(desk)
    for stranger in (Caller(tenant="other"), Caller(scope="board")):
        request = Request(dataset=dataset.id)
        with pytest.raises(NotFound):
            await intake.submit(request, stranger, desk.ports)
        with pytest.raises(NotFound):
            await intake.check(request, stranger, desk.ports)
        with pytest.raises(NotFound):
            await datasets.find(dataset.id, stranger, desk.ports)
        with pytest.raises(NotFound):
            await datasets.forget(dataset.id, stranger, desk.ports)
        own = await kept(desk, caller=stranger)
        assert own.id != dataset.id


async def test_a_column_that_is_not_there_is_said_before_anything_is_queued(desk: House):
    dataset = await kept(desk)
    with pytest.raises(Invalid, match="no column 'price'; it has city, people"):
        await desk.submit(dataset=dataset.id, columns=[{"name": "price"}])
    assert await desk.ports.store.depth() == 0


async def test_bad_content_leaves_nothing(desk: House):
    with pytest.raises(Invalid):
        await kept(desk, b"a,b\n1,2\n3\n")
    assert (desk.stored(), await datasets.listing(ANYBODY, desk.ports, 10, None)) == (set(), [])


async def test_many_rows_are_streamed_in_flat_memory(desk: House):
    out = io.BytesIO()
    table = pa.table({"n": range(400_000), "text": ["some text"] * 400_000})
    pq.write_table(table, out, row_group_size=50_000)
    dataset = await kept(desk, out.getvalue())
    done = await desk.finished(dataset=dataset.id, format="csv")
    assert done.state is State.SUCCEEDED, done.error
    assert (await desk.content(done)).count(b"\r\n") == 400_001
    assert done.manifest
    assert (done.manifest.peak_memory_bytes or 0) < 700 << 20
    assert done.lane == "large"
