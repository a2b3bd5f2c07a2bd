"""A Redis server of our own."""

import os
import shutil
import signal
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.certificates import certify
from tests.servers.run import Process, free_port, missing, wait_until

PASSWORD = "a-pass:word/of@tests"
_QUOTED = "a-pass%3Aword%2Fof%40tests"


class Redis:
    """Started when made, in `folder`; asks for a password and keeps nothing on disk. `tls`: it speaks nothing
    else, with a certificate of its own.
    """

    def __init__(self, folder: Path, *, tls: bool = False) -> None:
        program = shutil.which("redis-server")
        if program is None:
            missing("Redis", "redis-server")
        folder.mkdir(parents=True)
        self.port = free_port()
        self._log = folder / "log.txt"
        self.certificate = certify(folder) if tls else None
        self._command = [
            str(program), *_listens(self.port, self.certificate), "--bind", "127.0.0.1",
            "--requirepass", PASSWORD, "--dir", str(folder), "--save", "", "--appendonly", "no",
        ]  # fmt: skip
        self.start()

    @property
    def url(self) -> str:
        scheme = "rediss" if self.certificate else "redis"
        return f"{scheme}://:{_QUOTED}@127.0.0.1:{self.port}/0"

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
            with self._line(seconds) as talk:
                talk.settimeout(seconds)
                talk.sendall(f'AUTH "{PASSWORD}"\r\n{command}\r\n'.encode())
                lines = talk.makefile("r", newline="\r\n")
                return lines.readline() and lines.readline().strip()
        except OSError:
            return ""

    def _line(self, seconds: float) -> socket.socket:
        line = socket.create_connection(("127.0.0.1", self.port), seconds)
        if self.certificate is None:
            return line
        trust = ssl.create_default_context(cafile=str(self.certificate))
        return trust.wrap_socket(line, server_hostname="127.0.0.1")


def _listens(port: int, certificate: Path | None) -> list[str]:
    if certificate is None:
        return ["--port", str(port)]
    return [
        "--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no",
        "--tls-cert-file", str(certificate), "--tls-key-file", str(certificate.with_name("key.pem")),
    ]  # fmt: skip
