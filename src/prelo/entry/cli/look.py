"""The options of `prelo render` that say how the file looks, and the changes they make to a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given

if TYPE_CHECKING:
    from prelo.core.report import Report

_PANEL = "How it looks"


def _option(*names: str, help: str, metavar: str | None = None) -> Any:  # noqa: A002  Typer's word
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=_PANEL)


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
Sheet = Annotated[
    str | None, _option("--sheet", help="The name of a workbook's sheet.", metavar="NAME")
]
Landscape = Annotated[bool, _option("--landscape", help="Turn the pages on their side.")]
Table = Annotated[bool, _option("--table", help="Make the rows of a workbook an Excel table.")]
Info = Annotated[bool, _option("--info", help="Add a sheet that tells what the workbook is.")]
Template = Annotated[
    Path | None,
    _option("--template", help="A workbook with a marked row, as frame.", metavar="FILE"),
]
Logo = Annotated[Path | None, _option("--logo", help="An image above the title.", metavar="FILE")]
Overflow = Annotated[
    str | None,
    _option(
        "--overflow",
        help="Too many rows for a sheet: split_sheets, split_files, truncate, fail.",
        metavar="HOW",
    ),
]
Password = Annotated[
    bool, _option("--password", help="Ask for a password, and encrypt the workbook by it.")
]
Settings = Annotated[
    Path | None,
    _option(
        "--layout",
        help="A YAML file that says it all, as a report does: title, columns, xlsx …",
        metavar="FILE",
    ),
]
Locale = Annotated[
    str | None, _option("--locale", help="Whose numbers and dates: pt-BR.", metavar="TAG")
]
Timezone = Annotated[
    str | None, _option("--timezone", help="Whose clock: America/Sao_Paulo.", metavar="ZONE")
]


def look(*, landscape: bool, xlsx: Mapping[str, Any], **common: Any) -> dict[str, Any]:
    """The chosen fields of a Layout; what was not chosen is left out."""
    own = {"landscape": landscape, **xlsx}
    chosen = {
        **common,
        "xlsx": {name: value for name, value in own.items() if value},
        "pdf": {"orientation": "landscape"} if landscape else None,
    }
    return {name: value for name, value in chosen.items() if value}


def content(path: Path | None) -> bytes | None:
    """The bytes of a file that was named. Raises NotFound with the reason."""
    from prelo.core.errors import NotFound

    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror or error}") from error


def password(wanted: bool) -> str | None:  # noqa: FBT001
    """Asked for on the terminal, twice: an argument could be read by everybody on the machine."""
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True) if wanted else None


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
