"""Rows as a template sees them: `row.amount` is the value, `row.text.amount` the text that a table shows.

A column becomes Python values, or texts, as a whole and when it is first asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

import polars as pl

from prelo.core.table import Kind
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.text import as_text

Kinds = Mapping[str, tuple[Kind, str | None]]
"""Of each column the kind, and the spreadsheet format if it has one."""


class Table:
    """One document's frame, whose columns are of `kinds`."""

    def __init__(self, frame: pl.DataFrame, kinds: Kinds, locale: Locale) -> None:
        self.frame = frame
        self.names = tuple(frame.columns)
        self._kinds = kinds
        self._locale = locale
        self._values: dict[str, list[Any]] = {}
        self._texts: dict[str, list[str]] = {}

    def values(self, name: str) -> list[Any]:
        """Raises KeyError for a column that is not there."""
        if name not in self._values:
            self._values[name] = self._column(name).to_list()
        return self._values[name]

    def texts(self, name: str) -> list[str]:
        """Raises KeyError for a column that is not there."""
        if name not in self._texts:
            kind, form = self._kinds[name]
            self._texts[name] = as_text(self._column(name), kind, self._locale, form).to_list()
        return self._texts[name]

    def _column(self, name: str) -> pl.Series:
        if name not in self.names:
            raise KeyError(name)
        return self.frame[name]


class Texts:
    """The texts of one row, by the names of its columns."""

    __slots__ = ("_at", "_table")

    def __init__(self, table: Table, at: int) -> None:
        self._table = table
        self._at = at

    @property
    def _names(self) -> tuple[str, ...]:
        return self._table.names

    def __getitem__(self, name: str) -> Any:
        return self._table.texts(name)[self._at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.names)

    def __len__(self) -> int:
        return len(self._table.names)

    def __contains__(self, name: object) -> bool:
        return name in self._table.names


class Row(Texts):
    """One row. It has few attributes, so that a template's `row.name` finds the column of that name."""

    __slots__ = ()

    @property
    def text(self) -> Texts:
        """A column that is itself named text is row['text']."""
        return Texts(self._table, self._at)

    def __getitem__(self, name: str) -> Any:
        return self._table.values(name)[self._at]


class Rows(Sequence[Row]):
    """The rows of a table, made one by one as they are looked at."""

    def __init__(self, table: Table, places: range | None = None) -> None:
        self._table = table
        self._places = range(table.frame.height) if places is None else places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> "Rows": ...
    def __getitem__(self, at: int | slice) -> "Row | Rows":
        if isinstance(at, slice):
            return Rows(self._table, self._places[at])
        return Row(self._table, self._places[at])


def names_of(value: object) -> tuple[str, ...] | None:
    """The names of the columns, if `value` is a row of them."""
    return tuple(value) if isinstance(value, Texts) else None
