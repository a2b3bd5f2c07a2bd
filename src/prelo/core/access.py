"""Who may come in, and what for: scopes, permissions, and API keys.

A key reads `prelo_<id>_<secret><checksum>`. The id names it in lists and logs and is no secret. The checksum
tells a typing error, and what a scanner found in some text, from a key; it keeps nobody out. Only a digest
of the secret is stored. It is a plain SHA-256: slow hashes are for passwords, which can be guessed, while a
secret of 178 random bits cannot, and every request would pay for the slowness.
"""

import hashlib
import hmac
import re
import zlib
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from prelo.core.canonical import canonical
from prelo.core.errors import Unauthenticated
from prelo.core.model import Model

Scope = Literal["reports:read", "jobs:read", "jobs:write", "dead:write", "admin"]
SCOPES: tuple[Scope, ...] = ("reports:read", "jobs:read", "jobs:write", "dead:write", "admin")
USUAL: tuple[Scope, ...] = ("reports:read", "jobs:read", "jobs:write")

PREFIX = "prelo_"
ID_LENGTH, SECRET_LENGTH = 12, 30  # of 62 letters and digits: 71 and 178 bits
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH = 6
_FORM = re.compile(
    rf"{PREFIX}([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH}}})(\w{{{_CHECK_LENGTH}}})"
)
_LONGEST = 255  # characters of what is stored with each job

Name = Annotated[str, Field(min_length=1, max_length=_LONGEST)]


class Key(Model):
    """What is known of an API key; times in ms since 1970 by the store's clock, None: never.

    `digest` is the SHA-256 of its secret. `used_at` may be a minute late. `ended`: why it lets nobody in, as
    of the look into the store. `replaced_by`: the key that was made in its place; this one then ends at
    `expires_at`.
    """

    id: str
    tenant: Name
    name: Name
    scopes: tuple[Scope, ...] = USUAL
    permissions: tuple[str, ...] = ()
    digest: str
    created_at: int = 0
    expires_at: int | None = None
    used_at: int | None = None
    revoked_at: int | None = None
    replaced_by: str | None = None
    ended: Literal["revoked", "expired"] | None = None

    @field_validator("tenant", "name")
    @classmethod
    def _in_one_line(cls, value: str) -> str:
        return in_one_line(value)

    @field_validator("permissions")
    @classmethod
    def _each_named_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(
            name and name == name.strip() and name.isprintable() and "," not in name
            for name in names
        ):
            raise ValueError("a permission is a printable name without commas, as finance")
        return tuple(sorted(set(names)))

    def fits(self, digest: str) -> bool:
        """Whether this is the digest of its secret; takes the same time wherever they differ."""
        return hmac.compare_digest(self.digest, digest)


class Presented(NamedTuple):
    """What a caller showed: the id of a key, and the digest of its secret."""

    id: str
    digest: str


def in_one_line(value: str) -> str:
    """A name that can stand in a log. Raises ValueError for one that cannot."""
    if not value.isprintable() or value != value.strip():
        raise ValueError("use printable characters, without spaces at the ends")
    return value


def spelled(key_id: str, secret: str) -> str:
    """The whole key, as it is shown once."""
    text = f"{PREFIX}{key_id}_{secret}"
    return text + _checksum(text)


def presented(text: str) -> Presented:
    """Read a key. Raises Unauthenticated for a text that never was one."""
    match = _FORM.fullmatch(text)
    if match is None or _checksum(text[:-_CHECK_LENGTH]) != match[3]:
        raise Unauthenticated(
            "this is not an API key as Prelo makes them: a character is wrong or missing"
        )
    return Presented(match[1], digest_of(match[2]))


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(text: str) -> str:
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK_LENGTH):
        number, rest = divmod(number, len(LETTERS))
        letters = LETTERS[rest] + letters
    return letters


def scope_of(permissions: Iterable[str]) -> str:
    """A set of permissions as one text: equal sets, however they are ordered, have equal ones."""
    names = sorted(set(permissions))
    text = ",".join(names)
    if len(text) <= _LONGEST and not any("," in name for name in names):
        return text
    return "sha256:" + hashlib.sha256(canonical(names)).hexdigest()
