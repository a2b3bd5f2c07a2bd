"""Who asks, by what they show: an API key, or a token of an issuer."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection
from typing import Literal

from prelo.core.access import PREFIX, Key, Presented, presented
from prelo.core.claims import ClaimNames, caller_by
from prelo.core.errors import PreloError, Unauthenticated
from prelo.core.request import Caller
from prelo.ports import Ports

Kind = Literal["keys", "oidc"]
_FRESH_SECONDS = 3.0  # how long a key that was revoked elsewhere may still open this door
_MOST = 10_000  # keys that are remembered, and as many ids that are none
_USED_SECONDS = 60.0


class Doorman:
    """Knows callers by one or both of `kinds`; by none of them, whoever comes is anybody. For one event
    loop.
    """

    def __init__(self, ports: Ports, kinds: Collection[Kind], names: ClaimNames) -> None:
        self._ports, self._kinds, self._names = ports, frozenset(kinds), names
        self._known = _Remembered()
        self._unknown = _Remembered()  # apart: whoever guesses ids pushes out no real key
        self._looks: dict[str, asyncio.Task[Key | None]] = {}
        self._uses = _Uses(ports)

    @property
    def asks(self) -> bool:
        """Whether callers have to say who they are."""
        return bool(self._kinds)

    async def caller(self, shown: str | None) -> Caller:
        """`shown` is the value of Authorization. Raises Unauthenticated, Forbidden for a token that lacks
        something, and Unavailable when nobody can say.
        """
        if not self.asks:
            return Caller()
        scheme, _, text = (shown or "").strip().partition(" ")
        text = text.strip()
        if not shown or scheme.lower() != "bearer" or not text:
            raise Unauthenticated(
                f"say who you are: send the header 'Authorization: Bearer …' with {self._wanted()}",
                given=bool(shown),
            )
        if text.startswith(PREFIX):
            return await self._by_key(text)
        return await self._by_token(text)

    def _wanted(self) -> str:
        words = {"keys": "an API key (prelo keys create)", "oidc": "a token of your issuer"}
        return " or ".join(said for kind, said in words.items() if kind in self._kinds)

    async def _by_key(self, text: str) -> Caller:
        if "keys" not in self._kinds:
            raise Unauthenticated(f"API keys are not taken here; send {self._wanted()}")
        shown = presented(text)
        key = await self._key(shown)
        if key is None or not key.fits(shown.digest):
            raise Unauthenticated(
                "there is no such API key; have a new one made by prelo keys create"
            )
        if key.ended is not None:
            how = "was revoked" if key.ended == "revoked" else "has expired"
            raise Unauthenticated(f"the API key {key.id} {how}; have a new one made")
        self._uses.note(key.id)
        return Caller.known(key.tenant, f"key:{key.id}", key.scopes, key.permissions)

    async def _by_token(self, text: str) -> Caller:
        issuer = self._ports.issuer
        if "oidc" not in self._kinds or issuer is None:
            raise Unauthenticated(
                f"this is not an API key, which begins with {PREFIX}; send {self._wanted()}"
            )
        return caller_by(await issuer.claims(text), self._names)

    async def _key(self, shown: Presented) -> Key | None:
        """As the store said a few seconds ago at most. Many who come with one key ask once."""
        for remembered in (self._known, self._unknown):
            if remembered.has(shown.id):
                return remembered.of(shown.id)
        look = self._looks.get(shown.id)
        if look is None:
            look = asyncio.create_task(self._look(shown.id))
            self._looks[shown.id] = look
        return await asyncio.shield(look)  # of whom one may hang up

    async def _look(self, key_id: str) -> Key | None:
        try:
            key = await self._ports.store.key(key_id)
        finally:
            del self._looks[key_id]
        (self._unknown if key is None else self._known).put(key_id, key)
        return key

    async def close(self) -> None:
        await self._uses.close()


class _Remembered:
    """What the store said of keys, the oldest first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[Key | None, float]] = OrderedDict()

    def has(self, key_id: str) -> bool:
        return key_id in self._kept and time.monotonic() < self._kept[key_id][1]

    def of(self, key_id: str) -> Key | None:
        return self._kept[key_id][0]

    def put(self, key_id: str, key: Key | None) -> None:
        self._kept.pop(key_id, None)
        self._kept[key_id] = (key, time.monotonic() + _FRESH_SECONDS)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)


class _Uses:
    """When keys were last used: written beside the requests, for each key at most once a minute."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._written: OrderedDict[str, float] = OrderedDict()
        self._waiting: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def note(self, key_id: str) -> None:
        now = time.monotonic()
        if now - self._written.get(key_id, float("-inf")) < _USED_SECONDS:
            return
        self._written.pop(key_id, None)
        self._written[key_id] = now
        while len(self._written) > _MOST:
            self._written.popitem(last=False)
        self._waiting.add(key_id)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        while self._waiting:
            used, self._waiting = self._waiting, set()
            try:
                await self._ports.store.keys_used(used)
            except PreloError as error:  # the next use, a minute later, is written again
                self._ports.observer.event("keys.unwritten", count=len(used), detail=error.detail)

    async def close(self) -> None:
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2)
