"""The rows of a file whose form and columns are known: a reader of Arrow batches, in bounded memory."""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from prelo.core.dataset import Dialect, Finding
from prelo.core.errors import Invalid

BATCH_ROWS = 10_000
BLOCK = 1 << 22  # bytes of CSV that are read at once; a row must fit
LONGEST_LINE = 1 << 24
VENDOR = (pa.ArrowException, OSError, UnicodeError)
Batches = Iterator[pa.RecordBatch]


def opened(path: Path, finding: Finding, types: Sequence[pa.DataType]) -> pa.RecordBatchReader:
    """The rows with columns of these types. Vendor's errors pass, on the way, too."""
    if finding.form == "parquet":
        schema, batches = parquet(path)
    elif finding.form == "arrow":
        schema, batches = arrow(path)
    else:
        names = [column.name for column in finding.columns]
        schema = pa.schema(list(zip(names, types, strict=True)))
        if finding.dialect is None:
            batches = _of_objects(path, schema)
        else:
            batches = _told(path, finding.dialect, schema)
    return pa.RecordBatchReader.from_batches(schema, batches)


def parquet(path: Path) -> tuple[pa.Schema, Batches]:
    # Read ahead or mapped, the whole file would stay in memory.
    file = pq.ParquetFile(path, pre_buffer=False)
    return file.schema_arrow, file.iter_batches(BATCH_ROWS, use_threads=False)


def arrow(path: Path) -> tuple[pa.Schema, Batches]:
    with path.open("rb") as start:
        magic = start.read(6)
    source = pa.memory_map(str(path))
    if magic != b"ARROW1":
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    file = pa.ipc.open_file(source)
    return file.schema, map(file.get_batch, range(file.num_record_batches))


def _told(path: Path, dialect: Dialect, schema: pa.Schema) -> Batches:
    with csv(path, dialect, schema) as reader:
        yield from reader


@contextmanager
def csv(
    path: Path, dialect: Dialect, schema: pa.Schema | None
) -> Generator[pacsv.CSVStreamingReader]:
    """Names and types of `schema`, or as the first block says. A header is never a row."""
    with pacsv.open_csv(
        path,
        # Without threads the messages say the row.
        read_options=pacsv.ReadOptions(
            use_threads=False,
            block_size=BLOCK,
            encoding="utf-8" if dialect.encoding == "utf-8-sig" else dialect.encoding,
            column_names=None if schema is None else schema.names,
            skip_rows_after_names=int(schema is not None and dialect.header),
            autogenerate_column_names=schema is None and not dialect.header,
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True
        ),
        # Nothing between two commas is NULL; "" is an empty text, and NA is a text, too.
        convert_options=pacsv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    ) as reader:
        yield reader


def objects(path: Path) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """The objects of a file of JSON lines, with numbers and lengths of their lines. Raises Invalid."""
    with path.open("rb") as lines:
        for number in range(1, 1 << 62):
            line = lines.readline(LONGEST_LINE + 1)
            if not line:
                return
            if len(line) > LONGEST_LINE:
                raise Invalid(f"line {number} has more than {LONGEST_LINE:,} bytes")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, len(line), _object(line, number)


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise Invalid(f"line {number} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid(f"line {number} is no JSON object; each line must be one")
    if b"\\u" in line:
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Invalid(f"line {number} has half of a character that takes two") from error
    return found


def _of_objects(path: Path, schema: pa.Schema) -> Batches:
    """Line by line, as no reader of Arrow's takes a column of different kinds."""
    rows: list[dict[str, Any]] = []
    size = 0
    for _, length, one in objects(path):
        rows.append(one)
        size += length
        if len(rows) == BATCH_ROWS or size >= BLOCK:
            yield _batch(rows, schema)
            rows, size = [], 0
    if rows:
        yield _batch(rows, schema)


def _batch(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    columns: list[Any] = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        if pa.types.is_string(field.type):
            values = [_text(value) for value in values]
        elif pa.types.is_floating(field.type):  # Arrow refuses what a float only nearly is
            values = [None if value is None else float(value) for value in values]
        columns.append(pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _text(value: Any) -> str | None:
    """A column of different kinds is a text, in which lists and objects are JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
