"""The command line, as its users meet it: processes, their output, their exit codes."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from tests import forks

CATALOG = """
name: cities
title: Cities of {country}
parameters:
  country: {type: string, enum: [DE, CH, ALL], default: ALL}
  least: {type: integer, minimum: 0, default: 0}
source:
  query: |
    select name, people from city
    where (:country = 'ALL' or country = :country) and people >= :least order by name
columns: {people: {title: People, kind: integer, total: sum}}
---
name: broken
title: Broken
source: {query: select none from nowhere}
"""
CITIES = [("Bern", "CH", 134_000), ("Köln", "DE", 1_087_000), ("Zürich", "CH", 448_000)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with one good and one broken report, and their database."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "reports").mkdir()
    (folder / "reports/all.yaml").write_text(CATALOG, encoding="utf-8")
    with sqlite3.connect(folder / "cities.db") as database:
        database.execute("create table city (name text, country text, people integer)")
        database.executemany("insert into city values (?, ?, ?)", CITIES)
    database.close()
    lines = "name;people\n".replace(";", ",") + "".join(f"{n},{p}\n" for n, _, p in CITIES)
    (folder / "cities.csv").write_text(lines, encoding="utf-8")
    return folder


def settings(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    own = {
        "PRELO_CATALOG": str(home / "reports"),
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{home}/cities.db",
        "COLUMNS": "200",
    }
    return {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")} | own | dict(more)


def prelo(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return forks.prelo(words, home, settings(home, more))


@contextmanager
def serving(home: Path, data: Path) -> Generator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    command = [sys.executable, "-m", "prelo", "serve", "--json", "--port", "0", "--data", str(data)]
    with subprocess.Popen(
        command, cwd=home, env=settings(home, {}), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout
            yield process, json.loads(process.stdout.readline())
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture(scope="module")
def ready(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, Any]]:
    with serving(home, tmp_path_factory.mktemp("data")) as (_, said):
        yield said


@pytest.fixture
def url(ready: dict[str, Any]) -> str:
    return ready["url"]


def rows_of(path: Path) -> list[list[Any]]:
    return [
        row
        for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        if any(row)
    ]


def test_help_names_every_command_and_every_exit_code(home: Path):
    said = prelo(home, "--help").stdout
    commands = ["render", "submit", "jobs", "dead", "serve", "api", "work", "upkeep", "migrate"]
    commands += ["doctor", "reports", "schedules"]
    assert [name for name in commands if f" {name} " not in said] == []
    assert all(f"{code} " in said for code in (0, 1, 2, 3, 4, 5, 130))
    assert "<bool>" not in said
    assert prelo(home, "--version").stdout.startswith("prelo ")


def test_render_makes_a_workbook_of_a_file(home: Path, tmp_path: Path):
    target = tmp_path / "made.xlsx"
    look = [
        "--title",
        "Cities",
        "--format",
        "people=integer",
        "--label",
        "people=People",
        "--total",
        "people=sum",
    ]
    ran = prelo(home, "render", "cities.csv", "-o", str(target), *look)
    assert ran.returncode == 0, ran.stderr
    assert "3 rows" in ran.stdout
    rows = rows_of(target)
    assert rows[0][0] == "Cities"
    assert rows[-1][1] == sum(people for _, _, people in CITIES)


def test_render_makes_a_report_of_the_catalog_and_tells_it_as_json(home: Path, tmp_path: Path):
    target = tmp_path / "made.pdf"
    ran = prelo(home, "render", "-r", "cities", "-p", "country=CH", "-o", str(target), "--json")
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert said["size"] == target.stat().st_size
    assert said["manifest"]["rows"] == 2
    assert said["manifest"]["parameters"] == {"country": "CH", "least": 0}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["render", "-o", "x.xlsx"], 2, "give either an INPUT file or --report"),
        (["render", "cities.csv", "-o", "x.doc"], 2, "must end in .xlsx, .pdf, .csv or .zip"),
        (["render", "none.csv", "-o", "x.csv"], 3, "there is no file none.csv"),
        (["render", "cities.csv", "-o", "no/x.csv"], 2, "there is no folder no"),
        (
            ["render", "cities.csv", "-o", "x.csv", "--format", "people=mony"],
            2,
            "'mony' is no kind",
        ),
        (["render", "cities.csv", "-o", "x.csv", "--format", "people"], 2, "must be NAME=VALUE"),
        (["render", "cities.csv", "-o", "x.csv", "--total", "price=sum"], 1, "does not have"),
        (["render", "-r", "none", "-o", "x.csv"], 3, "there is no report 'none'"),
        (["render", "-r", "cities", "-p", "least=-1", "-o", "x.csv"], 2, "must not be less than 0"),
        (["render", "-r", "cities", "-p", "city=Ulm", "-o", "x.csv"], 2, "has no such parameter"),
        (["render", "-r", "broken", "-o", "x.csv"], 1, "no such table: nowhere"),
        (["serve", "--log", "loud"], 2, "PRELO_LOG"),
        (["jobs", "list", "--state", "odd"], 2, "a state is one of queued"),
        (
            ["jobs", "list", "--url", "http://127.0.0.1:9"],
            4,
            "no server answers at http://127.0.0.1:9; is `prelo serve` running",
        ),
        (["jobs", "list", "--url", "localhost:8085"], 2, "is no address of a server"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_a_mistake_is_one_sentence_and_an_exit_code(
    home: Path, words: list[str], code: int, said: str
):
    ran = prelo(home, *words)
    assert said in ran.stderr
    assert (ran.returncode, ran.stdout) == (code, "")
    assert "Traceback" not in ran.stderr
    assert [path.name for path in home.iterdir() if path.name.startswith(("x.", ".x"))] == []


def test_a_wrong_setting_is_a_sentence(home: Path):
    ran = prelo(home, "migrate", PRELO_SLOTZ="3")
    assert (ran.returncode, "PRELO_SLOTZ is no setting" in ran.stderr) == (2, True)


def test_submit_waits_saves_the_file_and_tells_the_job(home: Path, url: str, tmp_path: Path):
    target = tmp_path / "made.xlsx"
    asked = ["submit", "cities", "-p", "least=200000", "-o", str(target), "--url", url]
    ran = prelo(home, *asked)
    assert ran.returncode == 0, ran.stderr
    assert "succeeded" in ran.stdout
    assert "2 rows" in ran.stdout
    assert {row[0] for row in rows_of(target)} >= {"Köln", "Zürich"}
    again = json.loads(prelo(home, *asked, "--json").stdout)
    assert ran.stdout.startswith(again["id"])


def test_a_report_that_fails_ends_the_command_with_1(home: Path, url: str, tmp_path: Path):
    ran = prelo(home, "submit", "broken", "-o", str(tmp_path / "no.xlsx"), PRELO_URL=url)
    assert ran.returncode == 1
    assert "no such table: nowhere" in ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_jobs_are_listed_shown_and_repeated(home: Path, url: str):
    job = json.loads(
        prelo(home, "submit", "broken", "-f", "pdf", "--wait", "--json", PRELO_URL=url).stdout
    )
    assert job["state"] == "failed"
    listed = json.loads(prelo(home, "jobs", "list", "-s", "failed", "--json", PRELO_URL=url).stdout)
    assert job["id"] in [one["id"] for one in listed]
    assert job["id"] in prelo(home, "jobs", "list", PRELO_URL=url).stdout
    shown = prelo(home, "jobs", "show", job["id"], PRELO_URL=url)
    assert (shown.returncode, "no such table" in shown.stdout) == (0, True)
    assert prelo(home, "jobs", "retry", job["id"], PRELO_URL=url).returncode == 0
    assert prelo(home, "jobs", "watch", job["id"], PRELO_URL=url).returncode == 1
    assert prelo(home, "jobs", "cancel", job["id"], PRELO_URL=url).returncode == 5
    assert prelo(home, "dead", "replay", job["id"], PRELO_URL=url).returncode == 5


def test_a_job_or_report_that_is_not_there_is_3(home: Path, url: str):
    nobody = "00000000-0000-8000-8000-000000000000"
    assert prelo(home, "jobs", "show", nobody, PRELO_URL=url).returncode == 3
    assert prelo(home, "submit", "none", PRELO_URL=url).returncode == 3
    assert prelo(home, "dead", "list", PRELO_URL=url).returncode == 0


def test_wrong_parameters_are_refused_by_the_server_in_words(home: Path, url: str):
    ran = prelo(home, "submit", "cities", "-p", "country=FR", PRELO_URL=url)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "must be one of DE, CH, ALL" in ran.stderr


def test_serve_drains_on_sigterm_and_a_second_one_on_the_same_data_is_refused(
    home: Path, tmp_path: Path
):
    with serving(home, tmp_path) as (first, said):
        second = prelo(home, "serve", "--data", str(tmp_path), "--port", "0")
        assert second.returncode == 2
        assert f"process {first.pid}" in second.stderr
        assert said["pid"] == first.pid
        taken = prelo(
            home, "serve", "--data", str(tmp_path / "b"), "--port", said["url"].rpartition(":")[2]
        )
        assert (taken.returncode, "cannot listen on" in taken.stderr) == (2, True)
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0


def test_the_catalog_is_listed_shown_and_checked(home: Path):
    assert "Cities of {country}" in prelo(home, "reports", "list").stdout
    shown = prelo(home, "reports", "show", "cities").stdout
    assert "DE, CH, ALL" in shown
    checked = prelo(home, "reports", "check", "--json")
    assert checked.returncode == 1
    assert {one["report"]: one["ok"] for one in json.loads(checked.stdout)} == {
        "broken": False,
        "cities": True,
    }


def test_migrate_makes_the_database_and_doctor_asks_every_part(home: Path, tmp_path: Path):
    sick = json.loads(prelo(home, "doctor", "--data", str(tmp_path), "--json").stdout)
    store = next(one for one in sick if one["part"] == "store")
    assert store["ok"] is False
    assert "no database" in store["detail"]
    assert "`prelo serve` creates it" in store["detail"]
    assert prelo(home, "migrate", "--data", str(tmp_path)).returncode == 0
    ran = prelo(home, "reports", "release", "cities", "--data", str(tmp_path))
    assert (ran.returncode, "no losses that count" in ran.stdout) == (0, True)
    with closing(sqlite3.connect(tmp_path / "prelo.db")) as db, db:
        db.execute(
            "insert into loss (report, version, cause, recent, at) values ('cities', 1, 'w', 6, 1)"
        )
    ran = prelo(home, "reports", "release", "cities", "--data", str(tmp_path))
    assert (ran.returncode, "accepted and made again" in ran.stdout) == (0, True)
    ran = prelo(home, "doctor", "--data", str(tmp_path), "--json")
    found = [(one["part"], one["ok"]) for one in json.loads(ran.stdout)]
    parts = ["store", "files", "broker", "cache", "catalog", "press"]
    assert found == [*((part, True) for part in parts), ("source", False), ("source", True)]
    assert ran.returncode == 1
