"""When a highlight holds: its words as expressions over a column, for all rows of a frame at once."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl

from prelo.core.workbook import Compared, Highlight
from prelo.formats import compared
from prelo.formats.stream import Field

RANKED = {"duplicate", "unique", "top", "bottom", "above average", "below average"}
"""What needs the whole column before its first row can be drawn, and so is a workbook's alone."""

_HOURS = 24


def condition(field: Field, highlight: Highlight) -> pl.Expr:
    """True where the highlight holds; never where there is no value, unless it asks for blanks.

    Raises FormatFailed for a value to compare with that the column's kind cannot have.
    """
    c, when = pl.col(field.name), highlight.when or "not blank"
    textual = _is_text(field)
    if when in {"blank", "not blank"}:
        blank = c.is_null() | (c.str.strip_chars() == "") if textual else c.is_null()
        return blank if when == "blank" else ~blank
    if when in {"contains", "not contains", "begins with", "ends with"}:
        held = _of_text(c if textual else c.cast(pl.String), when, str(highlight.value).lower())
    else:
        held = _compared(field, highlight)
    return held.fill_null(value=False)


def _is_text(field: Field) -> bool:
    return field.kind.name in {"text", "code", "link"}


def _of_text(c: pl.Expr, when: str, sought: str) -> pl.Expr:
    text = c.str.to_lowercase()
    if when == "begins with":
        return text.str.starts_with(sought)
    if when == "ends with":
        return text.str.ends_with(sought)
    held = text.str.contains(sought, literal=True)
    return held if when == "contains" else ~held & (text != "")


def _compared(field: Field, highlight: Highlight) -> pl.Expr:
    read = _reading(field)
    c = pl.col(field.name)
    c = c.str.to_lowercase() if _is_text(field) else c
    limits = [
        pl.lit(compared.read(field, read, v))
        for v in (highlight.value, highlight.other)
        if v is not None
    ]
    low, high = limits[0], limits[-1]
    held = {
        "between": (c >= low) & (c <= high), "not between": (c < low) | (c > high), "=": c == low,
        "!=": c != low, ">": c > low, ">=": c >= low, "<": c < low, "<=": c <= low,
    }[highlight.when or "="]  # fmt: skip
    if _is_text(field):
        return held & (c != "")
    # NaN is more than every number, but no number.
    return (
        held & c.cast(pl.Float64).is_finite()
        if field.kind.numeric and not _is_span(field)
        else held
    )


def _is_span(field: Field) -> bool:
    return field.kind.name == "duration"


Read = Callable[[Compared], Any]


def _reading(field: Field) -> Read:
    """How a value of the column's kind is read."""
    name = field.kind.name
    if name == "boolean":
        return compared.boolean
    if name in {"date", "datetime"}:
        return _date if name == "date" else compared.moment
    if name in {"time", "duration"}:
        return _time if name == "time" else compared.span
    return _number if field.kind.numeric else lambda value: str(value).lower()


def _number(value: Compared) -> int | float:
    number = compared.number(value)
    return int(number) if number == number.to_integral_value() else float(number)


def _date(value: Compared) -> date | datetime:
    moment = compared.moment(value)
    return moment if moment.time() != time() else moment.date()


def _time(value: Compared) -> time:
    span = compared.span(value)
    if span >= timedelta(hours=_HOURS):
        raise ValueError
    return (datetime(1, 1, 1) + span).time()  # noqa: DTZ001  a clock has no zone
