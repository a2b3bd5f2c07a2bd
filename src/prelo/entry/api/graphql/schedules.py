"""The fields of schedules."""

from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from prelo.app import schedules
from prelo.core.schedule import SHOWN, Plan, Schedule, milliseconds
from prelo.core.schedule_view import FiringView, Pause, ScheduleView, UpcomingView
from prelo.entry.api.graphql.asking import (
    Connection,
    Id,
    Info,
    asks,
    body,
    changes,
    cursor,
    first_of,
    key_of,
    number,
    or_null,
    page,
    uuid_of,
)
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import about, asked, shown
from prelo.entry.api.house import House
from prelo.entry.api.paging import numbered, placed
from prelo.entry.api.reading import validated
from prelo.entry.api.schedules import (
    History,
    Listing,
    firing_view,
    history_of,
    page_of,
    preview_view,
    revision,
    schedule_view,
)

_MOST_AHEAD = 100
FIRING = or_null(shown(FiringView))
FIRINGS = or_null(Connection[shown(FiringView)])
UPCOMING = or_null(list[shown(UpcomingView)])
Input = Annotated[
    object, strawberry.argument(name="input", graphql_type=asked(Plan, "ScheduleInput"))
]


@strawberry.type(name="Schedule", description=about(ScheduleView))
class Planned(shown(ScheduleView)):
    """The view, and what is looked up where it is asked for."""

    @strawberry.field(
        graphql_type=UPCOMING,
        description="The next times, and the parameters that the report will be asked for then; "
        f"`first` is at most {_MOST_AHEAD}.",
    )
    async def upcoming(self, info: Info, first: int = SHOWN) -> tuple[UpcomingView, ...]:
        here, who = asks(info, "GET /v1/schedules/{schedule_id}/upcoming")
        count = first_of(first, _MOST_AHEAD)
        found = await schedules.find(self.id, who, here.ports)
        return preview_view(await schedules.to_come(found, here.ports, count)).upcoming

    @strawberry.field(
        graphql_type=FIRINGS,
        description=f"What became of its times, newest first; `first` is at most {MAX_FIRST}.",
    )
    async def firings(
        self, info: Info, first: int = FIRST, after: str | None = None
    ) -> Connection[FiringView]:
        here, who = asks(info, "GET /v1/schedules/{schedule_id}/firings")
        query = History(cursor=number(after), limit=first_of(first))
        found = await history_of(self.id, query, here, who)
        return page(found, after, numbered, firing_view)


SCHEDULE = or_null(Planned)
SCHEDULES = or_null(Connection[Planned])


@strawberry.type(
    description="`replayed`: the key was known, and this is the schedule that it made."
)
class CreatedSchedule:
    schedule: ScheduleView = strawberry.field(graphql_type=Planned)
    replayed: bool


@strawberry.type
class Query:
    @strawberry.field(graphql_type=SCHEDULE, description="A schedule as it is.")
    async def schedule(self, info: Info, schedule_id: Id) -> ScheduleView:
        here, who = asks(info, "GET /v1/schedules/{schedule_id}")
        name = uuid_of("schedule", schedule_id)
        return await _view(await schedules.find(name, who, here.ports), here)

    @strawberry.field(
        graphql_type=SCHEDULES,
        description=f"The schedules, newest first; `first` is at most {MAX_FIRST}.",
    )
    async def schedules(
        self, info: Info, first: int = FIRST, after: str | None = None
    ) -> Connection[ScheduleView]:
        here, who = asks(info, "GET /v1/schedules")
        query = Listing(cursor=cursor(after), limit=first_of(first))
        found = await page_of(query, here, who)
        now = await here.ports.store.clock()
        return page(found, after, placed, partial(schedule_view, now=now))

    @strawberry.field(
        graphql_type=UPCOMING,
        description="The next times of a schedule that is not made; nothing is stored.",
    )
    async def check_schedule(self, info: Info, plan: Input) -> tuple[UpcomingView, ...]:
        here, who = asks(info, "POST /v1/schedules")
        wanted, _ = body(Plan, plan)
        return preview_view(await schedules.preview(wanted, who, here.ports)).upcoming


@strawberry.type
class Mutation:
    @strawberry.mutation(description="Ask for a report again and again, by your rights.")
    async def create_schedule(
        self, info: Info, plan: Input, idempotency_key: str | None = None
    ) -> CreatedSchedule | None:
        here, who = asks(info, "POST /v1/schedules")
        wanted, digest = body(Plan, plan)
        key = key_of(idempotency_key, digest)
        made, fresh = await schedules.create(wanted, who, here.ports, key)
        return CreatedSchedule(schedule=await _view(made, here), replayed=not fresh)

    @strawberry.mutation(
        graphql_type=SCHEDULE,
        description="Change what is given; null takes it away. The rest stays.",
    )
    async def change_schedule(self, info: Info, schedule_id: Id, plan: Input) -> ScheduleView:
        here, who = asks(info, "PATCH /v1/schedules/{schedule_id}")
        name, revise = uuid_of("schedule", schedule_id), revision(changes(Plan, plan))
        return await _view(await schedules.change(name, who, here.ports, revise), here)

    @strawberry.mutation(
        graphql_type=SCHEDULE, description="Nothing fires until it is resumed, or until `until`."
    )
    async def pause_schedule(
        self, info: Info, schedule_id: Id, until: datetime | None = None
    ) -> ScheduleView:
        here, who = asks(info, "POST /v1/schedules/{schedule_id}:pause")
        name, end = uuid_of("schedule", schedule_id), validated(Pause, {"until": until}).until
        paused = await schedules.pause(name, who, here.ports, milliseconds(end))
        return await _view(paused, here)

    @strawberry.mutation(
        graphql_type=SCHEDULE,
        description="It fires from now on. What its pause has cost is not caught up with.",
    )
    async def resume_schedule(self, info: Info, schedule_id: Id) -> ScheduleView:
        here, who = asks(info, "POST /v1/schedules/{schedule_id}:resume")
        name = uuid_of("schedule", schedule_id)
        return await _view(await schedules.resume(name, who, here.ports), here)

    @strawberry.mutation(
        graphql_type=FIRING,
        description="Fire once, now, paused or not. Its own times stay as they are.",
    )
    async def run_schedule(self, info: Info, schedule_id: Id) -> FiringView:
        here, who = asks(info, "POST /v1/schedules/{schedule_id}:run")
        name, most = uuid_of("schedule", schedule_id), here.config.max_queued
        firing = await schedules.run(name, who, here.ports, max_queued=most)
        return firing_view(firing)

    @strawberry.mutation(
        description="Delete a schedule and its history. Its jobs stay. Answers its id."
    )
    async def delete_schedule(self, info: Info, schedule_id: Id) -> strawberry.ID | None:
        here, who = asks(info, "DELETE /v1/schedules/{schedule_id}")
        await schedules.remove(uuid_of("schedule", schedule_id), who, here.ports)
        return schedule_id


async def _view(schedule: Schedule, here: House) -> ScheduleView:
    return schedule_view(schedule, await here.ports.store.clock())
