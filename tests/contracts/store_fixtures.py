"""The store under test, once for each place of PLACES."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prelo.adapters.store_sql import SqlStore
from prelo.ports import Store
from tests.contracts.store_cases import PLACES, SqlitePlace


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "prelo.db"

    async def migrate() -> None:
        store = SqlStore(f"sqlite:///{path}")
        await store.migrate()
        await store.close()

    asyncio.run(migrate())
    return path


@pytest.fixture(params=sorted(PLACES))
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, template: Path
) -> AsyncIterator[SqlitePlace]:
    place = PLACES[request.param](tmp_path, template)
    yield place
    await place.close()


@pytest.fixture
def store(place: SqlitePlace) -> Store:
    return place.open()
