"""What the store can say of what is to come: how long a report takes, and what is before a waiting job.

See ports.py for what holds of all ports.
"""

from collections.abc import Sequence
from typing import Protocol

from prelo.core.job import Job
from prelo.core.records import Ahead, Made


class Outlook(Protocol):
    """A part of the store that only looks."""

    async def made(self, tenant: str, report: str, limit: int) -> Sequence[Made]:
        """What the last finished jobs of a tenant's report took, the last first."""
        ...

    async def waiting(self, tenant: str) -> int:
        """How many of a tenant's jobs are queued."""
        ...

    async def ahead(self, job: Job, most: int) -> Ahead:
        """What stands before a queued job in its lane, counted up to `most`, and how fast it goes on."""
        ...
