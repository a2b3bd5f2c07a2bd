"""What MySQL's types become. Everything arrives as text, whole columns of which Arrow reads at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute

from prelo.adapters.source_sql.database import Change

pc: Any = pyarrow.compute  # made of the C++ functions as it is imported: no type checker sees them

BIT = 16
_UNSIGNED = 32
_TIMESTAMP, _LONGLONG, _TIME = 7, 8, 11
_WHOLE = {1, 2, 3, 8, 9, 13, BIT}
_DECIMALS = {0, 246}
_FLOATS = {4, 5}
_DAYS = {10, 14}
_MOMENTS = {7, 12}
_BYTES = {249, 250, 251, 252, 253, 254, 15}
_GEOMETRY = 255
_CLOCK = r"^(?P<sign>-?)(?P<h>\d+):(?P<m>\d\d):(?P<s>\d\d)(?:\.(?P<f>\d{1,6}))?$"


@dataclass(frozen=True, slots=True)
class Header:
    """What the server says of a column: the code of its type, its decimals and its flags."""

    name: str
    code: int
    decimals: int
    flags: int


@dataclass(frozen=True, slots=True)
class Read:
    """A column: its type, and how a batch of texts becomes that."""

    name: str
    dtype: pa.DataType
    change: Change


def column_of(header: Header, kinds: Mapping[str, str]) -> Read:
    """How a column is read; a TIME is a duration, for it may be 838 hours, unless its kind is `time`."""
    kind = kinds.get(header.name, "")
    if header.code in _DAYS | _MOMENTS:
        dtype = _moment(header.code)
        return Read(header.name, dtype, partial(_dated, dtype=dtype))
    if header.code == _TIME and kind != "time":
        return Read(header.name, pa.duration("us"), _duration)
    if header.code in _BYTES | {_GEOMETRY}:
        return Read(header.name, pa.string(), _text)
    dtype = _number(header)
    return Read(header.name, dtype, partial(_parsed, dtype=dtype))


def _moment(code: int) -> pa.DataType:
    if code in _DAYS:
        return pa.date32()
    return pa.timestamp("us", "UTC" if code == _TIMESTAMP else None)


def _number(header: Header) -> pa.DataType:
    if header.code in _WHOLE:
        big = header.code == _LONGLONG and header.flags & _UNSIGNED
        return pa.uint64() if big or header.code == BIT else pa.int64()
    if header.code in _DECIMALS:
        return pa.decimal128(38, min(header.decimals, 38))
    return pa.float64() if header.code in _FLOATS else pa.string()


def _text(array: pa.Array) -> pa.Array:
    """Raises pa.ArrowInvalid for bytes that are no text."""
    return array.cast(pa.string())


def _parsed(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    return _text(array).cast(dtype)


def _dated(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """0000-00-00 is MySQL's word for no date; others that there are not, as 2024-02-00, are refused."""
    text = _text(array)
    text = pc.if_else(pc.starts_with(text, "0000-00-00"), pa.scalar(None, pa.string()), text)
    if pa.types.is_timestamp(dtype):
        return text.cast(pa.timestamp("us")).cast(dtype)
    return text.cast(dtype)


def _duration(array: pa.Array) -> pa.Array:
    parts = pc.extract_regex(_text(array), _CLOCK)
    hours, minutes, seconds = (
        pc.struct_field(parts, name).cast(pa.int64()) for name in ("h", "m", "s")
    )
    fraction = pc.utf8_rpad(pc.struct_field(parts, "f"), 6, "0").cast(pa.int64())
    whole = pc.add(pc.multiply(pc.add(pc.multiply(hours, 60), minutes), 60), seconds)
    micros = pc.add(pc.multiply(whole, 1_000_000), fraction)
    behind = pc.equal(pc.struct_field(parts, "sign"), "-")
    return pc.if_else(behind, pc.negate(micros), micros).cast(pa.duration("us"))
