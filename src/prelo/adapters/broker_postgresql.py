"""Doorbells by PostgreSQL's LISTEN and NOTIFY: no broker at all, and good below a thousand reports a second.

A word that is passed on reaches every process that listens; each wakes one of its takers, and the first
to claim has the job. Nothing waits on the server: what nobody hears, a look into the store finds.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from prelo.core.errors import Misconfigured, Unavailable
from prelo.core.records import Bell, Obituary
from prelo.core.report import Lane
from prelo.handover import Handover
from prelo.ports import LANES

_CHANNEL = "prelo_lane_{lane}"
_CONNECT: dict[str, Any] = {
    "autocommit": True, "connect_timeout": 3, "keepalives_idle": 10, "keepalives_interval": 3,
    "keepalives_count": 3, "tcp_user_timeout": 10_000,
}  # fmt: skip
_SECONDS = 5.0  # for a word to be taken by the server
_AGAIN_SECONDS = 1.0  # after the connection that listens was lost


class PostgresqlBroker:
    """Port Broker. `url`: postgresql://user:password@host:5432/database, the store's or any other. There is
    no queue of dead letters: an obituary is confirmed, and nobody is told.
    """

    def __init__(self, url: str) -> None:
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise Misconfigured(
                "PRELO_BROKER is no address of a PostgreSQL database; write postgresql://user@host/database"
            ) from error
        self._url = url
        self._bells = Handover()
        self._speaking: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()
        self._hearing: asyncio.Task[None] | None = None

    async def check(self) -> None:
        async with self._speaker() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        if self._hearing:
            self._hearing.cancel()
            await asyncio.wait({self._hearing})
        if self._speaking:
            await self._speaking.close()

    async def ring(self, bell: Bell) -> None:
        channel = _CHANNEL.format(lane=bell.lane)
        async with self._speaker() as connection:
            await connection.execute("SELECT pg_notify(%s, %s)", (channel, bell.model_dump_json()))

    async def bury(self, obituary: Obituary) -> None: ...

    async def take(self, lanes: Collection[Lane], seconds: float) -> Bell | None:
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear())
        return await self._bells.take(lanes, seconds)

    async def ack(self, bell: Bell) -> None: ...

    async def depth(self, lane: Lane) -> int:
        return self._bells.waiting(lane)

    @asynccontextmanager
    async def _speaker(self) -> AsyncGenerator[psycopg.AsyncConnection[Any]]:
        """The connection that words are said on, one caller at a time; a broken one is given up."""
        try:
            async with self._turn, asyncio.timeout(_SECONDS):
                if self._speaking is None or self._speaking.closed:
                    self._speaking = await psycopg.AsyncConnection.connect(self._url, **_CONNECT)
                yield self._speaking
        except (psycopg.Error, OSError, TimeoutError) as error:
            raise Unavailable(
                "the database that passes doorbells on cannot be reached", 5
            ) from error

    async def _hear(self) -> None:
        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                connection = await psycopg.AsyncConnection.connect(self._url, **_CONNECT)
                async with connection:
                    for lane in LANES:
                        await connection.execute(f"LISTEN {_CHANNEL.format(lane=lane)}".encode())
                    async for word in connection.notifies():
                        self._bells.give(Bell.model_validate_json(word.payload))
            await asyncio.sleep(_AGAIN_SECONDS)
