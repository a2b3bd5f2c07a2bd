"""The ledger check: what was accepted, what the store says, what its log says, what lies in storage.

Reads the database and the folder directly, by nobody's adapter.
"""

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from prelo.core.job import ALLOWED, State

ENDED = {state.value for state in State if state.ended}
TERMINAL = ENDED - {State.EXPIRED.value}


@dataclass(frozen=True)
class Books:
    """Where the truth stands: the store's URL, and the folder of the files. `log`: what was said."""

    store: str
    files: Path
    log: Path | None = None
    began: float = field(default_factory=time.monotonic)

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """What the database says, asked without the store."""
        if self.store.startswith("postgresql:"):
            with psycopg.connect(self.store) as db, db.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(statement.encode()).fetchall()
        path = self.store.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(statement)]

    def keys(self) -> set[str]:
        """All that lies in storage."""
        every = (path for path in self.files.rglob("*") if path.is_file())
        return {str(path.relative_to(self.files)) for path in every}

    def content(self, key: str) -> bytes:
        return (self.files / key).read_bytes()


def check(books: Books, accepted: Collection[str], faults: int | None = None) -> None:
    """Assert I1 to I7 for the jobs whose ids the callers were given. `faults`: how many there were;
    None: the test has seen at least one, and has not counted.
    """
    jobs = {row["id"]: row for row in books.rows("select * from job")}
    log = books.rows("select * from transition order by number")
    _noted(books, accepted, log, faults)
    _everything_accepted_has_ended(jobs, accepted)
    _one_end_per_generation(log)
    _one_file_per_success(books, jobs.values())
    _fences_rise(log)
    _only_the_table(log)
    _told_once_and_settled(books, log)


def _told_once_and_settled(books: Books, log: list[dict[str, Any]]) -> None:
    """Each end of a job that was asked about has one notice for each channel, and none waits for its first
    or its next try. (A channel that came after the end may have one of that end, and no test does so.)
    """
    channels: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in books.rows("select * from channel"):
        channels[row["job_id"]].add((row["kind"], row["target"]))
    notices = books.rows("select * from notice where job_id is not null")
    found = Counter(
        (row["job_id"], row["generation"], row["event"], row["kind"], row["target"])
        for row in notices
    )
    wanted = {
        (t["job_id"], t["generation"], t["after"], *channel)
        for t in log
        if t["after"] in ENDED
        for channel in channels[t["job_id"]]
    }
    assert not wanted - set(found), f"I6: nobody was told: {wanted - set(found)}"
    doubled = [key for key, count in found.items() if count > 1]
    assert not doubled, f"I6: recorded twice: {doubled}"
    waiting = [row["id"] for row in notices if row["state"] == "waiting"]
    assert not waiting, f"I6: still to be told: {waiting}"


def _noted(
    books: Books, accepted: Collection[str], log: list[dict[str, Any]], faults: int | None
) -> None:
    """A line for the table of `make faults`, before anything is asserted: see table.py."""
    path = os.environ.get("TESTS_FAULTS")
    if not path:
        return
    ends = Counter((t["job_id"], t["generation"]) for t in log if t["after"] in TERMINAL)
    said = books.log.read_text() if books.log and books.log.exists() else ""
    line = {
        "test": os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0],
        "faults": faults,
        "accepted": len(accepted),
        "finished": len({job_id for job_id, _ in ends} & set(accepted)),
        "rendered": sum(t["after"] == State.RUNNING for t in log),
        "twice": sum(count > 1 for count in ends.values()),
        "refused": said.count(" attempt.refused "),
        "seconds": round(time.monotonic() - books.began, 1),
    }
    with Path(path).open("a") as lines:
        lines.write(json.dumps(line) + "\n")


def _everything_accepted_has_ended(jobs: dict[str, Any], accepted: Collection[str]) -> None:
    lost = [job_id for job_id in accepted if job_id not in jobs]
    assert not lost, f"I1: accepted and gone: {lost}"
    open_ = {row["id"]: row["state"] for row in jobs.values() if row["state"] not in ENDED}
    assert not open_, f"I1, I7: not ended: {open_}"


def _one_end_per_generation(log: list[dict[str, Any]]) -> None:
    ends = Counter((t["job_id"], t["generation"]) for t in log if t["after"] in TERMINAL)
    doubled = {key: count for key, count in ends.items() if count > 1}
    assert not doubled, f"I2: ended more than once: {doubled}"


def _one_file_per_success(books: Books, jobs: Collection[Any]) -> None:
    stored = books.keys()
    referenced: dict[str, str] = {}
    for row in jobs:
        if row["state"] != State.SUCCEEDED:
            continue
        assert row["artifact"], f"I3: {row['id']} succeeded without a file"
        artifact = json.loads(row["artifact"])
        assert artifact["key"] in stored, f"I3: the file of {row['id']} is missing"
        content = books.content(artifact["key"])
        assert hashlib.sha256(content).hexdigest() == artifact["sha256"], "I3: checksum"
        assert len(content) == artifact["size"], "I3: size"
        assert artifact["key"] not in referenced, "I3: two jobs refer to one file"
        referenced[artifact["key"]] = row["id"]


def orphans(books: Books) -> set[str]:
    """Files in storage that no job refers to; the daily sweep's, and no failure."""
    rows = books.rows("select artifact from job where artifact is not null")
    known = {json.loads(row["artifact"])["key"] for row in rows if row["artifact"] != "null"}
    return books.keys() - known


def _fences_rise(log: list[dict[str, Any]]) -> None:
    claims: dict[str, list[int]] = defaultdict(list)
    for line in log:
        if line["after"] == State.RUNNING:
            claims[line["job_id"]].append(line["fence"])
    for job_id, fences in claims.items():
        assert fences == sorted(set(fences)), f"I4: fences of {job_id}: {fences}"
    held: dict[str, int] = {}
    for line in log:
        held[line["job_id"]] = max(line["fence"], held.get(line["job_id"], 0))
        assert line["fence"] == held[line["job_id"]], (
            f"I4: {line['job_id']} changed by a late owner"
        )


def _only_the_table(log: list[dict[str, Any]]) -> None:
    allowed = {(before.value if before else None, after.value) for before, after in ALLOWED}
    for line in log:
        pair = (line["before"], line["after"])
        assert pair in allowed, f"I5: {line['job_id']} went {pair}"
    last: dict[str, str | None] = {}
    for line in log:
        before = last.get(line["job_id"])
        assert line["before"] == before, f"I5: {line['job_id']} was {before}, left {line['before']}"
        last[line["job_id"]] = line["after"]
