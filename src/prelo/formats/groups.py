"""Groups of sorted rows: where each begins and ends, and exact running totals of those still open.

Groups nest: one of a column is a run of equal values in it and in those before it in `group_by`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.core.errors import FormatFailed
from prelo.formats.stream import Field

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Mean = Callable[[pl.Series, pl.Series], pl.Series]
"""Makes means from sums and counts; NULL of no values."""

_RUN, _GROUP = "\0run", "\0group"
_MEAN_SCALE = 12  # decimals a mean is computed with, before it is rounded for show
_NO_VALUE = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Closed:
    """Groups of one level that have ended: before which row each, its value, and its totals by field."""

    before: Ints
    group: pl.Series | None
    totals: dict[str, pl.Series]


def exact_mean(total: pl.Series, count: pl.Series) -> pl.Series:
    """Exact for decimals and integers, to 12 digits after the point."""
    count = count.set(count == 0, None)
    if total.dtype.is_float():
        return total / count
    if isinstance(total.dtype, pl.Duration):
        return total // count
    wide = pl.DataFrame({"s": total, "n": count}).select(
        pl.col("s").cast(pl.Decimal(38, _MEAN_SCALE)) / pl.col("n").cast(pl.Decimal(38, 0))
    )
    return wide.to_series()


def float_mean(total: pl.Series, count: pl.Series) -> pl.Series:
    """The mean as a spreadsheet holds it."""
    return total.cast(pl.Float64) / count.set(count == 0, None)


class Totals:
    """The totals of one level, fed frame by frame; only the open group is kept, in one row.

    A group's value is that of the column `group` in its first row; None: it has none.
    """

    def __init__(self, fields: Sequence[Field], group: str | None, mean: Mean = exact_mean) -> None:
        self._fields = [f for f in fields if f.column.total]
        self._group = group
        self._mean = mean
        self._open: pl.DataFrame | None = None
        for field in self._fields:
            if field.column.total in {"sum", "mean"} and not field.kind.numeric:
                raise FormatFailed(
                    f"the column '{field.name}' is a {field.kind}, which has no {field.column.total}; use "
                    "total: count, or none"
                )

    def feed(self, frame: pl.DataFrame, begins: Flags) -> Closed:
        """Take a frame whose rows begin a group where told; the groups that ended with it."""
        parts = self._partial(frame, begins)
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
        """The open group, closed before `row`; the next row fed begins another. Only after a feed."""
        assert self._open is not None  # noqa: S101  a frame has gone before
        ended, self._open = self._open, None
        return self._closed(ended, np.array([row]))

    def _partial(self, frame: pl.DataFrame, begins: Flags) -> pl.DataFrame:
        """The groups of one frame, in a row each."""
        if not begins[1:].any():
            return frame.select(self._partials(frame.schema))
        runs = pl.Series(_RUN, np.cumsum(begins)).set_sorted()
        runs = frame.with_columns(runs).group_by(_RUN, maintain_order=True)
        return runs.agg(self._partials(frame.schema)).drop(_RUN)

    def _partials(self, schema: pl.Schema) -> list[pl.Expr]:
        out = [pl.col(self._group).first().alias(_GROUP)] if self._group else []
        for number, field in enumerate(self._fields):
            c, total = pl.col(field.name), field.column.total
            if total in {"sum", "mean"}:
                # Integers are added in 128 bits: a sum may not fit the type of its parts.
                wide = c.cast(pl.Int128) if schema[field.name].is_integer() else c
                out.append(wide.sum().alias(f"sum{number}"))
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
            f.name: self._mean(done[f"sum{n}"], done[f"count{n}"])
            if f.column.total == "mean"
            else done[f"{f.column.total}{n}"]
            for n, f in enumerate(self._fields)
        }
        return Closed(before, done[_GROUP] if self._group else None, totals)


class Boundaries:
    """Where groups begin, across frames."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._last: pl.DataFrame | None = None

    def begins(self, frame: pl.DataFrame) -> list[Flags]:
        """For each column, from the outermost in, which rows of the frame begin a group."""
        found = self.look(frame)
        self.pass_by(frame)
        return found

    def look(self, frame: pl.DataFrame) -> list[Flags]:
        """As `begins`, for a frame of which perhaps not every row will be taken."""
        keys = frame.select(self._names)
        known = keys if self._last is None else pl.concat([self._last, keys])
        changed = known.select(pl.all().ne_missing(pl.all().shift(1)))
        out: list[Flags] = []
        begun = np.zeros(len(known), np.bool_)
        for name in self._names:
            here = changed[name].to_numpy().copy()
            here[0] = self._last is None
            begun = begun | here
            out.append(begun[len(known) - len(keys) :])
        return out

    def pass_by(self, taken: pl.DataFrame) -> None:
        """The rows that were taken; the next frame goes on after them."""
        self._last = taken.select(self._names)[-1:]


def labelled(values: pl.Series, before: str, after: str = "") -> pl.Series:
    """The texts of groups between two words, each in one line; an empty one is a dash."""
    frame = pl.DataFrame({"v": values.str.replace_all("\n", " ", literal=True)})
    value = pl.when(pl.col("v") == "").then(pl.lit(_NO_VALUE)).otherwise("v")
    return frame.select(pl.lit(before) + value + pl.lit(after)).to_series()
