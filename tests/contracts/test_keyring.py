"""The store's contract: keys of callers, and the audit of who did what."""

import asyncio
from typing import Any

import pytest

from prelo.core.access import Key, digest_of
from prelo.core.records import Act, AuditFilter, Doing, Entry
from prelo.ports import Store
from tests.contracts.store_cases import HOUR, Place, claimed, draft

MADE = Act(actor="ana@desk", action="key.create")
ROTATED = Act(actor="ana@desk", action="key.rotate")
REVOKED = Act(actor="bert@desk", action="key.revoke")
MINUTE = 60_000


def key(key_id: str = "first", **told: Any) -> Key:
    facts: dict[str, Any] = {"tenant": "acme", "name": "ci", "digest": digest_of(key_id)}
    return Key(id=key_id, **{**facts, **told})


async def there(store: Store, key_id: str) -> Key:
    found = await store.key(key_id)
    assert found is not None
    return found


async def audited(store: Store, **marks: Any) -> list[tuple[str, str, str]]:
    found = await store.audit(AuditFilter.model_validate(marks))
    return [(one.actor, one.action, one.job_id or one.detail.get("key", "")) for one in found]


async def test_a_key_comes_back_as_it_was_kept(store: Store):
    kept = await store.add_key(
        key(scopes=("jobs:read", "admin"), permissions=("finance", "hr")), MADE, HOUR
    )
    assert await store.key("first") == kept
    assert (kept.scopes, kept.permissions) == (("jobs:read", "admin"), ("finance", "hr"))
    assert kept.expires_at == kept.created_at + HOUR
    assert (kept.used_at, kept.revoked_at, kept.ended) == (None, None, None)
    assert kept.fits(digest_of("first"))
    assert not kept.fits(digest_of("second"))
    assert await store.key("none") is None


async def test_a_key_that_is_revoked_stays_known_as_that(store: Store, place: Place):
    await store.add_key(key(), MADE)
    ended = await store.revoke_key("first", REVOKED)
    assert ended is not None
    assert (ended.ended, ended.revoked_at is not None) == ("revoked", True)
    assert await place.open().key("first") == ended
    assert await store.revoke_key("first", REVOKED) is None
    assert await store.revoke_key("none", REVOKED) is None
    assert await audited(store) == [
        ("bert@desk", "key.revoke", "first"),
        ("ana@desk", "key.create", "first"),
    ]


async def test_a_key_expires_by_the_stores_clock(store: Store, place: Place):
    await store.add_key(key(), MADE, HOUR)
    await store.add_key(key("second"), MADE)
    place.pass_time(HOUR - MINUTE)
    assert (await there(store, "first")).ended is None
    place.pass_time(MINUTE)
    assert (await there(store, "first")).ended == "expired"
    assert (await there(store, "second")).ended is None


async def test_a_rotated_key_lets_in_beside_its_successor_until_the_grace_is_over(
    store: Store, place: Place
):
    await store.add_key(key(scopes=("jobs:read",), permissions=("hr",)), MADE)
    fresh = await store.rotate_key(
        "first", key("second", tenant="x", name="y"), 5 * MINUTE, ROTATED
    )
    assert fresh is not None
    assert (fresh.tenant, fresh.name, fresh.scopes) == ("acme", "ci", ("jobs:read",))
    assert (fresh.permissions, fresh.expires_at, fresh.replaced_by) == (("hr",), None, None)
    old = await there(store, "first")
    assert (old.ended, old.replaced_by) == (None, "second")
    assert [one.id for one in await store.keys("acme")] == ["second", "first"]
    place.pass_time(5 * MINUTE)
    assert (await there(store, "first")).ended == "expired"
    assert (await there(store, "second")).ended is None


async def test_a_rotation_never_makes_a_key_last_longer(store: Store):
    first = await store.add_key(key(), MADE, HOUR)
    fresh = await store.rotate_key("first", key("second"), 9 * HOUR, ROTATED)
    assert fresh is not None
    assert fresh.expires_at == first.expires_at == (await there(store, "first")).expires_at


async def test_of_many_who_rotate_a_key_one_does(store: Store, place: Place):
    await store.add_key(key(), MADE)
    stores = [place.open() for _ in range(4)]
    answers = await asyncio.gather(
        *(one.rotate_key("first", key(f"new{n}"), HOUR, ROTATED) for n, one in enumerate(stores))
    )
    (fresh,) = [answer for answer in answers if answer is not None]
    assert (await there(store, "first")).replaced_by == fresh.id
    assert {one.id for one in await store.keys()} == {"first", fresh.id}
    assert len(await audited(store, actions=("key.rotate",))) == 1


@pytest.mark.parametrize("how", ["revoked", "expired", "unknown"])
async def test_a_key_that_lets_nobody_in_is_not_rotated(store: Store, place: Place, how: str):
    await store.add_key(key(), MADE, HOUR)
    if how == "revoked":
        await store.revoke_key("first", REVOKED)
    elif how == "expired":
        place.pass_time(HOUR)
    name = "none" if how == "unknown" else "first"
    assert await store.rotate_key(name, key("second"), HOUR, ROTATED) is None
    assert await store.key("second") is None


async def test_keys_are_listed_by_tenant_the_newest_first(store: Store, place: Place):
    for name, tenant in (("a", "acme"), ("b", "other"), ("c", "acme")):
        await store.add_key(key(name, tenant=tenant), MADE)
        place.pass_time(1_000)
    assert [one.id for one in await store.keys()] == ["c", "b", "a"]
    assert [one.id for one in await store.keys("acme")] == ["c", "a"]
    assert [one.id for one in await store.keys(limit=1)] == ["c"]
    assert await store.keys("nobody") == []


async def test_the_last_use_of_a_key_is_written(store: Store, place: Place):
    await store.add_key(key(), MADE)
    await store.add_key(key("second"), MADE)
    await store.keys_used(["first", "none"])
    once = (await there(store, "first")).used_at
    assert once is not None
    assert (await there(store, "second")).used_at is None
    place.pass_time(HOUR)
    await store.keys_used(["first"])
    again = (await there(store, "first")).used_at
    assert again is not None
    assert again >= once


async def test_what_was_done_a_moment_ago_is_noted_with_its_time(store: Store, place: Place):
    act: dict[str, Any] = {"actor": "key:a", "action": "download", "tenant": "acme"}
    told = {"report": "sales", "times": 3}
    entry = Entry(**act, job_id="j", generation=2, ago=5_000, detail=told)
    await store.note([entry, Entry(**act)], HOUR)
    late, early = await store.audit(AuditFilter())
    assert (late.action, late.job_id, early.job_id) == ("download", "", "j")
    assert (early.tenant, early.generation, early.detail) == ("acme", 2, told)
    assert late.at - early.at == 5_000


async def test_the_audit_is_looked_through_by_every_mark(store: Store, place: Place):
    doings: list[tuple[str, Doing, str]] = [
        ("key:a", "ask", "acme"), ("key:b", "download", "acme"), ("key:a", "download", "other"),
    ]  # fmt: skip
    for actor, action, tenant in doings:
        await store.note([Entry(actor=actor, action=action, tenant=tenant)], 9 * HOUR)
        place.pass_time(1_000)

    async def found(**marks: Any) -> list[tuple[str, str]]:
        entries = await store.audit(AuditFilter.model_validate(marks))
        return [(one.actor, one.tenant) for one in entries]

    assert await found(tenant="acme") == [("key:b", "acme"), ("key:a", "acme")]
    assert await found(actor="key:a") == [("key:a", "other"), ("key:a", "acme")]
    assert await found(actions=("download",)) == [("key:a", "other"), ("key:b", "acme")]
    assert len(await found(actions=("ask", "download"))) == 3
    middle = (await store.audit(AuditFilter()))[1]
    assert await found(since=middle.at) == [("key:a", "other"), ("key:b", "acme")]
    assert await found(until=middle.at) == [("key:b", "acme"), ("key:a", "acme")]
    assert await found(before=middle.number) == [("key:a", "acme")]
    assert await found(limit=1) == [("key:a", "other")]


async def test_old_entries_are_forgotten_and_young_ones_are_not(place: Place):
    store = place.open()
    await store.note([Entry(actor="key:a", action="ask", tenant="acme")], HOUR)
    place.pass_time(HOUR)
    await store.note([Entry(actor="key:b", action="ask", tenant="acme")], HOUR)
    assert len(await audited(store)) == 2  # not at every turn
    await place.open().note([], HOUR)  # but at the first of a process
    assert await audited(store) == [("key:b", "ask", "")]


async def test_a_wish_to_cancel_is_noted_with_the_change(store: Store):
    await store.submit(draft())
    job = await claimed(store)
    wish = Act(actor="key:a", action="cancel")
    assert await store.request_cancel(job, wish)
    assert await audited(store) == [("key:a", "cancel", job.id)]
    gone = job.model_copy(update={"generation": 9})
    assert not await store.request_cancel(gone, wish)
    assert len(await audited(store)) == 1
