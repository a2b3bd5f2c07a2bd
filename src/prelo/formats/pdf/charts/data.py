"""The columns of a chart as numbers and texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.table import Kind
from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.setting import Colour, color_of
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.text import as_text
from prelo.formats.stream import Field

Floats = npt.NDArray[np.float64]
MOMENTS = {"date", "datetime"}
"""Kinds whose values have a place in time."""
_TIMES = {*MOMENTS, "time"}
_MICROSECONDS, _DAY = 1_000_000, 86_400
_LIMIT = 1e300  # sums and distances of what is below are finite
_NO_CATEGORY = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Series:
    """One column of values, NaN where there is none. Times are in seconds: since 1970, or of the day."""

    title: str
    values: Floats
    kind: Kind
    form: str | None
    color: Colour

    def taken(self, rows: npt.NDArray[np.int64]) -> "Series":
        return Series(self.title, self.values[rows], self.kind, self.form, self.color)


def check(chart: Chart, fields: Sequence[Field]) -> None:
    """Raises ColumnMissing for a column that the table does not have, FormatFailed for one that holds no
    numbers where the chart needs some.
    """
    known = {field.name: field for field in fields}
    for name in (chart.x, *chart.y, *chart.lines):
        if name not in known:
            raise ColumnMissing(
                f"a chart names the column '{name}', which the table does not show; it shows: "
                f"{', '.join(known)}"
            )
    for name in (*chart.y, *chart.lines, *([chart.x] if chart.type == "scatter" else [])):
        kind = known[name].kind
        if not kind.numeric and kind.name not in _TIMES:
            raise FormatFailed(
                f"a chart draws the values of '{name}', which is a {kind}; it needs a column of numbers"
            )


def series_of(table: pl.DataFrame, field: Field, number: int) -> Series:
    """The values of a column; infinite ones are none."""
    values = numbers(table[field.name], field.kind)
    return Series(field.title, values, field.kind, field.column.format, color_of(number))


def numbers(values: pl.Series, kind: Kind) -> Floats:
    """The values as floats, NaN for what is none."""
    if kind.name == "date":
        values = values.cast(pl.Datetime("us"))
    if kind.name in MOMENTS:
        out = values.cast(pl.Datetime("us")).to_physical().cast(pl.Float64) / _MICROSECONDS
    elif kind.name == "time":
        out = values.to_physical().cast(pl.Float64) / 1e9
    elif kind.name == "duration":
        out = values.dt.total_microseconds().cast(pl.Float64) / _MICROSECONDS
    else:
        out = values.cast(pl.Float64, strict=False)
    floats = out.fill_null(float("nan")).to_numpy().astype(np.float64)
    return np.where(np.abs(floats) < _LIMIT, floats, np.nan)


def written(
    values: Sequence[float], kind: Kind, locale: Locale, form: str | None = None
) -> list[str]:
    """Numbers as `numbers` made them, written as their kind and locale say."""
    plain: Any = pl.Series(list(values), dtype=pl.Float64)
    if kind.name in MOMENTS:
        plain = (plain * _MICROSECONDS).round().cast(pl.Int64).cast(pl.Datetime("us"))
        plain = plain.cast(pl.Date) if kind.name == "date" else plain
    elif kind.name == "time":
        plain = ((plain % _DAY) * 1e9).round().cast(pl.Int64).cast(pl.Time)
    elif kind.name == "duration":
        plain = (plain * _MICROSECONDS).round().cast(pl.Int64).cast(pl.Duration("us"))
    return as_text(plain, kind, locale, form).to_list()


def categories(values: pl.Series, field: Field, locale: Locale) -> list[str]:
    """The names of categories; a dash for those that have none."""
    texts = as_text(values, field.kind, locale, field.column.format)
    return [" ".join(text.split()) or _NO_CATEGORY for text in texts]
