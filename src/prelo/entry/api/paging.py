"""Pages of a listing: the cursor that leads to the next one, and the Link that says so."""

import base64
import re
from urllib.parse import urlencode

from fastapi import Response

from prelo.core.errors import FieldError, Invalid
from prelo.core.model import Model

_CURSOR = re.compile(r"(\d{1,15})\.([0-9a-f-]{36}|ds_[0-9a-f]{32})")


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
