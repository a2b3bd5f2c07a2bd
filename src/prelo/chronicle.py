"""The part of the port Store that listeners live on: how jobs stand, and what happened to them."""

from collections.abc import Collection, Mapping
from typing import Protocol

from prelo.core.news import Log, LogFilter, Standing


class Chronicle(Protocol):
    """How jobs stand, by the transition log. See the port Store."""

    async def standings(self, job_ids: Collection[str]) -> Mapping[str, Standing]:
        """Those of these jobs that there are, each with the number of its last transition, as they were at
        one moment; without orders.
        """
        ...

    async def heads(self, job_ids: Collection[str]) -> Mapping[str, int]:
        """The numbers of their last transitions alone, which is much less to read."""
        ...

    async def log(self, chosen: LogFilter) -> Log:
        """Transitions of a tenant after a cursor, oldest first; what happened before Prelo noted whose it
        was is not among them.
        """
        ...

    async def cursor(self, tenant: str) -> int:
        """A place in the tenant's log before which nothing will appear any more, a few seconds old: numbers
        are given when a transition is written, and seen when it is committed.
        """
        ...
