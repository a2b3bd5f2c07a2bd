"""Doorbells inside one process."""

from collections.abc import Collection

from prelo.core.records import Bell, Obituary
from prelo.core.report import Lane
from prelo.handover import CAPACITY, Handover


class MemoryBroker:
    """Port Broker. A full lane drops the bell: whoever rings is not kept waiting. There is no queue of dead
    letters: an obituary is confirmed, and nobody is told.
    """

    def __init__(self, url: str = "memory://", capacity: int = CAPACITY) -> None:
        del url  # the same signature for every technology
        self._bells = Handover(capacity)

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def ring(self, bell: Bell) -> None:
        self._bells.give(bell)

    async def bury(self, obituary: Obituary) -> None: ...

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        return await self._bells.take(lanes, seconds)

    async def ack(self, bell: Bell) -> None: ...

    async def depth(self, lane: Lane) -> int:
        return self._bells.waiting(lane)
