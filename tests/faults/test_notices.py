"""Notices and processes that die: told again with the same id, never lost, each recorded once."""

import asyncio
import contextlib
import os
import signal
import sqlite3

import psycopg
import pytest

from prelo.app import intake, webhooks
from prelo.core import job as transitions
from prelo.core.errors import QueryFailed
from prelo.core.request import Request
from prelo.core.webhook import NewWebhook
from prelo.ports import LANES, Ports
from tests.faults import ledger
from tests.faults.plant import ANYBODY, Plant, long, on_every_plant
from tests.receivers.web import Receiver

pytestmark = on_every_plant


async def asked(plant: Plant, ports: Ports, receiver: Receiver, count: int) -> None:
    """So many jobs, each of which tells the receiver; ended by hand, as no press is wanted here."""
    hook, _ = await webhooks.make(NewWebhook(url=receiver.url), ANYBODY, ports, local=True)
    problem = QueryFailed("no such column").problem(1)
    for k in range(count):
        body = {
            "report": "quick",
            "format": "csv",
            "parameters": {"k": k},
            "notify": [{"webhook": hook.id}],
        }
        job = (await intake.submit(Request.model_validate(body), ANYBODY, ports)).job
        plant.accepted.add(job.id)
        claimed = await ports.store.claim(LANES, "hand", 30_000)
        assert claimed
        assert await ports.store.move(claimed, lambda job, now: transitions.fail(job, now, problem))


def lapse(plant: Plant) -> None:
    """The leases of notices are a minute: it passes now."""
    statement = "UPDATE notice SET lease_until = lease_until - 61000 WHERE lease_until IS NOT NULL"
    if plant.config.store.startswith("postgresql:"):
        with psycopg.connect(plant.config.store) as connection:
            connection.execute(statement.encode())
        return
    with contextlib.closing(sqlite3.connect(plant.data / "prelo.db", timeout=10)) as db, db:
        db.execute(statement)


async def settled(plant: Plant, count: int, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while plant.books.rows("select count(*) as n from notice where state <> 'waiting'") != [
            {"n": count}
        ]:
            await asyncio.sleep(0.05)


@long
@pytest.mark.parametrize(
    ("at", "when", "told"),
    [("notices.settle", "before", 2), ("notices.settle", "after", 1), ("notices.take", "after", 1)],
    ids=["sent, before it is recorded", "recorded", "taken, before it is sent"],
)
async def test_a_notice_whose_process_dies_is_told_again_and_never_lost(
    plant: Plant, at: str, when: str, told: int
):
    plant.settings["webhook_local"] = True
    async with Receiver() as receiver, plant.ports() as ports:
        await asked(plant, ports, receiver, 1)
        await plant.crash("upkeep", at=at, when=when)
        lapse(plant)
        with plant.running("upkeep"):
            await settled(plant, 1)
        assert len(receiver.got) == told
        assert len({(got.id, got.body) for got in receiver.got}) == 1
        ledger.check(plant.books, plant.accepted, 1)


async def test_two_upkeeps_of_which_one_is_killed_after_it_told_miss_no_notice_and_record_none_twice(
    plant: Plant,
):
    plant.settings["webhook_local"] = True
    crash = {"at": "notices.settle", "when": "before", "nth": 3}
    async with Receiver() as receiver, plant.ports() as ports:
        with plant.process("upkeep", crash=crash) as doomed, plant.running("upkeep") as other:
            await asyncio.to_thread(plant.ready, doomed)
            os.kill(other.pid, signal.SIGSTOP)  # it could take them all at once
            await asked(plant, ports, receiver, 30)
            await plant.killed(doomed)
            os.kill(other.pid, signal.SIGCONT)
            lapse(plant)
            await settled(plant, 30)
        told = [(got.id, got.body) for got in receiver.got]
        assert len(set(told)) == 30
        assert len(told) > 30, "what it told and did not record was told again"
        tries = plant.books.rows("select count(*) as n from notice_try")
        assert tries[0]["n"] == 30, "recorded twice"
        ledger.check(plant.books, plant.accepted, 1)
