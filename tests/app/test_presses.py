"""Presses that do not behave: each ends as a clear failure, and nothing of it is left running."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from prelo.adapters.press_process import ProcessPress, ProcessPresses
from prelo.core.errors import PressLost, Unavailable
from prelo.core.report import Catalog, Limits
from prelo.core.request import Caller, Request, order
from prelo.ports import Task
from tests.app.conftest import REPORTS

GREETING = """
import json, os, subprocess, sys, time
sys.stdin.readline()
print('{"ready": 1}', flush=True)
sys.stdin.readline()
"""
# A child of the press, as a report may leave one: it notes its id and lives on, holding the pipe.
FORK = """
if not os.fork():
    {first}
    open({path!r}, "w").write(str(os.getpid()))
    time.sleep(100)
while not os.path.exists({path!r}):
    time.sleep(0.01)
"""
PARENT = """
import asyncio, sys
from prelo.adapters.press_process import ProcessPresses
from tests.app.test_presses import task

async def main():
    press = await ProcessPresses(sys.argv[1:], "{}", jobs=9, memory=1 << 40).start()
    print(press._child.result().pid, flush=True)
    await press.render(task(), print)

asyncio.run(main())
"""


def task() -> Task:
    asked = Request.model_validate({"columns": [{"name": "n"}], "rows": [[1]], "format": "csv"})
    ordered, report = order(asked, Catalog(), Caller())
    return Task(
        job_id="j", order=ordered, report=report, limits=Limits(), key="t/j/0/1.csv", name="n.csv"
    )


@asynccontextmanager
async def pressing(program: str) -> AsyncGenerator[ProcessPress]:
    """A press whose child is this program."""
    presses = ProcessPresses([sys.executable, "-c", program], "{}", jobs=9, memory=1 << 40)
    press = await presses.start()
    try:
        yield press
    finally:
        await press.close()


def child(press: Any) -> int:
    return press._child.result().pid


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "word",
    [
        "not json",
        '{"pressed": {"artifact": 1}}',
        '{"progress": []}',
        "[]",
        '{"memory": 1}',
        '{"failed": {"type": "x", "title": "y", "detail": "\\udcff"}}',
    ],
)
async def test_a_press_that_says_nonsense_is_lost(word: str):
    async with pressing(f"{GREETING}print({word!r}, flush=True); sys.stdin.readline()") as press:
        with pytest.raises(PressLost):
            await press.render(task(), print)


async def test_a_line_without_end_is_nonsense_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prelo.adapters.press_process._LINE", 1 << 16)
    flood = f"{GREETING}print('x' * (1 << 20), flush=True); sys.stdin.readline()"
    async with pressing(flood) as press:
        pid = child(press)
        with pytest.raises(PressLost):
            await press.render(task(), print)
        await gone(pid)


async def test_a_press_that_closes_its_mouth_and_lives_is_lost():
    async with pressing(f"{GREETING}os.close(1); time.sleep(100)") as press:
        pid = child(press)
        async with asyncio.timeout(20):
            with pytest.raises(PressLost):
                await press.render(task(), print)
        await gone(pid)


@pytest.mark.parametrize("first", ["pass", "os.setsid()"], ids=["in its group", "in its own"])
async def test_a_press_that_dies_is_noticed_though_its_children_hold_the_pipe(
    tmp_path: Path, first: str
):
    path = tmp_path / "pid"
    fork = FORK.format(first=first, path=str(path))
    async with pressing(f"{GREETING}{fork}\nos._exit(3)") as press:
        async with asyncio.timeout(20):
            with pytest.raises(PressLost, match="exit code 3"):
                await press.render(task(), print)
        pid = int(path.read_text())
        if first == "pass":
            await gone(pid)
        else:
            os.kill(pid, signal.SIGKILL)


async def test_a_press_can_be_killed_though_its_children_left_the_group(tmp_path: Path):
    path = tmp_path / "pid"
    fork = FORK.format(first="os.setsid()", path=str(path))
    async with pressing(f"{GREETING}{fork}\ntime.sleep(100)") as press:
        pid = child(press)
        rendering = asyncio.create_task(press.render(task(), print))
        while not path.exists():
            await asyncio.sleep(0.02)
        rendering.cancel()
        async with asyncio.timeout(20):
            with contextlib.suppress(asyncio.CancelledError):
                await rendering
        await gone(pid)
        os.kill(int(path.read_text()), signal.SIGKILL)


async def test_a_press_that_never_greets_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("prelo.adapters.press_process._START", 0.5)
    with pytest.raises(Unavailable, match="did not start within"):
        async with pressing("import time; time.sleep(100)"):
            pass


async def test_a_press_that_cannot_be_started_is_said():
    with pytest.raises(Unavailable, match="exit code 7"):
        async with pressing("raise SystemExit(7)"):
            pass
    with pytest.raises(Unavailable, match="No such file"):
        await ProcessPresses(["/no/such/press"], "{}", jobs=9, memory=1 << 40).start()


async def test_the_presses_of_a_killed_worker_end_and_so_does_what_they_started(tmp_path: Path):
    """The real press, with a report that has started a process and now computes for ever."""
    path = tmp_path / "pid"
    report = (
        "import prelo.entry.press as p, subprocess\n"
        "def busy(*_):\n"
        "    child = subprocess.Popen(['sleep', '100'])\n"
        f"    open({str(path)!r}, 'w').write(str(child.pid))\n"
        "    while True: pass\n"
        "p.kit = lambda config: None\np.Config.model_validate_json = lambda line: p.Config()\n"
        "p.press = busy\np.main()\n"
    )
    command = [sys.executable, "-c", PARENT, sys.executable, "-c", report]
    with subprocess.Popen(  # noqa: ASYNC220
        command, stdout=subprocess.PIPE, cwd=REPORTS.parents[2]
    ) as parent:
        assert parent.stdout
        press = int(await asyncio.to_thread(parent.stdout.readline))
        async with asyncio.timeout(20):
            while not path.exists() or not path.read_text():
                await asyncio.sleep(0.02)
        parent.kill()
    await gone(press)
    await gone(int(path.read_text()))
