"""Values as text, by kind and locale: whole columns at a time.

Fixed digits are rounded half away from zero, as spreadsheets show them and people expect; a float is
taken for the decimal it prints as (2.675 is 2.68). Decimals and integers never pass through a float.
NULL is the empty string, NaN and infinity are shown as such, times of day end at the second.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import cast

import numpy as np
import polars as pl

from prelo.core.table import Kind
from prelo.formats.pdf import dates, digits
from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.locale import Locale, Notation

_DATES = {"date", "datetime"}
_EXACT_FLOAT = 2**53
_NUDGE_LIMIT = 1e12  # above it, lifting a float by two ulps could change its last digit
_PLAIN_FLOAT = 1e15  # from here on a float is written with its exponent
_FLOAT_DIGITS = 2  # of a float whose kind does not say
_SCIENTIFIC_DIGITS = 2
_FEW = 32  # up to here one by one is faster
_TABLE, _STEP = 8192, 1024  # the longest range that is written once, and what ranges are rounded to
_EXACT = Context(prec=120)


def as_text(values: pl.Series, kind: Kind, locale: Locale, form: str | None = None) -> pl.Series:
    """`values`, of a type that conform() gives this kind, as a String column without NULLs.

    `form` is the column's own spreadsheet format, which dates follow.
    """
    own = dates.writer_of(form, locale) if form and kind.name in _DATES else None
    text = own(values) if own else _WRITERS[kind.name](values, kind, locale)
    return text.fill_null("") if text.null_count() else text


def _text(values: pl.Series, _kind: Kind, _locale: Locale) -> pl.Series:
    return values


def _integer(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    return _fixed(values, 0, 0, locale.number)


def _decimal(values: pl.Series, kind: Kind, locale: Locale) -> pl.Series:
    return _fixed(values, _places(values, kind, 0), 0, locale.number)


def _money(values: pl.Series, kind: Kind, locale: Locale) -> pl.Series:
    notation, places = locale.money(kind.currency or "")
    return _fixed(values, places if kind.digits is None else kind.digits, 0, notation)


def _percent(values: pl.Series, kind: Kind, locale: Locale) -> pl.Series:
    return _fixed(values, _places(values, kind, 2), 2, locale.percent)


def _number(values: pl.Series, kind: Kind, locale: Locale) -> pl.Series:
    if values.dtype.is_float():
        return _shortest(values, locale.number)
    return _decimal(values, kind, locale)


def _scientific(values: pl.Series, kind: Kind, locale: Locale) -> pl.Series:
    # Rare, and the one kind that is written value by value.
    wanted = _SCIENTIFIC_DIGITS if kind.digits is None else kind.digits
    texts = [None if v is None else f"{v:.{wanted}E}" for v in values]
    return pl.Series(texts, dtype=pl.String).str.replace(".", locale.number.decimal, literal=True)


def _boolean(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    words = {True: locale.words.yes, False: locale.words.no}
    return values.replace_strict(words, return_dtype=pl.String)


def _date(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    days = values.to_physical()
    first, count = _spanned(days)
    if len(days) <= _FEW or count > _TABLE:
        return values.dt.strftime(locale.date)
    return _days(first, count, locale.date).gather(days - first)


@lru_cache(maxsize=16)
def _days(first: int, count: int, form: str) -> pl.Series:
    """Every day from `first` (since 1970) on."""
    days = np.arange(first, first + count, dtype=np.int32)
    return pl.Series(days).cast(pl.Date).dt.strftime(form)


def _spanned(numbers: pl.Series) -> tuple[int, int]:
    """The range of the numbers, made a little larger so that one frame's is often the next one's: where it
    begins and how long it is.
    """
    low, high = (cast("int", bound or 0) for bound in (numbers.min(), numbers.max()))
    first = low // _STEP * _STEP
    return first, (high - first) // _STEP * _STEP + _STEP


def _datetime(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    return values.dt.strftime(f"{locale.date} {locale.time}")


def _time(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    return values.dt.strftime(locale.time)


def _duration(values: pl.Series, _kind: Kind, locale: Locale) -> pl.Series:
    """Hours without end, minutes and seconds: 26:04:05."""
    seconds = pl.col("s").abs()
    minus = pl.when(pl.col("s") < 0).then(pl.lit(locale.number.minus)).otherwise(pl.lit(""))
    sixtieths = [part.cast(pl.String).str.zfill(2) for part in (seconds // 60 % 60, seconds % 60)]
    clock = [(seconds // 3600).cast(pl.String), *sixtieths]
    text = minus + pl.concat_str(clock, separator=":")
    return pl.DataFrame({"s": values.dt.total_seconds()}).select(text).to_series()


_WRITERS: dict[str, Callable[[pl.Series, Kind, Locale], pl.Series]] = {
    "integer": _integer, "decimal": _decimal, "number": _number, "money": _money, "percent": _percent,
    "scientific": _scientific, "boolean": _boolean, "date": _date, "datetime": _datetime, "time": _time,
    "duration": _duration, "text": _text, "code": _text, "link": _text,
}  # fmt: skip


def _places(values: pl.Series, kind: Kind, shift: int) -> int:
    """Digits after the decimal sign where the kind does not say: those of the data."""
    if kind.digits is not None:
        return kind.digits
    if isinstance(values.dtype, pl.Decimal):
        return max(values.dtype.scale - shift, 0)
    return max(_FLOAT_DIGITS - shift, 0) if values.dtype.is_float() else 0


def _fixed(values: pl.Series, places: int, shift: int, notation: Notation) -> pl.Series:
    """`values * 10**shift` with `places` decimals."""
    scaled = _scaled(values, places + shift) if len(values) > _FEW else None
    if scaled is None:
        return _fixed_one_by_one(values, places, shift, notation)
    valid = values.is_not_null().to_numpy() if values.null_count() else None
    numbers = pl.Series(scaled)
    first, count = _spanned(numbers)
    if count > _TABLE:
        return digits.as_text(scaled, valid, places, notation)
    text = _numbers(first, count, places, notation).gather(numbers - first)
    return text if valid is None else text.zip_with(pl.Series(valid), pl.Series([""]))


@lru_cache(maxsize=16)
def _numbers(first: int, count: int, places: int, notation: Notation) -> pl.Series:
    """Every number from `first` on: quantities, rates and ages are written once, not once a row."""
    return digits.as_text(np.arange(first, first + count), None, places, notation)


def _scaled(values: pl.Series, wanted: int) -> Ints | None:
    """`values * 10**wanted`, rounded, NULL as 0; None if one of them is too large or not finite."""
    if values.dtype.is_float():
        return _scaled_float(values.cast(pl.Float64), wanted)
    if isinstance(values.dtype, pl.Decimal):
        scale = values.dtype.scale
        if wanted < scale:
            values = values.round(wanted, mode="half_away_from_zero")
        whole = values.to_physical()
        # to_physical() is the value in units of its scale; bring the units to the wanted ones.
        whole = whole // 10 ** (scale - wanted) if wanted < scale else whole
        factor = 10 ** max(wanted - scale, 0)
    else:
        whole, factor = values, 10**wanted
    out = whole.cast(pl.Int64, strict=False)
    if out.null_count() > values.null_count() or factor >= digits.LIMIT:
        return None
    numbers = out.fill_null(0).to_numpy()
    bound = digits.LIMIT // factor
    if len(numbers) and (int(numbers.max()) >= bound or int(numbers.min()) <= -bound):
        return None
    return numbers * factor if factor > 1 else numbers


def _scaled_float(values: pl.Series, wanted: int) -> Ints | None:
    numbers = values.fill_null(0.0).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        large = np.abs(numbers) * 10.0**wanted
    if not (np.isfinite(large).all() and (large < _EXACT_FLOAT).all()):
        return None
    nudged = np.where(large < _NUDGE_LIMIT, large * (1 + 2.0**-51), large)
    return (np.floor(nudged + 0.5) * np.sign(numbers)).astype(np.int64)


def _fixed_one_by_one(values: pl.Series, places: int, shift: int, notation: Notation) -> pl.Series:
    """The same for a few values, for some beyond 10**18 units, and for those that are not finite."""

    def one(value: float | Decimal | None) -> str | None:
        if value is None:
            return None
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not exact.is_finite():
            return _not_finite(float(exact), notation)
        scaled = exact.scaleb(places + shift, _EXACT).to_integral_value(ROUND_HALF_UP, _EXACT)
        return digits.one_as_text(int(scaled), places, notation)

    return pl.Series([one(value) for value in values], dtype=pl.String)


def _not_finite(value: float, notation: Notation) -> str:
    if value != value:  # noqa: PLR0124  only NaN differs from itself
        return "NaN"
    return "∞" if value > 0 else f"{notation.minus}∞"


def _shortest(values: pl.Series, notation: Notation) -> pl.Series:
    """Each float with as few digits as tell it from its neighbours."""
    values = values.cast(values.dtype)
    plain = (values.abs() < _PLAIN_FLOAT).fill_null(value=False)
    whole = values.abs().set(~plain, 0).fill_null(0).cast(pl.Int64).to_numpy()
    unsigned = digits.as_text(whole, None, 0, replace(notation, minus=""))
    v, text = pl.col("v"), pl.col("v").cast(pl.String)
    fraction = text.str.extract(r"\.(\d+)$").fill_null("0")
    tail = pl.when(fraction == "0").then(pl.lit("")).otherwise(pl.lit(notation.decimal) + fraction)
    minus = pl.when(v < 0).then(pl.lit(notation.minus)).otherwise(pl.lit(""))
    exponent = text.str.replace(".", notation.decimal, literal=True)
    chosen = (
        pl.when(v.is_nan()).then(pl.lit("NaN"))
        .when(v.is_infinite()).then(minus + pl.lit("∞"))
        .when(text.str.contains("e", literal=True) | ~pl.col("plain")).then(exponent)
        .when(v.is_not_null()).then(pl.concat_str([minus, pl.col("whole"), tail]))
    )  # fmt: skip
    frame = pl.DataFrame({"v": values, "plain": plain, "whole": unsigned})
    return frame.select(chosen).to_series()
