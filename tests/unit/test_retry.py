"""Backoff with full jitter."""

from hypothesis import given
from hypothesis import strategies as st

from prelo.core.retry import RetryPolicy


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
