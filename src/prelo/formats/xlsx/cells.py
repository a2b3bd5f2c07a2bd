"""What stands in a cell for a value of each type, as expressions over whole columns.

A value Excel cannot hold as it is becomes a text or an empty cell, and is counted: a Misfit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl

_EPOCH_DAYS = 25_569  # 1970-01-01 in the 1900 date system
_FIRST_DAY, _LAST_DAY = (
    -25_508,
    2_932_896,
)  # 1900-03-01 (Excel believes in 1900-02-29) and 9999-12-31
_DAY_US, _DAY_NS = 86_400_000_000, 86_400_000_000_000
_LAST_MOMENT = (_LAST_DAY + 1) * _DAY_US - 1000
_DIGITS = 15
_MOST = 10**_DIGITS - 1
_UNITS = 32_767
_SPACE = ord(" ")

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Misfit:
    """Values of one frame that a cell cannot hold as they are.

    `mask` is true for them. `instead` is the text to write; None with `empty` leaves the cell out, and
    None without it writes the value all the same.
    """

    type: str
    detail: str
    mask: pl.Series
    instead: pl.Expr | None = None
    empty: bool = False


def number(c: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value that is not text as the number a cell holds: dates and times in days."""
    if dtype == pl.Boolean:
        return c.cast(pl.Int8)
    if dtype == pl.Date:
        return c.cast(pl.Int32) + _EPOCH_DAYS
    if isinstance(dtype, pl.Datetime):
        return c.dt.epoch("us") / _DAY_US + _EPOCH_DAYS
    if dtype == pl.Time:
        return c.cast(pl.Int64) / _DAY_NS
    if isinstance(dtype, pl.Duration):
        return c.dt.total_microseconds() / _DAY_US
    return c


def misfit(values: pl.Series) -> Misfit | None:
    """The values of a column of numbers, dates or times that a cell cannot hold; None if it holds all."""
    dtype = values.dtype
    found: Callable[[pl.Series], Misfit | None] | None = None
    if dtype.is_integer():
        found = _large_integers
    elif dtype.is_float():
        found = _not_numbers
    elif dtype.is_decimal():
        found = _long_decimals
    elif dtype == pl.Date or isinstance(dtype, pl.Datetime):
        found = _odd_dates
    return found(values) if found else None


def _large_integers(values: pl.Series) -> Misfit | None:
    low, high = cast("tuple[int | None, int | None]", (values.min(), values.max()))
    if low is None or high is None or (low >= -_MOST and high <= _MOST):
        return None
    mask = values > _MOST
    if low < 0:  # no unsigned column can be compared with a negative number
        mask |= values < -_MOST
    text = pl.col(values.name).cast(pl.String)
    detail = "integers of more than 15 digits are written as text, which no total counts"
    return Misfit("large-integer", detail, mask, text)


def _not_numbers(values: pl.Series) -> Misfit | None:
    # A finite sum has only finite parts; the exact look is for the rest.
    if isfinite(cast("float", values.sum())):
        return None
    mask = ~values.is_finite()
    if not mask.any():
        return None
    return Misfit("not-a-number", "NaN and infinity are written as empty cells", mask, empty=True)


def _long_decimals(values: pl.Series) -> Misfit | None:
    low, high = cast("tuple[Decimal | None, Decimal | None]", (values.min(), values.max()))
    scale = cast("pl.Decimal", values.dtype).scale
    most = Decimal(_MOST).scaleb(-scale)
    if low is None or high is None or (low >= -most and high <= most):
        return None
    digits = values.cast(pl.String).str.replace(".", "", literal=True).str.strip_chars("-0")
    mask = digits.str.len_chars() > _DIGITS
    detail = "the file holds every digit, but Excel keeps 15 of a number"
    return Misfit("long-decimal", detail, mask) if mask.any() else None


def _odd_dates(values: pl.Series) -> Misfit | None:
    days = values.cast(pl.Int32) if values.dtype == pl.Date else _days(values)
    low, high = cast("tuple[int | None, int | None]", (days.min(), days.max()))
    if low is None or high is None or (low >= _FIRST_DAY and high <= _LAST_DAY):
        return None
    c = pl.col(values.name)
    form = "%Y-%m-%d" if values.dtype == pl.Date else "%Y-%m-%d %H:%M:%S"
    detail = "dates before 1900-03-01 or after 9999 are written as text, which no total counts"
    return Misfit(
        "date-out-of-range", detail, (days < _FIRST_DAY) | (days > _LAST_DAY), c.dt.to_string(form)
    )


def _days(moments: pl.Series) -> pl.Series:
    """The days of moments; the last moments of the last day are, as a number of days, the next one."""
    us = pl.col(moments.name).dt.epoch("us")
    return moments.to_frame().select(us.floordiv(_DAY_US) + (us > _LAST_MOMENT)).to_series()


# Text. Control characters cannot stand in XML, and Excel reads _x0008_ as one (ECMA-376 22.9.2.19).
_CONTROLS = [chr(i) for i in range(32) if i not in {9, 10}] + ["\ufffe", "\uffff"]
_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ALL = _MARKUP | {char: f"_x{ord(char):04X}_" for char in _CONTROLS}
# What reads like an escape: with its own last "_", or with that of the escape of the next character.
_ESCAPE_LIKE = r"_x[0-9A-Fa-f]{4}[_\x00-\x08\x0B-\x1F\x{FFFE}\x{FFFF}]"
_PLAIN = bytes(i for i in range(256) if chr(i) not in "&<>_\xef" and (i >= 32 or i in {9, 10}))  # noqa: PLR2004
_MARKUP_BYTES = b"&<>_"


class Texts(NamedTuple):
    """The texts of a column as XML. `spaced`: some begin or end with white space, which XML may drop."""

    value: pl.Expr
    misfit: Misfit | None
    spaced: bool


def text(values: pl.Series) -> Texts:
    """Texts as XML, escaped only as far as the bytes of this frame ask for; too long ones are cut."""
    c = pl.col(values.name)
    raw, ends = _bytes(values)
    spaced = _spaced(raw, ends)
    if len(raw) <= _UNITS or cast("int", values.str.len_bytes().max()) <= _UNITS:
        return Texts(_escaped(c, raw), None, spaced)
    mask = values.str.len_chars() + values.str.count_matches(r"[\x{10000}-\x{10FFFF}]") > _UNITS
    if not mask.any():
        return Texts(_escaped(c, raw), None, spaced)
    detail = "texts of more than 32,767 characters are cut there, where Excel ends a cell"
    cut = Misfit("text-cut", detail, mask, _escaped(_shortened(c), raw))
    return Texts(_escaped(c, raw), cut, spaced)


def _bytes(values: pl.Series) -> tuple[bytes, Ints]:
    """All texts of the column end to end, and where each begins and the last ends."""
    buffers: Any = values.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    ends = np.frombuffer(buffers[1] or bytes(8), np.int64)[: len(values) + 1]
    return bytes(buffers[2]) if buffers[2] else b"", ends


def longest(values: pl.Series, most: int = 5) -> list[str]:
    """A few of the texts with the most bytes; none that is empty."""
    raw, ends = _bytes(values)
    sizes = np.diff(ends)
    found = np.argsort(sizes, kind="stable")[-most:].tolist()
    return [raw[ends[i] : ends[i + 1]].decode() for i in found if sizes[i]]


def _spaced(raw: bytes, ends: Ints) -> bool:
    filled = ends[:-1] < ends[1:]
    letters = np.frombuffer(raw, np.uint8)
    first, last = letters[ends[:-1][filled]], letters[ends[1:][filled] - 1]
    return bool((first <= _SPACE).any() or (last <= _SPACE).any())


def _escaped(c: pl.Expr, raw: bytes) -> pl.Expr:
    odd = raw.translate(None, _PLAIN)
    if not odd:
        return c
    if b"_" in odd:
        # Every "_x" of such a text: escapes may overlap, as in _x0041_x0042_.
        c = (
            pl.when(c.str.contains(_ESCAPE_LIKE))
            .then(c.str.replace_all("_x", "_x005F_x", literal=True))
            .otherwise(c)
        )
    found = _MARKUP if not odd.translate(None, _MARKUP_BYTES) else _ALL
    return c.str.replace_many(list(found), list(found.values()))


def _shortened(c: pl.Expr) -> pl.Expr:
    """Excel counts UTF-16 units, and a character may take two: cut by hand, as this is rare."""
    return c.map_elements(
        lambda value: value.encode("utf-16-le")[: 2 * _UNITS].decode("utf-16-le", "ignore"),
        pl.String,
    )
