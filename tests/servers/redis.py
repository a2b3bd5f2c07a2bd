"""A Redis server of our own."""

import os
import shutil
import signal
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.run import Process, free_port, missing, wait_until

PASSWORD = "a-pass:word/of@tests"
_QUOTED = "a-pass%3Aword%2Fof%40tests"


class Redis:
    """Started when made, in `folder`; asks for a password and keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        if program is None:
            missing("Redis", "redis-server")
        folder.mkdir(parents=True)
        self.port = free_port()
        self._log = folder / "log.txt"
        self._command = [
            str(program), "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD,
            "--dir", str(folder), "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:{_QUOTED}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Again, after stop() or kill()."""
        self._process = Process(self._command, self._log, {"PATH": os.environ["PATH"]})
        wait_until(lambda: self.says("PING") == "+PONG", 10, "Redis")

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """As a machine that loses power."""
        self._process.stop(signal.SIGKILL)

    @contextmanager
    def paused(self) -> Generator[None]:
        """Connections stay open, and are accepted by the system, but nothing answers."""
        self._process.tell(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.tell(signal.SIGCONT)
            wait_until(lambda: self.says("PING") == "+PONG", 10, "Redis")

    def says(self, command: str, seconds: float = 1) -> str:
        """The first line of its answer to an inline command; "" if there is none in time."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), seconds) as talk:
                talk.settimeout(seconds)
                talk.sendall(f'AUTH "{PASSWORD}"\r\n{command}\r\n'.encode())
                lines = talk.makefile("r", newline="\r\n")
                return lines.readline() and lines.readline().strip()
        except OSError:
            return ""
