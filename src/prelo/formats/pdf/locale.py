"""How a locale writes numbers, dates and the few words of a page: CLDR's data by Babel, read once.

Digits are always 0 to 9. No-break spaces become spaces (a number never wraps, so they look the same),
which keeps numbers on the fast path for ASCII text; direction marks are left out.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import babel
from babel.numbers import get_currency_precision, get_currency_symbol

from prelo.core.errors import Invalid
from prelo.formats.words import Words, words_of

_MARKS = re.compile("[\u200e\u200f\u061c]")
_SPACES = re.compile("[\u00a0\u202f]")
_TOKEN = re.compile(r"'([^']*)'|([a-zA-Z])\2*|([^a-zA-Z'])")
_STRFTIME = {
    "d": "%-d",
    "dd": "%d",
    "M": "%-m",
    "MM": "%m",
    "H": "%-H",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
}
_TWELVE_HOURS = {"h": "%-I", "hh": "%I", "a": "%p"}
_ISO_DATE, _ISO_TIME = "%Y-%m-%d", "%H:%M:%S"


@dataclass(frozen=True, slots=True)
class Notation:
    """How a number is written. `sizes` are the digits of the first group before the decimal sign and of
    the further ones (3, 2 in India); `prefix` and `suffix` stand around the digits, after the minus.
    """

    decimal: str
    group: str
    minus: str
    sizes: tuple[int, int]
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Locale:
    """One locale, ready for use on whole columns: `date` and `time` are strftime patterns."""

    tag: str
    number: Notation
    percent: Notation
    date: str
    time: str
    words: Words

    def money(self, currency: str) -> tuple[Notation, int]:
        """How an amount in `currency` (ISO 4217) is written, and how many decimals the currency has."""
        found = _babel(self.tag)
        pattern = found.currency_formats["standard"].pattern.split(";")[0]
        symbol = get_currency_symbol(currency, found)
        prefix, suffix = _affixes(pattern, {"¤": symbol})
        if prefix and prefix[-1].isalpha():  # CLDR: a code and a digit do not touch (CHF 1.00)
            prefix += " "
        return _with(self.number, prefix, suffix), get_currency_precision(currency)

    def months(self, *, wide: bool, alone: bool) -> dict[int, str]:
        """The names of the months from 1 on; `alone` as they stand without a day beside them."""
        width = "wide" if wide else "abbreviated"
        return dict(_babel(self.tag).months["stand-alone" if alone else "format"][width])

    def days(self, *, wide: bool) -> dict[int, str]:
        """The names of the days, Monday as 1."""
        names = _babel(self.tag).days["format"]["wide" if wide else "abbreviated"]
        return {day + 1: name for day, name in names.items()}


@lru_cache(maxsize=64)
def locale_of(tag: str) -> Locale:
    """The locale of a BCP 47 tag. Raises Invalid for a tag that is none or that CLDR does not have."""
    found = _babel(tag)
    symbols = found.number_symbols.get("latn", found.number_symbols)
    decimals = found.decimal_formats[None]
    number = Notation(
        decimal=_plain(symbols["decimal"]),
        group=_plain(symbols["group"]),
        minus=_plain(symbols["minusSign"]),
        sizes=decimals.grouping,
    )
    percent = _affixes(found.percent_formats[None].pattern, {"%": _plain(symbols["percentSign"])})
    return Locale(
        tag=tag,
        number=number,
        percent=_with(number, *percent),
        date=_strftime(found.date_formats["short"].pattern, {}) or _ISO_DATE,
        time=_strftime(found.time_formats["medium"].pattern, _meridiem(found)) or _ISO_TIME,
        words=words_of(tag),
    )


@lru_cache(maxsize=64)
def _babel(tag: str) -> babel.Locale:
    try:
        return babel.Locale.parse(tag.replace("_", "-"), sep="-")
    except (babel.UnknownLocaleError, ValueError, TypeError) as error:
        raise Invalid(
            f"'{tag}' is no known locale; use a language tag such as en-US or pt-BR"
        ) from error


def _plain(text: str) -> str:
    return _SPACES.sub(" ", _MARKS.sub("", text))


def _affixes(pattern: str, symbols: dict[str, str]) -> tuple[str, str]:
    """What stands before and after the digits of a CLDR number pattern."""
    match = re.fullmatch(r"([^#0]*)[#0,.]+([^#0]*)", pattern)
    before, after = (match[1], match[2]) if match else ("", "")
    for sign, symbol in symbols.items():
        before, after = before.replace(sign, symbol), after.replace(sign, symbol)
    return _plain(before), _plain(after)


def _with(number: Notation, prefix: str, suffix: str) -> Notation:
    return Notation(number.decimal, number.group, number.minus, number.sizes, prefix, suffix)


def _meridiem(found: babel.Locale) -> dict[str, str]:
    """The twelve-hour tokens, where morning and afternoon are AM and PM as strftime writes them."""
    names = found.day_periods["format"]["abbreviated"]
    return _TWELVE_HOURS if (names.get("am"), names.get("pm")) == ("AM", "PM") else {}


def _strftime(pattern: str, more: dict[str, str]) -> str | None:
    """A CLDR date or time pattern for strftime, with a year of four digits; None if a part is unknown."""
    known = {"y": "%Y", "yy": "%Y", "yyyy": "%Y", **_STRFTIME, **more}
    out: list[str] = []
    for match in _TOKEN.finditer(_plain(pattern)):
        if match[2] is None:
            out.append((match[1] if match[1] is not None else match[3]).replace("%", "%%"))
        elif match[0] in known:
            out.append(known[match[0]])
        else:
            return None
    return "".join(out)
