"""docs/api.md shows an example for each call, by curl and in Python: here they are run, on one server."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

import prelo
from tests.e2e.serving import Server, serving
from tests.manual.commands import curl
from tests.manual.examples import CSV, EXAMPLES, NEEDS
from tests.manual.pages import description

ROOT = Path(__file__).parents[2]
REPORTS = """
name: slow
title: Slow
source: {python: "slow.py:rows"}
parameters: {k: {type: integer}}
---
name: broken
title: Broken
source: {query: "select nonsense from nowhere where :k = 1"}
parameters: {k: {type: integer}}
"""
SLOW = '''
import time

def rows(k):
    """A batch now, the rest when it is too late."""
    yield [{"n": k}]
    for _ in range(1200):
        time.sleep(0.05)
        yield [{"n": k}]
'''
# What curl says of each answer: its status, on a line of its own.
CURLRC = 'silent\nshow-error\nwrite-out = "\\n%{http_code}"\n'


class Stock:
    """Makes what an example needs. What examples do harm to is made for each of them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._numbers = itertools.count(1)

    def ids(self, need: str) -> dict[str, str]:
        if not need:
            return {}
        return getattr(self, f"_{need.replace(' ', '_')}")()

    def _done(self) -> dict[str, str]:
        job = self.server.job("offices", "csv")
        assert job["state"] == "succeeded", job
        return {"job_id": job["id"]}

    def _failed(self) -> dict[str, str]:
        job = self.server.job("broken", parameters={"k": next(self._numbers)})
        assert job["state"] == "failed", job
        return {"job_id": job["id"]}

    def _under_way(self) -> dict[str, str]:
        body = {"report": "slow", "parameters": {"k": next(self._numbers)}}
        return {"job_id": self._made("/v1/jobs", json=body)}

    def _schedule(self) -> dict[str, str]:
        return {
            "schedule_id": self._made("/v1/schedules", json=EXAMPLES["POST /v1/schedules"].body)
        }

    def _webhook(self) -> dict[str, str]:
        return {"webhook_id": self._made("/v1/webhooks", json=EXAMPLES["POST /v1/webhooks"].body)}

    def _delivery(self) -> dict[str, str]:
        """Nobody is there who takes it: it waits for its next try."""
        ids = self._webhook()
        ids["notice_id"] = self._made(f"/v1/webhooks/{ids['webhook_id']}:test")
        return ids

    def _dataset(self) -> dict[str, str]:
        """Any that is there: reading one takes a process of its own."""
        for one in self.server.http.get("/v1/datasets").json()["datasets"]:
            return {"dataset": one["id"]}
        headers = {"Content-Type": "text/csv"}
        return {"dataset": self._made("/v1/datasets", content=CSV.encode(), headers=headers)}

    def _made(self, address: str, **asked: Any) -> str:
        answer = self.server.http.post(address, **asked)
        assert answer.status_code in {201, 202}, answer.text
        return answer.json()["id"]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Generator[Stock]:
    folder = tmp_path_factory.mktemp("manual")
    catalog = folder / "reports"
    catalog.mkdir()
    for name in ("offices.yaml", "offices.csv"):
        shutil.copy(ROOT / "examples/reports" / name, catalog)
    (catalog / "more.yaml").write_text(REPORTS)
    (catalog / "slow.py").write_text(SLOW)
    (folder / "cities.csv").write_text(CSV)
    (folder / ".curlrc").write_text(CURLRC)
    # A cancelled job stops at its next beat.
    with serving(folder, PRELO_BEAT="0.2", PRELO_LEASE="5") as server:
        server.http.post("/graphql", json={"query": "{__typename}"})  # loaded when first asked for
        yield Stock(server)


async def test_every_call_has_an_example_and_every_example_a_call():
    paths = (await description())["paths"]
    places = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(EXAMPLES) == places
    assert {example.needs for example in EXAMPLES.values()} <= {"", *NEEDS}


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize("place", EXAMPLES)
def test_the_command_is_answered_as_the_manual_says(stock: Stock, place: str):
    example = EXAMPLES[place]
    folder, url = stock.server.folder, str(stock.server.http.base_url).rstrip("/")
    ids = {name.upper(): value for name, value in stock.ids(example.needs).items()}
    said = subprocess.run(
        ["sh", "-euc", curl(place, example)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "CURL_HOME": str(folder), "PRELO": url, **ids},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert int(said.stdout.rsplit("\n", 1)[1]) in example.answers, said.stdout
    if "-o " in example.more:
        assert "Zürich" in (folder / "offices.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("place", EXAMPLES)
def test_the_program_asks_what_the_command_asks(
    stock: Stock, place: str, monkeypatch: pytest.MonkeyPatch
):
    example = EXAMPLES[place]
    url = str(stock.server.http.base_url).rstrip("/")
    asked: list[tuple[str, str, int]] = []

    def note(answer: httpx.Response) -> None:
        asked.append((answer.request.method, answer.request.url.path, answer.status_code))

    monkeypatch.chdir(stock.server.folder)
    with prelo.Client(url) as client, httpx.Client(base_url=url, trust_env=False) as http:
        for one in (client._http, http):  # pyright: ignore[reportPrivateUsage]  what it sends is seen here
            one.event_hooks = {"response": [note]}
        space = {"client": client, "http": http, **stock.ids(example.needs)}
        exec(compile(example.python, place, "exec"), space)  # noqa: S102  the manual's own
    method, _, path = place.partition(" ")
    address = re.compile(re.sub(r"\\{.*?\\}", "[^/:]+", re.escape(path)))
    found = [status for verb, at, status in asked if verb == method and address.fullmatch(at)]
    assert found, asked
    assert set(found) <= set(example.answers)
