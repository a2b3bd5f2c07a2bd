"""News between processes by PostgreSQL's LISTEN and NOTIFY, where there is no Redis. What is kept is kept in
this process alone.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from prelo.audience import Audience, Memory
from prelo.core.errors import Misconfigured, Unavailable
from prelo.ports import Watch

# One channel for all topics: the names of channels are short, those of tenants are not.
_LISTEN = b"LISTEN prelo_news"
_SAY = b"SELECT pg_notify('prelo_news', word) FROM unnest(%s::text[]) AS word"
_CONNECT: dict[str, Any] = {
    "autocommit": True, "connect_timeout": 3, "keepalives_idle": 10, "keepalives_interval": 3,
    "keepalives_count": 3, "tcp_user_timeout": 10_000, "application_name": "prelo news",
}  # fmt: skip
_SECONDS = 2.0  # that anybody waits for the server
_AGAIN_SECONDS = 1.0  # after a connection was lost
_BACKLOG = 1_000  # words that wait to be said; beyond, the oldest are forgotten
_LONGEST = 7_000  # bytes of a word; the server takes 8,000


class PostgresqlCache(Memory):
    """Port Cache, for one event loop. `url`: postgresql://user:password@host:5432/database, the store's or
    any other. Words are said a moment later and several at once: no caller waits for them, and no commit
    of the store's does.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # What it raises may hold the password, so it is not even kept as the cause.
            raise Misconfigured(
                "PRELO_CACHE is no address of a PostgreSQL database; write "
                "postgresql://user@host/database"
            ) from None
        self._url = url
        self._audience = Audience()
        self._words: dict[str, None] = {}  # a word that waits already is not said twice
        self._unsaid = asyncio.Event()
        self._heard = asyncio.Event()  # set while the server has confirmed that we listen
        self._deaf = False
        self._talks: dict[str, asyncio.Task[None]] = {}

    async def check(self) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                connection = await psycopg.AsyncConnection.connect(self._url, **_CONNECT)
                async with connection:
                    await connection.execute(_SAY, ([],))
        except (psycopg.Error, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable("the database that passes news on cannot be reached", 5) from error

    async def close(self) -> None:
        for task in self._talks.values():
            task.cancel()
        if self._talks:
            await asyncio.wait(self._talks.values())

    async def publish(self, topic: str, message: str) -> None:
        word = f"{topic}\n{message}"
        if len(word.encode()) > _LONGEST:  # nobody is sure to hear a word anyway
            return
        self._words[word] = None
        while len(self._words) > _BACKLOG:
            del self._words[next(iter(self._words))]
        self._unsaid.set()
        self._begin("say")

    @asynccontextmanager
    async def listen(self, topic: str, only: str | None = None) -> AsyncGenerator[Watch]:
        with self._audience.place(topic, only) as place:
            self._begin("hear")
            await self._attend()
            yield place

    async def _attend(self) -> None:
        """Until what is said will be heard; where the server does not answer, not for long."""
        if self._deaf:
            return
        try:
            async with asyncio.timeout(_SECONDS):
                await self._heard.wait()
        except TimeoutError:
            self._deaf = True  # until it answers: nobody else waits in vain

    def _begin(self, talk: str) -> None:
        if talk not in self._talks:
            talking = self._hear if talk == "hear" else self._say
            self._talks[talk] = asyncio.create_task(self._always(talking))

    async def _always(self, talk: Any) -> None:
        """Talk on a connection of its own, and on another one when that is lost."""
        while True:
            with contextlib.suppress(psycopg.Error, OSError):
                connection = await psycopg.AsyncConnection.connect(self._url, **_CONNECT)
                async with connection:
                    await talk(connection)
            if talk == self._hear:
                self._deaf = True
                self._heard.clear()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(_LISTEN)
        self._heard.set()
        self._deaf = False
        async for word in connection.notifies():
            topic, _, message = word.payload.partition("\n")
            self._audience.tell(topic, message)

    async def _say(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            await self._unsaid.wait()
            self._unsaid.clear()
            words, self._words = list(self._words), {}
            async with asyncio.timeout(_SECONDS):
                await connection.execute(_SAY, (words,))
