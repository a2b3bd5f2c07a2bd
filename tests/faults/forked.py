"""Processes that start in a moment: forked from one that has imported everything, and done nothing yet."""

import os
import subprocess
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Self

_FORKS = get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "tests.faults.process",
        "uvicorn.protocols.http.httptools_impl",
        "prelo.entry.api.http",
        "prelo.adapters.store_sql",
        "prelo.adapters.files_object",
        "prelo.adapters.catalog_folder",
        "prelo.adapters.press_process",
    ]
)


class Forked:
    """`main(told)` in a process of its own, as much of a Popen as is needed of one: its standard output is
    to be read, its errors go to the end of `log`.
    """

    def __init__(self, main: Callable[[Any], None], told: Any, log: Path) -> None:
        said, saying = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(
            target=_run, args=(main, told, saying, str(log), dict(os.environ)), daemon=True
        )
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
    errors = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(saying.fileno(), 1)
    os.dup2(errors, 2)
    saying.close()
    os.close(errors)
    main(told)
