"""SqlTimetable: the part of the Store port that keeps schedules."""

from collections.abc import Sequence

from prelo.adapters.store_sql import schedules
from prelo.adapters.store_sql.database import Database
from prelo.adapters.store_sql.schedules import Change
from prelo.adapters.store_sql.together import Together
from prelo.core.fire import Firing
from prelo.core.schedule import Schedule
from prelo.timetable import Due


class SqlTimetable:
    """See prelo.timetable.Timetable. Each method is one transaction of the functions in schedules.py."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # At nine o'clock there are many: those that come together share a commit.
        self._changes: Together[Change, bool] = Together(self._changed)

    async def clock(self) -> int:
        return await self._database.read(lambda tx: tx.now)

    async def add_schedule(self, new: Schedule) -> bool:
        return await self._database.write(lambda tx: schedules.added(tx, new))

    async def schedule(self, schedule_id: str, tenant: str) -> Schedule | None:
        return await self._database.read(lambda tx: schedules.one(tx, schedule_id, tenant))

    async def schedules(
        self, tenant: str, scope: str, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Schedule]:
        return await self._database.read(
            lambda tx: schedules.listed(tx, tenant, scope, limit, before)
        )

    async def change_schedule(
        self, before: Schedule, after: Schedule, firings: Sequence[Firing] = ()
    ) -> bool:
        return await self._changes((before, after, firings))

    async def _changed(self, changes: Sequence[Change]) -> Sequence[bool]:
        return await self._database.write(lambda tx: schedules.all_changed(tx, changes))

    async def remove_schedule(self, schedule: Schedule) -> bool:
        return await self._database.write(lambda tx: schedules.removed(tx, schedule))

    async def firings(
        self, schedule_id: str, limit: int, *, before: int | None = None, only_open: bool = False
    ) -> Sequence[Firing]:
        return await self._database.read(
            lambda tx: schedules.history(tx, schedule_id, limit, before, only_open=only_open)
        )

    async def due_schedules(self, limit: int) -> Due:
        return await self._database.read(lambda tx: schedules.due(tx, limit))

    async def settle_firing(self, before: Firing, after: Firing) -> bool:
        return await self._database.write(lambda tx: schedules.settled(tx, before, after))

    async def prune_firings(self) -> int:
        return await self._database.write(schedules.prune)
