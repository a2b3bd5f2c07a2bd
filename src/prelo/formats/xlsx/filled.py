"""The user's own workbook, filled: its marked row becomes the rows of the data."""

from collections.abc import Iterator
from itertools import chain

import polars as pl

from prelo.core.errors import ColumnMissing, FormatFailed, RowLimit
from prelo.core.table import Completeness, Layout, Manifest, Overflow, SheetRows
from prelo.core.workbook import XlsxOptions
from prelo.formats.stream import Field, Progress, Stream, flat, open_stream
from prelo.formats.xlsx.package import Package
from prelo.formats.xlsx.rows import ROW, Pieces, Rows, numbered
from prelo.formats.xlsx.table import Limits
from prelo.formats.xlsx.template import Slot, Template
from prelo.formats.xlsx.weave import Part

_ITS_OWN = sorted(set(XlsxOptions.model_fields) - {"template", "password", "rows_per_sheet"})
"""What a workbook of the user's own brings along, or has no place for."""


class Filled:
    """Writes the template of `layout` with the rows of `data` into `package`."""

    def __init__(self, package: Package, data: object, layout: Layout, limits: Limits) -> None:
        _refuse_what_it_brings(layout)
        self._package = package
        self._overflow = layout.overflow
        facts = {"title": layout.title, "subtitle": layout.subtitle, "author": layout.author}
        self._template = Template.read(layout.xlsx.template or b"", facts | layout.facts)
        self._stream = open_stream(data, flat(layout))
        fields = _fields(self._stream, self._template)
        self._rows = _SlotRows(fields, self._template)
        self._room = min(self._template.room, limits.data_rows)
        self._written = 0
        self._truncated = False
        self.rest: Iterator[pl.DataFrame] | None = None
        """The frames that found no room, when overflow says that they go elsewhere or nowhere."""

    def write(self, progress: Progress) -> Manifest:
        """Write the rows and the parts around them; `progress` hears of the rows after every frame."""
        part = self._package.part(self._template.part)
        part.write(self._template.head())
        for frame in self._stream.frames:
            fitting = frame[: self._room - self._written]
            if fitting.height:
                part.write(*self._rows.xml(fitting, self._template.first_row + self._written))
                self._written += fitting.height
                progress(self._written, 0)
            if fitting.height < frame.height:
                self._end(frame[fitting.height :])
                break
        part.write(self._template.tail(self._written))
        part.close()
        for name, content in self._template.parts(self._written):
            self._package.add(name, content)
        return self._manifest()

    def _end(self, left: pl.DataFrame) -> None:
        """The sheet is full, and rows are left."""
        if self._overflow not in {Overflow.TRUNCATE, Overflow.SPLIT_FILES}:
            raise RowLimit(
                f"the data has more rows than the {self._room:,} that fit the template's sheet "
                f"'{self._template.sheet}'; choose split_files or truncate, or ask for less"
            )
        self._truncated = self._overflow is Overflow.TRUNCATE
        self.rest = chain([left], self._stream.frames)

    def _manifest(self) -> Manifest:
        state = Completeness.COMPLETE if self._written else Completeness.EMPTY
        reason = None
        if self._truncated:
            state = Completeness.TRUNCATED
            reason = (
                f"the file ends after {self._written:,} rows, where the sheet was full; "
                "the data has more"
            )
        return Manifest(
            format="xlsx",
            rows=self._written,
            columns=tuple(field.name for field in self._rows.fields),
            sheets=(SheetRows(name=self._template.sheet, rows=self._written),),
            completeness=state,
            reason=reason,
            warnings=self._rows.warnings(),
        )


class _SlotRows(Rows):
    """Rows in the cells of a marked row: of the data, and what the others hold in every row."""

    def __init__(self, fields: tuple[Field, ...], template: Template) -> None:
        shown = [slot for slot in template.slots if slot.column]
        styles = tuple(slot.style for slot in shown)
        super().__init__(fields, styles, (), [slot.letter for slot in shown])
        self.fields = fields
        self._slots = template.slots
        self._attributes = template.row_attributes

    def _cells(self, frame: pl.DataFrame, rows: pl.Series) -> tuple[pl.DataFrame, Pieces]:
        named = zip(self.fields, self._letters, strict=True)
        cells = frame.select(pl.col(field.name).alias(letter) for field, letter in named)
        columns = iter(enumerate(cells.iter_columns()))
        pieces = Pieces()
        pieces.add('<row r="', ROW, f'"{self._attributes}>')
        for slot in self._slots:
            if slot.column:
                self._column(*next(columns), pieces)
            else:
                pieces.add(*_repeated(slot, rows))
        pieces.add("</row>")
        return cells.with_columns(numbered(rows)), pieces


def _repeated(slot: Slot, rows: pl.Series) -> Iterator[Part]:
    """The cell of a slot that no column fills; a number in its content is the row's plus it."""
    yield f'<c r="{slot.letter}'
    yield ROW
    yield f'"{slot.style}'
    for part in slot.content:
        yield part if isinstance(part, str) else pl.lit((rows + part).cast(pl.String))


def _fields(stream: Stream, template: Template) -> tuple[Field, ...]:
    """The fields of the marked row, one for each of its cells that takes a column."""
    shown = {field.name: field for field in stream.fields}
    wanted = [slot.column for slot in template.slots if slot.column]
    if missing := [name for name in wanted if name not in shown]:
        raise ColumnMissing(
            f"the template's marked row names the column '{missing[0]}', which the data does not show; "
            f"it shows {', '.join(shown)}"
        )
    return tuple(shown[name] for name in wanted)


def _refuse_what_it_brings(layout: Layout) -> None:
    usual = XlsxOptions()
    given = ["sheets"] * bool(layout.sheets) + ["logo"] * bool(layout.logo)
    given += [name for name in _ITS_OWN if getattr(layout.xlsx, name) != getattr(usual, name)]
    if given:
        raise FormatFailed(
            f"a template has no place for '{given[0]}': put it into the workbook that is the template, or "
            "leave one of them out"
        )
