"""The breakers of one worker: a source or a storage that cannot be reached is left alone for a while."""

import random
import time
from collections.abc import Callable, Collection, Generator
from contextlib import AbstractContextManager, contextmanager

from prelo.core.breaker import Breaker, BreakerPolicy, BreakerState
from prelo.core.errors import Permanent, SourceUnavailable, StorageUnavailable, Unavailable
from prelo.ports import Observer

Call = AbstractContextManager[None]
_STORAGE = "storage"
_EVENTS = {
    BreakerState.OPEN: "breaker.opened",
    BreakerState.HALF_OPEN: "breaker.half_open",
    BreakerState.CLOSED: "breaker.closed",
}


class Breakers:
    """One for each data source, by SourceSpec.name, and one for the storage of files."""

    def __init__(
        self, policy: BreakerPolicy | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._policy = policy or BreakerPolicy()
        self._clock = clock
        self._breakers: dict[str, Breaker] = {}

    def begin(self, sources: Collection[str], observer: Observer) -> Call:
        """An attempt that reads these sources may begin: `with` what comes back, the work. Raises Unavailable
        while one of the breakers is open or has as many probes as it wants.
        """
        now, chance = self._now(), random.random()  # noqa: S311  jitter, not a secret
        names = (*(f"source {name}" for name in sources), _STORAGE)
        asked = {name: self._of(name).ask(now, chance) for name in names}
        waits = {name: wait for name, (_, wait) in asked.items()}
        longest = max(names, key=lambda name: waits[name])
        if waits[longest]:
            raise Unavailable(
                f"the {longest} could not be reached and rests", waits[longest] / 1000
            )
        for name, (breaker, _) in asked.items():
            self._put(name, breaker, observer)
        return self._call(names, now, observer)

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _of(self, name: str) -> Breaker:
        return self._breakers.get(name) or Breaker(self._policy)

    def _put(
        self, name: str, breaker: Breaker, observer: Observer, detail: str | None = None
    ) -> None:
        """Keep the next value of a breaker, and say so when its state is another one."""
        changed = breaker.state is not self._of(name).state
        self._breakers[name] = breaker
        if changed:
            observer.event(_EVENTS[breaker.state], of=name, detail=detail)

    @contextmanager
    def _call(self, names: Collection[str], begun: int, observer: Observer) -> Generator[None]:
        error: BaseException | None = None
        try:
            yield
        except BaseException as ended:
            error = ended
            raise
        finally:
            shown = _shown(names, error)
            for name in names:
                before = self._of(name)
                if name in shown:
                    after = before.report(self._now(), begun=begun, failed=shown[name])
                else:
                    after = before.release(begun=begun)
                self._put(name, after, observer, str(error) if error else None)


def _shown(names: Collection[str], error: BaseException | None) -> dict[str, bool]:
    """Of which breakers an attempt showed something, and whether it was bad. A report's own error shows
    that its sources answered; a lost press, a drain or a cancellation show nothing.
    """
    sources = [name for name in names if name != _STORAGE]
    if error is None:
        return dict.fromkeys(names, False)
    if isinstance(error, StorageUnavailable):
        return {_STORAGE: True}
    if isinstance(error, SourceUnavailable):
        named = f"source {error.source}"
        bad = sources if len(sources) == 1 else [name for name in sources if name == named]
        return dict.fromkeys(bad, True)
    return dict.fromkeys(sources, False) if isinstance(error, Permanent) else {}
