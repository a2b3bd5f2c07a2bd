"""The part of the Store that keeps schedules and their firings; see ports.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from prelo.core.fire import Firing
from prelo.core.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Due:
    """Schedules whose time has come by `now` (the store's clock, in ms), and open firings to be tried, with
    their schedules. `next_at`: when something of either kind is due next, if that is known.
    """

    now: int
    schedules: Sequence[Schedule]
    firings: Sequence[tuple[Firing, Schedule]]
    next_at: int | None


class Timetable(Protocol):
    """Schedules and firings. As with jobs, every change is guarded by what it starts from: False says that
    somebody else was first, and that nothing was written.
    """

    async def clock(self) -> int:
        """The store's time in ms since 1970."""
        ...

    async def add_schedule(self, new: Schedule) -> bool:
        """False if there is one of this id."""
        ...

    async def schedule(self, schedule_id: str, tenant: str) -> Schedule | None: ...

    async def schedules(
        self, tenant: str, scope: str, limit: int, *, before: tuple[int, str] | None = None
    ) -> Sequence[Schedule]:
        """Newest first, from the (created_at, id) `before` on."""
        ...

    async def change_schedule(
        self, before: Schedule, after: Schedule, firings: Sequence[Firing] = ()
    ) -> bool:
        """Atomically write a schedule that still is as `before` (revision, next_fire_at), and its new
        firings. Of a time that has its firing already there is no second one: it is left out.
        """
        ...

    async def remove_schedule(self, schedule: Schedule) -> bool:
        """With its firings, those that are open included. Its jobs stay."""
        ...

    async def firings(
        self, schedule_id: str, limit: int, *, before: int | None = None, only_open: bool = False
    ) -> Sequence[Firing]:
        """Newest first, from those made before the one of the number `before` on."""
        ...

    async def due_schedules(self, limit: int) -> Due:
        """At most `limit` of either kind, the longest due first. As many statements for a thousand
        schedules as for one.
        """
        ...

    async def settle_firing(self, before: Firing, after: Firing) -> bool:
        """Write a firing that still is open and as often tried as `before`. One that has its job is settled
        by `Store.submit`, with the job.
        """
        ...

    async def prune_firings(self) -> int:
        """Delete what was settled more than 90 days ago; how many these were."""
        ...
