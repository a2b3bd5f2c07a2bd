"""GraphQL says what REST says: one script is asked by both, and their answers are compared."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any, get_args

from prelo.core.errors import QueryFailed
from prelo.core.request import Caller
from prelo.entry.api.graphql.door import schema
from prelo.entry.api.reading import Who
from tests.e2e.asking import JOB, Answer, Asks, Body, Graph, Rest, graph
from tests.e2e.conftest import Door

ROOT = Path(__file__).parents[2]
NOWHERE = "5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90"
COLUMNS = [{"name": "item", "kind": "text"}, {"name": "price", "kind": "money:EUR", "total": "sum"}]
INLINE: Body = {
    "title": "Two",
    "format": "csv",
    "columns": COLUMNS,
    "rows": [["tea", 3.5], ["é", 1]],
}
WRONG: list[Body] = [
    {"report": "sales", "parameters": {"start": "soon", "end": 1}, "format": "csv"},
    {"report": "sales"},
    {"report": "nothing"},
    {"report": "sales", "version": 7, "parameters": {"start": "2026-01-01"}},
    {"report": "sales", "parameters": {"start": "2026-01-01"}, "format": "pdf"},
    {"report": "stock", "max_age": -1, "deadline": 0},
    {"report": "stock", "timezone": "Moon/Crater", "locale": "xx-yy-zz-?"},
    {"report": "stock", "parameters": None, "format": None},
    {"report": "stock", "title": "mine"},
    {"report": "stock", "rows": [[1]], "columns": [{"name": "a"}]},
    {"columns": [{"name": "a"}, {"name": "a"}], "rows": []},
    {"columns": [{"name": "a", "kind": "colour"}, {"title": 1}], "rows": [[1, 2]]},
    {"columns": [{"name": "a"}], "rows": [[1, 2]]},
    {},
]  # fmt: skip


def sales(start: str, **more: Any) -> Body:
    return {"report": "sales", "parameters": {"start": start}, "format": "csv", **more}


async def script(asks: Asks, door: Door, start: str) -> list[Answer]:
    """What somebody may ask from the first request to the last, with the answers."""
    said = [await asks.create(sales(start)), await asks.create(sales(start), "k" + start)]
    said += [await asks.create(sales(start), "k" + start)]
    said += [await asks.create(sales("2027-01-01"), "k" + start)]
    job_id = said[0]["job"]["id"]
    said += [await asks.look(job_id), await asks.check(sales(start, max_age=600))]
    job = await door.hand.begin()
    await door.hand.progress(job, 500)
    said += [await asks.look(job_id), await asks.act("cancel", job_id)]
    await door.hand.fail(QueryFailed("no such table: sale"), job)
    said += [await asks.look(job_id), await asks.act("cancel", job_id)]
    said += [await asks.act("retry", job_id)]
    await door.hand.finish()
    said += [await asks.look(job_id), await asks.act("retry", job_id)]
    said += [await asks.create(sales(start, max_age=3600, priority="high", deadline=60.5))]
    said += [newer := await asks.act("refresh", job_id), await asks.forget(newer["id"])]
    said += [await asks.act("cancel", newer["id"]) for _ in range(2)]
    said += [
        await asks.create({**INLINE, "title": start}),
        await asks.create(sales(start, max_age=0)),
    ]
    said += await pages(asks)
    said += [await asks.page(9, state=["cancelled", "succeeded"], report="sales")]
    said += [await asks.page(9, created_after="2099-01-01T00:00:00+02:00")]
    for job_of in [said[-1], *said]:
        for one in job_of.get("jobs", []):
            await asks.act("cancel", one["id"])
            await asks.forget(one["id"])
    return [*said, await asks.look(job_id), await asks.page(9)]


async def pages(asks: Asks) -> list[Answer]:
    found = [await asks.page(2)]
    while cursor := found[-1]["next"]:
        found.append(await asks.page(2, cursor))
    assert len(found) > 1
    return found


def same(said: list[Answer], start: str) -> Any:
    """Without what is another one's in any case: ids (numbered as they come), times, cursors."""
    text = json.dumps(said).replace(start, "<start>").replace("k<start>", "<key>")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text)
    text = re.sub(r'"(next|sha256|fingerprint)": "\w+"', r'"\1": "<it>"', text)
    ids: dict[str, str] = {}
    text = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        lambda found: ids.setdefault(found[0], f"<job {len(ids)}>"),
        text,
    )
    return json.loads(text)


async def test_one_script_has_the_same_answers_by_rest_and_by_graphql(door: Door):
    by_rest = same(await script(Rest(door), door, "2026-01-01"), "2026-01-01")
    by_graph = same(await script(Graph(door), door, "2026-01-02"), "2026-01-02")
    for number, (rest, graphql) in enumerate(zip(by_rest, by_graph, strict=True)):
        assert graphql == rest, number
    kinds = [next(iter(answer.get("problem", {"none": 0}).values())) for answer in by_rest]
    assert {"conflict", "not-found", "idempotency-key-reused"} <= set(kinds)


async def test_what_rest_refuses_graphql_refuses_in_the_same_words(door: Door):
    rest, graphql = Rest(door), Graph(door)
    for body in WRONG:
        refused = await rest.create(body)
        assert refused["problem"]["status"] in {404, 422}, body
        assert await graphql.create(body) == refused
        assert await graphql.check(body) == await rest.check(body)
    assert (await rest.page(9))["jobs"] == []


async def test_a_job_that_is_not_there_is_not_found_by_either(door: Door):
    rest, graphql = Rest(door), Graph(door)
    for job_id in (NOWHERE, "nope", "é"):
        looked = await graphql.look(job_id)
        assert (looked["problem"]["status"], looked["problem"]["type"]) == (404, "not-found")
        assert looked == await rest.look(job_id)
        for action in ("cancel", "retry", "refresh"):
            assert await graphql.act(action, job_id) == looked
        assert await graphql.forget(job_id) == looked


async def test_the_catalog_and_the_house_are_the_same_by_both(door: Door):
    rest, graphql = Rest(door), Graph(door)
    assert await graphql.reports() == await rest.reports()
    assert len((await rest.reports())["reports"]) == 2
    for name, version in [("sales", None), ("sales", 1), ("sales", 9), ("none", None)]:
        assert await graphql.report(name, version) == await rest.report(name, version)
    assert await graphql.status() == await rest.status()


async def test_a_key_is_the_same_key_at_both_doors(door: Door):
    body = sales("2026-01-01", max_age=600, priority="low")
    first = await Rest(door).create(body, "abc")
    again = await Graph(door).create(body, "abc")
    assert (again["job"], again["replayed"]) == (first["job"], True)
    other = await Graph(door).create(sales("2026-01-01", max_age=601, priority="low"), "abc")
    assert other["problem"]["type"] == "idempotency-key-reused"


async def test_a_mutation_waits_for_the_end_of_its_job(door: Door):
    asking = asyncio.create_task(Graph(door).create(sales("2026-01-01"), wait=20))
    done = await door.hand.finish()
    job = (await asking)["job"]
    assert (job["id"], job["state"], job["artifact"]["size"]) == (
        done.id,
        "succeeded",
        done.artifact and done.artifact.size,
    )


async def test_of_several_mutations_one_that_is_refused_takes_none_with_it(door: Door):
    job_id = await door.asked()
    query = """mutation($id: ID!) {
      first: createJob(input: {report: "stock"}) {job {id report}}
      wrong: createJob(input: {report: "none"}) {job {id}}
      stopped: cancelJob(id: $id) {state}
    }"""
    said = await graph(door, query, {"id": job_id})
    assert said["data"]["first"]["job"]["report"] == "stock"
    assert said["data"]["wrong"] is None
    assert said["data"]["stopped"] == {"state": "cancelled"}
    assert [error["path"] for error in said["errors"]] == [["wrong"]]


async def test_a_queue_that_is_full_is_said_with_the_time_to_come_back(door: Door):
    full = Door(door.ports, door.config.model_copy(update={"max_queued": 1}))
    await door.asked()
    refused = (await Graph(full).create(sales("2026-02-02")))["problem"]
    assert refused == (await Rest(full).create(sales("2026-02-02")))["problem"]
    assert (refused["status"], refused["retryAfter"] >= 1) == (503, True)


async def test_a_store_that_is_away_is_a_problem_and_no_trace(door: Door):
    await door.ports.store.close()
    refused = await Graph(door).look(NOWHERE)
    assert refused == await Rest(door).look(NOWHERE)
    assert refused["problem"]["status"] == 503


async def test_another_tenants_jobs_are_not_there(door: Door):
    job_id = await door.finished()
    other = Door(door.ports, door.config)
    _, depends = get_args(Who)
    other.app.dependency_overrides[depends.dependency] = lambda: Caller(tenant="other")
    theirs = Graph(other)
    refused = [await theirs.look(job_id), await theirs.forget(job_id)]
    refused += [await theirs.act(action, job_id) for action in ("cancel", "retry", "refresh")]
    assert {answer["problem"]["type"] for answer in refused} == {"not-found"}
    assert await theirs.page(9) == {"jobs": [], "next": None}
    assert (await theirs.create(sales("2026-01-01")))["job"]["id"] != job_id
    assert [job["id"] for job in (await Graph(door).page(9))["jobs"]] == [job_id]


def test_the_schema_is_the_one_in_the_manual():
    """Whoever changes it sees it here, and writes it by: python -m tests.e2e.test_graphql"""
    assert (ROOT / "docs/schema.graphql").read_text(encoding="utf-8") == schema.as_str() + "\n"


def test_every_field_of_a_job_can_be_asked_for():
    assert "cancelRequestedAt" in JOB
    assert "error{type title detail retryable attempt errors{pointer detail}}" in JOB


if __name__ == "__main__":
    (ROOT / "docs/schema.graphql").write_text(schema.as_str() + "\n", encoding="utf-8")
