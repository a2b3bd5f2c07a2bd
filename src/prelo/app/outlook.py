"""What a request will take, and when a waiting job's turn comes: estimates, of which nothing is promised."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from prelo.app.tables import count_rows
from prelo.core.errors import PreloError
from prelo.core.job import Job, State
from prelo.core.model import Model
from prelo.core.parameters import typed
from prelo.core.report import Report
from prelo.core.request import Order
from prelo.ports import Ports, Source

_LAST = 20  # finished jobs that an estimate is made of
_SECONDS = 0.5  # for the source to say how many rows there will be
_COUNTING = 2  # at once; whoever comes then is not told
_FARTHEST = 1_000  # jobs before one that are counted


class Estimate(Model):
    """`rows` as the source counts them; `seconds` and `size` are the medians of the last `jobs` with a file
    of this report. None: not known.
    """

    rows: int | None
    seconds: float | None
    size: int | None
    jobs: int


class Queue(Model):
    """`position` 1 is the next one; None: too far. `eta_seconds`: until the file, perhaps."""

    position: int | None
    eta_seconds: float | None


class Estimates:
    """Of one process. Sources are only opened when somebody asks: most processes never do."""

    def __init__(self, ports: Ports, sources: Callable[[], Mapping[str, Source]]) -> None:
        self._ports, self._open = ports, sources
        self._sources: Mapping[str, Source] | None = None
        self._threads = ThreadPoolExecutor(_COUNTING, "counting")
        self._counting = 0

    async def of(self, order: Order, report: Report) -> Estimate:
        """Within half a second. Raises Unavailable where the store cannot say what there was."""
        made = await self._ports.store.made(order.tenant, order.report, _LAST)
        rows = await self._rows(order, report)
        if not made:
            return Estimate(rows=rows, seconds=None, size=None, jobs=0)
        return Estimate(
            rows=rows,
            seconds=round(median(one.ms for one in made) / 1000, 3),
            size=round(median(one.size for one in made)),
            jobs=len(made),
        )

    async def _rows(self, order: Order, report: Report) -> int | None:
        if self._counting >= _COUNTING:
            return None
        self._counting += 1
        counting = asyncio.get_running_loop().run_in_executor(
            self._threads, self._count, order, report
        )
        counting.add_done_callback(self._counted)
        done, _ = await asyncio.wait({counting}, timeout=_SECONDS)
        return counting.result() if done else None

    def _counted(self, counting: "asyncio.Future[int | None]") -> None:
        self._counting -= 1
        if not counting.cancelled():
            counting.exception()  # told to who still waits

    def _count(self, order: Order, report: Report) -> int | None:
        """On a thread: drivers block. A connection that this process has not, or anything else: not known."""
        try:
            if self._sources is None:
                self._sources = self._open()
            parameters = typed(report.parameters, order.parameters)
            return count_rows(report, parameters, self._sources, many=order.format == "xlsx")
        except PreloError:
            return None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


async def queue_of(job: Job, now: int, ports: Ports) -> Queue | None:
    """Where a waiting job stands, by one look. `now` in ms. None for one that does not wait.

    As if all before it took as long as this report does, in as many slots as run jobs of its lane now.
    """
    if job.state is not State.QUEUED:
        return None
    ahead = await ports.store.ahead(job, _FARTHEST)
    if ahead.jobs >= _FARTHEST:
        return Queue(position=None, eta_seconds=None)
    eta = None
    if ahead.typical_ms is not None:
        turns = 1 + (ahead.jobs + ahead.running) // max(ahead.running, 1)
        eta = round((max(job.run_at - now, 0) + turns * ahead.typical_ms) / 1000, 1)
    return Queue(position=ahead.jobs + 1, eta_seconds=eta)
