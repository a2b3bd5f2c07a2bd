"""Fixtures of the contract suites; each port's stand in a file of their own."""

from tests.contracts.redis_fixtures import redis
from tests.contracts.s3_fixtures import bucket_of, keys, moto, radosgw
from tests.contracts.store_fixtures import (
    place,
    postgresql,
    postgresql_template,
    sqlite_place,
    store,
    template,
)

__all__ = [
    "bucket_of",
    "keys",
    "moto",
    "place",
    "postgresql",
    "postgresql_template",
    "radosgw",
    "redis",
    "sqlite_place",
    "store",
    "template",
]
