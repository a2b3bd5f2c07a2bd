"""News inside one process: each word goes to all who listen to its topic now."""

import asyncio
from collections.abc import Collection, Generator
from contextlib import contextmanager

BACKLOG = 100


class Audience:
    """Where caches of every technology pass words on to the listeners of their process.

    A listener that lags more than `backlog` words behind loses the oldest.
    """

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._backlog = backlog
        self._listeners: dict[str, set[asyncio.Queue[str]]] = {}

    @property
    def topics(self) -> Collection[str]:
        """What anybody listens to."""
        return self._listeners.keys()

    def tell(self, topic: str, message: str) -> None:
        """To all of its listeners; never waits."""
        for queue in self._listeners.get(topic, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(message)

    @contextmanager
    def place(self, topic: str) -> Generator["Place"]:
        """A listener's place, for the block."""
        queue: asyncio.Queue[str] = asyncio.Queue(self._backlog)
        listeners = self._listeners.setdefault(topic, set())
        listeners.add(queue)
        try:
            yield Place(queue)
        finally:
            listeners.discard(queue)
            if not listeners and self._listeners.get(topic) is listeners:
                del self._listeners[topic]


class Place:
    """Port Watch."""

    def __init__(self, queue: asyncio.Queue[str]) -> None:
        self._queue = queue

    async def wait(self, seconds: float) -> str | None:
        """See the port."""
        try:
            async with asyncio.timeout(seconds):
                return await self._queue.get()
        except TimeoutError:
            return None
