"""Notices on their way by mail, and what the log says of all of them."""

import asyncio
import json
from pathlib import Path

import pytest

from prelo.core.errors import Invalid
from prelo.core.notice import NoticeState
from tests.app.noticing import CONTENT, HOUR, Desk, desk_at, mailing
from tests.receivers.mail import MailServer, free_port
from tests.receivers.web import Receiver, status


async def test_without_a_mail_server_nobody_can_ask_for_mails(desk: Desk):
    with pytest.raises(Invalid, match="PRELO_SMTP"):
        await desk.ask({"email": "ana@example.com"})


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
    refuse = {"bob@example.com": "550 no bob@example.com here"}
    async with MailServer(refuse=refuse, password="hunter2") as server:
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
    assert "notice.dead" in said
    assert all(json.loads(line)["event"] for line in said.splitlines())
    for hidden in (secret, "hunter2", "hunter3", "bob@", "oops"):
        assert hidden not in said
