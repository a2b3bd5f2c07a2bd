"""Each field that is no job's beside the route that is its like, and how both are asked the same."""

import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

from prelo.core.desk import DeadView, ErrandView, NotedView
from prelo.core.schedule_view import FiringView, ScheduleView, UpcomingView
from prelo.core.view import DatasetView
from prelo.core.webhook import DeliveryView, ReplayedView, WebhookView
from tests.e2e.asking import Answer, Body, camel, every, graph, snake
from tests.e2e.conftest import Door

PAGE = "{nodes%s edges{cursor node%s} pageInfo{hasNextPage endCursor}}"


def paged(view: str) -> str:
    return PAGE % (view, view)


# A field, the place of REST that is its like, its arguments, and all that can be asked of its answer.
SCHEDULE, FIRING = every(ScheduleView), every(FiringView)
DATASET, DEAD = every(DatasetView), every(DeadView)
AUDITED = "filter: AuditFilter, first: Int!, after: String"
WEBHOOK, DELIVERY = every(WebhookView), every(DeliveryView)
FIELDS: dict[str, tuple[str, str, str]] = {
    "schedule": ("GET /v1/schedules/{id}", "id: ID!", SCHEDULE),
    "schedules": ("GET /v1/schedules", "first: Int!, after: String", paged(SCHEDULE)),
    "checkSchedule": (
        "POST /v1/schedules?validate_only=true", "input: ScheduleInput!", every(UpcomingView),
    ),
    "createSchedule": (
        "POST /v1/schedules", "input: ScheduleInput!, idempotencyKey: String",
        f"{{replayed schedule{SCHEDULE}}}",
    ),
    "changeSchedule": ("PATCH /v1/schedules/{id}", "id: ID!, input: ScheduleInput!", SCHEDULE),
    "pauseSchedule": ("POST /v1/schedules/{id}:pause", "id: ID!, until: DateTime", SCHEDULE),
    "resumeSchedule": ("POST /v1/schedules/{id}:resume", "id: ID!", SCHEDULE),
    "runSchedule": ("POST /v1/schedules/{id}:run", "id: ID!", FIRING),
    "deleteSchedule": ("DELETE /v1/schedules/{id}", "id: ID!", ""),
    "webhook": ("GET /v1/webhooks/{id}", "id: ID!", WEBHOOK),
    "webhooks": ("GET /v1/webhooks", "", WEBHOOK),
    "webhook.deliveries": (
        "GET /v1/webhooks/{id}/deliveries", "id: ID!, first: Int!, after: String", paged(DELIVERY),
    ),
    "notices": ("GET /v1/jobs/{job}/notices", "job: ID!", DELIVERY),
    "createWebhook": ("POST /v1/webhooks", "input: WebhookInput!", WEBHOOK),
    "changeWebhook": ("PATCH /v1/webhooks/{id}", "id: ID!, input: WebhookChanges!", WEBHOOK),
    "rotateWebhook": ("POST /v1/webhooks/{id}:rotate", "id: ID!, grace: Float!", WEBHOOK),
    "enableWebhook": ("POST /v1/webhooks/{id}:enable", "id: ID!", WEBHOOK),
    "testWebhook": ("POST /v1/webhooks/{id}:test", "id: ID!", DELIVERY),
    "deleteWebhook": ("DELETE /v1/webhooks/{id}", "id: ID!", ""),
    "replayDelivery": (
        "POST /v1/webhooks/{webhook}/deliveries/{id}:replay", "webhook: ID!, id: ID!", DELIVERY,
    ),
    "replayDeliveries": (
        "POST /v1/webhooks/{webhook}/deliveries:replay", "webhook: ID!", every(ReplayedView),
    ),
    "dataset": ("GET /v1/datasets/{id}", "id: ID!", DATASET),
    "datasets": ("GET /v1/datasets", "first: Int!, after: String", paged(DATASET)),
    "deleteDataset": ("DELETE /v1/datasets/{id}", "id: ID!", ""),
    "deadJob": ("GET /v1/dead/{id}", "id: ID!", DEAD),
    "deadJobs": (
        "GET /v1/dead", "filter: DeadFilter, first: Int!, after: String", paged(DEAD),
    ),
    "deadAudit": ("GET /v1/dead/audit", AUDITED, paged(every(NotedView))),
    "audit": ("GET /v1/audit", AUDITED, paged(every(NotedView))),
    "replayDead": ("POST /v1/dead/replay", "input: ErrandInput!", every(ErrandView)),
    "dropDead": ("POST /v1/dead/drop", "input: ErrandInput!", every(ErrandView)),
    "schedule.upcoming": (
        "GET /v1/schedules/{id}/upcoming", "id: ID!, first: Int!", every(UpcomingView),
    ),
    "schedule.firings": (
        "GET /v1/schedules/{id}/firings", "id: ID!, first: Int!, after: String", paged(FIRING),
    ),
}  # fmt: skip
LISTS = {
    "checkSchedule": ["upcoming"],
    "schedule.upcoming": ["upcoming"],
    "webhooks": ["webhooks"],
    "notices": ["deliveries", "next"],
}
CHANGING = re.compile("(create|change|pause|resume|run|delete|rotate|enable|test|replay|drop)[A-Z]")


class Rest:
    """Asks as GraphQL is asked: `first` is `limit`, and `input` the body."""

    def __init__(self, door: Door) -> None:
        self.http = door.http

    async def ask(self, field: str, **given: Any) -> Answer:
        method, _, path = FIELDS[field][0].partition(" ")
        body = given.pop("input", None)
        named = {"first": "limit", "after": "cursor"}
        query = {named[name]: given[name] for name in named if given.get(name) is not None}
        query |= given.pop("filter", {})
        key = given.get("idempotencyKey")
        if body is None:
            body = {name: given[name] for name in ("until", "grace") if name in given} or None
        asked: dict[str, Any] = {"json": body} if body is not None else {}
        answer = await self.http.request(
            method, path.format(**given), params=query or None,
            headers={"Idempotency-Key": key} if key else {}, **asked,
        )  # fmt: skip
        told = answer.json() if answer.content else given["id"]
        if answer.is_error:
            return {"problem": told}
        if field == "createSchedule":
            replayed = answer.headers.get("idempotency-replayed") == "true"
            return {"replayed": replayed, "schedule": told}
        return told


class Graph:
    def __init__(self, door: Door) -> None:
        self.door = door

    async def ask(self, field: str, **given: Any) -> Any:
        _, types, selection = FIELDS[field]
        kinds = {part.split(":")[0]: part for part in types.split(", ")}
        used = [name for name in kinds if name in given]
        head = ", ".join(f"${kinds[name]}" for name in used)
        first, _, inner = field.partition(".")
        kind = "mutation" if CHANGING.match(field) else "query"
        outer = [name for name in used if name == "id" or not inner]
        query = first + passed(outer)
        if inner:
            query += "{" + inner + passed([name for name in used if name != "id"])
        query += selection + ("}" if inner else "")
        for name in {"input", "filter"} & given.keys():
            given[name] = camels(given[name])
        said = await graph(
            self.door, f"{kind}({head}){{{query}}}" if head else f"{{{query}}}", given
        )
        if "errors" in said:
            (error,) = said["errors"]
            assert error["message"] == error["extensions"]["detail"]
            assert error["path"][0] == first
            return {"problem": error["extensions"]}
        told = said["data"][first]
        return unpaged(field, snake(told[inner] if inner else told))


def passed(names: list[str]) -> str:
    return f"({', '.join(f'{name}: ${name}' for name in names)})" if names else ""


def camels(body: Body) -> Body:
    """A body as GraphQL spells it: its own names, and those of the request in it."""
    return {
        camel(name): camels(one) if name == "request" and one else one for name, one in body.items()
    }


def unpaged(field: str, told: Any) -> Any:
    """A page as REST has it."""
    if field in LISTS:
        name, *rest = LISTS[field]
        return {name: told} | dict.fromkeys(rest)
    if not isinstance(told, dict) or "page_info" not in told:
        return told
    assert [edge["node"] for edge in told["edges"]] == told["nodes"]
    end = told["page_info"]
    assert end["end_cursor"] == (told["edges"][-1]["cursor"] if told["edges"] else None)
    name = {"deadJobs": "jobs", "deadAudit": "entries", "audit": "entries"}.get(
        field, field.rpartition(".")[2]
    )
    return {name: told["nodes"], "next": end["end_cursor"] if end["has_next_page"] else None}


Ask = Callable[..., Any]


def same(said: list[Any]) -> Any:
    """Without ids (numbered as they come), times and cursors."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", json.dumps(said))
    text = re.sub(r'"(next|sha256)": "\w+"', r'"\1": "<it>"', text)
    text = re.sub(r'127.0.0.1:\d+|(?<="ms": )\d+', "0", text)
    text = re.sub('whsec_[^"]+', "<secret>", text)
    text = re.sub(r'("number": |"door": "|"start": ")\w+', r"\g<1>0", text)
    ids: dict[str, str] = {}
    known = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|wh_[0-9a-f]{24}|ds_[0-9a-f]{32}"
    text = re.sub(known, lambda one: ids.setdefault(one[0], f"<id {len(ids)}>"), text)
    return json.loads(text)


async def compared(door: Door, script: Callable[[Ask, Door], AsyncGenerator[Any]]) -> list[Any]:
    """What REST said. A script leaves nothing behind."""
    by_rest = [answer async for answer in script(Rest(door).ask, door)]
    by_graph = [answer async for answer in script(Graph(door).ask, door)]
    pairs = zip(same(by_rest), same(by_graph), strict=True)
    for number, (rest, graphql) in enumerate(pairs):
        assert graphql == rest, (number, rest, graphql)
    return by_rest


def types(said: list[Any]) -> set[str]:
    return {one["problem"]["type"] for one in said if isinstance(one, dict) and "problem" in one}
