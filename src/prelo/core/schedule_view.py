"""What callers see of schedules and their firings, and what they may say to them."""

from typing import Any

from pydantic import ConfigDict

from prelo.core.fire import Outcome
from prelo.core.model import Model
from prelo.core.schedule import Misfire, Moment, Overlap
from prelo.core.view import Time, View


class Pause(Model):
    """The body of `:pause`, which may be left out. `until`: it goes on by itself then."""

    until: Moment | None = None


class Changes(Model):
    """The body of a PATCH: those of a plan's names that change (RFC 7396), others stay as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)


class ScheduleView(View):
    """A schedule. `next`: the next times at which it fires; none while it is paused or when it is over.

    `last_job`: the id of the last job that it asked for. `links` are paths on the same server.
    """

    id: str
    name: str
    cron: str
    timezone: str
    request: dict[str, Any]
    starts_at: Time | None = None
    ends_at: Time | None = None
    exclude: tuple[str, ...] = ()
    misfire: Misfire
    grace: float
    catch_up: int
    overlap: Overlap
    revision: int
    paused: bool
    paused_until: Time | None = None
    next: tuple[Time, ...] = ()
    last_job: str | None = None
    created_at: Time
    updated_at: Time
    links: dict[str, str] = {}


class SchedulePage(View):
    """Schedules, newest first. `next` is the cursor of the page after this one, if there is one."""

    schedules: tuple[ScheduleView, ...]
    next: str | None = None


class UpcomingView(View):
    """A time to come, and the parameters that the report will be asked for then."""

    at: Time
    parameters: dict[str, Any]


class PreviewView(View):
    """The next times, none if there are no more."""

    upcoming: tuple[UpcomingView, ...]


class FiringView(View):
    """A time of a schedule and what became of it; see Firing. `try_at`: when an open one is tried (again)."""

    at: Time
    asked: bool = False
    outcome: Outcome
    until: Time | None = None
    count: int = 1
    job: str | None = None
    detail: str | None = None
    tries: int = 0
    try_at: Time | None = None
    created_at: Time
    ended_at: Time | None = None


class FiringPage(View):
    """Firings, newest first. `next` is the cursor of the page after this one, if there is one."""

    firings: tuple[FiringView, ...]
    next: str | None = None
