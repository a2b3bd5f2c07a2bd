"""A PostgreSQL server of our own."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.servers.certificates import certify
from tests.servers.run import Process, as_user, free_port, give_to, listens, missing, wait_until

USER = "postgres"
_SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
fsync = {fsync}
full_page_writes = off
max_connections = 200
shared_buffers = 64MB
log_min_messages = fatal
"""


class Postgresql:
    """Started when made, in a new folder, and gone with it after `close`. `durable`: commits reach the disk,
    as in production. `tls`: only who speaks it is let in.

    Not in a folder of pytest's: each run of pytest closes those to other users, and the server must not be
    root.
    """

    def __init__(self, *, durable: bool = False, tls: bool = False) -> None:
        self._programs = _programs()
        self._folder = folder = Path(tempfile.mkdtemp(prefix="prelo-postgresql-"))
        self._data, self._log = folder / "data", folder / "log"
        self.port = free_port()
        give_to(folder, USER)
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "--no-sync", "-E", "UTF8",
                  "--locale=C.UTF-8")  # fmt: skip
        settings = _SETTINGS.format(port=self.port, folder=folder, fsync="on" if durable else "off")
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write(settings)
        self.certificate = self._guarded() if tls else None
        self.start()

    @property
    def url(self) -> str:
        return self.of("postgres")

    def of(self, database: str) -> str:
        """The URL of a database there."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Again, after stop() or kill()."""
        command = [*as_user(USER), self._programs / "postgres", "-D", self._data]
        self._process = Process(command, self._log.with_suffix(".txt"), _environment())
        wait_until(self._answers, 20, "PostgreSQL")

    def stop(self) -> None:
        """At once: transactions that run are undone."""
        self._process.stop(signal.SIGINT)

    def kill(self) -> None:
        """As a machine that loses power, but for the disk's cache."""
        self._process.stop(signal.SIGKILL)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def close(self) -> None:
        """Stop, for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def _guarded(self) -> Path:
        """A certificate, and no way past it but for the server's own machine."""
        found = certify(self._data)
        for file in (found, found.with_name("key.pem")):
            give_to(file, USER)
            file.chmod(0o600)
        with (self._data / "postgresql.conf").open("a") as conf:
            conf.write("ssl = on\nssl_cert_file = 'certificate.pem'\nssl_key_file = 'key.pem'\n")
        (self._data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust\n")
        return found

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [*as_user(USER), self._programs / program, *arguments],
            check=True, capture_output=True, cwd="/", env=_environment(),
        )  # fmt: skip


def _environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/", "LC_ALL": "C.UTF-8"}


def _programs() -> Path:
    """The folder of the newest version's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if found:
        return found[-1].parent
    where = shutil.which("initdb")
    if where is None:
        missing("PostgreSQL", "postgresql")
    return Path(str(where)).resolve().parent
