"""What the commands say, where, and how they end.

Results go to standard output; progress and errors to standard error. Nothing here may load a heavy
library: every command, `prelo --help` included, pays for it.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

OK, FAILED, WRONG, NOT_FOUND, UNAVAILABLE, CONFLICT = range(6)

EXIT_CODES = {
    OK: "done",
    FAILED: "the report failed, or a check found a fault",
    WRONG: "wrong usage, parameters, settings or key",
    NOT_FOUND: "not found",
    UNAVAILABLE: "cannot be reached, try again",
    CONFLICT: "the job's state forbids it",
    130: "interrupted",
}

_PIPE = None if sys.stdout.isatty() else 200  # columns: a pipe has no edge to wrap lines at
out = Console(highlight=False, width=_PIPE)
err = Console(stderr=True, highlight=False)


def line(text: str | Text = "", style: str = "") -> None:
    """A line for people on standard output. Data in it is never taken for markup."""
    out.print(text, style=style or None, markup=False, soft_wrap=True)


def note(text: str, style: str = "dim") -> None:
    """A line for people beside the result: on standard error."""
    err.print(text, style=style, markup=False, soft_wrap=True)


def as_json(value: Any) -> None:
    """One JSON document, for machines, alone on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def as_json_line(value: Any) -> None:
    """One JSON document on one line, at once: for a program that reads as it comes."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """A plain table; a column named with a leading '>' is right-aligned."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for name in columns:
        right = name.startswith(">")
        made.add_column(name.lstrip(">"), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    out.print(made)


def fail(sentence: str, code: int) -> NoReturn:
    """End the command with a sentence on standard error."""
    err.print(Text("Error: ", style="bold red") + Text(sentence, style="red"), soft_wrap=True)
    raise typer.Exit(code)


def code_of(error: Exception) -> int | None:
    """The exit code of an expected error; None for one that is a fault of Prelo itself."""
    from prelo.core import errors

    codes: tuple[tuple[type[Exception], int], ...] = (
        (errors.NotFound, NOT_FOUND),
        (errors.Conflict, CONFLICT),
        (errors.Gone, CONFLICT),
        (errors.Refused, WRONG),
        (errors.Misconfigured, WRONG),
        (errors.Unavailable, UNAVAILABLE),
        (errors.PreloError, FAILED),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), None)


def sentence_of(error: Exception) -> str:
    """The error's own; and where a command takes its key from, for who has none or a wrong one."""
    from prelo.core.errors import Unauthenticated

    hint = "; commands take it from PRELO_KEY" if isinstance(error, Unauthenticated) else ""
    return f"{error}{hint}"


def size(number: int) -> str:
    """Bytes for people: 41.3 MB."""
    value = float(number)
    for unit in ("B", "kB", "MB"):
        if value < 1000:  # noqa: PLR2004
            return f"{value:.0f} {unit}" if unit in {"B", "kB"} else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} GB"


def count(number: int, one: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {one}" + ("" if number == 1 else "s")
