"""Entries on their way into the audit, for what changes nothing: who asked, who downloaded.

What changes something is noted in the transaction of the change. A download would have to wait for a
transaction of its own, so its entry waits instead, in this process, and is written with others within a
second. It is never lost in silence: whatever cannot be written, because the store stays away or too many
wait, is an event of the log with all it says. A process that is killed loses the entries of its last second;
the events of the log that say the same (`job.accepted`, `file.downloaded`) were there before.
"""

import asyncio
import time
from collections import OrderedDict

from prelo.core.errors import PreloError
from prelo.core.records import Act, Entry
from prelo.ports import Observer, Store

_MOST = 10_000  # entries that wait
_BATCH = 500
_GATHER_SECONDS = 0.25
_AGAIN_SECONDS = 2.0

_Key = tuple[str, str, str, int]


class Trail:
    """Of one process and event loop. The same act on the same job, while it waits, is one entry with a
    count.
    """

    def __init__(self, store: Store, observer: Observer, keep_days: float) -> None:
        self._store, self._observer = store, observer
        self._keep_ms = int(keep_days * 86_400_000)
        self._waiting: OrderedDict[_Key, tuple[Entry, float]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def note(self, act: Act, tenant: str, job_id: str, generation: int) -> None:
        """Never waits, never raises."""
        entry = Entry(**act.model_dump(), tenant=tenant, job_id=job_id, generation=generation)
        place = (act.actor, act.action, job_id, generation)
        if place in self._waiting:
            first, since = self._waiting[place]
            self._waiting[place] = (_together(first, entry), since)
        elif len(self._waiting) >= _MOST:
            self._lose(entry)
        else:
            self._waiting[place] = (entry, time.monotonic())
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def close(self, seconds: float = 5.0) -> None:
        """Write what waits; what cannot be written in time is told to the log."""
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
            await asyncio.wait({self._task})
        for entry, _ in self._waiting.values():
            self._lose(entry)
        self._waiting.clear()

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_SECONDS)
            batch = list(self._waiting.items())[:_BATCH]
            for place, _ in batch:
                del self._waiting[place]
            written = False
            try:
                written = await self._written([held for _, held in batch])
            finally:
                if not written:  # or nobody knows: `close` does not wait for ever
                    self._put_back(batch)
            if not written:
                await asyncio.sleep(_AGAIN_SECONDS)

    def _put_back(self, batch: list[tuple[_Key, tuple[Entry, float]]]) -> None:
        for place, (entry, since) in reversed(batch):
            later = self._waiting.get(place)  # the same, that came meanwhile
            self._waiting[place] = (_together(entry, later[0]) if later else entry, since)
            self._waiting.move_to_end(place, last=False)

    async def _written(self, held: list[tuple[Entry, float]]) -> bool:
        now = time.monotonic()
        entries = [
            entry.model_copy(update={"ago": int(1000 * (now - since))}) for entry, since in held
        ]
        try:
            await self._store.note(entries, self._keep_ms)
        except PreloError as error:
            self._observer.event("audit.waits", count=len(self._waiting), detail=error.detail)
            return False
        return True

    def _lose(self, entry: Entry) -> None:
        self._observer.event("audit.lost", **entry.model_dump(exclude={"ago"}))


def _together(first: Entry, again: Entry) -> Entry:
    """Two of the same as one, with their number."""
    times = first.detail.get("times", 1) + again.detail.get("times", 1)
    return first.model_copy(update={"detail": {**first.detail, "times": times}})
