"""A Redis for the contract suites."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.servers.redis import Redis


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server's database. Those who run tests at the same time have one each."""
    given = os.environ.get("TESTS_REDIS")
    if given:
        worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
        yield urlsplit(given)._replace(path=f"/{worker}").geturl()
        return
    server = Redis(tmp_path_factory.mktemp("redis") / "server")
    yield server.url
    server.stop()
