"""Finished jobs, kept where asking is cheaper than in the store: a request that anybody's file answers is
answered from there.

An answer may be out of date, and that must do no harm: it serves callers who take a file of any age, says
nothing that was never true, and ends within a minute. Whoever then finds no job or no file behind it drops
it, so that asking again asks the store. All else is asked of the store: a request with an idempotency key,
every look at a job, every download.
"""

import time

from pydantic import ValidationError

from prelo.core.job import Job, State
from prelo.core.request import Order
from prelo.ports import Ports

_SECONDS = 60.0
# An answer that was read before the change and is written after it finds its place taken.
_CHANGED_SECONDS = 5.0


async def keep(job: Job, ports: Ports) -> None:
    """A finished job that answers its request now, as the store just said."""
    if not ports.cache.shared or job.state is not State.SUCCEEDED:
        return
    left = _SECONDS if job.expires_at is None else job.expires_at / 1000 - time.time()
    if left > 0:
        seconds = min(_SECONDS, left)
        await ports.cache.keep(_answer(job.fingerprint), job.model_dump_json(), seconds)
        await ports.cache.keep(_asked(job.id), job.fingerprint, seconds)


async def recall(order: Order, ports: Ports) -> Job | None:
    """The job that answered this request, perhaps until a minute ago."""
    if not ports.cache.shared:
        return None
    text = await ports.cache.recall(_answer(order.fingerprint))
    try:
        job = Job.model_validate_json(text) if text else None
    except ValidationError:  # of another version of this program, or nobody's
        return None
    if job is None or (job.tenant, job.scope) != (order.tenant, order.scope):
        return None
    return job if job.fingerprint == order.fingerprint else None


async def changed(job: Job, ports: Ports) -> None:
    """The request is not answered by what it was answered by."""
    if ports.cache.shared:
        await ports.cache.keep(_answer(job.fingerprint), "", _CHANGED_SECONDS, over=True)


async def gone(job_id: str, ports: Ports) -> None:
    """There is no file, or not even a job, of this id: nobody shall be sent there again."""
    fingerprint = await ports.cache.recall(_asked(job_id)) if ports.cache.shared else None
    if fingerprint:
        await ports.cache.keep(_answer(fingerprint), "", _CHANGED_SECONDS, over=True)


def _answer(fingerprint: str) -> str:
    """Tenant and scope are part of the fingerprint."""
    return f"answer:{fingerprint}"


def _asked(job_id: str) -> str:
    """What was asked for, of a job that may not be there any more."""
    return f"asked:{job_id}"
