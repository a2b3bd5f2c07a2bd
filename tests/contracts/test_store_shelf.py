"""The store's contract for datasets."""

import asyncio

from prelo.core.dataset import Dataset, DatasetColumn, Dialect, Finding, source_name
from prelo.core.request import Caller
from prelo.ports import Store
from tests.contracts.store_cases import HOUR, Place, claimed, draft, fail

ACME = Caller(tenant="acme", scope="board")
FOUND = Finding(
    form="csv",
    columns=(DatasetColumn(name="a", type="int64"),),
    rows=3,
    dialect=Dialect(encoding="utf-8", delimiter=";", quote="'", header=True),
)


def made(number: int = 1, caller: Caller = ACME, key: str = "") -> Dataset:
    return Dataset(
        id=f"ds_{number:032x}", tenant=caller.tenant, scope=caller.scope, sha256="0" * 64, size=9,
        key=key or f"acme/datasets/{number}", finding=FOUND,
    )  # fmt: skip


async def test_a_dataset_is_found_by_its_owner_alone_until_it_expires(store: Store, place: Place):
    kept = await store.shelve(made(), HOUR)
    assert kept.expires_at == kept.created_at + HOUR
    assert await store.dataset(kept.id, ACME) == kept
    for other in (Caller(tenant="acme"), Caller(tenant="other", scope="board")):
        assert await store.dataset(kept.id, other) is None
        assert await store.datasets(other, 10) == []
    place.pass_time(HOUR)
    assert await store.dataset(kept.id, ACME) is None
    assert await store.datasets(ACME, 10) == []
    assert await store.dataset(kept.id, ACME, expired=True)


async def test_the_same_again_is_the_one_that_is_there_and_it_lives_on(store: Store, place: Place):
    first = await store.shelve(made(), HOUR)
    place.pass_time(HOUR // 2)
    again = await store.shelve(made(key="elsewhere"), HOUR)
    assert again.key == first.key
    assert 0 <= again.expires_at - again.created_at - 3 * HOUR // 2 < 10_000
    longer = await store.dataset(first.id, ACME, life_ms=5 * HOUR)
    assert longer
    assert longer.expires_at > again.expires_at
    shorter = await store.dataset(first.id, ACME, life_ms=1)
    assert shorter == longer


async def test_the_same_by_many_at_once_is_one(place: Place):
    stores = [place.open(), place.open()]
    kept = await asyncio.gather(
        *(stores[n % 2].shelve(made(key=f"key {n}"), HOUR) for n in range(12))
    )
    assert len({one.key for one in kept}) == 1
    assert len(await stores[0].datasets(ACME, 10)) == 1


async def test_datasets_are_listed_newest_first_in_pages(store: Store, place: Place):
    for number in range(5):
        await store.shelve(made(number), HOUR)
        place.pass_time(5)
    page = await store.datasets(ACME, 3)
    rest = await store.datasets(ACME, 3, (page[-1].created_at, page[-1].id))
    assert [one.id for one in [*page, *rest]] == [made(n).id for n in (4, 3, 2, 1, 0)]


async def test_what_a_job_needs_does_not_go(store: Store, place: Place):
    one, other = await store.shelve(made(1), HOUR), await store.shelve(made(2), HOUR)
    await store.submit(draft(sources=(source_name(one.id),)))
    place.pass_time(2 * HOUR)
    assert [found.id for found in await store.outlived(10)] == [other.id]
    assert not await store.unshelve(one, outlived=True)
    assert not await store.unshelve(one)
    run = await claimed(store)
    assert not await store.unshelve(one), "nor what a running one needs"
    assert await store.move(run, fail)
    assert {found.id for found in await store.outlived(10)} == {one.id, other.id}
    assert await store.unshelve(one, outlived=True)
    assert not await store.unshelve(one, outlived=True)


async def test_what_lives_on_is_not_swept(store: Store, place: Place):
    kept = await store.shelve(made(), HOUR)
    place.pass_time(2 * HOUR)
    assert await store.outlived(10)
    await store.shelve(made(), HOUR)
    assert not await store.unshelve(kept, outlived=True)
    assert await store.outlived(10) == []


async def test_a_datasets_file_is_no_orphan(store: Store):
    kept = await store.shelve(made(), HOUR)
    assert set(await store.unreferenced([kept.key, "orphan"])) == {"orphan"}
