"""Doorbells inside one process: each goes to one of those who wait, or waits itself."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Collection

from prelo.core.report import Lane
from prelo.ports import LANES, Bell

CAPACITY = 10_000


class Handover:
    """Where brokers of every technology hand bells to the takers of their process.

    A full lane drops the bell: workers look into the store anyway. A bell whose taker was cancelled goes
    to the next.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._waiting: dict[Lane, deque[Bell]] = {lane: deque() for lane in LANES}
        self._takers: list[tuple[frozenset[Lane], asyncio.Future[Bell]]] = []

    def give(self, bell: Bell) -> None:
        """To whoever waits for its lane, else keep it."""
        if not self._to_taker(bell) and len(self._waiting[bell.lane]) < self._capacity:
            self._waiting[bell.lane].append(bell)

    def forget(self, bell: Bell) -> None:
        """Keep it no longer, if nobody has taken it."""
        with contextlib.suppress(ValueError):
            self._waiting[bell.lane].remove(bell)

    def waiting(self, lane: Lane) -> int:
        """How many bells nobody has taken yet."""
        return len(self._waiting[lane])

    def wanted(self, lane: Lane) -> bool:
        """Whether somebody waits for a bell of this lane."""
        return any(lane in lanes for lanes, _ in self._takers)

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        """See the port."""
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
            if hand.done() and not self._to_taker(hand.result()):
                self._waiting[hand.result().lane].appendleft(hand.result())
            raise
        finally:
            if not hand.done():
                self._takers.remove(taker)
        return hand.result() if hand.done() else None

    def _to_taker(self, bell: Bell) -> bool:
        for taker in self._takers:
            lanes, hand = taker
            if bell.lane in lanes:
                self._takers.remove(taker)
                hand.set_result(bell)
                return True
        return False
