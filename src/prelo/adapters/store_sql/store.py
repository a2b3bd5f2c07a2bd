"""SqlStore: the Store port on SQL. Each method is one transaction of the functions beside this file."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from prelo.adapters.store_sql import (
    bells,
    changing,
    desk,
    following,
    guards,
    keys,
    outlook,
    reading,
    schema,
    shelf,
    submitting,
)
from prelo.adapters.store_sql.database import Database, Transaction
from prelo.adapters.store_sql.faults import Collided
from prelo.adapters.store_sql.notices import SqlNotices
from prelo.adapters.store_sql.timetable import SqlTimetable
from prelo.adapters.store_sql.together import Together
from prelo.core.access import Key
from prelo.core.channel import Channel
from prelo.core.dataset import Dataset
from prelo.core.errors import PreloError, Unavailable
from prelo.core.job import Job, Progress
from prelo.core.news import Log, LogFilter, Standing
from prelo.core.records import (
    Act,
    Ahead,
    AuditFilter,
    Bell,
    Change,
    DeadFilter,
    Entry,
    IdempotencyKey,
    JobFilter,
    Made,
    Noted,
    Obituary,
    Tally,
)
from prelo.core.report import Lane
from prelo.core.request import Caller
from prelo.core.rules import Quarantine, Rules
from prelo.ports import Beat, Duty, Submitted

_TRIES = 5
_PRUNE_SECONDS = 60.0
_CHECK_SECONDS = 1.0
_FORGET_SECONDS = 3600.0


class SqlStore(SqlTimetable):
    """See prelo.ports.Store. `url`: sqlite:///path/prelo.db (four slashes for an absolute path).
    `rules`: whom a claim passes over, and how many may wait.

    Nothing is opened before the first call. For one event loop; several processes may share the file.
    """

    def __init__(self, url: str, rules: Rules | None = None) -> None:
        super().__init__(Database(url))
        self.notices = SqlNotices(self._database)
        self._pruned = time.monotonic()
        # At the first opportunity: a process may not live for as long as it takes. And not 0: by this clock
        # that may be a moment ago, of a machine that has just been started.
        self._forgot = float("-inf")
        self._rules = rules or Rules()
        self._guards = guards.Guards(self._rules)
        self._answers: Together[submitting.Ask, Submitted | None] = Together(self._answered)
        self._places: Together[submitting.Ask, Submitted] = Together(self._placed)
        self._looks: Together[str, Job | None] = Together(self._found)
        self._keys: Together[str, Key | None] = Together(self._keys_found)

    async def migrate(self) -> None:
        self._database.create()
        await self._database.write(lambda tx: schema.upgrade(tx, self._database.name))

    async def check(self) -> None:
        asked = self._database.read(lambda tx: schema.check(tx, self._database.name))
        try:
            await asyncio.wait_for(asked, _CHECK_SECONDS)
        except TimeoutError as error:
            raise Unavailable(f"the database {self._database.name} does not answer") from error

    async def close(self) -> None:
        await self._database.close()

    async def submit(
        self,
        draft: Job,
        *,
        max_age_ms: int | None = None,
        key: IdempotencyKey | None = None,
        max_queued: int | None = None,
        channels: Sequence[Channel] = (),
    ) -> Submitted:
        draft = draft.model_copy(update={"fair_key": self._rules.step(draft.tenant, draft.cost)})
        ask = submitting.Ask(draft, max_age_ms, key, max_queued, tuple(channels))
        for trial in range(_TRIES):
            if self._database.one_writer and (answer := await self._answers(ask)):
                return answer
            # What collides is tried again alone: no request is refused for another one's sake.
            places = (
                self._places if trial == 0 else Together[submitting.Ask, Submitted](self._placed)
            )
            try:
                return await places(ask)
            except Collided:
                continue
        raise Unavailable("the same report is asked for by many at once; ask again", retry_after=1)

    async def _answered(
        self, asks: Sequence[submitting.Ask]
    ) -> Sequence[Submitted | PreloError | None]:
        return await self._database.read(lambda tx: submitting.answered(tx, asks))

    async def _placed(self, asks: Sequence[submitting.Ask]) -> Sequence[Submitted | PreloError]:
        return await self._database.write(lambda tx: submitting.placed(tx, asks, self._guards))

    async def get(
        self, job_id: str, tenant: str | None = None, *, with_order: bool = False
    ) -> Job | None:
        if with_order:
            return await self._database.read(lambda tx: reading.get(tx, job_id, tenant))
        found = await self._looks(job_id)
        return found if found and tenant in {None, found.tenant} else None

    async def _found(self, job_ids: Sequence[str]) -> Sequence[Job | None]:
        by_id = await self._database.read(lambda tx: reading.by_ids(tx, set(job_ids)))
        return [by_id.get(job_id) for job_id in job_ids]

    async def list(self, chosen: JobFilter) -> Sequence[Job]:
        return await self._database.read(lambda tx: reading.listed(tx, chosen))

    async def dead(
        self, chosen: DeadFilter, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Job]:
        return await self._database.read(lambda tx: desk.dead(tx, chosen, limit, before))

    async def tally(self, chosen: DeadFilter) -> Sequence[Tally]:
        return await self._database.read(lambda tx: desk.tally(tx, chosen))

    async def audit(self, chosen: AuditFilter) -> Sequence[Noted]:
        return await self._database.read(lambda tx: keys.noted(tx, chosen))

    async def note(self, entries: Sequence[Entry], keep_ms: int) -> None:
        if entries:
            await self._database.write(lambda tx: keys.note(tx, entries))
        if time.monotonic() - self._forgot >= _FORGET_SECONDS:
            self._forgot = time.monotonic()
            await self._database.write(lambda tx: keys.forget(tx, keep_ms))

    async def add_key(self, key: Key, act: Act, lasts_ms: int | None = None) -> Key:
        return await self._database.write(lambda tx: keys.added(tx, key, act, lasts_ms))

    async def key(self, key_id: str) -> Key | None:
        return await self._keys(key_id)

    async def _keys_found(self, key_ids: Sequence[str]) -> Sequence[Key | None]:
        by_id = await self._database.read(lambda tx: keys.found(tx, set(key_ids)))
        return [by_id.get(key_id) for key_id in key_ids]

    async def keys(self, tenant: str | None = None, limit: int = 1000) -> Sequence[Key]:
        return await self._database.read(lambda tx: keys.listed(tx, tenant, limit))

    async def rotate_key(self, key_id: str, fresh: Key, grace_ms: int, act: Act) -> Key | None:
        return await self._database.write(lambda tx: keys.rotated(tx, key_id, fresh, grace_ms, act))

    async def revoke_key(self, key_id: str, act: Act) -> Key | None:
        return await self._database.write(lambda tx: keys.revoked(tx, key_id, act))

    async def keys_used(self, key_ids: Collection[str]) -> None:
        await self._database.write(lambda tx: keys.used(tx, key_ids))

    async def claim(
        self, lanes: Collection[Lane], owner: str, lease_ms: int, *, again: bool = False
    ) -> Job | None:
        def look(tx: Transaction) -> list[Lane]:
            return reading.busy_lanes(tx, lanes, self._guards.passed_over(tx))

        # Where a claim of nothing would keep others waiting, it looks before it writes.
        careful = (self._database.one_writer or self._rules.caps) and not again
        found = await self._database.read(look) if careful else lanes

        def take(tx: Transaction) -> Job | None:
            if again and (held := changing.held(tx, owner, lease_ms)):
                return held
            only = self._guards.passed_over(tx, exact=True)
            return changing.claim(tx, found, owner, lease_ms, only)

        return await self._database.write(take) if found else None

    async def beat(self, job: Job, lease_ms: int, progress: Progress) -> Beat | None:
        return await self._database.write(lambda tx: changing.beat(tx, job, lease_ms, progress))

    async def move(
        self,
        job: Job,
        change: Callable[[Job, int], Job],
        *,
        lapsed: bool = False,
        act: Act | None = None,
    ) -> Job | None:
        def write(tx: Transaction) -> Job | None:
            moved = changing.move(tx, job, change, lapsed=lapsed, act=act)
            if moved is not None and moved.lost_count > job.lost_count:
                self._guards.note(tx, job, lapsed=lapsed)
            return moved

        return await self._database.write(write)

    async def request_cancel(self, job: Job, act: Act | None = None) -> bool:
        return await self._database.write(lambda tx: changing.request_cancel(tx, job, act))

    async def forget(self, job: Job, act: Act | None = None) -> bool:
        return await self._database.write(lambda tx: changing.forget(tx, job, act))

    async def due(self, duty: Duty, limit: int) -> Sequence[Job]:
        return await self._database.read(lambda tx: reading.due(tx, duty, limit))

    async def bells(self, limit: int) -> Sequence[Bell]:
        return await self._database.read(lambda tx: bells.waiting(tx, limit))

    async def obituaries(self, limit: int) -> Sequence[Obituary]:
        return await self._database.read(lambda tx: bells.unburied(tx, limit))

    async def rung(self, numbers: Collection[int]) -> None:
        if numbers:
            await self._database.write(lambda tx: bells.rung(tx, numbers))
        if time.monotonic() - self._pruned >= _PRUNE_SECONDS:
            self._pruned = time.monotonic()
            await self._database.write(bells.prune)

    async def ring_again(self, jobs: Collection[Job]) -> None:
        await self._database.write(lambda tx: bells.ring_again(tx, [job.id for job in jobs]))

    async def stirred(self, seconds: float) -> None:
        await self._database.stirred(seconds)

    async def unreferenced(self, keys: Collection[str]) -> Collection[str]:
        return await self._database.read(lambda tx: reading.unreferenced(tx, keys))

    async def depth(self, lane: Lane | None = None) -> int:
        return await self._database.read(lambda tx: reading.depth(tx, lane))

    async def transitions(self, job_id: str) -> Sequence[Change]:
        return await self._database.read(lambda tx: reading.transitions(tx, job_id))

    async def made(self, tenant: str, report: str, limit: int) -> Sequence[Made]:
        return await self._database.read(lambda tx: outlook.made(tx, tenant, report, limit))

    async def waiting(self, tenant: str) -> int:
        return await self._database.read(lambda tx: guards.queued(tx, tenant))

    async def ahead(self, job: Job, most: int) -> Ahead:
        return await self._database.read(lambda tx: outlook.ahead(tx, job, most))

    async def standings(self, job_ids: Collection[str]) -> Mapping[str, Standing]:
        return await self._database.read(lambda tx: following.standings(tx, job_ids))

    async def heads(self, job_ids: Collection[str]) -> Mapping[str, int]:
        return await self._database.read(lambda tx: following.heads(tx, job_ids))

    async def log(self, chosen: LogFilter) -> Log:
        return await self._database.read(lambda tx: following.log(tx, chosen))

    async def cursor(self, tenant: str) -> int:
        return await self._database.read(lambda tx: following.cursor(tx, tenant))

    async def shelve(self, dataset: Dataset, life_ms: int) -> Dataset:
        for _ in range(_TRIES):
            try:
                return await self._database.write(lambda tx: shelf.shelve(tx, dataset, life_ms))
            except Collided:
                continue
        raise Unavailable("the same dataset is uploaded by many at once; ask again", retry_after=1)

    async def dataset(
        self, dataset_id: str, caller: Caller, *, life_ms: int | None = None, expired: bool = False
    ) -> Dataset | None:
        run = self._database.read if life_ms is None else self._database.write
        return await run(lambda tx: shelf.find(tx, dataset_id, caller, life_ms, expired=expired))

    async def datasets(
        self, caller: Caller, limit: int, before: tuple[int, str] | None = None
    ) -> Sequence[Dataset]:
        return await self._database.read(lambda tx: shelf.listed(tx, caller, limit, before))

    async def outlived(self, limit: int) -> Sequence[Dataset]:
        return await self._database.read(lambda tx: shelf.outlived(tx, limit))

    async def unshelve(self, dataset: Dataset, *, outlived: bool = False) -> bool:
        return await self._database.write(lambda tx: shelf.unshelve(tx, dataset, outlived=outlived))

    async def quarantines(self) -> Sequence[Quarantine]:
        return await self._database.read(self._guards.quarantines)

    async def release(self, report: str, version: int | None = None) -> bool:
        return await self._database.write(lambda tx: self._guards.release(tx, report, version)) > 0

    async def health(self) -> Mapping[str, int]:
        def numbers(tx: Transaction) -> Mapping[str, int]:
            quarantined = len(self._guards.quarantines(tx))
            return {**reading.health(tx), "reports_quarantined": quarantined}

        return await self._database.read(numbers)
