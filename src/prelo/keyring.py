"""The ports of who asks: API keys and the audit, which are kept in the store, and an issuer of tokens.

See ports.py for what holds of all ports.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from prelo.core.access import Key
from prelo.core.records import Act, AuditFilter, Entry, Noted


class Keyring(Protocol):
    """A part of the store. Each change is one transaction, together with its entry in the audit."""

    async def add_key(self, key: Key, act: Act, lasts_ms: int | None = None) -> Key:
        """Keep a new key, which ends in `lasts_ms`; as it is kept, with the store's times."""
        ...

    async def key(self, key_id: str) -> Key | None:
        """The key of this id, revoked and expired ones too."""
        ...

    async def keys(self, tenant: str | None = None, limit: int = 1000) -> Sequence[Key]:
        """The newest first."""
        ...

    async def rotate_key(self, key_id: str, fresh: Key, grace_ms: int, act: Act) -> Key | None:
        """Keep `fresh` in the place of a key, with its tenant, name, scopes, permissions and end. The old
        one ends in `grace_ms`, or earlier if it would have. None if there is no such key that lets anybody
        in, or it has been replaced already.
        """
        ...

    async def revoke_key(self, key_id: str, act: Act) -> Key | None:
        """From now on it lets nobody in. None if there is no such key, or it was revoked already."""
        ...

    async def keys_used(self, key_ids: Collection[str]) -> None:
        """They were, just now."""
        ...

    async def note(self, entries: Sequence[Entry], keep_ms: int) -> None:
        """Append to the audit. Now and then forget entries older than `keep_ms`."""
        ...

    async def audit(self, chosen: AuditFilter) -> Sequence[Noted]:
        """Who did what, newest first; it outlives the jobs."""
        ...


class Issuer(Protocol):
    """Who gives tokens to callers, and vouches for what is in them."""

    async def check(self) -> None:
        """See whether it can be reached and is who it should be; raises Unavailable with what is wrong."""
        ...

    async def claims(self, token: str) -> Mapping[str, Any]:
        """What a good token says. Raises Unauthenticated with what is wrong about any other; Unavailable when
        the issuer has never been reached, so that nothing can be said.
        """
        ...

    async def close(self) -> None: ...
