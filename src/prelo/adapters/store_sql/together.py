"""Calls that come while another one is under way go together in the next: one transaction for all.

Alone a call waits for nobody. Under load a transaction's costs (a commit on the disk, statements sent to
and fro) are shared by as many as came meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

_MOST = 64
A = TypeVar("A")
R = TypeVar("R")


class Together(Generic[A, R]):
    """`act` does several at once and gives each its result, or the error that is its alone; what it raises
    is everybody's. For one event loop.
    """

    def __init__(self, act: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]]) -> None:
        self._act = act
        self._waiting: list[tuple[A, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    async def __call__(self, ask: A) -> R:
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, result))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await result

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            try:
                answers = await self._act([ask for ask, _ in batch])
            except Exception as error:  # noqa: BLE001  raised where the calls were made
                answers = [error] * len(batch)
            for (_, result), answer in zip(batch, answers, strict=True):
                if (
                    result.done()
                ):  # its caller was cancelled; what it asked for is done all the same
                    continue
                if isinstance(answer, Exception):
                    result.set_exception(answer)
                else:
                    result.set_result(answer)
        self._running = None
