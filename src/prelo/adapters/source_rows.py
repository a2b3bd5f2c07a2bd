"""Rows that came with the request."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from prelo.core.errors import SourceInvalid
from prelo.core.report import Report
from prelo.core.table import Column

_INT64 = range(-(2**63), 2**63)
_DIGITS = 19  # before, and after, the point: both fit Arrow's 38
_SHOWN = 60


class RowsSource:
    """Port Source for inline rows: JSON values, each read as its column's kind says."""

    @contextmanager
    def open(self, report: Report, parameters: Mapping[str, Any]) -> Generator[object]:  # noqa: ARG002
        yield _table(report)

    def count(self, report: Report, parameters: Mapping[str, Any]) -> int | None:  # noqa: ARG002
        return len(report.source.rows or ())

    def check(self, report: Report) -> None:
        """Cheap enough to be asked when the rows are handed in: it converts them once."""
        _table(report)


def _table(report: Report) -> pa.Table:
    """The rows as an Arrow table. Raises SourceInvalid naming the row, the column and the value."""
    names, rows = report.source.names, report.source.rows or ()
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise SourceInvalid(
                f"row {number} has {len(row)} values, the report has {len(names)} columns"
            )
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    arrays = [
        _array(name, report.columns.get(name, Column()), values)
        for name, values in zip(names, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, names=list(names))


def _array(name: str, column: Column, values: tuple[Any, ...]) -> pa.Array:
    kind = column.kind.name if column.kind else _kind_of(values)
    read = _READERS.get(kind) or _number_reader(values)
    out: list[Any] = []
    for number, value in enumerate(values, 1):
        try:
            out.append(None if value is None else read(value))
        except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
            shown = repr(value)
            shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
            raise SourceInvalid(
                f"column '{name}', row {number}: {shown} is not a valid {column.kind or kind}"
            ) from error
    if kind == "datetime":
        return _times(name, out)
    return pa.array(out, _TYPES.get(kind))


def _kind_of(values: tuple[Any, ...]) -> str:
    """The kind of a column nobody described: what all of its values are, else text."""
    types: set[type[Any]] = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "boolean"
    if types == {int} and all(value in _INT64 for value in values if value is not None):
        return "integer"
    return "number" if types and types <= {int, float} else "text"


def _number_reader(values: tuple[Any, ...]) -> Callable[[Any], Any]:
    """JSON numbers stay floats; a column with numbers in texts becomes exact decimals."""
    return _decimal if any(isinstance(value, str | Decimal) for value in values) else _float


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    number = int(value)
    if number not in _INT64:
        raise OverflowError
    return number


def _float(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise TypeError
    number = Decimal(str(value).strip())
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.adjusted() >= _DIGITS or exponent < -_DIGITS:
        raise ValueError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False}.get(value.strip().lower())
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError
    return value if isinstance(value, date) else date.fromisoformat(value)


def _datetime(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _time(value: Any) -> time:
    return value if isinstance(value, time) else time.fromisoformat(value)


def _duration(value: Any) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=_float(value))


def _text(value: Any) -> str:
    if isinstance(value, dict | list | tuple):
        raise TypeError
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text.encode()  # JSON can hold half a surrogate pair, which is no text
    return text


def _times(name: str, values: list[datetime | None]) -> pa.Array:
    zoned = {value.tzinfo is not None for value in values if value is not None}
    if len(zoned) > 1:
        raise SourceInvalid(f"column '{name}' has times with a zone and times without; choose one")
    return pa.array(values, pa.timestamp("us", "UTC" if True in zoned else None))


_READERS: dict[str, Callable[[Any], Any]] = {
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "duration": _duration,
    "text": _text,
    "code": _text,
    "link": _text,
}
_TYPES: dict[str, pa.DataType] = {
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "duration": pa.duration("us"),
    "text": pa.string(),
    "code": pa.string(),
    "link": pa.string(),
}
