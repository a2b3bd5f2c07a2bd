"""Functions for the reports in reports.yaml: each misbehaves in its own way."""

import ctypes
import os
import time
from collections.abc import Iterator
from typing import Any

from prelo.core.errors import SourceUnavailable


def many() -> Iterator[list[dict[str, int]]]:
    for start in range(0, 100_000, 500):
        yield [{"n": n} for n in range(start, start + 500)]


def endless() -> Any:
    while True:
        pass


def slow() -> Iterator[list[dict[str, int]]]:
    for start in range(0, 2_000_000, 2_000):
        time.sleep(0.05)
        yield [{"n": n} for n in range(start, start + 2_000)]


def hungry() -> Any:
    held = []
    while True:
        held.append(b"x" * 10_000_000)


def large() -> Iterator[list[dict[str, str]]]:
    for _ in range(100):
        yield [{"text": os.urandom(50).hex()} for _ in range(1000)]


def segfault() -> Any:
    ctypes.string_at(0)


def raises() -> Any:
    rates = {"EUR": 1.0}
    return [{"rate": rates["USD"]}]


def nonsense() -> Any:
    return 42


def prints() -> Any:
    print("{}\n" * 3, flush=True)
    os.write(1, b'{"pressed": 1}\n')
    return [{"n": 1}]


def never_ends() -> Iterator[list[dict[str, str]]]:
    while True:
        yield [{"text": os.urandom(500).hex()} for _ in range(2000)]


def wordy() -> Any:
    raise ValueError("half a surrogate \udcff and much more " + "x" * 70_000_000)


def chatty() -> Iterator[list[dict[str, int]]]:
    for n in range(3_000):
        yield [{"n": n}]


def away() -> Any:
    raise SourceUnavailable("the warehouse does not answer")
