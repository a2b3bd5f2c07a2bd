"""The connections of a store, which each database makes in its own way."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class Engines:
    """Connections that write and connections that only read, and how many there may be of each.

    `name` is the database in words, without its password. `create` makes it where the store may.
    `listen`: where to hear of doorbells that other processes made due, if anywhere.
    """

    name: str
    writing: Engine
    writers: int
    reading: Engine
    readers: int
    create: Callable[[], None]
    listen: str | None = None
