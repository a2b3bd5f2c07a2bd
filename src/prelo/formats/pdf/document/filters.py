"""Filters of a template, which write one value as a table would show it."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
from jinja2 import Undefined

from prelo.core.errors import SourceInvalid
from prelo.core.table import Kind
from prelo.formats.conform import conform
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.text import as_text
from prelo.formats.stream import Field


@dataclass(frozen=True, slots=True)
class Filters:
    """By the report's locale. None is the empty text; each raises ValueError for what has not its kind."""

    fields: tuple[Field, ...]
    locale: Locale
    timezone: str

    def by_name(self) -> dict[str, Callable[..., str]]:
        return {
            "show": self.show,
            "kind": self.kind,
            "money": self.money,
            "number": self.number,
            "integer": self.integer,
            "percent": self.percent,
            "date": self.date,
            "datetime": self.datetime,
            "time": self.time,
            "duration": self.duration,
        }

    def text(self, value: object, kind: Kind, form: str | None = None) -> str:
        """`form` is a spreadsheet's format, which dates follow."""
        if isinstance(value, Undefined):
            str(value)  # raises, and says what is missing
        if value is None:
            return ""
        wide = pl.Int128 if isinstance(value, int) and not isinstance(value, bool) else None
        try:
            held = pl.DataFrame({"value": pl.Series([value], dtype=wide)})
            shown = conform(held, {"value": kind}, self.timezone, 0)["value"]
        except (SourceInvalid, TypeError, ValueError, pl.exceptions.PolarsError) as error:
            raise ValueError(f"'{value}' cannot be shown as {kind}") from error
        return as_text(shown, kind, self.locale, form)[0]

    def show(self, value: object, name: str) -> str:
        """As the values of the column `name`."""
        for field in self.fields:
            if field.name == name:
                return self.text(value, field.kind, field.column.format)
        raise ValueError(f"show: there is no column '{name}'")

    def kind(self, value: object, kind: str) -> str:
        return self.text(value, Kind.parse(kind))

    def money(self, value: object, currency: str, digits: int | None = None) -> str:
        return self.text(value, Kind.parse(f"{_digits('money', digits)}:{currency}"))

    def number(self, value: object, digits: int | None = None) -> str:
        return self.text(value, Kind.parse("number" if digits is None else f"decimal({digits})"))

    def integer(self, value: object) -> str:
        return self.text(value, Kind(name="integer"))

    def percent(self, value: object, digits: int | None = None) -> str:
        return self.text(value, Kind.parse(_digits("percent", digits)))

    def date(self, value: object, form: str | None = None) -> str:
        return self.text(value, Kind(name="date"), form)

    def datetime(self, value: object, form: str | None = None) -> str:
        return self.text(value, Kind(name="datetime"), form)

    def time(self, value: object) -> str:
        return self.text(value, Kind(name="time"))

    def duration(self, value: object) -> str:
        """Of a length of time, or of seconds."""
        return self.text(value, Kind(name="duration"))


def _digits(kind: str, digits: int | None) -> str:
    return kind if digits is None else f"{kind}({digits})"
