"""Each route and each field asks for its scope, and shows nothing of another tenant."""

from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
from graphql import parse
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.utils.str_converters import to_camel_case

from prelo.core.access import USUAL, Scope
from prelo.entry.api.graphql.cost import check
from prelo.entry.api.graphql.door import schema
from prelo.entry.api.rights import BY_FIELD, NEEDS, OPEN
from tests.e2e.gate import Gate, but, dead, gate, made
from tests.e2e.test_http_refusals import is_problem

__all__ = ["gate"]  # a fixture


async def test_every_route_asks_for_its_scope_and_shows_nothing_of_another_tenant(gate: Gate):
    """A route that is added fails here until it has its place in NEEDS or OPEN."""
    acme = await gate.as_(*USUAL)
    jobs = [await made(gate, acme), await dead(gate, acme)]
    theirs = {"job_id": jobs, "schedule_id": [await scheduled(acme)],
              "webhook_id": [await hooked(acme)], "dataset": [await uploaded(acme)]}  # fmt: skip
    paths = (await gate.http.get("/openapi.json")).json()["paths"]
    assert len(paths) >= 20
    for path, methods in paths.items():
        for method in methods:
            if f"{method.upper()} {path}" in OPEN:
                assert (await gate.http.request(method, path)).status_code in {200, 307}, path
            elif f"{method.upper()} {path}" in BY_FIELD:
                answer = await gate.http.request(method, path, json={"query": "{a}"})
                is_problem(answer, 401, "unauthenticated")
            else:
                await shuts_out(gate, method, path, theirs)
    for job_id, state in zip(jobs, ("succeeded", "dead"), strict=True):  # nobody has changed them
        job = (await acme.get(f"/v1/jobs/{job_id}")).json()
        assert (job["state"], job["generation"]) == (state, 0)
    for name, (one_id, *_) in theirs.items():
        path = next(
            path for path in paths if path.endswith(f"/{{{name}}}") and "get" in paths[path]
        )
        assert (await acme.get(path.format(**{name: one_id}))).status_code == 200


async def shuts_out(gate: Gate, method: str, path: str, theirs: dict[str, list[str]]) -> None:
    """Nobody, one without the scope, and one of another tenant; an admin lacks nothing."""
    place = f"{method.upper()} {path}"
    assert place in NEEDS, f"{place} has no scope: see entry/api/rights.py"
    lacking = await gate.as_(*but(NEEDS[place], "admin"))
    stranger = await gate.as_(*but("admin"), tenant="other")
    boss = await gate.as_("admin", tenant="other")
    body = BODIES.get(path, {"all": True})
    asked: dict[str, Any] = {"json": body} if method in {"post", "patch"} else {}
    for address in addresses(path, theirs):
        answer = await gate.http.request(method, address, **asked)
        is_problem(answer, 401, "unauthenticated")
        answer = await lacking.request(method, address, **asked)
        assert NEEDS[place] in is_problem(answer, 403, "forbidden")["detail"], place
        assert f'scope="{NEEDS[place]}"' in answer.headers["www-authenticate"]
        answer = await stranger.request(method, address, **asked)
        known = [one for ids in theirs.values() for one in ids if one not in address]
        assert not any(one in answer.text for one in known), place
        if any(f"{{{name}}}" in path for name in theirs):
            assert answer.status_code == 404, (place, answer.text)
        answer = await boss.request("get" if method != "get" else method, address)
        assert answer.status_code != 403, (place, answer.text)


BODIES: dict[str, dict[str, Any]] = {
    "/v1/jobs": {"report": "stock"},
    "/v1/schedules/{schedule_id}": {"name": "another"},
    "/v1/schedules/{schedule_id}:pause": {},
    "/v1/webhooks": {"url": "https://example.com/hook"},
    "/v1/webhooks/{webhook_id}": {"url": "https://example.com/other"},
    "/v1/webhooks/{webhook_id}:rotate": {},
    "/v1/schedules": {"name": "n", "cron": "0 7 * * *", "request": {"report": "stock"}},
}


def addresses(path: str, theirs: dict[str, list[str]]) -> list[str]:
    """The path for each of the things that it may be about."""
    said: dict[str, Any] = {"name": "sales", "number": 1, "notice_id": uuid4()}
    for name, ids in theirs.items():
        if f"{{{name}}}" in path:
            return [path.format(**said, **{name: one}) for one in ids]
    return [path.format(**said)]


async def uploaded(who: httpx.AsyncClient) -> str:
    answer = await who.post("/v1/datasets", content=b"a,b\n1,2\n")
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["id"]


async def hooked(who: httpx.AsyncClient) -> str:
    answer = await who.post("/v1/webhooks", json=BODIES["/v1/webhooks"])
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def scheduled(who: httpx.AsyncClient) -> str:
    answer = await who.post("/v1/schedules", json=BODIES["/v1/schedules"])
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


FIELDS = {
    "Query.reports": "{reports {name}}",
    "Query.report": '{report(name: "sales") {name}}',
    "Query.job": '{job(id: "JOB") {id}}',
    "Query.jobs": "{jobs {nodes {id}}}",
    "Query.status": "{status {version}}",
    "Query.checkJob": '{checkJob(input: {report: "stock"}) {id}}',
    "Mutation.createJob": 'mutation {createJob(input: {report: "stock"}) {replayed}}',
    "Mutation.cancelJob": 'mutation {cancelJob(id: "JOB") {id}}',
    "Mutation.retryJob": 'mutation {retryJob(id: "JOB") {id}}',
    "Mutation.refreshJob": 'mutation {refreshJob(id: "JOB") {id}}',
    "Mutation.forgetJob": 'mutation {forgetJob(id: "JOB")}',
    "Query.schedule": '{schedule(id: "SCHEDULE") {id}}',
    "Query.schedules": "{schedules {nodes {id}}}",
    "Query.checkSchedule": "{checkSchedule(input: PLAN) {at}}",
    "Schedule.upcoming": '{schedule(id: "SCHEDULE") {upcoming {at}}}',
    "Schedule.firings": '{schedule(id: "SCHEDULE") {firings {nodes {at}}}}',
    "Mutation.createSchedule": "mutation {createSchedule(input: PLAN) {replayed}}",
    "Mutation.changeSchedule": 'mutation {changeSchedule(id: "SCHEDULE", input: {name: "m"}) {id}}',
    "Mutation.pauseSchedule": 'mutation {pauseSchedule(id: "SCHEDULE") {id}}',
    "Mutation.resumeSchedule": 'mutation {resumeSchedule(id: "SCHEDULE") {id}}',
    "Mutation.runSchedule": 'mutation {runSchedule(id: "SCHEDULE") {job}}',
    "Mutation.deleteSchedule": 'mutation {deleteSchedule(id: "SCHEDULE")}',
    "Query.webhook": '{webhook(id: "WEBHOOK") {id}}',
    "Query.webhooks": "{webhooks {id}}",
    "Query.notices": '{notices(job: "JOB") {id}}',
    "Webhook.deliveries": '{webhook(id: "WEBHOOK") {deliveries {nodes {id}}}}',
    "Mutation.createWebhook": 'mutation {createWebhook(input: {url: "https://example.com/a"}) {id}}',
    "Mutation.changeWebhook": 'mutation {changeWebhook(id: "WEBHOOK", input: {enabled: false}) {id}}',
    "Mutation.rotateWebhook": 'mutation {rotateWebhook(id: "WEBHOOK") {id}}',
    "Mutation.enableWebhook": 'mutation {enableWebhook(id: "WEBHOOK") {id}}',
    "Mutation.testWebhook": 'mutation {testWebhook(id: "WEBHOOK") {id}}',
    "Mutation.deleteWebhook": 'mutation {deleteWebhook(id: "WEBHOOK")}',
    "Mutation.replayDeliveries": 'mutation {replayDeliveries(webhook: "WEBHOOK") {replayed}}',
    "Mutation.replayDelivery": 'mutation {replayDelivery(webhook: "WEBHOOK", id: "NOTICE") {id}}',
    "Query.dataset": '{dataset(id: "DATASET") {id}}',
    "Query.datasets": "{datasets {nodes {id}}}",
    "Mutation.deleteDataset": 'mutation {deleteDataset(id: "DATASET")}',
    "Query.deadJob": '{deadJob(id: "GIVEN-UP") {id}}',
    "Query.deadJobs": "{deadJobs {nodes {id}}}",
    "Query.deadAudit": "{deadAudit {nodes {number}}}",
    "Query.audit": "{audit {nodes {number}}}",
    "Mutation.replayDead": "mutation {replayDead(input: {all: true}) {done}}",
    "Mutation.dropDead": "mutation {dropDead(input: {all: true}) {done}}",
}
PLAN = '{name: "n", cron: "0 7 * * *", request: {report: "stock"}}'
LISTED = ("Query.jobs", "Query.schedules", "Query.webhooks", "Query.datasets")
# The scope that the field asks for first, where it is not one that everybody is without.
NEEDED: dict[str, Scope] = {
    "status": "admin", "audit": "admin", "reports": "reports:read", "report": "reports:read",
}  # fmt: skip


async def test_every_field_of_graphql_asks_for_its_scope_and_shows_nothing_of_another_tenant(
    gate: Gate,
):
    """Nobody, one without the scope, and one of another tenant, who is told only that it is not there."""
    acme = await gate.as_(*USUAL)
    theirs = {"JOB": await made(gate, acme), "GIVEN-UP": await dead(gate, acme)}
    theirs |= {"SCHEDULE": await scheduled(acme)}
    theirs |= {
        "WEBHOOK": await hooked(acme),
        "NOTICE": str(uuid4()),
        "DATASET": await uploaded(acme),
    }
    before = [await told(acme, name, theirs) for name in LISTED]
    stranger = await gate.as_(*but("admin"), tenant="other")
    assert set(FIELDS) == fields(), "a new field has no test of its scope"
    for name, said in FIELDS.items():
        asked = {"query": query(name, theirs)}
        is_problem(await gate.http.post("/graphql", json=asked), 401, "unauthenticated")
        await lacks(gate, name, asked)
        if scope_of(name) == "admin":
            continue  # whoever has it may see every tenant
        answer = (await stranger.post("/graphql", json=asked)).json()
        about = next((one for one in theirs if one in said), None)
        if about:
            (error,) = answer["errors"]
            assert error["extensions"]["type"] == "not-found", name
        else:
            assert not any(one in str(answer) for one in theirs.values()), name
    assert [await told(acme, name, theirs) for name in LISTED] == before


async def lacks(gate: Gate, name: str, asked: dict[str, Any]) -> None:
    """Somebody who has all scopes but the field's; what lies on the way to it may be theirs."""
    lacking = await gate.as_(*but(scope_of(name), "admin"))
    (error,) = (await lacking.post("/graphql", json=asked)).json()["errors"]
    assert error["extensions"]["type"] == "forbidden", name
    assert f"needs the scope {scope_of(name)};" in error["message"], name


def scope_of(name: str) -> Scope:
    kind, _, field = name.partition(".")
    if "dead" in field.lower():
        return "dead:write"
    return NEEDED.get(field) or (
        "jobs:write" if kind == "Mutation" or "check" in field else "jobs:read"
    )


def query(name: str, theirs: dict[str, str]) -> str:
    said = FIELDS[name].replace("PLAN", PLAN)
    for word, one in theirs.items():
        said = said.replace(word, one)
    return said


async def told(who: httpx.AsyncClient, name: str, theirs: dict[str, str]) -> Any:
    answer = (await who.post("/graphql", json={"query": query(name, theirs)})).json()
    assert "errors" not in answer, answer
    return answer["data"]


WITHIN = {
    'mutation {resumeSchedule(id: "SCHEDULE") {id upcoming {at} firings {nodes {at}}}}': 2,
    'mutation {enableWebhook(id: "WEBHOOK") {id deliveries {nodes {id}}}}': 1,
}


async def test_what_may_be_changed_need_not_be_looked_into(gate: Gate):
    """A field within the answer of a change asks for its own scope; the change is told all the same."""
    acme = await gate.as_(*USUAL)
    theirs = {"SCHEDULE": await scheduled(acme), "WEBHOOK": await hooked(acme)}
    writer = await gate.as_("jobs:write")
    for asked, most in WITHIN.items():
        (name,) = (one for one in theirs if one in asked)
        body = {"query": asked.replace(name, theirs[name])}
        answer = (await writer.post("/graphql", json=body)).json()
        ((field, told),) = answer["data"].items()
        assert told.pop("id") == theirs[name], field
        assert list(told.values()) == [None] * most
        assert [error["extensions"]["type"] for error in answer["errors"]] == ["forbidden"] * most
        assert "errors" not in (await acme.post("/graphql", json=body)).json()


def fields() -> set[str]:
    """Every field of the schema that does something, wherever it stands."""
    found: set[str] = set()
    for kind in schema.schema_converter.type_map.values():
        if isinstance(kind.definition, StrawberryObjectDefinition):
            found |= {
                f"{kind.definition.name}.{to_camel_case(field.name)}"
                for field in kind.definition.fields
                if field.base_resolver
            }
    return found - {"Subscription.jobChanged"}


def test_every_field_that_does_something_has_its_price():
    """What is free is at hand: the catalog is in memory."""
    for name in fields() - {"Query.reports", "Query.report"}:
        document = parse(query(name, {}))
        least = 500 if name.startswith("Mutation") else 100
        assert check(document, {}) > least, name


async def test_a_route_that_nobody_placed_lets_nobody_in(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    boss = await gate.as_("admin")
    assert (await boss.get("/v1/status")).status_code == 200
    monkeypatch.delitem(NEEDS, "GET /v1/status")
    is_problem(await boss.get("/v1/status"), 403, "forbidden")


def test_every_scope_is_needed_somewhere():
    assert set(NEEDS.values()) == set(get_args(Scope))
