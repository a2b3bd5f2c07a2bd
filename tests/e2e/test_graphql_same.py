"""What is no job's, by both doors: a script is asked by REST and by GraphQL, and the answers are compared."""

import json
import re
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from prelo.core.schedule_view import FiringView, ScheduleView, UpcomingView
from tests.e2e.asking import Answer, Body, camel, every, graph, snake
from tests.e2e.conftest import Door

NOWHERE = "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"
PAGE = "{nodes%s edges{cursor node%s} pageInfo{hasNextPage endCursor}}"


def paged(view: str) -> str:
    return PAGE % (view, view)


# A field, the place of REST that is its like, its arguments, and all that can be asked of its answer.
SCHEDULE, FIRING = every(ScheduleView), every(FiringView)
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
    "schedule.upcoming": (
        "GET /v1/schedules/{id}/upcoming", "id: ID!, first: Int!", every(UpcomingView),
    ),
    "schedule.firings": (
        "GET /v1/schedules/{id}/firings", "id: ID!, first: Int!, after: String", paged(FIRING),
    ),
}  # fmt: skip
CHANGING = re.compile("create|change|pause|resume|run|delete")


class Rest:
    """Asks as GraphQL is asked: `first` is `limit`, and `input` the body."""

    def __init__(self, door: Door) -> None:
        self.http = door.http

    async def ask(self, field: str, **given: Any) -> Answer:
        method, _, path = FIELDS[field][0].partition(" ")
        body = given.pop("input", None)
        named = {"first": "limit", "after": "cursor"}
        query = {named[name]: given[name] for name in named if given.get(name) is not None}
        key = given.get("idempotencyKey")
        if body is None and "until" in given:
            body = {"until": given["until"]}
        asked: dict[str, Any] = {"json": body} if body is not None else {}
        answer = await self.http.request(
            method, path.format(**given), params=query or None,
            headers={"Idempotency-Key": key} if key else {}, **asked,
        )  # fmt: skip
        told = answer.json() if answer.content else given["id"]
        if answer.is_error:
            return {"problem": told}
        if field.startswith("create") and "schedule" in field.lower():
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
        if "input" in given:
            given["input"] = camels(given["input"])
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
    if field in {"checkSchedule", "schedule.upcoming"}:
        return {"upcoming": told}
    if not isinstance(told, dict) or "page_info" not in told:
        return told
    assert [edge["node"] for edge in told["edges"]] == told["nodes"]
    end = told["page_info"]
    assert end["end_cursor"] == (told["edges"][-1]["cursor"] if told["edges"] else None)
    name = field.rpartition(".")[2]
    return {name: told["nodes"], "next": end["end_cursor"] if end["has_next_page"] else None}


Ask = Callable[..., Any]


def same(said: list[Any]) -> Any:
    """Without ids (numbered as they come), times and cursors."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", json.dumps(said))
    text = re.sub(r'"next": "\w+"', '"next": "<it>"', text)
    text = re.sub('whsec_[^"]+', "<secret>", text)
    ids: dict[str, str] = {}
    known = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|wh_[0-9a-f]{24}"
    text = re.sub(known, lambda one: ids.setdefault(one[0], f"<id {len(ids)}>"), text)
    return json.loads(text)


async def compared(door: Door, script: Callable[[Ask, Door], AsyncGenerator[Any]]) -> list[Any]:
    """What REST said. A script leaves nothing behind."""
    by_rest = [answer async for answer in script(Rest(door).ask, door)]
    by_graph = [answer async for answer in script(Graph(door).ask, door)]
    pairs = zip(same(by_rest), same(by_graph), strict=True)
    for number, (rest, graphql) in enumerate(pairs):
        assert graphql == rest, number
    return by_rest


def types(said: list[Any]) -> set[str]:
    return {one["problem"]["type"] for one in said if isinstance(one, dict) and "problem" in one}


PLAN: Body = {
    "name": "Stock at dawn",
    "cron": "0 7 * * *",
    "timezone": "Europe/Lisbon",
    "request": {"report": "stock", "format": "csv", "max_age": 600, "priority": "low"},
    "starts_at": "2026-01-01T00:00:00Z",
    "exclude": ["2026-12-24/2027-01-02"],
    "misfire": "all",
    "grace": 90.5,
    "catch_up": 3,
    "overlap": "wait",
}
BY_DAY = {"start": "{{ today - 1 month }}", "region": "north"}
MONTHLY: Body = {
    "name": "Sales", "cron": "0 7 1 * *",
    "request": {"report": "sales", "format": "csv", "parameters": BY_DAY},
}  # fmt: skip


async def of_schedules(ask: Ask, door: Door) -> AsyncGenerator[Any]:
    key = f"k{id(ask)}"
    yield await ask("checkSchedule", input=MONTHLY)
    yield (made := await ask("createSchedule", input=PLAN, idempotencyKey=key))
    yield await ask("createSchedule", input=PLAN, idempotencyKey=key)
    yield await ask("createSchedule", input=MONTHLY, idempotencyKey=key)
    yield (other := await ask("createSchedule", input=MONTHLY))
    first, second = made["schedule"]["id"], other["schedule"]["id"]
    yield (page := await ask("schedules", first=1))
    yield await ask("schedules", first=1, after=page["next"])
    yield await ask("schedule.upcoming", id=second, first=7)
    changes = {"name": "New", "starts_at": None, "request": {"max_age": None, "title": ""}}
    yield await ask("changeSchedule", id=first, input=changes)
    yield await ask(
        "changeSchedule", id=second, input={"request": {"parameters": {"start": "soon"}}}
    )
    yield await ask("changeSchedule", id=second, input={"cron": "7 * *", "name": None})
    yield await ask("pauseSchedule", id=second, until="2099-01-01T00:00:00+02:00")
    yield await ask("pauseSchedule", id=second, until="2001-01-01T00:00:00Z")
    yield await ask("pauseSchedule", id=second)
    yield await ask("schedule.upcoming", id=second, first=7)
    yield await ask("resumeSchedule", id=second)
    yield (fired := await ask("runSchedule", id=first))
    yield await ask("runSchedule", id=first)
    yield (page := await ask("schedule.firings", id=first, first=1))
    yield await ask("schedule.firings", id=first, first=1, after=page["next"])
    yield await ask("schedule", id=first)
    for one in (first, second):
        yield await ask("deleteSchedule", id=one) == one
    for field in ("schedule", "pauseSchedule", "resumeSchedule", "runSchedule", "deleteSchedule"):
        yield await ask(field, id=first)
    yield await ask("changeSchedule", id=first, input={})
    yield await ask("schedules", first=9)
    for job in (await door.http.get("/v1/jobs")).json()["jobs"]:
        await door.http.post(f"/v1/jobs/{job['id']}:cancel")
        await door.http.delete(f"/v1/jobs/{job['id']}")
    assert fired["job"]


async def test_schedules_are_the_same_by_rest_and_by_graphql(door: Door):
    said = await compared(door, of_schedules)
    assert types(said) == {"idempotency-key-reused", "parameters-invalid", "not-found"}


WRONG: list[Body] = [
    {}, {**PLAN, "cron": "61 * * * *"}, {**PLAN, "timezone": "Moon/Crater"},
    {**PLAN, "request": {"report": "none"}}, {**PLAN, "request": {"rows": [[1]]}},
    {**PLAN, "request": None, "name": None}, {**PLAN, "name": " a", "grace": -1, "catch_up": 101},
    {**MONTHLY, "request": {"report": "sales"}}, {**PLAN, "exclude": ["soon"]},
    {**PLAN, "starts_at": "2500-01-01T00:00:00Z"}, {**PLAN, "ends_at": "2025-01-01T00:00:00Z"},
]  # fmt: skip


@pytest.mark.parametrize("plan", WRONG)
async def test_a_plan_that_rest_refuses_is_refused_in_the_same_words(door: Door, plan: Body):
    for field in ("createSchedule", "checkSchedule"):
        refused = await Rest(door).ask(field, input=plan)
        assert refused["problem"]["status"] in {404, 422}
        assert await Graph(door).ask(field, input=plan) == refused


async def test_a_schedules_key_is_the_same_key_at_both_doors(door: Door):
    first = await Rest(door).ask("createSchedule", input=PLAN, idempotencyKey="abc")
    again = await Graph(door).ask("createSchedule", input=PLAN, idempotencyKey="abc")
    assert again == {**first, "replayed": True}


async def test_ids_and_cursors_that_are_none_are_refused(door: Door):
    made = (await Rest(door).ask("createSchedule", input=PLAN))["schedule"]
    for one in ("nope", "é", "x" * 5_000):
        problem = (await Graph(door).ask("schedule", id=one))["problem"]
        assert (problem["status"], len(problem["detail"]) < 200) == (404, True)
    for field, most in (("schedules", 200), ("schedule.firings", 200), ("schedule.upcoming", 100)):
        told = {"id": made["id"]} if "." in field else {}
        for first in (0, most + 1):
            problem = (await Graph(door).ask(field, first=first, **told))["problem"]
            assert [one["pointer"] for one in problem["errors"]] == ["/first"]
    for field, after in (("schedules", "7"), ("schedule.firings", "0"), ("schedule.firings", "٣")):
        told = {"id": made["id"]} if "." in field else {}
        problem = (await Graph(door).ask(field, first=1, after=after, **told))["problem"]
        assert [one["pointer"] for one in problem["errors"]] == ["/after"]
