"""Looking into a file from outside: all of it is read once, in bounded memory, or more often where columns of
CSV turn out to be of another type than their beginnings.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prelo.adapters.datasets_arrow.reading import VENDOR, Batches, arrow, csv, objects, parquet
from prelo.adapters.datasets_arrow.sniff import dialect_of, form_of
from prelo.core.dataset import DatasetColumn, Dialect, Finding, Form
from prelo.core.errors import Invalid

_MOST_COLUMNS = 16_384  # as many as a sheet has
_SHOWN = 200  # characters of what a reader says
_INT64 = range(-(2**63), 2**63)
_COLUMN = re.compile(r"In CSV column #(\d+)")
_LEADING_ZERO = r"^\s*[+-]?0\d"


class ArrowAssay:
    """Port Assay, on a thread; see entry/assay.py for one that a hostile file cannot harm."""

    async def look(self, path: Path, declared: Form | None, *, header: bool | None) -> Finding:
        return await asyncio.to_thread(looked, path, declared, header=header)


def looked(path: Path, declared: Form | None, *, header: bool | None) -> Finding:
    """See the port; blocking."""
    try:
        form = form_of(path, declared)
        if form == "jsonl":
            found = _json(path)
        elif form == "csv":
            found = _csv(path, dialect_of(path, header=header))
        else:
            schema, batches = parquet(path) if form == "parquet" else arrow(path)
            found = Finding(form=form, columns=_columns(schema), rows=_rows(batches))
    except (MemoryError, pa.ArrowMemoryError) as error:
        raise Invalid("the content takes more memory than a file of its size may") from error
    except VENDOR as error:
        said = str(error).partition("\n")[0][:_SHOWN]
        raise Invalid(f"the content is broken: {said}") from error
    _check_names([column.name for column in found.columns])
    return found


def _check_names(names: Sequence[str]) -> None:
    if not 0 < len(names) <= _MOST_COLUMNS:
        raise Invalid(f"the content has {len(names)} columns; 1 to {_MOST_COLUMNS} are taken")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise Invalid(
            f"the column '{name}' is there {times} times; give each a name of its own, "
            "or say header=false for CSV without names"
        )


def _columns(schema: pa.Schema) -> tuple[DatasetColumn, ...]:
    return tuple(DatasetColumn(name=field.name, type=str(field.type)) for field in schema)


def _rows(batches: Batches) -> int:
    rows = 0
    for batch in batches:
        try:
            batch.validate(full=True)  # readers of Arrow trust a string to be UTF-8
        except pa.ArrowException as error:
            raise Invalid(
                f"the content is broken after row {rows}: {str(error)[:_SHOWN]}"
            ) from error
        rows += batch.num_rows
    return rows


def _csv(path: Path, dialect: Dialect) -> Finding:
    """Types are those that hold for all rows: a column whose later rows do not fit its type is a text."""
    with csv(path, dialect, None) as reader:
        names = [name or f"column_{place}" for place, name in enumerate(reader.schema.names, 1)]
        types = [pa.string() if pa.types.is_null(t) else t for t in reader.schema.types]
    if not dialect.header:
        names = [f"column_{place}" for place in range(1, len(names) + 1)]
    _check_names(names)
    codes = _codes(path, dialect, names, types)
    types = [pa.string() if place in codes else t for place, t in enumerate(types)]
    while True:
        schema = pa.schema(list(zip(names, types, strict=True)))
        try:
            with csv(path, dialect, schema) as reader:
                rows = _rows(reader)
        except pa.ArrowInvalid as error:
            place = _COLUMN.search(str(error))
            if place is None or types[int(place[1])] == pa.string():
                raise
            types[int(place[1])] = pa.string()
        else:
            return Finding(form="csv", columns=_columns(schema), rows=rows, dialect=dialect)


def _codes(path: Path, dialect: Dialect, names: list[str], types: list[pa.DataType]) -> set[int]:
    """Columns of numbers that have zeros in front, in any row: 00123 is a code."""
    left = {place for place, found in enumerate(types) if pa.types.is_integer(found)}
    codes: set[int] = set()
    if not left:
        return codes
    texts = pa.schema([(name, pa.string()) for name in names])
    with csv(path, dialect, texts) as reader:
        for batch in reader:
            new = {place for place in left if _has_zeros(batch.column(place))}
            codes, left = codes | new, left - new
            if not left:
                break
    return codes


def _has_zeros(texts: pa.Array) -> bool:
    found = pc.match_substring_regex(texts, _LEADING_ZERO)  # pyright: ignore[reportAttributeAccessIssue]  made at import
    return found.true_count > 0


def _json(path: Path) -> Finding:
    kinds: dict[str, set[str]] = {}
    rows = 0
    for number, _, one in objects(path):
        rows += 1
        for name, value in one.items():
            known = kinds.setdefault(name, set())
            if value is not None:
                known.add(_kind(value))
        if len(kinds) > _MOST_COLUMNS:
            raise Invalid(f"line {number}: there are more than {_MOST_COLUMNS} different names")
    columns = tuple(DatasetColumn(name=name, type=_type(found)) for name, found in kinds.items())
    return Finding(form="jsonl", columns=columns, rows=rows)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int64" if value in _INT64 else "string"
    return "double" if isinstance(value, float) else "string"


def _type(kinds: set[str]) -> str:
    if kinds == {"int64", "double"}:
        return "double"
    return kinds.pop() if len(kinds) == 1 else "string"
