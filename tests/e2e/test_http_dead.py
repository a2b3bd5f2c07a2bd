"""The desk of dead letters, over HTTP and by the client."""

import asyncio
from typing import Any

import pytest

from prelo.client import AsyncClient
from prelo.core import job as transitions
from prelo.core.desk import Errand
from prelo.core.errors import Conflict, Invalid, QueryFailed, SourceUnavailable
from prelo.core.job import Job
from tests.e2e.conftest import Door

AWAY = SourceUnavailable("the warehouse does not answer").problem(6)
ALL = {"all": True}


async def dead(door: Door, count: int = 1, month: str = "2026-01") -> list[str]:
    """Jobs that were given up, the first first."""
    found: list[str] = []
    for n in range(count):
        await door.asked(f"{month}-{n + 1:02}")
        job = await door.hand.begin()

        def given_up(job: Job, now: int) -> Job:
            return transitions.retry(job, now, AWAY, None)

        assert await door.ports.store.move(job, given_up)
        found.append(job.id)
        await asyncio.sleep(0.002)  # in another millisecond
    return found


async def told(door: Door, deed: str, body: dict[str, Any], **headers: str) -> Any:
    answer = await door.http.post(f"/v1/dead/{deed}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_dead_are_listed_the_last_first_page_by_page(door: Door):
    ids = await dead(door, 3)
    first = await door.http.get("/v1/dead?limit=2&report=sales")
    body = first.json()
    assert [job["id"] for job in body["jobs"]] == ids[:0:-1]
    job = body["jobs"][0]
    assert (job["state"], job["fate"], job["tenant"]) == ("dead", "spent", "default")
    assert (job["lane"], job["lost_count"]) == ("small", 0)
    assert job["error"]["type"] == "source-unavailable"
    assert job["history"] == []
    (address,) = [link["url"] for link in first.links.values()]
    rest = (await door.http.get(address)).json()
    assert [job["id"] for job in rest["jobs"]] == ids[:1]
    assert rest["next"] is None


async def test_the_marks_of_a_listing(door: Door):
    ids = await dead(door, 3)
    await door.asked("2026-02-01")
    failed = (await door.hand.fail(QueryFailed("no such column"))).id

    async def found(query: str) -> set[str]:
        answer = await door.http.get(f"/v1/dead?{query}")
        assert answer.status_code == 200, answer.text
        return {job["id"] for job in answer.json()["jobs"]}

    assert await found("") == set(ids)
    assert await found("state=failed") == {failed}
    assert await found("error=source-unavailable&version=2&fate=spent") == set(ids)
    assert await found("fate=lost") == await found("tenant=other") == set()
    middle = (await door.http.get(f"/v1/dead/{ids[1]}")).json()["finished_at"]
    assert await found(f"since={middle}") == set(ids[1:])
    assert await found(f"until={middle}") == set(ids[:2])


async def test_one_is_shown_with_its_history(door: Door):
    (job_id,) = await dead(door)
    job = (await door.http.get(f"/v1/dead/{job_id}")).json()
    assert [change["after"] for change in job["history"]] == ["queued", "running", "dead"]
    assert job["history"][1]["owner"] == "hand"
    alive = await door.asked("2026-03-01")
    refused = await door.http.get(f"/v1/dead/{alive}")
    assert (refused.status_code, refused.json()["type"]) == (409, "conflict")
    nobody = await door.http.get("/v1/dead/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90")
    assert (nobody.status_code, nobody.json()["type"]) == (404, "not-found")


async def test_a_dry_run_counts_and_does_nothing(door: Door):
    await dead(door, 3)
    answer = await told(door, "replay", ALL | {"dry_run": True})
    assert (answer["dry_run"], answer["done"], answer["left"]) == (True, 0, 3)
    assert answer["counts"] == [{"report": "sales", "error": "source-unavailable", "count": 3}]
    assert len((await door.http.get("/v1/dead")).json()["jobs"]) == 3
    assert (await door.http.get("/v1/dead/audit")).json()["entries"] == []


async def test_a_replay_is_done_call_by_call_until_nothing_is_left(door: Door):
    ids = await dead(door, 5)
    first = await told(door, "replay", ALL | {"most": 2})
    assert (first["done"], first["left"]) == (2, 3)
    second = await told(door, "replay", ALL | {"most": 2, "until": first["until"]})
    assert (second["done"], second["left"], second["until"]) == (2, 1, (await _first(door, ids)))
    last = await told(door, "replay", ALL)
    assert (last["done"], last["left"]) == (1, 0)
    nothing = await told(door, "replay", ALL)
    assert (nothing["done"], nothing["left"], nothing["until"]) == (0, 0, None)
    for job_id in ids:
        job = (await door.http.get(f"/v1/jobs/{job_id}")).json()
        assert (job["state"], job["generation"], job["attempt"]) == ("queued", 1, 0)


async def _first(door: Door, ids: list[str]) -> str:
    """When the last of those left ended: the third of five had been the newest before."""
    found = (await door.http.get("/v1/dead")).json()["jobs"]
    assert [job["id"] for job in found] == ids[:1]
    log = await door.ports.store.transitions(ids[2])
    from prelo.entry.api.views import moment

    (at,) = [change.at for change in log if change.after == "dead"]
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_what_dies_after_the_first_call_is_not_in_the_second(door: Door):
    await dead(door, 1)
    first = await told(door, "replay", ALL)
    job = await door.hand.begin()
    assert await door.ports.store.move(job, lambda j, now: transitions.retry(j, now, AWAY, None))
    again = await told(door, "replay", ALL | {"until": first["until"]})
    assert (again["done"], again["left"]) == (0, 0)
    assert (await told(door, "replay", ALL))["done"] == 1


async def test_a_slow_replay_ends_its_call_with_what_is_left(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.api.desk._SECONDS", 0.05)
    await dead(door, 4)
    answer = await told(door, "replay", ALL | {"rate": 20})
    assert 1 <= answer["done"] < 4
    assert answer["done"] + answer["left"] == 4


async def test_the_dropped_are_gone(door: Door):
    ids = await dead(door, 2)
    answer = await told(door, "drop", {"ids": [ids[0]]})
    assert (answer["done"], answer["left"]) == (1, 0)
    assert (await door.http.get(f"/v1/jobs/{ids[0]}")).status_code == 404
    assert (await door.http.get(f"/v1/dead/{ids[1]}")).status_code == 200


async def test_the_audit_says_who_and_by_which_door(door: Door):
    ids = await dead(door, 2)
    await told(door, "replay", {"ids": [ids[0]]}, **{"From": "ana@desk", "User-Agent": "prelo-cli"})
    await told(door, "drop", {"ids": [ids[1]]})
    page = await door.http.get("/v1/dead/audit?limit=1")
    (newest,) = page.json()["entries"]
    assert (newest["actor"], newest["action"], newest["job_id"]) == ("default", "drop", ids[1])
    assert (newest["detail"]["door"], newest["detail"]["report"]) == ("http", "sales")
    (address,) = [link["url"] for link in page.links.values()]
    (oldest,) = (await door.http.get(address)).json()["entries"]
    assert (oldest["actor"], oldest["detail"]["door"]) == ("ana@desk", "cli")
    assert (oldest["generation"], newest["generation"]) == (1, 0)
    for query, count in ((f"job={ids[0]}", 1), ("actor=bob", 0), ("since=2020-01-01T00:00:00Z", 2)):
        assert len((await door.http.get(f"/v1/dead/audit?{query}")).json()["entries"]) == count


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{}", 422, "parameters-invalid"),
        (b'{"state": "failed"}', 422, "parameters-invalid"),
        (b'{"ids": []}', 422, "parameters-invalid"),
        (b'{"state": "running", "all": true}', 422, "parameters-invalid"),
        (b'{"all": true, "most": 1001}', 422, "parameters-invalid"),
        (b'{"all": true, "rate": 0}', 422, "parameters-invalid"),
        (b'{"all": true, "repot": "sales"}', 422, "parameters-invalid"),
        (b'{"ids": ["x"]}', 422, "parameters-invalid"),
        (b"all", 400, "not-json"),
    ],
)
async def test_what_is_not_said_clearly_is_refused_and_nothing_done(
    door: Door, body: bytes, status: int, kind: str
):
    await dead(door)
    for deed in ("replay", "drop"):
        answer = await door.http.post(
            f"/v1/dead/{deed}", content=body, headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["type"]) == (status, kind), answer.text
    assert len((await door.http.get("/v1/dead")).json()["jobs"]) == 1


async def test_a_cursor_or_name_that_is_none_is_refused(door: Door):
    assert (await door.http.get("/v1/dead?cursor=x")).status_code == 422
    assert (await door.http.get("/v1/dead/audit?cursor=x")).status_code == 422
    assert (await door.http.get("/v1/dead?fate=sad")).status_code == 422
    named = await door.http.get("/v1/dead", headers={"From": "x" * 256})
    assert (named.status_code, named.json()["type"]) == (400, "header-invalid")


async def test_the_client_does_all_of_it(door: Door):
    ids = await dead(door, 3)
    async with AsyncClient("http://prelo", agent="prelo-cli") as client:
        client._http = door.http  # pyright: ignore[reportPrivateUsage]  # needs no socket
        assert [job.id async for job in client.dead_jobs(limit=1)] == ids[::-1]
        assert (await client.dead_job(ids[0])).history[-1].after == "dead"
        done = await client.replay(Errand.model_validate({"ids": ids[:1]}), by="ana@desk")
        assert (done.done, done.left) == (1, 0)
        with pytest.raises(Conflict):
            await client.dead_job(ids[0])
        gone = await client.drop(Errand(report="sales"))
        assert gone.done == 2
        noted = [entry async for entry in client.audit(limit=2)]
        assert [(entry.actor, entry.action) for entry in noted] == [
            ("default", "drop"), ("default", "drop"), ("ana@desk", "replay"),
        ]  # fmt: skip
        with pytest.raises(Invalid):
            await anext(aiter(client.dead_jobs(limit=1000)))
