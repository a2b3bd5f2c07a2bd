"""Axes: which numbers and dates stand beside them, and where values are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10

import numpy as np

from prelo.core.table import Kind
from prelo.formats.pdf.charts.data import Floats, written
from prelo.formats.pdf.dates import writer_of
from prelo.formats.pdf.locale import Locale

_STEPS, _WHOLE_STEPS = (1, 2, 2.5, 5, 10), (1, 2, 5, 10)
_CLOCK = (
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    14_400,
    21_600,
    43_200,
    86_400,
)
_DAY, _HOUR = 86_400, 3600
_DAYS, _MONTHS = (1, 2, 7, 14), (1, 2, 3, 6)
_MONTH_DAYS, _YEAR_DAYS = 30.4, 365.25
_MOST_DIGITS, _LARGE = 10, 1e15  # beyond, numbers are written with an exponent
_FLAT = 6  # a line is drawn from zero unless it varies by less than a sixth of what it is
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  clocks as the report shows them


@dataclass(frozen=True, slots=True)
class Axis:
    """From the value `low` to `high`; `ticks` with their `labels` stand between."""

    low: float
    high: float
    ticks: tuple[float, ...]
    labels: tuple[str, ...]

    def share(self, values: Floats) -> Floats:
        """Where the values are, from 0 at the low end to 1 at the high one."""
        return (values - self.low) / (self.high - self.low)


def domain(parts: Sequence[Floats], *, zero: bool) -> tuple[float, float]:
    """The lowest and highest of all values, with zero where bars begin there or it is not far away."""
    whole = np.concatenate([part[np.isfinite(part)] for part in parts] or [np.zeros(0)])
    if not len(whole):
        return 0.0, 1.0
    low, high = float(whole.min()), float(whole.max())
    if zero or high - low > max(abs(low), abs(high)) / _FLAT or low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    return (low, high) if high > low else (0.0, 1.0)


def number_axis(bounds: tuple[float, float], most: int, kind: Kind, locale: Locale) -> Axis:
    """An axis of round numbers, at most about `most` of them, that begins and ends with one."""
    low, high = bounds
    step = _step((high - low) / max(most, 1), kind)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    ticks = tuple(number * step for number in range(first, max(last, first + 1) + 1))
    return Axis(ticks[0], ticks[-1], ticks, tuple(written(ticks, _short(kind, step), locale)))


def _step(least: float, kind: Kind) -> float:
    if kind.name in {"duration", "time"} and least <= _CLOCK[-1]:
        return next(float(step) for step in _CLOCK if step >= least)
    if kind.name in {"duration", "time"}:
        return _step(least / _DAY, Kind(name="integer")) * _DAY
    if kind.name == "integer":
        least = max(least, 1.0)
    magnitude = 10.0 ** floor(log10(least))
    steps = _WHOLE_STEPS if kind.name == "integer" and magnitude < 10 else _STEPS  # noqa: PLR2004  one digit
    return next(step * magnitude for step in steps if step * magnitude >= least * (1 - 1e-9))


def _short(kind: Kind, step: float) -> Kind:
    """The kind with as many digits as the step has: no cents beside hundreds."""
    if kind.name not in {"decimal", "number", "money", "percent", "integer"}:
        return kind
    shown = step * (100 if kind.name == "percent" else 1)
    even = (n for n in range(_MOST_DIGITS) if abs(round(shown, n) - shown) <= shown * 1e-9)
    digits = next(even, None)
    if digits is None or shown >= _LARGE:
        return Kind(name="scientific")
    name = kind.name if kind.name in {"money", "percent"} else "decimal"
    return Kind(name=name, digits=digits, currency=kind.currency)


def time_axis(bounds: tuple[float, float], most: int, kind: Kind, locale: Locale) -> Axis:
    """An axis of days, months or hours that are easy to name, at their true distances; seconds since 1970."""
    low, high = bounds
    if high <= low:
        low, high = low - _DAY / 2, high + _DAY / 2
    least = (high - low) / max(most, 1)
    if least <= _DAY / 2 and kind.name == "datetime":
        return _hours(low, high, least, locale)
    ticks, form = _calendar(low, high, least / _DAY)
    written_as = writer_of(form, locale) if form else None
    days = Kind(name="date")
    labels = written(ticks, days, locale, form) if written_as else written(ticks, days, locale)
    return Axis(low, high, tuple(ticks), tuple(labels))


def _hours(low: float, high: float, least: float, locale: Locale) -> Axis:
    step = next(step for step in _CLOCK if step >= least)
    ticks = [number * float(step) for number in range(ceil(low / step), floor(high / step) + 1)]
    clock = written(ticks, Kind(name="datetime"), locale, "hh:mm" if step >= 60 else "hh:mm:ss")  # noqa: PLR2004  seconds
    days = written(ticks, Kind(name="date"), locale)
    labels = [
        day if tick % _DAY == 0 else hour
        for tick, hour, day in zip(ticks, clock, days, strict=True)
    ]
    return Axis(low, high, tuple(ticks), tuple(labels))


def _calendar(low: float, high: float, least: float) -> tuple[list[float], str | None]:
    """Ticks at least so many days apart, and how they are written: as dates if None."""
    first, last = _EPOCH + timedelta(seconds=low), _EPOCH + timedelta(seconds=high)
    if step := next((days for days in _DAYS if days >= least), None):
        start = ceil(low / _DAY)
        start += (4 - start) % 7 if step >= 7 else 0  # noqa: PLR2004  weeks begin on Mondays; 1970 on a Thursday
        return [float(day * _DAY) for day in range(start, floor(high / _DAY) + 1, step)], None
    step = next((months for months in _MONTHS if months * _MONTH_DAYS >= least), 12)
    form = "mmm yyyy"
    if step == 12:  # noqa: PLR2004  months of a year
        step, form = round(12 * _step(least / _YEAR_DAYS, Kind(name="integer"))), "yyyy"
    months = range(
        ceil((first.year * 12 + first.month - 1) / step) * step, last.year * 12 + last.month, step
    )
    stamps = [
        (datetime(number // 12, number % 12 + 1, 1) - _EPOCH).total_seconds()  # noqa: DTZ001  clocks as the report shows them
        for number in months
        if 0 < number // 12 < 10_000  # noqa: PLR2004  the years that a date can have
    ]
    return [stamp for stamp in stamps if low <= stamp <= high], form
