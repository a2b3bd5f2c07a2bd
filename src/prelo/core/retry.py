"""When to try again: backoff with full jitter."""

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
