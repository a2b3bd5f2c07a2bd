"""Dates and times by a column's own spreadsheet format (ECMA-376 18.8.31), with a locale's names."""

import re
from collections.abc import Callable, Sequence

import polars as pl

from prelo.formats.pdf.locale import Locale

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<char>.)|(?P<half>AM/PM)|(?P<part>y+|m+|d+|h+|s+)|(?P<sign>[^a-zA-Z\[\]])',
    re.IGNORECASE,
)
_NUMBERS = {
    "yy": "%y", "yyyy": "%Y", "m": "%-m", "mm": "%m", "d": "%-d", "dd": "%d",
    "h": "%-H", "hh": "%H", "s": "%-S", "ss": "%S",
}  # fmt: skip
_MINUTES = {"m": "%-M", "mm": "%M"}
_HALVES = {"h": "%-I", "hh": "%I"}

Written = Callable[[pl.Series], pl.Series]


def writer_of(form: str, locale: Locale) -> Written | None:
    """How whole columns are written as `form` says; None for a form that says something else than dates
    and times: it is then the workbook's alone.
    """
    found = list(_TOKEN.finditer(form))
    if "".join(match[0] for match in found) != form or not any(match["part"] for match in found):
        return None
    pieces = _pieces(found, locale)
    if pieces is None:
        return None
    text = pl.concat_str(pieces)
    return lambda values: pl.DataFrame({"v": values}).select(text).to_series()


def _pieces(found: Sequence[re.Match[str]], locale: Locale) -> list[pl.Expr] | None:
    parts = [match["part"].lower() for match in found if match["part"]]
    halves = any(match["half"] for match in found)
    alone = not {"d", "dd"} & set(parts)
    out: list[pl.Expr] = []
    number = 0
    for match in found:
        if match["half"]:
            out.append(pl.col("v").dt.strftime("%p"))
        elif match["part"]:
            piece = _piece(parts, number, locale, halves=halves, alone=alone)
            if piece is None:
                return None
            out.append(piece)
            number += 1
        else:
            out.append(
                pl.lit(next(t for t in match.group("quoted", "char", "sign") if t is not None))
            )
    return out


def _piece(
    parts: list[str], at: int, locale: Locale, *, halves: bool, alone: bool
) -> pl.Expr | None:
    part, v = parts[at], pl.col("v")
    if part in {"mmm", "mmmm"}:
        names = locale.months(wide=part == "mmmm", alone=alone)
        return v.dt.month().replace_strict(names, return_dtype=pl.String)
    if part in {"ddd", "dddd"}:
        return v.dt.weekday().replace_strict(
            locale.days(wide=part == "dddd"), return_dtype=pl.String
        )
    known = _NUMBERS
    if part in _MINUTES and (
        parts[at - 1 : at] in (["h"], ["hh"]) or parts[at + 1 : at + 2] in (["s"], ["ss"])
    ):
        known = _MINUTES
    elif halves and part in _HALVES:
        known = _HALVES
    return v.dt.strftime(known[part]) if part in known else None
