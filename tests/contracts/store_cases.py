"""What the suites of the store share: places to keep one, drafts, and time that passes when told to."""

import asyncio
import secrets
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from prelo.adapters.store_sql import SqlStore
from prelo.core import job as transitions
from prelo.core.errors import QueryFailed, SourceUnavailable
from prelo.core.job import Artifact, Job, accepted
from prelo.core.report import Lane
from prelo.core.request import Order
from prelo.core.rules import Rules
from prelo.core.table import Manifest
from prelo.ports import LANES, Store

LEASE = 30_000
HOUR = 3_600_000
MANIFEST = Manifest(format="csv", rows=3)
BROKEN = QueryFailed("no such column: price").problem(1)
AWAY = SourceUnavailable("the warehouse does not answer").problem(1)


class Place:
    """Where a store is kept, with the tables of this version in it."""

    url: str

    def __init__(self) -> None:
        self._stores: list[SqlStore] = []

    def open(self, rules: Rules | None = None) -> Store:
        """Another store on the same database, as another process would have."""
        store = SqlStore(self.url, rules)
        self._stores.append(store)
        return store

    async def close(self) -> None:
        for store in self._stores:
            await store.close()

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Behind the store's back; values stand in place of question marks."""
        raise NotImplementedError

    def pass_time(self, ms: int) -> None:
        """Everything stored was stored `ms` earlier: the same as if that time had passed."""
        ages = {
            "job": "run_at lease_until cancel_requested_at deadline_at expires_at created_at "
            "started_at finished_at fair_key",
            "outbox": "available_at sent_at",
            "idempotency": "expires_at",
            "audit": "at",
            "api_key": "created_at expires_at used_at revoked_at",
            "loss": "at",
            "schedule": "paused_until next_fire_at created_at updated_at",
            "firing": "at until try_at created_at ended_at",
            "webhook": "old_until created_at",
            "notice": "due_at lease_until created_at settled_at",
            "notice_try": "at",
            "transition": "at",
            "dataset": "created_at expires_at",
        }
        for table, columns in ages.items():
            changes = ", ".join(f"{column} = {column} - {ms}" for column in columns.split())
            self.sql(f"UPDATE {table} SET {changes}")


class SqlitePlace(Place):
    """A database file, its schema copied from one that was migrated once."""

    def __init__(self, folder: Path, template: Path) -> None:
        super().__init__()
        folder.mkdir(exist_ok=True)
        self.path = folder / "prelo.db"
        self.url = f"sqlite:///{self.path}"
        shutil.copy(template, self.path)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(self.path, timeout=10)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows


class PostgresqlPlace(Place):
    """A database of its own, copied from one that was migrated once, on the server at `server`."""

    def __init__(self, server: str, template: str) -> None:
        super().__init__()
        self._server, self._name = server, f"prelo_{secrets.token_hex(6)}"
        self.url = server.rpartition("/")[0] + f"/{self._name}"
        _administer(server, f"CREATE DATABASE {self._name} TEMPLATE {template}")

    async def close(self) -> None:
        await super().close()
        _administer(self._server, f"DROP DATABASE {self._name} WITH (FORCE)")

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            done = connection.execute(statement.replace("?", "%s").encode(), values)
            return done.fetchall() if done.description else []


def _administer(server: str, statement: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.encode())


def draft(subject: object = 1, tenant: str = "acme", **chosen: Any) -> Job:
    """A job to submit; drafts of one tenant and subject ask for the same."""
    order = Order(
        tenant=tenant,
        scope="",
        report="sales",
        version=3,
        report_digest="abc",
        parameters={"subject": str(subject)},
        format="csv",
        locale="en",
        timezone="UTC",
        overflow="split_sheets",  # pyright: ignore[reportArgumentType]  read as one
    )
    return accepted(order, **chosen)


async def claimed(store: Store, owner: str = "w1", lanes: tuple[Lane, ...] = LANES) -> Job:
    """The next job, which must be there."""
    job = await store.claim(lanes, owner, LEASE)
    assert job is not None
    return job


async def running(store: Store, subject: object = 1, **chosen: Any) -> Job:
    """A job that w1 has claimed."""
    await store.submit(draft(subject, **chosen))
    return await claimed(store)


def artifact_of(job: Job) -> Artifact:
    key = job.artifact_key("n", "csv")
    return Artifact(key=key, name="sales.csv", media_type="text/csv", size=9, sha256="0" * 64)


def succeed(job: Job, now: int) -> Job:
    return transitions.succeed(job, now, artifact_of(job), MANIFEST)


def fail(job: Job, now: int) -> Job:
    return transitions.fail(job, now, BROKEN)


def retry(job: Job, now: int) -> Job:
    return transitions.retry(job, now, AWAY, 5_000)


def give_up(job: Job, now: int) -> Job:
    return transitions.retry(job, now, AWAY, None)


async def succeeded(store: Store, subject: object = 1, **chosen: Any) -> Job:
    """A job that w1 has ended well."""
    done = await store.move(await running(store, subject, **chosen), succeed)
    assert done is not None
    return done


async def steps(store: Store, job_id: str) -> list[str]:
    """The log in words: 'queued running succeeded'."""
    return [change.after.value for change in await store.transitions(job_id)]


def hammer(url: str, number: int, results: Any) -> None:
    """A process of its own: submit the same twenty jobs as everybody, and work until nothing is left."""

    async def work() -> list[tuple[str, int]]:
        store = SqlStore(url)
        for n in range(20):
            await store.submit(draft(n))
        mine: list[tuple[str, int]] = []
        while await store.depth():
            job = await store.claim(LANES, f"w{number}", LEASE)
            if job is not None and await store.move(job, succeed):
                mine.append((job.id, job.fence))
        await store.close()
        return mine

    results.put(asyncio.run(work()))
