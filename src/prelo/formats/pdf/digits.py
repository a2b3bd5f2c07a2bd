"""A column of scaled integers as grouped decimal text, digit by digit over the whole column.

12345678 with two places is 123,456.78. One pass of NumPy per digit position is about five times as fast
as the same with string expressions, and no float stands in between.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.formats.pdf.arrow import Ints, from_bytes
from prelo.formats.pdf.locale import Notation

LIMIT = 10**18
"""Absolute values from here on do not fit the arithmetic; `one_as_text` writes them."""

_SMALL = 2**31  # below it, half the bytes take half the time
_Bytes = npt.NDArray[np.uint8]
_Whole = npt.NDArray[np.signedinteger[Any]]
_Flags = npt.NDArray[np.bool_]
_ZERO = ord("0")


def as_text(scaled: Ints, valid: _Flags | None, places: int, notation: Notation) -> pl.Series:
    """Text of `scaled / 10**places`, all of it below LIMIT; empty where not `valid`."""
    if not len(scaled):
        return pl.Series([], dtype=pl.String)
    columns = list(_right_to_left(scaled, places, notation))[::-1]
    cells = np.empty((len(scaled), len(columns)), np.uint8)
    shown = np.empty(cells.shape, np.bool_)
    lengths = np.zeros(len(scaled), np.uint8)
    for position, (byte, mask) in enumerate(columns):
        cells[:, position] = byte
        shown[:, position] = mask
        lengths += mask
    if valid is not None:
        shown &= valid[:, None]
        lengths *= valid
    return from_bytes(cells[shown], lengths)


def _right_to_left(
    scaled: Ints, places: int, notation: Notation
) -> Iterator[tuple[int | _Bytes, bool | _Flags]]:
    """The characters from last to first: for each, the byte of every row and which rows have it."""
    yield from _constant(notation.suffix)
    rest = np.abs(scaled)
    if int(rest.max()) < _SMALL:
        rest = rest.astype(np.int32)
    for _ in range(places):
        rest, digit = _split(rest)
        yield digit, True
    if places:
        yield from _constant(notation.decimal)
    position, largest = 0, int(rest.max())
    while position == 0 or largest:
        alive: bool | _Flags = True if position == 0 else rest > 0
        if position and _ends_group(position, notation.sizes):
            yield from _constant(notation.group, alive)
        rest, digit = _split(rest)
        yield digit, alive
        position, largest = position + 1, largest // 10
    yield from _constant(notation.prefix)
    if (negative := scaled < 0).any():
        yield from _constant(notation.minus, negative)


def _split(rest: _Whole) -> tuple[_Whole, _Bytes]:
    tenth = rest // 10
    return tenth, (rest - tenth * 10 + _ZERO).astype(np.uint8)


def _constant(text: str, mask: bool | _Flags = True) -> Iterator[tuple[int, bool | _Flags]]:  # noqa: FBT001, FBT002
    for byte in reversed(text.encode()):
        yield byte, mask


def _ends_group(position: int, sizes: tuple[int, int]) -> bool:
    first, further = sizes
    return position == first or (position > first and (position - first) % further == 0)


def one_as_text(scaled: int, places: int, notation: Notation) -> str:
    """The same for one integer of any size."""
    digits = str(abs(scaled)).rjust(places + 1, "0")
    whole, fraction = (digits[:-places], digits[-places:]) if places else (digits, "")
    parts: list[str] = []
    for position, digit in enumerate(reversed(whole)):
        if position and _ends_group(position, notation.sizes):
            parts.append(notation.group)
        parts.append(digit)
    text = "".join(reversed(parts)) + (notation.decimal + fraction if places else "")
    return (notation.minus if scaled < 0 else "") + notation.prefix + text + notation.suffix
