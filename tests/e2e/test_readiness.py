"""What is wrongly set up is named by /readyz, and found right again without a restart."""

import secrets
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from prelo.config import Config
from prelo.core.errors import Misconfigured
from prelo.entry.roles import _listener  # pyright: ignore[reportPrivateUsage]  before anything starts
from tests.contracts.s3_fixtures import address
from tests.e2e.test_deployments import Deployment, database, deployed
from tests.servers.rabbitmq import USER, Rabbitmq
from tests.servers.s3 import KEYS, client

EVERYWHERE = "0.0.0.0"  # noqa: S104  what has to be asked for


def readiness(http: httpx.Client) -> str:
    """What it says; empty when all is well."""
    ready = http.get("/readyz")
    assert (ready.status_code == 200) == ("detail" not in ready.json())
    return ready.json().get("detail", "")


def until(http: httpx.Client, said: str, deployment: Deployment) -> None:
    """Until the sentence has gone from what it says."""
    end = time.monotonic() + 60
    while said in (now := readiness(http)):
        assert time.monotonic() < end, (now, deployment.log)
        time.sleep(0.2)


@pytest.mark.timeout(240)  # three servers are put right, one after the other
def test_each_part_that_is_set_up_wrongly_is_named_until_it_is_right(
    tmp_path: Path, postgresql: str, rabbitmq_server: Rabbitmq, moto: str
):
    role, bucket, host = (f"late{secrets.token_hex(4)}" for _ in range(3))
    with database(postgresql) as url:
        settings = {
            "PRELO_STORE": url.replace("postgres@", f"{role}:hush@"), **KEYS,
            "PRELO_BROKER": rabbitmq_server.of(virtual_host=host), "PRELO_FILES": address(bucket, moto),
            "PRELO_CACHE": "redis://:hush@127.0.0.1:1/0",
        }  # fmt: skip
        with deployed(tmp_path / "late", ("serve",), **settings) as late, late.http(0) as http:
            said = readiness(http)
            wrong = [
                "the store is not well: the database",
                "refuses the user or the password; check PRELO_STORE",
                "the broker is not well",
                host,
                "the storage is not well",
                bucket,
            ]
            assert [part for part in wrong if part not in said] == [], said
            assert "cache" not in said  # of which nobody has need
            assert "hush" not in said
            with psycopg.connect(postgresql, autocommit=True) as db:
                db.execute(f"create role {role} login superuser".encode())
            until(http, "the store", late)
            client(moto).create_bucket(Bucket=bucket)
            until(http, "the storage", late)
            assert "the broker is not well" in readiness(http)
            assert b"Bern" in late.file("cities", "csv")  # which works without the broker
            rabbitmq_server.rabbitmqctl("add_vhost", host)
            rabbitmq_server.rabbitmqctl("set_permissions", "-p", host, USER, ".*", ".*", ".*")
            until(http, "the broker", late)
            assert readiness(http) == ""
        rabbitmq_server.rabbitmqctl("delete_vhost", host)
        with psycopg.connect(postgresql, autocommit=True) as db:
            db.execute(f"alter database {url.rpartition('/')[2]} owner to postgres".encode())


@pytest.mark.parametrize(
    ("schema", "said"), [("9999", "this program knows up to"), ("0000", "run `prelo migrate`")]
)
def test_a_database_of_another_version_is_said_and_work_under_way_goes_on(
    tmp_path: Path, postgresql: str, schema: str, said: str
):
    """As in a rolling upgrade, or after a restore: nobody is sent here, and nothing is dropped."""
    with database(postgresql) as url:
        roles = ("api", "work", "upkeep")
        with deployed(tmp_path / "old", roles, PRELO_STORE=url) as old, old.http(0) as http:
            assert readiness(http) == ""
            with psycopg.connect(url, autocommit=True) as db:
                ours = db.execute("select version_num from alembic_version").fetchone()
                db.execute("update alembic_version set version_num = %s", (schema,))
                assert f"schema {schema}" in readiness(http)
                assert said in readiness(http)
                assert b"Bern" in old.file("cities", "csv")
                db.execute("update alembic_version set version_num = %s", ours)
            assert readiness(http) == ""


def test_beyond_loopback_it_listens_only_where_callers_are_asked_who_they_are():
    with pytest.raises(Misconfigured, match=r"PRELO_HOST is 0\.0\.0\.0.*PRELO_AUTH=keys"):
        _listener(Config.load({"PRELO_HOST": EVERYWHERE, "PRELO_PORT": "0"}))
    asking = {"PRELO_HOST": EVERYWHERE, "PRELO_PORT": "0", "PRELO_AUTH": "keys"}
    with _listener(Config.load(asking)) as listener:
        assert listener.getsockname()[0] == EVERYWHERE
