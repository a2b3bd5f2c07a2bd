"""What was made of texts is kept for the next time, in bounded memory."""

from collections.abc import Callable
from typing import TypeVar

MOST = 1_000_000  # characters, about 40 bytes each with what was made of them
ENTRY = 50  # what an entry takes besides, in characters

Key = TypeVar("Key", bound="tuple[str, *tuple[object, ...]]")
Value = TypeVar("Value")


class Kept(dict[Key, Value]):
    """What `make` makes of a text and whatever else is in its key. Past the bound, all is forgotten."""

    def __init__(self, make: Callable[[Key], Value]) -> None:
        super().__init__()
        self._make = make
        self._size = 0

    def __missing__(self, key: Key) -> Value:
        value = self._make(key)
        self._size += len(key[0]) + ENTRY
        if self._size > MOST:
            self.clear()
            self._size = len(key[0]) + ENTRY
        self[key] = value
        return value
