"""What a client asks of schedules, and how it reads the answers; see steps.py."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal, TypedDict
from urllib.parse import quote

from prelo.client.steps import Call, Steps, ask, to_json
from prelo.core.schedule_view import (
    FiringPage,
    FiringView,
    PreviewView,
    SchedulePage,
    ScheduleView,
)

_JSON = {"Content-Type": "application/json"}


class Timing(TypedDict, total=False):
    """When a schedule fires, and what becomes of times that are late or overlap; see `POST /v1/schedules`."""

    timezone: str
    starts_at: datetime
    ends_at: datetime
    exclude: list[str]
    misfire: Literal["skip", "once", "all"]
    grace: float
    catch_up: int
    overlap: Literal["allow", "skip", "wait"]


def plan_of(name: str, cron: str, request: Mapping[str, Any], timing: Timing) -> dict[str, Any]:
    """The body of `POST /v1/schedules`. Times without their zone are local."""
    told = {"name": name, "cron": cron, "request": dict(request), **timing}
    return {k: v.astimezone() if isinstance(v, datetime) else v for k, v in told.items()}


def creating(plan: Mapping[str, Any]) -> Steps[ScheduleView]:
    # The key makes repeating safe, even when the first answer was lost on its way.
    headers = {**_JSON, "Idempotency-Key": f'"{uuid.uuid4()}"'}
    answer = yield from ask(Call("POST", "/v1/schedules", to_json(plan), headers=headers))
    return ScheduleView.model_validate_json(answer.content)


def previewing(plan: Mapping[str, Any]) -> Steps[PreviewView]:
    only = {"validate_only": "true"}
    call = Call("POST", "/v1/schedules", to_json(plan), params=only, headers=_JSON)
    return PreviewView.model_validate_json((yield from ask(call)).content)


def page(query: Mapping[str, Any]) -> Steps[SchedulePage]:
    answer = yield from ask(Call("GET", "/v1/schedules", params=query))
    return SchedulePage.model_validate_json(answer.content)


def looking(schedule_id: str) -> Steps[ScheduleView]:
    answer = yield from ask(Call("GET", path(schedule_id)))
    return ScheduleView.model_validate_json(answer.content)


def changing(schedule_id: str, changes: Mapping[str, Any]) -> Steps[ScheduleView]:
    """The same change twice is one: repeating it is harmless."""
    answer = yield from ask(Call("PATCH", path(schedule_id), to_json(changes), headers=_JSON))
    return ScheduleView.model_validate_json(answer.content)


def pausing(schedule_id: str, until: datetime | None) -> Steps[ScheduleView]:
    """A time without its zone is local."""
    body = {} if until is None else {"until": until.astimezone()}
    call = Call("POST", path(schedule_id, ":pause"), to_json(body), headers=_JSON)
    return ScheduleView.model_validate_json((yield from ask(call)).content)


def resuming(schedule_id: str) -> Steps[ScheduleView]:
    answer = yield from ask(Call("POST", path(schedule_id, ":resume")))
    return ScheduleView.model_validate_json(answer.content)


def running(schedule_id: str) -> Steps[FiringView]:
    """After a lost answer it is not repeated: that would be another firing."""
    answer = yield from ask(Call("POST", path(schedule_id, ":run"), again=False))
    return FiringView.model_validate_json(answer.content)


def deleting(schedule_id: str) -> Steps[None]:
    yield from ask(Call("DELETE", path(schedule_id), again=False))


def coming(schedule_id: str, limit: int) -> Steps[PreviewView]:
    call = Call("GET", path(schedule_id, "/upcoming"), params={"limit": limit})
    return PreviewView.model_validate_json((yield from ask(call)).content)


def firings(schedule_id: str) -> Callable[[Mapping[str, Any]], Steps[FiringPage]]:
    """The steps of a page of its history, by the query of that page."""

    def page_of(query: Mapping[str, Any]) -> Steps[FiringPage]:
        answer = yield from ask(Call("GET", path(schedule_id, "/firings"), params=query))
        return FiringPage.model_validate_json(answer.content)

    return page_of


def path(schedule_id: str, action: str = "") -> str:
    # An id with a slash must not become another address.
    return f"/v1/schedules/{quote(schedule_id, safe='')}{action}"
