"""How each column looks: its number format, alignment and width, from its kind and the first rows."""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, isfinite

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.numbers import get_currency_precision, get_currency_symbol
from xlsxwriter.utility import xl_pixel_width

from prelo.core.errors import FormatFailed
from prelo.core.table import Align, Kind
from prelo.formats.stream import BATCH_ROWS, Field
from prelo.formats.words import words_of
from prelo.formats.xlsx.cells import longest

_DIGIT_PIXELS = 7  # of the default font, Calibri 11
_PADDING = 2.7  # an indent of one step, and a little air
_FILTER_BUTTON = 2.5
_BOLD = 1.08
_NARROWEST, _WIDEST, _WIDEST_TITLE = 6.0, 50.0, 20
_LARGEST_GENERAL = 11  # Excel's General shows no more characters of a number
_MOST_HEADER_LINES = 4
_LONGEST_DATE = 10  # 31/12/2026; a form such as d/m/yyyy says less

_FIXED = {
    "integer": "#,##0",
    "number": "General",
    "time": "hh:mm:ss",
    "duration": "[h]:mm:ss",
    "text": "General",
    "code": "@",
    "link": "General",
}
_ISO_DATE = "yyyy-mm-dd"
_DATE_PARTS = {
    "d": "d",
    "dd": "dd",
    "M": "m",
    "MM": "mm",
    "y": "yyyy",
    "yy": "yyyy",
    "yyyy": "yyyy",
}
_LONGEST_FORMAT = 255  # ECMA-376 18.8.30, and what Excel opens
_CONTROL = re.compile("[\x00-\x1f\ufffe\uffff]")
_MARKS = re.compile("[\u200e\u200f\u061c]")  # of direction
_TOKEN = re.compile(r"([a-zA-Z])\1*|.")
_DEFAULT_DIGITS = {"decimal": 2, "percent": 1, "scientific": 2}


@dataclass(frozen=True, slots=True)
class Look:
    """What the frame needs to know of a column. `total_format` is the number format of its total; `edited`
    cells stay open on a protected sheet.
    """

    title: str
    number_format: str
    align: Align
    wrap: bool
    link: bool
    total_format: str
    indent: int | None = None
    color: str | None = None
    fill: str | None = None
    bold: bool = False
    edited: bool = False


def look(field: Field, locale: str) -> Look:
    """The look of a column; its own `format` and `align` go before those of its kind.

    Raises FormatFailed for a `format` that makes Excel call the file damaged.
    """
    column = field.column
    if column.format and (len(column.format) > _LONGEST_FORMAT or _CONTROL.search(column.format)):
        raise FormatFailed(
            f"the format of the column '{field.name}' is none of a spreadsheet: it must have at most "
            f"{_LONGEST_FORMAT} characters, and none of them a control character"
        )
    shown = column.format or number_format(field.kind, locale)
    total = shown
    if column.total == "count":
        total = "#,##0"
    elif column.total == "mean" and field.kind.name == "integer" and not column.format:
        total = "#,##0.00"
    align = column.align or field.kind.align
    return Look(
        field.title, shown, align, column.wrap, field.kind.name == "link", total, column.indent,
        column.color, column.fill, column.bold, bool(column.choices),
    )  # fmt: skip


def number_format(kind: Kind, locale: str) -> str:
    """The spreadsheet number format of a kind (ECMA-376 18.8.30), in the file's neutral notation:
    Excel shows its own user's separators.
    """
    if kind.name in _FIXED:
        return _FIXED[kind.name]
    if kind.name == "boolean":  # Excel shows words of its own; LibreOffice would show 1 and 0
        words = words_of(locale)
        return f'"{words.yes}";"{words.yes}";"{words.no}"'
    if kind.name in {"date", "datetime"}:
        return date_format(locale) + (" hh:mm:ss" if kind.name == "datetime" else "")
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


def _known(locale: str) -> Locale:
    try:
        return Locale.parse(locale.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en", "US")


@lru_cache(maxsize=64)
def date_format(locale: str) -> str:
    """Day, month and year in the order of `locale` (CLDR's short date, the year in full); ISO 8601 where
    CLDR has a part that a spreadsheet has not.
    """
    out: list[str] = []
    for match in _TOKEN.finditer(_MARKS.sub("", _known(locale).date_formats["short"].pattern)):
        part = match[0]
        if not part.isalpha():
            out.append(part if part in "/-" else f"\\{part}")
        elif part in _DATE_PARTS:
            out.append(_DATE_PARTS[part])
        else:
            return _ISO_DATE
    return "".join(out)


@lru_cache(maxsize=256)
def affixes(currency: str, locale: str) -> tuple[str, str]:
    """What stands before and after an amount of money in `locale` (Unicode CLDR)."""
    known = _known(locale)
    pattern = known.currency_formats["standard"]
    symbol = get_currency_symbol(currency, known)
    before, after = (
        _MARKS.sub("", text).replace("¤", symbol) for text in (pattern.prefix[0], pattern.suffix[0])
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
        title = min(text_width(field.title) * _BOLD, _WIDEST_TITLE) + _button(field, filtered)
        widths.append(round(max(_NARROWEST, title, min(widest, _WIDEST)) + _PADDING, 2))
    return widths


def label_width(text: str) -> float:
    """The width of a column that shows a text in bold, as far as a column gets."""
    return round(min(text_width(text[:100]) * _BOLD, _WIDEST) + _PADDING, 2)


def _button(field: Field, filtered: bool) -> float:  # noqa: FBT001
    """What the filter's button takes of a header; of a centred one, on both sides."""
    centred = (field.column.align or field.kind.align) == "center"
    return _FILTER_BUTTON * (2 if centred else 1) if filtered else 0


def _longest_texts(fields: tuple[Field, ...], first: pl.DataFrame) -> dict[str, list[str]]:
    """Some lines of the longest few texts of each column: the widest is nearly always among them."""
    schema = first.schema  # made anew at each look
    return {
        f.name: [line[:100] for text in longest(first[f.name]) for line in text[:2000].splitlines()]
        for f in fields
        if schema[f.name] == pl.String and f.column.width is None
    }


def header_lines(fields: tuple[Field, ...], widths: list[float], *, filtered: bool) -> int:
    """How many lines the header needs, as long titles wrap within their columns."""
    lines = (
        sum(
            _lines(line, width - _PADDING / 2 - _button(field, filtered))
            for line in field.title.splitlines()
        )
        for field, width in zip(fields, widths, strict=True)
    )
    return max(1, min(max(lines, default=1), _MOST_HEADER_LINES))


def _lines(text: str, room: float) -> int:
    """Lines of a bold text that breaks between words, or within one that is wider than `room`."""
    lines, used, room = 1, 0.0, max(room, 1)
    for word in text.split():
        width = text_width(word) * _BOLD
        if used and used + text_width(" ") + width > room:
            lines, used = lines + 1, 0.0
        used += width + (text_width(" ") if used else 0)
        lines, used = lines + ceil(used / room) - 1, used - (ceil(used / room) - 1) * room
    return lines


def text_width(text: str) -> float:
    """The width of a text in widths of a digit; East Asian characters count two."""
    wide = len(_EAST_ASIAN.findall(text))
    return xl_pixel_width(text) / _DIGIT_PIXELS + wide * (2 - 8 / _DIGIT_PIXELS)


_EAST_ASIAN = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd]"
)


def _widest_value(field: Field, first: pl.Series, locale: str) -> float:
    name = field.kind.name
    day = len(date_format(locale).replace("\\", ""))
    day = max(day, _LONGEST_DATE) + 0.5
    fixed = {"date": day, "datetime": day + 8, "time": 8, "duration": 10, "boolean": 6}.get(name)
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
