"""`prelo reports`: what is in a catalog, and whether it would work."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given, say, shape

if TYPE_CHECKING:
    from prelo.config import Config
    from prelo.core.report import Report

reports = typer.Typer(
    no_args_is_help=True, cls=shape.Group, help="Look at the reports of a catalog, and check them."
)
_Name = Annotated[str, typer.Argument(metavar="REPORT", help="The report's name.")]


@reports.command("list", cls=shape.Command)
def list_(catalog: given.Folder = None, json: given.Json = False) -> None:  # noqa: FBT002
    """List the reports of the catalog."""
    found = list(_catalog(_config(catalog)))
    if json:
        say.as_json([_facts(report) for report in found])
        return
    rows = [
        (report.name, str(report.version), " ".join(report.formats), _asked(report), report.title)
        for report in found
    ]
    say.table(["NAME", ">VERSION", "FORMATS", "PARAMETERS", "TITLE"], rows)


@reports.command(cls=shape.Command)
def show(name: _Name, catalog: given.Folder = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Show one report: what it asks for, and what is in it."""
    report = _catalog(_config(catalog)).get(name)
    if json:
        say.as_json(_facts(report))
        return
    say.line(f"{report.name}, version {report.version}", "bold")
    say.line(report.title)
    if report.description:
        say.line(report.description, "dim")
    say.line(f"\nFormats: {', '.join(report.formats)}. Source: {report.source.technology}.")
    if report.group_by:
        say.line(f"Grouped by: {', '.join(report.group_by)}.")
    if report.sheets:
        further = (f"{name} ({sheet.source.technology})" for name, sheet in report.sheets.items())
        say.line(f"Further sheets: {', '.join(further)}.")
    if report.parameters:
        say.line()
        say.table(["PARAMETER", "TYPE", "DEFAULT", "ALLOWED"], _parameters(report))
    if report.columns:
        say.line()
        say.table(["COLUMN", "TITLE", "KIND", "TOTAL"], _columns(report))


@reports.command(cls=shape.Command)
def check(catalog: given.Folder = None, json: given.Json = False) -> None:  # noqa: FBT002
    """Check the catalog, and every report against its source without running it."""
    config = _config(catalog)
    checked = list(_checked(config))
    if json:
        say.as_json([{"report": name, "ok": not fault, "detail": fault} for name, fault in checked])
    else:
        for name, fault in checked:
            say.line(f"✗ {name}: {fault}" if fault else f"✓ {name}", "red" if fault else "green")
    faults = sum(fault is not None for _, fault in checked)
    if faults:
        say.fail(f"{faults} of {say.count(len(checked), 'report')} would fail", say.FAILED)


@reports.command(cls=shape.Command)
def release(
    name: _Name,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", help="Of this version only.")
    ] = None,
    data: given.Data = None,
) -> None:
    """End the quarantine of a report that crashed too often."""
    import asyncio

    from prelo.config import Config
    from prelo.wiring import STORES, chosen

    async def released(config: Config) -> bool:
        store = chosen(STORES, "PRELO_STORE", config.store)(config.store)
        try:
            return await store.release(name, version)
        finally:
            await store.close()

    if asyncio.run(released(Config.load(data=data))):
        say.line(f"{name} is accepted and made again.", "green")
    else:
        say.line(f"{name} had no losses that count; nothing was changed.")


def _config(folder: Any) -> "Config":
    from prelo.config import Config

    return Config.load(catalog=folder)


def _catalog(config: "Config") -> Any:
    from prelo import wiring

    return wiring.catalog(config)


def _checked(config: "Config") -> Iterator[tuple[str, str | None]]:
    from prelo import wiring
    from prelo.app.tables import check_tables
    from prelo.core.errors import PreloError

    found = _catalog(config)
    sources = wiring.sources(config)
    for report in found:
        try:
            check_tables(report, sources)
        except PreloError as error:
            yield report.name, error.detail
        else:
            yield report.name, None


def _facts(report: "Report") -> dict[str, Any]:
    from prelo.core.parameters import json_schema

    return {
        "name": report.name,
        "version": report.version,
        "title": report.title,
        "description": report.description,
        "parameters": json_schema(report.parameters),
        "formats": report.formats,
        "source": report.source.technology,
        "columns": {
            name: column.model_dump(mode="json", exclude_defaults=True)
            for name, column in report.columns.items()
        },
        "group_by": report.group_by,
        "sheets": {name: sheet.source.technology for name, sheet in report.sheets.items()},
    }


def _asked(report: "Report") -> str:
    """`start end [region]`: what must be given, and in brackets what may be."""
    names = [name if p.required else f"[{name}]" for name, p in report.parameters.items()]
    return " ".join(names) or "-"


def _parameters(report: "Report") -> Iterator[tuple[str, str, str, str]]:
    for name, p in report.parameters.items():
        allowed = ", ".join(map(str, p.enum or ()))
        if p.minimum is not None or p.maximum is not None:
            allowed = f"{p.minimum if p.minimum is not None else '…'} to " + (
                f"{p.maximum}" if p.maximum is not None else "…"
            )
        yield name, p.type, "must be given" if p.required else str(p.default), allowed


def _columns(report: "Report") -> Iterator[tuple[str, str, str, str]]:
    for name, column in report.columns.items():
        kind = str(column.kind) if column.kind else "by its data"
        yield name, column.title or name, kind, column.total or ""
