"""A call of everything a store can do, for what is to be true of each of its statements."""

from typing import Any

from prelo.core import job as transitions
from prelo.core.access import Key
from prelo.core.dataset import Dataset, Finding
from prelo.core.job import Job, Progress
from prelo.core.news import LogFilter
from prelo.core.records import Act, AuditFilter, DeadFilter, Entry
from prelo.core.request import Caller
from prelo.ports import IdempotencyKey, JobFilter, Store
from tests.contracts.store_cases import (
    HOUR,
    LEASE,
    claimed,
    draft,
    fail,
    give_up,
    retry,
    succeeded,
)


async def every_method(store: Store) -> None:
    """Call all of the store, through all of its branches that have statements of their own."""
    key = IdempotencyKey(key="k", digest="d")
    await store.check()
    await store.submit(draft(1), key=key)
    await store.submit(draft(1), key=key)
    job = await claimed(store)
    await store.beat(job, LEASE, Progress())
    await store.request_cancel(job)
    await store.move(job, transitions.lose, lapsed=True)
    await store.move(job, transitions.cancel)
    done = await succeeded(store, 2)
    await store.submit(draft(2), max_age_ms=0)
    ended = await store.move(await claimed(store), fail)
    assert ended is not None
    await store.submit(draft(2))
    await store.move(await claimed(store), retry)
    await store.get(done.id, with_order=True)
    page = JobFilter(
        tenant="acme",
        hidden=frozenset({("secret", 1)}),
        states=(done.state,),
        report="sales",
        created_after=0,
        before=(1, "a"),
    )
    await store.list(page)
    for duty in ("lapsed", "overdue", "outlived", "unrung"):
        await store.due(duty, 10)
    await store.rung([bell.number for bell in await store.bells(10)])
    await store.ring_again([done])
    await the_desk(store)
    await the_keyring(store)
    await the_outlook(store, done)
    await store.unreferenced(["a", "b"])
    await store.depth()
    await store.depth("small")
    await store.transitions(done.id)
    await followed_and_shelved(store, done.id)
    await store.health()
    await store.forget(done)


async def followed_and_shelved(store: Store, job_id: str) -> None:
    """Call what concerns those who follow, and datasets."""
    await store.standings([job_id])
    await store.heads([job_id])
    await store.log(LogFilter(tenant="acme"))
    await store.cursor("acme")
    caller = Caller(tenant="acme")
    finding = Finding(form="csv", columns=(), rows=0)
    made = Dataset(
        id="ds_1", tenant="acme", scope="", sha256="0", size=1, key="key", finding=finding
    )
    await store.shelve(made, 1_000)
    await store.dataset("ds_1", caller)
    await store.dataset("ds_1", caller, life_ms=9, expired=True)
    await store.datasets(caller, 9, (1, "ds_0"))
    await store.outlived(9)
    await store.unshelve(made, outlived=True)
    await store.unshelve(made)


async def the_desk(store: Store) -> None:
    """What concerns jobs that were given up."""
    await store.submit(draft(3))
    dead = await store.move(await claimed(store), give_up)
    assert dead is not None
    await store.rung([one.number for one in await store.obituaries(10)])
    marks: dict[str, Any] = {
        "ids": (dead.id,), "tenant": "acme", "report": "sales", "version": 3, "error": "a", "since": 0,
        "until": 1,
    }  # fmt: skip
    for fate in ("lost", "spent", "late"):
        chosen = DeadFilter.model_validate({**marks, "fate": fate})
        await store.dead(chosen, 10, before=(1, "a"))
        await store.tally(chosen)
    await store.dead(DeadFilter(), 10)
    await store.tally(DeadFilter())
    act = Act(actor="ana@desk", action="drop")
    await store.forget(dead, act)
    for named in ({}, {"job_id": dead.id}, {"actor": act.actor}, {"since": 1, "before": 9}):
        await store.audit(AuditFilter.model_validate(named))


async def the_keyring(store: Store) -> None:
    """What concerns callers and their keys."""
    act = Act(actor="ana@desk", action="key.create")
    await store.add_key(Key(id="a", tenant="acme", name="ci", digest="d"), act, HOUR)
    await store.keys("acme")
    await store.keys()
    await store.rotate_key("a", Key(id="b", tenant="acme", name="ci", digest="e"), HOUR, act)
    await store.keys_used(["a", "b"])
    await store.revoke_key("a", act)
    await store.note([Entry(actor="key:a", action="ask", tenant="acme")], HOUR)
    marks: dict[str, Any] = {"tenant": "acme", "actions": ("ask",), "since": 1, "until": 2}
    for name, value in marks.items():
        await store.audit(AuditFilter.model_validate({name: value}))


async def the_outlook(store: Store, job: Job) -> None:
    """What concerns what is to come, and what rests."""
    await store.made("acme", "sales", 5)
    await store.waiting("acme")
    await store.ahead(job, 9)
    await store.quarantines()
    await store.release("sales")
    await store.release("sales", 3)
