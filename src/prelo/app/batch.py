"""Small jobs that were claimed together: attempted one after the other, and settled together.

A claim and its settling cost as much as a report of some rows, for one job or for eight. Nobody waits long
for a neighbour: when their time is over, what is made is settled and who has not begun goes back, unharmed.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence

from prelo.app.produce import Lease, Made, Terms, attempt, settle
from prelo.core import job as transitions
from prelo.core.job import Job
from prelo.ports import Ports, Press

_PATIENCE = 1.0  # seconds for all but the one that is under way then
_BRIEF = 0.5  # seconds that the jobs of one claim are expected to take
_MOST = 8


class Pace:
    """How many jobs a slot claims at once: `most`. More than one only while each takes a moment, and the
    backlog has as many as were asked for.
    """

    def __init__(self) -> None:
        self.most = 1

    def told(self, jobs: int, seconds: float) -> None:
        """So many were claimed, and took so long."""
        brief = int(_BRIEF * jobs / max(seconds, 1e-6))
        self.most = max(1, min(2 * self.most if jobs == self.most else jobs, brief, _MOST))


async def attempts(jobs: Sequence[Job], ports: Ports, press: Press, terms: Terms) -> None:
    """Make an attempt of each of these jobs, which were just claimed under `terms.owner`, and settle it."""
    waiting = deque(Lease(job, ports, terms) for job in jobs)
    until = time.monotonic() + min(_PATIENCE, terms.margin / 2)
    made: list[Made] = []
    while waiting and not (made and (terms.recall.is_set() or time.monotonic() > until)):
        turn = asyncio.create_task(attempt(waiting.popleft(), press))
        try:
            if made or waiting:
                await asyncio.wait({turn}, timeout=max(0, until - time.monotonic()))
            if not turn.done():
                await _settled(made, waiting)
            made.append(await turn)
        finally:
            if not turn.done():
                turn.cancel()
                await asyncio.wait({turn})
    await _settled(made, waiting)


async def _settled(made: list[Made], waiting: deque[Lease]) -> None:
    """Settle what is made, and give the others back. Both are empty then."""
    them = [*made, *(Made(lease, transitions.release) for lease in waiting)]
    made.clear()
    waiting.clear()
    await asyncio.gather(*map(settle, them))
