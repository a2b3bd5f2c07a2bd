"""What people do with a broker in the tests."""

import asyncio

from prelo.core.errors import PreloError
from prelo.core.report import Lane
from prelo.ports import Bell, Broker


def bell(job: str, lane: Lane = "small") -> Bell:
    return Bell(lane=lane, job_id=job)


async def ringing(broker: Broker, job: str, seconds: float = 30) -> list[PreloError]:
    """Ring until it is confirmed, as the relay does; the errors on the way."""
    errors: list[PreloError] = []
    async with asyncio.timeout(seconds):
        while True:
            try:
                await broker.ring(bell(job))
            except PreloError as error:
                errors.append(error)
                await asyncio.sleep(0.1)
            else:
                return errors


async def taken(broker: Broker, seconds: float = 10) -> str | None:
    """The job of the next bell, acknowledged."""
    found = await broker.take(["small"], seconds)
    if found is not None:
        await broker.ack(found)
    return found and found.job_id


async def hears(broker: Broker, job: str, seconds: float = 30) -> None:
    """Take until this job's bell comes. Others may come again: each may be repeated."""
    async with asyncio.timeout(seconds):
        while await taken(broker) != job:
            pass
