"""Transactions on threads: a function of a Transaction goes in, its result comes out, committed.

A whole transaction is one hop to a thread (measured: twice as fast as an asyncio driver with a hop for
each statement), and a cancelled caller never leaves one half done.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from prelo.adapters.store_sql import postgresql, sqlite
from prelo.adapters.store_sql.engines import Engines
from prelo.adapters.store_sql.faults import Lost, translated
from prelo.adapters.store_sql.stirring import Stirring
from prelo.adapters.store_sql.tables import NowMs
from prelo.core.errors import Misconfigured, Unavailable

_QUEUE_SECONDS = 5.0  # how long a transaction waits for those of its own process
_CLOCK = select(NowMs())
T = TypeVar("T")


@dataclass
class Transaction:
    """A connection with a transaction begun on it. `rang`: it has made a doorbell due."""

    connection: Connection
    rang: bool = False

    @cached_property
    def now(self) -> int:
        """The database's time in ms, the same for all that this transaction decides."""
        return self.connection.execute(_CLOCK).scalar_one()

    def at(self, now: int) -> None:
        """The time as a statement of this transaction has brought it along, unless it is known already."""
        self.__dict__.setdefault("now", now)  # where a cached_property keeps its value


class Database:
    """What a store is on. Nothing is opened before use. Raises Misconfigured for a URL that is none."""

    def __init__(self, url: str) -> None:
        self._engines = found = _engines(url)
        self.name = found.name
        self.one_writer = found.writers == 1
        self._writing = _Threads(found.name, found.writing, found.writers)
        self._reading = _Threads(found.name, found.reading, found.readers)
        self._stirring = Stirring(found.listen)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """`work` without writing: on SQLite on one snapshot, elsewhere each statement on its own."""
        result, _ = await self._reading.run(work)
        return result

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` in a transaction that is committed; undone if it raises. On SQLite alone among writers."""
        result, rang = await self._writing.run(work)
        if rang:
            self._stirring.stir()
        return result

    async def stirred(self, seconds: float) -> None:
        """Until a transaction rang, of this process or of any that can be heard, or for `seconds`."""
        await self._stirring.wait(seconds)

    def create(self) -> None:
        """Make the database where that is the store's to do."""
        self._engines.create()

    async def close(self) -> None:
        await self._stirring.close()
        await self._reading.close()
        await self._writing.close()  # last: SQLite's last connection puts the WAL into the file


class _Threads:
    """An engine and as many threads as it has connections: whoever runs never waits for a connection."""

    def __init__(self, name: str, engine: Engine, number: int) -> None:
        self._name = name
        self._engine = engine
        self._executor = ThreadPoolExecutor(number, "store")
        self._closed = False

    async def run(self, work: Callable[[Transaction], T]) -> tuple[T, bool]:
        if self._closed:
            raise Unavailable("the store is closed")
        begun = self._executor.submit(self._run, work)
        waiting = asyncio.wrap_future(begun)
        try:
            await asyncio.wait({waiting}, timeout=_QUEUE_SECONDS)
            # One that has begun is waited for: what it claims must not be claimed for nobody.
            if not waiting.done() and begun.cancel():
                raise Unavailable(f"the database {self._name} is busy; ask again", 1)
            return await waiting
        finally:
            waiting.cancel()

    def _run(self, work: Callable[[Transaction], T]) -> tuple[T, bool]:
        with translated(self._name):
            try:
                return self._once(work)
            except Lost:
                # The server was started anew since the connection was made, and nothing was committed.
                return self._once(work)

    def _once(self, work: Callable[[Transaction], T]) -> tuple[T, bool]:
        """Raises Lost if the connection was gone before the commit."""
        with self._engine.begin() as connection:
            transaction = Transaction(connection)
            try:
                result = work(transaction)
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise Lost(error) from error
                raise
        return result, transaction.rang

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)
        await asyncio.to_thread(self._engine.dispose)


_MAKERS: dict[str, Callable[..., Engines]] = {
    "sqlite": sqlite.engines,
    "postgresql": postgresql.engines,
}


def _engines(url: str) -> Engines:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise Misconfigured("the store's URL is not one; write sqlite:///path/prelo.db") from error
    make = _MAKERS.get(parsed.get_backend_name())
    if make is None:
        raise Misconfigured(
            f"the store cannot be on {parsed.get_backend_name()} yet; use sqlite:///… or postgresql://…"
        )
    return make(parsed)
