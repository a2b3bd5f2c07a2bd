"""Totals: summed while the rows stream by, written as formulas whose cached value is already right."""

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from xlsxwriter.utility import xl_col_to_name, xl_range

from prelo.core.errors import FormatFailed
from prelo.formats.stream import Field
from prelo.formats.xlsx.cells import Misfit

_EXACT = Context(prec=80)
_SUBTOTAL = {"mean": 101, "count": 103, "max": 104, "min": 105, "sum": 109}
_FUNCTION = {"mean": "AVERAGE", "count": "COUNTA", "max": "MAX", "min": "MIN", "sum": "SUM"}
_LONGEST_FORMULA, _MOST_ARGUMENTS = 8192, 255
_NOT_SUMMED = {"date", "datetime", "time"}


class Running:
    """The total of one column so far. Raises FormatFailed for a total that its kind cannot have."""

    def __init__(self, field: Field) -> None:
        self.total = field.column.total or "count"
        kind = field.kind
        possible = kind.numeric or self.total == "count" or kind.name in _NOT_SUMMED
        if not possible or (self.total == "sum" and kind.name in _NOT_SUMMED):
            raise FormatFailed(
                f"the column '{field.name}' is a {kind}, which has no {self.total}; use total: count, or none"
            )
        self._name = field.name
        self._count = 0
        self._value: Any = None

    def add(self, values: pl.Series, value: pl.Expr, odd: Misfit | None) -> None:
        """Take in one frame's `values`; `value` is the number of each. Texts are not part of it."""
        if self.total == "count":
            empty = int(odd.mask.sum()) if odd and odd.empty else 0
            self._count += len(values) - values.null_count() - empty
            return
        numbers = values.to_frame().select(value).to_series()
        if odd and (odd.empty or odd.instead is not None):
            numbers = numbers.filter(~odd.mask)
        self._count += len(numbers) - numbers.null_count()
        if self._count:
            self._join(numbers)

    def cached(self) -> str | None:
        """The total as the text of a cell; None if there is nothing to total."""
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
    row: int, totals: dict[int, Running], styles: tuple[str, ...], spans: list[Span], word: str
) -> bytes:
    """The row of totals over `spans`. The first column says `word` where it has no total of its own."""
    cells: list[str] = []
    for i, style in enumerate(styles):
        cell = f'<c r="{xl_col_to_name(i)}{row}"{style}'
        cached = totals[i].cached() if i in totals else None
        if cached is not None:
            cells.append(f"{cell}>{_formula(totals[i].total, i, spans)}<v>{cached}</v></c>")
        elif i == 0 and i not in totals:
            cells.append(f'{cell} t="inlineStr"><is><t>{word}</t></is></c>')
        else:
            cells.append(f"{cell}/>")
    return f'<row r="{row}">{"".join(cells)}</row>'.encode()


def _formula(total: str, column: int, spans: list[Span]) -> str:
    """SUBTOTAL follows the filter, but only on its own sheet. Too many sheets: the value alone."""
    ranges = [xl_range(span.first - 1, column, span.last - 1, column) for span in spans]
    if len(spans) == 1:
        return f"<f>SUBTOTAL({_SUBTOTAL[total]},{ranges[0]})</f>"
    names = [span.sheet.replace("'", "''") for span in spans]
    places = [f"'{name}'!{cells}" for name, cells in zip(names, ranges, strict=True)]
    formula = f"{_FUNCTION[total]}({','.join(places)})"
    if len(formula) > _LONGEST_FORMULA or len(places) > _MOST_ARGUMENTS:
        return ""
    return f"<f>{escape(formula)}</f>"
