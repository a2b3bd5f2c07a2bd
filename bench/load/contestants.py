"""Prelo and the program of one's own, each with its processes on the same servers."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from tests.contracts.s3_fixtures import address
from tests.servers.run import free_port, listens, wait_until
from tests.servers.s3 import KEYS, client

from bench.load.data import BIG_QUERY, MORE, QUERY

WORKERS = 2  # processes that render, of both
_CATALOG = f"""
name: small
title: Items of {{k}}
parameters: {{k: {{type: integer}}}}
source: {{query: "{QUERY}"}}
columns: {{price: {{title: Price, kind: "money:EUR"}}}}
---
name: more
title: Items
parameters: {{k: {{type: integer}}, many: {{type: integer}}}}
source: {{query: "{MORE}"}}
columns: {{price: {{title: Price, kind: "money:EUR"}}}}
---
name: big
title: All line items
lane: large
parameters: {{k: {{type: integer}}}}
source: {{query: "{BIG_QUERY} where :k = :k"}}
"""


@dataclass
class Contestant:
    """A program that runs. `done` counts finished reports, in `database`."""

    name: str
    url: str
    path: str
    database: str
    done: str
    processes: dict[str, psutil.Process] = field(default_factory=dict)
    key: str = ""

    def body(self, k: int, report: str = "small", **more: int) -> dict[str, Any]:
        if self.path == "/exports":
            return {"k": k, **more}
        return {"report": report, "format": "xlsx", "parameters": {"k": k, **more}}

    def bodies(self, numbers: range) -> Iterator[dict[str, Any]]:
        return (self.body(k) for k in numbers)

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far by kind of process, their children's included."""
        return {name: _cpu(process) for name, process in self.processes.items()}

    def memory(self) -> dict[str, int]:
        """Resident bytes by process: what is there, with its children."""
        return {name: _memory(process) for name, process in self.processes.items()}


def _family(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [process, *process.children(recursive=True)]
    return []


def _cpu(process: psutil.Process) -> float:
    seconds = 0.0
    for one in _family(process):
        with contextlib.suppress(psutil.Error):
            times = one.cpu_times()
            seconds += times.user + times.system + times.children_user + times.children_system
    return seconds


def _memory(process: psutil.Process) -> int:
    total = 0
    for one in _family(process):
        with contextlib.suppress(psutil.Error):
            total += one.memory_info().rss
    return total


@contextmanager
def servers(database: str) -> Generator[dict[str, str]]:
    """A database, a virtual place on the broker, and a bucket, of the servers that the environment names."""
    endpoint, bucket = os.environ["TESTS_RADOSGW"], f"bench-{secrets.token_hex(6)}"
    client(endpoint).create_bucket(Bucket=bucket)
    yield {
        "store": database, "broker": os.environ["TESTS_RABBITMQ"],
        "cache": os.environ["TESTS_REDIS"], "endpoint": endpoint, "bucket": bucket,
    }  # fmt: skip


@contextmanager
def prelo(
    folder: Path, at: dict[str, str], more: dict[str, str] | None = None
) -> Generator[Contestant]:
    """An API, a worker of WORKERS slots, and upkeep. With `more` settings there is a key to ask with."""
    (folder / "reports").mkdir(parents=True)
    (folder / "reports" / "all.yaml").write_text(_CATALOG)
    settings = KEYS | {
        "PRELO_DATA": str(folder), "PRELO_CATALOG": str(folder / "reports"), "PRELO_STORE": at["store"],
        "PRELO_BROKER": f"{at['broker']}?prefix=b{secrets.token_hex(4)}", "PRELO_CACHE": at["cache"],
        "PRELO_FILES": address(at["bucket"], at["endpoint"]), "PRELO_SLOTS": str(WORKERS + 1),
        "PRELO_CONNECTION_DEFAULT": at["store"], "PRELO_LOG": "json", **(more or {}),
    }  # fmt: skip
    with _started(folder / "log.txt", settings) as start:
        api, said = start("-m", "prelo", "api", "--json", "--port", "0")
        work, _ = start("-m", "prelo", "work", "--json")
        upkeep, _ = start("-m", "prelo", "upkeep", "--json")
        contestant = Contestant(
            "Prelo", json.loads(said)["url"], "/v1/jobs", at["store"],
            "select count(*) from job where state = 'succeeded'",
            {"api": api, "work": work, "upkeep": upkeep}, _key(settings) if more else "",
        )  # fmt: skip
        yield contestant


def _key(settings: dict[str, str]) -> str:
    """A key of a caller, made as an operator makes it."""
    made = subprocess.run(
        [sys.executable, "-m", "prelo", "keys", "create", "bench", "--json"],
        check=True, capture_output=True, text=True, env=os.environ | settings,
    )  # fmt: skip
    return json.loads(made.stdout)["key"]


@contextmanager
def celery(folder: Path, at: dict[str, str]) -> Generator[Contestant]:
    """Its API, and Celery with WORKERS processes."""
    folder.mkdir(parents=True)
    settings = KEYS | {
        "AWS_DEFAULT_REGION": KEYS["AWS_REGION"], "BENCH_STORE": at["store"], "BENCH_BROKER": at["broker"],
        "BENCH_BUCKET": at["bucket"], "BENCH_S3": at["endpoint"],
    }  # fmt: skip
    made = [sys.executable, "-c", "from bench.load import baseline; baseline.prepare()"]
    subprocess.run(made, check=True, env=os.environ | settings)
    port = free_port()
    with _started(folder / "log.txt", settings, says=False) as start:
        app = "bench.load.baseline"
        api, _ = start("-m", "uvicorn", f"{app}:app", "--port", str(port), "--no-access-log")
        work, _ = start(
            "-m", "celery", "-A", f"{app}:exports", "worker", "-c", str(WORKERS), "-l", "warning"
        )
        wait_until(lambda: listens(port), 60, "the API")
        yield Contestant(
            "Celery", f"http://127.0.0.1:{port}", "/exports", at["store"],
            "select count(*) from export where state = 'succeeded'", {"api": api, "work": work},
        )  # fmt: skip


@contextmanager
def _started(log: Path, settings: dict[str, str], *, says: bool = True) -> Generator[Any]:
    """Starts processes, and ends them. `says`: each says a line when it is ready."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRELO_")}
    with contextlib.ExitStack() as stack, log.open("w") as out:

        def start(*command: str) -> tuple[psutil.Process, str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, *command], env=kept | settings, stdout=subprocess.PIPE, stderr=out,
                    text=True,
                )
            )  # fmt: skip
            stack.callback(process.terminate)
            line = process.stdout.readline() if says and process.stdout else ""
            if says and not line:
                raise RuntimeError(f"{command} did not start: {log.read_text()}")
            return psutil.Process(process.pid), line

        yield start


def counted(contestant: Contestant) -> int:
    """How many reports it has finished."""
    with psycopg.connect(contestant.database, autocommit=True) as connection:
        row = connection.execute(contestant.done.encode()).fetchone()
    return row[0] if row else 0
