"""`prelo keys` and `prelo audit`, as operators meet them: on a folder where no server has been yet."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prelo.entry.cli import app
from tests import forks
from tests.e2e.serving import Server, serving

CATALOG = """
name: one
title: One
source: {names: [n], rows: [[1]]}
"""
Ran = subprocess.CompletedProcess[str]


def prelo(folder: Path, *words: str, **settings: str) -> Ran:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PRELO_")}
    return forks.prelo(
        words,
        folder if folder.exists() else folder.parent,
        kept | {"COLUMNS": "200", "PRELO_DATA": str(folder)} | settings,
    )


def told(ran: Ran) -> Any:
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def keys(folder: Path, *words: str) -> Any:
    """`prelo keys` in this process, as the store is not the server's alone."""
    ran = CliRunner().invoke(app, ["keys", *words, "--data", str(folder), "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keys")
    (folder / "reports").mkdir()
    (folder / "reports/all.yaml").write_text(CATALOG, encoding="utf-8")
    with serving(folder, PRELO_AUTH="keys") as made:
        yield made


def test_the_first_key_is_made_before_the_first_server_and_shown_once(tmp_path: Path):
    ran = prelo(tmp_path / "new", "keys", "create", "ci", "--tenant", "acme", "--lasts", "90d")
    assert ran.returncode == 0, ran.stderr
    key = ran.stdout.strip()
    assert re.fullmatch(
        r"prelo_\w{12}_\w{36}", key
    )  # alone there: it can be piped to where it is kept
    assert "not shown again" in ran.stderr
    listed = CliRunner().invoke(app, ["keys", "list", "--data", str(tmp_path / "new")])
    assert key.split("_")[1] in listed.output
    assert key.split("_")[2] not in listed.output + ran.stderr
    database = (tmp_path / "new" / "prelo.db").read_bytes()
    assert key.split("_")[2].encode() not in database
    wrong = prelo(tmp_path / "new", "keys", "create", "ci", "--scope", "everything")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "scopes/0" in wrong.stderr


def test_a_key_lets_the_commands_in_and_its_life_is_in_the_audit(server: Server):
    data = server.folder / "data"
    boss = keys(data, "create", "boss", "-s", "admin")
    settings = {"PRELO_URL": str(server.http.base_url)}
    refused = prelo(data, "submit", "one", **settings)
    assert refused.returncode == 2
    assert "prelo keys create" in refused.stderr
    assert "PRELO_KEY" in refused.stderr
    made = prelo(data, "submit", "one", "-o", "one.csv", PRELO_KEY=boss["key"], **settings)
    assert made.returncode == 0, made.stderr
    assert (data / "one.csv").read_text().split() == ["n", "1"]
    fresh = keys(data, "rotate", boss["id"], "--grace", "1h")
    listed = keys(data, "list")
    by_id = {key["id"]: key for key in listed}
    assert by_id[boss["id"]]["replaced_by"] == fresh["id"]
    assert by_id[boss["id"]]["used_at"] is not None
    assert by_id[fresh["id"]]["used_at"] is None
    assert not any("digest" in key or "key" in key for key in listed)
    for key in (boss, fresh):
        headers = {"Authorization": f"Bearer {key['key']}"}
        assert server.http.get("/v1/status", headers=headers).status_code == 200
    assert keys(data, "revoke", fresh["id"])["ended"] == "revoked"
    found = told(prelo(data, "audit", "--json", PRELO_KEY=boss["key"], **settings))
    acts = {(one["action"], one["detail"].get("key")) for one in found}
    assert acts >= {
        ("key.create", boss["id"]), ("key.rotate", fresh["id"]), ("key.revoke", fresh["id"]),
        ("ask", None), ("download", None),
    }  # fmt: skip
    secrets = {key["key"].split("_")[2] for key in (boss, fresh)}
    assert not any(secret in server.log for secret in secrets)
