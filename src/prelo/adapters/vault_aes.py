"""Secrets sealed by AES-256-GCM. The key is in the environment: the database alone can sign nothing."""

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prelo.core.errors import Misconfigured

_MARK, _PLAIN = "aes1.", "plain."
_KEY_BYTES, _NONCE_BYTES = 32, 12


class AesVault:
    """See prelo.couriers.Vault. `keys`: base64 of 32 random bytes each, separated by commas. The first one
    seals, all unseal: a new key is put in front, and the old one goes when all secrets were rotated.

    A secret that was kept before there was a key is still read.
    """

    def __init__(self, keys: str) -> None:
        self._keys = [AESGCM(_key(text.strip())) for text in keys.split(",")]

    def seal(self, secret: str, of: str) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._keys[0].encrypt(nonce, secret.encode(), of.encode())
        return _MARK + base64.b64encode(sealed).decode()

    def unseal(self, sealed: str, of: str) -> str:
        if sealed.startswith(_PLAIN):
            return sealed.removeprefix(_PLAIN)
        raw = base64.b64decode(sealed.removeprefix(_MARK))
        for key in self._keys:
            try:
                return key.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], of.encode()).decode()
            except InvalidTag:
                continue
        raise Misconfigured(
            f"no key of PRELO_SECRET_KEY opens the secret of {of}; put back the key that sealed it, "
            "or rotate the secret"
        )


def _key(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise Misconfigured(
            "PRELO_SECRET_KEY must be base64 of 32 random bytes; make one by: openssl rand -base64 32"
        )
    return key
