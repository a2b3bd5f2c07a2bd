"""A RabbitMQ server of our own: a node, or several, with its own cookie and its own port mapper (epmd)."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.servers.run import Process, free_port, listens, missing, wait_until

USER, PASSWORD, VIRTUAL_HOST = "prelo", "the-password-of-the-tests", "tests"
_SECONDS = 60  # for the node to boot: 4 s on an idle machine, many times that beside a whole run
_PLAIN = """
listeners.tcp.default = 127.0.0.1:{port}
"""
_TLS = """
listeners.tcp = none
listeners.ssl.default = 127.0.0.1:{port}
ssl_options.certfile = {folder}/certificate.pem
ssl_options.keyfile = {folder}/key.pem
ssl_options.verify = verify_none
ssl_options.fail_if_no_peer_cert = false
"""
_SETTINGS = """
default_user = {user}
default_pass = {password}
default_vhost = {virtual_host}
loopback_users = none
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 50MB
log.console.level = warning
log.file = false
"""
_JOINS = """
cluster_formation.peer_discovery_backend = classic_config
cluster_formation.classic_config.nodes.1 = {first}
cluster_formation.randomized_startup_delay_range.min = 0
cluster_formation.randomized_startup_delay_range.max = 1
"""
# One scheduler that does not spin while it waits: a node beside the tests must not eat a core.
_QUIET = "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none"


class Rabbitmq:
    """Started when made, in `folder`. Any number may run on one machine. `tls`: with the certificate.pem and
    key.pem that stand in the folder. `joins`: the first node of a cluster, which is closed after all others.
    """

    def __init__(self, folder: Path, *, tls: bool = False, joins: "Rabbitmq | None" = None) -> None:
        self._programs = _programs()
        self._folder = folder
        self.port, self._node_port = free_port(), free_port()
        self._mapper_port = joins._mapper_port if joins else free_port()
        self._name = f"prelo{self.port}@localhost"
        self._mapper: Process | None = None
        folder.mkdir(parents=True, exist_ok=tls)
        cookie = folder / ".erlang.cookie"
        cookie.write_text("COOKIEOFTHETESTS")
        cookie.chmod(0o400)  # Erlang refuses one that others can read
        settings = ((_TLS if tls else _PLAIN) + _SETTINGS).format(
            port=self.port, user=USER, password=PASSWORD, virtual_host=VIRTUAL_HOST, folder=folder
        )
        settings += _JOINS.format(first=joins._name) if joins else ""
        (folder / "rabbitmq.conf").write_text(settings)
        (folder / "enabled_plugins").write_text("[].\n")
        if joins is None:
            # In the foreground: the node would start one as a daemon that outlives the tests.
            self._mapper = Process(
                ["epmd", "-address", "127.0.0.1", "-port", str(self._mapper_port)],
                folder / "epmd.txt", self._environment(),
            )  # fmt: skip
        try:
            wait_until(lambda: listens(self._mapper_port), 10, "Erlang's port mapper")
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        return self.of()

    def of(self, password: str = PASSWORD, virtual_host: str = VIRTUAL_HOST) -> str:
        """The URL with another password or virtual host."""
        return f"amqp://{USER}:{password}@127.0.0.1:{self.port}/{virtual_host}"

    def start(self) -> None:
        """Again, after stop() or kill(), with what was on the disk."""
        self._process = Process(
            [self._programs / "rabbitmq-server"], self._folder / "node.txt", self._environment()
        )
        wait_until(lambda: listens(self.port), _SECONDS, "RabbitMQ")

    def stop(self) -> None:
        """End the node in good order."""
        self._process.stop(signal.SIGTERM, seconds=30)

    def kill(self) -> None:
        """As a machine that loses power, but for the disk's cache."""
        self._process.stop(signal.SIGKILL)

    def wipe(self) -> None:
        """Lose everything on the disk, and start again."""
        self.kill()
        shutil.rmtree(self._folder / "data")
        self.start()

    def tell(self, number: int) -> None:
        """A signal to the node, as SIGSTOP."""
        self._process.tell(number)

    def close(self) -> None:
        """End everything; nothing of it is needed again."""
        if hasattr(self, "_process"):
            self.kill()
        if self._mapper:
            self._mapper.stop()

    def rabbitmqctl(self, *arguments: str) -> str:
        """What the server's own tool says, after it did what it was told."""
        done = subprocess.run(
            [self._programs / "rabbitmqctl", "--quiet", *arguments],
            check=True, capture_output=True, text=True, timeout=_SECONDS, env=self._environment(),
        )  # fmt: skip
        return done.stdout

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,  # where the cookie is looked for
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._mapper_port),
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_BASE": folder,
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                f"{_QUIET} -kernel inet_dist_use_interface {{127,0,0,1}}"
            ),
            "RABBITMQ_CTL_ERL_ARGS": _QUIET,
            # The script becomes the node, so that a signal reaches the node itself.
            "RUNNING_UNDER_SYSTEMD": "true",
        }


def _programs() -> Path:
    """The folder of the server's own scripts: Debian's in the path change the user."""
    debian = Path("/usr/lib/rabbitmq/bin")
    if (debian / "rabbitmq-server").exists() and shutil.which("epmd"):
        return debian
    where = shutil.which("rabbitmq-server")
    if where is None or shutil.which("epmd") is None:
        missing("RabbitMQ", "rabbitmq-server")
    return Path(str(where)).resolve().parent
