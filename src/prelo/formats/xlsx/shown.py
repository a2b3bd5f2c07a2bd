"""The values of groups as texts, as their headings say them."""

import re

import polars as pl

from prelo.formats.stream import Field
from prelo.formats.words import words_of
from prelo.formats.xlsx.looks import date_format, digits

_CODES = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "m": "%-m", "dd": "%d", "d": "%-d"}
_CODE = re.compile(r"y+|m+|d+")


def shown(values: pl.Series, field: Field, locale: str) -> pl.Series:
    """Each value as text, "" for NULL. Numbers have no separators: a year is no amount."""
    c, kind = pl.col(values.name), field.kind
    if kind.name == "boolean":
        words = words_of(locale)
        text = pl.when(c).then(pl.lit(words.yes)).when(~c).then(pl.lit(words.no))
    elif kind.name in {"date", "datetime"}:
        clock = " %H:%M" if kind.name == "datetime" else ""
        text = c.dt.strftime(_strftime(locale) + clock)
    elif kind.name == "percent":
        text = (c.cast(pl.Float64) * 100).round(digits(kind)).cast(pl.String) + "%"
    elif kind.name == "duration":
        text = c.dt.to_string("polars")
    else:
        text = c.cast(pl.String)
    return values.to_frame().select(text.fill_null("").alias(values.name)).to_series()


def _strftime(locale: str) -> str:
    """The spreadsheet's form of a date in the codes of strftime."""
    return _CODE.sub(lambda code: _CODES[code[0]], date_format(locale).replace("\\", ""))
