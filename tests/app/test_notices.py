"""Notices on their way: who hears, how often, in spite of whom, and what is on record."""

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier

from prelo.app import intake, webhooks
from prelo.app.deliver import Deliveries, Hosts, Pace
from prelo.app.upkeep import upkeep
from prelo.config import Config
from prelo.core import job as transitions
from prelo.core.breaker import BreakerPolicy
from prelo.core.errors import Conflict, Invalid, NotFound
from prelo.core.job import Artifact, Job
from prelo.core.notice import Answer, Notice, NoticeState
from prelo.core.request import Caller, Request
from prelo.core.table import Manifest
from prelo.core.webhook import NewWebhook, WebhookPatch
from prelo.ports import LANES, Ports
from prelo.wiring import opened
from tests.receivers.mail import MailServer, free_port
from tests.receivers.web import Receiver, hang, slowly, status

ME, OTHER = Caller(tenant="acme"), Caller(tenant="other")
HOUR = 3_600_000
CONTENT = b"1,2\r\n" * 400
COLUMNS = [{"name": "a", "kind": "integer"}]


class Desk:
    """A store whose jobs are ended by hand, and upkeep that is driven turn by turn."""

    def __init__(self, ports: Ports, config: Config) -> None:
        self.ports, self.config = ports, config
        self.subject = 0

    async def webhook(self, url: str, **rest: Any) -> tuple[str, str]:
        """The id and the secret of a new one."""
        asked = NewWebhook.model_validate({"url": url, **rest})
        made, secret = await webhooks.make(asked, ME, self.ports, local=True)
        return made.id, secret

    async def ask(self, *notify: dict[str, str], **rest: Any) -> Job:
        self.subject += 1
        body = {"title": "Sales <&> Ärger", "format": "csv", "columns": COLUMNS, "rows": [[self.subject]],
                "notify": notify, "locale": "de", **rest}  # fmt: skip
        return (await intake.submit(Request.model_validate(body), ME, self.ports)).job

    async def end(self, content: bytes = CONTENT) -> Job:
        """The next job, made."""
        job = await self.ports.store.claim(LANES, "hand", 30_000)
        assert job
        key = job.artifact_key("nonce", "csv")
        with self.ports.files.create(key, "text/csv") as sink:
            sink.write(content)
        artifact = Artifact(
            key=key, name="sales.csv", media_type="text/csv", size=len(content), sha256="0" * 64
        )

        def succeed(job: Job, now: int) -> Job:
            return transitions.succeed(job, now, artifact, Manifest(format="csv", rows=400))

        done = await self.ports.store.move(job, succeed)
        assert done
        return done

    async def told(self, *notify: dict[str, str]) -> Job:
        """A job that has ended, which these asked about."""
        await self.ask(*notify)
        return await self.end()

    async def deliver(self, deliveries: Deliveries | None = None) -> int:
        """All that is due now."""
        mine = deliveries or Deliveries(self.ports)
        begun = 0
        while more := await mine.turn():
            begun += more
        await mine.idle()
        return begun

    def pass_time(self, ms: int) -> None:
        with contextlib.closing(sqlite3.connect(self.config.data / "prelo.db")) as db, db:
            db.execute(
                "UPDATE notice SET due_at = due_at - ?1, lease_until = lease_until - ?1", (ms,)
            )

    async def notice(self, job: Job) -> Notice:
        (found,) = await self.ports.notices.of_job(job.id)
        return found


@contextlib.asynccontextmanager
async def desk_at(folder: Path, **settings: Any) -> AsyncGenerator[Desk]:
    config = Config(data=folder / "data", webhook_local=True, **settings)
    (folder / "reports").mkdir(exist_ok=True)
    config = config.model_copy(update={"catalog": folder / "reports"})
    async with opened(config, migrate=True) as ports:
        yield Desk(ports, config)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path) as desk:
        yield desk


async def until(reached: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)


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


async def test_without_a_mail_server_nobody_can_ask_for_mails(desk: Desk):
    with pytest.raises(Invalid, match="PRELO_SMTP"):
        await desk.ask({"email": "ana@example.com"})


def mailing(server: MailServer, **rest: Any) -> dict[str, Any]:
    return {"smtp": server.url, "mail_from": "Reports <reports@example.com>",
            "public_url": "https://reports.example.com", **rest}  # fmt: skip


async def test_a_mail_has_the_title_the_language_of_the_order_and_the_file(tmp_path: Path):
    async with MailServer() as server, desk_at(tmp_path, **mailing(server)) as desk:
        job = await desk.told({"email": "ana@example.com"}, {"email": "eva@example.com"})
        await desk.deliver()
        assert sorted(server.recipients) == ["ana@example.com", "eva@example.com"]
        mail = server.mails[0]
    assert mail["Subject"] == "Sales <&> Ärger ist fertig"
    (file,) = mail.iter_attachments()
    assert (file.get_filename(), file.get_content()) == (
        "sales.csv",
        CONTENT.decode(),
    )
    html = mail.get_body(("html",))
    assert html
    assert "Sales &lt;&amp;&gt; Ärger" in html.get_content()
    assert f"https://reports.example.com/v1/jobs/{job.id}/file" in html.get_content()


async def test_a_large_file_is_not_even_read(tmp_path: Path):
    async with (
        MailServer() as server,
        desk_at(tmp_path, **mailing(server, mail_attach=900)) as desk,
    ):
        job = await desk.told({"email": "ana@example.com"})
        assert job.artifact
        (tmp_path / "data" / "files" / job.artifact.key).unlink()
        await desk.deliver()
        (mail,) = server.mails
    assert list(mail.iter_attachments()) == []


async def test_a_file_that_is_gone_is_linked_and_the_mail_goes(tmp_path: Path):
    async with MailServer() as server, desk_at(tmp_path, **mailing(server)) as desk:
        job = await desk.told({"email": "ana@example.com"})
        assert job.artifact
        await desk.ports.files.delete([job.artifact.key])
        await desk.deliver()
        (mail,) = server.mails
    assert list(mail.iter_attachments()) == []


async def test_a_mail_server_that_is_down_for_an_hour_gets_its_mails_when_it_is_back(
    tmp_path: Path,
):
    server = MailServer(port=free_port())
    async with desk_at(tmp_path, **mailing(server)) as desk:
        job = await desk.told({"email": "ana@example.com"})
        for minutes in (0, 1, 6, 40):
            desk.pass_time(minutes * 60_000)
            await desk.deliver()
        waiting = await desk.notice(job)
        assert (waiting.state, waiting.attempts) == (NoticeState.WAITING, 4)
        async with server:
            desk.pass_time(3 * HOUR)
            await desk.deliver()
            assert len(server.mails) == 1
        sent = await desk.notice(job)
    assert (sent.state, sent.attempts) == (NoticeState.SENT, 5)
    assert str(server.mails[0]["Message-ID"]) == f"<{sent.id}@example.com>"


async def test_a_recipient_that_is_refused_for_good_is_on_record_and_alone(tmp_path: Path):
    refuse = {
        "bob@example.com": "550 5.1.1 no such user",
        "eva@example.com": "450 4.2.1 mailbox busy",
    }
    async with MailServer(refuse=refuse) as server, desk_at(tmp_path, **mailing(server)) as desk:
        job = await desk.told(*({"email": f"{n}@example.com"} for n in ("ana", "bob", "eva")))
        await desk.deliver()
        found = {one.target[:3]: one for one in await desk.ports.notices.of_job(job.id)}
        assert {name: one.state.value for name, one in found.items()} == {
            "ana": "sent", "bob": "dead", "eva": "waiting",
        }  # fmt: skip
        assert found["bob"].status == 550
        (tried,) = await desk.ports.notices.tries([found["bob"].id])
        assert "no such user" in tried.excerpt
        server.refuse.clear()
        desk.pass_time(HOUR)
        await desk.deliver()
        assert server.recipients == ["ana@example.com", "eva@example.com"]


async def test_no_secret_and_no_address_is_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    async with MailServer(refuse={"bob@example.com": "550 no bob@example.com here"}) as server:
        settings = mailing(server) | {"smtp": f"smtp://u:hunter2@127.0.0.1:{server.port}"}
        async with (
            desk_at(tmp_path, **settings) as desk,
            Receiver(status(500, b"oops")) as receiver,
        ):
            id_, secret = await desk.webhook(receiver.url + "?token=hunter3")
            await desk.told({"webhook": id_}, {"email": "bob@example.com"})
            await desk.deliver()
            await asyncio.sleep(0.3)
    said = capfd.readouterr().err
    assert "notice.failed" in said
    assert all(json.loads(line)["event"] for line in said.splitlines())
    for hidden in (secret, "hunter2", "hunter3", "bob@", "oops"):
        assert hidden not in said
