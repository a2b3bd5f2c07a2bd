"""News inside one process, and what it keeps for itself."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prelo.audience import BACKLOG, Audience
from prelo.ports import Watch

_MOST = 10_000  # names that are kept; beyond, the oldest are forgotten


class MemoryCache:
    """Port Cache. A listener that lags more than `backlog` messages behind loses the oldest."""

    shared = False

    def __init__(self, url: str = "memory://", backlog: int = BACKLOG, most: int = _MOST) -> None:
        del url  # the same signature for every technology
        self._audience = Audience(backlog)
        self._most = most
        self._kept: dict[str, tuple[str, float]] = {}

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, topic: str, message: str) -> None:
        self._audience.tell(topic, message)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncGenerator[Watch]:
        with self._audience.place(topic) as place:
            yield place

    async def keep(self, name: str, text: str, seconds: float, *, over: bool = False) -> None:
        if over or await self.recall(name) is None:
            self._put(name, text, time.monotonic() + seconds)

    async def recall(self, name: str) -> str | None:
        text, until = self._kept.get(name, (None, 0.0))
        return text if time.monotonic() < until else None

    async def count(self, name: str, seconds: float) -> int | None:
        before = await self.recall(name)
        number, until = int(before or 0) + 1, time.monotonic() + seconds
        self._put(name, str(number), self._kept[name][1] if before else until)
        return number

    def _put(self, name: str, text: str, until: float) -> None:
        self._kept.pop(name, None)
        self._kept[name] = (text, until)
        while len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
