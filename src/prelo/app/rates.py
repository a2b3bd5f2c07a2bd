"""How often a tenant may ask: requests in one minute, counted for all processes where the cache is shared.

The windows are those of the clock, so that every process counts in the same one. Where the cache cannot say,
nobody is refused: it is never needed to be right. Far below the limit no request waits for the cache: what
others took is known from a moment ago, and said beside the work.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from prelo.core.errors import TooManyRequests
from prelo.core.rules import of_tenant
from prelo.ports import Cache

WINDOW = 60  # seconds
_MOMENT = 1.0  # seconds that what was heard of others is good for
_FAR = 0.9  # of the limit: below, a moment of others does not matter


@dataclass(frozen=True, slots=True)
class Quota:
    """What is `left` of `limit` requests, until in `seconds` all of them are there again."""

    limit: int
    left: int
    seconds: int


class Rates:
    """`limits`: requests in a window by tenant; `*` for those that are not named. For one event loop."""

    def __init__(self, cache: Cache, limits: Mapping[str, int]) -> None:
        self._cache, self._limits = cache, limits
        self._window = 0
        self._tallies: dict[str, _Tally] = {}

    async def taken(self, tenant: str) -> Quota | None:
        """One more request of this tenant; None where nothing limits them, or nobody can say. `left` is -1
        for one that is too many.
        """
        limit = of_tenant(self._limits, tenant)
        if limit is None:
            return None
        now = time.time()
        if (window := int(now // WINDOW)) != self._window:
            self._window, self._tallies = window, {}
        if tenant not in self._tallies:
            self._tallies[tenant] = _Tally(self._cache, f"requests:{tenant}:{window}")
        number = await self._tallies[tenant].one_more(limit)
        if number is None:
            return None
        left = WINDOW - int(now % WINDOW)
        return Quota(limit, max(limit - number, -1), left)


class _Tally:
    """Requests of a tenant in one window: this process's, and those of others as the cache last said."""

    def __init__(self, cache: Cache, name: str) -> None:
        self._cache, self._name = cache, name
        self._mine = self._said = 0
        self._others: int | None = None
        self._heard = 0.0
        self._saying: asyncio.Task[None] | None = None

    async def one_more(self, limit: int) -> int | None:
        """Its number; None when the cache says nothing."""
        self._mine += 1
        number = self._mine
        saying = self._begun()
        if not self._sure(number, limit):
            await asyncio.shield(saying)  # of those who wait, one may hang up
            while self._said < number and self._others is not None:
                await asyncio.shield(self._begun())
        return None if self._others is None else self._others + number

    def _begun(self) -> "asyncio.Task[None]":
        if self._saying is None:
            self._saying = asyncio.create_task(self._say())
        return self._saying

    def _sure(self, number: int, limit: int) -> bool:
        """Whether the answer is the same whatever others did in the last moment, or nearly."""
        if self._others is None:
            return False
        fresh = time.monotonic() - self._heard < _MOMENT
        known = self._others + number  # others take more, never fewer
        return known > limit or (fresh and known <= _FAR * limit)

    async def _say(self) -> None:
        """What nobody has said yet; those who come meanwhile are the next one's, so that nobody waits for
        them.
        """
        try:
            fresh = self._mine - self._said
            total = await self._cache.count(self._name, WINDOW, fresh)
            self._others = None if total is None else max(total - fresh - self._said, 0)
            if total is not None:
                self._said += fresh
                self._heard = time.monotonic()
        finally:
            self._saying = None
        if self._others is not None and self._said < self._mine:
            self._begun()


def check(quota: Quota | None) -> None:
    """Raises TooManyRequests for one that is too many."""
    if quota is not None and quota.left < 0:
        raise TooManyRequests(
            f"you may ask {quota.limit:,} times a minute, and have; ask again in {quota.seconds} s",
            quota.seconds,
        )
