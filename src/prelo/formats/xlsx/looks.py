"""How each column looks: its number format, alignment and width, from its kind and the first rows."""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from textwrap import wrap

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_precision, get_currency_symbol
from xlsxwriter.utility import xl_pixel_width

from prelo.core.table import Align, Kind
from prelo.formats.stream import BATCH_ROWS, Field

_DIGIT_PIXELS = 7  # of the default font, Calibri 11
_PADDING = 2.7  # an indent of one step, and a little air
_FILTER_BUTTON = 2.5
_BOLD = 1.08
_NARROWEST, _WIDEST, _WIDEST_TITLE = 6.0, 50.0, 20
_LARGEST_GENERAL = 11  # Excel's General shows no more characters of a number
_MOST_HEADER_LINES = 4

_FIXED = {
    "integer": "#,##0",
    "number": "General",
    "boolean": '"TRUE";"TRUE";"FALSE"',  # Excel shows its own words; LibreOffice would show 1 and 0
    "date": "yyyy-mm-dd",
    "datetime": "yyyy-mm-dd hh:mm:ss",
    "time": "hh:mm:ss",
    "duration": "[h]:mm:ss",
    "text": "General",
    "code": "@",
    "link": "General",
}
_DEFAULT_DIGITS = {"decimal": 2, "percent": 1, "scientific": 2}


@dataclass(frozen=True, slots=True)
class Look:
    """What the frame needs to know of a column. `total_format` is the number format of its total."""

    title: str
    number_format: str
    align: Align
    wrap: bool
    link: bool
    total_format: str


def look(field: Field, locale: str) -> Look:
    """The look of a column; its own `format` and `align` go before those of its kind."""
    column = field.column
    shown = column.format or number_format(field.kind, locale)
    total = shown
    if column.total == "count":
        total = "#,##0"
    elif column.total == "mean" and field.kind.name == "integer" and not column.format:
        total = "#,##0.00"
    align = column.align or field.kind.align
    return Look(field.title, shown, align, column.wrap, field.kind.name == "link", total)


def number_format(kind: Kind, locale: str) -> str:
    """The spreadsheet number format of a kind (ECMA-376 18.8.30), in the file's neutral notation:
    Excel shows its own user's separators.
    """
    if kind.name in _FIXED:
        return _FIXED[kind.name]
    if kind.name == "money":
        before, after = affixes(kind.currency or "", locale)
        return f"{_literal(before)}#,##0{_point(digits(kind))}{_literal(after)}"
    places = _point(digits(kind))
    return {"decimal": f"#,##0{places}", "percent": f"0{places}%"}.get(kind.name, f"0{places}E+00")


def digits(kind: Kind) -> int:
    """Digits after the point as shown."""
    if kind.digits is not None:
        return kind.digits
    if kind.name == "money":
        return get_currency_precision(kind.currency or "")
    return _DEFAULT_DIGITS.get(kind.name, 0)


@lru_cache(maxsize=256)
def affixes(currency: str, locale: str) -> tuple[str, str]:
    """What stands before and after an amount of money in `locale` (Unicode CLDR)."""
    try:
        known = Locale.parse(locale, sep="-")
    except (UnknownLocaleError, ValueError):
        known = Locale("en", "US")
    pattern = known.currency_formats["standard"]
    symbol = get_currency_symbol(currency, known)
    before, after = (
        re.sub("[\u200e\u200f\u061c]", "", text).replace("¤", symbol)
        for text in (pattern.prefix[0], pattern.suffix[0])
    )
    if before[-1:].isalpha():  # CLDR: a symbol that ends in a letter keeps a space from the number
        before += "\u00a0"
    return before, after


def _literal(text: str) -> str:
    return f'"{text}"' if text else ""


def _point(places: int) -> str:
    return "." + "0" * places if places else ""


def fit(
    fields: tuple[Field, ...], first: pl.DataFrame, locale: str, *, filtered: bool
) -> list[float]:
    """Widths in characters that show each title and every value of the first frame."""
    texts = _longest_texts(fields, first)
    widths: list[float] = []
    for field in fields:
        if field.column.width is not None:
            widths.append(field.column.width)
            continue
        if field.name in texts:
            widest = max((text_width(line) for line in texts[field.name]), default=0)
        else:
            widest = _widest_value(field, first[field.name], locale)
        title = min(text_width(field.title) * _BOLD, _WIDEST_TITLE) + (
            _FILTER_BUTTON if filtered else 0
        )
        widths.append(round(max(_NARROWEST, title, min(widest, _WIDEST)) + _PADDING, 2))
    return widths


def _longest_texts(fields: tuple[Field, ...], first: pl.DataFrame) -> dict[str, list[str]]:
    """Some lines of the longest few texts of each column: the widest is nearly always among them."""
    names = [f.name for f in fields if first.schema[f.name] == pl.String and f.column.width is None]
    longest = first.select(pl.col(name).top_k_by(pl.col(name).str.len_chars(), 5) for name in names)
    return {
        name: [line[:100] for text in longest[name] if text for line in text[:2000].splitlines()]
        for name in names
    }


def header_lines(titles: list[str], widths: list[float], *, filtered: bool) -> int:
    """How many lines the header needs, as long titles wrap within their columns."""
    room = _PADDING / 2 + (_FILTER_BUTTON if filtered else 0)
    lines = (
        sum(len(wrap(line, max(1, int((width - room) / _BOLD)))) for line in title.splitlines())
        for title, width in zip(titles, widths, strict=True)
    )
    return max(1, min(max(lines, default=1), _MOST_HEADER_LINES))


def text_width(text: str) -> float:
    """The width of a text in widths of a digit; East Asian characters count two."""
    wide = len(_EAST_ASIAN.findall(text))
    return xl_pixel_width(text) / _DIGIT_PIXELS + wide * (2 - 8 / _DIGIT_PIXELS)


_EAST_ASIAN = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
)


def _widest_value(field: Field, first: pl.Series, locale: str) -> float:
    name = field.kind.name
    fixed = {"date": 10.5, "datetime": 18.5, "time": 8, "duration": 10, "boolean": 6}.get(name)
    if fixed:
        return fixed
    low, high = first.min(), first.max()
    if low is None or high is None:
        return 0
    values = [float(v) for v in (low, high) if isfinite(v)]  # pyright: ignore[reportArgumentType]
    if field.column.total == "sum":
        values.append(_likely_total(first))
    return max((_shown_length(v, field.kind, locale) for v in values), default=0)


def _likely_total(first: pl.Series) -> float:
    """The sum of all the data is not known yet; a full first frame means that more follows."""
    total = float(first.cast(pl.Float64).sum())
    total = total if isfinite(total) else 0.0
    return total * 1000 if len(first) >= BATCH_ROWS else total


def _shown_length(value: float, kind: Kind, locale: str) -> float:
    if kind.name == "number":
        return min(len(repr(value)), _LARGEST_GENERAL)
    if kind.name == "scientific":
        return digits(kind) + 7
    if kind.name == "percent":
        return len(f"{value * 100:.{digits(kind)}f}%") + 1
    affix = "".join(affixes(kind.currency or "", locale)) if kind.name == "money" else ""
    return len(f"{value:,.{digits(kind)}f}{affix}")
