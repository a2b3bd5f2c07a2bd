"""Fixtures of the contract suites; each port's stand in a file of their own."""

from tests.contracts.broker_fixtures import rabbitmq, rabbitmq_server, rabbitmq_url
from tests.contracts.issuer_fixtures import giver
from tests.contracts.redis_fixtures import redis
from tests.contracts.s3_fixtures import bucket_of, keys, moto, radosgw
from tests.contracts.sql_fixtures import driver, mariadb_server, on_mariadb, on_postgresql
from tests.contracts.store_fixtures import (
    notices,
    place,
    sqlite_place,
    store,
    template,
)
from tests.servers.fixtures import postgresql, postgresql_template

__all__ = [
    "bucket_of", "driver", "giver", "keys", "mariadb_server", "moto", "notices", "on_mariadb",
    "on_postgresql", "place",
    "postgresql", "postgresql_template", "rabbitmq", "rabbitmq_server", "rabbitmq_url", "radosgw", "redis",
    "sqlite_place", "store", "template",
]  # fmt: skip
