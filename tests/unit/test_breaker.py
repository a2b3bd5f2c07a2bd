"""The breaker's three states, alone and against a model that keeps everything it was told."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from prelo.core.breaker import Breaker, BreakerPolicy, BreakerState

POLICY = BreakerPolicy()
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def after(breaker: Breaker, now: int, *failed: bool) -> Breaker:
    """The breaker after calls that began and ended then."""
    for one in failed:
        breaker = breaker.report(now, begun=now, failed=one)
    return breaker


def opened(now: int = 0) -> Breaker:
    return after(Breaker(), now, *[True] * POLICY.min_calls)


def test_it_stays_closed_below_the_least_number_of_calls_and_below_the_rate():
    assert after(Breaker(), 0, *[True] * (POLICY.min_calls - 1)).state is CLOSED
    assert after(Breaker(), 0, *[False, False, True] * 50).state is CLOSED
    assert after(Breaker(), 0, *[False, True] * 5).state is OPEN


def test_however_many_calls_there_are_it_remembers_few_numbers():
    breaker = Breaker()
    for n in range(20_000):
        breaker = breaker.report(n * 5, begun=n * 5, failed=n % 3 == 0)
    assert breaker.state is CLOSED
    assert len(breaker.calls) <= 31
    told = POLICY.window_ms / 5
    assert sum(number for _, number, _ in breaker.calls) == pytest.approx(told, rel=0.05)


def test_failures_older_than_the_window_are_forgotten():
    breaker = after(Breaker(), 0, *[True] * 9)
    assert after(breaker, POLICY.window_ms - 1, True).state is OPEN
    assert after(breaker, POLICY.window_ms, True).state is CLOSED


def test_open_refuses_until_its_time_then_lets_a_few_probe():
    breaker = opened()
    assert breaker.state is OPEN
    waits = [breaker.ask(5_000, chance)[1] for chance in (0, 0.999)]
    assert waits == [10_000, 11_998]
    granted = 0
    for _ in range(10):
        breaker, wait = breaker.ask(POLICY.open_ms)
        granted += wait == 0
    assert (granted, breaker.state) == (POLICY.probes, HALF_OPEN)
    assert [breaker.ask(POLICY.open_ms, chance)[1] for chance in (0, 0.9)] == [1_000, 13_500]


def test_enough_good_probes_close_it_and_one_bad_probe_opens_it_for_longer():
    half, _ = opened().ask(POLICY.open_ms)
    assert after(half, POLICY.open_ms, *[False] * (POLICY.probes - 1)).state is HALF_OPEN
    closed = after(half, POLICY.open_ms, *[False] * POLICY.probes)
    assert (closed.state, closed.openings, closed.calls) == (CLOSED, 0, ())
    again = after(half, POLICY.open_ms, True)
    assert (again.state, again.until) == (OPEN, POLICY.open_ms + 2 * POLICY.open_ms)


def test_what_began_before_it_opened_says_nothing_about_a_probe():
    half, _ = opened(1_000).ask(16_000)
    assert half.report(16_001, begun=999, failed=True) == half
    assert half.release(begun=999) == half


def test_a_probe_that_showed_nothing_leaves_its_place_to_another():
    breaker = opened()
    for _ in range(POLICY.probes):
        breaker, _ = breaker.ask(POLICY.open_ms)
    assert breaker.ask(POLICY.open_ms)[1] > 0
    assert breaker.release(begun=POLICY.open_ms).ask(POLICY.open_ms)[1] == 0


def test_probes_that_take_long_make_room_for_others_and_still_count():
    breaker = opened()
    for _ in range(POLICY.probes):
        breaker, _ = breaker.ask(POLICY.open_ms)
    later = 2 * POLICY.open_ms
    assert breaker.ask(later - 1)[1] > 0
    breaker, wait = breaker.ask(later)
    assert wait == 0
    for _ in range(POLICY.probes):
        breaker = breaker.report(later, begun=POLICY.open_ms, failed=False)
    assert breaker.state is CLOSED


@pytest.mark.parametrize("openings", [2, 3, 4, 40])
def test_each_failed_probe_doubles_the_time_up_to_two_minutes(openings: int):
    breaker, now = opened(), 0
    for _ in range(openings - 1):
        now = breaker.until
        breaker, _ = breaker.ask(now)
        breaker = after(breaker, now, True)
    stay = min(POLICY.max_open_ms, POLICY.open_ms * 2 ** (openings - 1))
    assert breaker.until - now == stay


class BreakerMachine(RuleBasedStateMachine):
    """The model keeps every call and looks back over all of them; the breaker keeps what it needs."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(), 0
        self.begun: list[int] = []  # calls under way
        self.state, self.since, self.openings = CLOSED, 0, 0
        self.told: list[
            tuple[int, bool]
        ] = []  # (when, failed) of calls that counted, since `since`
        self.until = 0

    @rule(ms=st.sampled_from([1, 500, 7_000, 15_000, 40_000, 130_000]))
    def time_passes(self, ms: int) -> None:
        self.now += ms

    @rule(times=st.integers(1, 12), chance=st.floats(0, 1, exclude_max=True))
    def ask(self, times: int, chance: float) -> None:
        for _ in range(times):
            before = self.breaker
            self.breaker, wait = before.ask(self.now, chance)
            if self.state is OPEN and self.now >= self.until:
                self.state, self.since, self.told = HALF_OPEN, self.now, []
                self.until = self.now + POLICY.open_ms
                assert wait == 0
            if self.state is OPEN:
                left = self.until - self.now
                assert left <= wait <= left * 1.2
            if self.state is CLOSED:
                assert wait == 0
            if wait:
                assert self.breaker == before
            else:
                self.begun.append(self.now)

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), failed=st.booleans(), times=st.integers(1, 12))
    def end(self, data: st.DataObject, times: int, *, failed: bool) -> None:
        for _ in range(min(times, len(self.begun))):
            begun = self.begun.pop(data.draw(st.integers(0, len(self.begun) - 1)))
            self.breaker = self.breaker.report(self.now, begun=begun, failed=failed)
            if begun >= self.since and self.state is not OPEN:
                self.told.append((self.now, failed))
                self.judge()

    @precondition(lambda self: self.begun)
    @rule()
    def give_up(self) -> None:
        self.breaker = self.breaker.release(begun=self.begun.pop())

    def judge(self) -> None:
        """What all that was told since the last change comes to."""
        if self.state is HALF_OPEN:
            if self.told[-1][1]:
                self.open()
            elif len(self.told) >= POLICY.probes:
                self.state, self.since, self.openings, self.told = CLOSED, self.now, 0, []
            return
        recent = [
            failed for at, failed in self.told if POLICY.tick(at) > self.now - POLICY.window_ms
        ]
        if len(recent) >= POLICY.min_calls and sum(recent) * 2 >= len(recent):
            self.open()

    def open(self) -> None:
        stay = min(POLICY.max_open_ms, POLICY.open_ms << self.openings)
        self.state, self.since, self.until, self.told = OPEN, self.now, self.now + stay, []
        self.openings += 1

    @invariant()
    def they_agree(self) -> None:
        assert (self.breaker.state, self.breaker.openings) == (self.state, self.openings)
        assert 0 <= self.breaker.probing <= POLICY.probes


TestBreakerMachine = BreakerMachine.TestCase
