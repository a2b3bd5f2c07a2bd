"""`prelo submit` and `prelo jobs`: a server is asked over HTTP."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from prelo.entry.cli import bars, given, say, shape

if TYPE_CHECKING:
    from prelo.client import Client, JobView

jobs = typer.Typer(
    no_args_is_help=True, cls=shape.Group, help="Look at jobs, and stop, repeat or follow them."
)

_Id = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]
_Report = Annotated[
    str | None,
    typer.Argument(metavar="REPORT", help="A report of the catalog.", show_default=False),
]
_Dataset = Annotated[
    Path | None,
    typer.Option(
        "--dataset",
        metavar="FILE",
        help="Upload this file (CSV, Parquet, Arrow, JSON lines), and report on it.",
    ),
]
_Title = Annotated[
    str | None, typer.Option("--title", metavar="TEXT", help="Of a dataset's report.")
]
_Format = Annotated[
    str | None, typer.Option("--format", "-f", metavar="xlsx|pdf|csv", help="The kind of file.")
]
_Wait = Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is made.")]
_Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Wait, and save the file here."),
]
_MaxAge = Annotated[
    float | None,
    typer.Option("--max-age", metavar="SECONDS", help="Take a finished file that is no older."),
]
_Notify = Annotated[
    list[str] | None,
    typer.Option(
        "--notify", metavar="WHO", help="Tell this webhook or mail address when it ends; repeat."
    ),
]
_State = Annotated[
    list[str] | None,
    typer.Option(
        "--state", "-s", metavar="STATE", help="queued, running, succeeded, failed, dead …; repeat."
    ),
]
_Of = Annotated[
    str | None, typer.Option("--report", "-r", metavar="REPORT", help="Jobs of this report only.")
]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")]
STYLES = {
    "succeeded": "green", "running": "cyan", "queued": "blue", "failed": "red", "dead": "bold red",
    "cancelled": "yellow", "expired": "dim",
}  # fmt: skip


def submit(  # noqa: PLR0913, PLR0917  the options of a command
    report: _Report = None,
    dataset: _Dataset = None,
    title: _Title = None,
    param: given.Parameters = None,
    format_: _Format = None,
    output: _Output = None,
    max_age: _MaxAge = None,
    notify: _Notify = None,
    url: given.Url = None,
    wait: _Wait = False,  # noqa: FBT002
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Ask for a report, of the catalog or on a file of yours; with -o, wait for the file and save it."""
    if (report is None) == (dataset is None):
        raise typer.BadParameter("give either a REPORT of the catalog or --dataset FILE")
    kind = format_ or (output.suffix.lower().removeprefix(".") if output else "xlsx")
    asked = _asked(kind, max_age, notify)
    with given.server(url) as client:
        if dataset is not None:
            asked |= {"title": title or dataset.stem, "wait": False}
            job = client.dataset(client.upload(dataset).id, **asked).job
        else:
            job = client.submit(report or "", typed(client, report or "", param), **asked)
        if wait or output:
            job = _followed(client, job)
        if output and job.state == "succeeded":
            client.file(job).save(output)
    tell(job, json=json)
    if output and job.artifact and not json:
        say.line(f"  saved to  {output}", "bold green")
    if not job.state.ended and not json:
        say.note(f"Follow it: prelo jobs watch {job.id}")
    _end(job)


def _asked(kind: str, max_age: float | None, notify: list[str] | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"format": kind}
    if max_age is not None:
        asked["max_age"] = max_age
    if notify:
        asked["notify"] = [{"email" if "@" in who else "webhook": who} for who in notify]
    return asked


@jobs.command("list", cls=shape.Command)
def list_jobs(
    state: _State = None,
    report: _Of = None,
    limit: _Limit = 20,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """List jobs, newest first."""
    _list(state or [], report, limit, url, json=json)


@jobs.command("show", cls=shape.Command)
def show_job(job: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Show one job."""
    with given.server(url) as client:
        tell(client.job(job), json=json)


@jobs.command(cls=shape.Command)
def cancel(job: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Stop a queued or running job."""
    with given.server(url) as client:
        tell(client.cancel(job), json=json)


@jobs.command(cls=shape.Command)
def retry(job: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Run a failed, dead, cancelled or expired job again, under the same id."""
    with given.server(url) as client:
        tell(client.retry(job), json=json)


@jobs.command(cls=shape.Command)
def watch(job: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Follow a job until it ends."""
    with given.server(url) as client:
        ended = _followed(client, client.job(job))
    tell(ended, json=json)
    _end(ended)


def typed(client: "Client", report: str, texts: list[str] | None) -> dict[str, Any]:
    """Parameters by the server's schema. It is asked only where a text might stand for something else."""
    if not texts:
        return {}
    schemas: Mapping[str, Any] = {known.name: known.parameters for known in client.reports()}
    return given.of_schema(schemas.get(report, {}), texts)


def _followed(client: "Client", job: "JobView") -> "JobView":
    """The job when it has ended; a bar shows its way."""
    if job.state.ended:
        return job
    with bars.progress() as bar:
        task = bar.add_task(f"{job.report} as {job.format}", total=None, said=str(job.state))

        def heard(now: "JobView") -> None:
            moved = bars.of_job(now, bar.tasks[task].elapsed or 0.0)
            bar.update(task, **moved)

        try:
            for event in client.events(job.id):
                job = event.job
                heard(job)
        except KeyboardInterrupt:
            bar.stop()
            say.note(f"The job goes on. Follow it: prelo jobs watch {job.id} (or: cancel)")
            raise
    return job


def _list(
    states: list[str], report: str | None, limit: int, url: str | None, *, json: bool
) -> None:
    from itertools import islice

    from prelo.core.errors import Invalid
    from prelo.core.job import State

    filters: dict[str, Any] = {"limit": min(limit, 200)} | ({"report": report} if report else {})
    try:
        if states:
            filters["state"] = [State(state) for state in states]
    except ValueError as error:
        raise Invalid(f"{error}; a state is one of {', '.join(State)}") from error
    with given.server(url) as client:
        _listed(list(islice(client.jobs(**filters), limit)), json=json)


def _listed(found: Iterable["JobView"], *, json: bool) -> None:
    if json:
        say.as_json([job.model_dump(mode="json") for job in found])
        return
    rows = [
        (
            job.id,
            Text(job.state, style=STYLES.get(job.state, "")),
            job.report,
            job.format,
            _rows(job),
            age(job.created_at),
        )
        for job in found
    ]
    if rows:
        say.table(["JOB", "STATE", "REPORT", "FORMAT", ">ROWS", ">AGE"], rows)
    else:
        say.note("There are no such jobs.")


def _rows(job: "JobView") -> str:
    done = job.artifact.rows if job.artifact else job.progress.rows
    return f"{done:,}" if done else "-"


def age(time: datetime) -> str:
    seconds = (datetime.now(UTC) - time).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def tell(job: "JobView", *, json: bool) -> None:
    if json:
        say.as_json(job.model_dump(mode="json"))
        return
    say.line(Text(f"{job.id}  ") + Text(job.state, style=STYLES.get(job.state, "")))
    for name, value in _facts(job):
        say.line(f"  {name:<10}{value}")
    for warning in job.warnings:
        said = f"{warning.column}: {say.count(warning.count, 'value')} {warning.detail}"
        say.line(f"  {'warning':<10}{said}", "yellow")
    if job.error:
        say.line(f"  {'problem':<10}{job.error.title}: {job.error.detail}", "red")


def _facts(job: "JobView") -> Iterable[tuple[str, str]]:
    yield "report", f"{job.report}, version {job.version}, as {job.format}"
    if job.parameters:
        yield "asked", ", ".join(f"{name}={value}" for name, value in job.parameters.items())
    if job.attempt > 1:
        yield "attempt", str(job.attempt)
    if job.state == "running":
        yield "progress", bars.said(job.progress.rows, job.progress.pages, None) or str(job.phase)
    if job.artifact:
        made = job.artifact
        parts = [say.count(made.rows or 0, "row")]
        parts += [say.count(made.pages, "page")] if made.pages else []
        if job.started_at and job.finished_at:
            parts.append(f"{(job.finished_at - job.started_at).total_seconds():.2f} s")
        yield "file", " · ".join([made.name, *parts, say.size(made.size)])
    if job.completeness and job.completeness not in {"complete", "split"}:
        yield "complete", str(job.completeness)


def _end(job: "JobView") -> None:
    """A job that ended without its file ends the command likewise; what was wrong is told already."""
    if job.state.ended and job.state != "succeeded":
        raise typer.Exit(say.FAILED)
