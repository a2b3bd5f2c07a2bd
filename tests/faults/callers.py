"""Callers of a plant's API who do as they are told."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from tests.faults.plant import Plant, Up

Body = dict[str, Any]


def quick(k: int) -> Body:
    """What caller number k asks for."""
    return {"report": "quick", "format": "csv", "parameters": {"k": k}}


class Callers:
    """Ask one API for one job after the other, again where they are told to, and keep the answers."""

    def __init__(self, plant: Plant, api: Up, body: Callable[[int], Body] = quick) -> None:
        self._plant, self._body = plant, body
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{api.port}", timeout=30, trust_env=False
        )
        self.answers = Counter[int]()

    async def ask(self, numbers: Iterable[int], pause: float) -> None:
        async with self._http:
            for k in numbers:
                await self._ask(k)
                await asyncio.sleep(pause)

    async def _ask(self, k: int) -> None:
        for _ in range(600):
            answer = await self._http.post(
                "/v1/jobs", json=self._body(k), headers={"Idempotency-Key": f"k{k}"}
            )
            self.answers[answer.status_code] += 1
            if answer.status_code in {200, 201, 202}:
                self._plant.accepted.add(answer.json()["id"])
                return
            assert answer.status_code in {429, 503}, answer.text
            assert float(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(0.05)
        raise AssertionError("never accepted")
