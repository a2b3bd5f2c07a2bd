"""A small job through the whole service: POST with `wait`, until the answer says that it has succeeded."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

TARGET_MS = 50
WARM_UP = 5


def latencies(count: int) -> list[float]:
    """Seconds of `count` requests, one after the other, each for another report of 10 rows."""
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        (Path(folder) / "reports").mkdir()
        server = subprocess.Popen(
            [
                sys.executable, "-m", "prelo", "serve", "--data", f"{folder}/data",
                "--catalog", f"{folder}/reports", "--port", str(port),
            ],
            env={**os.environ, "PRELO_LOG": "json"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                _wait_until_ready(client)
                return [_one(client, n) for n in range(WARM_UP + count)][WARM_UP:]
        finally:
            server.terminate()
            server.wait(30)


def _one(client: httpx.Client, number: int) -> float:
    body = {
        "title": "Small",
        "columns": [{"name": "n", "kind": "integer"}, {"name": "price", "kind": "money:EUR"}],
        "rows": [[number * 10 + i, "12.50"] for i in range(10)],
    }
    began = time.perf_counter()
    answer = client.post("/v1/jobs", json=body, headers={"Prefer": "wait=30"})
    seconds = time.perf_counter() - began
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "succeeded"
    return seconds


def _wait_until_ready(client: httpx.Client) -> None:
    for _ in range(300):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
