"""`prelo render`: files or a report of the catalog, made here, without any service."""

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

_FORMATS = {".xlsx": "xlsx", ".zip": "xlsx", ".pdf": "pdf", ".csv": "csv"}
_SPLIT = "split_files"
_Input = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUT",
        help="A .parquet, .csv, .arrow or .jsonl file. Of several, each becomes a sheet.",
    ),
]
_Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The .xlsx, .pdf or .csv to make, or the .zip of workbooks or PDFs.",
    ),
]
_Report = Annotated[
    str | None,
    typer.Option(
        "--report", "-r", metavar="NAME", help="A report of the catalog instead of INPUT."
    ),
]


def render(  # noqa: PLR0913, PLR0917  the options of a command
    output: _Output, source: _Input = None, report: _Report = None, param: given.Parameters = None,
    catalog: given.Folder = None,
    title: look.Title = None, subtitle: look.Subtitle = None, kinds: look.Kinds = None,
    labels: look.Labels = None, totals: look.Totals = None, group_by: look.Groups = None,
    landscape: look.Landscape = False, locale: look.Locale = None,  # noqa: FBT002  options
    timezone: look.Timezone = None, logo: look.Logo = None, header: look.Header = None,
    footer: look.Footer = None, password: look.Password = False,  # noqa: FBT002  options
    layout: look.Settings = None,
    sheet: look.Sheet = None, table: look.Table = False, info: look.Info = False,  # noqa: FBT002  options
    template: look.Template = None, overflow: look.Overflow = None,
    contents: look.Contents = False, page_totals: look.PageTotals = False,  # noqa: FBT002  options
    watermark: look.Watermark = None, archive: look.Archive = False,  # noqa: FBT002  options
    font: look.Fonts = None, attach: look.Attached = None,
    document: look.Page = None, per: look.Per = None,
    cover: look.Cover = None, annex: look.Annex = None,
    json: given.Json = False,  # noqa: FBT002  options
) -> None:  # fmt: skip
    """Make a file of your data, with no service at all."""
    chosen = look.Looks(
        {"title": title, "subtitle": subtitle, "columns": look.columns(kinds, labels, totals),
         "group_by": group_by, "landscape": landscape, "locale": locale, "timezone": timezone},
        {"sheet": sheet, "table": table, "info": info, "template": template, "overflow": overflow},
        {"contents": contents, "page-totals": page_totals, "watermark": watermark,
         "archive": archive, "font": font, "attach": attach, "document": document, "per": per,
         "cover": cover, "annex": annex},
        {"logo": logo, "header": header, "footer": footer, "password": password},
    )  # fmt: skip
    if not (_zipped(output) and (report or layout)):  # which may say what the ZIP holds
        _check(output, _form(output, chosen), chosen, source or [])
    plan = _plan(source or [], report, catalog, layout)
    form = _form(output, chosen, plan.report)
    _check(output, form, chosen, source or [])
    made = _make(plan.looking(chosen.layout(form), form, output), form, param, output)
    if json:
        say.as_json(made.as_json())
    else:
        made.show()


def _form(output: Path, chosen: look.Looks, report: "Report | None" = None) -> str:
    """What the file will be. A ZIP holds PDFs if documents are asked for, else workbooks."""
    form = _FORMATS.get(output.suffix.lower())
    if form is None:
        raise typer.BadParameter(
            f"'{output}' must end in .xlsx, .pdf, .csv or .zip", param_hint="'-o'"
        )
    asked = chosen.pdf["document"] or (report and report.pdf.files == "zip")
    return "pdf" if _zipped(output) and asked and not chosen.workbook["overflow"] else form


def _zipped(output: Path) -> bool:
    return output.suffix.lower() == ".zip"


def _check(output: Path, form: str, chosen: look.Looks, inputs: list[Path]) -> None:
    """Refuse what the kind of file cannot be or hold, before anything is read or asked."""
    if form != "xlsx" and len(inputs) > 1:
        raise typer.BadParameter(
            f"a .{form} holds one INPUT; make an .xlsx of several", param_hint="'-o'"
        )
    shown = f"'{output}' is none"
    if _zipped(output):
        documents = "--document and --per make a ZIP of PDFs"
        shown = f"'{output}' holds " + ("PDFs" if form == "pdf" else f"workbooks; {documents}")
    chosen.check(form, shown)
    if how := chosen.workbook["overflow"]:
        _check_split(output, how)


def _check_split(output: Path, how: str) -> None:
    zipped = _zipped(output)
    if zipped and how != _SPLIT:
        raise typer.BadParameter(
            f"'{how}' makes one workbook: end '{output.name}' in .xlsx", param_hint="'--overflow'"
        )
    if how == _SPLIT and not zipped:
        raise typer.BadParameter(
            f"'{_SPLIT}' makes a ZIP of workbooks: name it {output.stem}.zip", param_hint="'-o'"
        )


@dataclass(frozen=True)
class _Plan:
    """What to render, and the settings of its sources."""

    report: "Report"
    config: "Config"

    def looking(self, chosen: dict[str, Any], form: str, output: Path) -> "_Plan":
        """The same with what was chosen, and what the file's name says of it."""
        if _zipped(output) and form == "xlsx":
            chosen.setdefault("overflow", _SPLIT)
        if _zipped(output) and form == "pdf":
            chosen["pdf"] = {**chosen.get("pdf", {}), "files": "zip"}
        report = look.over(self.report, chosen)
        if form == "xlsx":
            _check_split(output, report.overflow)
        if form == "pdf" and report.pdf.files == "zip" and not _zipped(output):
            raise typer.BadParameter(
                f"'files: zip' makes a ZIP of PDFs: name it {output.stem}.zip", param_hint="'-o'"
            )
        return _Plan(report, self.config)


def _plan(
    inputs: list[Path], report: str | None, catalog: Path | None, layout: Path | None
) -> _Plan:
    if bool(inputs) == bool(report):
        raise typer.BadParameter("give either an INPUT file or --report NAME")
    if report is None:
        return _of_files(inputs, layout)
    if layout is not None:
        raise typer.BadParameter(
            "is for INPUT files; a report has its own", param_hint="'--layout'"
        )
    return _of_catalog(report, catalog)


def _of_catalog(name: str, folder: Path | None) -> _Plan:
    from prelo import wiring
    from prelo.config import Config

    config = Config.load(catalog=folder)
    return _Plan(wiring.catalog(config).get(name), config)


def _of_files(paths: list[Path], layout: Path | None) -> _Plan:
    """Data files are a report: the catalog is their own folder. `layout` is a file of a report's keys."""
    from prelo import wiring
    from prelo.config import Config
    from prelo.core.report import Report

    _check_files(paths)
    own, *more = paths
    known: dict[str, Any] = {"name": "file", "source": {"file": own.name}}
    if more:
        known["sheets"] = {path.stem: {"source": {"file": path.name}} for path in more}
    made = wiring.layout(layout, known) if layout else Report.model_validate(known)
    made = made.model_copy(update={"stamp": made.stamp.filled(report=own.stem)})
    if more and made.xlsx.sheet is None:
        xlsx = made.xlsx.model_copy(update={"sheet": own.stem})
        made = made.model_copy(update={"xlsx": xlsx})
    return _Plan(made, Config.load(catalog=own.absolute().parent))


def _check_files(paths: list[Path]) -> None:
    from prelo.core.errors import Invalid, NotFound

    sheets: set[str] = set()
    for path in paths:
        if not path.is_file():
            raise NotFound(f"there is no file {path}")
        if path.absolute().parent != paths[0].absolute().parent:
            raise Invalid(f"the files must be in one folder; {path} is elsewhere")
        if path.stem.casefold() in sheets:
            raise Invalid(f"two sheets would be named '{path.stem}'; rename one of the files")
        sheets.add(path.stem.casefold())


def _make(plan: _Plan, form: str, texts: list[str] | None, output: Path) -> "_Made":
    from prelo import wiring
    from prelo.app.render import render as make
    from prelo.core.request import Request
    from prelo.formats.door import whole_file

    report = plan.report
    request = Request.model_validate(
        {
            "report": report.name,
            "version": report.version,
            "parameters": given.of_report(report, texts),
            "format": form,
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
        part = "file" if manifest.format == "pdf" else "sheet"
        sheets = [say.count(len(manifest.sheets), part)] if manifest.sheets else []
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
