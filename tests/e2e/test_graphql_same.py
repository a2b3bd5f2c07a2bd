"""What is no job's, by both doors: a script is asked by REST and by GraphQL, and the answers are compared."""

from collections.abc import AsyncGenerator
from itertools import count
from typing import Any

import pytest

from tests.e2e.asking import Body, graph
from tests.e2e.both import Ask, Graph, Rest, compared, types
from tests.e2e.conftest import Door
from tests.e2e.test_http_dead import dead
from tests.e2e.test_http_webhooks import deliver_locally, local
from tests.receivers.web import Receiver, status

__all__ = ["local"]  # a fixture
NOWHERE = "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"


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


async def of_webhooks(ask: Ask, door: Door) -> AsyncGenerator[Any]:
    async with Receiver() as receiver:
        receiver.answers = [status(410)]
        yield (made := await ask("createWebhook", input={"url": receiver.url}))
        hook = made["id"]
        events = {"description": "ours", "jobs": "named", "events": ["failed", "succeeded"]}
        yield await ask("createWebhook", input={"url": "https://example.com/", **events})
        yield (sent := await ask("testWebhook", id=hook))
        await deliver_locally(door)
        for field in ("testWebhook", "webhook", "enableWebhook"):
            yield await ask(field, id=hook)
        yield await ask("replayDelivery", webhook=hook, id=sent["id"])
        await deliver_locally(door)
        yield await ask("replayDeliveries", webhook=hook)
        yield await ask("testWebhook", id=hook)
        yield (page := await ask("webhook.deliveries", id=hook, first=1))
        yield await ask("webhook.deliveries", id=hook, first=1, after=page["next"])
        rows = {"title": hook, "columns": [{"name": "a"}], "rows": []}
        said = rows | {"notify": [{"webhook": hook}]}
        job = (await door.http.post("/v1/jobs", json=said)).json()["id"]
        await door.hand.finish()
        yield await ask("notices", job=job)
    yield await ask(
        "changeWebhook", id=hook, input={"url": "https://new.example.com/", "jobs": "all"}
    )
    yield await ask("changeWebhook", id=hook, input={"enabled": False, "jobs": None})
    yield await ask("replayDeliveries", webhook=hook)
    yield await ask("rotateWebhook", id=hook, grace=60)
    yield await ask("rotateWebhook", id=hook, grace=0.5)
    yield await ask("rotateWebhook", id=hook, grace=-1)
    yield (listed := await ask("webhooks"))
    for one in listed["webhooks"]:
        yield await ask("deleteWebhook", id=one["id"]) == one["id"]
    for field in ("webhook", "enableWebhook", "testWebhook", "deleteWebhook"):
        yield await ask(field, id=hook)
    for url in ("http://example.com/", "https://127.0.0.2/", "https://u:p@example.com/", None):
        yield await ask("createWebhook", input={"url": url, "description": "x" * 201})
    yield await ask("changeWebhook", id=hook, input={"events": []})
    yield await ask("notices", job=NOWHERE)
    await door.http.delete(f"/v1/jobs/{job}")


async def test_webhooks_are_the_same_by_rest_and_by_graphql(local: Door):
    said = await compared(local, of_webhooks)
    assert types(said) == {"conflict", "parameters-invalid", "not-found"}
    assert any(
        tried["ok"] for one in said if "next" in one for tried in one["deliveries"][0]["tries"]
    )


async def of_datasets(ask: Ask, door: Door) -> AsyncGenerator[Any]:
    async def uploaded(content: bytes) -> str:
        answer = await door.http.post("/v1/datasets", content=content)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()["id"]

    csv, jsonl = await uploaded(b"a;b\n1;x\n"), await uploaded(b'{"a": 1.5, "b": [1]}\n')
    yield (page := await ask("datasets", first=1))
    yield await ask("datasets", first=1, after=page["next"])
    yield await ask("dataset", id=csv)
    job = (await door.http.post("/v1/jobs", json={"dataset": jsonl})).json()["id"]
    yield await ask("deleteDataset", id=jsonl)
    await door.http.post(f"/v1/jobs/{job}:cancel")
    await door.http.delete(f"/v1/jobs/{job}")
    for one in (csv, jsonl):
        yield await ask("deleteDataset", id=one) == one
    yield await ask("deleteDataset", id=csv)
    yield await ask("dataset", id=csv)
    yield await ask("datasets", first=9)


async def test_datasets_are_the_same_by_rest_and_by_graphql(door: Door):
    said = await compared(door, of_datasets)
    assert types(said) == {"conflict", "not-found"}


async def test_a_name_that_none_has_is_not_found(door: Door):
    """A store may not even be able to look for it; and it is not sent back."""
    for field in ("webhook", "dataset", "deleteDataset", "testWebhook"):
        for name in ("wh_\0", "x" * 5_000, "", "é"):
            problem = (await Graph(door).ask(field, id=name))["problem"]
            assert (problem["type"], len(problem["detail"]) < 200) == ("not-found", True), field


YEARS = count(2026)


async def of_the_desk(ask: Ask, door: Door) -> AsyncGenerator[Any]:
    await dead(
        door, 3, f"{next(YEARS)}-01"
    )  # of jobs that nobody had before: each is of generation 0
    yield (page := await ask("deadJobs", filter={"report": "sales", "fate": "spent"}, first=2))
    yield (rest := await ask("deadJobs", filter={"version": 2}, first=2, after=page["next"]))
    yield await ask("deadJobs", filter={"state": "failed"}, first=2)
    yield await ask("deadJobs", filter={"since": "2099-01-01T00:00:00+02:00"}, first=2)
    first, last = page["jobs"][0]["id"], rest["jobs"][0]["id"]
    yield await ask("deadJob", id=first)
    yield await ask("replayDead", input={"all": True, "dry_run": True})
    yield await ask("replayDead", input={"ids": [first]})
    yield await ask("deadJob", id=first)
    yield await ask("replayDead", input={"error": "source-unavailable", "most": 1, "rate": 1000})
    yield await ask("dropDead", input={"report": "sales", "since": "2026-01-01T00:00:00Z"})
    yield await ask("dropDead", input={"all": True})
    for body in ({}, {"all": True, "most": 0, "rate": 0.01}, {"ids": ["nope"]}, {"state": "lost"}):
        yield await ask("dropDead", input=body)
    yield await ask("deadAudit", filter={"job": first}, first=2)
    yield await ask(
        "deadAudit", filter={"act": ["replay"], "until": "2001-01-01T00:00:00Z"}, first=2
    )
    yield (page := await ask("audit", first=1))
    yield await ask("audit", first=1, after=page["next"])
    yield await ask("audit", filter={"act": ["drop"], "job": last, "tenant": "default"}, first=1)
    yield await ask("deadJob", id=NOWHERE)
    for job in (await door.http.get("/v1/jobs")).json()["jobs"]:
        await door.http.post(f"/v1/jobs/{job['id']}:cancel")
        await door.http.delete(f"/v1/jobs/{job['id']}")


async def test_the_desk_is_the_same_by_rest_and_by_graphql(door: Door):
    said = await compared(door, of_the_desk)
    assert types(said) == {"conflict", "parameters-invalid", "not-found"}
    assert [one["done"] for one in said if "done" in one] == [0, 1, 1, 1, 0]


async def test_two_errands_are_more_than_a_question_may_have(door: Door):
    await dead(door)
    one = "replayDead(input: {all: true}) {done}"
    said = await graph(door, f"mutation {{a: {one} b: {one}}}")
    assert said["errors"][0]["extensions"]["type"] == "graphql-too-costly"
    assert (await graph(door, f"mutation {{{one}}}"))["data"] == {"replayDead": {"done": 1}}


async def test_the_audit_tells_the_door_and_the_person(door: Door):
    await dead(door)
    query = "mutation {dropDead(input: {all: true}) {done}}"
    await graph(door, query, From="ana@example.com")
    (entry,) = (await Graph(door).ask("audit", first=9))["entries"]
    assert (entry["actor"], entry["detail"]["door"]) == ("ana@example.com", "graphql")
