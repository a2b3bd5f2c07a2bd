"""A MariaDB server of our own."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pymysql

from tests.servers.certificates import certify
from tests.servers.run import Process, free_port, give_to, listens, missing, wait_until

USER = "mysql"
PASSWORD = "a-pass:word/of@tests"
_QUOTED = "a-pass%3Aword%2Fof%40tests"


class Mariadb:
    """Started when made, in a new folder, and gone with it after `close`. Not in a folder of pytest's: see
    Postgresql. `tls`: over the network it speaks nothing else.
    """

    def __init__(self, *, tls: bool = False) -> None:
        program, install = (shutil.which(name) for name in ("mariadbd", "mariadb-install-db"))
        if program is None or install is None:
            missing("MariaDB", "mariadb-server")
        self._folder = folder = Path(tempfile.mkdtemp(prefix="prelo-mariadb-"))
        self.port = free_port()
        self.certificate = certify(folder) if tls else None
        give_to(folder, USER)
        where = ["--no-defaults", f"--user={USER}", f"--datadir={folder}/data"]
        subprocess.run(
            [str(install), *where, "--auth-root-authentication-method=normal", "--skip-test-db"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        self._command = [
            str(program), *where, "--bind-address=127.0.0.1", f"--port={self.port}",
            f"--socket={folder}/socket", f"--pid-file={folder}/pid", "--skip-log-bin",
            "--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0",
            "--character-set-server=utf8mb4", *_guarded(self.certificate),
        ]  # fmt: skip
        self.start()
        self.run(
            "create database sales",
            f"create user prelo identified by '{PASSWORD}'",
            "grant all on *.* to prelo",
            "delete from mysql.global_priv where user = ''",  # who would be taken for prelo
            "flush privileges",
        )

    @property
    def url(self) -> str:
        return f"mariadb://prelo:{_QUOTED}@127.0.0.1:{self.port}/sales"

    def connect(self) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        """As the administrator, by a client that is not the source's own choice."""
        return pymysql.connect(
            unix_socket=f"{self._folder}/socket", user="root", charset="utf8mb4", autocommit=True
        )

    def run(self, *statements: str) -> None:
        """Statements of the administrator, in no database."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    def start(self) -> None:
        """Again, after stop() or kill()."""
        self._process = Process(self._command, self._folder / "log.txt", {"PATH": "/usr/bin:/bin"})
        wait_until(self._answers, 30, "MariaDB")

    def kill(self) -> None:
        """As a machine that loses power, but for the disk's cache."""
        self._process.stop(signal.SIGKILL)

    def close(self) -> None:
        """Stop, for good."""
        self.kill()
        shutil.rmtree(self._folder)

    def _answers(self) -> bool:
        if not listens(self.port):
            return False
        try:
            self.connect().close()
        except pymysql.MySQLError:
            return False
        return True


def _guarded(certificate: Path | None) -> list[str]:
    if certificate is None:
        return []
    key = certificate.with_name("key.pem")
    give_to(key, USER)
    return ["--require-secure-transport=on", f"--ssl-cert={certificate}", f"--ssl-key={key}"]
