"""SQLite: one file, one writer at a time, a few readers. Nothing is opened before use."""

import sqlite3
import time
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from prelo.adapters.store_sql.engines import Engines
from prelo.core.errors import Misconfigured

_READERS = 3
_BUSY_SECONDS = 5.0  # how long a statement waits for a lock of another process
_SWITCH_SECONDS = 0.02  # between two tries at what cannot wait by itself


def engines(url: URL) -> Engines:
    """For a URL like sqlite:///path/prelo.db. Raises Misconfigured for one without a file."""
    if not url.database or url.database == ":memory:":
        raise Misconfigured("the store needs a file; write sqlite:///path/prelo.db")
    path = Path(url.database)
    return Engines(
        name=str(path),
        writing=_engine(path, 1, "BEGIN IMMEDIATE"),
        writers=1,
        reading=_engine(path, _READERS, "BEGIN"),
        readers=_READERS,
        create=lambda: _create(path),
    )


def _create(path: Path) -> None:
    """Make the file, empty, if it is not there; nothing else ever makes one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise Misconfigured(f"{path} cannot be created: {error.strerror}") from error


def _engine(path: Path, connections: int, begin: str) -> Engine:
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
