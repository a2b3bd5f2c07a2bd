"""The options of `prelo render` that say how the file looks, and the changes they make to a report."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given

if TYPE_CHECKING:
    from prelo.core.report import Report

_PANEL, _WORKBOOK, _PDF = "How it looks", "Of a workbook alone", "Of a PDF alone"


def _option(
    *names: str,
    help: str,  # noqa: A002  Typer's word
    metavar: str | None = None,
    panel: str = _PANEL,
) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel)


Title = Annotated[str | None, _option("--title", help="The title.", metavar="TEXT")]
Subtitle = Annotated[
    str | None, _option("--subtitle", help="The line below the title.", metavar="TEXT")
]
Kinds = Annotated[
    list[str] | None,
    _option("--format", help="A column's kind: amount=money:EUR; repeat.", metavar="COLUMN=KIND"),
]
Labels = Annotated[
    list[str] | None, _option("--label", help="A column's heading; repeat.", metavar="COLUMN=TEXT")
]
Totals = Annotated[
    list[str] | None,
    _option("--total", help="Its sum, count, min, max or mean; repeat.", metavar="COLUMN=TOTAL"),
]
Groups = Annotated[
    list[str] | None,
    _option("--group-by", help="A column the rows are sorted by; repeat.", metavar="COLUMN"),
]
Landscape = Annotated[bool, _option("--landscape", help="Turn the pages on their side.")]
Locale = Annotated[
    str | None, _option("--locale", help="Whose numbers and dates: pt-BR.", metavar="TAG")
]
Timezone = Annotated[
    str | None, _option("--timezone", help="Whose clock: America/Sao_Paulo.", metavar="ZONE")
]
Logo = Annotated[
    Path | None,
    _option(
        "--logo",
        help="A PNG, JPEG, GIF, BMP or (in a PDF) SVG to stand beside the title.",
        metavar="FILE",
    ),
]
Header = Annotated[
    str | None,
    _option(
        "--header",
        help="Above each page: left|middle|right, with {title}, {page}, {pages}.",
        metavar="TEXT",
    ),
]
Footer = Annotated[str | None, _option("--footer", help="The same, below.", metavar="TEXT")]
Password = Annotated[bool, _option("--password", help="Ask for a password and encrypt the file.")]
Settings = Annotated[
    Path | None,
    _option(
        "--layout",
        help="A YAML file that says all this and more, as a report does. These options override it.",
        metavar="FILE",
    ),
]
Sheet = Annotated[
    str | None,
    _option("--sheet", help="The name of the (first) sheet.", metavar="NAME", panel=_WORKBOOK),
]
Table = Annotated[bool, _option("--table", help="Make the rows an Excel table.", panel=_WORKBOOK)]
Info = Annotated[
    bool,
    _option("--info", help="Add a sheet that tells what the workbook is.", panel=_WORKBOOK),
]
Template = Annotated[
    Path | None,
    _option(
        "--template",
        help="Fill this workbook of yours: its row marked {{rows}} becomes the data.",
        metavar="FILE",
        panel=_WORKBOOK,
    ),
]
Overflow = Annotated[
    str | None,
    _option(
        "--overflow",
        help="If a sheet is full: split_sheets, split_files (for -o x.zip), truncate or fail.",
        metavar="HOW",
        panel=_WORKBOOK,
    ),
]
Contents = Annotated[
    bool, _option("--contents", help="List the groups with their pages in front.", panel=_PDF)
]
PageTotals = Annotated[
    bool, _option("--page-totals", help="Add up the rows of each page, too.", panel=_PDF)
]
Watermark = Annotated[
    str | None,
    _option("--watermark", help="Set this word across each page.", metavar="TEXT", panel=_PDF),
]
Archive = Annotated[
    bool,
    _option("--archive", help="Make PDF/A for an archive: 2b, or 3b with --attach.", panel=_PDF),
]
Fonts = Annotated[
    list[Path] | None,
    _option(
        "--font",
        help="A font file to look into for what the own one lacks; repeat.",
        metavar="FILE",
        panel=_PDF,
    ),
]
Attached = Annotated[
    list[Path] | None,
    _option("--attach", help="Put this file into the PDF; repeat.", metavar="FILE", panel=_PDF),
]
Page = Annotated[
    Path | None,
    _option(
        "--document",
        help="Make the pages of this template, in HTML, instead of a table.",
        metavar="TEMPLATE",
        panel=_PDF,
    ),
]
Per = Annotated[
    list[str] | None,
    _option(
        "--per",
        help="A column that parts the rows into documents; repeat. With -o x.zip, a file each.",
        metavar="COLUMN",
        panel=_PDF,
    ),
]
Cover = Annotated[
    Path | None,
    _option(
        "--cover",
        help="A template or a PDF file to stand before the pages.",
        metavar="FILE",
        panel=_PDF,
    ),
]
Annex = Annotated[
    Path | None, _option("--annex", help="The same, behind them.", metavar="FILE", panel=_PDF)
]


@dataclass(frozen=True, slots=True)
class Looks:
    """What was chosen, by the kinds of file that can have it: any, a workbook alone, a PDF alone, and both
    of these but no CSV.
    """

    plain: dict[str, Any]
    workbook: dict[str, Any]
    pdf: dict[str, Any]
    both: dict[str, Any]

    def check(self, form: str, shown: str) -> None:
        """Refuse what a file of this form cannot have; `shown` says which file and why. A wrong usage."""
        for whose, forms, options in (
            ("workbooks", {"xlsx"}, self.workbook),
            ("PDFs", {"pdf"}, self.pdf),
            ("workbooks and PDFs", {"xlsx", "pdf"}, self.both),
        ):
            for option in _chosen(options) if form not in forms else ():
                raise typer.BadParameter(f"is for {whose}, and {shown}", param_hint=f"'--{option}'")
        if self.pdf["archive"] and self.both["password"]:
            raise typer.BadParameter("is not for an archive (PDF/A)", param_hint="'--password'")

    def layout(self, form: str) -> dict[str, Any]:
        """The chosen fields of a Layout; what was not chosen is left out.

        Files are read and a password is asked for. Raises NotFound for a file that cannot be read.
        """
        common = {**self.plain, "overflow": self.workbook["overflow"]}
        common["logo"] = _content(self.both["logo"])
        own = {name: self.both[name] for name in ("header", "footer")}
        if form == "pdf":
            own |= self._pdf()
        if form == "xlsx":
            own |= self._workbook()
        if common.pop("landscape"):
            own |= {"pdf": {"orientation": "landscape"}, "xlsx": {"landscape": True}}.get(form, {})
        own["password"] = _asked(form) if self.both["password"] else None
        return _chosen({**common, form: _chosen(own)})

    def _workbook(self) -> dict[str, Any]:
        names = ("sheet", "table", "info")
        own = {name: self.workbook[name] for name in names}
        return {**own, "template": _content(self.workbook["template"])}

    def _pdf(self) -> dict[str, Any]:
        chosen, files = self.pdf, self.pdf["attach"] or []
        names = [file.name for file in files]
        if twice := [name for name in names if names.count(name) > 1]:
            raise typer.BadParameter(f"'{twice[0]}' is given twice", param_hint="'--attach'")
        return {
            "contents": chosen["contents"],
            "page_totals": chosen["page-totals"],
            "watermark": chosen["watermark"],
            "archive": ("3b" if files else "2b") if chosen["archive"] else None,
            "fonts": [_content(file) for file in chosen["font"] or []],
            "attachments": {file.name: _content(file) for file in files},
            "per": chosen["per"],
            **{name: _found(chosen[name]) for name in ("document", "cover", "annex")},
        }


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, False, [], {})}


def _found(template: Path | None) -> str | None:
    """A document's path, once it was seen that it can be read."""
    _content(template)
    return None if template is None else str(template)


def _content(path: Path | None) -> bytes | None:
    from prelo.core.errors import NotFound

    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror or error}") from error


def _asked(form: str) -> str:
    """The password, typed twice: an argument could be read by everybody on the machine."""
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "asks on a terminal, and there is none; a script has it in its --layout file, as "
            f"{form}: {{password: !file name}}",
            param_hint="'--password'",
        )
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)


def columns(
    kinds: Sequence[str] | None, labels: Sequence[str] | None, totals: Sequence[str] | None
) -> dict[str, dict[str, str]]:
    """`--format a=integer --total a=sum` as {"a": {"kind": "integer", "total": "sum"}}."""
    found: dict[str, dict[str, str]] = {}
    options = (
        ("--format", "kind", kinds),
        ("--label", "title", labels),
        ("--total", "total", totals),
    )
    for option, field, texts in options:
        for column, value in given.pairs(option, texts).items():
            found.setdefault(column, {})[field] = value
    return found


def over(report: "Report", chosen: Mapping[str, Any]) -> "Report":
    """The report with what was chosen put over it. Raises Invalid for a wrong value."""
    from pydantic import ValidationError

    from prelo.core.report import Report
    from prelo.formats.door import invalid

    fields = report.model_dump(exclude_unset=True)
    for name, value in chosen.items():
        if isinstance(value, dict):
            merged = dict(fields.get(name) or {})
            for key, one in value.items():
                merged[key] = {**merged.get(key, {}), **one} if isinstance(one, dict) else one
            fields[name] = merged
        else:
            fields[name] = value
    try:
        return Report.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from error
