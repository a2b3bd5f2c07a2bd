"""Webhooks as they go over the network: what is sent, what ends a try, and that nothing goes inside."""

import datetime as dt
import json
import ssl
import time
from collections.abc import Sequence
from email.utils import format_datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from prelo.adapters.notice_webhook import WebhookCourier
from prelo.core.notice import told
from prelo.couriers import Parcel
from tests.contracts.test_couriers import BASE, SECRET
from tests.receivers.web import (
    Behaviour,
    Receiver,
    cut,
    drip,
    nonsense,
    slowly,
    status,
    stream,
)
from tests.servers.certificates import certify
from tests.unit.test_notice import job

OLD = "whsec_" + "b2xk" * 8


class Names:
    """A resolver of our own: what it says the first time, the second time, and so on."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def parcel(url: str, *secrets: str) -> Parcel:
    notice = told(job(), "webhook", "wh_1", "h", 1)
    return Parcel(notice=notice, url=url, secrets=secrets or (SECRET,))


async def test_it_is_a_signed_cloudevent_in_structured_mode():
    async with Receiver() as receiver:
        answer = await WebhookCourier(BASE, local=True).carry(parcel(receiver.url, SECRET, OLD))
    assert answer.ok
    (got,) = receiver.got
    assert got.line == "POST /hook HTTP/1.1"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    for secret in (SECRET, OLD):
        event = Webhook(secret).verify(got.body, got.headers)
        assert event["id"] == got.id
        assert event == json.loads(got.body)
    assert len(got.body) < 20_000


@pytest.mark.parametrize("code", [200, 201, 204, 299])
async def test_every_2xx_is_a_success(code: int):
    async with Receiver(status(code)) as receiver:
        assert (await WebhookCourier(local=True).carry(parcel(receiver.url))).ok


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(code: int):
    async with Receiver() as other, Receiver(status(code, location=other.url)) as receiver:
        answer = await WebhookCourier(local=True).carry(parcel(receiver.url))
        assert other.touched == 0
    assert not answer.ok
    assert "not followed" in answer.detail


@pytest.mark.parametrize(
    ("code", "trouble"),
    [(400, False), (401, False), (404, False), (429, True), (500, True), (502, True), (504, True)],
)
async def test_an_error_is_tried_again_and_the_hosts_trouble_is_told_from_the_callers(
    code: int, *, trouble: bool
):
    async with Receiver(status(code, b"why\x00 not")) as receiver:
        answer = await WebhookCourier(local=True).carry(parcel(receiver.url))
    assert (answer.ok, answer.final, answer.trouble, answer.status) == (False, False, trouble, code)
    assert answer.excerpt == "why\N{REPLACEMENT CHARACTER} not"


def in_an_hour() -> str:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    return format_datetime(at, usegmt=True)


@pytest.mark.parametrize(
    ("said", "ms"),
    [("120", 120_000), ("in an hour", 3_600_000), ("9" * 30, 86_400_000), ("soon", 0), ("-5", 0),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("", 0)],
)  # fmt: skip
async def test_retry_after_is_heard_up_to_a_day(said: str, ms: int):
    said = in_an_hour() if said == "in an hour" else said
    async with Receiver(status(429, retry_after=said)) as receiver:
        answer = await WebhookCourier(local=True).carry(parcel(receiver.url))
    assert answer.retry_after_ms == pytest.approx(ms, abs=60_000 if ms == 3_600_000 else 0)


@pytest.mark.parametrize(
    "behaviour", [drip, nonsense, cut, slowly(9, status(200))], ids=["drips", "ssh", "cuts", "slow"]
)
async def test_whatever_a_receiver_does_the_try_ends_with_a_sentence(behaviour: Behaviour):
    began = time.monotonic()
    async with Receiver(behaviour) as receiver:
        answer = await WebhookCourier(local=True, seconds=0.5).carry(parcel(receiver.url))
    assert time.monotonic() - began < 2
    assert (answer.ok, answer.trouble) == (False, True)
    assert answer.detail
    assert str(receiver.port) not in answer.detail


async def test_an_answer_without_end_is_cut_after_64_kib_and_counts_by_its_status():
    async with Receiver(stream) as receiver:
        answer = await WebhookCourier(local=True, seconds=5).carry(parcel(receiver.url))
    assert (answer.ok, answer.status, len(answer.excerpt)) == (False, 500, 1024)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["93.184.215.14", "127.0.0.1"],
        ["::1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
    ],
)
async def test_a_name_that_leads_inside_gets_not_one_byte(addresses: list[str]):
    async with Receiver() as sink:
        names = Names(addresses)
        answer = await WebhookCourier(resolve=names).carry(
            parcel(f"https://hooks.example.com:{sink.port}/")
        )
        assert sink.touched == 0
    assert names.asked == 1
    assert not answer.ok
    assert "not public" in answer.detail


async def test_a_name_that_turns_inside_after_it_was_checked_gets_not_one_byte():
    async with Receiver() as sink:
        names = Names(["93.184.215.14"], ["127.0.0.1"])
        answer = await WebhookCourier(resolve=names, seconds=0.5).carry(
            parcel(f"https://hooks.example.com:{sink.port}/")
        )
        assert sink.touched == 0
    assert names.asked == 1, "it was resolved again after it was checked"
    assert not answer.ok


async def test_a_url_that_is_refused_today_is_not_sent_to_whenever_it_was_let_in():
    async with Receiver() as sink:
        answer = await WebhookCourier().carry(parcel(sink.url))
        assert sink.touched == 0
    assert answer.final


async def test_tls_asks_for_the_name_and_connects_to_the_address_that_was_checked(
    tmp_path: Path,
):
    cert = certify(tmp_path, "hooks.example.com")
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, tmp_path / "key.pem")
    asked: list[str | None] = []
    server.sni_callback = lambda _, name, __: asked.append(name)
    async with Receiver(tls=server) as receiver:
        told = parcel(f"https://hooks.example.com:{receiver.port}/a?b=c")
        courier = WebhookCourier(
            local=True,
            resolve=Names(["127.0.0.1"]),
            trust=ssl.create_default_context(cafile=str(cert)),
        )
        assert (await courier.carry(told)).ok
        assert asked == ["hooks.example.com"]
        assert receiver.got[0].headers["host"] == f"hooks.example.com:{receiver.port}"
        assert receiver.got[0].line == "POST /a?b=c HTTP/1.1"
        stranger = WebhookCourier(local=True, resolve=Names(["127.0.0.1"]))
        answer = await stranger.carry(told)
        assert "certificate" in answer.detail
        assert len(receiver.got) == 1


async def test_a_name_that_nobody_knows_is_a_sentence():
    answer = await WebhookCourier(seconds=5).carry(parcel("https://nobody.invalid/"))
    assert "cannot be resolved" in answer.detail
    assert answer.trouble
