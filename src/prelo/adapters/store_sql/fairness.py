"""Where a new job stands among the others: behind its tenant's last one, and nobody else's (start-time fair
queuing: Goyal, Vin and Cheng, 1996).
"""

from sqlalchemy import bindparam, func, select

from prelo.adapters.store_sql.database import Transaction
from prelo.adapters.store_sql.tables import job
from prelo.core.job import Job, State
from prelo.ports import LANES

_LAST = select(func.max(job.c.fair_key)).where(
    job.c.tenant == bindparam("of_tenant"), job.c.state == State.QUEUED
)
_IN_SERVICE = select(func.max(job.c.fair_key)).where(
    job.c.state == State.RUNNING, job.c.priority == bindparam("of_priority")
)
_FIRST = select(func.min(job.c.fair_key)).where(
    job.c.state == State.QUEUED,
    job.c.lane == bindparam("in_lane"),
    job.c.priority == bindparam("of_priority"),
)


class FairKeys:
    """The keys that one transaction gives out."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._last: dict[str, int] = {}
        self._served: dict[int, int] = {}

    def next(self, draft: Job) -> int:
        """Behind the tenant's last queued job, and for one that has none behind what is being served: not
        behind what others have queued, however long that has been waiting. The draft's own fair_key is how
        far behind.
        """
        served = self._of_service(draft.priority)
        last = self._last.get(draft.tenant)
        if last is None:
            last = self._tx.connection.execute(_LAST, {"of_tenant": draft.tenant}).scalar()
        key = max(served, last or served) + draft.fair_key
        self._last[draft.tenant] = key
        return key

    def _of_service(self, priority: int) -> int:
        """What is being served; where nothing is, what will be next, or now if that is to come."""
        if priority not in self._served:
            of = {"of_priority": priority}
            found = [self._tx.connection.execute(_IN_SERVICE, of).scalar()]
            if found == [None]:
                lanes = [{**of, "in_lane": lane} for lane in LANES]
                found = [self._tx.connection.execute(_FIRST, lane).scalar() for lane in lanes]
                found.append(self._tx.now)
            self._served[priority] = min(key for key in found if key is not None)
        return self._served[priority]
