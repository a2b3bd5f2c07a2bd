"""`prelo serve` on a folder of its own: a catalog, a database of cities, and what it logs."""

import contextlib
import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests import forks

ENDED = {"succeeded", "failed", "dead", "cancelled"}


@dataclass(frozen=True)
class Server:
    """`prelo serve` with this catalog; `log` has what it and its presses say."""

    http: httpx.Client
    folder: Path
    pid: int

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(encoding="utf-8")

    def job(self, report: str, form: str = "xlsx", **rest: Any) -> dict[str, Any]:
        """A job that has ended."""
        body = {"report": report, "format": form, **rest}
        job = self.http.post("/v1/jobs", json=body, headers={"Prefer": "wait=40"}).json()
        assert job["state"] in ENDED, job
        return job

    def package(self, job: dict[str, Any], name: str) -> zipfile.ZipFile:
        """The ZIP that a job made, downloaded under this name."""
        artifact = job["artifact"]
        assert (artifact["name"], artifact["media_type"]) == (name, "application/zip")
        answer = self.http.get(f"/v1/jobs/{job['id']}/file")
        assert answer.headers["content-type"] == "application/zip"
        assert name in answer.headers["content-disposition"]
        found = zipfile.ZipFile(io.BytesIO(answer.content))
        assert found.testzip() is None
        return found

    def file(self, report: str, form: str = "xlsx", **rest: Any) -> bytes:
        job = self.job(report, form, **rest)
        assert job["state"] == "succeeded", job["error"]
        return self.http.get(f"/v1/jobs/{job['id']}/file").content


@contextmanager
def serving(folder: Path, **more: str) -> Generator[Server]:
    """A service over the catalog in `folder`/reports, until the block ends; `more` are settings."""
    with contextlib.closing(sqlite3.connect(folder / "cities.db")) as database, database:
        database.execute("create table city (name text, people integer, founded integer)")
        rows = [("Bern", 134_000, 1191), ("Zürich", 448_000, 929), ("Neustadt", 5, 2050)]
        database.executemany("insert into city values (?, ?, ?)", rows)
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
    settings = {
        "PRELO_DATA": str(folder / "data"), "PRELO_CATALOG": str(folder / "reports"),
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{folder}/cities.db", "PRELO_LOG": "json",
    }  # fmt: skip
    words = ["serve", "--json", "--port", "0", "--slots", "1"]
    with forks.begun(words, kept | settings | more, folder / "log.txt") as run:
        try:
            url = json.loads(run.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as http:
                yield Server(http, folder, run.pid)
        finally:
            run.terminate()
