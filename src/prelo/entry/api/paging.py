"""Pages of a listing: the cursor that leads to the next one, and the Link that says so."""

import base64
import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar
from urllib.parse import urlencode

from fastapi import Response

from prelo.core.errors import FieldError, Invalid
from prelo.core.model import Model

Row = TypeVar("Row")
_CURSOR = re.compile(r"(\d{1,15})\.([0-9a-f-]{36}|ds_[0-9a-f]{32})")


class Made(Protocol):
    """What is listed by the time when it was made."""

    @property
    def id(self) -> str: ...
    @property
    def created_at(self) -> int: ...


class Numbered(Protocol):
    """What is listed by its number."""

    @property
    def number(self) -> int: ...


def cut(
    found: Sequence[Row], limit: int, place: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """The rows of a page, of which one more was looked for, and the cursor of the next if there is one."""
    rows = found[:limit]
    return rows, place(rows[-1]) if len(found) > limit else None


def placed(made: Made) -> str:
    return cursor_of(made.created_at, made.id)


def numbered(one: Numbered) -> str:
    return str(one.number)


def cursor_of(at: int | None, job_id: str) -> str:
    """The place behind a job, in a listing by this time."""
    return base64.urlsafe_b64encode(f"{at}.{job_id}".encode()).decode().rstrip("=")


def place_of(cursor: str | None) -> tuple[int, str] | None:
    """Read a cursor. Raises Invalid for one that we did not write."""
    if cursor is None:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    match = _CURSOR.fullmatch(text)
    if match is None:
        detail = "this is no cursor of ours; take it from the 'next' of the page before"
        raise Invalid(detail, (FieldError(pointer="/query/cursor", detail=detail),))
    return int(match[1]), match[2]


def link(answer: Response, path: str, query: Model, cursor: str | None) -> Response:
    """The answer with the address of the next page, if there is one."""
    if cursor:
        again = query.model_dump(mode="json", exclude_defaults=True) | {"cursor": cursor}
        answer.headers["Link"] = f'<{path}?{urlencode(again, doseq=True)}>; rel="next"'
    return answer
