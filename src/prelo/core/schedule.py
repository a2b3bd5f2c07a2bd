"""A schedule: what is asked for when, by whose rights; and the moments at which it fires."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, Field, field_validator, model_validator

from prelo.core import cron
from prelo.core.errors import FieldError, Invalid
from prelo.core.expressions import filled
from prelo.core.model import Model
from prelo.core.report import Catalog
from prelo.core.request import Caller, Request, order

Misfire = Literal["skip", "once", "all"]
Overlap = Literal["allow", "skip", "wait"]
SHOWN = 5  # times that are shown, and tried, beforehand
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DAYS = re.compile(f"({_DAY})(?:/({_DAY}))?")
_SOONEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _of_this_age(moment: datetime) -> datetime:
    if not _SOONEST <= moment <= _LATEST:
        raise ValueError("must lie between the years 1970 and 2200")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_of_this_age)]


class Plan(Model):
    """The body of `POST /v1/schedules`: the request of a report of the catalog, and when it is made.

    `cron` has five fields and is read on the clocks of `timezone`. Parameters may follow the calendar, as
    `{{ today - 1 month }}`. `exclude`: days, or first and last day as `2026-12-24/2027-01-02`, on which
    nothing fires. `misfire`: what becomes of times that upkeep is more than `grace` seconds late for: nothing
    (`skip`), the newest of them (`once`), or the newest `catch_up` (`all`). `overlap`: what becomes of a time
    while the job before is under way: a job all the same (`allow`), none (`skip`), one after it (`wait`).
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    cron: Annotated[str, Field(max_length=200)]
    timezone: Annotated[str, Field(max_length=100)] = "UTC"
    request: Request
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    exclude: Annotated[tuple[str, ...], Field(max_length=400)] = ()
    misfire: Misfire = "once"
    grace: Annotated[float, Field(ge=0, le=86_400)] = 60
    catch_up: Annotated[int, Field(ge=1, le=100)] = 10
    overlap: Overlap = "allow"

    @field_validator("exclude")
    @classmethod
    def _are_days(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for text in given:
            _days(text)
        return given

    @field_validator("name")
    @classmethod
    def _can_be_read(cls, name: str) -> str:
        if not name.isprintable() or name.strip() != name:
            raise ValueError("must be printable characters, without blanks at its ends")
        return name

    @model_validator(mode="after")
    def _ends_later(self) -> Self:
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("'ends_at' must be later than 'starts_at'")
        return self


class Schedule(Model):
    """A plan on record. Times are ms since 1970 by the store's clock.

    `caller`: who made it, by whose rights its jobs are made. `next_fire_at` None: paused, or over.
    `paused_until`: it was paused, and goes on by itself then. `revision` counts what people changed.
    `digest`: of the request that made it, where that came with an idempotency key.
    """

    id: str
    tenant: str
    scope: str = ""
    caller: Caller
    plan: Plan
    revision: int = 0
    paused: bool = False
    paused_until: int | None = None
    next_fire_at: int | None = None
    last_job_id: str | None = None
    created_at: int = 0
    updated_at: int = 0
    digest: str | None = None


def fires(plan: Plan, after: int, until: int | None = None) -> Iterator[int]:
    """The times at which it fires, later than `after` and not later than `until`, the next one first.

    Raises Invalid for a plan whose cron or zone cannot be read.
    """
    place = _place(plan)
    excluded = sorted(map(_days, plan.exclude))
    ends = [moment for moment in (until, milliseconds(plan.ends_at)) if moment is not None]
    start = max(
        after, (milliseconds(plan.starts_at) or 1) - 1
    )  # a time at which it starts is one of its times
    while start is not None:
        runs, start = cron.moments(plan.cron, place, _moment(start)), None
        for moment in runs:
            at = round(moment.timestamp() * 1000)
            if any(at > end for end in ends):
                return
            day = moment.astimezone(place).date()
            last = max((last for first, last in excluded if first <= day <= last), default=None)
            if last is not None:  # not time by time: there may be years of them
                start = milliseconds(
                    datetime(last.year, last.month, last.day, tzinfo=place) + timedelta(1)
                )
                start = max(at, (start or 0) - 1)
                break
            yield at


def upcoming(plan: Plan, after: int, count: int = SHOWN) -> list[int]:
    """The next times, at most so many."""
    return list(islice(fires(plan, after), count))


def following(plan: Plan, after: int) -> int | None:
    return next(fires(plan, after), None)


def asked(plan: Plan, catalog: Catalog, at: int) -> Request:
    """The request of a firing planned for this time. A firing is late or repeated, and asks for the same.

    Where it does not say how old a file may be, it asks for a new one: yesterday's equal request must not
    answer today's. Raises NotFound, and Invalid for expressions that cannot be reckoned.
    """
    wanted = plan.request
    report = catalog.get(wanted.report or "", wanted.version)
    here = _moment(at).astimezone(_place(plan))
    changes: dict[str, Any] = {"parameters": filled(wanted.parameters, report.parameters, here)}
    if wanted.max_age is None:
        changes["max_age"] = 0.0
    return wanted.model_copy(update=changes)


def checked(plan: Plan, catalog: Catalog, caller: Caller, now: int) -> list[tuple[int, Request]]:
    """The next times, and what will be asked for then. Raises NotFound or Invalid, with where and why, for
    a plan that could not fire as it says.
    """
    _place(plan)
    if plan.request.report is None:
        raise _invalid(
            "/request/report", "a schedule asks for a report of the catalog, by its name"
        )
    times = upcoming(plan, now)
    if not times:
        raise _invalid(
            "/cron",
            "it would never fire: not between its start and its end, or only on excluded days",
        )
    found: list[tuple[int, Request]] = []
    for at in times:
        try:
            request = asked(plan, catalog, at)
            order(request, catalog, caller)
        except Invalid as error:
            raise Invalid(error.detail, tuple(map(_within, error.errors))) from error
        found.append((at, request))
    return found


def _place(plan: Plan) -> ZoneInfo:
    """The zone of a plan whose cron can be read, too."""
    try:
        cron.pattern(plan.cron)
    except ValueError as error:
        raise _invalid("/cron", str(error)) from error
    try:
        return cron.zone(plan.timezone)
    except ValueError as error:
        raise _invalid("/timezone", str(error)) from error


def _within(error: FieldError) -> FieldError:
    return error.model_copy(update={"pointer": f"/request{error.pointer}"})


def _invalid(pointer: str, detail: str) -> Invalid:
    said = f"the schedule is not valid: {pointer[1:]}: {detail}"
    return Invalid(said, (FieldError(pointer=pointer, detail=detail),))


def _days(text: str) -> tuple[date, date]:
    match = _DAYS.fullmatch(text)
    try:
        first = date.fromisoformat(match[1] if match else "")
        last = date.fromisoformat(match[2]) if match and match[2] else first
    except ValueError as error:
        raise ValueError(
            f"'{text[:40]}' must be a day, as 2026-12-25, or two, as 2026-12-24/2027-01-02"
        ) from error
    if last < first or not _SOONEST.year <= first.year <= last.year < _LATEST.year:
        raise ValueError(f"'{text}' must run from a day to a later one, between 1970 and 2200")
    return first, last


def milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
