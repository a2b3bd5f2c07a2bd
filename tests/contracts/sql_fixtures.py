"""Databases that rows come from: a new one in the servers for each test that asks."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from prelo.adapters.source_sql import SqlSource
from tests.servers.mariadb import Mariadb


@dataclass(frozen=True)
class Place:
    """A database; `run` makes what is in it, by a client that is not the source's."""

    url: str
    run: Callable[..., None]

    @property
    def source(self) -> SqlSource:
        return SqlSource({"default": self.url})


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Mariadb]:
    server = Mariadb()
    yield server
    server.close()


@pytest.fixture
def on_postgresql(postgresql: str) -> Iterator[Place]:
    name = f"prelo_source_{secrets.token_hex(6)}"
    url = postgresql.rpartition("/")[0] + f"/{name}"

    def run(*statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield Place(url, run)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def on_mariadb(mariadb_server: Mariadb) -> Iterator[Place]:
    name = f"prelo_source_{secrets.token_hex(6)}"

    def run(*statements: str) -> None:
        with mariadb_server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"use {name}")
            for statement in statements:
                cursor.execute(statement)

    mariadb_server.run(f"create database {name}")
    yield Place(mariadb_server.url.rpartition("/")[0] + f"/{name}", run)
    mariadb_server.run(f"drop database {name}")


@pytest.fixture(params=["MySQLdb", "pymysql"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The driver of MySQL that a test is run with."""
    driven_by(request.param, monkeypatch)
    return request.param


def driven_by(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this driver of MySQL be the only one."""
    pytest.importorskip(driver, reason="pip install 'prelo[mysqlclient]', which is compiled")
    monkeypatch.setattr("prelo.adapters.source_sql.mysql.DRIVERS", (driver,))
