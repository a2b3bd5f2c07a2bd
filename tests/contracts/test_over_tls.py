"""Servers that speak TLS only: spoken with where their certificate is trusted, and with no other."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from prelo.adapters.cache_redis import RedisCache
from prelo.adapters.source_sql import SqlSource
from prelo.adapters.store_sql import SqlStore
from prelo.core.errors import SourceInvalid, SourceUnavailable, Unavailable
from tests.contracts.source_cases import read, report
from tests.contracts.store_cases import draft
from tests.servers.mariadb import PASSWORD, Mariadb
from tests.servers.postgresql import Postgresql
from tests.servers.redis import Redis

STRANGERS = certifi.where()  # authorities that have signed none of these certificates


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("tls") / "redis", tls=True)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postgresql_server() -> Iterator[Postgresql]:
    server = Postgresql(tls=True)
    yield server
    server.close()


@pytest.fixture(scope="module")
def mariadb_server() -> Iterator[Mariadb]:
    server = Mariadb(tls=True)
    yield server
    server.close()


def trusting(server: Postgresql, authority: Path | str | None) -> str:
    return f"{server.url}?sslmode=verify-full&sslrootcert={authority}"


async def test_redis(redis_server: Redis):
    cache = RedisCache(f"{redis_server.url}?ssl_ca_certs={redis_server.certificate}")
    await cache.check()
    async with cache.listen("jobs") as watch:
        await cache.publish("jobs", "done")
        assert await watch.wait(5) == "done"
    await cache.close()


@pytest.mark.parametrize("trust", [f"?ssl_ca_certs={STRANGERS}", ""])
async def test_no_other_redis(redis_server: Redis, trust: str):
    stranger = RedisCache(redis_server.url + trust)
    with pytest.raises(Unavailable, match=r"at 127\.\S+ shows no certificate that is trusted here"):
        await stranger.check()
    await stranger.close()


async def test_no_redis_without_tls(redis_server: Redis):
    stranger = RedisCache(redis_server.url.replace("rediss", "redis"))
    with pytest.raises(Unavailable, match="cannot be reached"):
        await stranger.check()
    await stranger.close()


async def test_store_on_postgresql(postgresql_server: Postgresql):
    url = trusting(postgresql_server, postgresql_server.certificate)
    store, other = SqlStore(url), SqlStore(url)
    await store.migrate()
    await store.check()
    heard = asyncio.create_task(store.stirred(60))  # on a connection of its own
    async with asyncio.timeout(20):
        for subject in itertools.count():
            await other.submit(draft(subject))
            await asyncio.wait({heard}, timeout=0.2)
            if heard.done():
                break
    await store.close()
    await other.close()


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (f"verify-full&sslrootcert={STRANGERS}", "no certificate that is trusted here"),
        ("disable", "refuses the user or the password"),
    ],
)
async def test_no_other_store(postgresql_server: Postgresql, mode: str, said: str):
    store = SqlStore(f"{postgresql_server.url}?sslmode={mode}")
    with pytest.raises(Unavailable, match=said):
        await store.check()
    await store.close()


async def test_no_store_without_tls(postgresql: str):
    store = SqlStore(f"{postgresql}?sslmode=require")  # this server has none
    with pytest.raises(Unavailable, match="no certificate"):
        await store.check()
    await store.close()


def test_source_on_postgresql(postgresql_server: Postgresql):
    url = trusting(postgresql_server, postgresql_server.certificate)
    query = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
    assert read(SqlSource({"default": url}), report(query=query)).row(0) == (True,)


@pytest.mark.parametrize("wrong", [f"verify-full&sslrootcert={STRANGERS}", "disable"])
def test_no_other_source_on_postgresql(postgresql_server: Postgresql, wrong: str):
    source = SqlSource({"default": f"{postgresql_server.url}?sslmode={wrong}"})
    with pytest.raises((SourceInvalid, SourceUnavailable), match="database 'postgres' at 127"):
        read(source, report(query="select 1"))


@pytest.mark.usefixtures("driver")
def test_source_on_mariadb(mariadb_server: Mariadb):
    source = SqlSource({"default": f"{mariadb_server.url}?ssl_ca={mariadb_server.certificate}"})
    query = "select variable_value from information_schema.session_status where variable_name = 'ssl_version'"
    assert str(read(source, report(query=query)).row(0)[0]).startswith("TLS")


@pytest.mark.usefixtures("driver")
def test_no_other_source_on_mariadb(mariadb_server: Mariadb):
    source = SqlSource({"default": f"{mariadb_server.url}?ssl_ca={STRANGERS}"})
    with pytest.raises((SourceInvalid, SourceUnavailable), match="at 127") as found:
        read(source, report(query="select 1"))
    assert PASSWORD not in found.value.detail
