"""What a client asks and how it reads the answers: once, for the client that blocks and the one that awaits.

Generators that know neither threads nor event loops: they yield a Call or a Pause, and are sent the answer.
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from decimal import Decimal
from http import HTTPStatus
from itertools import count
from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx

from prelo.client.download import Incoming
from prelo.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Gone,
    Invalid,
    JobFailed,
    KeyReused,
    NotFinished,
    NotFound,
    PreloError,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from prelo.core.job import State
from prelo.core.request import InlineColumn
from prelo.core.table import Manifest
from prelo.core.view import ArtifactView, JobPage, JobView, ReportView

T = TypeVar("T")
Body = dict[str, Any]
OnProgress = Callable[[JobView], object]
ColumnsLike = Mapping[str, str | None] | Sequence[str | InlineColumn]

_LOOK = 25.0  # seconds of one long poll
_TRIES = 6
_MAX_PAUSE = 30.0
_AGAIN = {429, 503}
_REFUSALS: dict[str, type[Refused]] = {
    cls.type: cls
    for cls in (Invalid, NotFound, Conflict, KeyReused, Gone, TooLarge, Unauthenticated, Forbidden)
}


class Options(TypedDict, total=False):
    """What a request may say beside the report; see `POST /v1/jobs`. Seconds, where it is a time."""

    version: int
    format: Literal["xlsx", "pdf", "csv"]
    locale: str
    timezone: str
    overflow: Literal["split_sheets", "split_files", "truncate", "fail"]
    max_age: float
    priority: Literal["high", "normal", "low"]
    deadline: float
    title: str
    notify: Sequence[Mapping[str, str]]
    idempotency_key: str


class Patience(Options, total=False):
    """How to wait for the file: `wait` (True), at most `timeout` seconds (None: as long as it takes), and
    whom to tell about each change.
    """

    wait: bool
    timeout: float | None
    on_progress: OnProgress | None


_NOT_SENT = {"idempotency_key", "wait", "timeout", "on_progress"}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `again`: repeating it after a broken connection is harmless. `wait`: seconds it may hang.

    `into`: where the body goes, instead of into memory.
    """

    method: str
    path: str
    content: bytes | Iterable[bytes] | None = None
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    again: bool = True
    wait: float = 0
    into: Incoming | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float


class Broken(Exception):
    """There was no answer: the connection was refused, lost, or silent for too long."""


def broken(error: httpx.TransportError, url: httpx.URL) -> Broken:
    """What was between us and the server, in a sentence."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return Broken(f"no server answers at {url}; is `prelo serve` running there? ({error})")
    said = str(error) or type(error).__name__
    return Broken(f"no answer from the server at {url}: {said}")


def address(url: str) -> str:
    """The server's address. Raises Invalid for one that is none."""
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, TypeError):
        parts = httpx.URL()
    if parts.scheme not in {"http", "https"} or not parts.host:
        raise Invalid(f"'{url}' is no address of a server; use one such as http://127.0.0.1:8085")
    return url


def known_by(key: str | None, agent: str | None) -> dict[str, str]:
    """The headers of every request. Raises Invalid for a key that cannot be one, and does not repeat it."""
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise Invalid("the key is not one: it has spaces, line ends or letters that no key has")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return headers | ({"User-Agent": agent} if agent else {})


Answer = httpx.Response | Broken | None
Steps = Generator[Call | Pause, Answer, T]


def ask(call: Call) -> Steps[httpx.Response]:
    """An answer that is no error; repeats what is passing, and raises what is not as a Prelo error."""
    for attempt in count(1):
        answer = yield call
        pause = random.uniform(0.5, 1) * min(0.1 * 2**attempt, 5)  # noqa: S311  not a secret
        if isinstance(answer, httpx.Response):
            if answer.is_success or answer.status_code == HTTPStatus.NOT_MODIFIED:
                return answer
            if answer.status_code not in _AGAIN or attempt == _TRIES:
                raise error_of(answer)
            pause = max(pause, min(_retry_after(answer), _MAX_PAUSE))
        elif attempt == _TRIES or not call.again:
            raise Unavailable(str(answer)) from answer
        yield Pause(pause)
    raise AssertionError


def submitting(body: Mapping[str, Any], key: str | None, wait: float = 0) -> Steps[JobView]:
    # The key makes repeating safe, even when the first answer was lost on its way.
    headers = {"Content-Type": "application/json", "Idempotency-Key": f'"{key or uuid.uuid4()}"'}
    if wait >= 1:
        headers["Prefer"] = f"wait={int(wait)}"
    call = Call("POST", "/v1/jobs", to_json(body), headers=headers, wait=wait)
    return JobView.model_validate_json((yield from ask(call)).content)


def looking(job_id: str) -> Steps[JobView]:
    return JobView.model_validate_json((yield from ask(Call("GET", path(job_id)))).content)


def acting(job_id: str, action: Literal[":cancel", ":retry", ":refresh"]) -> Steps[JobView]:
    """After a lost answer a second retry would be refused, as the first one has begun it."""
    answer = yield from ask(Call("POST", path(job_id, action), again=action != ":retry"))
    return JobView.model_validate_json(answer.content)


def waiting(job_id: str, timeout: float | None, on_progress: OnProgress | None) -> Steps[JobView]:
    """Long polls until the job has ended; with `on_progress`, each comes back at the next change."""
    end = None if timeout is None else time.monotonic() + timeout
    seen: dict[str, str] = {}
    while True:
        left = _LOOK if end is None else min(max(end - time.monotonic(), 0), _LOOK)
        if on_progress and not seen:
            left = 0  # the first look is news in any case
        prefer = {"Prefer": f"wait={int(left)}"}
        began = time.monotonic()
        answer = yield from ask(Call("GET", path(job_id), headers=prefer | seen, wait=left))
        if answer.status_code != HTTPStatus.NOT_MODIFIED:
            job = JobView.model_validate_json(answer.content)
            if on_progress:
                on_progress(job)
                seen = {"If-None-Match": answer.headers.get("etag", "")}
            if job.state.ended:
                return job
        if end is not None and time.monotonic() >= end:
            raise NotFinished(
                f"the job {job_id} has not ended in time; it goes on: wait for it again"
            )
        # A server or proxy that does not wait for us must not be asked without end.
        hurried = on_progress is None and time.monotonic() - began < min(left, 1)
        rest = 0.25 if end is None else min(0.25, max(end - time.monotonic(), 0))
        yield Pause(1 if hurried and left > 1 else rest)


def making(body: Mapping[str, Any], options: Patience) -> Steps[JobView]:
    """From the request to the finished job, unless `wait` is False. Raises JobFailed, NotFinished."""
    timeout, on_progress = options.get("timeout"), options.get("on_progress")
    key = options.get("idempotency_key")
    if not options.get("wait", True):
        return (yield from submitting(body, key))
    began = time.monotonic()
    at_once = 0 if on_progress else _LOOK if timeout is None else min(timeout, _LOOK)
    job = yield from submitting(body, key, at_once)
    if not job.state.ended:
        left = None if timeout is None else max(timeout - (time.monotonic() - began), 0)
        job = yield from waiting(job.id, left, on_progress)
    elif on_progress:
        on_progress(job)
    made(job)
    return job


def made(job: JobView) -> ArtifactView:
    """The file of a job that has ended. Raises JobFailed if there is none."""
    if job.state is not State.SUCCEEDED or job.artifact is None:
        raise JobFailed(job.id, job.state, job.error)
    return job.artifact


def page(filters: Mapping[str, Any]) -> Steps[JobPage]:
    answer = yield from ask(Call("GET", "/v1/jobs", params=filters))
    return JobPage.model_validate_json(answer.content)


def forgetting(job_id: str) -> Steps[None]:
    yield from ask(Call("DELETE", path(job_id), again=False))


def reading_manifest(job_id: str) -> Steps[Manifest]:
    answer = yield from ask(Call("GET", path(job_id, "/manifest")))
    return Manifest.model_validate_json(answer.content, extra="ignore")


def catalog() -> Steps[list[ReportView]]:
    answer = yield from ask(Call("GET", "/v1/reports"))
    return [ReportView.model_validate(report) for report in answer.json()["reports"]]


def fetching(job: JobView, into: Incoming) -> Steps[None]:
    """The file of a finished job, its SHA-256 checked; a broken download goes on where it broke."""
    yield from ask(
        Call("GET", path(job.id, "/file"), headers={"Accept-Encoding": "identity"}, into=into)
    )
    into.check(job.id)


def path(job_id: str, action: str = "") -> str:
    # An id with a slash must not become another address.
    return f"/v1/jobs/{quote(job_id, safe='')}{action}"


def body_of(report: str, parameters: Mapping[str, Any] | None, options: Mapping[str, Any]) -> Body:
    return {"report": report, "parameters": dict(parameters or {})} | _said(options)


def inline_body(columns: ColumnsLike, rows: Sequence[Any], options: Mapping[str, Any]) -> Body:
    """`columns`: names, or name to kind (None: as the data says), or InlineColumn."""
    if isinstance(columns, Mapping):
        listed = [
            {"name": n} | ({} if kind is None else {"kind": kind}) for n, kind in columns.items()
        ]
    else:
        listed = [
            {"name": c} if isinstance(c, str) else c.model_dump(mode="json", exclude_defaults=True)
            for c in columns
        ]
    return {"columns": listed, "rows": [list(row) for row in rows]} | _said(options)


def dataset_body(dataset: str, columns: ColumnsLike | None, options: Mapping[str, Any]) -> Body:
    body = inline_body(columns, (), {}) if columns else {}
    body.pop("rows", None)
    return {"dataset": dataset} | body | _said(options)


def _said(options: Mapping[str, Any]) -> Body:
    return {k: v for k, v in options.items() if k not in _NOT_SENT and v is not None}


def to_json(body: Mapping[str, Any]) -> bytes:
    """Dates and times go as ISO 8601, decimals as texts that keep every digit. Raises Invalid."""
    try:
        return json.dumps(body, default=_plain, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise Invalid(f"the request cannot be written as JSON: {error}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, date | clock_time):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if hasattr(value, "item"):  # a scalar of numpy, polars or pandas
        return value.item()
    raise TypeError(f"{value!r} is of type {type(value).__name__}, which JSON does not know")


def error_of(answer: httpx.Response) -> PreloError:
    """The error that a problem document tells of; a sentence about the status where there is none."""
    try:
        told = answer.json()
        kind, detail = str(told["type"]), str(told["detail"])
        found = tuple(FieldError.model_validate(error) for error in told.get("errors", ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = f"the server answered {answer.status_code} {answer.reason_phrase} and said no more"
        kind, found = "", ()
    if answer.status_code in _AGAIN:
        return Unavailable(detail, _retry_after(answer))
    if answer.is_client_error:
        refused = _REFUSALS.get(kind, Refused)(detail)
        refused.errors = found
        return refused
    return PreloError(detail)


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; an HTTP date (which only a proxy would send) counts as none."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdecimal() else 1.0


def as_httpx(call: Call, timeout: float) -> dict[str, Any]:
    """The arguments of httpx's `stream`."""
    rest = call.into.headers() if call.into else {}
    return {
        "method": call.method,
        "url": call.path,
        "content": call.content,
        "params": call.params,
        "headers": {**call.headers, **rest},
        "timeout": httpx.Timeout(timeout, read=timeout + call.wait),
    }


class Filters(TypedDict, total=False):
    """Which jobs to list; `limit` is the size of a page."""

    state: str | Sequence[str]
    report: str
    created_after: datetime
    limit: int


def query_of(filters: Filters) -> dict[str, Any]:
    query: dict[str, Any] = dict(filters)
    if "created_after" in filters:
        query["created_after"] = filters["created_after"].astimezone().isoformat()
    return query
