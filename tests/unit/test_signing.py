"""Signatures, checked by the standard's own vector and its own library."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from prelo.core.signing import key_of, secret_of, signed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRETS = st.binary(min_size=24, max_size=64).map(secret_of)


def now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_the_standards_own_vector_comes_out():
    found = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', [SECRET])
    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(SECRETS, SECRETS, st.dictionaries(st.text(), st.text()))
def test_the_official_library_verifies_with_the_new_secret_and_with_the_old_one(
    new: str, old: str, content: dict[str, str]
):
    import json

    body = json.dumps(content).encode()
    headers = signed("id", now(), body, [new, old])
    assert Webhook(new).verify(body, headers) == content
    assert Webhook(old).verify(body, headers) == content


@pytest.mark.parametrize(
    "change",
    [{"webhook-id": "other"}, {"webhook-timestamp": str(now() - 1)}, {}],
    ids=["another id", "another time", "another body"],
)
def test_what_was_changed_on_the_way_is_refused(change: dict[str, str]):
    headers = signed("id", now(), b'{"a":1}', [SECRET])
    body = b'{"a":1}' if change else b'{"a":2}'
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, headers | change)


def test_a_secret_is_read_with_and_without_its_padding():
    secret = secret_of(b"x" * 32)
    assert secret.startswith("whsec_")
    assert key_of(secret) == key_of(secret.rstrip("=")) == b"x" * 32
