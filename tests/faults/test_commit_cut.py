"""The connection to PostgreSQL is cut inside COMMIT: nobody knows whether it happened, and asks again."""

from urllib.parse import urlsplit

import pytest

from prelo.core.job import State
from tests.faults import ledger
from tests.faults.callers import Callers
from tests.faults.plant import FULL, Plant, long
from tests.servers.proxy import Proxy, proxy_aside

JOBS = 150 if FULL else 30
pytestmark = [
    pytest.mark.parametrize("plant", ["postgresql"], indirect=True),
    pytest.mark.parametrize(
        "answer", [True, pytest.param(False, marks=long)], ids=["done", "undone"]
    ),
    pytest.mark.timeout(600 if FULL else 180),
]


def through(proxy: Proxy, url: str, *, answer: bool) -> str:
    """The database, but every fifth COMMIT is cut: its answer, or itself."""
    proxy.cut_at, proxy.cut_every, proxy.cut_answer = b"COMMIT\0", 5, answer
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


async def test_a_caller_whose_commit_is_cut_is_told_to_ask_again_and_has_one_job(
    plant: Plant, *, answer: bool
):
    direct = plant.config.store
    async with plant.ports() as ports:
        with proxy_aside(urlsplit(direct).port or 0) as proxy:
            plant.settings["store"] = through(proxy, direct, answer=answer)
            with plant.running("api") as api:
                callers = Callers(plant, api)
                await callers.ask(range(JOBS), 0)
            cut = proxy.counted["cut"]
        assert cut >= JOBS // 5, "the fault did not happen"
        assert callers.answers == {202: JOBS, 503: cut}
        assert len(plant.accepted) == await ports.store.depth() == JOBS
        plant.settings["store"] = direct
        with plant.running():
            jobs = await plant.ended(ports, 60)
    assert {(job.state, job.fence, job.generation) for job in jobs} == {(State.SUCCEEDED, 1, 0)}
    ledger.check(plant.books, plant.accepted, cut)
    assert ledger.orphans(plant.books) == set()


async def test_a_worker_whose_commit_is_cut_settles_once(plant: Plant, *, answer: bool):
    direct = plant.config.store
    async with plant.ports() as ports:
        for k in range(JOBS):
            await plant.submit(ports, k=k)
        with (
            plant.running("upkeep"),
            proxy_aside(urlsplit(direct).port or 0) as proxy,
        ):
            plant.settings["store"] = through(proxy, direct, answer=answer)
            with plant.running("work"):
                # A second of each second job is a pause.
                jobs = await plant.ended(ports, 60 + 2 * JOBS)
            cut = proxy.counted["cut"]
    assert cut >= JOBS // 5, "the fault did not happen"
    assert plant.said(" settle.missed "), "no settling was cut"
    assert {job.state for job in jobs} == {State.SUCCEEDED}
    assert {(job.attempt, job.lost_count) for job in jobs} == {(1, 0)}
    ledger.check(plant.books, plant.accepted, cut)
    assert ledger.orphans(plant.books) == set()
