"""Groups of sorted rows: where each begins and ends, and exact running totals of those still open.

Level 0 is the whole table; level n is one run of equal values in the first n columns of `group_by`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.core.table import Kind
from prelo.formats.pdf.arrow import Flags, Ints
from prelo.formats.stream import Field

_RUN, _GROUP = "\0run", "\0group"
_INTEGER = Kind(name="integer")
_MEAN_DIGITS = 2  # of the mean of integers
_MEAN_SCALE = 12  # decimals a mean is computed with, before it is rounded for show


@dataclass(frozen=True, slots=True)
class Closed:
    """Groups of one level that have ended: before which row each, its value, and its totals by field."""

    before: Ints
    group: pl.Series | None
    totals: dict[str, pl.Series]


class Totals:
    """The totals of one level, fed frame by frame; only the open group is kept, in one row."""

    def __init__(self, fields: Sequence[Field], group: str | None) -> None:
        self._fields = [f for f in fields if f.column.total]
        self._group = group
        self._open: pl.DataFrame | None = None

    def feed(self, frame: pl.DataFrame, begins: Flags) -> Closed:
        """Take a frame whose rows begin a group where told; the groups that ended with it."""
        runs = pl.Series(_RUN, np.cumsum(begins))
        parts = (
            frame.with_columns(runs)
            .group_by(_RUN, maintain_order=True)
            .agg(self._partials())
            .drop(_RUN)
        )
        starts = np.flatnonzero(begins)
        if self._open is None:
            starts = starts[1:]
        elif begins[0]:
            parts = pl.concat([self._open, parts])
        else:
            first = pl.concat([self._open, parts[:1]]).select(self._combined())
            parts = pl.concat([first, parts[1:]])
        self._open = parts[-1:]
        return self._closed(parts[:-1], starts)

    def end(self, row: int) -> Closed:
        """The open group, closed before `row`. Only after a feed."""
        assert self._open is not None  # noqa: S101
        return self._closed(self._open, np.array([row]))

    def _partials(self) -> list[pl.Expr]:
        out = [pl.col(self._group).first().alias(_GROUP)] if self._group else []
        for number, field in enumerate(self._fields):
            c, total = pl.col(field.name), field.column.total
            if total in {"sum", "mean"}:
                out.append(_widened(c, field).sum().alias(f"sum{number}"))
            if total in {"count", "mean"}:
                out.append(c.count().cast(pl.Int64).alias(f"count{number}"))
            if total in {"min", "max"}:
                out.append((c.min() if total == "min" else c.max()).alias(f"{total}{number}"))
        return out

    def _combined(self) -> list[pl.Expr]:
        by = {"min": pl.Expr.min, "max": pl.Expr.max, "sum": pl.Expr.sum, "count": pl.Expr.sum}
        out = [pl.col(_GROUP).first()] if self._group else []
        for number, field in enumerate(self._fields):
            total = field.column.total or ""
            parts = ("sum", "count") if total == "mean" else (total,)
            out.extend(by[part](pl.col(f"{part}{number}")) for part in parts)
        return out

    def _closed(self, done: pl.DataFrame, before: Ints) -> Closed:
        totals = {
            f.name: _mean(done[f"sum{n}"], done[f"count{n}"])
            if f.column.total == "mean"
            else done[f"{f.column.total}{n}"]
            for n, f in enumerate(self._fields)
        }
        return Closed(before, done[_GROUP] if self._group else None, totals)


def _widened(c: pl.Expr, field: Field) -> pl.Expr:
    """Integers are added in 128 bits: a sum of 64-bit ones may not fit them."""
    return c.cast(pl.Int128) if field.kind.name == "integer" else c


def _mean(total: pl.Series, count: pl.Series) -> pl.Series:
    """Exact for decimals and integers, to _MEAN_SCALE digits; NULL of no values."""
    count = count.set(count == 0, None)
    if total.dtype.is_float():
        return total / count
    if isinstance(total.dtype, pl.Duration):
        return total // count
    wide = pl.DataFrame({"s": total, "n": count}).select(
        pl.col("s").cast(pl.Decimal(38, _MEAN_SCALE)) / pl.col("n").cast(pl.Decimal(38, 0))
    )
    return wide.to_series()


def total_kind(field: Field) -> Kind:
    """How the total of a column is written: as its values, a count as an integer."""
    total, kind = field.column.total, field.kind
    if total == "count":
        return _INTEGER
    if total == "mean" and kind.name == "integer":
        return Kind(name="decimal", digits=_MEAN_DIGITS)
    return kind


class Boundaries:
    """Where groups begin, across frames."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._last: pl.DataFrame | None = None

    def begins(self, frame: pl.DataFrame) -> list[Flags]:
        """For each level from 1 on, which rows of the frame begin a group."""
        keys = frame.select(self._names)
        known = keys if self._last is None else pl.concat([self._last, keys])
        changed = known.select(pl.all().ne_missing(pl.all().shift(1)))
        out: list[Flags] = []
        begun = np.zeros(len(known), np.bool_)
        begun[0] = self._last is None
        for name in self._names:
            here = changed[name].to_numpy().copy()
            here[0] = self._last is None
            begun = begun | here
            out.append(begun[len(known) - len(keys) :])
        self._last = keys[-1:]
        return out
