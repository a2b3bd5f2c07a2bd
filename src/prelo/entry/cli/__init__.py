"""The command line: translates words into use cases, the HTTP client or the writers, and decides nothing."""

import sys
from typing import Annotated

import typer

from prelo.entry.cli import (
    audit,
    dead,
    doctor,
    jobs,
    keys,
    render,
    reports,
    roles,
    say,
    schedules,
    shape,
    webhooks,
)

_CODES = " · ".join(f"[bold]{code}[/bold] {meaning}" for code, meaning in say.EXIT_CODES.items())
_EPILOG = f"[bold]Exit codes[/bold]: {_CODES}\n\nSettings and their defaults: docs/operate.md"

app = typer.Typer(
    name="prelo",
    cls=shape.Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EPILOG,
)

for panel, commands in (
    ("Make a file", (render.render,)),
    ("Ask a server", (jobs.submit,)),
    ("Run a server", (roles.serve, roles.api, roles.work, roles.upkeep, roles.migrate)),
    ("Look after it", (doctor.doctor, audit.audit)),
):
    for command in commands:
        app.command(rich_help_panel=panel, cls=shape.Command)(command)
app.add_typer(jobs.jobs, name="jobs", rich_help_panel="Ask a server")
app.add_typer(schedules.schedules, name="schedules", rich_help_panel="Ask a server")
app.add_typer(dead.dead, name="dead", rich_help_panel="Ask a server")
app.add_typer(webhooks.webhooks, name="webhooks", rich_help_panel="Ask a server")
app.add_typer(keys.keys, name="keys", rich_help_panel="Look after it")
app.add_typer(reports.reports, name="reports", rich_help_panel="Look after it")


def _version(wanted: bool) -> None:  # noqa: FBT001  Typer's callback
    if wanted:
        from prelo import __version__

        say.line(f"prelo {__version__}")
        raise typer.Exit


@app.callback()
def prelo(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Reports on request: very fast XLSX, PDF and CSV files, and the service that makes them."""


def main() -> None:
    """Run the command. An expected error is one sentence on standard error and an exit code."""
    try:
        app()
    except Exception as error:
        code = say.code_of(error)
        if code is None:
            raise
        try:
            say.fail(say.sentence_of(error), code)
        except typer.Exit as end:
            sys.exit(end.exit_code)
