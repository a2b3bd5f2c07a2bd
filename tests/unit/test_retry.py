"""Backoff with full jitter, and the breaker's three states."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.retry import Breaker, BreakerPolicy, BreakerState, RetryPolicy

POLICY = BreakerPolicy()


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True), st.integers(0, 10**6))
def test_a_delay_is_between_retry_after_and_the_cap(attempt: int, chance: float, after: int):
    policy = RetryPolicy(attempts=1000)
    delay = policy.delay(attempt, chance, after)
    assert delay is not None
    assert after <= delay <= max(after, policy.cap_ms)


def test_the_ceiling_doubles_until_the_cap():
    policy = RetryPolicy(attempts=100, base_ms=2000, cap_ms=600_000)
    ceilings = [policy.delay(n, 0.999_999_999) for n in (1, 2, 3, 9, 10, 50)]
    assert [round(c or 0, -2) for c in ceilings] == [2000, 4000, 8000, 512_000, 600_000, 600_000]


def test_after_the_last_attempt_there_is_no_delay():
    policy = RetryPolicy(attempts=6)
    assert policy.delay(5, 0.5) is not None
    assert policy.delay(6, 0.5) is None
    assert policy.delay(7, 0.5) is None


def opened(now: int = 0) -> Breaker:
    breaker = Breaker()
    for _ in range(POLICY.min_calls):
        breaker = breaker.report(now, failed=True)
    return breaker


def test_it_stays_closed_below_the_least_number_of_calls_and_below_the_rate():
    breaker = Breaker()
    for n in range(POLICY.min_calls - 1):
        breaker = breaker.report(n, failed=True)
    assert breaker.state is BreakerState.CLOSED
    mixed = Breaker()
    for n in range(100):
        mixed = mixed.report(n, failed=n % 5 == 0)
    assert mixed.state is BreakerState.CLOSED


def test_failures_older_than_the_window_are_forgotten():
    breaker = Breaker()
    for n in range(9):
        breaker = breaker.report(n, failed=True)
    breaker = breaker.report(POLICY.window_ms + 100, failed=True)
    assert breaker.state is BreakerState.CLOSED


def test_open_refuses_until_its_time_then_lets_a_few_probe():
    breaker = opened()
    assert breaker.state is BreakerState.OPEN
    _, wait = breaker.ask(POLICY.open_ms - 1)
    assert wait > 0
    granted = 0
    for _ in range(10):
        breaker, wait = breaker.ask(POLICY.open_ms)
        granted += wait == 0
    assert granted == POLICY.probes
    assert breaker.state is BreakerState.HALF_OPEN


def test_enough_good_probes_close_it_and_one_bad_probe_opens_it_for_longer():
    half, _ = opened().ask(POLICY.open_ms)
    closed = half
    for _ in range(POLICY.probes):
        closed = closed.report(POLICY.open_ms + 1, failed=False)
    assert closed.state is BreakerState.CLOSED
    again = half.report(POLICY.open_ms, failed=True)
    assert again.state is BreakerState.OPEN
    assert again.until == POLICY.open_ms + 2 * POLICY.open_ms


def test_probes_that_were_never_reported_do_not_hold_it_half_open_for_ever():
    breaker = opened()
    for _ in range(POLICY.probes):
        breaker, _ = breaker.ask(POLICY.open_ms)
    _, wait = breaker.ask(POLICY.open_ms + 1)
    assert wait > 0
    _, wait = breaker.ask(POLICY.open_ms * 2)
    assert wait == 0


@given(
    st.lists(
        st.tuples(st.sampled_from(["ask", "ok", "fail"]), st.integers(0, 20_000)), max_size=200
    )
)
def test_no_sequence_of_calls_breaks_the_rules(steps: list[tuple[str, int]]):
    breaker, now = Breaker(), 0
    for what, passed in steps:
        now += passed
        before = breaker
        if what == "ask":
            breaker, wait = breaker.ask(now)
            assert (wait == 0) or breaker.state is not BreakerState.CLOSED
        else:
            breaker = breaker.report(now, failed=what == "fail")
        allowed = {
            BreakerState.CLOSED: {BreakerState.CLOSED, BreakerState.OPEN},
            BreakerState.OPEN: {BreakerState.OPEN, BreakerState.HALF_OPEN},
            BreakerState.HALF_OPEN: set(BreakerState),
        }
        assert breaker.state in allowed[before.state]
        assert breaker.until <= now + POLICY.max_open_ms
        assert breaker.probing <= POLICY.probes


@pytest.mark.parametrize("openings", [1, 2, 3, 4, 40])
def test_it_never_stays_open_longer_than_two_minutes(openings: int):
    breaker, now = opened(), 0
    for _ in range(openings):
        now = breaker.until
        breaker, _ = breaker.ask(now)
        breaker = breaker.report(now, failed=True)
    assert breaker.until - now <= POLICY.max_open_ms
