"""Errors as RFC 9457 problem documents: which status each has, and nothing of the inside."""

import math
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, ClassVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from prelo.core import errors
from prelo.core.errors import FieldError, Invalid, NotFound, PreloError, Problem, Refused
from prelo.entry.api.fields import spent

MEDIA_TYPE = "application/problem+json"


class HttpRefused(Refused):
    """A request that is wrong as HTTP, whatever it asks for."""

    status: ClassVar[int] = 400


class BadHeader(HttpRefused):
    type = "header-invalid"
    title = "A header is not valid"


class NotJson(HttpRefused):
    type = "not-json"
    title = "The body is not JSON"


class WrongMediaType(HttpRefused):
    type = "media-type-unsupported"
    title = "The body is of another media type"
    status = 415


class NotAllowed(HttpRefused):
    type = "method-not-allowed"
    title = "This address knows other methods"
    status = 405


class RangeUnsatisfiable(HttpRefused):
    """The Range lies outside of a file of `size` bytes."""

    type = "range-unsatisfiable"
    title = "The range lies outside of the file"
    status = 416

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size} bytes; ask for a range within them")
        self.size = size


_JOB = re.compile(r"/v1/jobs/(?!.{8}-.{4}-.{4}-.{4}-.{12})([^/:]+)")
_SHAPES = {
    "model_type": "object", "model_attributes_type": "object", "dict_type": "object",
    "list_type": "array", "tuple_type": "array",
}  # fmt: skip
_STATUS: dict[type[PreloError], int] = {
    errors.Invalid: 422,
    errors.KeyReused: 422,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.Refused: 400,
    errors.TooManyJobs: 429,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
    errors.Transient: 503,  # storage that cannot be reached while a file is handed out
}
INTERNAL = Problem(
    type="internal",
    title="Something went wrong inside",
    detail="the server made a mistake and has logged it; nothing was half-done, so trying again is safe",
    retryable=True,
)


def status_of(error: PreloError) -> int:
    """The status of an error: its own, or the nearest one up its tree; 500 for what is not the caller's."""
    if isinstance(error, HttpRefused):
        return error.status
    return next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), 500)


def retry_after(error: PreloError) -> int | None:
    """Seconds until it is worth asking again, where that is to be said."""
    if status_of(error) in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        return max(1, math.ceil(getattr(error, "retry_after", 5)))
    return None


def document(problem: Problem, status: int) -> dict[str, Any]:
    """The problem's JSON. Members that say nothing are left out."""
    body = problem.model_dump(mode="json", exclude_none=True)
    if not problem.errors:
        del body["errors"]
    return {"type": body.pop("type"), "title": body.pop("title"), "status": status, **body}


def answer(
    problem: Problem,
    status: int,
    headers: Mapping[str, str] | None = None,
    quotas: Collection[str] = (),
) -> JSONResponse:
    """`quotas` are used up, as the RateLimit fields call them."""
    content = document(problem, status) | ({"violated-policies": list(quotas)} if quotas else {})
    kept = {"Vary": "Prefer", "Cache-Control": "no-store"} | dict(headers or {})
    return JSONResponse(content, status, kept, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error that leaves the application leaves as a problem."""
    app.add_exception_handler(PreloError, _known)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _unrouted)
    app.add_exception_handler(Exception, _unexpected)


async def _known(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PreloError)  # noqa: S101  registered for it
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        raise error  # the operator's or ours: to the log, and to the caller without its details
    headers: dict[str, str] = {}
    quotas: tuple[str, ...] = ()
    if (seconds := retry_after(error)) is not None:
        headers["Retry-After"] = str(seconds)
        if isinstance(error, errors.TooManyJobs | errors.TooManyRequests):
            quotas = (error.policy,)
            headers |= spent(error.policy, seconds)
    if isinstance(error, RangeUnsatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, errors.Unauthenticated | errors.Forbidden):
        headers["WWW-Authenticate"] = _challenge(error)
    return answer(error.problem(), status, headers, quotas)


def _challenge(error: errors.Unauthenticated | errors.Forbidden) -> str:
    """RFC 6750 section 3: no error where nothing was shown; the detail stands in the body."""
    said = ['Bearer realm="prelo"']
    if isinstance(error, errors.Forbidden):
        said.append('error="insufficient_scope"')
        said += [f'scope="{error.scope}"'] if error.scope else []
    elif error.given:
        said.append('error="invalid_token"')
    return ", ".join(said)


async def _unreadable(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for it
    found = field_errors(error.errors())
    detail = "; ".join(f"{e.pointer}: {e.detail}" for e in found)
    return answer(Invalid(f"the address is not valid: {detail}", found).problem(), 422)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it
    place = f"{request.method} {request.url.path}"
    if error.status_code == HTTPStatus.NOT_FOUND:
        said = NotFound(f"there is nothing at {place}; /docs lists what there is")
        if no_id := _JOB.match(request.url.path):
            said = NotFound(f"there is no job '{no_id[1]}'; the id of a job is a UUID")
        return answer(said.problem(), 404)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = ", ".join(sorted(_methods(request)))
        return answer(NotAllowed(f"{place}: use {allow}").problem(), 405, {"Allow": allow})
    return answer(HttpRefused(str(error.detail)).problem(), error.status_code, error.headers)


def _methods(request: Request) -> set[str]:
    """Every method of this address; the router itself names those of its first route only."""
    found: set[str] = set()
    for route in request.app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return found


async def _unexpected(_request: Request, _error: Exception) -> Response:
    """The server logs the exception itself, once, after this answer."""
    return answer(INTERNAL, 500)


def field_errors(found: Any, prefix: str = "") -> tuple[FieldError, ...]:
    """Pydantic's errors with JSON pointers (RFC 6901)."""
    return tuple(
        FieldError(pointer=prefix + pointer(*e["loc"]), detail=_sentence(e)) for e in found
    )


def pointer(*path: object) -> str:
    """RFC 6901: `/` in a name is `~1`, and `~` is `~0`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _sentence(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    if error["type"] in _SHAPES:
        return f"must be a JSON {_SHAPES[error['type']]}"
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")
