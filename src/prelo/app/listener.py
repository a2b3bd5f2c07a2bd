"""One who listens: what is to be told waits here, and is bounded, however slowly it is read."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from prelo.core.job import Job
from prelo.core.news import Kind, Standing
from prelo.core.request import Caller

_ANSWERS = 4  # to what a listener said; it is not heard further before it has read some


class Closing(Exception):
    """The process is about to end."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a job stands, shared by all who are told; `drawn` has what was written of it, by whoever did."""

    standing: Standing
    drawn: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Event:
    """What a listener is told. `gone`: the job was forgotten, so that nothing more is to be said of it."""

    kind: Kind | Literal["gone"]
    job_id: str
    told: Told | None = None


def _mark(event: Event) -> str:
    return str(event.told.standing.mark) if event.told else "gone"


class Listener:
    """A connection's place. Of each job the newest word waits, and every end; when more than `most` wait, the
    listener is `over`: it does not read, and is to be sent away.
    """

    def __init__(
        self, caller: Caller, most: int, hidden: frozenset[tuple[str, int]] = frozenset()
    ) -> None:
        self.caller = caller
        self._hidden = hidden
        self.jobs: set[str] = set()
        self.reports: set[str] = set()
        self.everything = False
        self.over = asyncio.Event()
        self.closing = False
        self._most = most
        self._events: dict[tuple[str, str], Event] = {}
        self._answers: deque[str] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def wide(self) -> bool:
        """Whether it follows jobs that it did not name."""
        return self.everything or bool(self.reports)

    def sees(self, job: Job) -> bool:
        """Whether the job is the caller's, and its report not `hidden` from them."""
        theirs = (job.tenant, job.scope) == (self.caller.tenant, self.caller.scope)
        return theirs and (job.report, job.version) not in self._hidden

    def wants(self, job: Job) -> bool:
        """Whether it is among those that it did not name."""
        return self.sees(job) and (self.everything or job.report in self.reports)

    def offer(self, event: Event) -> None:
        """Never waits, so that nobody waits for this listener."""
        last = event.kind in {"end", "gone"}
        present = (event.job_id, "")
        waiting = self._events.pop(present, None) if last else self._events.get(present)
        if waiting is not None and waiting.kind == "state" and event.kind == "progress":
            event = Event("state", event.job_id, event.told)
        self._events[event.job_id, _mark(event) if last else ""] = event
        self._news.set()
        if len(self._events) > self._most:
            self.over.set()

    def drop(self) -> None:
        """What waits of jobs that it does not follow any more, neither by their ids nor among others."""
        for key, event in list(self._events.items()):
            among_others = self.wants(event.told.standing.job) if event.told else self.wide
            if event.job_id not in self.jobs and not among_others:
                del self._events[key]

    async def answer(self, text: str) -> None:
        """To what the listener said itself: before all events, and in their order."""
        await self._room.wait()
        self._answers.append(text)
        if len(self._answers) >= _ANSWERS:
            self._room.clear()
        self._news.set()

    def close(self) -> None:
        self.closing = True
        self._news.set()
        self.over.set()

    async def next(self, seconds: float) -> Event | str | None:
        """The next answer or event, None after so many quiet seconds. Raises Closing."""
        if not self._answers and not self._events and not self.closing:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return None
        if self.closing:
            raise Closing
        if self._answers:
            self._room.set()
            return self._answers.popleft()
        if not self._events:  # dropped meanwhile
            return None
        return self._events.pop(next(iter(self._events)))
