"""Where a new job stands among the others: behind its tenant's last one, and nobody else's (start-time fair
queuing: Goyal, Vin and Cheng, 1996).
"""

from typing import Any

from sqlalchemy import bindparam, func, select

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import NowMs, job
from prelo.core.job import Job, State
from prelo.ports import LANES

_LAST = select(func.max(job.c.fair_key)).where(
    job.c.tenant == bindparam("of_tenant"), job.c.state == State.QUEUED
)
_IN_SERVICE = select(func.max(job.c.fair_key)).where(
    job.c.state == State.RUNNING, job.c.priority == bindparam("of_priority")
)
_FIRST = [
    select(func.min(job.c.fair_key)).where(
        job.c.state == State.QUEUED,
        job.c.lane == lane,
        job.c.priority == bindparam("of_priority"),
    )
    for lane in LANES
]
# Every new job asks all of this: one statement costs what its trip costs.
_PLACES = select(
    NowMs().label("now"),
    _LAST.scalar_subquery().label("last"),
    _IN_SERVICE.scalar_subquery().label("served"),
    *(first.scalar_subquery() for first in _FIRST),
)


class FairKeys:
    """The keys that one transaction gives out."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._last: dict[str, int | None] = {}
        self._served: dict[int, int] = {}

    def next(self, draft: Job) -> int:
        """Behind the tenant's last queued job, and for one that has none behind what is being served: not
        behind what others have queued, however long that has been waiting. The draft's own fair_key is how
        far behind.
        """
        of = {"of_tenant": draft.tenant, "of_priority": draft.priority}
        if draft.priority not in self._served:
            self._look(of)
        if draft.tenant not in self._last:
            self._last[draft.tenant] = self._tx.connection.execute(_LAST, of).scalar()
        served = self._served[draft.priority]
        key = max(served, self._last[draft.tenant] or served) + draft.fair_key
        self._last[draft.tenant] = key
        return key

    def _look(self, of: dict[str, Any]) -> None:
        """What is being served; where nothing is, what will be next, or now if that is to come."""
        now, last, served, *firsts = tuple(self._tx.connection.execute(_PLACES, of).one())
        self._tx.at(now)
        self._last.setdefault(of["of_tenant"], last)
        found = [served] if served is not None else [*firsts, self._tx.now]
        self._served[of["of_priority"]] = min(key for key in found if key is not None)
