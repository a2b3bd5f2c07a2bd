"""Callers of a plant's API who do as they are told."""

import asyncio
from collections import Counter
from typing import Any

import httpx

from tests.faults.plant import Plant, Up


class Callers:
    """Ask one API for one job after the other, again where they are told to, and keep the answers."""

    def __init__(self, plant: Plant, api: Up, report: str = "quick") -> None:
        self._plant, self._report = plant, report
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{api.port}", timeout=30, trust_env=False
        )
        self.answers = Counter[int]()

    async def ask(self, numbers: range, pause: float) -> None:
        async with self._http:
            for k in numbers:
                await self._ask(k)
                await asyncio.sleep(pause)

    async def _ask(self, k: int) -> None:
        body: dict[str, Any] = {"report": self._report, "format": "csv", "parameters": {"k": k}}
        for _ in range(600):
            answer = await self._http.post(
                "/v1/jobs", json=body, headers={"Idempotency-Key": f"k{k}"}
            )
            self.answers[answer.status_code] += 1
            if answer.status_code in {200, 202}:
                self._plant.accepted.add(answer.json()["id"])
                return
            assert answer.status_code in {429, 503}, answer.text
            assert float(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(0.05)
        raise AssertionError("never accepted")
