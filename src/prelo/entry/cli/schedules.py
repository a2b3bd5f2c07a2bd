"""`prelo schedules`: reports that are made again and again. A server is asked over HTTP."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from prelo.entry.cli import given, jobs, say, shape

if TYPE_CHECKING:
    from prelo.core.schedule_view import FiringView, ScheduleView, UpcomingView

schedules = typer.Typer(
    no_args_is_help=True,
    cls=shape.Group,
    help="Have reports made again and again: by cron, on the clocks of a time zone.",
)

_Id = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.")]
_Name = Annotated[str, typer.Argument(metavar="NAME", help="What people call it.")]
_Report = Annotated[str, typer.Argument(metavar="REPORT", help="A report of the catalog.")]
_Cron = Annotated[
    str,
    typer.Option(
        "--cron",
        metavar="PATTERN",
        help="Minute, hour, day, month, day of the week: '0 7 * * 1-5'.",
    ),
]
_Zone = Annotated[
    str, typer.Option("--timezone", "-z", metavar="ZONE", help="Whose clocks, as Europe/Lisbon.")
]
_Parameters = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        "-p",
        metavar="NAME=VALUE",
        help="A parameter; its value may be '{{ start_of(month) }}'; repeat.",
    ),
]
_Format = Annotated[str, typer.Option("--format", "-f", metavar="xlsx|pdf|csv", help="The kind.")]
_Misfire = Annotated[
    str | None,
    typer.Option("--misfire", metavar="skip|once|all", help="What becomes of times missed."),
]
_Grace = Annotated[
    float | None,
    typer.Option("--grace", metavar="SECONDS", help="So late is on time still; else 60."),
]
_CatchUp = Annotated[
    int | None, typer.Option("--catch-up", metavar="N", help="Of --misfire all, at most so many.")
]
_Overlap = Annotated[
    str | None,
    typer.Option(
        "--overlap", metavar="allow|skip|wait", help="What happens while the job before runs."
    ),
]
_Exclude = Annotated[
    list[str] | None,
    typer.Option("--exclude", metavar="DAYS", help="2026-12-25, or 2026-12-24/2027-01-02; repeat."),
]
_Starts = Annotated[
    datetime | None, typer.Option("--starts", metavar="TIME", help="Nothing before then.")
]
_Ends = Annotated[
    datetime | None, typer.Option("--ends", metavar="TIME", help="Nothing after then.")
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only show the next times, and what is asked for then.")
]
_Until = Annotated[
    datetime | None, typer.Option("--until", metavar="TIME", help="It goes on by itself then.")
]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")]
_Few = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=100, metavar="N", help="At most so many.")
]
_STYLES = {"fired": "green", "open": "cyan", "skipped": "yellow", "missed": "red", "refused": "red"}


@schedules.command(cls=shape.Command)
def create(  # noqa: PLR0913, PLR0917  the options of a command
    name: _Name,
    report: _Report,
    cron: _Cron,
    timezone: _Zone = "UTC",
    param: _Parameters = None,
    format_: _Format = "xlsx",
    misfire: _Misfire = None,
    grace: _Grace = None,
    catch_up: _CatchUp = None,
    overlap: _Overlap = None,
    exclude: _Exclude = None,
    starts: _Starts = None,
    ends: _Ends = None,
    dry_run: _DryRun = False,  # noqa: FBT002  a flag
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Make a schedule. A time without its zone is local."""
    told = {
        "timezone": timezone, "misfire": misfire, "grace": grace, "catch_up": catch_up,
        "overlap": overlap, "exclude": exclude, "starts_at": starts, "ends_at": ends,
    }  # fmt: skip
    timing: Any = {option: value for option, value in told.items() if value is not None}
    with given.server(url) as client:
        request = {
            "report": report,
            "format": format_,
            "parameters": jobs.typed(client, report, param),
        }
        if dry_run:
            _coming(client.preview_schedule(name, cron, request, **timing), timezone, json=json)
            return
        _tell(client.create_schedule(name, cron, request, **timing), json=json)


@schedules.command("list", cls=shape.Command)
def list_schedules(limit: _Limit = 50, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """List schedules, newest first."""
    from itertools import islice

    with given.server(url) as client:
        found = list(islice(client.schedules(min(limit, 200)), limit))
    if json:
        say.as_json([one.model_dump(mode="json") for one in found])
        return
    rows = [
        (one.id, one.name, str(one.request.get("report")), one.cron, one.timezone, _state(one))
        for one in found
    ]
    if rows:
        say.table(["SCHEDULE", "NAME", "REPORT", "CRON", "ZONE", "NEXT"], rows)
    else:
        say.note("There are no schedules.")


@schedules.command(cls=shape.Command)
def show(schedule: _Id, limit: _Few = 10, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Show a schedule, its next times, and what became of the last ones."""
    from itertools import islice

    with given.server(url) as client:
        found = client.schedule(schedule)
        past = list(islice(client.firings(schedule, limit), limit))
    if json:
        firings = [one.model_dump(mode="json") for one in past]
        say.as_json(found.model_dump(mode="json") | {"firings": firings})
        return
    _tell(found, json=False)
    if past:
        say.table(["TIME", "OUTCOME", "JOB", "WHY"], _rows(past, found.timezone))


@schedules.command("next", cls=shape.Command)
def next_times(
    schedule: _Id,
    limit: _Few = 5,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Show when it fires next, and the parameters it will ask for then."""
    with given.server(url) as client:
        zone = client.schedule(schedule).timezone
        _coming(client.upcoming(schedule, limit), zone, json=json)


@schedules.command(cls=shape.Command)
def pause(
    schedule: _Id,
    until: _Until = None,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Let nothing fire, until it is resumed or until a time."""
    with given.server(url) as client:
        _tell(client.pause_schedule(schedule, until), json=json)


@schedules.command(cls=shape.Command)
def resume(schedule: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Let it fire again, from now on."""
    with given.server(url) as client:
        _tell(client.resume_schedule(schedule), json=json)


@schedules.command(cls=shape.Command)
def run(schedule: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Fire once, now; its own times stay."""
    with given.server(url) as client:
        firing = client.run_schedule(schedule)
    if json:
        say.as_json(firing.model_dump(mode="json"))
    elif firing.job:
        say.line(f"It fired: job {firing.job}", "green")
        say.note(f"Follow it: prelo jobs watch {firing.job}")
    else:
        say.line(f"It waits: {firing.detail}", "yellow")


@schedules.command(cls=shape.Command)
def delete(schedule: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Delete a schedule and its history; its jobs stay."""
    with given.server(url) as client:
        client.delete_schedule(schedule)
    if json:
        say.as_json({"deleted": schedule})
    else:
        say.line(f"{schedule} is deleted")


def _tell(schedule: "ScheduleView", *, json: bool) -> None:
    if json:
        say.as_json(schedule.model_dump(mode="json"))
        return
    say.line(Text(f"{schedule.id}  ") + _state(schedule))
    for name, value in _facts(schedule):
        say.line(f"  {name:<10}{value}")


def _facts(schedule: "ScheduleView") -> Iterable[tuple[str, str]]:
    yield "name", schedule.name
    request = schedule.request
    yield "report", f"{request.get('report')} as {request.get('format')}"
    if parameters := request.get("parameters"):
        yield "asks for", ", ".join(f"{name}={value}" for name, value in parameters.items())
    yield "when", f"{schedule.cron} in {schedule.timezone}"
    late = "all" if schedule.misfire == "all" else schedule.misfire
    late += f", at most {schedule.catch_up}" if schedule.misfire == "all" else ""
    yield "late", f"{late}, after {schedule.grace:g} s"
    yield "overlap", schedule.overlap
    if schedule.exclude:
        yield "not on", ", ".join(schedule.exclude)
    for time in schedule.next:
        yield "next", _at(time, schedule.timezone)


def _state(schedule: "ScheduleView") -> Text:
    if schedule.paused:
        until = schedule.paused_until
        return Text(
            f"paused until {_at(until, schedule.timezone)}" if until else "paused", "yellow"
        )
    if not schedule.next:
        return Text("over", "dim")
    return Text(_at(schedule.next[0], schedule.timezone), "green")


def _rows(past: "Sequence[FiringView]", zone: str) -> list[tuple[str | Text, ...]]:
    return [
        (_at(one.at, zone), Text(_outcome(one), _STYLES.get(one.outcome, "")), one.job or "-",
         one.detail or ("asked for by hand" if one.asked else ""))
        for one in past
    ]  # fmt: skip


def _outcome(firing: "FiringView") -> str:
    return f"{firing.outcome} {firing.count}" if firing.count > 1 else firing.outcome


def _coming(times: "Sequence[UpcomingView]", zone: str, *, json: bool) -> None:
    if json:
        say.as_json([one.model_dump(mode="json") for one in times])
        return
    rows = [
        (_at(one.at, zone), ", ".join(f"{name}={value}" for name, value in one.parameters.items()))
        for one in times
    ]
    if rows:
        say.table(["TIME", "ASKS FOR"], rows)
    else:
        say.note("Nothing is to come: it is paused, or over.")


def _at(time: datetime, zone: str) -> str:
    """On the clocks of the schedule, where this machine knows them."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        here = time.astimezone(ZoneInfo(zone))
    except ZoneInfoNotFoundError:
        here = time
    return f"{here:%a %Y-%m-%d %H:%M %Z}"
