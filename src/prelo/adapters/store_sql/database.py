"""Transactions on threads: a function of a Transaction goes in, its result comes out, committed.

A whole transaction is one hop to a thread (measured: twice as fast as an asyncio driver with a hop for
each statement), and a cancelled caller never leaves one half done.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from prelo.adapters.store_sql.faults import translated
from prelo.adapters.store_sql.tables import NowMs
from prelo.core.errors import Misconfigured, Unavailable

_READERS = 3
_BUSY_SECONDS = 5.0  # how long a statement waits for a lock of another process
_SWITCH_SECONDS = 0.02  # between two tries at what cannot wait by itself
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


class Database:
    """An SQLite file with one writing connection and a few reading ones. Nothing is opened before use."""

    def __init__(self, url: str) -> None:
        self._path = _path(url)
        self.name = str(self._path)
        self._writing = _Threads(self.name, _sqlite(self._path, 1, "BEGIN IMMEDIATE"), 1)
        self._reading = _Threads(self.name, _sqlite(self._path, _READERS, "BEGIN"), _READERS)
        self._stir = asyncio.Event()

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """`work` on one snapshot."""
        result, _ = await self._reading.run(work)
        return result

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """`work` alone among all writers, committed; undone if it raises."""
        result, rang = await self._writing.run(work)
        if rang:
            self._stir.set()
        return result

    async def stirred(self, seconds: float) -> None:
        """Until a transaction of this process rang, or for `seconds`."""
        try:
            await asyncio.wait_for(self._stir.wait(), seconds)
        except TimeoutError:
            return
        self._stir.clear()

    def create(self) -> None:
        """Make the file, empty, if it is not there; nothing else ever makes one."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch()
        except OSError as error:
            raise Misconfigured(f"{self.name} cannot be created: {error.strerror}") from error

    async def close(self) -> None:
        await self._reading.close()
        await self._writing.close()  # last: the last connection puts the WAL into the file


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
        with translated(self._name), self._engine.begin() as connection:
            transaction = Transaction(connection)
            result = work(transaction)
        return result, transaction.rang

    async def close(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._executor.shutdown)
        await asyncio.to_thread(self._engine.dispose)


def _path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise Misconfigured("the store's URL is not one; write sqlite:///path/prelo.db") from error
    if parsed.get_backend_name() != "sqlite":
        raise Misconfigured(
            f"the store cannot be on {parsed.get_backend_name()} yet; use sqlite:///…"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise Misconfigured("the store needs a file; write sqlite:///path/prelo.db")
    return Path(parsed.database)


def _sqlite(path: Path, connections: int, begin: str) -> Engine:
    engine = create_engine(
        "sqlite://",
        creator=lambda: _connect(path),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "checkout")
    def _checkout(_: object, record: ConnectionPoolEntry, __: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # A file that was removed or replaced lives on in whoever has it open, and what is written dies
        # with the process: a new connection sees what is there now, or says that nothing is.
        if record.info.setdefault("file", _file(path)) != _file(path):
            raise DisconnectionError("the file is another one now")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        # a transaction that reads first and asks for the write lock later is refused, not queued
        connection.exec_driver_sql(begin)

    return engine


def _file(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # BEGIN is ours
        check_same_thread=False,  # the pool hands a connection to one thread at a time
    )
    try:
        _into_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _into_wal(connection: sqlite3.Connection) -> None:
    """The switch of a new file, which several may be making at this moment.

    SQLite's own waiting does not hold for it: who finds that another one is about to write is told at once.
    """
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_SWITCH_SECONDS)  # on a thread of the store's; the event loop goes on
        else:
            return
