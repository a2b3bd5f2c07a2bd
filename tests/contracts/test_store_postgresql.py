"""What only a store on PostgreSQL can show: words between processes, and a server in trouble."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from prelo.adapters.store_sql import SqlStore
from prelo.core.errors import Invalid, Misconfigured, PreloError, Unavailable
from prelo.core.job import Progress, State
from prelo.core.records import DeadFilter
from prelo.ports import LANES, Store
from tests.contracts.store_cases import LEASE, PostgresqlPlace, claimed, draft
from tests.servers.postgresql import Postgresql


@pytest.fixture
async def pg(postgresql: str, postgresql_template: str) -> AsyncIterator[PostgresqlPlace]:
    place = PostgresqlPlace(postgresql, postgresql_template)
    yield place
    await place.close()


@pytest.fixture(scope="module")
def own() -> Iterator[Postgresql]:
    """A server that a test may do anything to."""
    server = Postgresql()
    yield server
    server.close()


@pytest.fixture
async def store(own: Postgresql) -> AsyncIterator[Store]:
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS reports WITH (FORCE)")
        connection.execute("CREATE DATABASE reports")
    store = SqlStore(own.of("reports"))
    await store.migrate()
    yield store
    await store.close()


async def listening(place: PostgresqlPlace) -> None:
    """Until somebody listens for doorbells."""
    async with asyncio.timeout(10):
        while not place.sql("SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN prelo_bells'"):
            await asyncio.sleep(0.02)


async def test_a_text_that_postgresql_cannot_hold_is_the_callers_mistake(pg: PostgresqlPlace):
    """And no outage of the database, which asking again would outlast."""
    with pytest.raises(Invalid, match="NUL"):
        await pg.open().dead(DeadFilter(report="a\0b"), 1)


async def test_a_doorbell_of_another_process_is_heard_at_once(pg: PostgresqlPlace):
    here, there = pg.open(), pg.open()
    waiting = asyncio.create_task(here.stirred(60))
    await listening(pg)
    assert not waiting.done()
    await there.submit(draft())
    await asyncio.wait_for(waiting, 10)


async def test_several_that_migrate_at_once_do_it_once(own: Postgresql, store: Store):
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS fresh WITH (FORCE)")
        connection.execute("CREATE DATABASE fresh")
    stores = [SqlStore(own.of("fresh")) for _ in range(6)]
    await asyncio.gather(*(one.migrate() for one in stores))
    await stores[0].check()
    for one in stores:
        await one.close()


async def test_a_server_that_was_started_anew_is_used_on_without_a_word(
    own: Postgresql, store: Store
):
    await store.submit(draft(1))
    own.stop()
    own.start()
    assert (await claimed(store)).state is State.RUNNING


async def test_a_server_that_is_away_is_unavailable_until_it_is_back(own: Postgresql, store: Store):
    job = (await store.submit(draft(1))).job
    own.stop()
    try:
        for asked in (store.check, lambda: store.get(job.id), lambda: store.submit(draft(2))):
            with pytest.raises(
                Unavailable, match=r"'reports' at 127\.0\.0\.1:\d+ cannot be reached"
            ):
                await asked()
    finally:
        own.start()
    assert await store.get(job.id) == job
    assert (await store.submit(draft(2))).fresh


async def test_sessions_that_are_ended_one_by_one_cost_nothing(own: Postgresql, store: Store):
    ended = 0
    for n in range(20):
        await store.submit(draft(n))
        with psycopg.connect(own.url, autocommit=True) as connection:
            ended += connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = 'reports' AND pid <> pg_backend_pid()"
            ).fetchone()[0]  # pyright: ignore[reportOptionalSubscript]  there is one
    assert ended > 20
    assert {(await claimed(store)).fence for _ in range(20)} == {1}
    assert await store.claim(LANES, "w", LEASE) is None


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        (("postgres@", "nobody:secret@"), Unavailable, "refuses the user or the password"),
        (("/reports", "/missing"), Unavailable, "there is no database 'missing'"),
        (("127.0.0.1:", "127.0.0.1:x"), Misconfigured, "is not one"),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence_without_the_password(
    own: Postgresql, store: Store, change: tuple[str, str], kind: type[PreloError], said: str
):
    del store  # its database is there
    url = own.of("reports").replace(*change)
    with pytest.raises(kind, match=said) as raised:
        await SqlStore(url).check()
    assert "secret" not in str(raised.value)


async def test_a_database_without_the_tables_asks_for_a_migration(own: Postgresql):
    store = SqlStore(own.url)
    with pytest.raises(Misconfigured, match="has no tables yet; run `prelo migrate`"):
        await store.check()
    with pytest.raises(Misconfigured, match="lacks the tables of this version"):
        await store.submit(draft())
    await store.close()


async def test_a_read_only_standby_is_said(own: Postgresql, store: Store):
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE reports SET default_transaction_read_only = on")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'reports'"
        )
    with pytest.raises(Unavailable, match="is read only"):
        await store.submit(draft())
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE reports RESET default_transaction_read_only")


async def test_a_row_that_somebody_holds_is_busy_and_not_waited_for_for_ever(
    own: Postgresql, store: Store, monkeypatch: pytest.MonkeyPatch
):
    await store.submit(draft(1))
    job = await claimed(store)
    with psycopg.connect(own.of("reports")) as connection:
        connection.execute("SELECT * FROM job FOR UPDATE")
        with pytest.raises(Unavailable, match="is busy; ask again"):
            await store.beat(job, LEASE, Progress())
        connection.rollback()
    assert await store.beat(job, LEASE, Progress()) is not None


async def test_a_doorbell_that_was_committed_late_is_rung_though_later_ones_were(
    own: Postgresql, store: Store
):
    """Numbers are given out before the commit: whoever reads on from the last one misses some."""
    with psycopg.connect(own.of("reports")) as connection:
        late = connection.execute(
            "INSERT INTO outbox (kind, job_id, lane, available_at, attempts) "
            "VALUES ('doorbell', 'late', 'small', 0, 0) RETURNING number"
        ).fetchone()
        assert late
        await store.submit(draft(1))
        early = [bell.number for bell in await store.bells(10)]
        assert min(early, default=0) > late[0], "the fault did not happen"
        await store.rung(early)
        connection.commit()
    assert [bell.number for bell in await store.bells(10)] == [late[0]]
