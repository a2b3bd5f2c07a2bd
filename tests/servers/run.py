"""Starting programs, waiting until they answer, and stopping them whatever happens."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def missing(what: str, package: str) -> None:
    """Skip the test on a laptop, fail it where CI is set."""
    reason = f"{what} is not installed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def as_user(name: str) -> list[str]:
    """What a command begins with that must not run as root."""
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--init-groups"]


def give_to(folder: Path, name: str) -> None:
    """Let this user have the folder."""
    if not os.geteuid():
        shutil.chown(folder, name, name)


def wait_until(answers: Callable[[], bool], seconds: float, what: str) -> None:
    """Ask again and again. Raises TimeoutError with `what` did not come."""
    until = time.monotonic() + seconds
    while not answers():
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not answer within {seconds:g} s")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Process:
    """A program in a session of its own."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, environment: dict[str, str]
    ) -> None:
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                cwd="/", env=environment,
            )  # fmt: skip

    @property
    def pid(self) -> int:
        return self._popen.pid

    def tell(self, number: int) -> None:
        """To the whole session."""
        os.killpg(self.pid, number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 20) -> None:
        """End it, the hard way if it does not listen."""
        if self._popen.poll() is None:
            self.tell(number)
            try:
                self._popen.wait(seconds)
            except subprocess.TimeoutExpired:
                self.tell(signal.SIGKILL)
                self._popen.wait(5)
