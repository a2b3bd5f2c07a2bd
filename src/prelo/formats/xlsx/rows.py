"""The rows: each frame becomes XML by string expressions over whole columns, never cell by cell.

Two things make it fast, both measured. All pieces of a row go into one flat `concat_str`, nested only
for columns that need it in this frame; and the values buffer of the outcome, an Arrow string array, is
already the joined text.
"""

from collections import Counter
from typing import Any

import polars as pl
from xlsxwriter.utility import xl_col_to_name

from prelo.core.table import ValueWarning
from prelo.formats.stream import Field
from prelo.formats.xlsx.cells import Misfit, misfit, number, text
from prelo.formats.xlsx.totals import Running

_ROW = "1"  # the column of row numbers; those of the data are named by their letters
_TEXT, _TEXT_END = ' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
_VALUE, _VALUE_END = "><v>", "</v></c>"
_BOOLEAN = ' t="b"><v>'
_LINE, _HIGHEST = 15, 409  # points; Excel has no higher row
_LETTERS_PER_DIGIT = 1.3  # letters of running text in the width of one digit


class Rows:
    """Writes the frames of one stream, and keeps what was changed and the running totals."""

    def __init__(
        self, fields: tuple[Field, ...], styles: tuple[str, ...], widths: list[float]
    ) -> None:
        self._names = [field.name for field in fields]
        self._letters = [xl_col_to_name(i) for i in range(len(fields))]
        self._styles = styles
        self._wrapped = {
            letter: max(1.0, width * _LETTERS_PER_DIGIT - 2)
            for field, letter, width in zip(fields, self._letters, widths, strict=True)
            if field.column.wrap
        }
        self._changed: Counter[tuple[int, str, str]] = Counter()
        self.totals = {i: Running(field) for i, field in enumerate(fields) if field.column.total}

    def xml(self, frame: pl.DataFrame, first_row: int) -> memoryview:
        """The rows of `frame`, the first of them in row `first_row` of the sheet, as UTF-8."""
        cells = frame.select(self._names)
        cells.columns = self._letters
        pieces = _Pieces()
        pieces.add('<row r="', pl.col(_ROW), '"', *self._height(cells), ">")
        for i, values in enumerate(cells.iter_columns()):
            self._column(i, values, pieces)
        pieces.add("</row>")
        numbers = pl.int_range(first_row, first_row + cells.height, dtype=pl.Int64).cast(pl.String)
        joined = (
            cells.with_columns(numbers.alias(_ROW)).select(pl.concat_str(pieces.all())).to_series()
        )
        buffer: Any = joined.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
        return memoryview(buffer)

    def warnings(self) -> tuple[ValueWarning, ...]:
        """What could not be kept as it was, by column."""
        return tuple(
            ValueWarning(column=self._names[i], type=kind, count=count, detail=detail)
            for (i, kind, detail), count in sorted(self._changed.items())
        )

    def _height(self, cells: pl.DataFrame) -> list["str | pl.Expr"]:
        """How high a row with wrapped text is, about: Excel would find out, but many viewers do not."""
        lines = [
            (c.str.len_chars() / letters).ceil() + c.str.count_matches("\n", literal=True)
            for c, letters in ((pl.col(name), size) for name, size in self._wrapped.items())
            if cells.schema[c.meta.output_name()] == pl.String
        ]
        if not lines:
            return []
        height = (pl.max_horizontal(lines).fill_null(1).clip(1) * _LINE).clip(upper_bound=_HIGHEST)
        return [' ht="', height.cast(pl.String), '"']

    def _column(self, i: int, values: pl.Series, pieces: "_Pieces") -> None:
        if values.dtype == pl.String:
            value, odd = text(values)
            cell = self._cell(i, _TEXT, value, _TEXT_END)
        else:
            value, odd = number(pl.col(values.name), values.dtype), misfit(values)
            start = _BOOLEAN if values.dtype == pl.Boolean else _VALUE
            cell = self._cell(i, start, value.cast(pl.String), _VALUE_END)
        if odd:
            self._changed[i, odd.type, odd.detail] += int(odd.mask.sum())
        if i in self.totals:
            self.totals[i].add(values, value, odd)
        if odd or values.null_count():
            pieces.add(self._nested(i, cell, odd))
        else:
            pieces.add(*cell)

    def _cell(self, i: int, start: str, value: pl.Expr, end: str) -> list["str | pl.Expr"]:
        return [f'<c r="{self._letters[i]}', pl.col(_ROW), f'"{self._styles[i]}{start}', value, end]

    def _nested(self, i: int, cell: list["str | pl.Expr"], odd: Misfit | None) -> pl.Expr:
        """A cell not alike in every row. NULL is a blank one, for its style: rules and fills go on."""
        blank = _concat([f'<c r="{self._letters[i]}', pl.col(_ROW), f'"{self._styles[i]}/>'])
        plain = _concat(cell)
        if odd and odd.instead is not None:
            other = _concat(self._cell(i, _TEXT, odd.instead, _TEXT_END))
            plain = pl.when(pl.lit(odd.mask)).then(other).otherwise(plain)
        elif odd and odd.empty:
            plain = pl.when(pl.lit(odd.mask)).then(blank).otherwise(plain)
        return plain.fill_null(blank)


class _Pieces:
    """The pieces of a row, constant ones that meet made into one: each piece costs time per row."""

    def __init__(self) -> None:
        self._exprs: list[pl.Expr] = []
        self._constant = ""

    def add(self, *parts: str | pl.Expr) -> None:
        for part in parts:
            if isinstance(part, str):
                self._constant += part
            else:
                self._exprs += [pl.lit(self._constant), part] if self._constant else [part]
                self._constant = ""

    def all(self) -> list[pl.Expr]:
        return [*self._exprs, pl.lit(self._constant)] if self._constant else self._exprs


def _concat(parts: list[str | pl.Expr]) -> pl.Expr:
    pieces = _Pieces()
    pieces.add(*parts)
    return pl.concat_str(pieces.all())
