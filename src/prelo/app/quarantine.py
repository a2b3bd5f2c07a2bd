"""A report that crashed too often is said aloud: somebody has to look at it."""

import contextlib

from prelo.core.errors import PreloError
from prelo.core.job import Job
from prelo.ports import Ports


async def alarm(lost: Job, ports: Ports) -> None:
    """After a loss: an event if its report is in quarantine now."""
    with contextlib.suppress(PreloError):  # the store says it at the next loss, and in its health
        for found in await ports.store.quarantines():
            if (found.report, found.version) == (lost.report, lost.version):
                told = found.model_dump(exclude={"report"})
                ports.observer.event("report.quarantined", lost, **told)
