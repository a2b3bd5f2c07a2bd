"""Who is let in by the HTTP door, to what, and what is noted of it."""

import asyncio
import dataclasses
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from prelo.app import keys
from prelo.client import AsyncClient
from prelo.config import Config
from prelo.core import job as transitions
from prelo.core.access import SCOPES, USUAL, Key, Scope, spelled
from prelo.core.errors import Forbidden, NotFound, SourceUnavailable, Unauthenticated, Unavailable
from prelo.core.job import Job
from prelo.entry.api.graphql.fields import Mutation, Query
from prelo.entry.api.rights import BY_FIELD, NEEDS, OPEN
from prelo.wiring import opened
from tests.contracts.issuer_fixtures import AUDIENCE, Giver
from tests.e2e.conftest import CATALOG, CONTENT, Door
from tests.e2e.test_http_refusals import is_problem

SALARIES = """
---
name: salaries
title: Salaries
allow: [hr]
source: {query: select 1}
"""
AWAY = SourceUnavailable("the warehouse does not answer").problem(6)


class Gate(Door):
    """A door that asks who one is, and keys for it."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, migrated: Path, **settings: Any) -> AsyncGenerator["Gate"]:
        catalog = folder / "reports"
        catalog.mkdir()
        (catalog / "all.yaml").write_text(CATALOG + SALARIES)
        asking: dict[str, Any] = {
            "auth": ("keys",),
            "data": folder / "data",
            "catalog": catalog,
            **settings,
        }
        config = Config(**asking)
        shutil.copytree(migrated, config.data)
        async with opened(config) as ports:
            gate = cls(ports, config)
            async with gate.http:
                yield gate
                await gate.app.state.house.close()

    async def key(self, *scopes: Scope, **told: Any) -> tuple[Key, str]:
        facts: dict[str, Any] = {"name": "ci", "tenant": "acme", "permissions": (), **told}
        wanted = keys.Wanted(scopes=scopes or USUAL, **facts)
        return await keys.create(wanted, self.ports.store, "test@here")

    async def as_(self, *scopes: Scope, **told: Any) -> httpx.AsyncClient:
        """Somebody with a key of these scopes."""
        _, text = await self.key(*scopes, **told)
        return self.by(text)

    def by(self, text: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {text}"}
        return httpx.AsyncClient(transport=transport, base_url="http://prelo", headers=headers)


@pytest.fixture
async def gate(tmp_path: Path, migrated: Path) -> AsyncGenerator[Gate]:
    async with Gate.opened(tmp_path, migrated) as made:
        yield made


def but(*scopes: Scope) -> list[Scope]:
    """All scopes but these."""
    return [scope for scope in SCOPES if scope not in scopes]


async def made(gate: Gate, http: httpx.AsyncClient, start: str = "2026-01-01") -> str:
    """The id of a job with a file."""
    body = {"report": "sales", "parameters": {"start": start}, "format": "csv"}
    answer = await http.post("/v1/jobs", json=body)
    assert answer.status_code == 202, answer.text
    return (await gate.hand.finish()).id


async def dead(gate: Gate, http: httpx.AsyncClient, start: str = "2026-06-06") -> str:
    body = {"report": "sales", "parameters": {"start": start}, "format": "csv"}
    await http.post("/v1/jobs", json=body)
    job = await gate.hand.begin()

    def given_up(job: Job, now: int) -> Job:
        return transitions.retry(job, now, AWAY, None)

    assert await gate.ports.store.move(job, given_up)
    return job.id


async def audit(gate: Gate, **marks: str) -> list[dict[str, Any]]:
    """What the audit has, once all of it is written."""
    await gate.app.state.house.trail.close()
    boss = await gate.as_("admin", name="boss", tenant="house")
    answer = await boss.get("/v1/audit", params=marks)
    assert answer.status_code == 200, answer.text
    return answer.json()["entries"]


@pytest.mark.parametrize(
    ("header", "said", "challenge"),
    [
        (None, "say who you are", 'Bearer realm="prelo"'),
        ("Basic YTpi", "say who you are", "invalid_token"),
        ("Bearer ", "say who you are", "invalid_token"),
        ("Bearer prelo_abc_def", "a character is wrong or missing", "invalid_token"),
        ("Bearer a.b.c", "not an API key", "invalid_token"),
    ],
)
async def test_who_shows_nothing_of_use_is_asked_who_they_are(
    gate: Gate, header: str | None, said: str, challenge: str
):
    answer = await gate.http.get("/v1/jobs", headers={"Authorization": header} if header else {})
    told = is_problem(answer, 401, "unauthenticated")
    assert said in told["detail"]
    assert challenge in answer.headers["www-authenticate"]
    assert ("invalid_token" in answer.headers["www-authenticate"]) == (header is not None)


async def test_a_key_opens_the_door_and_a_wrong_secret_or_id_does_not(gate: Gate):
    key, text = await gate.key()
    assert (await gate.by(text).get("/v1/jobs")).status_code == 200
    assert (
        await gate.http.get("/v1/jobs", headers={"Authorization": f"bearer  {text}"})
    ).is_success
    _, other = await gate.key()
    for wrong in (text.replace(key.id, "0" * 12), key_of(key.id, other)):
        told = is_problem(await gate.by(wrong).get("/v1/jobs"), 401, "unauthenticated")
        assert wrong not in told["detail"]


def key_of(key_id: str, text: str) -> str:
    """The secret of one key under the id of another, and a checksum that is right."""
    return spelled(key_id, text.rpartition("_")[2][:30])


async def test_every_route_asks_for_its_scope_and_shows_nothing_of_another_tenant(gate: Gate):
    """A route that is added fails here until it has its place in NEEDS or OPEN."""
    acme = await gate.as_(*USUAL)
    jobs = [await made(gate, acme), await dead(gate, acme)]
    theirs = {"job_id": jobs, "schedule_id": [await scheduled(acme)],
              "webhook_id": [await hooked(acme)], "dataset": [await uploaded(acme)]}  # fmt: skip
    stranger = await gate.as_(*but("admin"), tenant="other")
    boss = await gate.as_("admin", tenant="other")
    paths = (await gate.http.get("/openapi.json")).json()["paths"]
    assert len(paths) >= 20
    for path, methods in paths.items():
        for method in methods:
            place = f"{method.upper()} {path}"
            if place in BY_FIELD:
                is_problem(
                    await gate.http.post(path, json={"query": "{a}"}), 401, "unauthenticated"
                )
                continue
            if place in OPEN:
                assert (await gate.http.request(method, path)).status_code in {200, 307}, place
                continue
            assert place in NEEDS, f"{place} has no scope: see entry/api/rights.py"
            for address in addresses(path, theirs):
                body = BODIES.get(path, {"all": True})
                asked: dict[str, Any] = {"json": body} if method in {"post", "patch"} else {}
                answer = await gate.http.request(method, address, **asked)
                is_problem(answer, 401, "unauthenticated")
                every = but(NEEDS[place], "admin")
                lacking = await gate.as_(*every)
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
    for job_id, state in zip(jobs, ("succeeded", "dead"), strict=True):  # nobody has changed them
        job = (await acme.get(f"/v1/jobs/{job_id}")).json()
        assert (job["state"], job["generation"]) == (state, 0)
    for name, (one_id, *_) in theirs.items():
        path = next(
            path for path in paths if path.endswith(f"/{{{name}}}") and "get" in paths[path]
        )
        assert (await acme.get(path.format(**{name: one_id}))).status_code == 200


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


async def test_two_tenants_with_the_same_request_have_two_jobs(gate: Gate):
    acme, other = await gate.as_(), await gate.as_(tenant="other")
    body = {"report": "stock", "format": "csv"}
    ids = {(await who.post("/v1/jobs", json=body)).json()["id"] for who in (acme, other)}
    assert len(ids) == 2
    again = await gate.as_(name="another")
    assert (await again.post("/v1/jobs", json=body)).json()["id"] in ids
    listed = (await other.get("/v1/jobs")).json()["jobs"]
    assert len(listed) == 1


async def test_a_report_for_some_is_not_there_for_others(gate: Gate):
    hr, plain = await gate.as_(permissions=("hr",)), await gate.as_()
    names = [
        [report["name"] for report in (await who.get("/v1/reports")).json()["reports"]]
        for who in (hr, plain)
    ]
    assert names == [["salaries", "sales", "stock"], ["sales", "stock"]]
    body = {"report": "salaries", "format": "csv"}
    for answer in (await plain.get("/v1/reports/salaries"), await plain.post("/v1/jobs", json=body),
                   await plain.get("/v1/reports/salaries/versions/1")):  # fmt: skip
        told = is_problem(answer, 404, "not-found")
        assert told["detail"] == "there is no report 'salaries'; the catalog has sales, stock"
    job = (await hr.post("/v1/jobs", json=body)).json()["id"]
    is_problem(await plain.get(f"/v1/jobs/{job}"), 404, "not-found")
    assert (await hr.get(f"/v1/jobs/{job}")).status_code == 200


async def test_a_report_that_is_taken_from_somebody_takes_its_jobs_along(
    gate: Gate, tmp_path: Path
):
    plain = await gate.as_()
    kept = await made(gate, plain)
    job = (await plain.post("/v1/jobs", json={"report": "stock", "format": "csv"})).json()["id"]
    text = (CATALOG + SALARIES).replace("title: Stock", "title: Stock\nallow: [hr]")
    (tmp_path / "reports" / "all.yaml").write_text(text)
    async with opened(gate.config) as ports:
        gate.app.state.house = dataclasses.replace(gate.app.state.house, ports=ports)
        is_problem(await plain.get(f"/v1/jobs/{job}"), 404, "not-found")
        is_problem(await plain.post(f"/v1/jobs/{job}:cancel"), 404, "not-found")
        listed = (await plain.get("/v1/jobs")).json()["jobs"]
        assert [one["id"] for one in listed] == [kept]


async def test_the_desk_is_ones_own_tenants_unless_one_is_admin(gate: Gate):
    acme, other = await gate.as_(), await gate.as_(tenant="other")
    first, second = await dead(gate, acme), await dead(gate, other)
    desk = await gate.as_("dead:write")
    assert [job["id"] for job in (await desk.get("/v1/dead")).json()["jobs"]] == [first]
    is_problem(await desk.get(f"/v1/dead/{second}"), 404, "not-found")
    is_problem(await desk.get("/v1/dead?tenant=other"), 403, "forbidden")
    for body in ({"all": True}, {"ids": [first, second]}):
        told = (await desk.post("/v1/dead/replay", json=body | {"dry_run": True})).json()
        assert told["left"] == 1
    assert (await desk.post("/v1/dead/drop", json={"ids": [second]})).json()["done"] == 0
    boss = await gate.as_("admin", tenant="house")
    assert len((await boss.get("/v1/dead")).json()["jobs"]) == 2
    named = {"From": "ana@example.com"}
    done = await boss.post("/v1/dead/replay", json={"all": True}, headers=named)
    assert done.json()["done"] == 2
    noted = (await desk.get("/v1/dead/audit")).json()["entries"]
    assert [entry["job_id"] for entry in noted] == [first]
    assert noted[0]["actor"].startswith("key:")
    assert noted[0]["detail"]["from"] == "ana@example.com"


async def test_a_key_that_is_revoked_elsewhere_is_refused_within_seconds(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.callers._FRESH_SECONDS", 0.2)
    key, text = await gate.key()
    who = gate.by(text)
    assert (await who.get("/v1/jobs")).status_code == 200
    await keys.revoke(key.id, gate.ports.store, "ana@desk")
    async with asyncio.timeout(10):
        while (answer := await who.get("/v1/jobs")).status_code == 200:
            await asyncio.sleep(0.02)
    told = is_problem(answer, 401, "unauthenticated")
    assert told["detail"] == f"the API key {key.id} was revoked; have a new one made"


async def test_who_asked_downloaded_cancelled_retried_and_forgot_is_in_the_audit(gate: Gate):
    key, text = await gate.key(*USUAL)
    who = gate.by(text)
    job = await made(gate, who)
    for _ in range(3):
        assert (await who.get(f"/v1/jobs/{job}/file")).content == CONTENT
    await who.head(f"/v1/jobs/{job}/file")  # which brings nothing
    second = (await who.post("/v1/jobs", json={"report": "stock", "format": "csv"})).json()["id"]
    for deed in (":cancel", ":retry", ":cancel"):
        assert (await who.post(f"/v1/jobs/{second}{deed}")).is_success
    assert (await who.delete(f"/v1/jobs/{job}")).status_code == 204
    found = [(one["action"], one["job_id"]) for one in await audit(gate, actor=f"key:{key.id}")]
    expected = [
        ("ask", job), ("download", job), ("ask", second), ("cancel", second), ("retry", second),
        ("cancel", second), ("forget", job),
    ]  # fmt: skip
    assert sorted(found) == sorted(expected)
    (download,) = await audit(gate, act="download")
    assert download["detail"]["times"] == 3
    assert (download["tenant"], download["detail"]["report"]) == ("acme", "sales")
    made_keys = await audit(gate, act="key.create", tenant="acme")
    assert [one["detail"]["key"] for one in made_keys] == [key.id]


async def test_where_nobody_is_asked_everybody_may_do_all_and_nobody_is_named(door: Door):
    job = await door.finished()
    assert (await door.http.get(f"/v1/jobs/{job}/file")).content == CONTENT
    assert (await door.http.get("/v1/status")).status_code == 200
    assert (await door.http.get("/v1/audit")).json()["entries"] == []


async def test_requests_are_counted_by_tenant_and_refused_when_they_are_too_many(
    tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.app.rates.time.time", lambda: 6_000_010.0)
    most = {"*": 3, "large": 5}
    async with Gate.opened(tmp_path, migrated, max_requests_per_tenant=most) as gate:
        acme, again = await gate.as_(), await gate.as_(name="second key")
        told = [
            (answer.status_code, answer.headers["ratelimit"])
            for answer in [await who.get("/v1/jobs") for who in (acme, again, acme, acme)]
        ]
        assert told == [
            (200, '"requests";r=2;t=50'), (200, '"requests";r=1;t=50'), (200, '"requests";r=0;t=50'),
            (429, '"requests";r=0;t=50'),
        ]  # fmt: skip
        answer = await acme.get("/v1/jobs")
        problem = is_problem(answer, 429, "too-many-requests")
        assert (answer.headers["retry-after"], problem["retryable"]) == ("50", True)
        assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        large = await gate.as_(tenant="large")
        assert (await large.get("/v1/jobs")).headers["ratelimit"] == '"requests";r=4;t=50'
        assert "ratelimit" not in (await gate.http.get("/livez")).headers
        monkeypatch.setattr("prelo.app.rates.time.time", lambda: 6_000_070.0)
        assert (await acme.get("/v1/jobs")).status_code == 200


async def test_a_full_queue_says_which_quota_is_used_up(tmp_path: Path, migrated: Path):
    async with Gate.opened(tmp_path, migrated, max_queued_per_tenant=1) as gate:
        who = await gate.as_()
        assert (await who.post("/v1/jobs", json={"report": "stock", "format": "csv"})).is_success
        answer = await who.post("/v1/jobs", json={"report": "stock", "format": "pdf"})
        assert answer.headers["ratelimit-policy"] == '"queued";q=1'
        assert answer.headers["ratelimit"] == '"queued";r=0;t=10'
        assert is_problem(answer, 429, "too-many-jobs")["violated-policies"] == ["queued"]


async def test_a_client_shows_its_key_and_raises_what_the_door_says(gate: Gate):
    _, text = await gate.key("reports:read", "jobs:read")
    async with gate.served() as http:
        async with AsyncClient(str(http.base_url), key=text) as client:
            assert len(await client.reports()) == 2
            with pytest.raises(Forbidden, match="jobs:write"):
                await client.submit("stock")
            with pytest.raises(NotFound):
                await client.job("8e03978e-40d5-83e8-bc93-6894a57f9324")
        async with AsyncClient(str(http.base_url), key=text[:-1]) as client:
            with pytest.raises(Unauthenticated) as caught:
                await client.reports()
    assert text not in str(caught.value)


async def test_a_store_that_is_away_is_no_wrong_key(gate: Gate):
    _, text = await gate.key()
    await gate.ports.store.close()
    answer = await gate.by(text).get("/v1/jobs")
    is_problem(answer, 503, Unavailable.type)


async def test_a_token_of_the_issuer_opens_the_door_by_its_claims(
    tmp_path: Path, migrated: Path, giver: Giver
):
    told = {"auth": ("oidc",), "oidc_issuer": giver.url, "oidc_audience": AUDIENCE}
    async with Gate.opened(tmp_path, migrated, **told) as gate:
        ana = gate.by(giver.token(scope="reports:read jobs:read jobs:write"))
        job = await made(gate, ana)
        names = [one["name"] for one in (await ana.get("/v1/reports")).json()["reports"]]
        assert "salaries" in names  # her permission is hr
        other = gate.by(giver.token("ec", tenant="other"))
        is_problem(await other.get(f"/v1/jobs/{job}"), 404, "not-found")
        told = is_problem(await other.post("/v1/jobs", json={}), 403, "forbidden")
        assert "jobs:write" in told["detail"]
        homeless = gate.by(giver.token(tenant=None))
        assert "'tenant'" in is_problem(await homeless.get("/v1/jobs"), 403, "forbidden")["detail"]
        late = gate.by(giver.token(exp=100))
        assert "expired" in is_problem(await late.get("/v1/jobs"), 401, "unauthenticated")["detail"]
        await gate.app.state.house.trail.close()
        boss = gate.by(giver.token(sub="boss", scope="admin"))
        (entry,) = (await boss.get("/v1/audit")).json()["entries"]
        assert (entry["actor"], entry["job_id"]) == ("oidc:ana", job)
