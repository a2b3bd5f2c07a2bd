"""The servers as fixtures, started once for all tests of a process."""

import asyncio
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from prelo.adapters.store_sql import SqlStore
from tests.servers.postgresql import Postgresql


def migrated(url: str) -> None:
    """Bring the schema up there."""

    async def migrate() -> None:
        store = SqlStore(url)
        await store.migrate()
        await store.close()

    with ThreadPoolExecutor(1) as aside:  # whoever asks may have a loop of its own
        aside.submit(lambda: asyncio.run(migrate())).result()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a server's database for administration."""
    given = os.environ.get("TESTS_POSTGRESQL")
    if given:
        yield given
        return
    server = Postgresql()
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> Iterator[str]:
    """The name of a database with the tables in it."""
    name = f"prelo_template_{secrets.token_hex(6)}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        migrated(postgresql.rpartition("/")[0] + f"/{name}")
        yield name
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
