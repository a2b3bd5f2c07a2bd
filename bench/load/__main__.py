"""`make bench-service`: Prelo, and a Celery program that does the same, on real servers of this machine.

    python -m tests.servers python -m bench.load [--quick] [--docs FOLDER]

Everything runs on the same cores: callers, both programs' processes, PostgreSQL, RabbitMQ, Redis and the S3
server. The two take turns. Compare ratios, not seconds.
"""

import argparse
import asyncio
import json
import os
import platform
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.markdown import Markdown

from bench.load import contestants, doors, table
from bench.load.contestants import Contestant, counted
from bench.load.data import SMALL_ROWS, fill
from bench.load.driver import Callers

CONSOLE = Console(width=130)
TURNS, JOBS, WARM_UP = 3, 1200, 60
MANY = {10: 300, 100: 100}  # times fifty rows, and how many such reports
FIRST_JOBS, LAST_JOBS, BIG_ROWS, BIG_TURNS = 500, 5000, 1_000_000, 3
_SMALL_RATE = 5.0  # a second, beside a big report
_WAIT = 60.0  # seconds in which not one report is finished
CALLS = 200  # of each kind in a turn
Start = Callable[[Path, dict[str, str]], AbstractContextManager[Contestant]]
PROGRAMS: dict[str, Start] = {"Prelo": contestants.prelo, "Celery": contestants.celery}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.load", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs, in one turn")
    parser.add_argument(
        "--only", choices=["load", "sizes", "big", "memory", "callers"], help="one part of it"
    )
    parser.add_argument(
        "--docs", type=Path, help="write service.md and service.json there; other parts stay"
    )
    options = parser.parse_args()
    scale = 0.1 if options.quick else 1.0
    parts = {"load": _load, "sizes": _sizes, "big": _big, "memory": _memory, "callers": _callers}
    found = _known(options.docs) | {
        "python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count(),
    }  # fmt: skip
    with _database(int(BIG_ROWS * scale)) as database, contestants.servers(database) as at:
        for name, part in parts.items():
            if options.only in {None, name}:
                with CONSOLE.status(name):
                    found[name] = part(at, scale)
                CONSOLE.log(name, found[name])
    text = table.markdown(found)
    CONSOLE.print(Markdown(text))
    if options.docs:
        options.docs.mkdir(parents=True, exist_ok=True)
        (options.docs / "service.md").write_text(text)
        (options.docs / "service.json").write_text(json.dumps(found, indent=1) + "\n")


def _known(docs: Path | None) -> dict[str, Any]:
    """What an earlier run has found."""
    path = docs / "service.json" if docs else None
    return json.loads(path.read_text()) if path and path.exists() else {}


@contextmanager
def _database(big_rows: int) -> Generator[str]:
    server = os.environ["TESTS_POSTGRESQL"]
    name = f"bench_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
        url = server.rpartition("/")[0] + f"/{name}"
        fill(url, big_rows)
        yield url
        connection.execute(f"drop database {name} with (force)".encode())


@contextmanager
def _running(name: str, at: dict[str, str]) -> Generator[tuple[Contestant, Iterator[int]]]:
    """A program that is warm, and numbers that nobody has asked for yet."""
    with (
        tempfile.TemporaryDirectory() as folder,
        PROGRAMS[name](Path(folder) / "place", at) as contestant,
    ):
        numbers = count(secrets.randbelow(1_000_000) * 1000)
        asyncio.run(_finished(contestant, numbers, WARM_UP))
        yield contestant, numbers


async def _finished(
    contestant: Contestant, numbers: Iterator[int], jobs: int, report: str = "small", **more: int
) -> dict[str, Any]:
    """Ask for so many as fast as they are taken, and wait until all are finished."""
    before, cpu, began = counted(contestant), contestant.cpu(), time.perf_counter()
    callers = Callers(contestant.url, contestant.path)
    bodies = (contestant.body(next(numbers), report, **more) for _ in range(jobs))
    seconds = await callers.together(bodies)
    asked = time.perf_counter() - began
    await _until(contestant, before + jobs)
    took = time.perf_counter() - began
    used = {name: spent - cpu[name] for name, spent in contestant.cpu().items()}
    return {
        "rate": jobs / took, "submits": jobs / asked, "submit_ms": _percentiles(seconds),
        "cpu_ms": {name: 1000 * spent / jobs for name, spent in used.items()},
    }  # fmt: skip


async def _until(contestant: Contestant, number: int) -> None:
    until, before = time.monotonic() + _WAIT, 0
    while (now := counted(contestant)) < number:
        if now > before:
            until, before = time.monotonic() + _WAIT, now
        elif time.monotonic() > until:
            raise TimeoutError(f"{contestant.name}: {now} of {number} reports were finished")
        await asyncio.sleep(0.1)


async def _steady(
    contestant: Contestant, numbers: Iterator[int], rate: float, jobs: int
) -> dict[str, float]:
    before = counted(contestant)
    callers = Callers(contestant.url, contestant.path)
    bodies = (contestant.body(next(numbers)) for _ in range(jobs))
    seconds = await callers.steadily(bodies, rate)
    await _until(contestant, before + jobs)
    return _percentiles(seconds)


def _percentiles(seconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=100)
    return {"p50": 1000 * cuts[49], "p95": 1000 * cuts[94], "p99": 1000 * cuts[98]}


def _load(at: dict[str, str], scale: float) -> dict[str, Any]:
    """Small reports: how many a second, and how long a caller waits at 70 % of that."""
    turns = TURNS if scale == 1 else 1
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROGRAMS}
    for _ in range(turns):
        for name in PROGRAMS:
            with _running(name, at) as (contestant, numbers):
                full = asyncio.run(_finished(contestant, numbers, int(JOBS * scale)))
                rate = 0.7 * full["rate"]
                full["steady_ms"] = asyncio.run(
                    _steady(contestant, numbers, rate, int(JOBS * scale / 2))
                )
                found[name].append(full)
    return found


def _sizes(at: dict[str, str], scale: float) -> dict[str, dict[str, list[float]]]:
    """Reports a second of more rows, by their number."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(TURNS if scale == 1 else 1):
        for name in PROGRAMS:
            with _running(name, at) as (contestant, numbers):
                for many, jobs in MANY.items():
                    asked = _finished(contestant, numbers, int(jobs * scale), "more", many=many)
                    of = found.setdefault(str(many * SMALL_ROWS), {})
                    of.setdefault(name, []).append(asyncio.run(asked)["rate"])
    return found


def _big(at: dict[str, str], scale: float) -> list[dict[str, Any]]:
    """A million rows from PostgreSQL into an XLSX on S3, while small reports go on."""
    with _running("Prelo", at) as (contestant, numbers):
        return [
            asyncio.run(_beside(contestant, numbers)) for _ in range(BIG_TURNS if scale == 1 else 1)
        ]


async def _beside(contestant: Contestant, numbers: Iterator[int]) -> dict[str, Any]:
    callers = Callers(contestant.url, contestant.path)
    before = counted(contestant)
    body = contestant.body(next(numbers), "big")
    async with callers.line() as line:
        await line.post(contestant.path, body)
        asked = 0
        until = time.monotonic() + _WAIT
        while not (took := _took(contestant, "big", 1)) and time.monotonic() < until:
            await line.post(contestant.path, contestant.body(next(numbers)))
            asked += 1
            await asyncio.sleep(1 / _SMALL_RATE)
    await _until(contestant, before + asked + 1)
    small = _took(contestant, "small", asked)
    with psycopg.connect(contestant.database, autocommit=True) as connection:
        connection.execute("delete from job where report = 'big'")
    return {"seconds": took[0], "small_ms": _percentiles(small), "small": asked}


def _took(contestant: Contestant, report: str, last: int) -> list[float]:
    """Seconds from the request to the end, of the last finished ones."""
    query = (
        "select (finished_at - created_at) / 1000.0 from job where report = %s and state = 'succeeded' "
        "order by created_at desc limit %s"
    )
    with psycopg.connect(contestant.database, autocommit=True) as connection:
        return [float(row[0]) for row in connection.execute(query, (report, last))]


def _memory(at: dict[str, str], scale: float) -> dict[str, dict[str, int]]:
    """Of every process, after the first reports and after ten times as many."""
    first, last = int(FIRST_JOBS * scale), int(LAST_JOBS * scale)
    with _running("Prelo", at) as (contestant, numbers):
        asyncio.run(_finished(contestant, numbers, first))
        early = contestant.memory()
        asyncio.run(_finished(contestant, numbers, last - first))
        late = contestant.memory()
    return {name: {"first": early[name], "last": late[name]} for name in early}


def _callers(at: dict[str, str], scale: float) -> dict[str, dict[str, float]]:
    """p95 in ms of asking and of looking, with keys, quotas and audit, and without; in turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(3 if scale == 1 else 1):
        for kind, more in (("without", None), ("with", doors.AUTHENTICATED)):
            with (
                tempfile.TemporaryDirectory() as folder,
                contestants.prelo(Path(folder) / "place", at, more) as contestant,
            ):
                numbers = count(secrets.randbelow(1_000_000) * 1000)
                doors.asked(contestant, numbers, 20)
                for name, seconds in doors.asked(contestant, numbers, CALLS).items():
                    found.setdefault(name, {}).setdefault(kind, []).extend(seconds)
    return {
        name: {kind: _percentiles(seconds)["p95"] for kind, seconds in of.items()}
        for name, of in found.items()
    }


if __name__ == "__main__":
    main()
