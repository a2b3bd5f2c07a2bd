"""The bytes of a string column, there and back, without a copy where there need be none."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_FEW = 4  # of so many strings at most one


@dataclass(frozen=True, eq=False)
class Flat:
    """All strings of a column end to end: UTF-8 in `raw`, string i from offsets[i] to offsets[i + 1]."""

    raw: npt.NDArray[np.uint8]
    offsets: Ints

    @classmethod
    def of(cls, text: pl.Series) -> "Flat":
        """The bytes of a String column without NULLs."""
        # Arrow's names end at a NUL, which ours may hold.
        array = cast("Any", text.alias("").to_arrow(compat_level=pl.CompatLevel.oldest()))
        _, offsets, raw = array.buffers()
        bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        if raw is None:
            return cls(np.empty(0, np.uint8), bounds)
        return cls(np.frombuffer(raw, np.uint8)[bounds[0] : bounds[-1]], bounds - bounds[0])

    @cached_property
    def ascii(self) -> bool:
        return not self.raw.size or int(self.raw.max()) < 128  # noqa: PLR2004  ASCII

    @cached_property
    def codes(self) -> npt.NDArray[np.uint32]:
        """The characters of all strings end to end."""
        return np.frombuffer(self.raw.tobytes().decode().encode("utf-32-le"), np.uint32)

    @cached_property
    def bounds(self) -> Ints:
        """Where each string begins and ends, in characters."""
        if self.ascii:
            return self.offsets
        starts = np.zeros(len(self.raw) + 1, np.int64)
        np.cumsum((self.raw & 0xC0) != 0x80, out=starts[1:])  # noqa: PLR2004  UTF-8 continuation bytes
        return starts[self.offsets]

    @cached_property
    def few(self) -> "Few | None":
        """The strings that are more than ASCII, if they are few enough to be worth a way of their own."""
        if self.ascii:
            return None
        filled = np.flatnonzero(np.diff(self.offsets))
        highest = np.maximum.reduceat(self.raw, self.offsets[filled])
        found = filled[highest >= 128]  # noqa: PLR2004  ASCII
        if len(found) * _FEW > len(self.offsets) - 1:
            return None
        texts = self.some(found)
        return Few(found, texts, Flat.of(texts))

    @property
    def longest(self) -> int:
        """Bytes of the longest string."""
        return int(np.diff(self.offsets).max()) if len(self.offsets) > 1 else 0

    def some(self, numbers: Ints) -> pl.Series:
        """Some of the strings."""
        return from_offsets(self.raw, self.offsets)[numbers]


class Few(NamedTuple):
    """Some strings of a column: which, and what they are."""

    numbers: Ints
    texts: pl.Series
    flat: Flat


def sums(values: npt.NDArray[Any], bounds: Ints) -> Ints:
    """The sum of the values between each two bounds that follow each other."""
    filled = bounds[:-1] < bounds[1:]
    out = np.zeros(len(filled), np.int64)
    if filled.any():
        out[filled] = np.add.reduceat(values, bounds[:-1][filled], dtype=np.int64)
    return out


def from_offsets(raw: npt.NDArray[np.uint8], offsets: Ints) -> pl.Series:
    """The strings that stand end to end in `raw` (UTF-8)."""
    array = pa.LargeStringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(raw)
    )
    return cast("pl.Series", pl.from_arrow(array))


def from_bytes(raw: npt.NDArray[np.uint8], lengths: npt.NDArray[Any]) -> pl.Series:
    """The strings of `lengths` bytes that stand end to end in `raw` (UTF-8)."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return from_offsets(raw, offsets)
