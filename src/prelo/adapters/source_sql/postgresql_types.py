"""What PostgreSQL's types become: exactly what they are where Arrow has them, else text."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute

from prelo.adapters.source_sql.database import Change

pc: Any = pyarrow.compute  # made of the C++ functions as it is imported: no type checker sees them

# These arrive as what they are; text has no end of types.
_KEPT = {
    b"bool", b"int2", b"int4", b"int8", b"float8", b"numeric", b"text", b"varchar", b"name",
    b"date", b"timestamp", b"timestamptz", b"time", b"bytea",
}  # fmt: skip
_CASTS = {
    b"interval": "(extract(epoch from {0}) * 1000000)::bigint",
    b"money": "{0}::numeric",  # the driver takes it for a whole number
    b"oid": "{0}::bigint",
    b"float4": "{0}::text::float8",  # 1.1, and not 1.10000002384
}
_TEXTS = {"text", "code", "link"}
_FLOATS = {"number", "scientific"}
_MOST_DIGITS = 38
_MOST_DECIMALS = 12  # a quotient has more, and was rounded by the server already
_YEARS = {
    pa.date32(): (-719_162, 2_932_896),
    pa.timestamp("us"): (-62_135_596_800_000_000, 253_402_300_799_999_999),
}


@dataclass(frozen=True, slots=True)
class Table:
    """The columns of a query, by the driver's description of them."""

    schema: pa.Schema
    kinds: Mapping[str, str]

    def around(self, query: str) -> str:
        """The query, with casts around it where the driver would hand over what nobody can read."""
        casts = [_cast(_type(field)) for field in self.schema]
        if not any(casts):
            return query
        names = [f"c{number}" for number in range(len(casts))]
        columns = ", ".join(
            (cast or "{0}").format(name) + f" as {_quoted(field.name)}"
            for name, cast, field in zip(names, casts, self.schema, strict=True)
        )
        return f"select {columns} from ({query}) as q({', '.join(names)})"  # noqa: S608  ours, and the report's

    def settled(self, first: pa.RecordBatch | None) -> tuple[pa.Schema, dict[int, Change]]:
        """The schema, and what each column needs to become that; the first rows decide what is open."""
        fields: list[pa.Field] = []
        changes: dict[int, Change] = {}
        for place, field in enumerate(self.schema):
            column = first.column(place) if first is not None else None
            dtype, change = self._of(field, column)
            fields.append(pa.field(field.name, dtype))
            if change:
                changes[place] = change
        return pa.schema(fields), changes

    def _of(self, field: pa.Field, column: pa.Array | None) -> tuple[pa.DataType, Change | None]:
        name = _type(field)
        if name in {b"numeric", b"money"}:
            dtype = _numeric(field, column, self.kinds.get(field.name, ""))
            return dtype, partial(_number, dtype=dtype)
        if name == b"interval":
            return pa.duration("us"), _duration
        if name == b"oid":
            return pa.int64(), None
        if name == b"float4":
            return pa.float64(), None
        if name not in _KEPT:
            return pa.string(), None
        bounds = _YEARS.get(field.type if name != b"timestamptz" else pa.timestamp("us"))
        return field.type, partial(_within, bounds=bounds) if bounds else None


def _type(field: pa.Field) -> bytes:
    return (field.metadata or {}).get(b"POSTGRESQL:type", b"")


def _cast(name: bytes) -> str | None:
    if name in _KEPT:
        return None
    if name.startswith(b"_"):
        return "to_json({0})::text"
    return _CASTS.get(name, "{0}::text")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _numeric(field: pa.Field, column: pa.Array | None, kind: str) -> pa.DataType:
    """A number of declared digits is a decimal; of others the first rows show how many decimals there are."""
    modifier = int((field.metadata or {}).get(b"POSTGRESQL:typmod", b"-1")) - 4
    if _type(field) == b"money":
        return pa.decimal128(_MOST_DIGITS, 2)
    if modifier >= 0 and modifier >> 16 <= _MOST_DIGITS:
        scale = ((modifier & 0x7FF) ^ 0x400) - 0x400  # it may be negative: thousands
        if scale <= _MOST_DIGITS:
            return pa.decimal128(_MOST_DIGITS, max(scale, 0))
    if kind in _TEXTS:
        return pa.string()
    decimals = _decimals(column)
    if kind in _FLOATS or decimals > _MOST_DECIMALS:
        return pa.float64()
    return pa.decimal128(_MOST_DIGITS, decimals)


def _decimals(column: pa.Array | None) -> int:
    if column is None:
        return 0
    parts = pc.extract_regex(_storage(column), r"\.(?P<decimals>\d+)$")
    most = pc.max(pc.utf8_length(pc.struct_field(parts, "decimals"))).as_py()
    return most or 0


def _storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _number(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    try:
        return _storage(array).cast(dtype)
    except pa.ArrowInvalid as error:
        if not pa.types.is_decimal(dtype):
            raise
        raise pa.ArrowInvalid(
            f"{error}, or does not fit the {dtype.scale} decimals of the first rows; give it the kind "
            "'number' in the report, or as amount::numeric(20, 4)"
        ) from error


def _duration(array: pa.Array) -> pa.Array:
    return array.cast(pa.duration("us"))


def _within(array: pa.Array, bounds: tuple[int, int]) -> pa.Array:
    """Infinity, which no cell can show, arrives as a day that is no day."""
    numbers = array.view(pa.int32() if pa.types.is_date(array.type) else pa.int64())
    found = pc.min_max(numbers).as_py()
    if found["min"] is not None and (found["min"] < bounds[0] or found["max"] > bounds[1]):
        raise pa.ArrowInvalid(
            "a date is infinite or outside the years 1 to 9999, as nullif(until, 'infinity') avoids"
        )
    return array
