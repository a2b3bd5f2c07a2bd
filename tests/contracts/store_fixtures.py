"""The store under test, once for each database of PLACES."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from prelo.adapters.store_sql import SqlStore
from prelo.ports import Store
from tests.contracts.store_cases import Place, PostgresqlPlace, SqlitePlace
from tests.servers.postgresql import Postgresql

_TEMPLATE = "prelo_template"


def migrated(url: str) -> None:
    """Bring the schema up there."""

    async def migrate() -> None:
        store = SqlStore(url)
        await store.migrate()
        await store.close()

    with ThreadPoolExecutor(1) as aside:  # whoever asks may have a loop of its own
        aside.submit(lambda: asyncio.run(migrate())).result()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "prelo.db"
    migrated(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server's database for administration."""
    given = os.environ.get("PRELO_TEST_POSTGRESQL")
    if given:
        yield given
        return
    server = Postgresql(tmp_path_factory.mktemp("postgresql") / "server")
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def postgresql_template(postgresql: str) -> str:
    """The name of a database with the tables in it."""
    name = f"{_TEMPLATE}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    migrated(postgresql.rpartition("/")[0] + f"/{name}")
    return name


def _sqlite(request: pytest.FixtureRequest) -> Place:
    folder: Path = request.getfixturevalue("tmp_path") / secrets.token_hex(4)
    return SqlitePlace(folder, request.getfixturevalue("template"))


def _postgresql(request: pytest.FixtureRequest) -> Place:
    return PostgresqlPlace(
        request.getfixturevalue("postgresql"), request.getfixturevalue("postgresql_template")
    )


PLACES: dict[str, Callable[[pytest.FixtureRequest], Place]] = {
    "postgresql": _postgresql,
    "sqlite": _sqlite,
}


@pytest.fixture(params=sorted(PLACES))
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A place on each kind of database."""
    place = PLACES[request.param](request)
    yield place
    await place.close()


@pytest.fixture
async def sqlite_place(tmp_path: Path, template: Path) -> AsyncIterator[SqlitePlace]:
    place = SqlitePlace(tmp_path, template)
    yield place
    await place.close()


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()
