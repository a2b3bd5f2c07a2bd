"""The description of the API: OpenAPI 3.1, with every route's answers, its problems and examples."""

import re
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from prelo.core import desk, schedule_view, view, webhook
from prelo.core.errors import FieldError, Problem
from prelo.core.request import Request
from prelo.core.schedule import Plan
from prelo.core.table import Manifest
from prelo.entry.api.problems import MEDIA_TYPE, document
from prelo.entry.api.rights import NEEDS

Route = TypeVar("Route", bound=Callable[..., Awaitable[Response]])
Told = dict[str, Any]
_ABOUT = """Ask for a report; it is made in the background, exactly once, and handed over as a file.

`POST /v1/jobs` answers 202 with a job at once (or 201 when the file is there). Look at the job until it
has ended, then fetch its file. A request that equals an earlier one is answered by the same job.
Every error is an `application/problem+json` document (RFC 9457) whose `type` is stable;
docs/errors.md says of each what to do.
"""
_JOB_ID = "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"
_JOB: dict[str, Any] = {
    "id": _JOB_ID, "report": "sales", "version": 3, "format": "xlsx",
    "parameters": {"start": "2026-01-01", "end": "2026-02-01"}, "generation": 0,
    "state": "queued", "progress": {"rows": 0, "pages": 0}, "attempt": 0, "warnings": [],
    "run_at": "2026-02-01T08:00:00.000Z", "created_at": "2026-02-01T08:00:00.000Z",
    "links": {
        "self": f"/v1/jobs/{_JOB_ID}", "events": f"/v1/jobs/{_JOB_ID}/events",
        "cancel": f"/v1/jobs/{_JOB_ID}:cancel",
    },
}  # fmt: skip
_EXAMPLES = {
    "a report of the catalog": {
        "value": {
            "report": "sales",
            "parameters": {"start": "2026-01-01", "end": "2026-02-01"},
            "format": "pdf",
            "locale": "pt-BR",
            "timezone": "America/Sao_Paulo",
        }
    },
    "rows of your own": {
        "value": {
            "title": "Two rows",
            "format": "xlsx",
            "columns": [{"name": "item", "kind": "text"}, {"name": "price", "kind": "money:EUR"}],
            "rows": [["tea", 3.5], ["milk", 1.2]],
        }
    },
}
_MODELS: tuple[type[BaseModel], ...] = (
    view.JobView, view.JobPage, view.ReportView, view.ReportPage, view.CheckedView, view.StatusView,
    view.DatasetView, view.DatasetPage,
    desk.DeadView, desk.DeadPage, desk.ErrandView, desk.AuditPage, desk.Errand,
    schedule_view.ScheduleView, schedule_view.SchedulePage, schedule_view.PreviewView,
    schedule_view.FiringView, schedule_view.FiringPage, schedule_view.Pause, schedule_view.Changes,
    webhook.WebhookView, webhook.WebhookPage, webhook.DeliveryView, webhook.DeliveryPage,
    webhook.ReplayedView, webhook.NewWebhook, webhook.WebhookPatch, webhook.Rotation,
    Manifest, Plan, Problem, Request,
)  # fmt: skip
_READ = {Request, Plan, desk.Errand, schedule_view.Pause, schedule_view.Changes, webhook.NewWebhook,
         webhook.WebhookPatch, webhook.Rotation}  # fmt: skip
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, or a token of the issuer; the scope that is named is needed. Not where the "
    "server asks nobody who they are.",
}
_SUCCESSES = {
    200: "Here it is.",
    201: "The file is ready; `Location` is its job.",
    202: "Accepted and under way; `Location` is the job, `Retry-After` the seconds to the next look.",
    204: "Done; there is nothing more to say.",
    206: "The range that was asked for.",
    304: "Unchanged since the answer with that `ETag`.",
    307: "The file is at `Location`, for a short while.",
}
_OTHERWISE = {
    201: "It is made; `Location` is where.",
    202: "Accepted and under way.",
}  # what is no job
# Fields that an answer of this status always has.
_FIELDS: dict[int, tuple[str, str]] = {
    201: ("Location", "What was made, or the job whose file it is."),
    206: ("Content-Range", "Which bytes these are, as `bytes 0-99/8021`."),
    304: ("ETag", "The tag that is known."),
    307: ("Location", "Where the file is."),
    401: ("WWW-Authenticate", "RFC 6750."),
    403: ("WWW-Authenticate", "RFC 6750; `scope` is the one that is missing."),
    429: ("Retry-After", "Seconds until it is worth asking again."),
    503: ("Retry-After", "Seconds until it is worth asking again."),
}
# What has an id of its own, and what paths call that.
_IDS = {
    "JobView": "job_id", "ScheduleView": "schedule_id", "WebhookView": "webhook_id",
    "DatasetView": "dataset",
}  # fmt: skip
_PROBLEMS: dict[int, Problem] = {
    400: Problem(type="not-json", title="The body is not JSON", detail="line 1, column 9: expected ','"),
    401: Problem(type="unauthenticated", title="Who asks is not known",
                 detail="say who you are: send the header 'Authorization: Bearer …' with an API key"),
    403: Problem(type="forbidden", title="That is not allowed",
                 detail="this needs the scope jobs:write; yours are: jobs:read"),
    404: Problem(type="not-found", title="Not found", detail=f"there is no job {_JOB_ID}"),
    409: Problem(type="conflict", title="The request conflicts with the present state",
                 detail="the job is queued: there is no file"),
    410: Problem(type="gone", title="The file has expired",
                 detail="the file's retention is over; retry the job to make it again"),
    413: Problem(type="too-large", title="The request is too large",
                 detail="the body has more than 1048576 bytes, which is the most that is taken"),
    415: Problem(type="media-type-unsupported", title="The body is of another media type",
                 detail="the body must be application/json, not text/csv"),
    416: Problem(type="range-unsatisfiable", title="The range lies outside of the file",
                 detail="the file has 8021 bytes; ask for a range within them"),
    422: Problem(type="parameters-invalid", title="The request is not valid",
                 detail="the parameters do not fit the report: start: must be given",
                 errors=(FieldError(pointer="/parameters/start", detail="must be given"),)),
    429: Problem(type="too-many-jobs", title="Too many of your jobs are waiting", retryable=True,
                 detail="500 of your jobs are waiting already; ask again when some are done"),
    503: Problem(type="unavailable", title="Not possible just now", retryable=True,
                 detail="100000 jobs are waiting already; ask again later"),
}  # fmt: skip

_BAD_HEADER = Problem(
    type="header-invalid",
    title="A header is not valid",
    detail="From must be 1 to 255 printable characters, as user@host",
)


def describe(
    summary: str, successes: Iterable[str], problems: Iterable[int] = ()
) -> dict[str, Any]:
    """A route's keywords. A success is "status:Model", or "status:One|Other"; "status:media/type …" when its
    answer is no model of ours, "status" when it is empty.
    """
    responses: dict[int | str, Any] = {}
    for success in successes:
        status, _, model = success.partition(":")
        meaning = _SUCCESSES[int(status)] if model == "JobView" else _OTHERWISE.get(int(status))
        told = {"description": meaning or _SUCCESSES[int(status)], **_content(model)}
        responses[int(status)] = told | _fields(int(status))
    for status in problems:
        responses[status] = _problem(HTTPStatus(status).phrase, _PROBLEMS[status], status)
    other = Problem(type="internal", title="Something went wrong inside", detail="try again")
    responses["default"] = _problem("Any other error, a problem too", other, 500)
    # A response of no media type: else FastAPI adds that of JSON.
    return {"summary": summary, "responses": responses, "response_class": Response}


def get(router: APIRouter, path: str, **described: Any) -> Callable[[Route], Route]:
    """Register a route for GET and, as RFC 9110 wants it wherever there is GET, for HEAD."""

    def register(route: Route) -> Route:
        router.add_api_route(path, route, methods=["GET"], **described)
        router.add_api_route(path, route, methods=["HEAD"], include_in_schema=False)
        return route

    return register


def _content(model: str) -> dict[str, Any]:
    if not model:
        return {}
    if "/" in model:
        kinds = {name: {"schema": {"type": "object"}} for name in model.split() if "json" in name}
        return {"content": {name: kinds.get(name, {}) for name in model.split()}}
    either = [{"$ref": f"#/components/schemas/{name}"} for name in model.split("|")]
    shape: Told = {"schema": {"anyOf": either} if len(either) > 1 else either[0]}
    if model == "JobView":
        shape["example"] = _JOB
    return {"content": {"application/json": shape}}


def reads(model: str, **more: Any) -> dict[str, Any]:
    """What OpenAPI says of a body that the route reads by itself."""
    content = {"schema": {"$ref": f"#/components/schemas/{model}"}, **more}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def _problem(description: str, problem: Problem, status: int) -> dict[str, Any]:
    shape = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "example": document(problem, status),
    }
    return {"description": description, "content": {MEDIA_TYPE: shape}} | _fields(status)


def _fields(status: int) -> Told:
    if status not in _FIELDS:
        return {}
    name, meaning = _FIELDS[status]
    kind = "integer" if name == "Retry-After" else "string"
    field = {"required": True, "description": meaning, "schema": {"type": kind}}
    return {"headers": {name: field}}


def header(name: str, description: str, example: str) -> Told:
    """A header that the route reads by itself."""
    schema = {"type": "string"}
    return {
        "name": name, "in": "header", "description": description, "schema": schema, "example": example,
    }  # fmt: skip


PREFER = header("Prefer", "RFC 7240; `wait` in seconds, at most 60.", "respond-async, wait=10")
IF_NONE_MATCH = header(
    "If-None-Match", "The `ETag` that is known: 304 as long as it is true.", '"5f7c"'
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "1 to 255 printable characters. The same key with the same body answers what the first call made.",
    '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
)
CREATE: dict[str, Any] = describe(
    "Ask for a report",
    ("200:JobView|CheckedView", "201:JobView", "202:JobView"),
    (400, 404, 413, 415, 422, 429, 503),
) | {
    "status_code": 202,
    "openapi_extra": {
        **reads("Request", examples=_EXAMPLES),
        "parameters": [IDEMPOTENCY_KEY, PREFER],
    },
}


def install(app: FastAPI, version: str) -> None:
    """Describe the application once, when somebody first asks."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title="Prelo", version=version, description=_ABOUT, routes=app.routes
            )
            made["components"] = {"schemas": _schemas(), "securitySchemes": {"bearer": _BEARER}}
            for path, methods in made["paths"].items():
                for method, told in methods.items():
                    _guarded(told, NEEDS.get(f"{method.upper()} {path}"))
            _link(made["paths"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _guarded(told: dict[str, Any], scope: str | None) -> None:
    """Say what a route needs, and how it refuses who does not have it."""
    if "requestBody" not in told and "400" in told["responses"]:
        told["responses"]["400"] = _problem("Bad Request", _BAD_HEADER, 400)
    if scope is None:
        return
    told["security"] = [{"bearer": [scope]}, {}]
    for status in (401, 403, 429):
        problem = _problem(HTTPStatus(status).phrase, _PROBLEMS[status], status)
        told["responses"].setdefault(str(status), problem)


def _link(paths: Told) -> None:
    """Say, where something is made, what can be done with it by its id (OpenAPI's links)."""
    for path, methods in paths.items():
        answers = methods.get("post", {}).get("responses", {}) if "{" not in path else {}
        for answer in answers.values():
            reference = answer.get("content", {}).get("application/json", {}).get("schema", {})
            name = _IDS.get(reference.get("$ref", "").rpartition("/")[2])
            if name is not None:
                answer["links"] = {
                    told["operationId"]: {
                        "operationId": told["operationId"],
                        "parameters": {name: "$response.body#/id"},
                    }
                    for place, others in paths.items()
                    for told in others.values()
                    if re.findall("{(.*?)}", place) == [name]
                }


def _schemas() -> dict[str, Any]:
    modes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        (model, "validation" if model in _READ else "serialization") for model in _MODELS
    ]
    _, definitions = models_json_schema(modes, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = definitions["$defs"]
    status = {"type": "integer", "description": "The status of this answer"}
    told = schemas["Problem"]
    told["properties"] |= {
        "status": status,
        "violated-policies": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The quotas that are used up, as the RateLimit fields call them",
        },
    }
    told["properties"]["type"]["description"] = "It stays as it is; docs/errors.md has each"
    checksum = {"type": "string", "description": "Of the file, as sha256:…"}
    schemas["Manifest"]["properties"]["checksum"] = checksum
    return schemas
