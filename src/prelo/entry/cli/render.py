"""`prelo render`: a file or a report of the catalog, made here, without any service."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import bars, given, look, say

if TYPE_CHECKING:
    from prelo.config import Config
    from prelo.core.report import Report
    from prelo.core.table import Manifest

_FORMATS = ("xlsx", "pdf", "csv")
_Input = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUT...",
        help="A .parquet, .csv, .arrow or .jsonl file; of several, each is a sheet.",
    ),
]
_Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The .xlsx, .pdf or .csv to make, or a .zip of .xlsx.",
    ),
]
_Report = Annotated[
    str | None,
    typer.Option(
        "--report", "-r", metavar="NAME", help="A report of the catalog instead of INPUT."
    ),
]


def render(  # noqa: PLR0913, PLR0917  the options of a command
    output: _Output,
    source: _Input = None,
    report: _Report = None,
    param: given.Parameters = None,
    catalog: given.Folder = None,
    title: look.Title = None,
    subtitle: look.Subtitle = None,
    kinds: look.Kinds = None,
    labels: look.Labels = None,
    totals: look.Totals = None,
    group_by: look.Groups = None,
    sheet: look.Sheet = None,
    landscape: look.Landscape = False,  # noqa: FBT002
    logo: look.Logo = None,
    table: look.Table = False,  # noqa: FBT002
    info: look.Info = False,  # noqa: FBT002
    template: look.Template = None,
    overflow: look.Overflow = None,
    password: look.Password = False,  # noqa: FBT002
    locale: look.Locale = None,
    timezone: look.Timezone = None,
    layout: look.Settings = None,
    json: given.Json = False,  # noqa: FBT002
) -> None:
    """Make a file of your data, with no service at all."""
    if bool(source) == bool(report):
        raise typer.BadParameter("give either an INPUT file or --report NAME")
    if _format(output) not in _FORMATS:
        raise typer.BadParameter(
            f"'{output}' must end in .xlsx, .zip, .pdf or .csv", param_hint="'-o'"
        )
    if output.suffix.lower() == ".zip":
        overflow = "split_files"
    xlsx = {
        "sheet": sheet, "table": table, "info": info, "template": look.content(template),
        "password": look.password(password),
    }  # fmt: skip
    chosen = look.look(
        title=title, subtitle=subtitle, group_by=tuple(group_by or ()), landscape=landscape,
        locale=locale, timezone=timezone, columns=look.columns(kinds, labels, totals),
        overflow=overflow, logo=look.content(logo), xlsx=xlsx,
    )  # fmt: skip
    plan = _of_catalog(report, catalog) if report else _of_files(source or [], layout)
    made = _make(plan, chosen, param, output)
    if json:
        say.as_json(made.as_json())
    else:
        made.show()


def _format(output: Path) -> str:
    suffix = output.suffix.lower().removeprefix(".")
    return "xlsx" if suffix == "zip" else suffix


@dataclass(frozen=True)
class _Plan:
    """What to render, and the settings of its sources."""

    report: "Report"
    config: "Config"


def _of_catalog(name: str, folder: Path | None) -> _Plan:
    from prelo import wiring
    from prelo.config import Config

    config = Config.load(catalog=folder)
    return _Plan(wiring.catalog(config).get(name), config)


def _of_files(paths: list[Path], layout: Path | None) -> _Plan:
    """Data files are a report: the catalog is their own folder. `layout` is a file of a report's keys."""
    from prelo import wiring
    from prelo.config import Config
    from prelo.core.errors import Invalid, NotFound
    from prelo.core.report import Report

    for path in paths:
        if not path.is_file():
            raise NotFound(f"there is no file {path}")
        if path.absolute().parent != paths[0].absolute().parent:
            raise Invalid(f"the files must be in one folder; {path} is elsewhere")
    config = Config.load(catalog=paths[0].absolute().parent)
    own, *more = paths
    sheets = {path.stem: {"source": {"file": path.name}} for path in more}
    known: dict[str, Any] = {"name": "file", "source": {"file": own.name}}
    if more:
        known |= {"xlsx": {"sheet": own.stem}, "sheets": sheets}
    made = wiring.layout(layout, known) if layout else Report.model_validate(known)
    return _Plan(made, config)


def _make(plan: _Plan, chosen: dict[str, Any], texts: list[str] | None, output: Path) -> "_Made":
    from prelo import wiring
    from prelo.app.render import render as make
    from prelo.core.request import Request
    from prelo.formats.door import whole_file

    report = look.over(plan.report, chosen)
    request = Request.model_validate(
        {
            "report": report.name,
            "version": report.version,
            "parameters": given.of_report(report, texts),
            "format": _format(output),
        }
    )
    sources, writer = wiring.sources(plan.config), wiring.writer(request.format)
    began = time.perf_counter()
    with bars.rows(f"Writing {output.name}") as heard, whole_file(output) as sink:
        manifest = make(report, request, sources, writer, sink, heard)
    return _Made(output, manifest, time.perf_counter() - began)


@dataclass(frozen=True)
class _Made:
    path: Path
    manifest: "Manifest"
    seconds: float

    def as_json(self) -> dict[str, Any]:
        from prelo.entry.press import peak_memory

        measured = {"seconds": round(self.seconds, 3), "peak_memory_bytes": peak_memory()}
        manifest = self.manifest.model_dump(mode="json") | measured
        return {"path": str(self.path), "size": self.path.stat().st_size, "manifest": manifest}

    def show(self) -> None:
        from prelo.entry.press import peak_memory

        manifest = self.manifest
        pages = [say.count(manifest.pages, "page")] if manifest.pages else []
        sheets = [say.count(len(manifest.sheets), "sheet")] if manifest.sheets else []
        speed = f"{manifest.rows / max(self.seconds, 1e-9):,.0f} rows/s"
        facts = [
            say.count(manifest.rows, "row"), *sheets, *pages, say.size(self.path.stat().st_size),
            f"{self.seconds:.2f} s ({speed})", f"peak memory {say.size(peak_memory())}",
        ]  # fmt: skip
        say.line(str(self.path), "bold green")
        say.line("  " + " · ".join(facts))
        if manifest.completeness not in {"complete", "split"}:
            say.line(
                f"  {manifest.completeness}: {manifest.reason or 'there were no rows'}", "yellow"
            )
        for warning in manifest.warnings:
            say.line(
                f"  {warning.column}: {say.count(warning.count, 'value')} {warning.detail}",
                "yellow",
            )
