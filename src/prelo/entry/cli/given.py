"""What a person typed, as values: options that several commands share, and `name=value` pairs."""

import getpass
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from prelo.client import Client
    from prelo.core.report import Report

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="The server's address, else PRELO_URL."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="FOLDER", help="Of the database and the files, else PRELO_DATA or .prelo."
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--catalog", metavar="FOLDER", help="Of the reports, else PRELO_CATALOG or ./reports."
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the report; repeat."),
]


def pairs(option: str, texts: Sequence[str] | None) -> dict[str, str]:
    """`--param a=1 --param b=2` as {"a": "1", "b": "2"}. A text without '=' is wrong usage."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"'{text}' must be NAME=VALUE", param_hint=f"'{option}'")
        if name in found:
            raise typer.BadParameter(f"'{name}' is given twice", param_hint=f"'{option}'")
        found[name] = value
    return found


def of_report(report: "Report", texts: Sequence[str] | None) -> dict[str, Any]:
    """Typed parameters of a report that is at hand. Unknown names stay: validation names them."""
    given = pairs("--param", texts)
    return {
        name: report.parameters[name].from_text(value) if name in report.parameters else value
        for name, value in given.items()
    }


def of_schema(schema: Mapping[str, Any], texts: Sequence[str] | None) -> dict[str, Any]:
    """The same for a report that only the server knows, by the JSON Schema of its parameters."""
    from prelo.core.parameters import Parameter

    read: dict[str, Callable[[str], Any]] = {}
    for name, described in schema.get("properties", {}).items():
        types = {form.get("type", "string") for form in described.get("anyOf", [described])}
        base = min(types - {"null"}, default="string")
        read[name] = Parameter.model_validate({"type": base, "nullable": "null" in types}).from_text
    return {
        name: read[name](value) if name in read else value
        for name, value in pairs("--param", texts).items()
    }


def me() -> str:
    """user@host, for the audit."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a number without a name, as in many containers
        user = "unknown"
    return f"{user}@{socket.gethostname()}".encode("ascii", "replace").decode()


def marks(**told: Any) -> dict[str, Any]:
    """What was given. A time without its zone is local."""
    return {
        name: value.astimezone() if isinstance(value, datetime) else value
        for name, value in told.items()
        if value is not None and value != []
    }


def server(url: str | None, agent: str | None = None) -> "Client":
    """A client of the server that is meant, with the key of PRELO_KEY: an option would be read by whoever
    lists the machine's processes.
    """
    from prelo.client import Client
    from prelo.config import Config

    config = Config.load(url=url)
    return Client(config.url, config.key, agent=agent)
