"""Strings of plain characters as hexadecimal show operators, whole columns at once.

The output is laid out in units of four bytes: a code is one unit, a change of font some, padded with
spaces; so NumPy places all of it by one index each.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.formats.pdf.arrow import Ints, from_offsets

_DIGITS = np.frombuffer(b"0123456789ABCDEF", np.uint8)
_HEX = _DIGITS[np.arange(0x10000)[:, None] >> [12, 8, 4, 0] & 15].view(np.uint32).ravel()
_UNIT = 4
_Units = npt.NDArray[np.uint32]


def _units(text: str) -> _Units:
    """ASCII as units, spaces before it."""
    return np.frombuffer(text.rjust(-(-len(text) // _UNIT) * _UNIT).encode(), np.uint32)


_CLOSE = _units(">Tj ")


def hexadecimal(
    codes: npt.NDArray[np.uint16],
    programs: npt.NDArray[np.uint8],
    lengths: Ints,
    names: Sequence[str],
    style: tuple[str, int],
) -> pl.Series:
    """The operators of each string: its characters by font, and back to the font of `style` (name, size).

    `codes` and `programs` are of all characters end to end, `lengths` how many each string has; `names`
    are the programs'. An empty string has no operators.
    """
    key, size = style
    ends = np.cumsum(lengths)
    if not len(codes):
        return from_offsets(np.empty(0, np.uint8), np.zeros(len(lengths) + 1, np.int64))
    filled = lengths > 0
    first_of_string = (ends - lengths)[filled]
    last_of_string = ends[filled] - 1
    begins = np.empty(len(codes), np.bool_)
    begins[0] = True
    np.not_equal(programs[1:], programs[:-1], out=begins[1:])
    begins[first_of_string] = True
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(codes)) - 1
    chosen = programs[first]
    switches = {n: _units(f"/{names[n]} {size} Tf<") for n in np.unique(chosen).tolist()}
    back = _units(f"/{key} {size} Tf")
    widths = np.array([len(switches.get(number, ())) for number in range(len(names))])

    before = np.zeros(len(codes) + 1, np.int64)  # units of each character that are not its own
    before[first] = widths[chosen]
    before[last + 1] += 1
    before[last_of_string + 1] += len(back)
    at = np.cumsum(before[:-1]) + np.arange(len(codes))
    out = np.empty(len(codes) + int(before.sum()), np.uint32)
    out[at] = _HEX[codes]
    for number, switch in switches.items():
        _scatter(out, at[first[chosen == number]] - len(switch), switch)
    out[at[last] + 1] = _CLOSE[0]
    _scatter(out, at[last_of_string] + 2, back)
    offsets = np.zeros(len(lengths) + 1, np.int64)
    offsets[1:][filled] = at[last_of_string] + 2 + len(back)
    return from_offsets(out.view(np.uint8), np.maximum.accumulate(offsets) * _UNIT)


def _scatter(out: _Units, places: Ints, units: _Units) -> None:
    for number, unit in enumerate(units):
        out[places + number] = unit
