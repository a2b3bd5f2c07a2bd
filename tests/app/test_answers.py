"""Finished jobs that are kept beside the store: never needed, never believed where it would matter."""

from dataclasses import replace
from typing import Any

import pytest

from prelo.adapters.cache_memory import MemoryCache
from prelo.app import answers, intake
from prelo.core.errors import NotFound
from prelo.core.job import Job, State
from prelo.core.request import Caller, Request
from prelo.ports import IdempotencyKey, Submitted
from tests.app.conftest import ANYBODY, House

ROWS: dict[str, Any] = {"columns": [{"name": "n", "kind": "integer"}], "rows": [[1]]}


class Shared(MemoryCache):
    """As one that all processes see."""

    shared = True

    def stale(self) -> dict[str, Any]:
        return dict(self.kept)

    def pass_time(self) -> None:
        """What only takes a place has left it."""
        self.kept = {name: kept for name, kept in self.kept.items() if kept[0]}

    def put_back(self, kept: dict[str, Any]) -> None:
        self.kept = dict(kept)


@pytest.fixture
async def cache(house: House) -> Shared:
    cache = Shared()
    house.ports = replace(house.ports, cache=cache)
    return cache


async def asked(house: House, caller: Caller = ANYBODY, **rest: Any) -> Submitted:
    key = rest.pop("key", None)
    request = Request.model_validate({"format": "csv", **ROWS, **rest})
    return await intake.submit(request, caller, house.ports, key=key)


async def known(house: House) -> Job:
    """A finished job that is kept."""
    job = await house.finished(**ROWS)
    assert (await asked(house)).job == job
    return job


async def test_a_finished_job_answers_without_the_store(house: House, cache: Shared):
    job = await known(house)
    await house.ports.store.close()
    again = await asked(house)
    assert (again.job, again.fresh) == (job, False)


@pytest.mark.parametrize(
    "limits", [{"max_age": 3600}, {"key": IdempotencyKey(key="k", digest="d")}]
)
async def test_an_age_and_a_key_are_the_stores_matter(
    house: House, cache: Shared, limits: dict[str, Any]
):
    job = await known(house)
    await house.ports.store.forget(job)  # behind the cache's back
    assert (await asked(house)).job.id == job.id
    assert (await asked(house, **limits)).job.id != job.id


async def test_others_are_not_answered_by_it(house: House, cache: Shared):
    job = await known(house)
    for caller in (Caller(tenant="other"), Caller(scope="other")):
        assert (await asked(house, caller)).job.id != job.id


async def test_what_one_process_keeps_for_itself_is_no_answer(house: House):
    await known(house)
    assert not house.ports.cache.shared
    assert await house.ports.cache.recall(answers._answer("any")) is None  # pyright: ignore[reportPrivateUsage]  where it would be
    await house.ports.store.close()
    with pytest.raises(Exception, match="closed"):
        await asked(house)


async def test_a_refreshed_report_is_answered_by_the_new_job(house: House, cache: Shared):
    job = await known(house)
    new = (await intake.refresh(job.id, ANYBODY, house.ports)).job
    assert (await asked(house)).job.id == new.id != job.id
    cache.pass_time()
    assert (await asked(house)).job.id == new.id


async def test_an_answer_read_before_a_change_is_not_kept_after_it(house: House, cache: Shared):
    job = await known(house)
    new = (await intake.refresh(job.id, ANYBODY, house.ports)).job
    await answers.keep(job, house.ports)  # somebody slow
    assert (await asked(house)).job.id == new.id


async def test_a_forgotten_job_is_no_answer(house: House, cache: Shared):
    job = await known(house)
    await intake.forget(job.id, ANYBODY, house.ports)
    assert (await asked(house)).job.id != job.id


async def test_an_expired_job_is_made_again(
    house: House, cache: Shared, monkeypatch: pytest.MonkeyPatch
):
    job = await known(house)
    expiring = job.model_copy(update={"expires_at": 1})
    due = house.ports.store.due

    async def outlived(duty: Any, limit: int) -> Any:
        return [expiring] if duty == "outlived" else await due(duty, limit)

    monkeypatch.setattr(house.ports.store, "due", outlived)
    async with house.at_work():
        await house.until(job.id, State.EXPIRED)
    again = await asked(house)
    assert (again.job.id, again.job.state, again.fresh) == (job.id, State.QUEUED, True)


async def test_a_stale_answer_leads_nobody_astray_twice(house: House, cache: Shared):
    job = await known(house)
    stale = cache.stale()
    await intake.forget(job.id, ANYBODY, house.ports)
    cache.put_back(stale)
    assert (await asked(house)).job.id == job.id  # the harm that is done
    with pytest.raises(NotFound):
        await intake.find(job.id, ANYBODY, house.ports)
    again = await house.finished(**ROWS)
    assert again.id != job.id
    assert again.state is State.SUCCEEDED


async def test_nothing_is_kept_past_its_expiry(house: House, cache: Shared):
    job = await known(house)
    cache.put_back({})
    await answers.keep(job.model_copy(update={"expires_at": 1}), house.ports)
    assert cache.stale() == {}


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"id": 1}'])
async def test_what_cannot_be_read_is_no_answer(house: House, cache: Shared, text: str):
    job = await known(house)
    await cache.keep(f"answer:{job.fingerprint}", text, 60, over=True)
    assert (await asked(house)).job == job


async def test_a_job_that_ended_otherwise_is_not_kept(house: House, cache: Shared):
    job = await house.submit(**ROWS)
    await intake.cancel(job.id, ANYBODY, house.ports)
    await answers.keep(await house.job(job.id), house.ports)
    assert cache.stale() == {}
