"""Processes that start in a moment: forked from one that has imported everything, and done nothing yet.

What they run is the same as if they had been started, a tenth of the time later.
"""

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

from prelo.adapters.press_process import ProcessPress, ProcessPresses
from prelo.entry import press

_FORKS = get_context("forkserver")
# What a press says before it imports Arrow; see prelo.entry.press.
os.environ.setdefault("MIMALLOC_ARENA_RESERVE", "64MiB")
# Not the command line itself: what it imports looks at the environment.
_FORKS.set_forkserver_preload(
    [
        "httpx",
        "polars",
        "prelo.adapters.catalog_folder",
        "prelo.adapters.files_object",
        "prelo.adapters.datasets_arrow",
        "prelo.adapters.press_process",
        "prelo.adapters.source_file",
        "prelo.adapters.source_python",
        "prelo.adapters.source_rows",
        "prelo.adapters.source_sql.source",
        "prelo.adapters.store_sql",
        "prelo.entry.api.http",
        "prelo.formats.csv",
        "prelo.formats.pdf",
        "prelo.formats.xlsx",
        "tests.faults.process",
        "uvicorn.protocols.http.httptools_impl",
    ]
)


class Forked:
    """`main(told)` in a process of its own, as much of a Popen as is needed of one: its standard output is
    to be read, its errors go to the end of `log`.
    """

    def __init__(self, main: Callable[[Any], None], told: Any, log: Path) -> None:
        said, saying = _FORKS.Pipe(duplex=False)
        asked = (main, told, saying, str(log), dict(os.environ))
        self._process = _FORKS.Process(target=_run, args=asked, daemon=True)
        self._process.start()
        saying.close()
        self.stdout = os.fdopen(os.dup(said.fileno()), encoding="utf-8")
        said.close()
        self.pid = self._process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.wait()


def _run(
    main: Callable[[Any], None], told: Any, saying: Any, log: str, environment: dict[str, str]
) -> None:
    os.environ.update(environment)
    os.dup2(saying.fileno(), 1)
    saying.close()
    _onto(2, log)
    _orderly(main, told)


def begun(words: Sequence[str], environment: Mapping[str, str], log: Path) -> Forked:
    """The command `prelo` with these words, while it runs."""
    return Forked(_words, (list(words), dict(environment)), log)


def _words(told: tuple[list[str], dict[str, str]]) -> None:
    words, environment = told
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["prelo", *words]
    from prelo.entry.cli import main

    main()


class Presses(ProcessPresses):
    """The product's, but for how a child begins."""

    async def start(self) -> ProcessPress:
        started = _Press(self)
        await started.warm()
        return started


class _Press(ProcessPress):
    async def _begin(self) -> Any:
        ours, theirs = socket.socketpair()
        with theirs:
            process = _FORKS.Process(target=_press, args=(theirs,), daemon=True)
            process.start()
        return _Child(process, *await asyncio.open_connection(sock=ours, limit=1 << 26))


class _Child:
    """As much of asyncio's Process as a press needs of its child."""

    def __init__(
        self, process: Any, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter
    ) -> None:
        self._process, self.stdout, self.stdin = process, stdout, stdin
        self.pid = process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    async def wait(self) -> None:
        while self.returncode is None:
            await asyncio.sleep(0.005)


def _press(line: socket.socket) -> None:
    os.setsid()
    os.dup2(line.fileno(), 0)
    os.dup2(line.fileno(), 1)
    line.close()
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    press.main()


def prelo(
    words: Sequence[str], cwd: Path, environment: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """What the command `prelo` with these words says, and how it ends; nobody types anything."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        asked = (list(words), str(cwd), dict(environment), str(out), str(err))
        process = _FORKS.Process(target=_command, args=asked, daemon=True)
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(words), timeout)
        return subprocess.CompletedProcess(
            list(words), process.exitcode, out.read_text("utf-8"), err.read_text("utf-8")
        )


def _command(words: list[str], cwd: str, environment: dict[str, str], out: str, err: str) -> None:
    _onto(1, out)
    _onto(2, err)
    os.chdir(cwd)
    _orderly(_words, (words, environment))


def _orderly(main: Callable[..., None], *told: Any) -> None:
    """With what is done at an interpreter's exit, which multiprocessing leaves out."""
    try:
        main(*told)
    finally:
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]


def _onto(number: int, path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, number)
    os.close(file)
