"""What it costs to know who asks: the same questions with keys, quotas and an audit, and without."""

import asyncio
from collections.abc import Iterator
from typing import Any

from bench.load.contestants import Contestant
from bench.load.driver import Callers

AUTHENTICATED = {
    "PRELO_AUTH": "keys",
    "PRELO_MAX_REQUESTS_PER_TENANT": "1000000",
    "PRELO_MAX_QUEUED_PER_TENANT": "1000000",
    "PRELO_MAX_ROWS_PER_TENANT": "1000000",
}
RATE = 20.0  # a second: far from what the machine can do


def asked(contestant: Contestant, numbers: Iterator[int], count: int) -> dict[str, list[float]]:
    """Seconds of so many POSTs, and of looks at their jobs."""
    return asyncio.run(_asked(contestant, numbers, count))


async def _asked(
    contestant: Contestant, numbers: Iterator[int], count: int
) -> dict[str, list[float]]:
    callers = Callers(contestant.url, contestant.path, key=contestant.key)
    found: dict[str, list[float]] = {"POST": [], "GET": []}
    async with callers.line() as line:
        for number in (next(numbers) for _ in range(count)):
            body: dict[str, Any] = contestant.body(number)
            seconds, said = await line.ask("POST", contestant.path, body)
            found["POST"].append(seconds)
            await asyncio.sleep(1 / RATE)
            seconds, _ = await line.ask("GET", f"{contestant.path}/{said['id']}")
            found["GET"].append(seconds)
            await asyncio.sleep(1 / RATE)
    return found
