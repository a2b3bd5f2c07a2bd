"""Signatures by Standard Webhooks 1.0: HMAC-SHA256 over id, time of the try, and body."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_of(random: bytes) -> str:
    """How a receiver is told its secret."""
    return PREFIX + base64.b64encode(random).decode()


def key_of(secret: str) -> bytes:
    """The bytes that sign. Some write the secret without the = at its end."""
    return base64.b64decode(secret.removeprefix(PREFIX) + "==")


def signed(notice_id: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a try at this time, in seconds since 1970; a signature for each secret, so that a
    receiver may know the old one or the new one.
    """
    text = f"{notice_id}.{at}.".encode() + body
    marks = [hmac.new(key_of(secret), text, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mark).decode()}" for mark in marks),
    }
