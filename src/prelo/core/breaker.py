"""When to stop asking: the circuit breaker, in resilience4j's words."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from prelo.core.model import Model

_SPREAD = 0.2  # who waits for an open one comes back within so much of its time, not all at once
_LOOK_MS = 1_000  # who finds all probes taken waits at least so long


class BreakerState(StrEnum):
    """Calls pass · calls are refused · a few calls probe."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerPolicy(Model):
    """Opens when of at least `min_calls` in `window_ms` the share `failure_rate` failed; for `open_ms`, and
    after each probe that failed for twice as long, up to `max_open_ms`. `probes` good ones close it.
    """

    window_ms: Annotated[int, Field(ge=1)] = 30_000
    min_calls: Annotated[int, Field(ge=1)] = 10
    failure_rate: Annotated[float, Field(gt=0, le=1)] = 0.5
    open_ms: Annotated[int, Field(ge=1)] = 15_000
    max_open_ms: Annotated[int, Field(ge=1)] = 120_000
    probes: Annotated[int, Field(ge=1)] = 3

    def tick(self, now: int) -> int:
        """The time in thirtieths of the window: what ended within one is counted, and forgotten, together."""
        return now - now % max(1, self.window_ms // 30)


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker as a value: every call returns the next one. Times are milliseconds of one clock.

    `calls` are (tick, calls, failed ones) of the window. `since`: when its state changed last; a call that
    was begun before that says nothing any more. `openings` counts openings since it last closed. The
    caller's own mistakes are not failures: report those calls as good.
    """

    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    state: BreakerState = BreakerState.CLOSED
    calls: tuple[tuple[int, int, int], ...] = ()
    since: int = 0
    until: int = 0
    openings: int = 0
    probing: int = 0
    passed: int = 0

    def ask(self, now: int, chance: float = 0.5) -> tuple["Breaker", int]:
        """May a call begin? The next breaker, and 0 for yes or the milliseconds to wait.

        A call that may begin ends by `report`, or by `release` if it showed nothing. `chance` in [0, 1)
        spreads those who wait.
        """
        if self.state is BreakerState.CLOSED:
            return self, 0
        left = self.until - now
        if self.state is BreakerState.OPEN:
            if left > 0:
                return self, left + int(left * _SPREAD * chance)
            half = Breaker(self.policy, BreakerState.HALF_OPEN, since=now, openings=self.openings)
            return half._first_probe(now), 0
        if left <= 0:  # probes that have not come back make room for others, and still count
            return self._first_probe(now), 0
        if self.probing < self.policy.probes:
            return replace(self, probing=self.probing + 1), 0
        return self, max(int(left * chance), _LOOK_MS)

    def report(self, now: int, *, begun: int, failed: bool) -> "Breaker":
        """A call that was `begun` then has ended."""
        if begun < self.since or self.state is BreakerState.OPEN:
            return self
        if self.state is BreakerState.HALF_OPEN:
            if failed:
                return self._opened(now)
            if self.passed + 1 >= self.policy.probes:
                return Breaker(self.policy, since=now)
            return replace(self, passed=self.passed + 1)
        calls = self._counted(now, failed=failed)
        told = sum(number for _, number, _ in calls)
        failures = sum(number for _, _, number in calls)
        if told >= self.policy.min_calls and failures >= self.policy.failure_rate * told:
            return self._opened(now)
        return replace(self, calls=calls)

    def _counted(self, now: int, *, failed: bool) -> tuple[tuple[int, int, int], ...]:
        """The window with one more call."""
        tick, oldest = self.policy.tick(now), now - self.policy.window_ms
        kept = [call for call in self.calls if call[0] > oldest]
        _, told, failures = kept.pop() if kept and kept[-1][0] == tick else (tick, 0, 0)
        return (*kept, (tick, told + 1, failures + failed))

    def release(self, *, begun: int) -> "Breaker":
        """A call that was `begun` then ended without having shown anything: its probe is free again."""
        if begun < self.since or self.state is not BreakerState.HALF_OPEN:
            return self
        return replace(self, probing=max(self.probing - 1, 0))

    def _first_probe(self, now: int) -> "Breaker":
        return replace(self, probing=1, until=now + self.policy.open_ms)

    def _opened(self, now: int) -> "Breaker":
        stay = min(self.policy.max_open_ms, self.policy.open_ms * 2 ** min(self.openings, 30))
        return Breaker(
            self.policy,
            BreakerState.OPEN,
            since=now,
            until=now + stay,
            openings=self.openings + 1,
        )
