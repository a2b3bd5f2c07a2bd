"""Whatever a caller hands over, as one Arrow reader whose types are settled before its first row."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol, cast

import polars as pl
import pyarrow as pa

from prelo.core.errors import SourceInvalid
from prelo.core.table import Column

DICTS_AT_ONCE = 10_000

_VENDOR = (pa.ArrowException, pl.exceptions.PolarsError)
_WHOLE_TOO = {"number", "scientific", "decimal", "money", "percent", "duration"}
_WANTED = (
    "give a table of Polars, pandas, PyArrow or DuckDB (anything with __arrow_c_stream__), an iterator of "
    "record batches, or a list with a dict for each row"
)
_STRANGE = (
    pa.types.is_interval, pa.types.is_union, pa.types.is_run_end_encoded, pa.types.is_list_view,
    pa.types.is_large_list_view,
)  # fmt: skip
_BYTES = (
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)  # fmt: skip

Columns = Mapping[str, Column]


class ArrowStream(Protocol):
    """The Arrow PyCapsule stream interface: Polars, pandas, PyArrow, DuckDB and ADBC all have it."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


def read_tabular(data: object, columns: Columns) -> pa.RecordBatchReader:
    """`data` as a reader: anything with __arrow_c_stream__ (pandas too), a lazy Polars frame, a record batch,
    or an iterable of record batches, frames or dicts, whose first (10,000 dicts) decide the types.

    `columns` are the layout's: their kinds widen what dicts leave open, and they are the columns of an
    iterable that yields nothing. Raises SourceInvalid for anything else, and for broken data on the way.
    """
    try:
        return _plain(_reader(data, columns))
    except MemoryError:
        raise
    except _VENDOR as error:
        raise SourceInvalid(f"the data cannot be read: {error}") from error


def batches_of(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The reader's batches. What breaks off in the vendor's hands is SourceInvalid, with the row."""
    rows = 0
    try:
        for batch in reader:
            yield batch
            rows += batch.num_rows
    except MemoryError:
        raise
    except (*_VENDOR, OSError) as error:
        if type(error) is not OSError and not isinstance(error, _VENDOR):
            raise  # a C stream's error is a plain OSError; others are of the caller's own iterator
        raise SourceInvalid(f"the data broke off after row {rows}: {error}") from error


def _reader(data: object, columns: Columns) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pl.LazyFrame):
        return _reader_of_items(_collected(data), columns)
    if isinstance(data, pa.RecordBatch):
        batch = cast("Any", data)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    if hasattr(data, "__arrow_c_stream__"):
        try:
            return pa.RecordBatchReader.from_stream(cast("ArrowStream", data))
        except (ValueError, TypeError) as error:  # pandas: twice the same name, texts among numbers
            raise SourceInvalid(f"the data is no table: {_vendor_said(data, error)}") from error
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        return _reader_of_items(iter(cast("Iterable[Any]", data)), columns)
    raise SourceInvalid(f"the data is {_named(data)}, and no table; {_WANTED}{_hint(data)}")


def _named(value: object) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _hint(data: object) -> str:
    if isinstance(data, str | bytes):
        return ". Prelo does not open files here: read it first, as by polars.read_csv"
    if isinstance(data, Mapping):
        return ". A dict of columns becomes a table by polars.DataFrame(data)"
    return ""


def _vendor_said(data: object, error: Exception) -> str:
    if type(data).__name__ == "Series":
        return "a Series is one column; give data.to_frame()"
    return ": ".join(str(part) for part in reversed(error.args))


def _collected(frame: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    empty = True
    for part in frame.collect_batches():
        empty = False
        yield part
    if empty:
        yield frame.clear().collect()


def _reader_of_items(items: Iterator[Any], columns: Columns) -> pa.RecordBatchReader:
    """Record batches, frames or dicts, one after the other; the first decides the schema."""
    first = next(items, None)
    if first is None:
        return pa.RecordBatchReader.from_batches(
            pa.schema([(name, pa.null()) for name in columns]), []
        )
    if isinstance(first, Mapping):
        return _reader_of_dicts(chain([first], items), columns)
    pages = isinstance(first, list) and all(isinstance(row, Mapping) for row in first)
    arrow = hasattr(first, "__arrow_c_stream__") or isinstance(first, pl.LazyFrame | pa.RecordBatch)
    if not pages and not arrow:
        raise SourceInvalid(
            f"the first row is {_named(first)}, which does not name its columns; give a dict for each row, "
            "or polars.DataFrame(rows, schema=[names], orient='row')"
        )
    head = _reader(first, columns)
    rest = chain.from_iterable(_reader(item, columns) for item in items)
    schema = head.schema
    return pa.RecordBatchReader.from_batches(schema, _alike(chain(head, rest), schema))


def _alike(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        yield batch if batch.schema.equals(schema) else _cast(batch, schema, rows)
        rows += batch.num_rows


def _cast(batch: pa.RecordBatch, schema: pa.Schema, rows: int) -> pa.RecordBatch:
    """`batch` with the columns of `schema`, by name; one that it lacks is NULL. Nothing is lost."""
    known = set(schema.names)
    for name in batch.schema.names:
        if name not in known:
            raise SourceInvalid(
                f"after row {rows}, there is a new column '{name}'; the first rows decide the columns"
            )
    arrays: list[Any] = []
    for field in schema:
        try:
            place = batch.schema.get_field_index(field.name)
            found = batch.column(place) if place >= 0 else pa.nulls(batch.num_rows)
            arrays.append(found.cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise SourceInvalid(
                f"column '{field.name}', after row {rows}: {error}; the first rows decide a column's type, "
                "unless the report gives it a kind"
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _reader_of_dicts(rows: Iterator[Any], columns: Columns) -> pa.RecordBatchReader:
    batches = _batches_of_dicts(rows)
    first = next(batches)
    fields = [
        pa.field(field.name, _widened(field.type, columns.get(field.name)))
        for field in first.schema
    ]
    return pa.RecordBatchReader.from_batches(
        pa.schema(fields), _alike(chain([first], batches), pa.schema(fields))
    )


def _widened(dtype: pa.DataType, column: Column | None) -> pa.DataType:
    """The type that later dicts of the column will fit, too."""
    if pa.types.is_null(dtype):
        return pa.large_string()
    if pa.types.is_integer(dtype) and column and column.kind and column.kind.name in _WHOLE_TOO:
        return pa.float64()
    return dtype


def _batches_of_dicts(rows: Iterator[Any]) -> Iterator[pa.RecordBatch]:
    held: list[Any] = []
    before = 0
    for row in rows:
        held.append(row)
        if len(held) == DICTS_AT_ONCE:
            yield _batch_of_dicts(held, before)
            held, before = [], before + len(held)
    if held:
        yield _batch_of_dicts(held, before)


def _batch_of_dicts(rows: list[Any], before: int) -> pa.RecordBatch:
    try:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        objects = [name for name, dtype in frame.schema.items() if dtype == pl.Object]
        if objects:
            raise SourceInvalid(f"the column '{objects[0]}' holds Python objects, no plain values")
        return frame.to_arrow().combine_chunks().to_batches()[0]
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise SourceInvalid(_why(rows, before) or f"the rows make no table: {error}") from error


def _why(rows: list[Any], before: int) -> str | None:
    """Which row or column keeps dicts from being a table; looked for only when they are none."""
    for number, row in enumerate(rows, before + 1):
        if not isinstance(row, Mapping):
            return f"row {number} is {_named(row)}, and the rows before it are dicts"
    for name in dict.fromkeys(chain.from_iterable(rows)):
        values = [row.get(name) for row in rows]
        try:
            pl.Series(values, strict=True)
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            kinds = sorted({type(value).__name__ for value in values if value is not None})
            place = f"rows {before + 1} to {before + len(rows)}"
            return f"the column '{name}' holds values that do not go together ({', '.join(kinds)}; {place})"
    return None


def _plain(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Without what Polars cannot import: it ends the process's thread instead of saying so."""
    schema = reader.schema
    twice = [name for name, count in Counter(schema.names).items() if count > 1]
    if twice:
        raise SourceInvalid(f"the data has two columns named '{twice[0]}'; rename one of them")
    pairs = [(place, _plain_field(field)) for place, field in enumerate(schema)]
    kept = [(place, field) for place, field in pairs if field is not None]
    plain = pa.schema([field for _, field in kept])
    if plain.equals(schema):
        return reader
    batches = (
        pa.RecordBatch.from_arrays([batch.column(p).cast(f.type) for p, f in kept], schema=plain)
        for batch in reader
    )
    return pa.RecordBatchReader.from_batches(plain, batches)


def _plain_field(field: pa.Field) -> pa.Field | None:
    if field.name.startswith("__index_level_"):  # pandas' index without a name is no data
        return None
    if isinstance(field.type, pa.BaseExtensionType):  # as DuckDB's JSON, which is text
        return _plain_field(field.with_type(field.type.storage_type))
    if pa.types.is_decimal256(field.type):
        return _plain_field(field.with_type(pa.decimal128(38, field.type.scale)))
    if pa.types.is_decimal(field.type) and field.type.scale < 0:
        return field.with_type(pa.decimal128(38, 0))
    if _strange(field.type):
        raise SourceInvalid(
            f"the column '{field.name}' has the type {field.type}, which no cell can show; convert it"
        )
    return field


def _strange(dtype: pa.DataType, *, within: bool = False) -> bool:
    """Whether Polars has no such type, or cannot write it as the text of a list or struct."""
    if any(asks(dtype) for asks in _STRANGE) or (within and any(asks(dtype) for asks in _BYTES)):
        return True
    if not pa.types.is_nested(dtype):
        return False
    return any(_strange(dtype.field(i).type, within=True) for i in range(dtype.num_fields))
