"""Who is let in by the HTTP door, to what, and what is noted of it."""

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from prelo.app import keys
from prelo.app.live import Live
from prelo.client import AsyncClient
from prelo.core.access import USUAL, spelled
from prelo.core.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from prelo.core.request import Caller
from prelo.wiring import opened
from tests.contracts.issuer_fixtures import AUDIENCE, Giver
from tests.e2e.conftest import CATALOG, CONTENT, Door
from tests.e2e.gate import SALARIES, Gate, audit, dead, gate, made
from tests.e2e.test_http_refusals import is_problem

__all__ = ["gate"]  # a fixture


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
        live = Live(ports, most=9)
        gate.app.state.house = dataclasses.replace(gate.app.state.house, live=live)
        is_problem(await plain.get(f"/v1/jobs/{job}/events"), 404, "not-found")
        who = Caller.known("acme", "key:a", USUAL, frozenset())
        assert {one.job_id for one in (await live.replay(who, 0, 99)).changes} == {kept}
        async with live.listener(who) as listener:
            known = await ports.store.get(job)
            assert known is not None
            assert not listener.sees(known)
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
    found = await audit(gate, actor=f"key:{key.id}")
    times = Counter[tuple[str, str]]()
    for one in found:  # downloads that are written together are one entry, with their number
        times[one["action"], one["job_id"]] += one["detail"].get("times", 1)
    assert times == {
        ("ask", job): 1, ("download", job): 3, ("ask", second): 1, ("cancel", second): 2,
        ("retry", second): 1, ("forget", job): 1,
    }  # fmt: skip
    for download in await audit(gate, act="download"):
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
