"""Rows from files below the catalog's folder: CSV, Parquet, Arrow and JSON lines, streamed."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from prelo.core.errors import SourceInvalid
from prelo.core.report import Report
from prelo.core.table import Column

BATCH_ROWS = 20_000
_VENDOR = (pa.ArrowException, OSError, UnicodeError)
_TEXTS = {"text", "code", "link", "decimal", "money", "percent"}  # decimals keep all their digits
_FLOATS = {"number", "scientific", "duration"}
_LEADING_ZERO = r"^\s*[+-]?0\d"

Columns = Mapping[str, Column]


class FileSource:
    """Port Source for files. Paths are relative to `folder` and never lead out of it.

    Raises SourceInvalid when the file is missing, no file of its kind, or broken on the way.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def open(self, report: Report, parameters: Mapping[str, Any]) -> Generator[object]:  # noqa: ARG002
        path, name = self._path(report), report.source.file
        if path.suffix == ".jsonl":
            yield _objects(path)
            return
        try:
            schema, batches = _READERS[path.suffix](path, report.columns)
        except MemoryError:
            raise
        except _VENDOR as error:
            raise SourceInvalid(f"the file '{name}' cannot be read: {error}") from error
        yield pa.RecordBatchReader.from_batches(schema, _sound(batches, str(name)))

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:  # noqa: ARG002
        """Only Parquet says it without being read."""
        try:
            path = self._path(report)
            return pq.read_metadata(path).num_rows if path.suffix == ".parquet" else None
        except (SourceInvalid, *_VENDOR):
            return None

    def check(self, report: Report) -> None:
        with self.open(report, {}) as data:
            if not isinstance(data, pa.RecordBatchReader):
                next(iter(data), None)  # pyright: ignore[reportArgumentType, reportCallIssue]

    def _path(self, report: Report) -> Path:
        name = report.source.file or ""
        folder = self._folder.resolve()
        path = (folder / name).resolve()  # a symbolic link counts as the place it leads to
        if not path.is_relative_to(folder):
            raise SourceInvalid(f"the file '{name}' is not below the catalog's folder")
        if not path.is_file():
            raise SourceInvalid(f"the file '{name}' is missing in the catalog's folder")
        if path.suffix not in {*_READERS, ".jsonl"}:
            known = " ".join(sorted({*_READERS, ".jsonl"}))
            raise SourceInvalid(f"the file '{name}' is of no known kind; use one of {known}")
        return path


def _sound(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    rows = 0
    try:
        for batch in batches:
            batch.validate(full=True)  # readers of Arrow trust a string to be UTF-8
            yield batch
            rows += batch.num_rows
    except MemoryError:
        raise
    except _VENDOR as error:
        raise SourceInvalid(
            f"the file '{name}' is broken after row {rows}: {_explained(str(error))}"
        ) from error


def _explained(said: str) -> str:
    if "conversion error" in said:
        return f"{said}; give the column a kind that all its values have, as 'text' or 'number'"
    return said


def _csv(path: Path, columns: Columns) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Types are settled before the first row is handed on, by the first block and the report's kinds."""
    with _open_csv(path, None) as reader:
        guessed = reader.schema
    with _open_csv(path, pa.schema([(name, pa.string()) for name in guessed.names])) as reader:
        texts = next(iter(reader), None)
    types = [
        _csv_type(field.type, columns.get(field.name), texts.column(place) if texts else None)
        for place, field in enumerate(guessed)
    ]
    reader = _open_csv(path, pa.schema(list(zip(guessed.names, types, strict=True))))
    return reader.schema, iter(reader)


def _csv_type(guessed: pa.DataType, column: Column | None, texts: Any) -> pa.DataType:
    kind = column.kind.name if column and column.kind else ""
    if kind in _TEXTS or pa.types.is_null(guessed):
        return pa.string()
    if pa.types.is_integer(guessed):
        if kind in _FLOATS:
            return pa.float64()
        found = pc.match_substring_regex(texts, _LEADING_ZERO)  # pyright: ignore[reportAttributeAccessIssue]
        if not kind and True in found.unique().to_pylist():
            return pa.string()  # 00123 is a code, and no number
    return guessed


def _open_csv(path: Path, types: pa.Schema | None) -> pacsv.CSVStreamingReader:
    return pacsv.open_csv(
        path,
        # Without threads the messages say the row.
        read_options=pacsv.ReadOptions(use_threads=False),
        parse_options=pacsv.ParseOptions(
            delimiter="\t" if path.suffix == ".tsv" else ",", newlines_in_values=True
        ),
        # Nothing between two commas is NULL; "" is an empty text, and NA is a text, too.
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _parquet(path: Path, columns: Columns) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:  # noqa: ARG001
    # Read ahead or mapped, the whole file would stay in memory.
    file = pq.ParquetFile(path, pre_buffer=False)
    return file.schema_arrow, file.iter_batches(BATCH_ROWS)


def _arrow(path: Path, columns: Columns) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:  # noqa: ARG001
    with path.open("rb") as start:
        magic = start.read(6)
    source = pa.memory_map(str(path))
    if magic != b"ARROW1":
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    file = pa.ipc.open_file(source)
    return file.schema, map(file.get_batch, range(file.num_record_batches))


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _object(line, f"the file '{path.name}', line {number}")
    except OSError as error:
        raise SourceInvalid(f"the file '{path.name}' cannot be read: {error}") from error


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise SourceInvalid(f"{place} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise SourceInvalid(f"{place} is no JSON object; each line must be one")
    return cast("dict[str, Any]", found)


_READERS: dict[str, Callable[[Path, Columns], tuple[pa.Schema, Iterator[pa.RecordBatch]]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".feather": _arrow,
}
