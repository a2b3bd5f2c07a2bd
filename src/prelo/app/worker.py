"""Many attempts at once: doorbells wake slots, a slot claims a job and makes one attempt after another."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prelo.app.produce import Terms, attempt
from prelo.core.errors import PreloError
from prelo.core.job import Job
from prelo.core.report import Lane
from prelo.core.topics import CANCELS
from prelo.ports import LANES, Ports

T = TypeVar("T")
_PAUSE = 1.0  # after an error of the store or the broker, in seconds


async def work(
    ports: Ports, terms: Terms, stop: asyncio.Event, *, slots: int, look: float, grace: float
) -> None:
    """Run jobs in `slots` slots until `stop`; then wait up to `grace` seconds for what runs, and give the
    rest back unharmed. `look`: seconds between a free slot's looks into the store.
    """
    ports.observer.event("worker.started", owner=terms.owner, slots=slots)

    def slot(number: int) -> _Slot:
        own = replace(terms, owner=f"{terms.owner}.{number}")
        return _Slot(ports, own, stop, lanes_of(number, slots), look)

    running = [asyncio.create_task(slot(number).run()) for number in range(slots)]
    stopping = asyncio.create_task(stop.wait())
    # Held as long as it works: no attempt has to begin and end listening itself.
    async with ports.cache.listen(CANCELS):
        await asyncio.wait({stopping, *running}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()  # also when a slot broke: the process must not live on with fewer than it should have
        await asyncio.wait(running, timeout=grace)
        terms.recall.set()
        await asyncio.wait(running)  # all: one that broke must not keep the others from giving back
    for ended in running:
        ended.result()
    ports.observer.event("worker.stopped", owner=terms.owner)


def lanes_of(number: int, slots: int) -> tuple[Lane, ...]:
    """The lanes a slot serves. The first of several takes small jobs only, so that a small job never
    stands behind large ones; jobs that killed a worker run in the last slot only.
    """
    if slots == 1:
        return LANES
    if number == 0:
        return ("small",)
    return LANES if number == slots - 1 else ("small", "large")


@dataclass
class _Slot:
    """Makes one attempt after another. `unsure`: what its last claim took, if anything, is not known."""

    ports: Ports
    terms: Terms
    stop: asyncio.Event
    lanes: Collection[Lane]
    look: float
    unsure: bool = False

    async def run(self) -> None:
        press = await self.ports.presses.start()
        try:
            while not self.stop.is_set():
                job = await self._next()
                if job is not None:
                    await attempt(job, self.ports, press, self.terms)
        finally:
            await press.close()

    async def _next(self) -> Job | None:
        """The next job: from the backlog, or after a doorbell, or after a look. None: ask again."""
        broker, observer = self.ports.broker, self.ports.observer
        try:
            job = await self._claim()
            if job is not None:
                observer.event("job.claimed", job, by="backlog")
                return job
            bell = await _unless(self.stop, broker.take(self.lanes, self.look))
            if self.stop.is_set():
                return None
            job = await self._claim()
            if bell is not None:
                # After the claim, whatever it found: the row is the truth, the doorbell has done its work.
                await broker.ack(bell)
            if job is not None:
                observer.event("job.claimed", job, by="look" if bell is None else "bell")
        except PreloError as error:
            observer.event("worker.waits", detail=error.detail)
            await _unless(self.stop, asyncio.sleep(_PAUSE))
            return None
        return job

    async def _claim(self) -> Job | None:
        again, self.unsure = self.unsure, True
        job = await self.ports.store.claim(
            self.lanes, self.terms.owner, self.terms.lease_ms, again=again
        )
        self.unsure = False
        return job


async def _unless(stop: asyncio.Event, waiting: Coroutine[Any, Any, T]) -> T | None:
    """What `waiting` brings; None as soon as `stop` is set."""
    wanted, stopping = asyncio.create_task(waiting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({wanted, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return wanted.result() if wanted.done() else None
    finally:
        wanted.cancel()
        stopping.cancel()
