"""The contract of couriers, over a receiver of webhooks and a mail server: what each answer means, and that a
try ends whatever they do.
"""

import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from prelo.adapters.notice_email import EmailCourier
from prelo.adapters.notice_webhook import WebhookCourier
from prelo.core.notice import MAIL_HOST, Notice, told
from prelo.core.signing import secret_of
from prelo.couriers import Courier, Parcel
from tests.receivers.mail import MailServer, free_port
from tests.receivers.web import Receiver, hang, status
from tests.unit.test_notice import job

BASE = "https://reports.example.com"
SECRET = secret_of(b"s" * 32)


class Stand:
    """A courier, and a receiver that does what it is told."""

    courier: Courier

    def parcel(self) -> Parcel: ...  # type: ignore[empty-body]  see below

    @property
    def ids(self) -> list[str]: ...  # type: ignore[empty-body]  see below

    def refuse(self, *, for_good: bool) -> None: ...


class Web(Stand):
    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.courier = WebhookCourier(BASE, local=True, seconds=0.5)

    def parcel(self) -> Parcel:
        notice = told(job(), "webhook", "wh_1", "127.0.0.1", 1)
        return Parcel(notice=notice, url=self.receiver.url, secrets=(SECRET,))

    @property
    def ids(self) -> list[str]:
        return self.receiver.ids

    def refuse(self, *, for_good: bool) -> None:
        self.receiver.usually = status(410 if for_good else 503)


class Mail(Stand):
    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.courier = EmailCourier(
            server.url, "Reports <reports@example.com>", BASE, room=1_000_000, seconds=0.5
        )

    def parcel(self) -> Parcel:
        return Parcel(notice=mail_notice(), title="Sales")

    @property
    def ids(self) -> list[str]:
        return [str(mail["Message-ID"]).strip("<>").partition("@")[0] for mail in self.server.mails]

    def refuse(self, *, for_good: bool) -> None:
        said = "550 5.1.1 no such user" if for_good else "451 4.7.1 try again later"
        self.server.refuse["ana@example.com"] = said


def mail_notice(address: str = "ana@example.com", **rest: Any) -> Notice:
    return told(job(**rest), "email", address, MAIL_HOST, 1_700_000_000_000)


@pytest.fixture(params=["webhook", "email"])
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    async with contextlib.AsyncExitStack() as stack:
        if request.param == "webhook":
            yield Web(await stack.enter_async_context(Receiver()))
        else:
            yield Mail(await stack.enter_async_context(MailServer()))


async def test_what_was_taken_is_ok_and_every_try_has_the_same_id(stand: Stand):
    parcel = stand.parcel()
    for _ in range(2):
        answer = await stand.courier.carry(parcel)
        assert answer.ok
        assert answer.status in range(200, 300)
    assert stand.ids == [parcel.notice.id] * 2


async def test_a_refusal_for_good_ends_it_and_is_no_trouble_of_the_hosts(stand: Stand):
    stand.refuse(for_good=True)
    answer = await stand.courier.carry(stand.parcel())
    assert not answer.ok
    assert answer.final or answer.gone
    assert not answer.trouble
    assert str(answer.status) in answer.detail


async def test_a_refusal_for_now_is_tried_again(stand: Stand):
    stand.refuse(for_good=False)
    answer = await stand.courier.carry(stand.parcel())
    assert not answer.ok
    assert not answer.final
    assert not answer.gone
    assert answer.status in {451, 503}


@pytest.mark.parametrize("kind", ["webhook", "email"])
async def test_a_receiver_that_is_not_there_is_trouble_and_a_sentence(kind: str):
    port = free_port()
    courier: Courier = WebhookCourier(BASE, local=True)
    parcel = Web(Receiver(port=port)).parcel()
    if kind == "email":
        stand = Mail(MailServer(port=port))
        courier, parcel = stand.courier, stand.parcel()
    answer = await courier.carry(parcel)
    assert (answer.ok, answer.final, answer.trouble) == (False, False, True)
    assert "cannot be reached" in answer.detail


@pytest.mark.parametrize("kind", ["webhook", "email"])
async def test_a_receiver_that_says_nothing_is_left_in_time(kind: str):
    # Of mail it hears no greeting, as it waits for a request itself.
    async with Receiver(hang) as receiver:
        mute = MailServer(port=receiver.port)
        stand = Web(receiver) if kind == "webhook" else Mail(mute)
        began = time.monotonic()
        answer = await stand.courier.carry(stand.parcel())
        assert time.monotonic() - began < 2
        assert (answer.ok, answer.final, answer.trouble) == (False, False, True)
        assert "did not answer within 0.5 s" in answer.detail
