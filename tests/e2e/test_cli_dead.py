"""`prelo dead`, as operators meet it: processes, their output, their exit codes."""

import contextlib
import getpass
import json
import os
import pty
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import forks

CATALOG = """
name: broken
title: Broken
parameters: {k: {type: integer, default: 0}}
source: {query: select none from nowhere}
---
name: other
title: Other
parameters: {k: {type: integer, default: 0}}
source: {query: select none from elsewhere}
"""


class Desk:
    """A server, and the commands of somebody who sits before it."""

    def __init__(self, folder: Path, said: dict[str, Any]) -> None:
        self.folder, self.url = folder, said["url"]
        self.http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self._database = Path(said["data"]) / "prelo.db"

    def prelo(self, *words: str) -> "Ran":
        return forks.prelo(words, self.folder, self.environment())

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
        return kept | {"PRELO_URL": self.url, "COLUMNS": "200"}

    def json(self, *words: str) -> Any:
        ran = self.prelo(*words, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def failed(self, count: int, report: str = "broken") -> list[str]:
        """Jobs that have just failed."""
        return [
            self._ended({"report": report, "format": "csv", "parameters": {"k": n}})["id"]
            for n in range(count)
        ]

    def _ended(self, body: dict[str, Any]) -> Any:
        job = self.http.post("/v1/jobs", json=body, headers={"Prefer": "wait=40"}).json()
        assert job["state"] == "failed", job
        return job

    def dead(self, count: int, report: str = "broken") -> list[str]:
        """The same, as if their error had been one that might pass."""
        ids = self.failed(count, report)
        with contextlib.closing(sqlite3.connect(self._database, timeout=30)) as store, store:
            store.executemany("update job set state = 'dead' where id = ?", [(i,) for i in ids])
        return ids


Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Generator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "reports").mkdir()
    (folder / "reports/all.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "empty.db").touch()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
    environment = kept | {
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{folder}/empty.db", "PRELO_DATA": str(folder / "data"),
        "PRELO_CATALOG": str(folder / "reports"),
    }  # fmt: skip
    words = ["serve", "--json", "--port", "0", "--slots", "1"]
    with forks.begun(words, environment, folder / "log.txt") as process:
        try:
            desk = Desk(folder, json.loads(process.stdout.readline()))
            with desk.http:
                yield desk
        finally:
            process.kill()


@pytest.fixture
def desk(serving: Desk) -> Generator[Desk]:
    """With nothing on it from the test before."""
    yield serving
    for state in ("dead", "failed"):
        answer = serving.http.post("/v1/dead/drop", json={"all": True, "state": state})
        assert answer.json()["left"] == 0


def test_the_dead_are_listed_and_shown(desk: Desk):
    first, second = desk.dead(2)
    listed = desk.prelo("dead", "list").stdout
    assert listed.index(second) < listed.index(first)
    assert "query-failed" in listed
    assert [job["id"] for job in desk.json("dead", "list", "-r", "other")] == []
    assert len(desk.json("dead", "list", "-e", "query-failed", "-n", "1")) == 1
    shown = desk.prelo("dead", "show", first)
    assert shown.returncode == 0
    assert all(word in shown.stdout for word in ("no such table", "running", "fate"))
    assert len(desk.json("dead", "show", first)["history"]) == 3
    assert desk.prelo("dead", "show", "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90").returncode == 3


def test_one_is_replayed_by_its_id_without_a_question(desk: Desk):
    (job,) = desk.dead(1)
    before = desk.json("dead", "show", job)["generation"]
    assert desk.prelo("dead", "replay", job).stdout == "1 job replayed\n"
    assert desk.prelo("jobs", "watch", job).returncode == 1  # it was made again, and failed again
    assert desk.json("jobs", "show", job)["generation"] == before + 1
    refused = desk.prelo("dead", "replay", job)
    assert (refused.returncode, "none of these jobs is dead" in refused.stderr) == (5, True)


def test_a_dry_run_says_what_would_be_done_and_does_nothing(desk: Desk):
    desk.dead(2)
    desk.dead(1, "other")
    said = desk.prelo("dead", "replay", "--all", "--dry-run").stdout.splitlines()
    assert [line.split() for line in said] == [
        ["REPORT", "ERROR", "JOBS"],
        ["broken", "query-failed", "2"],
        ["other", "query-failed", "1"],
        ["3", "jobs", "would", "be", "replayed"],
    ]
    assert desk.json("dead", "drop", "--all", "--dry-run")["left"] == 3
    assert len(desk.json("dead", "list")) == 3


def test_more_than_one_is_asked_for_and_refused_where_nobody_can_answer(desk: Desk):
    desk.dead(2)
    refused = desk.prelo("dead", "drop", "-r", "broken")
    assert refused.returncode == 2
    assert "to drop 2 jobs, say --yes; nothing was done" in refused.stderr
    assert _answered(desk, "n").returncode != 0
    assert len(desk.json("dead", "list")) == 2
    assert _answered(desk, "y").returncode == 0
    assert desk.json("dead", "list") == []


def _answered(desk: Desk, answer: str) -> Ran:
    """At a terminal, by this word."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        return subprocess.run(
            [sys.executable, "-m", "prelo", "dead", "drop", "-r", "broken"],
            cwd=desk.folder, env=desk.environment(), stdin=theirs, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)


def test_many_are_replayed_by_marks_at_a_pace_and_no_more_than_wanted(desk: Desk):
    desk.dead(4)
    done = desk.json("dead", "replay", "--all", "--most", "3", "--rate", "50", "--yes")
    assert (done["done"], done["left"]) == (3, 1)
    assert desk.prelo("dead", "replay", "--all").stdout == "1 job replayed\n"
    assert desk.prelo("dead", "replay", "--all", "--yes").stdout == "0 jobs replayed\n"


def test_failed_jobs_are_replayed_where_it_is_said(desk: Desk):
    job, *_ = desk.failed(2)
    assert desk.prelo("dead", "replay", job).returncode == 5
    done = desk.prelo("dead", "replay", "--state", "failed", "-e", "query-failed", "--yes")
    assert done.stdout == "2 jobs replayed\n"
    assert desk.prelo("jobs", "watch", job).returncode == 1


def test_the_audit_names_who_sat_here(desk: Desk):
    (job,) = desk.dead(1)
    assert desk.prelo("dead", "drop", job).returncode == 0
    assert desk.prelo("jobs", "show", job).returncode == 3
    (entry,) = desk.json("dead", "audit", "--job", job)
    assert entry["actor"].startswith(f"{getpass.getuser()}@")
    assert (entry["action"], entry["detail"]["door"]) == ("drop", "cli")
    table = desk.prelo("dead", "audit", "-n", "1").stdout
    assert all(word in table for word in ("ACTOR", job, entry["actor"], "cli"))
    assert desk.prelo("dead", "audit", "--actor", "nobody").stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "say which jobs: by ids, by a mark such as report or error, or by all"),
        (("drop", "--state", "failed"), "say which jobs"),
        (("replay", "--all", "--state", "running"), "state"),
        (("replay", "--all", "--rate", "0"), "rate: "),
        (("drop", "no-id"), "ids.0: "),
        (("list", "--fate", "sad"), "fate"),
    ],
)
def test_wrong_words_are_2_in_a_sentence(desk: Desk, words: tuple[str, ...], said: str):
    ran = desk.prelo("dead", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
