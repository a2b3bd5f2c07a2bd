"""How often a tenant may ask: requests in one minute, counted for all processes where the cache is shared.

The windows are those of the clock, so that every process counts in the same one. Where the cache cannot say,
nobody is refused: it is never needed to be right.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from prelo.core.errors import TooManyRequests
from prelo.core.rules import of_tenant
from prelo.ports import Cache

WINDOW = 60  # seconds


@dataclass(frozen=True, slots=True)
class Quota:
    """What is `left` of `limit` requests, until in `seconds` all of them are there again."""

    limit: int
    left: int
    seconds: int


class Rates:
    """`limits`: requests in a window by tenant; `*` for those that are not named."""

    def __init__(self, cache: Cache, limits: Mapping[str, int]) -> None:
        self._cache, self._limits = cache, limits

    async def taken(self, tenant: str) -> Quota | None:
        """One more request of this tenant; None where nothing limits them, or nobody can say. `left` is -1
        for one that is too many.
        """
        limit = of_tenant(self._limits, tenant)
        if limit is None:
            return None
        now = time.time()
        number = await self._cache.count(f"requests:{tenant}:{int(now // WINDOW)}", WINDOW)
        if number is None:
            return None
        left = WINDOW - int(now % WINDOW)
        return Quota(limit, max(limit - number, -1), left)


def check(quota: Quota | None) -> None:
    """Raises TooManyRequests for one that is too many."""
    if quota is not None and quota.left < 0:
        raise TooManyRequests(
            f"you may ask {quota.limit:,} times a minute, and have; ask again in {quota.seconds} s",
            quota.seconds,
        )
