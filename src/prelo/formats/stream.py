"""Anything tabular, as a stream of small Polars frames whose columns have the types their kinds need.

The three writers start here: whatever the caller hands over, they see frames of at most BATCH_ROWS
rows, with one Polars type per kind, and never hold more than one of them.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain

import polars as pl
import pyarrow as pa

from prelo.core.errors import ColumnMissing, SourceInvalid
from prelo.core.table import Column, Kind, Layout
from prelo.formats.conform import conform, infer_kind
from prelo.formats.tabular import batches_of, read_tabular

BATCH_ROWS = 10_000  # 5,000 to 20,000 are as fast; 50,000 is slower and takes twice the memory
BATCH_BYTES = 16 << 20  # wide rows make shorter frames, so that memory stays flat
BATCH_CELLS = 250_000

Progress = Callable[[int, int], None]
"""Called with the rows and pages written so far, at most once per frame."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column as it will be shown: its name in the data, and a Column with title and kind filled in."""

    name: str
    column: Column

    @property
    def kind(self) -> Kind:
        assert self.column.kind  # noqa: S101  filled in by open_stream
        return self.column.kind

    @property
    def title(self) -> str:
        return self.column.title if self.column.title is not None else self.name


@dataclass(slots=True)
class Stream:
    """The visible `fields` (in the order of the data) and the `frames`, each read once.

    Every frame has the columns of `fields`, then those of `hidden`, and between 1 and BATCH_ROWS rows.
    `first` is the first frame (or an empty one), for fitting widths; it comes again as the first of
    `frames`.
    """

    fields: tuple[Field, ...]
    hidden: tuple[Field, ...]
    first: pl.DataFrame
    frames: Iterator[pl.DataFrame]

    def field(self, name: str) -> Field:
        """The field of a column of the frames. Raises ColumnMissing for one that they do not have."""
        for field in (*self.fields, *self.hidden):
            if field.name == name:
                return field
        raise _missing(name, list(self.first.columns))


def open_stream(data: object, layout: Layout, keep: Collection[str] = ()) -> Stream:
    """Read `data` as frames laid out by `layout`; hidden columns stay in them if `group_by` or `keep`
    names them.

    Raises SourceInvalid for data that is not tabular or a value that does not fit its column's kind
    (with column and row), ColumnMissing when the layout names a column that the data does not have.
    """
    reader = read_tabular(data, layout.columns)
    schema = pl.Schema(reader.schema)
    _check_names(schema, layout, keep)
    kept = [
        _field(name, dtype, layout)
        for name, dtype in schema.items()
        if name in layout.group_by or name in keep or not layout.columns.get(name, Column()).hidden
    ]
    if all(field.column.hidden for field in kept):
        raise SourceInvalid("every column of the report is hidden; show at least one")
    kept.sort(key=lambda f: f.column.hidden)
    kinds = {f.name: f.kind for f in kept}
    frames = _conformed(_frames(reader), kinds, layout.timezone)
    first = next(frames, None)
    if first is None:
        empty = conform(pl.DataFrame(schema=schema).select(list(kinds)), kinds, layout.timezone, 0)
        return Stream(*_parted(kept), empty, iter(()))
    return Stream(*_parted(kept), first, chain([first], frames))


def flat(layout: Layout) -> Layout:
    """The layout for a format without headings of groups: the columns of `group_by` are never hidden."""
    columns = {
        name: column.model_copy(update={"hidden": False}) if name in layout.group_by else column
        for name, column in layout.columns.items()
    }
    return layout.model_copy(update={"columns": columns})


def _parted(fields: list[Field]) -> tuple[tuple[Field, ...], tuple[Field, ...]]:
    visible = sum(not field.column.hidden for field in fields)
    return tuple(fields[:visible]), tuple(fields[visible:])


def _check_names(schema: pl.Schema, layout: Layout, keep: Collection[str]) -> None:
    if not len(schema):
        raise SourceInvalid(
            "the data has neither rows nor columns; name the columns in the report, or return an empty "
            "table that has them"
        )
    for name in (*layout.columns, *layout.group_by, *keep):
        if name not in schema:
            raise _missing(name, list(schema))


def _missing(name: str, there: list[str]) -> ColumnMissing:
    return ColumnMissing(
        f"the report names the column '{name}', which the data does not have; it has: {', '.join(there)}"
    )


def _field(name: str, dtype: pl.DataType, layout: Layout) -> Field:
    column = layout.columns.get(name, Column())
    kind = column.kind or infer_kind(name, dtype)
    return Field(name, column.model_copy(update={"kind": kind}))


def _frames(reader: pa.RecordBatchReader) -> Iterator[pl.DataFrame]:
    """Join what came too small and cut what came too large."""
    held: list[pa.RecordBatch] = []
    rows = size = 0
    most = max(1, min(BATCH_ROWS, BATCH_CELLS // max(1, len(reader.schema))))
    for batch in batches_of(reader):
        for start in range(0, batch.num_rows, most):
            piece = batch.slice(start, most)
            held.append(piece)
            rows, size = rows + piece.num_rows, size + piece.nbytes
            if rows >= most or size >= BATCH_BYTES:
                yield from _cut(held, size, most)
                held, rows, size = [], 0, 0
    if rows:
        yield from _cut(held, size, most)


def _cut(held: list[pa.RecordBatch], size: int, most: int) -> Iterator[pl.DataFrame]:
    if rows := sum(batch.num_rows for batch in held):
        step = max(1, min(most, rows * BATCH_BYTES // max(size, 1)))
        # By the C stream, which is many times sooner there than `from_arrow` with a small batch.
        frame = pl.DataFrame(pa.RecordBatchReader.from_batches(held[0].schema, held))
        yield from frame.rechunk().iter_slices(step)


def _conformed(
    frames: Iterator[pl.DataFrame], kinds: dict[str, Kind], timezone: str
) -> Iterator[pl.DataFrame]:
    seen, names = 0, list(kinds)
    for frame in frames:
        chosen = frame if frame.columns == names else frame.select(names)
        yield conform(chosen, kinds, timezone, seen)
        seen += frame.height
