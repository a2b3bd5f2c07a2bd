"""The options of `prelo render` that say how the file looks, and the changes they make to a report."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given

if TYPE_CHECKING:
    from prelo.core.report import Report

_PANEL, _WORKBOOK = "How it looks", "Of a workbook alone"
_PDF = "Of a workbook or a PDF"


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
Logo = Annotated[
    Path | None,
    _option(
        "--logo",
        help="A PNG, JPEG, GIF, BMP or (in a PDF) SVG to stand beside the title.",
        metavar="FILE",
        panel=_PDF,
    ),
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
Password = Annotated[
    bool,
    _option("--password", help="Ask for a password and encrypt the file.", panel=_PDF),
]


def look(
    form: str,
    *,
    landscape: bool,
    logo: Path | None,
    template: Path | None,
    password: bool,
    **plain: Any,
) -> dict[str, Any]:
    """The chosen fields of a Layout; what was not chosen is left out. `form` is the file's format.

    Files are read and a password is asked for. Raises NotFound for a file that cannot be read.
    """
    xlsx = {name: plain.pop(name) for name in ("sheet", "table", "info")}
    xlsx |= {"landscape": landscape, "template": _content(template)}
    options = {"xlsx": xlsx, "pdf": {"orientation": "landscape" if landscape else None}}
    if password:
        options[form]["password"] = _asked(form)
    chosen = {
        **plain,
        "logo": _content(logo),
        **{name: _only_chosen(its) for name, its in options.items()},
    }
    return _only_chosen(chosen)


def _only_chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}


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
