"""The routes of schedules: make, look, list, change, delete, pause, resume, run, and their history."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, ValidationError

from prelo.app import schedules
from prelo.core.errors import Invalid
from prelo.core.fire import Firing, is_paused
from prelo.core.model import Model
from prelo.core.request import Caller
from prelo.core.schedule import SHOWN, Plan, Schedule, milliseconds, upcoming
from prelo.core.schedule_view import (
    Changes,
    FiringPage,
    FiringView,
    Pause,
    PreviewView,
    SchedulePage,
    ScheduleView,
    UpcomingView,
)
from prelo.entry.api.jobs import shown
from prelo.entry.api.openapi import IDEMPOTENCY_KEY, describe, get, reads
from prelo.entry.api.paging import cut, link, numbered, place_of, placed
from prelo.entry.api.problems import field_errors
from prelo.entry.api.reading import Here, House, Who, read, read_key
from prelo.entry.api.views import moment

router = APIRouter(prefix="/v1/schedules", tags=["schedules"])
_EXAMPLES: dict[str, Any] = {
    "the month before, on its first working day's morning": {
        "value": {
            "name": "Orders of the month before",
            "cron": "0 7 1 * *",
            "timezone": "Europe/Lisbon",
            "request": {
                "report": "orders",
                "format": "xlsx",
                "parameters": {
                    "start": "{{ start_of(month, today - 1 month) }}",
                    "end": "{{ start_of(month) }}",
                },
            },
            "misfire": "once",
            "overlap": "skip",
        }
    }
}


@router.post(
    "",
    status_code=201,
    **describe(
        "Make a schedule",
        ("200:PreviewView", "201:ScheduleView"),
        (400, 404, 413, 415, 422, 503),
    ),
    openapi_extra={**reads("Plan", examples=_EXAMPLES), "parameters": [IDEMPOTENCY_KEY]},
)
async def create(
    request: Request,
    here: Here,
    who: Who,
    validate_only: bool = False,  # noqa: FBT001, FBT002  a parameter of the query
) -> Response:
    """Ask for a report again and again: at the times of `cron`, on the clocks of `timezone`, by your rights.

    A plan that could not fire as it says is refused. With `validate_only` nothing is stored: the answer shows
    the next times, and the parameters that the report would be asked for then.
    """
    plan, digest = await read(request, here.config.max_body, Plan)
    key = read_key(request, digest)
    if validate_only:
        return shown(preview_view(await schedules.preview(plan, who, here.ports)))
    made, fresh = await schedules.create(plan, who, here.ports, key)
    answer = await _schedule(made, here, 201)
    answer.headers["Location"] = _path(made)
    if not fresh:
        answer.headers["Idempotency-Replayed"] = "true"
    return answer


class Listing(Model):
    """The query of a listing. Pages are reached by the `cursor` of the page before."""

    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "", **describe("List schedules", ("200:SchedulePage",), (422, 503)))
async def listing(query: Annotated[Listing, Query()], here: Here, who: Who) -> Response:
    """Newest first. The `Link` header with `rel="next"`, and `next` in the body, lead to the next page."""
    page, cursor = await page_of(query, here, who)
    now = await here.ports.store.clock()
    views = tuple(schedule_view(one, now) for one in page)
    return link(shown(SchedulePage(schedules=views, next=cursor)), "/v1/schedules", query, cursor)


async def page_of(
    query: Listing, here: House, who: Caller
) -> tuple[Sequence[Schedule], str | None]:
    """The schedules of a page, and the cursor of the next one if there is one."""
    before = place_of(query.cursor)
    found = await schedules.listing(who, here.ports, query.limit + 1, before)
    return cut(found, query.limit, placed)


@get(
    router,
    "/{schedule_id:uuid}",
    **describe("Look at a schedule", ("200:ScheduleView",), (404, 503)),
)
async def show(schedule_id: UUID, here: Here, who: Who) -> Response:
    """The schedule, with the next five times at which it fires."""
    return await _schedule(await schedules.find(str(schedule_id), who, here.ports), here)


@router.patch(
    "/{schedule_id:uuid}",
    **describe("Change a schedule", ("200:ScheduleView",), (400, 404, 413, 415, 422, 503)),
    openapi_extra=reads("Changes"),
)
async def change(schedule_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """Those names of the plan that are given, as a JSON merge patch (RFC 7396): null takes a name away.

    The changed plan holds from now on; it fires by the rights of whoever made it, as before.
    """
    changes, _ = await read(request, here.config.max_body, Changes)
    revise = revision(changes.model_extra or {})
    return await _schedule(await schedules.change(str(schedule_id), who, here.ports, revise), here)


def revision(changes: dict[str, Any]) -> Callable[[Plan], Plan]:
    """How a plan changes by a merge patch; raises Invalid for one that would spoil it."""

    def revise(plan: Plan) -> Plan:
        old = plan.model_dump(mode="json", exclude_defaults=True)
        try:
            return Plan.model_validate(_merged(old, changes))
        except ValidationError as error:
            found = field_errors(error.errors(include_url=False, include_input=False))
            said = "; ".join(f"{e.pointer or 'the schedule'}: {e.detail}" for e in found)
            raise Invalid(f"the schedule would not be valid: {said}", found) from error

    return revise


@router.delete(
    "/{schedule_id:uuid}",
    status_code=204,
    **describe("Delete a schedule", ("204",), (404, 503)),
)
async def delete(schedule_id: UUID, here: Here, who: Who) -> Response:
    """Delete it and its history. The jobs that it asked for stay."""
    await schedules.remove(str(schedule_id), who, here.ports)
    return Response(status_code=204)


@router.post(
    "/{schedule_id:uuid}:pause",
    **describe("Pause a schedule", ("200:ScheduleView",), (400, 404, 413, 415, 422, 503)),
    openapi_extra=reads("Pause"),
)
async def pause(schedule_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """Nothing fires until it is resumed, or until `until`. The body may be left out."""
    empty = request.headers.get("content-length", "0") == "0"
    told = Pause()
    if not empty or "transfer-encoding" in request.headers:
        told, _ = await read(request, here.config.max_body, Pause)
    until = milliseconds(told.until)
    return await _schedule(await schedules.pause(str(schedule_id), who, here.ports, until), here)


@router.post(
    "/{schedule_id:uuid}:resume",
    **describe("Resume a schedule", ("200:ScheduleView",), (404, 503)),
)
async def resume(schedule_id: UUID, here: Here, who: Who) -> Response:
    """It fires from now on. What its pause has cost is not caught up with."""
    return await _schedule(await schedules.resume(str(schedule_id), who, here.ports), here)


@router.post(
    "/{schedule_id:uuid}:run",
    status_code=202,
    **describe("Fire once, now", ("202:FiringView",), (404, 409, 503)),
)
async def run(schedule_id: UUID, here: Here, who: Who) -> Response:
    """Ask for its report now, paused or not; `Location` is the job. Its own times stay as they are.

    409: no job was accepted; the sentence says why. Where there is no room just now, the firing is `open` and
    is tried again.
    """
    most = here.config.max_queued
    firing = await schedules.run(str(schedule_id), who, here.ports, max_queued=most)
    answer = shown(firing_view(firing))
    answer.status_code = 202
    if firing.job_id:
        answer.headers["Location"] = f"/v1/jobs/{firing.job_id}"
    return answer


class Ahead(Model):
    """The query of the times to come."""

    limit: Annotated[int, Field(ge=1, le=100)] = SHOWN


@get(
    router,
    "/{schedule_id:uuid}/upcoming",
    **describe("The next times", ("200:PreviewView",), (404, 422, 503)),
)
async def to_come(
    schedule_id: UUID, query: Annotated[Ahead, Query()], here: Here, who: Who
) -> Response:
    """When it fires, and the parameters that the report will be asked for then."""
    found = await schedules.find(str(schedule_id), who, here.ports)
    return shown(preview_view(await schedules.to_come(found, here.ports, query.limit)))


class History(Model):
    """The query of a history. Pages are reached by the `cursor` of the page before."""

    cursor: Annotated[int, Field(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(
    router,
    "/{schedule_id:uuid}/firings",
    **describe("What became of its times", ("200:FiringPage",), (404, 422, 503)),
)
async def firings(
    schedule_id: UUID, query: Annotated[History, Query()], here: Here, who: Who
) -> Response:
    """Newest first, for 90 days: fired with its job, skipped, missed, refused and why, or still open."""
    name = str(schedule_id)
    page, cursor = await history_of(name, query, here, who)
    answer = shown(FiringPage(firings=tuple(map(firing_view, page)), next=cursor))
    return link(answer, f"/v1/schedules/{name}/firings", query, cursor)


async def history_of(
    name: str, query: History, here: House, who: Caller
) -> tuple[Sequence[Firing], str | None]:
    """The firings of a page, and the cursor of the next one if there is one."""
    found = await schedules.history(name, who, here.ports, query.limit + 1, query.cursor)
    return cut(found, query.limit, numbered)


def _merged(old: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396, section 2."""
    merged: dict[str, Any] = dict(old) if isinstance(old, dict) else {}
    for name, value in changes.items():
        if isinstance(value, dict):
            merged[name] = _merged(merged.get(name), value)
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


async def _schedule(schedule: Schedule, here: Here, status: int = 200) -> Response:
    answer = shown(schedule_view(schedule, await here.ports.store.clock()))
    answer.status_code = status
    return answer


def schedule_view(schedule: Schedule, now: int) -> ScheduleView:
    plan = schedule.plan
    request = plan.request.model_dump(mode="json", exclude_defaults=True)
    first, until = schedule.next_fire_at, schedule.paused_until
    here = _path(schedule)
    actions = {name: f"{here}:{name}" for name in ("pause", "resume", "run")}
    return ScheduleView(
        **{name: getattr(plan, name) for name in Plan.model_fields if name != "request"},
        id=schedule.id,
        request={**request, "format": plan.request.format},
        revision=schedule.revision,
        paused=is_paused(schedule, now),
        paused_until=moment(until) if until and until > now else None,
        next=() if first is None else _next(plan, first),
        last_job=schedule.last_job_id,
        created_at=moment(schedule.created_at),
        updated_at=moment(schedule.updated_at),
        links={
            "self": here, "firings": f"{here}/firings", "upcoming": f"{here}/upcoming", **actions,
        },
    )  # fmt: skip


def _next(plan: Plan, first: int) -> tuple[datetime, ...]:
    try:
        return tuple(map(moment, upcoming(plan, first - 1)))
    except Invalid:  # its zone is gone from the database of zones: upkeep will say so
        return (moment(first),)


def firing_view(firing: Firing) -> FiringView:
    same = ("asked", "outcome", "count", "detail", "tries")
    at, until, ended = firing.at, firing.until, firing.ended_at
    return FiringView(
        **{name: getattr(firing, name) for name in same},
        at=moment(at),
        until=None if until is None else moment(until),
        job=firing.job_id,
        try_at=moment(firing.try_at) if firing.outcome == "open" else None,
        created_at=moment(firing.created_at),
        ended_at=None if ended is None else moment(ended),
    )


def preview_view(times: schedules.Upcoming) -> PreviewView:
    upcoming_views = (
        UpcomingView(at=moment(at), parameters=request.parameters) for at, request in times
    )
    return PreviewView(upcoming=tuple(upcoming_views))


def _path(schedule: Schedule) -> str:
    return f"/v1/schedules/{schedule.id}"
