"""What only the SQL store can show: its migrations, plans, dialects, processes, and a database in trouble."""

import asyncio
import contextlib
import multiprocessing
import re
import sqlite3
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from prelo.adapters.store_sql import SqlStore
from prelo.adapters.store_sql.tables import VERSION, metadata
from prelo.core import job as transitions
from prelo.core.errors import Misconfigured, Unavailable
from prelo.core.job import Progress
from prelo.core.records import Act, AuditFilter, DeadFilter
from prelo.core.rules import Rules
from prelo.ports import IdempotencyKey, JobFilter, Store
from tests.contracts.store_cases import (
    LEASE,
    SqlitePlace,
    claimed,
    draft,
    fail,
    followed_and_shelved,
    give_up,
    hammer,
    retry,
    running,
    succeeded,
)

EVERY_RULE = Rules(
    running_per_tenant=9, running_per_source={"one": 9}, queued_per_tenant=9, losses=1
)
DIALECTS: list[Dialect] = [postgresql.dialect(), mysql.dialect()]


async def every_method(store: Store) -> None:
    """Call all of the store, through all of its branches that have statements of their own."""
    key = IdempotencyKey(key="k", digest="d")
    await store.check()
    await store.submit(draft(1), key=key)
    await store.submit(draft(1), key=key)
    job = await claimed(store)
    await store.beat(job, LEASE, Progress())
    await store.request_cancel(job)
    await store.move(job, transitions.lose, lapsed=True)
    await store.move(job, transitions.cancel)
    done = await succeeded(store, 2)
    await store.submit(draft(2), max_age_ms=0)
    ended = await store.move(await claimed(store), fail)
    assert ended is not None
    await store.submit(draft(2))
    await store.move(await claimed(store), retry)
    await store.get(done.id, with_order=True)
    page = JobFilter(
        tenant="acme", states=(done.state,), report="sales", created_after=0, before=(1, "a")
    )
    await store.list(page)
    for duty in ("lapsed", "overdue", "outlived", "unrung"):
        await store.due(duty, 10)
    await store.rung([bell.number for bell in await store.bells(10)])
    await store.ring_again([done])
    await the_desk(store)
    await store.unreferenced(["a", "b"])
    await store.depth()
    await store.depth("small")
    await store.transitions(done.id)
    await followed_and_shelved(store, done.id)
    await store.health()
    await store.quarantines()
    await store.release("sales")
    await store.release("sales", 3)
    await store.forget(done)


async def the_desk(store: Store) -> None:
    """What concerns jobs that were given up."""
    await store.submit(draft(3))
    dead = await store.move(await claimed(store), give_up)
    assert dead is not None
    await store.rung([one.number for one in await store.obituaries(10)])
    marks: dict[str, Any] = {
        "ids": (dead.id,), "tenant": "acme", "report": "sales", "version": 3, "error": "a", "since": 0,
        "until": 1,
    }  # fmt: skip
    for fate in ("lost", "spent", "late"):
        chosen = DeadFilter.model_validate({**marks, "fate": fate})
        await store.dead(chosen, 10, before=(1, "a"))
        await store.tally(chosen)
    await store.dead(DeadFilter(), 10)
    await store.tally(DeadFilter())
    act = Act(actor="ana@desk", action="drop")
    await store.forget(dead, act)
    for named in ({}, {"job_id": dead.id}, {"actor": act.actor}, {"since": 1, "before": 9}):
        await store.audit(AuditFilter.model_validate(named))


@contextmanager
def heard(name: str) -> Generator[list[tuple[Any, ...]]]:
    """What SQLAlchemy says while the block runs."""
    calls: list[tuple[Any, ...]] = []

    def listen(*arguments: Any) -> None:
        calls.append(arguments)

    event.listen(Engine, name, listen)
    try:
        yield calls
    finally:
        event.remove(Engine, name, listen)


async def test_every_statement_is_one_that_postgresql_and_mysql_know(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.store_sql.store._PRUNE_SECONDS", 0)
    with heard("before_execute") as calls:
        await every_method(sqlite_place.open(EVERY_RULE))
    statements = {id(call[1]): call[1] for call in calls}.values()
    assert len(statements) > 30
    for dialect in DIALECTS:
        texts = [str(statement.compile(dialect=dialect)) for statement in statements]
        assert any("FOR UPDATE SKIP LOCKED" in text for text in texts)
        assert not any("julianday" in text for text in texts)
        assert not any("UPDATE" in text and "RETURNING" in text for text in texts)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_table_is_one_that_postgresql_and_mysql_know(dialect: Dialect):
    for table in metadata.sorted_tables:
        text = str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            str(CreateIndex(index).compile(dialect=dialect))
        if dialect.name == "mysql":
            assert "utf8mb4_bin" in text
            assert re.search(r"\bTEXT\b", text) is None  # ends at 64 KiB there


def test_the_migrations_make_the_tables_the_store_works_on(template: Path):
    engine = create_engine(f"sqlite:///{template}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_store_knows_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", "prelo:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [VERSION]


async def test_every_statement_finds_its_rows_by_an_index(sqlite_place: SqlitePlace):
    with heard("before_cursor_execute") as calls:
        await every_method(sqlite_place.open(EVERY_RULE))
    texts = {call[2]: call[3] for call in calls if "sqlite_master" not in call[2]}
    plans = {
        text: [row[3] for row in sqlite_place.sql(f"EXPLAIN QUERY PLAN {text}", *values)]
        for text, values in texts.items()
        if text.startswith(("SELECT", "UPDATE", "DELETE")) and "alembic" not in text
    }
    assert len(plans) > 25
    scans = [(text, step) for text, plan in plans.items() for step in plan if "SCAN" in step]
    # `SELECT now` and a constant look have no table; health may walk an index of the outbox.
    assert [step for _, step in scans if "CONSTANT ROW" not in step and "outbox" not in step] == []
    (next_one,) = [plan for text, plan in plans.items() if "ORDER BY job.priority" in text]
    assert next_one == [
        "SEARCH job USING INDEX job_next (state=? AND lane=?)",
        "CORRELATED SCALAR SUBQUERY 1",
        "SEARCH job_order USING INDEX sqlite_autoindex_job_order_1 (job_id=?)",
    ]
    (page,) = [plan for text, plan in plans.items() if "ORDER BY job.created_at DESC" in text]
    assert not any("TEMP B-TREE" in step for step in page)
    by_end = {text: plan for text, plan in plans.items() if "ORDER BY job.finished_at" in text}
    (dead,) = [plan for text, plan in by_end.items() if "job.id IN" not in text]
    assert dead == ["SEARCH job USING INDEX job_given_up (state=?)"]


async def test_migrating_again_and_by_several_at_once_does_no_harm(tmp_path: Path):
    stores = [SqlStore(f"sqlite:///{tmp_path / 'new' / 'prelo.db'}") for _ in range(8)]
    await asyncio.gather(*(store.migrate() for store in stores))
    await stores[0].migrate()
    await stores[1].check()
    job = (await stores[2].submit(draft())).job
    await stores[0].migrate()
    assert await stores[3].get(job.id) == job
    for store in stores:
        await store.close()


async def test_a_new_file_that_somebody_else_is_writing_to_is_waited_for(tmp_path: Path):
    path = tmp_path / "prelo.db"
    store = SqlStore(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        migrating = asyncio.create_task(store.migrate())
        assert await asyncio.wait({migrating}, timeout=0.3) == (set(), {migrating})
        other.execute("commit")
    await migrating
    await store.check()
    await store.close()


async def test_a_newer_schema_is_refused_and_left_alone(sqlite_place: SqlitePlace):
    sqlite_place.sql("UPDATE alembic_version SET version_num = '9999'")
    store = sqlite_place.open()
    for asked in (store.migrate, store.check):
        with pytest.raises(Misconfigured, match=r"schema 9999, this program knows up to \d{4}"):
            await asked()
    assert sqlite_place.sql("SELECT version_num FROM alembic_version") == [("9999",)]


async def test_an_empty_or_older_database_asks_for_a_migration(sqlite_place: SqlitePlace):
    store = sqlite_place.open()
    sqlite_place.sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(Misconfigured, match="prelo migrate"):
        await store.check()
    sqlite_place.sql("DROP TABLE alembic_version")
    with pytest.raises(Misconfigured, match="has no tables yet; run `prelo migrate`"):
        await store.check()
    sqlite_place.sql("DROP TABLE outbox")
    with pytest.raises(Misconfigured, match="prelo migrate"):
        await store.bells(1)


async def test_a_missing_file_is_said_and_not_made(tmp_path: Path):
    path = tmp_path / "none.db"
    store = SqlStore(f"sqlite:///{path}")
    for asked in (store.check(), store.submit(draft()), store.bells(1)):
        with pytest.raises(Unavailable, match="cannot be opened"):
            await asked
    assert not path.exists()
    await store.close()


async def test_a_file_that_is_no_database_is_said_and_left_alone(tmp_path: Path):
    path = tmp_path / "letter.db"
    path.write_bytes(b"Dear Sir or Madam, " * 500)
    store = SqlStore(f"sqlite:///{path}")
    for asked in (store.migrate(), store.check(), store.submit(draft())):
        with pytest.raises(Misconfigured, match="is not an SQLite database"):
            await asked
    assert path.read_bytes() == b"Dear Sir or Madam, " * 500
    await store.close()


async def test_a_locked_database_is_unavailable_and_the_repeat_succeeds(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.store_sql.sqlite._BUSY_SECONDS", 0.05)
    store = sqlite_place.open()
    other = sqlite3.connect(sqlite_place.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked by another process") as caught:
        await store.submit(draft())
    assert caught.value.retry_after == 1
    assert "INSERT" not in caught.value.detail
    assert await store.depth() == 0  # readers do not wait for writers
    other.execute("COMMIT")
    other.close()
    assert (await store.submit(draft())).fresh


async def test_a_full_disk_is_unavailable_and_loses_nothing(sqlite_place: SqlitePlace):
    store = sqlite_place.open()
    first = (await store.submit(draft(1))).job

    def limit(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    event.listen(Engine, "begin", limit)
    try:
        with pytest.raises(Unavailable, match="no room left") as caught:
            await store.submit(draft("x" * 1_000_000))
    finally:
        event.remove(Engine, "begin", limit)
    assert caught.value.retry_after == 60
    assert await store.get(first.id) == first
    assert len(await store.bells(1_000)) == await store.depth()


async def test_a_closed_store_says_so(sqlite_place: SqlitePlace):
    store = SqlStore(sqlite_place.url)
    await store.submit(draft())
    await store.close()
    await store.close()
    with pytest.raises(Unavailable, match="closed"):
        await store.depth()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "oracle://u:secret@h/db", "?"])
def test_a_url_that_cannot_be_a_store_is_refused_without_its_password(url: str):
    with pytest.raises(Misconfigured, match="sqlite:///") as caught:
        SqlStore(url)
    assert "secret" not in caught.value.detail


async def test_a_commit_is_on_the_disk_before_it_is_one(sqlite_place: SqlitePlace):
    settings: list[tuple[Any, ...]] = []

    def ask(connection: Any) -> None:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
        settings.append(tuple(values))

    event.listen(Engine, "begin", ask)
    try:
        await running(sqlite_place.open())
    finally:
        event.remove(Engine, "begin", ask)
    assert set(settings) == {("wal", 2, 1)}  # 2: FULL


async def test_several_processes_on_one_file_do_every_job_once(sqlite_place: SqlitePlace):
    spawn = multiprocessing.get_context("spawn")
    results: Any = spawn.Queue()
    processes = [
        spawn.Process(target=hammer, args=(sqlite_place.url, n, results)) for n in range(3)
    ]
    for process in processes:
        process.start()
    done = [item for _ in processes for item in await asyncio.to_thread(results.get, timeout=40)]
    for process in processes:
        process.join(10)
        assert process.exitcode == 0
    assert len(done) == 20
    assert set(Counter(done).values()) == {1}
    assert {fence for _, fence in done} == {1}
    assert await sqlite_place.open().depth() == 0


async def test_a_database_that_was_removed_or_replaced_is_not_written_to_any_more(
    sqlite_place: SqlitePlace, tmp_path: Path
):
    store = sqlite_place.open()
    await store.submit(draft(1))
    for name in ("prelo.db", "prelo.db-wal", "prelo.db-shm"):
        sqlite_place.path.with_name(sqlite_place.path.name.replace("prelo.db", name)).unlink(
            missing_ok=True
        )
    sqlite_place.path.unlink(missing_ok=True)
    for asked in (store.submit(draft(2)), store.depth()):
        with pytest.raises(Unavailable, match="cannot be opened"):
            await asked
    await store.migrate()
    job = (await store.submit(draft(3))).job
    rows = sqlite_place.sql("SELECT id FROM job")
    assert rows == [(job.id,)]


async def test_many_who_wait_for_a_locked_database_are_all_told_in_time(
    sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.store_sql.sqlite._BUSY_SECONDS", 0.5)
    monkeypatch.setattr("prelo.adapters.store_sql.database._QUEUE_SECONDS", 0.5)
    store = sqlite_place.open()
    other = sqlite3.connect(sqlite_place.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with asyncio.timeout(5):
        asked = [store.submit(draft(n)) for n in range(30)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(answer) for answer in answers} == {Unavailable}
    other.execute("COMMIT")
    other.close()
    assert (await store.submit(draft())).fresh
    assert await store.depth() == 1


async def test_an_order_of_another_version_is_its_jobs_trouble_and_nobody_elses(
    sqlite_place: SqlitePlace,
):
    store = sqlite_place.open()
    unreadable = (await store.submit(draft(1))).job
    sqlite_place.sql("UPDATE job_order SET document = '{\"new\": 1}'")
    await store.submit(draft(2))
    jobs = [await claimed(store), await claimed(store)]
    assert {job.id: job.order is None for job in jobs}[unreadable.id]
    assert sum(job.order is None for job in jobs) == 1
