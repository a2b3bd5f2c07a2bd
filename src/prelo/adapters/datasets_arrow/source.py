"""Rows of a dataset: its file is brought here, and streamed."""

import asyncio
import re
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from prelo.adapters.datasets_arrow.reading import VENDOR, Batches, opened
from prelo.core.dataset import DatasetSpec
from prelo.core.errors import Invalid, NotFound, SourceInvalid, StorageUnavailable, Unavailable
from prelo.core.report import Report
from prelo.core.table import Column
from prelo.ports import Files

_TEXTS = {"text", "code", "link", "decimal", "money", "percent"}  # decimals keep all their digits
_ZONED = re.compile(r"timestamp\[(s|ms|us|ns), tz=(.+)\]")  # which no alias names
_FLOATS = {"number", "scientific", "duration"}


class DatasetSource:
    """Port Source for datasets. Raises SourceInvalid where the file is gone or not what it was."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @contextmanager
    def open(self, report: Report, parameters: Mapping[str, Any]) -> Generator[object]:  # noqa: ARG002  the port's
        spec = _spec(report)
        # Without a name: a press may be killed at any moment, and nothing must be left of it.
        with tempfile.TemporaryFile() as file:
            asyncio.run(self._bring(spec, file))
            path = Path(f"/dev/fd/{file.fileno()}")
            try:
                reader = opened(path, spec.finding, _types(spec, report.columns))
            except VENDOR as error:
                raise SourceInvalid(f"the dataset {spec.id} cannot be read: {error}") from error
            names = list(report.source.names) or reader.schema.names
            schema = pa.schema([reader.schema.field(name) for name in names])
            yield pa.RecordBatchReader.from_batches(schema, _sound(reader, names, spec.id))

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:  # noqa: ARG002  the port's
        return _spec(report).finding.rows

    def check(self, report: Report) -> None:
        _spec(report)

    async def _bring(self, spec: DatasetSpec, file: IO[bytes]) -> None:
        try:
            async for piece in self._files.read(spec.key):
                file.write(piece)
            file.seek(0)  # and with it, what waits is written
        except NotFound as error:
            raise SourceInvalid(
                f"the file of the dataset {spec.id} is gone; upload it again, and ask again"
            ) from error
        except Unavailable as error:
            raise StorageUnavailable(error.detail) from error


def _spec(report: Report) -> DatasetSpec:
    if report.source.dataset is None:
        raise SourceInvalid("the source names no dataset")
    return report.source.dataset


def _types(spec: DatasetSpec, columns: Mapping[str, Column]) -> list[pa.DataType]:
    """As they were found, unless the report's kinds want digits to be kept or numbers to be broken."""
    return [_type(one.type, columns.get(one.name), spec) for one in spec.finding.columns]


def _type(found: str, column: Column | None, spec: DatasetSpec) -> pa.DataType | None:
    if spec.finding.form in {"parquet", "arrow"}:
        return None  # the file says it
    kind = column.kind.name if column and column.kind else ""
    if kind in _TEXTS and spec.finding.form == "csv":
        return pa.string()
    if kind in _FLOATS and found == "int64":
        return pa.float64()
    zoned = _ZONED.fullmatch(found)
    return pa.timestamp(zoned[1], zoned[2]) if zoned else pa.type_for_alias(found)


def _sound(reader: pa.RecordBatchReader, names: list[str], dataset: str) -> Batches:
    rows = 0
    try:
        for batch in reader:
            batch.validate(full=True)  # readers of Arrow trust a string to be UTF-8
            yield batch.select(names)
            rows += batch.num_rows
    except MemoryError:
        raise
    except (Invalid, *VENDOR) as error:
        raise SourceInvalid(f"the dataset {dataset} is broken after row {rows}: {error}") from error
