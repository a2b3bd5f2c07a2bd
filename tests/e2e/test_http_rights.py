"""Each route and each field asks for its scope, and shows nothing of another tenant."""

from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from prelo.core.access import USUAL, Scope
from prelo.entry.api.graphql.fields import Mutation, Query
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


FIELDS = [
    ("reports", "{reports {name}}"),
    ("report", '{report(name: "sales") {name}}'),
    ("job", '{job(id: "ID") {id}}'),
    ("jobs", "{jobs {nodes {id}}}"),
    ("status", "{status {version}}"),
    ("checkJob", '{checkJob(input: {report: "stock"}) {id}}'),
    ("createJob", 'mutation {createJob(input: {report: "stock"}) {replayed}}'),
    ("cancelJob", 'mutation {cancelJob(id: "ID") {id}}'),
    ("retryJob", 'mutation {retryJob(id: "ID") {id}}'),
    ("refreshJob", 'mutation {refreshJob(id: "ID") {id}}'),
    ("forgetJob", 'mutation {forgetJob(id: "ID")}'),
]


async def test_every_field_of_graphql_asks_for_its_scope_and_shows_nothing_of_another_tenant(
    gate: Gate,
):
    acme = await gate.as_(*USUAL)
    job_id = await made(gate, acme)
    nobody, other = await gate.as_("dead:write"), await gate.as_("admin", tenant="other")
    told = {name for kind in (Query, Mutation) for name in fields_of(kind)}
    assert {name for name, _ in FIELDS} == told, "a new field has no test of its scope"
    for name, query in FIELDS:
        asked = {"query": query.replace("ID", job_id)}
        (error,) = (await nobody.post("/graphql", json=asked)).json()["errors"]
        assert (error["extensions"]["type"], error["path"]) == ("forbidden", [name])
        answer = (await other.post("/graphql", json=asked)).text
        assert job_id not in answer.replace(f"'{job_id}'", "") or "not-found" in answer, name
    assert (await acme.get(f"/v1/jobs/{job_id}")).json()["state"] == "succeeded"


def fields_of(kind: type) -> list[str]:
    return [to_camel_case(field.name) for field in get_object_definition(kind, strict=True).fields]


async def test_a_route_that_nobody_placed_lets_nobody_in(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    boss = await gate.as_("admin")
    assert (await boss.get("/v1/status")).status_code == 200
    monkeypatch.delitem(NEEDS, "GET /v1/status")
    is_problem(await boss.get("/v1/status"), 403, "forbidden")


def test_every_scope_is_needed_somewhere():
    assert set(NEEDS.values()) == set(get_args(Scope))
