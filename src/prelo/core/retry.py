"""When to try again, and when to stop asking: backoff with full jitter, and the circuit breaker."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from prelo.core.model import Model

MINUTE = 60_000


class RetryPolicy(Model):
    """At most `attempts`; between them `uniform(0, min(cap, base * 2^n))` ms, as AWS's "full jitter"."""

    attempts: Annotated[int, Field(ge=1)] = 6
    base_ms: Annotated[int, Field(ge=0)] = 2_000
    cap_ms: Annotated[int, Field(ge=0)] = 10 * MINUTE

    def delay(self, attempt: int, chance: float, retry_after_ms: int = 0) -> int | None:
        """Milliseconds until the attempt after `attempt` (1 is the first); None: give up.

        `chance` is a random number in [0, 1): the rule stays pure. A Retry-After is a lower bound.
        """
        if attempt >= self.attempts:
            return None
        ceiling = min(self.cap_ms, self.base_ms * 2 ** min(attempt - 1, 30))
        return max(int(chance * ceiling), retry_after_ms)


class BreakerState(StrEnum):
    """resilience4j's words: calls pass · calls are refused · a few calls probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class BreakerPolicy(Model):
    """Opens when of at least `min_calls` in `window_ms` the share `failure_rate` failed."""

    window_ms: int = 30_000
    min_calls: int = 10
    failure_rate: float = 0.5
    open_ms: int = 15_000
    max_open_ms: int = 2 * MINUTE
    probes: int = 3


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker as a value: every call returns the next one. Times are milliseconds of any clock.

    `calls` are (time, failed) pairs of the window. `openings` counts openings since it last closed: each
    doubles the time it stays open. The caller's own mistakes are not failures: do not report them.
    """

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    state: BreakerState = BreakerState.CLOSED
    calls: tuple[tuple[int, bool], ...] = ()
    until: int = 0
    openings: int = 0
    probing: int = 0
    passed: int = 0

    def ask(self, now: int, chance: float = 0.5) -> tuple["Breaker", int]:
        """May a call be made? The next breaker, and 0 for yes or the milliseconds to wait.

        A granted probe is booked and must be reported. `chance` in [0, 1) spreads the waiters over 20 %.
        """
        if self.state is BreakerState.CLOSED:
            return self, 0
        if self.state is BreakerState.OPEN:
            if now < self.until:
                return self, int((self.until - now) * (1 + 0.2 * chance)) or 1
            half = replace(self, state=BreakerState.HALF_OPEN, probing=1, passed=0)
            return replace(half, until=now + self.policy.open_ms), 0
        if self.probing < self.policy.probes:
            return replace(self, probing=self.probing + 1), 0
        if now >= self.until:  # probes that were never reported (their worker died) make room
            return replace(self, probing=1, passed=0, until=now + self.policy.open_ms), 0
        return self, max(self.until - now, 1)

    def report(self, now: int, *, failed: bool) -> "Breaker":
        """A call ended. Reports of calls from before it opened change nothing."""
        if self.state is BreakerState.OPEN:
            return self
        if self.state is BreakerState.HALF_OPEN:
            if failed:
                return self._open(now)
            if self.passed + 1 >= self.policy.probes:
                return Breaker(self.policy)
            return replace(self, passed=self.passed + 1)
        oldest = now - self.policy.window_ms
        calls = (*(call for call in self.calls if call[0] > oldest), (now, failed))
        failures = sum(was_failed for _, was_failed in calls)
        if len(calls) >= self.policy.min_calls and failures >= self.policy.failure_rate * len(
            calls
        ):
            return self._open(now)
        return replace(self, calls=calls)

    def _open(self, now: int) -> "Breaker":
        stay = min(self.policy.max_open_ms, self.policy.open_ms * 2 ** min(self.openings, 30))
        return Breaker(self.policy, BreakerState.OPEN, until=now + stay, openings=self.openings + 1)
