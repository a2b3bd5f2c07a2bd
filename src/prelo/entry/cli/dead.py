"""`prelo dead`: the desk of dead letters. A server is asked over HTTP, call by call."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.text import Text

from prelo.entry.cli import audit, bars, given, jobs, say, shape

if TYPE_CHECKING:
    from prelo.client import Client
    from prelo.core.desk import ErrandView

dead = typer.Typer(
    no_args_is_help=True, cls=shape.Group, help="The jobs that were given up: look, replay, drop."
)

Deed = Literal["replay", "drop"]
_Id = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
_Ids = Annotated[list[str] | None, typer.Argument(metavar="JOB", help="The jobs' ids.")]
_State = Annotated[str, typer.Option("--state", "-s", metavar="dead|failed", help="Which jobs.")]
_Report = Annotated[
    str | None, typer.Option("--report", "-r", metavar="REPORT", help="Jobs of this report.")
]
_Version = Annotated[int | None, typer.Option("--version", metavar="N", help="Of this version.")]
_Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Of this tenant.")]
_Error = Annotated[
    str | None,
    typer.Option("--error", "-e", metavar="TYPE", help="With this error, as source-unavailable."),
]
_Since = Annotated[
    datetime | None, typer.Option("--since", metavar="TIME", help="Ended then or later.")
]
_Until = Annotated[
    datetime | None, typer.Option("--until", metavar="TIME", help="Ended then or before.")
]
_Fate = Annotated[
    str | None,
    typer.Option(
        "--fate", metavar="lost|spent|late", help="Workers died, attempts spent, deadline passed."
    ),
]
_All = Annotated[bool, typer.Option("--all", help="All of them.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
_Rate = Annotated[
    float | None, typer.Option("--rate", metavar="N", help="No faster than N jobs a second.")
]
_Most = Annotated[
    int | None, typer.Option("--most", min=1, metavar="N", help="No more than N jobs.")
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")]
_PAST = {"replay": "replayed", "drop": "dropped"}
_CALL = 1000  # jobs of one call: what the server lets through


@dead.command("list", cls=shape.Command)
def list_dead(  # noqa: PLR0913, PLR0917  the options of a command
    state: _State = "dead",
    report: _Report = None,
    version: _Version = None,
    tenant: _Tenant = None,
    error: _Error = None,
    since: _Since = None,
    until: _Until = None,
    fate: _Fate = None,
    limit: _Limit = 50,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """List the dead jobs of all tenants, the last first."""
    marks = given.marks(
        state=state, report=report, version=version, tenant=tenant, error=error,
        since=since, until=until, fate=fate,
    )  # fmt: skip
    with given.server(url, "prelo-cli") as client:
        found = list(islice(client.dead_jobs(**marks, limit=min(limit, 200)), limit))
    if json:
        say.as_json([job.model_dump(mode="json") for job in found])
        return
    rows = [
        (job.id, job.report, job.tenant, job.error.type if job.error else "-", job.fate,
         str(job.attempt), jobs.age(job.finished_at or job.created_at))
        for job in found
    ]  # fmt: skip
    if rows:
        say.table(["JOB", "REPORT", "TENANT", "ERROR", "FATE", ">ATTEMPT", ">AGE"], rows)
    else:
        say.note("There are no such jobs.")


@dead.command("show", cls=shape.Command)
def show_dead(job: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Show one dead job, why it was given up, and all it went through."""
    with given.server(url, "prelo-cli") as client:
        found = client.dead_job(job)
    jobs.tell(found, json=json)
    if json:
        return
    say.line(f"  {'fate':<10}{found.fate}, lane {found.lane}, tenant {found.tenant}")
    rows = [
        (f"{change.at.astimezone():%Y-%m-%d %H:%M:%S}", str(change.generation), str(change.attempt),
         Text(change.after, style=jobs.STYLES.get(change.after, "")), change.owner or "-")
        for change in found.history
    ]  # fmt: skip
    say.table(["AT", ">GENERATION", ">ATTEMPT", "STATE", "OWNER"], rows)


def _command(deed: Deed) -> Callable[..., None]:
    """`prelo dead replay` and `prelo dead drop`, which are told alike."""

    def command(  # noqa: PLR0913, PLR0917  the options of a command
        chosen: _Ids = None,
        state: _State = "dead",
        report: _Report = None,
        version: _Version = None,
        tenant: _Tenant = None,
        error: _Error = None,
        since: _Since = None,
        until: _Until = None,
        fate: _Fate = None,
        all_: _All = False,  # noqa: FBT002  a flag
        dry_run: _DryRun = False,  # noqa: FBT002  a flag
        rate: _Rate = None,
        most: _Most = None,
        yes: _Yes = False,  # noqa: FBT002  a flag
        url: given.Url = None,
        json: given.Json = False,  # noqa: FBT002  a flag
    ) -> None:
        marks = given.marks(
            ids=chosen, state=state, report=report, version=version, tenant=tenant, error=error,
            since=since, until=until, fate=fate, all=all_, rate=rate,
        )  # fmt: skip
        _errand(deed, marks, most, url, dry_run=dry_run, yes=yes, json=json)

    return command


_REPLAY = "Run dead jobs again, with all their attempts. Stopped half-way, repeat the command."
_DROP = "Delete dead jobs for good; what they went through stays on record."
dead.command("replay", cls=shape.Command, help=_REPLAY)(_command("replay"))
dead.command("drop", cls=shape.Command, help=_DROP)(_command("drop"))


@dead.command("audit", cls=shape.Command)
def dead_audit(
    job: audit.Job = None,
    actor: audit.Actor = None,
    since: audit.Since = None,
    limit: audit.Limit = 50,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Who replayed or dropped what, newest first."""
    marks = given.marks(job=job, actor=actor, since=since)
    with given.server(url, "prelo-cli") as client:
        found = list(islice(client.dead_audit(**marks, limit=min(limit, 200)), limit))
    audit.tell(found, json=json)


def _errand(  # noqa: PLR0913  what two commands have in common
    deed: Deed,
    marks: dict[str, Any],
    most: int | None,
    url: str | None,
    *,
    dry_run: bool,
    yes: bool,
    json: bool,
) -> None:
    with given.server(url, "prelo-cli") as client:
        plan = _sent(client, deed, marks | {"dry_run": True})
        count = plan.left if most is None else min(plan.left, most)
        if marks.get("ids") and not plan.left:
            _none_of(marks)
        if not dry_run and count > 1 and not yes:
            _ask(deed, plan, count)
        if not dry_run and count:
            marks["until"] = plan.until
            plan = plan.model_copy(update={"dry_run": False, **_done(client, deed, marks, count)})
    if json:
        say.as_json(plan.model_dump(mode="json"))
    elif dry_run:
        _summary(plan)
        say.line(f"{say.count(count, 'job')} would be {_PAST[deed]}")
    else:
        rest = f", {plan.left:,} left" if plan.left else ""
        say.line(f"{say.count(plan.done, 'job')} {_PAST[deed]}{rest}")


def _sent(client: "Client", deed: Deed, marks: dict[str, Any]) -> "ErrandView":
    from pydantic import ValidationError

    from prelo.core.desk import Errand
    from prelo.core.errors import Invalid

    try:
        errand = Errand.model_validate(marks)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        said = ((".".join(map(str, e["loc"])), e["msg"]) for e in told)
        sentences = [f"{at}: {what}".removeprefix(": ") for at, what in said]
        raise Invalid("; ".join(sentences).replace("Value error, ", "")) from error
    return (client.replay if deed == "replay" else client.drop)(errand, given.me())


def _done(client: "Client", deed: Deed, marks: dict[str, Any], count: int) -> dict[str, int]:
    """Call after call until `count` are done, or nothing is left; a bar shows the way."""
    done = left = 0
    with bars.progress() as bar:
        task = bar.add_task(deed, total=count, said="")
        while done < count:
            answer = _sent(client, deed, marks | {"most": min(count - done, _CALL)})
            done, left = done + answer.done, answer.left
            bar.update(task, completed=done, said=f"{done:,} of {say.count(count, 'job')}")
            if not answer.done:  # somebody else does the same
                break
    return {"done": done, "left": left}


def _ask(deed: Deed, plan: "ErrandView", count: int) -> None:
    _summary(plan)
    said = f"{deed} {say.count(count, 'job')}"
    if not sys.stdin.isatty():
        say.fail(f"to {said}, say --yes; nothing was done", say.WRONG)
    typer.confirm(f"{said.capitalize()}?", abort=True, err=True)


def _summary(plan: "ErrandView") -> None:
    rows: Sequence[Sequence[str]] = [
        (one.report, one.error or "-", f"{one.count:,}") for one in plan.counts
    ]
    if rows:
        say.table(["REPORT", "ERROR", ">JOBS"], rows)


def _none_of(marks: dict[str, Any]) -> None:
    from prelo.core.errors import Conflict

    raise Conflict(f"none of these jobs is {marks['state']}; see prelo jobs show")
