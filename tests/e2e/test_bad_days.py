"""Bad days of a whole server: what callers are told, and that it recovers and has lost nothing."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import forks

CATALOG = """
name: numbers
title: Numbers
parameters: {n: {type: integer, default: 3}}
source:
  query: >
    with recursive c(i) as (select 1 union all select i + 1 from c where i < :n)
    select i, hex(randomblob(200)) as noise from c
"""
ENDED = {"succeeded", "failed", "dead", "cancelled"}


class Server:
    """`prelo serve` on `data`."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder, self.data = folder, data
        self.database = data / "prelo.db"
        (folder / "reports").mkdir(exist_ok=True)
        (folder / "reports/all.yaml").write_text(CATALOG)
        (folder / "empty.db").touch()

    @contextlib.contextmanager
    def up(self, **settings: str) -> Generator[httpx.Client]:
        """A client of the running server, which must end well when it is told to."""
        words = ["serve", "--json", "--port", "0", "--slots", "1"]
        log = self.folder / "log.txt"
        with forks.begun(words, self.environment() | settings, log) as process:
            try:
                url = json.loads(process.stdout.readline())["url"]
                with httpx.Client(base_url=url, timeout=40, trust_env=False) as http:
                    yield http
                process.terminate()
                assert process.wait(30) == 0
            finally:
                process.kill()

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
        return kept | {
            "PRELO_DATA": str(self.data), "PRELO_CATALOG": str(self.folder / "reports"),
            "PRELO_CONNECTION_DEFAULT": f"sqlite:///{self.folder}/empty.db",
            "PRELO_RETRY_BASE": "0.1", "PRELO_LEASE": "2", "PRELO_BEAT": "0.5",
        }  # fmt: skip

    def refuses(self) -> str:
        """What `prelo serve` says when it ends by itself, with the exit code of a wrong setting."""
        ran = forks.prelo(["serve", "--port", "0"], self.folder, self.environment(), 30)
        assert ran.returncode == 2, ran.stderr
        assert "Traceback" not in ran.stderr
        return " ".join(ran.stderr.split())


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path, tmp_path / "data")


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A disk of 12 MiB; only root can make one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(mount, check=False).returncode
    ):
        pytest.skip("a small disk can only be mounted by root")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def ask(http: httpx.Client, n: int, wait: int = 0, **more: Any) -> httpx.Response:
    body = {"report": "numbers", "parameters": {"n": n}, "format": "csv", **more}
    return http.post("/v1/jobs", json=body, headers={"Prefer": f"wait={wait}"} if wait else {})


def ended(http: httpx.Client, job_id: str) -> dict[str, Any]:
    job: dict[str, Any] = {}
    for _ in range(600):
        job = http.get(f"/v1/jobs/{job_id}").json()
        if job.get("state") in ENDED:
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job has not ended: {job}")


def is_503(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    assert words in answer.json()["detail"]
    assert answer.json()["retryable"] is True


def test_a_database_locked_for_long_is_503_and_everything_goes_on_afterwards(server: Server):
    with server.up() as http:
        assert ask(http, 1, wait=20).status_code == 201
        other = sqlite3.connect(server.database, isolation_level=None)
        other.execute("begin immediate")
        is_503(ask(http, 2), "locked by another process")
        assert http.get("/readyz").status_code == 200  # what is there can be looked at
        assert ask(http, 1).status_code == 201
        other.execute("rollback")
        other.close()
        assert ask(http, 2, wait=20).status_code == 201


def test_a_job_that_runs_while_the_database_is_locked_is_finished_once(server: Server):
    with server.up() as http:
        job_id = ask(http, 400_000).json()["id"]
        while http.get(f"/v1/jobs/{job_id}").json()["state"] == "queued":
            time.sleep(0.02)
        other = sqlite3.connect(server.database, isolation_level=None)
        other.execute("begin immediate")
        time.sleep(4)  # the lease lapses
        other.execute("rollback")
        other.close()
        assert ended(http, job_id)["state"] == "succeeded"
        assert http.get(f"/v1/jobs/{job_id}/file").status_code == 200
    with contextlib.closing(sqlite3.connect(server.database)) as db:
        log = db.execute("select after from transition where after = 'succeeded'").fetchall()
    assert len(log) == 1


def test_a_database_that_is_taken_away_is_503_until_it_is_back(server: Server):
    with server.up() as http:
        job_id = ask(http, 1, wait=20).json()["id"]
        with contextlib.closing(sqlite3.connect(server.database)) as db:
            db.execute("pragma wal_checkpoint(truncate)")
        away = server.data / "away"
        away.mkdir()
        for path in sorted(server.data.glob("prelo.db*")):
            path.rename(away / path.name)
        is_503(ask(http, 2), "cannot be opened")
        assert http.get("/readyz").status_code == 503
        for path in sorted(away.iterdir()):
            path.rename(server.data / path.name)
        assert ask(http, 2, wait=20).status_code == 201
        assert http.get(f"/v1/jobs/{job_id}/file").status_code == 200


def test_a_database_that_was_emptied_is_said_and_no_job_is_taken(server: Server):
    with server.up() as http:
        assert ask(http, 1, wait=20).status_code == 201
        os.truncate(server.database, 0)
        for wal in server.data.glob("prelo.db-wal"):
            os.truncate(wal, 0)
        assert ask(http, 2).status_code in {500, 503}
        assert http.get("/livez").status_code == 200


def test_a_full_disk_is_a_problem_that_passes(tmp_path: Path, small_disk: Path):
    server = Server(tmp_path, small_disk / "data")
    with server.up() as http:
        first = ask(http, 1, wait=20).json()["id"]
        job = ended(http, ask(http, 100_000).json()["id"])  # 40 MB
        assert job["state"] in {"failed", "dead"}
        assert "full" in job["error"]["detail"]
        assert ask(http, 2, wait=20).status_code == 201, (
            "its parts are gone, and there is room again"
        )
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        refused: httpx.Response | None = None
        for n in range(3, 200):  # until what the database has set aside is used up
            refused = ask(http, n)
            if refused.status_code != 202:
                break
        assert refused is not None
        is_503(refused, "no room left")
        assert http.get(f"/v1/jobs/{first}").json()["state"] == "succeeded"
        ballast.unlink()
        assert ask(http, 1_000, wait=20).status_code == 201
        page = http.get("/v1/jobs?limit=200").json()["jobs"]
        states = {ended(http, job["id"])["state"] for job in page}
        assert states <= {"succeeded", "failed", "dead"}


def test_a_database_of_a_newer_version_is_refused_and_left_alone(server: Server):
    with server.up():
        pass
    with contextlib.closing(sqlite3.connect(server.database, isolation_level=None)) as db:
        db.execute("update alembic_version set version_num = '9999'")
    assert "schema 9999, this program knows up to" in server.refuses()
    with contextlib.closing(sqlite3.connect(server.database)) as db:
        assert db.execute("select version_num from alembic_version").fetchall() == [("9999",)]


def test_a_file_that_is_no_database_is_refused_and_left_alone(server: Server):
    server.data.mkdir()
    server.database.write_bytes(b"Dear Sir or Madam, " * 500)
    assert "is not an SQLite database" in server.refuses()
    assert server.database.read_bytes() == b"Dear Sir or Madam, " * 500
