"""Asking for reports and looking after jobs, over HTTP."""

import asyncio
import re
import time
from datetime import UTC, datetime

import pytest

from prelo.core.errors import QueryFailed
from tests.e2e.conftest import CONTENT, Door

NOWHERE = "/v1/jobs/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"


async def test_a_new_request_is_accepted_at_once(door: Door):
    answer = await door.ask()
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["vary"] == "Prefer"
    assert "preference-applied" not in answer.headers
    assert (job["state"], job["report"], job["version"]) == ("queued", "sales", 2)
    assert job["parameters"] == {"start": "2026-01-01", "region": "all"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", job["created_at"])


async def test_an_equal_request_joins_the_job_and_then_reuses_its_file(door: Door):
    first = (await door.ask()).json()["id"]
    joined = await door.ask()
    assert (joined.status_code, joined.json()["id"]) == (202, first)
    await door.hand.finish()
    reused = await door.ask()
    assert (reused.status_code, reused.json()["id"]) == (201, first)
    assert reused.headers["location"] == f"/v1/jobs/{first}"
    assert "retry-after" not in reused.headers
    assert reused.json()["artifact"]["size"] == len(CONTENT)


@pytest.mark.parametrize("prefer", ["wait=5", "Respond-Async , WAIT=5", 'wait="5"; why=hurry'])
async def test_a_job_that_is_done_within_the_wait_is_created(door: Door, prefer: str):
    asking = asyncio.create_task(door.ask(Prefer=prefer))
    await door.hand.finish()
    answer = await asking
    assert (answer.status_code, answer.json()["state"]) == (201, "succeeded")
    assert answer.headers["preference-applied"] == "wait=5"


async def test_a_wait_that_is_over_leaves_the_job_under_way(door: Door):
    began = time.monotonic()
    answer = await door.ask(Prefer="respond-async, wait=1, wait=50")
    assert (answer.status_code, answer.headers["preference-applied"]) == (
        202,
        "respond-async, wait=1",
    )
    assert 1 <= time.monotonic() - began < 10


@pytest.mark.parametrize(
    "prefer", ["wait=soon", "wait=-1", "wait", "return=minimal", ";;,,=", "wait=²"]
)
async def test_a_preference_that_makes_no_sense_is_ignored(door: Door, prefer: str):
    answer = await door.http.post(
        "/v1/jobs",
        json={"report": "stock"},
        headers={"Prefer": prefer.encode()},  # type: ignore[dict-item]
    )
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


async def test_a_wait_is_capped_at_a_minute(door: Door):
    job_id = await door.finished()
    answer = await door.http.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=99999999999"})
    assert answer.headers["preference-applied"] == "wait=60"


async def test_a_job_that_fails_within_the_wait_is_shown_with_200(door: Door):
    asking = asyncio.create_task(door.ask(Prefer="wait=5"))
    await door.hand.fail(QueryFailed("no such table: sale"))
    answer = await asking
    assert (answer.status_code, answer.json()["state"]) == (200, "failed")
    assert answer.json()["error"]["type"] == "query-failed"
    assert answer.json()["error"]["retryable"] is False
    assert answer.json()["error"]["attempt"] == 1


@pytest.mark.parametrize("key", ["abc-1", '"abc-1"'])
async def test_the_same_key_and_body_get_the_first_answers_job(door: Door, key: str):
    first = await door.ask(**{"Idempotency-Key": '"abc-1"'})
    assert "idempotency-replayed" not in first.headers
    body = {"format": "csv", "parameters": {"start": "2026-01-01"}, "report": "sales"}
    again = await door.http.post("/v1/jobs", json=body, headers={"Idempotency-Key": key})
    assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
    assert again.headers["idempotency-replayed"] == "true"


async def test_the_same_key_with_another_body_is_refused(door: Door):
    await door.ask("2026-01-01", **{"Idempotency-Key": "abc"})
    answer = await door.ask("2026-01-02", **{"Idempotency-Key": "abc"})
    assert (answer.status_code, answer.json()["type"]) == (422, "idempotency-key-reused")
    assert len((await door.http.get("/v1/jobs")).json()["jobs"]) == 1


async def test_a_replay_shows_the_job_as_it_is_now(door: Door):
    await door.ask(**{"Idempotency-Key": "abc"})
    await door.hand.finish()
    assert (await door.ask(**{"Idempotency-Key": "abc"})).status_code == 201


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "caf\u00e9", "a\tb"])
async def test_a_key_of_the_wrong_form_is_refused(door: Door, key: str):
    answer = await door.http.post(
        "/v1/jobs",
        json={"report": "stock"},
        headers={"Idempotency-Key": key.encode()},  # type: ignore[dict-item]
    )
    assert (answer.status_code, answer.json()["type"]) == (400, "header-invalid")


async def test_validate_only_stores_nothing_and_tells_the_job_it_would_be(door: Door):
    body = {"report": "sales", "parameters": {"start": "2026-01-01"}, "format": "csv"}
    answer = await door.http.post("/v1/jobs?validate_only=true", json=body)
    told = answer.json()
    assert answer.status_code == 200
    assert told["parameters"] == {"start": "2026-01-01", "region": "all"}
    assert len(told["fingerprint"]) == 64
    assert (await door.http.get("/v1/jobs")).json()["jobs"] == []
    assert await door.asked() == told["id"]
    wrong = await door.http.post("/v1/jobs?validate_only=true", json=body | {"parameters": {}})
    assert wrong.status_code == 422


async def test_inline_rows_are_a_report(door: Door):
    body = {"title": "Two", "columns": [{"name": "a", "kind": "integer"}], "rows": [[1], [2**70]]}
    answer = await door.http.post("/v1/jobs", json=body)
    assert (answer.status_code, answer.json()["report"]) == (202, "ad-hoc")


async def test_a_full_queue_says_when_to_come_back(door: Door):
    full = door.config.model_copy(update={"max_queued": 1})
    tight = Door(door.ports, full)
    assert (await tight.ask("2026-01-01")).status_code == 202
    answer = await tight.ask("2026-01-02")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert answer.json()["retryable"] is True
    await tight.http.aclose()


async def test_looking_again_at_an_unchanged_job_is_a_304(door: Door):
    address = f"/v1/jobs/{await door.asked()}"
    first = await door.http.get(address)
    etag = first.headers["etag"]
    for tags in (etag, f'"other", W/{etag}', "*"):
        again = await door.http.get(address, headers={"If-None-Match": tags})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["retry-after"] == "1"
        assert "content-type" not in again.headers
    await door.hand.begin()
    changed = await door.http.get(address, headers={"If-None-Match": etag})
    assert (changed.status_code, changed.json()["state"]) == (200, "running")


async def test_a_long_poll_returns_with_the_end(door: Door):
    address = f"/v1/jobs/{await door.asked()}"
    looking = asyncio.create_task(door.http.get(address, headers={"Prefer": "wait=20"}))
    await asyncio.sleep(0.05)
    job = await door.hand.begin()
    await door.hand.progress(job, 10)
    await asyncio.sleep(0.4)
    assert not looking.done()
    await door.hand.finish(job)
    assert (await looking).json()["state"] == "succeeded"


async def test_a_long_poll_with_a_tag_returns_with_any_change(door: Door):
    address = f"/v1/jobs/{await door.asked()}"
    job = await door.hand.begin()
    etag = (await door.http.get(address)).headers["etag"]
    headers = {"Prefer": "wait=20", "If-None-Match": etag}
    looking = asyncio.create_task(door.http.get(address, headers=headers))
    await asyncio.sleep(0.05)
    await door.hand.progress(job, 10)
    assert (await looking).json()["progress"]["rows"] == 10


async def test_a_head_is_an_answer_without_a_body(door: Door):
    job_id = await door.asked()
    async with door.served() as http:
        for address in (f"/v1/jobs/{job_id}", "/v1/jobs", "/v1/reports", "/v1/status", "/livez"):
            head, get = await http.head(address), await http.get(address)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == get.headers["content-length"]


async def test_jobs_are_listed_newest_first_in_pages(door: Door):
    made: list[str] = []
    for day in range(1, 6):
        made.insert(0, await door.asked(f"2026-01-0{day}"))
        await asyncio.sleep(0.002)  # listed by the millisecond they were made in
    seen: list[str] = []
    address = "/v1/jobs?limit=2&state=queued&state=running&report=sales"
    for expected in (2, 2, 1):
        answer = await door.http.get(address)
        page = answer.json()
        assert len(page["jobs"]) == expected
        seen += [job["id"] for job in page["jobs"]]
        if page["next"]:
            match = re.fullmatch(r'<(.*)>; rel="next"', answer.headers["link"])
            assert match
            assert page["next"] in match[1]
            address = match[1]
    assert seen == made
    assert "link" not in answer.headers
    assert page["next"] is None


async def test_listings_are_filtered(door: Door):
    done = await door.finished("2026-01-01")
    await asyncio.sleep(0.01)
    moment = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.01)
    waiting = await door.asked("2026-01-02")

    async def listed(**query: str) -> list[str]:
        answer = await door.http.get("/v1/jobs", params=query)
        return [job["id"] for job in answer.json()["jobs"]]

    assert await listed(state="succeeded") == [done]
    assert await listed(created_after=moment) == [waiting]
    assert await listed(report="stock") == []
    assert await listed() == [waiting, done]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("cursor=abc", "/query/cursor"),
        ("cursor=MTIz", "/query/cursor"),
        ("cursor=%C3%A9", "/query/cursor"),
        ("cursor=", "/query/cursor"),
        ("state=done", "/query/state/0"),
        ("limit=0", "/query/limit"),
        ("limit=201", "/query/limit"),
        ("created_after=yesterday", "/query/created_after"),
        ("created_after=2026-01-01T00:00:00", "/query/created_after"),
        ("stat=queued", "/query/stat"),
    ],
)
async def test_a_query_that_is_wrong_is_named(door: Door, query: str, pointer: str):
    answer = await door.http.get(f"/v1/jobs?{query}")
    assert answer.status_code == 422
    assert [e["pointer"] for e in answer.json()["errors"]] == [pointer]


async def test_a_queued_job_is_cancelled_at_once(door: Door):
    job_id = await door.asked()
    for _ in range(2):  # cancelling twice is fine
        answer = await door.http.post(f"/v1/jobs/{job_id}:cancel")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert await door.ports.store.claim(("small",), "hand", 1000) is None


async def test_a_running_job_is_asked_to_stop(door: Door):
    job_id = await door.asked()
    await door.hand.begin()
    answer = await door.http.post(f"/v1/jobs/{job_id}:cancel")
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    assert answer.json()["cancel_requested_at"]


async def test_an_ended_job_cannot_be_cancelled(door: Door):
    job_id = await door.finished()
    answer = await door.http.post(f"/v1/jobs/{job_id}:cancel")
    assert (answer.status_code, answer.json()["type"]) == (409, "conflict")


async def test_a_failed_job_runs_again_under_its_id(door: Door):
    job_id = await door.asked()
    refused = await door.http.post(f"/v1/jobs/{job_id}:retry")
    assert refused.status_code == 409
    await door.hand.fail(QueryFailed("broken"))
    links = (await door.http.get(f"/v1/jobs/{job_id}")).json()["links"]
    answer = await door.http.post(links["retry"])
    assert (answer.status_code, answer.json()["id"]) == (202, job_id)
    assert answer.headers["location"] == f"/v1/jobs/{job_id}"
    await door.hand.finish()
    assert (await door.http.get(f"/v1/jobs/{job_id}")).json()["state"] == "succeeded"


async def test_a_refresh_is_a_new_job_and_leaves_the_old_file(door: Door):
    old = await door.finished()
    answer = await door.http.post(f"/v1/jobs/{old}:refresh")
    new = answer.json()["id"]
    assert (answer.status_code, new != old) == (202, True)
    assert answer.headers["location"] == f"/v1/jobs/{new}"
    again = await door.http.post(f"/v1/jobs/{old}:refresh")
    assert again.json()["id"] == new
    assert (await door.http.get(f"/v1/jobs/{old}/file")).status_code == 200


async def test_forgetting_deletes_the_job_and_its_file(door: Door):
    job_id = await door.asked()
    assert (await door.http.delete(f"/v1/jobs/{job_id}")).status_code == 409
    done = await door.hand.finish()
    answer = await door.http.delete(f"/v1/jobs/{job_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await door.http.get(f"/v1/jobs/{job_id}")).status_code == 404
    assert done.artifact
    assert await door.ports.files.stat(done.artifact.key) is None


@pytest.mark.parametrize(
    ("method", "address"),
    [("GET", ""), ("GET", "/file"), ("GET", "/manifest"), ("GET", "/events"), ("DELETE", ""),
     ("POST", ":cancel"), ("POST", ":retry"), ("POST", ":refresh")],
)  # fmt: skip
async def test_a_job_that_is_not_there_is_not_found(door: Door, method: str, address: str):
    answer = await door.http.request(method, NOWHERE + address)
    assert (answer.status_code, answer.json()["type"]) == (404, "not-found")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_the_catalog_tells_what_may_be_asked_for_and_nothing_of_the_source(door: Door):
    answer = await door.http.get("/v1/reports")
    sales, stock = answer.json()["reports"]
    assert (sales["name"], sales["version"], sales["versions"]) == ("sales", 2, [1, 2])
    assert stock["name"] == "stock"
    assert sales["parameters"]["required"] == ["start"]
    assert sales["parameters"]["properties"]["region"]["enum"] == ["all", "north"]
    assert "secret-table" not in answer.text
    assert (await door.http.get("/v1/reports/sales")).json() == sales
    old = await door.http.get("/v1/reports/sales/versions/1")
    assert (old.json()["version"], old.json()["formats"]) == (1, ["xlsx", "pdf", "csv"])
    for address in (
        "nothing",
        "sales/versions/9",
        "sales/versions/two",
        "sales/versions/" + "9" * 99,
    ):
        assert (await door.http.get(f"/v1/reports/{address}")).status_code == 404
