"""The store under test, once for each database of PLACES."""

import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from prelo.adapters.store_sql import SqlStore
from prelo.couriers import Notices
from prelo.ports import Store
from tests.contracts.store_cases import Place, PostgresqlPlace, SqlitePlace
from tests.servers.fixtures import migrated


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "prelo.db"
    migrated(f"sqlite:///{path}")
    return path


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


@pytest.fixture
def notices(store: Store) -> Notices:
    """Of the same store."""
    assert isinstance(store, SqlStore)
    return store.notices
