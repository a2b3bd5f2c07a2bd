"""Doorbells inside one process."""

import asyncio
from collections import deque
from collections.abc import Collection

from prelo.core.report import Lane
from prelo.ports import LANES, Bell

CAPACITY = 10_000


class MemoryBroker:
    """Port Broker. A full lane drops the bell: whoever rings is not kept waiting, and workers look
    into the store anyway. Each bell wakes one taker; a bell whose taker was cancelled goes to the next.
    """

    def __init__(self, url: str = "memory://", capacity: int = CAPACITY) -> None:
        del url  # the same signature for every technology
        self._capacity = capacity
        self._waiting: dict[Lane, deque[Bell]] = {lane: deque() for lane in LANES}
        self._takers: list[tuple[frozenset[Lane], asyncio.Future[Bell]]] = []

    async def check(self) -> None: ...

    async def close(self) -> None: ...

    async def ring(self, bell: Bell) -> None:
        if not self._hand_over(bell) and len(self._waiting[bell.lane]) < self._capacity:
            self._waiting[bell.lane].append(bell)

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        for lane in lanes:
            if self._waiting[lane]:
                return self._waiting[lane].popleft()
        hand: asyncio.Future[Bell] = asyncio.get_running_loop().create_future()
        taker = (frozenset(lanes), hand)
        self._takers.append(taker)
        try:
            await asyncio.wait([hand], timeout=seconds)
        except asyncio.CancelledError:
            # The bell may have come in the same turn of the loop as the cancel.
            if hand.done() and not self._hand_over(hand.result()):
                self._waiting[hand.result().lane].appendleft(hand.result())
            raise
        finally:
            if not hand.done():
                self._takers.remove(taker)
        return hand.result() if hand.done() else None

    async def ack(self, bell: Bell) -> None: ...

    async def depth(self, lane: Lane) -> int:
        return len(self._waiting[lane])

    def _hand_over(self, bell: Bell) -> bool:
        for taker in self._takers:
            lanes, hand = taker
            if bell.lane in lanes:
                self._takers.remove(taker)
                hand.set_result(bell)
                return True
        return False
