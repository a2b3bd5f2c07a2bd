"""Mails as they arrive: what they say in which language, the file where it fits, whom a refusal concerns."""

import email
import email.policy
import time
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prelo.adapters.notice_email import EmailCourier
from prelo.adapters.notice_email.courier import server_of
from prelo.adapters.notice_email.message import message, sender_of
from prelo.adapters.notice_email.words import words_of
from prelo.core.errors import Misconfigured, QueryFailed, Unavailable
from prelo.core.job import State
from prelo.core.notice import EVENTS
from prelo.core.table import Completeness, Manifest
from prelo.couriers import Attachment, Parcel
from tests.contracts.test_couriers import BASE, mail_notice
from tests.receivers.mail import MailServer

FROM = "Reports <reports@example.com>"
LANGUAGES = ["en", "pt-BR", "de", "es", "fr", "it"]


def courier(server: MailServer, room: int = 1_000_000, url: str | None = None) -> EmailCourier:
    return EmailCourier(url or server.url, FROM, BASE, room=room)


def parcel(size: int | None = None, **rest: Any) -> Parcel:
    file = (
        Attachment(name="sales.csv", media_type="text/csv", content=b"1," * (size // 2))
        if size
        else None
    )
    told: dict[str, Any] = {
        "notice": mail_notice(),
        "title": "Sales",
        "size": size,
        "attachment": file,
    }
    return Parcel(**told | rest)


def text(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))  # type: ignore[arg-type]  one of them
    assert part
    return part.get_content()


def files(mail: EmailMessage) -> list[bytes]:
    return [part.get_content().encode() for part in mail.iter_attachments()]


async def sent(told: Parcel, room: int = 1_000_000, **server: Any) -> EmailMessage:
    async with MailServer(**server) as there:
        answer = await courier(there, room).carry(told)
        assert answer.ok, answer
        (mail,) = there.mails
        return mail


async def test_a_small_file_is_in_the_mail_and_a_large_one_is_linked():
    small = await sent(parcel(3_000))
    assert files(small) == [b"1," * 1_500]
    assert "The file is attached." in text(small)
    large = await sent(parcel(30_000), room=20_000)
    assert files(large) == []
    assert f"{BASE}/v1/jobs/{mail_notice().job_id}/file" in text(large)
    assert "whoever may see this report" in text(large)


async def test_what_counts_is_the_mail_as_it_is_sent_and_not_the_file():
    whole = len((await sent(parcel(60_000))).as_bytes())
    raw = []
    for room in (whole + 4_000, 62_000):
        async with MailServer() as there:
            await courier(there, room).carry(parcel(60_000))
            raw.append((len(there.raw[0][1]), len(files(there.mails[0]))))
    assert raw[0][1] == 1
    assert raw[0][0] <= whole + 4_000
    assert raw[1][1] == 0, "60,000 bytes are 82,000 in a mail"


async def test_a_servers_size_is_kept_said_or_not():
    cases: tuple[tuple[dict[str, Any], int, int], ...] = (
        ({"largest": 20_000}, 1, 0), ({"silent_size": 20_000}, 2, 0), ({"largest": 100_000}, 1, 1),
    )  # fmt: skip
    for limit, begun, carried in cases:
        async with MailServer(**limit) as there:
            assert (await courier(there).carry(parcel(30_000))).ok
        assert len(there.begun) == begun, "what is said is not tried"
        assert len(files(there.mails[0])) == carried


async def test_a_mail_that_was_taken_is_not_sent_again_for_a_goodbye_that_hangs():
    async with MailServer(mute=True) as there:
        courier = EmailCourier(there.url, FROM, BASE, room=1_000_000, seconds=5)
        began = time.monotonic()
        assert (await courier.carry(parcel())).ok
        assert time.monotonic() - began < 4, "nobody waits for it"
        assert len(there.mails) == 1


async def test_what_a_server_has_against_us_is_not_held_against_the_mail():
    async with MailServer(sender="550 5.7.1 not from you") as there:
        answer = await courier(there).carry(parcel())
    assert (answer.ok, answer.final, answer.trouble, answer.status) == (False, False, True, 550)


async def test_each_recipient_has_a_mail_of_their_own_and_a_refused_one_is_alone():
    async with MailServer(refuse={"bob@example.com": "550 no such user"}) as there:
        answers = {
            name: await courier(there).carry(parcel(notice=mail_notice(f"{name}@example.com")))
            for name in ("ana", "bob", "eva")
        }
        assert there.recipients == ["ana@example.com", "eva@example.com"]
        assert [str(mail["To"]) for mail in there.mails] == there.recipients
    assert [answer.ok for answer in answers.values()] == [True, False, True]
    assert answers["bob"].final
    assert "550" in answers["bob"].detail
    assert "bob" not in answers["bob"].detail, "a log is no list of addresses"


async def test_a_repeat_is_the_same_mail():
    async with MailServer() as there:
        for _ in range(2):
            await courier(there).carry(parcel())
        first, second = there.mails
    for header in ("Message-ID", "Date", "Subject", "From", "To"):
        assert first[header] == second[header]
    assert first["Message-ID"] == f"<{mail_notice().id}@example.com>"
    assert first["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("event", EVENTS)
async def test_every_event_is_told_in_every_language(locale: str, event: str):
    error = QueryFailed("x").problem(1) if event == "failed" else None
    told = parcel(notice=mail_notice(state=State(event), error=error), locale=locale)
    raw = message(told, sender_of(FROM), BASE, attached=False)
    mail = parsed(raw)
    words, language = words_of(locale)
    said = words.events[EVENTS.index(event)]  # type: ignore[arg-type]  one of them
    assert language == locale[:2]
    assert mail["Subject"] == said.subject.format(title="Sales")
    assert mail["Content-Language"] == language
    for kind in ("plain", "html"):
        content = text(mail, kind).replace("&#39;", "'")
        for words_said in (said.heading, said.sentence, words.rights, words.why, words.report):
            assert words_said in content
        assert ("query-failed" in content) == (event == "failed")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_file_that_was_cut_is_never_called_ready_without_saying_so(locale: str):
    made = Manifest(format="csv", rows=3, completeness=Completeness.TRUNCATED)
    told = parcel(notice=mail_notice(manifest=made), locale=locale)
    mail = parsed(message(told, sender_of(FROM), BASE, attached=False))
    whole = parsed(message(parcel(locale=locale), sender_of(FROM), BASE, attached=False))
    for kind in ("plain", "html"):
        assert words_of(locale)[0].cut in text(mail, kind).replace("&#39;", "'")
        assert words_of(locale)[0].cut not in text(whole, kind).replace("&#39;", "'")


def test_a_language_that_is_not_known_is_english():
    assert words_of("eo")[1] == "en"


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


@settings(max_examples=30)
@example(title="x\r\nBcc: eve@evil.com", name="x\nX: y")
@example(title="<script>alert(1)</script>", name="<script>.csv")
@example(title="{{ 7*7 }}", name="{% raw %}")
@example(title="\0", name="")
@given(title=st.text(max_size=300), name=st.text(max_size=300))
def test_no_title_and_no_file_name_breaks_a_header_or_becomes_markup(title: str, name: str):
    file = Attachment(name=name, media_type="text/csv", content=b"1")
    told = parcel(title=title, attachment=file, size=1)
    raw = message(told, sender_of(FROM), BASE, attached=True)
    mail = parsed(raw)
    assert sorted(mail.keys()) == [
        "Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "MIME-Version", "Message-ID",
        "Subject", "To",
    ]  # fmt: skip
    assert str(mail["To"]) == "ana@example.com"
    assert len(list(mail.iter_attachments())) == 1
    assert "<script" not in text(mail, "html")
    if title == "{{ 7*7 }}":
        assert title in text(mail)


async def test_a_login_that_is_refused_is_the_operators_and_tried_again():
    async with MailServer(password="secret") as there:
        url = f"smtp://ana:{{}}@127.0.0.1:{there.port}"
        good = await courier(there, url=url.format("secret")).carry(parcel())
        bad = await courier(there, url=url.format("wrong")).carry(parcel())
    assert good.ok
    assert (bad.ok, bad.final, bad.trouble) == (False, False, True)
    assert "wrong" not in repr(bad)


async def test_a_look_at_the_server_says_what_is_wrong_without_the_password():
    async with MailServer(password="secret") as there:
        url = f"smtp://ana:{{}}@127.0.0.1:{there.port}"
        await courier(there, url=url.format("secret")).check()
        with pytest.raises(
            Unavailable, match=r"refused the login \(535\); check PRELO_SMTP"
        ) as bad:
            await courier(there, url=url.format("wrong")).check()
        assert "wrong" not in bad.value.detail
    with pytest.raises(Unavailable, match="cannot be reached"):
        await courier(there).check()


@pytest.mark.parametrize(
    "url", ["smtp://", "http://x", "smtps://x:port", "x", "smtp://host/path", "smtp://u:p@"]
)
def test_a_wrong_server_is_a_sentence_without_the_password(url: str):
    with pytest.raises(Misconfigured, match="PRELO_SMTP must be") as refused:
        EmailCourier(url, FROM, BASE, room=1)
    assert "u:p" not in refused.value.detail


@pytest.mark.parametrize("sender", ["", "Reports", "a@b", "Reports <a@b.com>\nBcc: x@y.com"])
def test_a_sender_that_is_no_address_is_a_sentence(sender: str):
    with pytest.raises(Misconfigured, match="PRELO_MAIL_FROM"):
        EmailCourier("smtp://localhost", sender, BASE, room=1)


def test_a_password_does_not_go_over_the_network_in_clear():
    assert server_of("smtp://u:p@mail.example.com").start_tls is True
    assert server_of("smtp://mail.example.com").start_tls is None
    assert server_of("smtps://u:p@mail.example.com").tls
    assert "secret" not in repr(server_of("smtps://u:secret@mail.example.com"))
