"""Redis off, wiped, out of date and slow: the same script has the same outcome, on PostgreSQL and Redis."""

import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest
import redis as vendor

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.plant import Plant, long
from tests.servers.redis import Redis

WAIT = {"Prefer": "wait=40"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """Which a test may do anything to."""
    server = Redis(tmp_path_factory.mktemp("redis") / "server")
    yield server
    server.stop()


class Trouble:
    """What happens to Redis between the acts of the script; `happened` proves it."""

    def __init__(self, redis: Redis, kind: str) -> None:
        self._redis, self._kind = redis, kind
        self._client: Any = vendor.Redis.from_url(redis.url)
        self._client.flushall()
        self._old: dict[bytes, bytes] = {}
        self.happened = 0

    @contextlib.asynccontextmanager
    async def all_along(self) -> AsyncGenerator[None]:
        """The trouble that lasts."""
        with contextlib.ExitStack() as stack:
            if self._kind == "off":
                self._redis.kill()
                stack.callback(self._redis.start)
            if self._kind == "slow":
                stack.enter_context(self._redis.paused())
            self.happened += bool(self._kind in {"off", "slow"} and not self._redis.says("PING"))
            yield

    def note(self) -> None:
        """What is kept now comes back later."""
        if self._kind == "stale":
            self._old = {key: self._client.get(key) for key in self._client.keys("prelo:*")}

    def strike(self) -> None:
        """The trouble of a moment."""
        if self._kind == "wiped":
            self.happened += self._client.dbsize() > 0
            self._client.flushall()
        for key, text in self._old.items():
            self.happened += b"answer:" in key and self._client.get(key) != text
            self._client.set(key, text, px=60_000)


class Script:
    """A caller who does everything, at two doors in turn, and asks again where a file is gone."""

    def __init__(self, doors: list[httpx.AsyncClient], accepted: set[str]) -> None:
        self._doors, self._accepted = doors, accepted

    def door(self) -> httpx.AsyncClient:
        self._doors.reverse()
        return self._doors[0]

    async def ask(self, k: int) -> dict[str, Any]:
        body: dict[str, Any] = {"report": "quick", "format": "csv", "parameters": {"k": k}}
        answer = await self.door().post("/v1/jobs", json=body, headers=WAIT)
        assert answer.status_code == 201, answer.text
        self._accepted.add(answer.json()["id"])
        return answer.json()

    async def file(self, k: int) -> bytes:
        """At the second try at the latest."""
        for _ in range(2):
            job = await self.ask(k)
            file = await self.door().get(f"/v1/jobs/{job['id']}/file")
            if file.status_code == 200:
                return file.content
            assert file.status_code in {404, 410}
            self._accepted.discard(job["id"])
        raise AssertionError("the file is gone, and asking again does not help")

    async def generation(self, k: int) -> int:
        for _ in range(2):
            job = await self.ask(k)
            looked = await self.door().get(f"/v1/jobs/{job['id']}")
            if looked.status_code == 200:
                return job["generation"]
            self._accepted.discard(job["id"])
        raise AssertionError("nobody knows the job")

    async def play(self, trouble: Trouble) -> list[Any]:
        """The outcome, in which nothing of the trouble may be seen."""
        said: list[Any] = [await self.file(1), await self.file(1)]
        job = await self.ask(1)
        trouble.note()
        forgotten = await self.door().delete(f"/v1/jobs/{job['id']}")
        self._accepted.discard(job["id"])
        said.append(forgotten.status_code)
        trouble.strike()
        said += [await self.file(1), await self.generation(1)]
        await self.ask(2)
        job = await self.ask(2)
        trouble.note()
        fresh = await self.door().post(f"/v1/jobs/{job['id']}:refresh", headers=WAIT)
        self._accepted.add(fresh.json()["id"])
        trouble.strike()
        said += [fresh.status_code, fresh.json()["id"] != job["id"], await self.file(2)]
        said.append((await self.door().get("/readyz")).status_code)
        return said


@pytest.mark.parametrize("plant", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=long) for kind in ("off", "well", "wiped", "stale", "slow")],
)
async def test_the_outcome_is_the_same_whatever_befalls_redis(
    plant: Plant, redis: Redis, kind: str
):
    trouble = Trouble(redis, kind)
    plant.settings["cache"] = redis.url
    async with plant.ports():
        pass  # the tables are there
    async with trouble.all_along(), contextlib.AsyncExitStack() as stack:
        apis = [stack.enter_context(plant.running("api")) for _ in range(2)]
        for roles in (("work",), ("upkeep",)):
            stack.enter_context(plant.running(*roles))
        doors = [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{api.port}", timeout=60, trust_env=False
                )
            )
            for api in apis
        ]
        content = await Script(doors, plant.accepted).play(trouble)
        files = [part for part in content if isinstance(part, bytes)]
        rest = [part for part in content if not isinstance(part, bytes)]
        assert len(files) == 4
        assert len(set(files)) == 1
        assert b"n,word" in files[0].replace(b'"', b"")
        assert rest == [204, 1, 201, True, 200]
        answered = "recalled=True" in (plant.folder / "log.txt").read_text()
    assert answered is (kind not in {"off", "slow"}), "nothing was kept, so nothing was tried"
    assert bool(trouble.happened) is (kind != "well"), "the fault did not happen"
    async with plant.ports() as ports:
        jobs = await plant.ended(ports)
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    ledger.check(plant.books, plant.accepted)
