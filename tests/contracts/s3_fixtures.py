"""Buckets for the contract suites, on two servers that are not alike."""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from tests.servers.s3 import KEYS, REGION, Moto, Radosgw, client


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of moto's server."""
    if "TESTS_MOTO" in os.environ:
        yield os.environ["TESTS_MOTO"]
        return
    server = Moto(tmp_path_factory.mktemp("moto") / "server")
    yield server.endpoint
    server.stop()


@pytest.fixture(scope="session")
def radosgw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that checks signatures: the one that is given, with its keys, else Ceph."""
    given = os.environ.get("TESTS_S3") or os.environ.get("TESTS_RADOSGW")
    if given:
        yield given
        return
    server = Radosgw(tmp_path_factory.mktemp("ceph") / "server")
    yield server.endpoint
    server.stop()


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment, where the product finds them; those of TESTS_S3's server are there."""
    if "TESTS_S3" not in os.environ:
        for name, value in KEYS.items():
            monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def bucket_of() -> Callable[[str], str]:
    """Makes a bucket there, one for all tests: radosgw takes seconds for its first one."""
    made: dict[str, str] = {}

    def bucket(endpoint: str) -> str:
        if endpoint not in made:
            name = f"prelo-{secrets.token_hex(6)}"
            client(endpoint).create_bucket(Bucket=name)
            made[endpoint] = name
        return made[endpoint]

    return bucket


def address(bucket: str, endpoint: str, **options: object) -> str:
    """A URL with a prefix of its own."""
    region = os.environ.get("AWS_REGION", REGION)
    more = "".join(f"&{name}={value}" for name, value in options.items())
    place = f"{bucket}/of/{secrets.token_hex(6)}"
    return f"s3://{place}?endpoint={endpoint}&region={region}{more}"
