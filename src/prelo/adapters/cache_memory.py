"""News inside one process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

BACKLOG = 100


class MemoryCache:
    """Port Cache. A listener that lags more than `backlog` messages behind loses the oldest."""

    def __init__(self, url: str = "memory://", backlog: int = BACKLOG) -> None:
        del url  # the same signature for every technology
        self._backlog = backlog
        self._listeners: dict[str, set[asyncio.Queue[str]]] = {}

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def publish(self, topic: str, message: str) -> None:
        for queue in self._listeners.get(topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncGenerator["_Watch"]:
        queue: asyncio.Queue[str] = asyncio.Queue(self._backlog)
        listeners = self._listeners.setdefault(topic, set())
        listeners.add(queue)
        try:
            yield _Watch(queue)
        finally:
            listeners.discard(queue)
            if not listeners and self._listeners.get(topic) is listeners:
                del self._listeners[topic]


class _Watch:
    def __init__(self, queue: asyncio.Queue[str]) -> None:
        self._queue = queue

    async def wait(self, seconds: float) -> str | None:
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None
