"""The rows: each frame becomes XML by string expressions over whole columns, never cell by cell.

All pieces of a row stand side by side, nested only for columns that need it in this frame, and the rows of
large frames are woven of them (weave.py).
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import polars as pl

from prelo.core.table import ValueWarning
from prelo.formats.stream import Field
from prelo.formats.xlsx.cells import Misfit, misfit, number, text
from prelo.formats.xlsx.totals import Running, letters_of
from prelo.formats.xlsx.weave import Loom, Part

ROW = pl.col("1")  # the column of row numbers; those of the data are named by their letters
TEXT, TEXT_END = ' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>"
_PLAIN_TEXT = ' t="inlineStr"><is><t>'
_SHARED, _BOOLEAN, _VALUE = ' t="s"><v>', ' t="b"><v>', "><v>"
VALUE_END = "</v></c>"
_WORTH_WEAVING = 1_000  # rows; fewer are made sooner one by one
_LINE, _HIGHEST = 15, 409  # points; Excel has no higher row
_LETTERS_PER_DIGIT = 1.3  # letters of running text in the width of one digit
_LINKS_LEFT = "addresses past what a sheet can link to, or too long, are plain text"

Xml = Sequence[bytes | memoryview]


@dataclass(frozen=True, slots=True)
class RowStyles:
    """The styles of the cells by column, each as ` s="5"` or nothing: of rows of data, of the totals, and of
    the headings and subtotals of groups, from the outermost in. Columns after the fields' stay blank.
    """

    data: tuple[str, ...]
    total: tuple[str, ...]
    headings: tuple[tuple[str, ...], ...] = ()
    subtotals: tuple[tuple[str, ...], ...] = ()


class Written(NamedTuple):
    """Rows as UTF-8, in pieces; how many of the data's are among them, how many of the sheet's they fill."""

    xml: Xml
    taken: int
    used: int


class Strings(Protocol):
    """Texts as numbers of a table's entries; None: not in the table, but in the cells."""

    def indices(self, column: Hashable, values: pl.Series) -> pl.Expr | None: ...


class Links(Protocol):
    """The hyperlinks of one sheet; `rows` are numbers of the sheet. Returns how many it leaves out."""

    def add(self, letter: str, rows: pl.Series, values: pl.Series) -> int: ...


class Rows:
    """Writes the frames of one stream, and keeps what was changed and the running totals.

    `styles` are those of the rows of data. `letters` are the columns of the sheet, from A on if not said.
    `links`, to be set anew for every sheet, hears of the columns of links.
    """

    links: Links | None = None

    def __init__(
        self,
        fields: tuple[Field, ...],
        styles: tuple[str, ...],
        widths: Sequence[float],
        letters: Sequence[str] = (),
        strings: Strings | None = None,
    ) -> None:
        self._fields = fields
        self._names = [field.name for field in fields]
        self._letters = list(letters or letters_of(styles))
        self._styles = styles
        self._strings = strings
        self._wrapped = {
            letter: max(1.0, width * _LETTERS_PER_DIGIT - 2)
            for field, letter, width in zip(fields, self._letters, widths, strict=False)
            if field.column.wrap
        }
        self._linked = [i for i, field in enumerate(fields) if field.kind.name == "link"]
        self._attributes = ""
        self._loom = Loom()
        self._changed: Counter[tuple[int, str, str]] = Counter()
        self.restart()

    def restart(self) -> None:
        """Begin the totals anew."""
        self.totals = {i: Running(f) for i, f in enumerate(self._fields) if f.column.total}

    def write(self, frame: pl.DataFrame, row: int, room: int, most: int | None = None) -> Written:
        """The rows of `frame` that fit, from row `row` of the sheet on: into `room` rows of it, and no more
        than `most` rows of data. None of them taken: the sheet is full.
        """
        taken = min(frame.height, room, room if most is None else most)
        return Written(self.xml(frame[:taken], row), taken, taken)

    def end(self, row: int) -> Written:  # noqa: ARG002  where groups end, there is something to write
        """What closes the table, from row `row` of the sheet on."""
        return Written((), 0, 0)

    def turn(self, row: int) -> None:
        """Another sheet begins, with the next frame in its row `row`."""

    def xml(self, frame: pl.DataFrame, first_row: int) -> Xml:
        """All rows of `frame`, the first of them in row `first_row` of the sheet, as UTF-8."""
        rows = pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64, eager=True)
        if frame.height < _WORTH_WEAVING:
            return joined(self._rows(frame, rows))
        cells, pieces = self._cells(frame, rows)
        return self._loom.weave(cells, pieces.parts)

    def warnings(self) -> tuple[ValueWarning, ...]:
        """What could not be kept as it was, by column."""
        return tuple(
            ValueWarning(column=self._names[i], type=kind, count=count, detail=detail)
            for (i, kind, detail), count in sorted(self._changed.items())
        )

    def _rows(self, frame: pl.DataFrame, rows: pl.Series) -> pl.Series:
        """The rows of data as texts, each in its row of `rows`."""
        cells, pieces = self._cells(frame, rows)
        return cells.select(pl.concat_str(pieces.all())).to_series()

    def _cells(self, frame: pl.DataFrame, rows: pl.Series) -> tuple[pl.DataFrame, "Pieces"]:
        """The columns that the rows are made of, and the pieces of each row."""
        cells = frame.clone() if frame.columns == self._names else frame.select(self._names)
        cells.columns = self._letters[: cells.width]
        pieces = Pieces()
        pieces.add('<row r="', ROW, f'"{self._attributes}', *self._height(cells), ">")
        for i, values in enumerate(cells.iter_columns()):
            self._column(i, values, pieces)
        for i in range(cells.width, len(self._styles)):
            pieces.add(*blank(self._letters[i], self._styles[i]))
        pieces.add("</row>")
        self._link(cells, rows)
        return cells.hstack([numbered(rows)]), pieces

    def _link(self, cells: pl.DataFrame, rows: pl.Series) -> None:
        for i in self._linked if self.links else ():
            left = self.links.add(self._letters[i], rows, cells.to_series(i)) if self.links else 0
            if left:
                self._changed[i, "link-left", _LINKS_LEFT] += left

    def _height(self, cells: pl.DataFrame) -> list[Part]:
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

    def _column(self, i: int, values: pl.Series, pieces: "Pieces") -> None:
        cell, value, odd = self._cell_of(i, values)
        if odd:
            self._changed[i, odd.type, odd.detail] += int(odd.mask.sum())
        if i in self.totals:
            self._total(i, self.totals[i].part(values, value, odd))
        if odd or values.null_count():
            pieces.add(*cell[:2], self._nested(i, cell[2:], odd))
        else:
            pieces.add(*cell)

    def _cell_of(self, i: int, values: pl.Series) -> tuple[list[Part], pl.Expr, Misfit | None]:
        """The pieces of a cell, the value in it, and the values it cannot hold as they are."""
        if values.dtype != pl.String:
            value = number(pl.col(values.name), values.dtype)
            start = _BOOLEAN if values.dtype == pl.Boolean else _VALUE
            return self._cell(i, start, value.cast(pl.String), VALUE_END), value, misfit(values)
        index = self._strings.indices((self, i), values) if self._strings else None
        if index is not None:
            return self._cell(i, _SHARED, index, VALUE_END), index, None
        value, odd, spaced = text(values)
        return self._cell(i, TEXT if spaced else _PLAIN_TEXT, value, TEXT_END), value, odd

    def _total(self, i: int, part: pl.Series) -> None:
        self.totals[i].add(part)

    def _cell(self, i: int, start: str, value: pl.Expr, end: str) -> list[Part]:
        return [f'<c r="{self._letters[i]}', ROW, f'"{self._styles[i]}{start}', value, end]

    def _nested(self, i: int, cell: list[Part], odd: Misfit | None) -> pl.Expr:
        """What follows the row number of a cell that is not alike in every row. NULL is a blank cell, for its
        style: rules and fills go on.
        """
        empty = pl.lit(f'"{self._styles[i]}/>')
        plain = concat(cell)
        if odd and odd.instead is not None:
            other = concat(self._cell(i, TEXT, odd.instead, TEXT_END)[2:])
            plain = pl.when(pl.lit(odd.mask)).then(other).otherwise(plain)
        elif odd and odd.empty:
            plain = pl.when(pl.lit(odd.mask)).then(empty).otherwise(plain)
        return plain.fill_null(empty)


def blank(letter: str, style: str) -> list[Part]:
    return [f'<c r="{letter}', ROW, f'"{style}/>']


def joined(rows: pl.Series) -> Xml:
    """Rows end to end as UTF-8."""
    buffer: Any = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
    return [memoryview(buffer)] if buffer else []


def numbered(rows: pl.Series) -> pl.Series:
    """The column of the numbers of rows."""
    return rows.cast(pl.String).alias(ROW.meta.output_name())


class Pieces:
    """The pieces of a row, constant ones that meet made into one: each piece costs time per row."""

    def __init__(self) -> None:
        self.parts: list[Part] = []

    def add(self, *parts: Part) -> None:
        for part in parts:
            last = self.parts[-1] if self.parts else None
            if isinstance(part, str) and isinstance(last, str):
                self.parts[-1] = last + part
            else:
                self.parts.append(part)

    def all(self) -> list[pl.Expr]:
        return [pl.lit(part) if isinstance(part, str) else part for part in self.parts]


def concat(parts: list[Part]) -> pl.Expr:
    pieces = Pieces()
    pieces.add(*parts)
    return pl.concat_str(pieces.all())
