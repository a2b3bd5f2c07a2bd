"""News inside one process: each word goes to all who listen to its topic now. And what caches keep there."""

import asyncio
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager

BACKLOG = 1_000
_MOST = 10_000  # names that are kept; beyond, the oldest are forgotten


class Audience:
    """Where caches of every technology pass words on to the listeners of their process.

    A listener that lags more than `backlog` words behind loses the oldest.
    """

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._backlog = backlog
        self._listeners: dict[str, dict[str | None, set[asyncio.Queue[str]]]] = {}

    @property
    def topics(self) -> Collection[str]:
        """What anybody listens to."""
        return self._listeners.keys()

    def tell(self, topic: str, message: str) -> None:
        """To all of its listeners; never waits."""
        listeners = self._listeners.get(topic)
        for wanted in (None, message) if listeners else ():
            for queue in (listeners or {}).get(wanted, ()):
                if queue.full():
                    queue.get_nowait()
                queue.put_nowait(message)

    @contextmanager
    def place(self, topic: str, only: str | None = None) -> Generator["Place"]:
        """A listener's place, for the block. `only`: the one word it wants to hear."""
        queue: asyncio.Queue[str] = asyncio.Queue(self._backlog)
        wanted = self._listeners.setdefault(topic, {})
        listeners = wanted.setdefault(only, set())
        listeners.add(queue)
        try:
            yield Place(queue)
        finally:
            listeners.discard(queue)
            if not listeners and wanted.get(only) is listeners:
                del wanted[only]
            if not wanted and self._listeners.get(topic) is wanted:
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


class Memory:
    """The part of the port Cache that keeps, where nothing is shared: for this process alone. Of names beyond
    `most` the oldest are forgotten.
    """

    shared = False

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self.kept: dict[str, tuple[str, float]] = {}

    async def keep(self, name: str, text: str, seconds: float, *, over: bool = False) -> None:
        if over or self._found(name) is None:
            self._put(name, text, time.monotonic() + seconds)

    async def recall(self, name: str) -> str | None:
        return self._found(name)

    async def count(self, name: str, seconds: float, times: int = 1) -> int | None:
        before = self._found(name)
        number, until = int(before or 0) + times, time.monotonic() + seconds
        self._put(name, str(number), self.kept[name][1] if before else until)
        return number

    def _found(self, name: str) -> str | None:
        text, until = self.kept.get(name, (None, 0.0))
        return text if time.monotonic() < until else None

    def _put(self, name: str, text: str, until: float) -> None:
        self.kept.pop(name, None)
        self.kept[name] = (text, until)
        while len(self.kept) > self._most:
            del self.kept[next(iter(self.kept))]
