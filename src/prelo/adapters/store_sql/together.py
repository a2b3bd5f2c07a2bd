"""Equal questions that are asked at the same time are asked of the database once."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """Whoever asks while an equal question is under way shares the next one with all who come until then. So
    no answer is older than its question, as if each had asked alone.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, question: Hashable, ask: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """The answer, and whether this call was the one that asked. An error is everybody's."""
        before = self._under_way.get(question)
        shared = self._next.get(question)
        if before and shared:
            return await asyncio.shield(shared), False
        task = asyncio.create_task(self._asked(question, ask, before))
        (self._next if before else self._under_way)[question] = task
        # A caller who gives up takes nobody's answer away.
        return await asyncio.shield(task), True

    async def _asked(
        self,
        question: Hashable,
        ask: Callable[[], Awaitable[Any]],
        before: asyncio.Task[Any] | None,
    ) -> Any:
        if before:
            await asyncio.wait({before})
            self._under_way[question] = self._next.pop(question)
        try:
            return await ask()
        finally:
            if question not in self._next:
                del self._under_way[question]
