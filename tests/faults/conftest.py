import contextlib
import secrets
from collections.abc import Generator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults.plant import Plant
from tests.servers.fixtures import postgresql, postgresql_template

__all__ = ["postgresql", "postgresql_template"]


@pytest.fixture
def plant(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plant]:
    """On the embedded default, or where `request.param` says: "postgresql", its doorbells included."""
    with contextlib.ExitStack() as stack:
        settings: dict[str, str] = {}
        if getattr(request, "param", "embedded") == "postgresql":
            url = stack.enter_context(_database(request))
            settings = {"store": url, "broker": url}
        yield Plant(tmp_path, **settings)


@contextlib.contextmanager
def _database(request: pytest.FixtureRequest) -> Generator[str]:
    server: str = request.getfixturevalue("postgresql")
    template: str = request.getfixturevalue("postgresql_template")
    name = f"prelo_plant_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        yield server.rpartition("/")[0] + f"/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
