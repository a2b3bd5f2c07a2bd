"""What a highlight compares with, read as the kind of its column."""

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Compared
from prelo.formats.stream import Field

_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)(?::([0-5]\d))?")

T = TypeVar("T")


def read(field: Field, reading: Callable[[Compared], T], value: Compared) -> T:
    """The value as `reading` has it. Raises FormatFailed where that is a ValueError or InvalidOperation."""
    try:
        return reading(value)
    except (ValueError, InvalidOperation) as error:
        raise FormatFailed(
            f"the column '{field.name}' is a {field.kind}, and its highlight compares it with '{value}', "
            "which is none"
        ) from error


def number(value: Compared) -> Decimal:
    """A finite number, exact."""
    found = Decimal(str(value))
    if not found.is_finite():
        raise ValueError
    return found


def boolean(value: Compared) -> bool:
    """Written true or false, in any case."""
    word = str(value).lower()
    if word not in {"true", "false"}:
        raise ValueError
    return word == "true"


def moment(value: Compared) -> datetime:
    """A date, or a date and time, without a zone."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if not isinstance(value, date):
        raise ValueError  # noqa: TRY004  it becomes a sentence, as a text that is no date does
    return datetime.combine(value, time())


def span(value: Compared) -> timedelta:
    """Hours, minutes and, if need be, seconds: 36:00, 0:07:30."""
    match = _CLOCK.fullmatch(str(value))
    if not match:
        raise ValueError
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)
