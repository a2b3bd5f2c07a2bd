"""What an attempt shows of its sources and of the storage, and what happens while a breaker is open."""

import asyncio
import contextlib

import pytest

from prelo.app.breakers import Breakers
from prelo.core.breaker import BreakerPolicy
from prelo.core.errors import (
    OutOfMemory,
    PressLost,
    QueryFailed,
    SourceUnavailable,
    StorageUnavailable,
    Unavailable,
)
from prelo.core.job import Job
from prelo.ports import Task
from tests.app.conftest import House

POLICY = BreakerPolicy(open_ms=50, max_open_ms=400)


class Heard:
    """An observer that keeps the events."""

    def __init__(self) -> None:
        self.events: list[tuple[str, object]] = []

    def event(self, name: str, job: Job | None = None, **fields: object) -> None:  # noqa: ARG002  the port's
        self.events.append((name, fields.get("of")))


@pytest.fixture
def heard() -> Heard:
    return Heard()


class Clock:
    now = 1.0

    def __call__(self) -> float:
        return self.now


class Timed(Breakers):
    """On a clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__(POLICY, self.clock)


@pytest.fixture
def breakers() -> Timed:
    return Timed()


def ends(breakers: Timed, heard: Heard, error: BaseException | None, *sources: str) -> None:
    """An attempt that ended so."""
    with contextlib.suppress(*([type(error)] if error else [])), breakers.begin(sources, heard):
        if error:
            raise error


def away(source: str = "") -> SourceUnavailable:
    error = SourceUnavailable("does not answer")
    error.source = source
    return error


def test_a_source_that_does_not_answer_opens_its_breaker_and_no_other(
    breakers: Timed, heard: Heard
):
    for _ in range(POLICY.min_calls):
        ends(breakers, heard, away(), "warehouse")
    assert heard.events == [("breaker.opened", "source warehouse")]
    for sources in (["warehouse"], ["stock", "warehouse"]):
        with pytest.raises(Unavailable, match="source warehouse could not be reached") as refused:
            breakers.begin(sources, heard)
        assert 0 < refused.value.retry_after <= 0.06
    ends(breakers, heard, None, "stock")


def test_storage_that_cannot_be_reached_stops_all_and_says_nothing_of_sources(
    breakers: Timed, heard: Heard
):
    for _ in range(POLICY.min_calls):
        ends(breakers, heard, StorageUnavailable("503"), "warehouse")
    assert heard.events == [("breaker.opened", "storage")]
    with pytest.raises(Unavailable, match="storage"):
        breakers.begin((), heard)


def test_of_several_sources_the_one_that_was_named_is_to_blame(breakers: Timed, heard: Heard):
    for _ in range(POLICY.min_calls):
        ends(breakers, heard, away(), "stock", "warehouse")  # one of them, and nobody knows which
    for _ in range(POLICY.min_calls):
        ends(breakers, heard, away("stock"), "stock", "warehouse")
    assert heard.events == [("breaker.opened", "source stock")]


async def test_a_press_says_which_of_a_reports_sources_is_away(house: House):
    job = await house.submit("half-away", format="xlsx")
    assert job.sources == ("default", "python:bad.py:away")
    found = await house.ports.store.get(job.id, with_order=True)
    assert found
    assert found.order
    report = house.ports.catalog.get("half-away")
    task = Task(
        job_id=job.id, order=found.order, report=report, limits=report.limits, key="a/b", name="c"
    )
    press = await house.ports.presses.start()
    with pytest.raises(SourceUnavailable, match="the sheet 'Far'") as caught:
        await press.render(task, lambda _: None)
    assert caught.value.source == "python:bad.py:away"
    await press.close()


@pytest.mark.parametrize(
    "error", [QueryFailed("no such table"), OutOfMemory("too much"), PressLost("SIGSEGV"), None]
)
def test_an_error_that_is_the_reports_own_never_opens_a_breaker(
    breakers: Timed, heard: Heard, error: BaseException | None
):
    for _ in range(4 * POLICY.min_calls):
        ends(breakers, heard, error, "warehouse")
    assert heard.events == []


def test_a_drain_says_nothing_and_leaves_its_probe_to_another(breakers: Timed, heard: Heard):
    half_open(breakers, heard)
    for _ in range(2 * POLICY.probes):
        ends(breakers, heard, asyncio.CancelledError(), "warehouse")
    for _ in range(POLICY.probes):
        ends(breakers, heard, QueryFailed("it answers"), "warehouse")
    assert [name for name, _ in heard.events] == [
        "breaker.opened", "breaker.half_open", "breaker.closed",
    ]  # fmt: skip


def test_only_as_many_as_probes_pass_and_one_that_fails_opens_it_for_longer(
    breakers: Timed, heard: Heard
):
    half_open(breakers, heard)
    calls = [breakers.begin(["warehouse"], heard) for _ in range(POLICY.probes)]
    with pytest.raises(Unavailable):
        breakers.begin(["warehouse"], heard)
    with pytest.raises(SourceUnavailable), calls[0]:
        raise away()
    with pytest.raises(Unavailable) as refused:
        breakers.begin(["warehouse"], heard)
    assert refused.value.retry_after > 0.06
    assert [name for name, _ in heard.events][-2:] == ["breaker.half_open", "breaker.opened"]


def half_open(breakers: Timed, heard: Heard) -> None:
    """Opened, and its time is over."""
    for _ in range(POLICY.min_calls):
        ends(breakers, heard, away(), "warehouse")
    breakers.clock.now += 0.05
    ends(breakers, heard, asyncio.CancelledError(), "warehouse")
