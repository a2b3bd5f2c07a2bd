"""Notices on their way to webhooks: who hears, how often, in spite of whom, and what is on record."""

import asyncio
import time
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Verifier

from prelo.app import intake, webhooks
from prelo.app.deliver import Deliveries, Hosts, Pace
from prelo.app.upkeep import upkeep
from prelo.core.breaker import BreakerPolicy
from prelo.core.errors import Conflict, Invalid, NotFound
from prelo.core.notice import Answer, NoticeState
from prelo.core.request import Request
from prelo.core.webhook import WebhookPatch
from tests.app.noticing import COLUMNS, HOUR, ME, OTHER, Desk, desk_at, until
from tests.receivers.mail import free_port
from tests.receivers.web import Receiver, hang, slowly, status


async def test_a_receiver_is_told_once_and_can_verify_it(desk: Desk):
    async with Receiver() as receiver:
        id_, secret = await desk.webhook(receiver.url)
        job = await desk.told({"webhook": id_})
        assert await desk.deliver() == 1
        assert await desk.deliver() == 0
        (got,) = receiver.got
    event = Verifier(secret).verify(got.body, got.headers)
    assert (event["type"], event["subject"]) == ("prelo.job.succeeded", job.id)
    notice = await desk.notice(job)
    assert (notice.state, notice.id, notice.status) == (NoticeState.SENT, got.id, 204)
    (tried,) = await desk.ports.notices.tries([notice.id])
    assert (tried.ok, tried.status, tried.attempt) == (True, 204, 1)


async def test_upkeep_brings_a_notice_soon_after_the_job_has_ended(desk: Desk):
    async with Receiver() as receiver:
        await desk.webhook(receiver.url, jobs="all")
        stop = asyncio.Event()
        keeping = asyncio.create_task(upkeep(desk.ports, stop, pace=Pace(look=30)))
        await desk.ask()
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await desk.end()
        await until(lambda: bool(receiver.got))
        assert time.monotonic() - began < 2, "nobody woke it"
        stop.set()
        await keeping


async def test_a_failure_is_repeated_with_the_same_id_and_body_until_it_arrives(desk: Desk):
    async with Receiver() as receiver:
        receiver.answers = [status(500), status(503)]
        id_, secret = await desk.webhook(receiver.url)
        job = await desk.told({"webhook": id_})
        for _ in range(3):
            await desk.deliver()
            desk.pass_time(HOUR)
        assert len(receiver.got) == 3
        assert len({(got.id, got.body) for got in receiver.got}) == 1
        for got in receiver.got:
            Verifier(secret).verify(got.body, got.headers)
    assert (await desk.notice(job)).state is NoticeState.SENT
    log = await desk.ports.notices.tries([receiver.ids[0]])
    assert [(one.attempt, one.status, one.ok) for one in log] == [
        (1, 500, False), (2, 503, False), (3, 204, True),
    ]  # fmt: skip


async def test_a_receiver_that_was_away_for_too_long_is_given_up_after_ten_tries(desk: Desk):
    id_, _ = await desk.webhook(f"http://127.0.0.1:{free_port()}/")
    job = await desk.told({"webhook": id_})
    for _ in range(12):
        await desk.deliver()
        desk.pass_time(25 * HOUR)
    notice = await desk.notice(job)
    assert (notice.state, notice.attempts) == (NoticeState.DEAD, 10)
    assert "cannot be reached" in notice.detail
    async with Receiver() as receiver:
        await webhooks.change(id_, WebhookPatch(url=receiver.url), ME, desk.ports, local=True)
        assert await webhooks.replay_dead(id_, ME, desk.ports) == 1
        await desk.deliver()
        assert receiver.ids == [notice.id]


async def test_retry_after_is_waited_for(desk: Desk):
    async with Receiver(status(429, retry_after="7200")) as receiver:
        id_, _ = await desk.webhook(receiver.url)
        job = await desk.told({"webhook": id_})
        before = time.time() * 1000
        await desk.deliver()
    assert (await desk.notice(job)).due_at >= before + 2 * HOUR


async def test_a_410_turns_a_webhook_off_until_its_owner_turns_it_on(desk: Desk):
    async with Receiver(status(410)) as receiver:
        id_, _ = await desk.webhook(receiver.url, jobs="all")
        for _ in range(2):
            await desk.ask({"webhook": id_})
        first = await desk.end()
        await desk.deliver()
        second = await desk.end()
        unheard = await desk.told()
        await desk.deliver()
        assert receiver.touched == 1
        with pytest.raises(Invalid, match="410"):
            await desk.ask({"webhook": id_})
        with pytest.raises(Conflict, match="410"):
            await webhooks.replay_dead(id_, ME, desk.ports)
        receiver.usually = status(204)
        await webhooks.change(id_, WebhookPatch(enabled=True), ME, desk.ports, local=True)
        assert await webhooks.replay_dead(id_, ME, desk.ports) == 2
        await desk.deliver()
        states = [(await desk.notice(job)).state for job in (first, second)]
        assert states == [NoticeState.SENT] * 2
        assert await desk.ports.notices.of_job(unheard.id) == []


async def test_one_slow_receiver_keeps_nobody_waiting_and_gets_no_more_than_its_share(desk: Desk):
    async with Receiver(hang) as slow, Receiver() as fast:
        slow_id, _ = await desk.webhook(slow.url)
        fast_id, _ = await desk.webhook(fast.url.replace("127.0.0.1", "localhost"))
        for _ in range(6):
            await desk.told({"webhook": slow_id})
        for _ in range(6):
            await desk.told({"webhook": fast_id})
        stop = asyncio.Event()
        pace = Pace(most=3, per_host=2, look=0.05, grace=0.0)
        running = asyncio.create_task(Deliveries(desk.ports, pace).run(stop))
        began = time.monotonic()
        await until(lambda: len(fast.got) == 6)
        assert time.monotonic() - began < 5
        assert slow.most == 2
        stop.set()
        await running


async def test_many_are_told_at_once(desk: Desk):
    async with Receiver(slowly(0.3, status(204))) as receiver:
        id_, _ = await desk.webhook(receiver.url)
        for _ in range(8):
            await desk.told({"webhook": id_})
        began = time.monotonic()
        await desk.deliver(Deliveries(desk.ports, Pace(per_host=8)))
        assert time.monotonic() - began < 1.5
        assert receiver.most == 8


async def test_a_host_that_fails_rests_and_what_waits_for_it_spends_no_try(desk: Desk):
    policy = BreakerPolicy(min_calls=3, open_ms=60_000)
    deliveries = Deliveries(desk.ports, Pace(per_host=1, breaker=policy))
    async with Receiver(status(500)) as bad, Receiver() as good:
        bad_id, _ = await desk.webhook(bad.url)
        good_id, _ = await desk.webhook(good.url.replace("127.0.0.1", "localhost"))
        jobs = [await desk.told({"webhook": bad_id}) for _ in range(5)]
        jobs.append(await desk.told({"webhook": good_id}))
        for _ in range(8):
            await desk.deliver(deliveries)
        assert (bad.touched, good.touched) == (3, 1)
    found = [await desk.notice(job) for job in jobs]
    assert sorted(one.attempts for one in found[:5]) == [0, 0, 1, 1, 1]
    assert found[5].state is NoticeState.SENT


def test_a_host_that_rests_is_tried_again_by_a_few_and_trusted_when_they_are_well():
    now = [0.0]
    hosts = Hosts(
        Pace(per_host=9, breaker=BreakerPolicy(min_calls=2, open_ms=1_000)), lambda: now[0]
    )
    for _ in range(2):
        begun, wait = hosts.begin("h")
        assert wait == 0
        hosts.end("h", begun, Answer(ok=False, trouble=True))
    assert hosts.busy() == {"h": 9}
    assert hosts.begin("h")[1] > 0
    now[0] = 1.1
    assert hosts.busy() == {}
    probes = [hosts.begin("h") for _ in range(4)]
    assert [wait > 0 for _, wait in probes] == [False, False, False, True]
    for begun, _ in probes[:3]:
        hosts.end("h", begun, Answer(ok=True))
    assert hosts.begin("h")[1] == 0


async def test_a_try_that_is_broken_off_is_made_again_with_the_same_id(desk: Desk):
    async with Receiver(hang) as receiver:
        id_, _ = await desk.webhook(receiver.url)
        await desk.told({"webhook": id_})
        stop = asyncio.Event()
        running = asyncio.create_task(Deliveries(desk.ports, Pace(grace=0.0)).run(stop))
        await until(lambda: bool(receiver.got))
        stop.set()
        await running
        assert await desk.deliver() == 0, "its lease has not ended"
        desk.pass_time(61_000)
        receiver.usually = status(204)
        assert await desk.deliver() == 1
        assert len(receiver.got) == 2
        assert len(set(receiver.ids)) == 1


async def test_a_notice_that_kills_whoever_takes_it_is_given_up(desk: Desk):
    async with Receiver() as receiver:
        id_, _ = await desk.webhook(receiver.url)
        job = await desk.told({"webhook": id_})
        for _ in range(10):
            assert await desk.ports.notices.take(["webhook"], 1, 1, per_host=1, busy={})
            await asyncio.sleep(0.005)
        await desk.deliver()
        assert receiver.touched == 0
    assert (await desk.notice(job)).state is NoticeState.DEAD


async def test_what_was_asked_before_a_webhook_was_deleted_is_dead_and_says_so(desk: Desk):
    async with Receiver() as receiver:
        id_, _ = await desk.webhook(receiver.url)
        await desk.ask({"webhook": id_})
        await webhooks.remove(id_, ME, desk.ports)
        job = await desk.end()
        await desk.deliver()
        assert receiver.touched == 0
    notice = await desk.notice(job)
    assert (notice.state, notice.detail) == (NoticeState.DEAD, "the webhook was deleted")


async def test_a_ping_is_sent_as_any_notice(desk: Desk):
    async with Receiver() as receiver:
        id_, secret = await desk.webhook(receiver.url)
        ping = await webhooks.test(id_, ME, desk.ports)
        await desk.deliver()
        (got,) = receiver.got
    event = Verifier(secret).verify(got.body, got.headers)
    assert (event["type"], event["id"], event["data"]) == ("prelo.ping", ping.id, {"webhook": id_})


async def test_after_a_rotation_both_secrets_are_valid_for_a_while_and_then_one(desk: Desk):
    async with Receiver() as receiver:
        id_, old = await desk.webhook(receiver.url)
        _, new = await webhooks.rotate(id_, 60, ME, desk.ports)
        await webhooks.test(id_, ME, desk.ports)
        await desk.deliver()
        _, newest = await webhooks.rotate(id_, 0, ME, desk.ports)
        await webhooks.test(id_, ME, desk.ports)
        await desk.deliver()
        both, one = receiver.got
    assert len({old, new, newest}) == 3
    for secret in (old, new):
        Verifier(secret).verify(both.body, both.headers)
    Verifier(newest).verify(one.body, one.headers)
    assert len(one.headers["webhook-signature"].split()) == 1


async def test_a_lost_key_costs_tries_and_no_notice(tmp_path: Path):
    key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    async with Receiver() as receiver:
        async with desk_at(tmp_path, secret_key=key) as desk:
            id_, secret = await desk.webhook(receiver.url)
            job = await desk.told({"webhook": id_})
        assert secret.encode() not in (tmp_path / "data" / "prelo.db").read_bytes()
        async with desk_at(tmp_path) as desk:
            await desk.deliver()
            notice = await desk.notice(job)
            assert (notice.state, receiver.touched) == (NoticeState.WAITING, 0)
            assert "PRELO_SECRET_KEY" in notice.detail
            desk.pass_time(HOUR)
        async with desk_at(tmp_path, secret_key=key) as desk:
            await desk.deliver()
        Verifier(secret).verify(receiver.got[0].body, receiver.got[0].headers)


async def test_a_tenant_sees_and_names_its_own_webhooks_only(desk: Desk):
    id_, _ = await desk.webhook("https://example.com/")
    ports = desk.ports
    for act in (
        webhooks.find(id_, OTHER, ports),
        webhooks.change(id_, WebhookPatch(), OTHER, ports, local=True),
        webhooks.rotate(id_, 0, OTHER, ports),
        webhooks.remove(id_, OTHER, ports),
        webhooks.test(id_, OTHER, ports),
        webhooks.deliveries(id_, OTHER, ports, 5, None),
        webhooks.replay(id_, "x", OTHER, ports),
        webhooks.replay_dead(id_, OTHER, ports),
    ):
        with pytest.raises(NotFound):
            await act
    body = Request.model_validate(
        {"format": "csv", "columns": COLUMNS, "rows": [[1]], "notify": [{"webhook": id_}]}
    )
    with pytest.raises(Invalid, match="there is no webhook") as refused:
        await intake.submit(body, OTHER, ports)
    assert refused.value.errors[0].pointer == "/notify/0/webhook"
    assert await ports.store.depth() == 0, "refused, and stored all the same"
