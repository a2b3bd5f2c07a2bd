"""News inside one process, and what it keeps for itself."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prelo.audience import BACKLOG, Audience, Memory
from prelo.ports import Watch


class MemoryCache(Memory):
    """Port Cache. A listener that lags more than `backlog` messages behind loses the oldest."""

    def __init__(self, url: str = "memory://", backlog: int = BACKLOG, most: int = 10_000) -> None:
        super().__init__(most)
        del url  # the same signature for every technology
        self._audience = Audience(backlog)

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, topic: str, message: str) -> None:
        self._audience.tell(topic, message)

    @asynccontextmanager
    async def listen(self, topic: str, only: str | None = None) -> AsyncGenerator[Watch]:
        with self._audience.place(topic, only) as place:
            yield place
