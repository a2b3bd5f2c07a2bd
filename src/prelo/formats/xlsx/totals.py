"""Totals: summed while the rows stream by, written as formulas whose cached value is already right."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Total
from prelo.formats.stream import Field
from prelo.formats.xlsx.cells import Misfit

_EXACT = Context(prec=80)
# SUBTOTAL's numbers; from 101 on it leaves out rows that somebody hid, and so those of a folded group.
SUBTOTAL = {"mean": 1, "count": 3, "max": 4, "min": 5, "sum": 9}
_WITHOUT_HIDDEN = 100
_FUNCTION = {"mean": "AVERAGE", "count": "COUNTA", "max": "MAX", "min": "MIN", "sum": "SUM"}
_LONGEST_FORMULA, _MOST_ARGUMENTS = 8192, 255
_NOT_SUMMED = {"date", "datetime", "time"}


class Running:
    """The total of one column so far. Raises FormatFailed for a total that its kind cannot have.

    `grouped`: headings and subtotals stand between its rows.
    """

    def __init__(self, field: Field, *, grouped: bool = False) -> None:
        self.total: Total = field.column.total or "count"
        self.grouped = grouped
        kind = field.kind
        possible = kind.numeric or self.total == "count" or kind.name in _NOT_SUMMED
        if not possible or (self.total == "sum" and kind.name in _NOT_SUMMED):
            raise FormatFailed(
                f"the column '{field.name}' is a {kind}, which has no {self.total}; use total: count, or none"
            )
        self._name = field.name
        self._count = 0
        self._value: Any = None

    def part(self, values: pl.Series, value: pl.Expr, odd: Misfit | None) -> pl.Series:
        """What one frame's `values` add to the total: the number of each by `value`, NULL for what is no
        number in the file. A count takes texts, too.
        """
        if self.total == "count":
            return values.set(odd.mask, None) if odd and odd.empty else values
        numbers = values.to_frame().select(value).to_series()
        if numbers.dtype == pl.Float32:
            numbers = numbers.cast(pl.Float64)
        if odd and (odd.empty or odd.instead is not None):
            return numbers.set(odd.mask, None)
        return numbers

    def add(self, part: pl.Series) -> None:
        """Take in what `part` gave for the next frame."""
        self._count += len(part) - part.null_count()
        if self._count and self.total != "count":
            self._join(part)

    def cached(self) -> str | None:
        """The total as the text of a cell, "inf" or "nan" past what a float holds; None if there is nothing
        to total.
        """
        if self.total == "count":
            return str(self._count)
        if self._value is None:
            return "0" if self.total == "sum" else None
        value = self._value
        if self.total == "mean":
            value = float(_EXACT.divide(Decimal(value), self._count))
        return format(value, "f") if isinstance(value, Decimal) else repr(value)

    def _join(self, numbers: pl.Series) -> None:
        if self.total in {"min", "max"}:
            new: Any = numbers.min() if self.total == "min" else numbers.max()
            pick = min if self.total == "min" else max
            if new is not None:
                self._value = new if self._value is None else pick(self._value, new)
            return
        try:
            new = (numbers.cast(pl.Int128) if numbers.dtype.is_integer() else numbers).sum()
        except pl.exceptions.ComputeError as error:
            raise FormatFailed(
                f"the {self.total} of the column '{self._name}' passes 38 digits"
            ) from error
        old = self._value if self._value is not None else 0
        self._value = _EXACT.add(new, old) if isinstance(new, Decimal) else new + old


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of data of one sheet, counted from 1."""

    sheet: str
    first: int
    last: int


def total_row(
    row: int,
    totals: dict[int, Running],
    styles: tuple[str, ...],
    spans: list[Span],
    word: str,
    formulas: Mapping[int, str] | None = None,
) -> bytes:
    """The row of totals over `spans`. The first column says `word` where it has no total of its own.
    `formulas` are those of an Excel table, by column.
    """
    cells: list[str] = []
    for i, (style, letter) in enumerate(zip(styles, letters_of(styles), strict=True)):
        cell = f'<c r="{letter}{row}"{style}'
        cached = totals[i].cached() if i in totals else None
        if cached is not None:
            value = f"<v>{cached}</v>" if cached[-1].isdigit() else "<v>#NUM!</v>"
            error = "" if cached[-1].isdigit() else ' t="e"'
            formula = _formula(totals[i], letter, spans, first=i == 0)
            if formulas:
                formula = f"<f>{escape(formulas[i])}</f>"
            cells.append(f"{cell}{error}>{formula}{value}</c>")
        elif i == 0 and i not in totals:
            cells.append(f'{cell} t="inlineStr"><is><t>{word}</t></is></c>')
        else:
            cells.append(f"{cell}/>")
    return f'<row r="{row}">{"".join(cells)}</row>'.encode()


def letters_of(styles: tuple[str, ...]) -> list[str]:
    """The letters of as many columns, from A on."""
    return [xl_col_to_name(i) for i in range(len(styles))]


def _formula(running: Running, letter: str, spans: list[Span], *, first: bool) -> str:
    """SUBTOTAL follows the filter, and counts no other subtotal, but only on its own sheet. Elsewhere, among
    the texts of headings, and for too many sheets: the value alone.
    """
    total, grouped = running.total, running.grouped
    ranges = [_range(letter, span) for span in spans]
    if grouped and (len(spans) > 1 or (first and total == "count")):
        return ""
    if len(spans) == 1:
        number = SUBTOTAL[total] + (0 if grouped else _WITHOUT_HIDDEN)
        return f"<f>SUBTOTAL({number},{ranges[0]})</f>"
    names = [span.sheet.replace("'", "''") for span in spans]
    places = [f"'{name}'!{cells}" for name, cells in zip(names, ranges, strict=True)]
    formula = f"{_FUNCTION[total]}({','.join(places)})"
    if len(formula) > _LONGEST_FORMULA or len(places) > _MOST_ARGUMENTS:
        return ""
    return f"<f>{escape(formula)}</f>"


def _range(letter: str, span: Span) -> str:
    first, last = f"{letter}{span.first}", f"{letter}{span.last}"
    return first if first == last else f"{first}:{last}"
