"""Who may be told: one webhook or one address, and no address that could say more than where."""

import smtplib
from email.headerregistry import Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prelo.core.channel import Channel, is_address
from prelo.core.request import Request

GOOD = ["ana@example.com", "a.b+c@x-y.example.co", "o'neil@example.com", "1@1.de", "A@EXAMPLE.com"]
BAD = [
    "", "ana", "@example.com", "ana@", "ana@example", "ana@@example.com", "a b@example.com",
    "ana@exam ple.com",
    "ana@example.com\r\nBcc: eve@evil.com", "ana@example.com\n", "ana@example.com,eve@evil.com",
    "Ana <ana@example.com>", '"a b"@example.com', "ana@[127.0.0.1]", ".ana@example.com", "a..b@example.com",
    "ana@-example.com", "ana@example-.com", "ana@example..com", "änna@example.com", "ana@exämple.com",
    "x" * 65 + "@example.com", "a@" + "x" * 64 + ".com", "a@" + "x." * 126 + "com", "ana@example.com\0",
    "a@b.com@c.com", "a(comment)@b.com", "a@b.com>",
]  # fmt: skip


@pytest.mark.parametrize("address", GOOD)
def test_usual_addresses_are_taken(address: str):
    assert Channel(email=address).kind == "email"


@pytest.mark.parametrize("address", BAD)
def test_what_is_no_plain_address_is_refused(address: str):
    with pytest.raises(ValidationError, match="no mail address that can be used"):
        Channel(email=address)


@given(st.text(max_size=40) | st.from_regex(r"[^@]{1,20}@[^@]{1,20}", fullmatch=True))
def test_whatever_is_taken_is_one_address_for_the_standard_library_too(text: str):
    if is_address(text):
        assert Address(addr_spec=text).addr_spec == text
        assert smtplib.quoteaddr(text) == f"<{text}>"


@pytest.mark.parametrize(
    "given", [{}, {"webhook": "wh_" + "0" * 24, "email": "ana@example.com"}, {"webhook": "wh_1"},
              {"webhook": "' or 1=1"}, {"sms": "1"}],
)  # fmt: skip
def test_a_channel_is_one_webhook_or_one_address(given: dict[str, str]):
    with pytest.raises(ValidationError):
        Channel.model_validate(given)


def test_an_address_is_one_channel_however_its_host_is_written():
    assert Channel(email="Ana@EXAMPLE.com").target == Channel(email="Ana@example.com").target
    assert Channel(email="Ana@example.com").target == "Ana@example.com"


def test_at_most_ten_are_told():
    body = {"report": "sales", "notify": [{"email": f"a{n}@example.com"} for n in range(11)]}
    with pytest.raises(ValidationError, match="at most 10"):
        Request.model_validate(body)
