"""Somebody follows jobs: what goes on is told to all who listen in this process, by one look for all of them.

Words of the cache say which job to look at; the store says how it stands. A slow look finds what no word was
heard of, so that a cache that loses everything delays an end by seconds and hides none.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice

from prelo.app.listener import Event, Listener, Told
from prelo.core.errors import NotFound, PreloError, Unavailable
from prelo.core.job import State
from prelo.core.news import Log, LogFilter, Mark, Standing, kind_of
from prelo.core.records import Change
from prelo.core.request import Caller
from prelo.core.topics import news_topic
from prelo.ports import Ports

LOOK = 3.0  # seconds between two slow looks
_GAP = 0.02  # between two looks: words that come meanwhile are one look
_EACH = 1e-4  # and so much for each listener, about what it costs to tell it
_AGAIN = 1.0  # after the store could not be asked
_BATCH = 500
_PAGES = 20  # of the log, in one slow look
_KEPT = (
    20_000  # jobs that nobody named, and that are known all the same: nobody is told of them twice
)
_SETTLED = 10.0  # seconds after which no line comes into the log before those that are there
_PATIENCE = 2.0  # for listeners to leave


@dataclass(slots=True)
class _Tenant:
    """Whose words are heard, while somebody listens. `floor`: how far its log is looked through for good.
    `past`: numbers behind it which were there before anybody followed all of it, and are no news.
    """

    users: int = 0
    floor: int | None = None
    past: set[int] = field(default_factory=set[int])
    looked: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    hearing: asyncio.Task[None] | None = None


class Live:
    """For one event loop. `most`: so many listeners this process takes. Without any, nothing is done."""

    def __init__(self, ports: Ports, *, most: int, look: float | None = None) -> None:
        self._ports = ports
        self._most = most
        self._look = look
        self._listeners: set[Listener] = set()
        self._by_job: dict[str, set[Listener]] = {}
        self._wide: dict[str, set[Listener]] = {}
        self._tenants: dict[str, _Tenant] = {}
        self._watched: Counter[str] = Counter()
        self._known: OrderedDict[str, Told] = OrderedDict()
        self._unseen: dict[str, None] = {}
        self._asks: dict[str, asyncio.Future[Standing | PreloError | None]] = {}
        self._news = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()

    @asynccontextmanager
    async def listener(self, caller: Caller, backlog: int = _BATCH) -> AsyncGenerator[Listener]:
        """A place for the block. Raises Unavailable where there are as many as there may be."""
        if self._closing:
            raise Unavailable("this process is draining; ask another one", 1)
        if len(self._listeners) >= self._most:
            raise Unavailable(
                f"{self._most} listeners are connected here, which is the most that one process takes; "
                "ask another one, or later",
                10,
            )
        hidden = self._ports.catalog.hidden_from(caller.permissions)
        made = Listener(caller, backlog, hidden)
        self._listeners.add(made)
        self._empty.clear()
        tenant = self._tenants.setdefault(caller.tenant, _Tenant())
        tenant.users += 1
        try:
            if tenant.hearing is None:
                tenant.hearing = asyncio.create_task(self._hear(caller.tenant, tenant))
            if self._looking is None:
                self._looking = asyncio.create_task(self._always())
            await tenant.ready.wait()
            yield made
        finally:
            await self._left(made, tenant)

    async def _left(self, listener: Listener, tenant: _Tenant) -> None:
        self.unfollow(listener, set(listener.jobs))
        self.unfollow_all(listener)
        self._listeners.discard(listener)
        ending: list[asyncio.Task[None] | None] = []
        tenant.users -= 1
        if not tenant.users:
            del self._tenants[listener.caller.tenant]
            ending.append(tenant.hearing)
        if not self._listeners:
            self._empty.set()
            ending.append(self._looking)
            self._looking = None
            self._known.clear()
            self._unseen.clear()
        tasks = [task for task in ending if task is not None]
        for task in tasks:  # all before any is waited for: whoever left may be cancelled here, too
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def close(self) -> None:
        """Tell all of them to go, and wait a little until they have."""
        self._closing = True
        for listener in list(self._listeners):
            listener.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._empty.wait()

    async def follow(
        self, listener: Listener, wanted: Mapping[str, Mark | None]
    ) -> Mapping[str, Standing]:
        """Follow these jobs, all of them or none: NotFound is raised for one that is not the caller's. The
        listener is told at once how each stands, unless that is what it has seen.
        """
        fresh = [job_id for job_id in wanted if job_id not in listener.jobs]
        self._watched.update(fresh)
        try:
            found = await self._stands(wanted)
            _refuse_others(listener, found)
        except BaseException:
            self._unwatch(fresh)
            raise
        now: dict[str, Standing] = {}
        for job_id, seen in wanted.items():
            listener.jobs.add(job_id)
            self._by_job.setdefault(job_id, set()).add(listener)
            told = self._known.get(job_id)  # looked at again since, perhaps
            if told is None:
                listener.offer(Event("gone", job_id))
                continue
            now[job_id] = told.standing
            kind = kind_of(told.standing, seen)
            if kind:
                listener.offer(Event(kind, job_id, told))
        return now

    async def ready_for_all(self, listener: Listener) -> None:
        """Ask the store what `follow_all` has to know."""
        name = listener.caller.tenant
        if name in self._wide:
            return
        # Nobody has kept it up, and a cursor lies seconds back: "from now on" is no news of what was before.
        floor = await self._ports.store.cursor(name)
        past = {change.number async for change in self._lines(name, floor)}
        if name not in self._wide:  # else somebody was quicker, and is told what is new since
            tenant = self._tenants[name]
            tenant.looked.clear()
            tenant.floor, tenant.past = floor, past

    def follow_all(self, listener: Listener, report: str | None = None) -> None:
        """Follow all of the caller's jobs, or all of a report, whatever happens to them from now on."""
        if report is None:
            listener.everything = True
        else:
            listener.reports.add(report)
        self._wide.setdefault(listener.caller.tenant, set()).add(listener)

    def unfollow(self, listener: Listener, job_ids: Collection[str]) -> None:
        for job_id in listener.jobs & set(job_ids):
            listener.jobs.discard(job_id)
            listeners = self._by_job[job_id]
            listeners.discard(listener)
            if not listeners:
                del self._by_job[job_id]
            self._unwatch([job_id])
        listener.drop()

    def unfollow_all(self, listener: Listener, report: str | None = None) -> None:
        """All of them, and of every report; or only those of this one."""
        if report is None:
            listener.everything = False
            listener.reports.clear()
        listener.reports.discard(report or "")
        listener.drop()
        listeners = self._wide.get(listener.caller.tenant, set())
        if not listener.wide:
            listeners.discard(listener)
        if not listeners:
            self._wide.pop(listener.caller.tenant, None)

    async def replay(
        self, caller: Caller, after: int, limit: int, report: str | None = None
    ) -> Log:
        """What happened after a cursor, at most `limit` lines of the log looked through. `reached` is the
        next cursor: one behind which nothing is missed, and so perhaps a few seconds back.
        """
        chosen = LogFilter(
            tenant=caller.tenant, scope=caller.scope, report=report, after=after, limit=limit
        )
        found = await self._seen(await self._ports.store.log(chosen), caller)
        if found.more:
            return found
        settled = await self._ports.store.cursor(caller.tenant)
        reached = max(after, min(found.reached, settled))
        return found.model_copy(update={"reached": reached})

    async def _seen(self, found: Log, caller: Caller) -> Log:
        """Without jobs of reports that are hidden from the caller. Jobs know versions, the log does not."""
        hidden = self._ports.catalog.hidden_from(caller.permissions)
        names = {name for name, _ in hidden}
        doubtful = {change.job_id for change in found.changes if change.report in names}
        if not doubtful:
            return found
        stands = await self._ports.store.standings(doubtful)
        shown = {
            job_id
            for job_id, standing in stands.items()
            if (standing.job.report, standing.job.version) not in hidden
        }
        kept = [one for one in found.changes if one.job_id not in doubtful or one.job_id in shown]
        return found.model_copy(update={"changes": tuple(kept)})

    def cursor(self, listener: Listener) -> int | None:
        """From where to replay, should the connection be lost now; None for who follows named jobs only."""
        return self._tenants[listener.caller.tenant].floor if listener.wide else None

    def _unwatch(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self._watched[job_id] -= 1
            if self._watched[job_id] <= 0:
                del self._watched[job_id]
                told = self._known.get(job_id)
                if told is None or told.standing.job.tenant not in self._wide:
                    self._known.pop(job_id, None)

    async def _stands(self, job_ids: Iterable[str]) -> Mapping[str, Standing | None]:
        """How they stand, by a look that begins now; those that are asked for together are one."""
        asked: dict[str, asyncio.Future[Standing | PreloError | None]] = {}
        for job_id in job_ids:
            if job_id not in self._asks:
                self._asks[job_id] = asyncio.get_running_loop().create_future()
            asked[job_id] = self._asks[job_id]
            self._unseen[job_id] = None
        self._news.set()
        if asked:
            await asyncio.wait(asked.values())
        found: dict[str, Standing | None] = {}
        for job_id, future in asked.items():
            result = future.result()
            if isinstance(result, PreloError):
                raise result
            found[job_id] = result
        return found

    async def _hear(self, name: str, tenant: _Tenant) -> None:
        async with self._ports.cache.listen(news_topic(name)) as watch:
            tenant.ready.set()
            while True:
                word = await watch.wait(60)
                if word and (word in self._watched or name in self._wide):
                    self._unseen[word] = None
                    self._news.set()

    async def _always(self) -> None:
        """Look at what is said to be new; and now and then, whether there is more."""
        pause = LOOK if self._look is None else self._look
        around = time.monotonic() + pause
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0, around - time.monotonic())):
                    await self._news.wait()
            self._news.clear()
            try:
                if time.monotonic() >= around:
                    around = time.monotonic() + pause
                    await self._look_around()
                if self._unseen:
                    await self._look_at(list(islice(self._unseen, _BATCH)))
            except Exception as error:  # noqa: BLE001  whatever it is, the next look is for other jobs, too
                self._ports.observer.event("live.waits", detail=str(error))
                await asyncio.sleep(_AGAIN)
            # One look a turn: where words never cease, what no word is heard of has its turn all the same.
            if self._unseen:
                self._news.set()
            await asyncio.sleep(_GAP + _EACH * len(self._listeners))

    async def _look_at(self, job_ids: list[str]) -> None:
        asks = {job_id: self._asks.pop(job_id) for job_id in job_ids if job_id in self._asks}
        for job_id in job_ids:
            del self._unseen[job_id]
        try:
            found = await self._ports.store.standings(job_ids)
        except Exception as error:
            known = isinstance(error, PreloError)
            self._unseen |= dict.fromkeys(job_ids if known else ())
            failure = error if known else Unavailable("the jobs cannot be read just now; ask again")
            for future in asks.values():
                future.set_result(failure)
            raise
        for job_id in job_ids:
            self._tell(job_id, found.get(job_id))
        for job_id, future in asks.items():
            future.set_result(found.get(job_id))

    def _tell(self, job_id: str, now: Standing | None) -> None:
        """All who follow the job, if it is news."""
        before = self._known.get(job_id)
        if now is None:
            if before is not None:
                del self._known[job_id]
                self._offer(Event("gone", job_id), before.standing)
            return
        seen = before and before.standing
        kind = kind_of(now, seen and seen.mark, seen)
        if kind is None:
            return
        told = self._known[job_id] = Told(now)
        self._known.move_to_end(job_id)
        while len(self._known) > _KEPT + len(self._watched):
            oldest, kept = self._known.popitem(last=False)
            if oldest in self._watched:
                self._known[oldest] = kept
        self._offer(Event(kind, job_id, told), now)

    def _offer(self, event: Event, of: Standing) -> None:
        named = self._by_job.get(event.job_id, set())
        wide = self._wide.get(of.job.tenant, set())
        for listener in named | {one for one in wide if one.wants(of.job)}:
            listener.offer(event)

    async def _look_around(self) -> None:
        """Whether anything changed of which no word was heard: numbers first, then what has another one."""
        watched = list(self._watched)
        for start in range(0, len(watched), _BATCH):
            heads = await self._ports.store.heads(watched[start : start + _BATCH])
            self._note(heads.items())
        # Progress has no number, and there are never many that run.
        for job_id in watched:
            told = self._known.get(job_id)
            if told is not None and told.standing.job.state is State.RUNNING:
                self._unseen[job_id] = None
        for name in list(self._wide):
            if (tenant := self._tenants.get(name)) is not None:  # its last listener may have left
                await self._look_through(name, tenant)

    async def _look_through(self, name: str, tenant: _Tenant) -> None:
        """The tenant's log of the last seconds, each time again: what commits late has a number before what
        was seen.
        """
        after = tenant.floor or 0
        lines: list[tuple[str, int]] = []
        async for change in self._lines(name, after):
            after = change.number
            if change.number not in tenant.past:
                lines.append((change.job_id, change.number))
        self._note(lines)
        now = time.monotonic()
        tenant.looked.append((now, after))
        while tenant.looked and tenant.looked[0][0] <= now - _SETTLED:
            tenant.floor = tenant.looked.popleft()[1]
            tenant.past = set()  # all of it lies before what was looked through since

    async def _lines(self, name: str, after: int) -> AsyncGenerator[Change]:
        """Of a tenant's log, at most so many pages."""
        for _ in range(_PAGES):
            found = await self._ports.store.log(LogFilter(tenant=name, after=after, limit=_BATCH))
            for change in found.changes:
                yield change
            after = found.reached
            if not found.more:
                return

    def _note(self, numbers: Iterable[tuple[str, int]]) -> None:
        last: dict[str, int] = {}
        for job_id, number in numbers:
            last[job_id] = max(number, last.get(job_id, 0))
        for job_id, number in last.items():
            told = self._known.get(job_id)
            if told is None or told.standing.number < number:
                self._unseen[job_id] = None


def _refuse_others(listener: Listener, found: Mapping[str, Standing | None]) -> None:
    for job_id, standing in found.items():
        if standing is None or not listener.sees(standing.job):
            raise NotFound(f"there is no job {job_id}")
