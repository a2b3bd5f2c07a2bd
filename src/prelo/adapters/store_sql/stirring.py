"""Hearing that a doorbell is due sooner than by looking: from this process, and from others where the
database passes words on (PostgreSQL's NOTIFY). It only saves time: whoever hears nothing looks.
"""

import asyncio
import contextlib
from typing import Any

_CHANNEL = "prelo_bells"
_AGAIN_SECONDS = 2.0  # after a connection was lost


class Stirring:
    """For one event loop. `address`: of a PostgreSQL database, or None where nothing passes words on."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._event = asyncio.Event()
        self._unsaid = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._hears = self._says = False
        self._own: int | None = None
        """Whose words are this process's, which it has heard already."""

    def stir(self) -> None:
        """A doorbell was made due by this process. The word to others follows the commit, outside of it:
        within it, it would make commits wait for each other.
        """
        self._event.set()
        self._unsaid.set()
        if self._address and not self._says:
            self._says = True
            self._tasks.append(asyncio.create_task(self._again(self._say)))

    async def wait(self, seconds: float) -> None:
        """Until somebody made one due, or for `seconds`."""
        if self._address and not self._hears:
            self._hears = True
            self._tasks.append(asyncio.create_task(self._again(self._hear)))
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return
        self._event.clear()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _again(self, talk: Any) -> None:
        """Talk on a connection of its own, and on another one when that is lost."""
        import psycopg  # of the extra "postgres"

        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                async with await psycopg.AsyncConnection.connect(
                    self._address or "", autocommit=True, connect_timeout=3
                ) as connection:
                    await talk(connection)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hear(self, connection: Any) -> None:
        await connection.execute(f"LISTEN {_CHANNEL}")
        async for word in connection.notifies():
            if word.pid != self._own:
                self._event.set()

    async def _say(self, connection: Any) -> None:
        self._own = connection.info.backend_pid
        while True:
            await self._unsaid.wait()
            self._unsaid.clear()  # several at once are one word
            await connection.execute(f"NOTIFY {_CHANNEL}")
