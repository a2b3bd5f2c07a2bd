"""A summary: one row for each group of the data, added up while the rows stream by."""

from collections.abc import Sequence

import polars as pl

from prelo.core.errors import FormatFailed
from prelo.core.table import Column, Kind
from prelo.core.workbook import Summary, Total
from prelo.formats.stream import Field, Stream
from prelo.formats.words import words_of

_MOST_GROUPS = 200_000  # all of them are in memory
_HELD = 50_000  # rows of partial sums that are kept before they are added up
_NOT_SUMMED = {"date", "datetime", "time", "boolean", "text", "code", "link"}
_NOT_ORDERED = {"boolean", "text", "code", "link"}
_NAMES: tuple[Total, ...] = ("sum", "count", "min", "max", "mean")


class Summing:
    """Adds up the frames of one stream as a Summary asks. Raises FormatFailed for a total that a column
    cannot have, and for more than 200,000 groups.
    """

    def __init__(self, summary: Summary, stream: Stream) -> None:
        self.summary = summary
        self._groups = [stream.field(name) for name in summary.by]
        self._values: list[tuple[Field, Total]] = [
            (stream.field(name), total)
            for name, totals in summary.values.items()
            for total in totals
        ]
        for field, total in self._values:
            _check(field, total)
        self._parts: list[pl.DataFrame] = []
        self._held = self._order = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the rows of one frame."""
        if not frame.height:
            return
        frame = frame.cast({pl.Float32: pl.Float64})  # 32 bits add up to 7 digits only
        part = frame.group_by(self.summary.by, maintain_order=True).agg(self._partial())
        self._parts.append(part)
        self._held += part.height
        if self._held > _HELD:
            self._merge()

    def result(self) -> pl.DataFrame:
        """The summary's rows, sorted and cut as asked."""
        names = [*self.summary.by, *(name for name, _, _ in self._columns())]
        if not self._parts:
            return pl.DataFrame(schema=dict.fromkeys(names, pl.String))
        self._merge()
        done = self._parts[0].select(
            *self.summary.by, *(self._final(f, t).alias(n) for n, f, t in self._columns())
        )
        if self.summary.sort == "group":
            done = done.sort(self.summary.by, nulls_last=True, maintain_order=True)
        elif self.summary.sort == "value":
            first = self._columns()[0][0]
            done = done.sort(first, descending=True, nulls_last=True, maintain_order=True)
        return done.head(self.summary.top) if self.summary.top else done

    def columns(self, locale: str) -> dict[str, Column]:
        """The summary's columns by name, as those of the data they come from; the words are the locale's."""
        columns = {field.name: _plain(field) for field in self._groups}
        for name, field, total in self._columns():
            columns[name] = self._column(name, field, total, locale)
        return columns

    def _column(self, name: str, field: Field | None, total: Total, locale: str) -> Column:
        words = words_of(locale)
        adds = "sum" if total in {"sum", "count"} and not self.summary.top else None
        if field is None:
            return Column(words.rows, kind=Kind(name="integer"), total=adds)
        said = dict(zip(_NAMES, words.totals, strict=True))[total]
        alone = name == field.name and total == "sum"
        title = field.title if alone else f"{field.title} ({said})"
        kind = field.kind
        if total == "count":
            kind = Kind(name="integer")
        elif total == "mean" and kind.name == "integer":
            kind = Kind(name="decimal", digits=2)
        elif total == "sum" and kind.name == "integer":
            kind = Kind(name="decimal", digits=0)  # as a whole number, of up to 38 digits
        own = None if total == "count" else field.column.format
        return Column(title, kind=kind, format=own, total=adds)

    def _columns(self) -> Sequence[tuple[str, Field | None, Total]]:
        """The columns after those of the groups: the number of rows where no values are asked for."""
        if not self._values:
            return [("rows", None, "count")]
        several = {name for name, totals in self.summary.values.items() if len(totals) > 1}
        taken = set(self.summary.by)
        named: list[tuple[str, Field | None, Total]] = [
            (f"{f.name} {total}" if f.name in several | taken else f.name, f, total)
            for f, total in self._values
        ]
        return named

    def _partial(self) -> list[pl.Expr]:
        out = [pl.len().cast(pl.Int64).alias("\0rows")]
        for field in {f.name: f for f, _ in self._values}.values():
            c = _finite(field)
            out.append(c.count().cast(pl.Int64).alias(f"\0count {field.name}"))
            totals = self.summary.values[field.name]
            if "sum" in totals or "mean" in totals:
                out.append(_wide(c, field).sum().alias(f"\0sum {field.name}"))
            out += [
                getattr(c, total)().alias(f"\0{total} {field.name}")
                for total in ("min", "max")
                if total in totals
            ]
        return out

    def _merge(self) -> None:
        whole = pl.concat(self._parts, how="vertical_relaxed")
        names = [name for name in whole.columns if name not in self.summary.by]
        merged = [getattr(pl.col(name), _joined_by(name))() for name in names]
        self._parts = [whole.group_by(self.summary.by, maintain_order=True).agg(merged)]
        self._held = self._parts[0].height
        if self._held > _MOST_GROUPS:
            raise FormatFailed(
                f"the summary by {', '.join(self.summary.by)} has more than {_MOST_GROUPS:,} groups; "
                "summarize by a column of fewer values"
            )

    def _final(self, field: Field | None, total: Total) -> pl.Expr:
        if field is None:
            return pl.col("\0rows")
        if total == "mean":
            count, added = pl.col(f"\0count {field.name}"), pl.col(f"\0sum {field.name}")
            if field.kind.name == "duration":
                return (
                    (added.dt.total_microseconds() / count).cast(pl.Int64).cast(pl.Duration("us"))
                )
            return added.cast(pl.Float64) / count
        if total == "sum" and field.kind.name == "integer":
            return pl.col(f"\0sum {field.name}").cast(pl.Decimal(38, 0))
        return pl.col(f"\0{total} {field.name}")


def _check(field: Field, total: Total) -> None:
    refused = _NOT_SUMMED if total in {"sum", "mean"} else _NOT_ORDERED
    if total != "count" and field.kind.name in refused:
        raise FormatFailed(
            f"the summary asks for the {total} of the column '{field.name}', which is a {field.kind}; "
            "ask for its count"
        )


def _finite(field: Field) -> pl.Expr:
    """NaN and infinity are empty cells, and so no part of a total."""
    c = pl.col(field.name)
    if field.kind.name in {"number", "decimal", "money", "percent", "scientific"}:
        return pl.when(c.cast(pl.Float64, strict=False).is_finite()).then(c)
    return c


def _wide(c: pl.Expr, field: Field) -> pl.Expr:
    return c.cast(pl.Int128) if field.kind.name == "integer" else c


def _joined_by(name: str) -> str:
    word = name[1:].partition(" ")[0]
    return word if word in {"min", "max"} else "sum"


def _plain(field: Field) -> Column:
    """A group's column as in the data, without what belongs to the data's own sheet."""
    c = field.column
    return Column(title=field.title, kind=field.kind, format=c.format, align=c.align)
