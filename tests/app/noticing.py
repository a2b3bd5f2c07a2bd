"""A store whose jobs are ended by hand, and notices that are brought turn by turn."""

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prelo.app import intake, webhooks
from prelo.app.deliver import Deliveries
from prelo.config import Config
from prelo.core import job as transitions
from prelo.core.job import Artifact, Job
from prelo.core.notice import Notice
from prelo.core.request import Caller, Request
from prelo.core.table import Manifest
from prelo.core.webhook import NewWebhook
from prelo.ports import LANES, Ports
from prelo.wiring import opened
from tests.receivers.mail import MailServer
from tests.servers.fixtures import migrated

ME, OTHER = Caller(tenant="acme"), Caller(tenant="other")
HOUR = 3_600_000
CONTENT = b"1,2\r\n" * 400
COLUMNS = [{"name": "a", "kind": "integer"}]


class Desk:
    """A store whose jobs are ended by hand, and upkeep that is driven turn by turn."""

    def __init__(self, ports: Ports, config: Config) -> None:
        self.ports, self.config = ports, config
        self.subject = 0

    async def webhook(self, url: str, **rest: Any) -> tuple[str, str]:
        """The id and the secret of a new one."""
        asked = NewWebhook.model_validate({"url": url, **rest})
        made, secret = await webhooks.make(asked, ME, self.ports, local=True)
        return made.id, secret

    async def ask(self, *notify: dict[str, str], **rest: Any) -> Job:
        self.subject += 1
        body = {"title": "Sales <&> Ärger", "format": "csv", "columns": COLUMNS, "rows": [[self.subject]],
                "notify": notify, "locale": "de", **rest}  # fmt: skip
        return (await intake.submit(Request.model_validate(body), ME, self.ports)).job

    async def end(self, content: bytes = CONTENT) -> Job:
        """The next job, made."""
        job = await self.ports.store.claim(LANES, "hand", 30_000)
        assert job
        key = job.artifact_key("nonce", "csv")
        with self.ports.files.create(key, "text/csv") as sink:
            sink.write(content)
        artifact = Artifact(
            key=key, name="sales.csv", media_type="text/csv", size=len(content), sha256="0" * 64
        )

        def succeed(job: Job, now: int) -> Job:
            return transitions.succeed(job, now, artifact, Manifest(format="csv", rows=400))

        done = await self.ports.store.move(job, succeed)
        assert done
        return done

    async def told(self, *notify: dict[str, str]) -> Job:
        """A job that has ended, which these asked about."""
        await self.ask(*notify)
        return await self.end()

    async def deliver(self, deliveries: Deliveries | None = None) -> int:
        """All that is due now."""
        mine = deliveries or Deliveries(self.ports)
        begun = 0
        while more := await mine.turn():
            begun += more
        await mine.idle()
        return begun

    def pass_time(self, ms: int) -> None:
        with contextlib.closing(sqlite3.connect(self.config.data / "prelo.db")) as db, db:
            db.execute(
                "UPDATE notice SET due_at = due_at - ?1, lease_until = lease_until - ?1", (ms,)
            )

    async def notice(self, job: Job) -> Notice:
        (found,) = await self.ports.notices.of_job(job.id)
        return found


@cache
def _empty() -> bytes:
    """A database with the tables in it, made once."""
    with tempfile.TemporaryDirectory() as folder:
        migrated(f"sqlite:///{folder}/prelo.db")
        return (Path(folder) / "prelo.db").read_bytes()


@contextlib.asynccontextmanager
async def desk_at(folder: Path, **settings: Any) -> AsyncGenerator[Desk]:
    config = Config(data=folder / "data", webhook_local=True, **settings)
    (folder / "reports").mkdir(exist_ok=True)
    database = folder / "data" / "prelo.db"
    if not database.exists():
        database.parent.mkdir()
        database.write_bytes(_empty())
    config = config.model_copy(update={"catalog": folder / "reports"})
    async with opened(config, migrate=True) as ports:
        yield Desk(ports, config)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_at(tmp_path) as desk:
        yield desk


async def until(reached: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not reached():
            await asyncio.sleep(0.01)


def mailing(server: MailServer, **rest: Any) -> dict[str, Any]:
    return {"smtp": server.url, "mail_from": "Reports <reports@example.com>",
            "public_url": "https://reports.example.com", **rest}  # fmt: skip
