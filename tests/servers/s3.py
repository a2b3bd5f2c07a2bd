"""S3 servers of our own: moto, which is quick, and Ceph's radosgw, which checks signatures."""

import os
import shutil
import signal
import subprocess
import sys
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from tests.servers.run import Process, free_port, missing, wait_until

KEY, SECRET, REGION = "prelo-tests", "a+secret/of=tests", "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
_PROGRAMS = ("ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "radosgw", "radosgw-admin")
_USERS = ("mon.", "client.admin", "osd.0", "mgr.x", "client.rgw")
_ALL = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")


def client(endpoint: str) -> Any:
    """A client that is not ours, with the keys of the environment, else those of our own servers."""
    import boto3  # it comes with moto
    from botocore.config import Config

    path_style: Any = {"addressing_style": "path"}
    given = {} if "AWS_ACCESS_KEY_ID" in os.environ else KEYS
    keys = {name.lower(): value for name, value in given.items() if name != "AWS_REGION"}
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, config=Config(s3=path_style), **keys
    )


class Moto:
    """Started when made. Keeps everything in memory, and believes whatever key it is shown."""

    def __init__(self, folder: Path) -> None:
        if find_spec("moto") is None or find_spec("flask") is None:
            missing("moto's server", "nothing; pip install 'moto[server]'")
        folder.mkdir(parents=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = Process(command, folder / "log.txt", dict(os.environ) | KEYS)
        wait_until(lambda: _answers(self.endpoint), 30, "moto's server")

    def stop(self) -> None:
        self._process.stop(signal.SIGKILL)


class Radosgw:
    """A Ceph of one monitor, one manager and one store in memory, with its S3 door. Up in about 15 s."""

    def __init__(self, folder: Path) -> None:
        if not all(map(shutil.which, _PROGRAMS)):
            missing("Ceph", "radosgw ceph-mon ceph-mgr ceph-osd")
        self._folder = folder
        for name in ("mon", "mgr", "osd0", "rgw", "run", "log"):
            (folder / name).mkdir(parents=True)
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._environment = {"PATH": os.environ["PATH"], "CEPH_CONF": str(folder / "ceph.conf")}
        self._processes: list[Process] = []
        try:
            self._cluster()
            self._door()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.stop(signal.SIGKILL)  # nothing of it is kept

    def _cluster(self) -> None:
        cluster = str(uuid.uuid4())
        first, second = free_port(), free_port()
        monitor = f"[v2:127.0.0.1:{first},v1:127.0.0.1:{second}]"
        conf = _CONF.format(folder=self._folder, cluster=cluster, monitor=monitor, port=self.port)
        (self._folder / "ceph.conf").write_text(conf)
        (self._folder / "keyring").touch()
        for user in _USERS:
            self._run("ceph-authtool", "keyring", "--gen-key", "-n", user, *_ALL)
        self._run("monmaptool", "--create", "--fsid", cluster, "--addv", "a", monitor, "monmap")
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self._start("ceph-mon", "-i", "a")
        self._start("ceph-mgr", "-i", "x")
        store = str(uuid.uuid4())
        self._run("ceph", "osd", "new", store)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", store)
        self._start("ceph-osd", "-i", "0")
        self._run("ceph", "osd", "crush", "add", "0", "1.0", "root=default", "host=h")

    def _door(self) -> None:
        self._start("radosgw", "-n", "client.rgw")
        self._run("radosgw-admin", "user", "create", "--uid=prelo", "--display-name=prelo",
                  f"--access-key={KEY}", f"--secret-key={SECRET}")  # fmt: skip
        wait_until(lambda: _answers(self.endpoint), 60, "Ceph's S3 door")

    def _start(self, program: str, *arguments: str) -> None:
        log = self._folder / "log" / f"{program}.txt"
        command = [program, *arguments, "-f"]
        self._processes.append(Process(command, log, self._environment))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [program, *arguments], check=False, capture_output=True, timeout=60, cwd=self._folder,
            env=self._environment, text=True,
        )  # fmt: skip
        assert done.returncode == 0, f"{program} {arguments}: {done.stderr}"


def _answers(endpoint: str) -> bool:
    try:
        return httpx.get(endpoint, timeout=5).is_success
    except httpx.HTTPError:
        return False


_CONF = """
[global]
fsid = {cluster}
mon host = {monitor}
mon initial members = a
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
public network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
mon cluster log file = {folder}/log/cluster.log
log to stderr = false
mon data = {folder}/mon
mgr data = {folder}/mgr
osd data = {folder}/osd0
rgw data = {folder}/rgw
crash dir = {folder}/run
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = 127.0.0.1
rgw thread pool size = 32
"""
