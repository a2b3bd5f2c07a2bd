"""Whatever is asked, by chance or along the links of the description: the answer is one that it names."""

import asyncio

import httpx
import pytest
from jsonschema import Draft202012Validator

from prelo.core.errors import QueryFailed
from tests.e2e.conftest import Door
from tests.faults.plant import long
from tests.manual.examples import EXAMPLES

PLAN = {
    "name": "n",
    "cron": "0 7 * * *",
    "request": {"report": "sales", "parameters": {"start": "2026-01-01"}},
}


async def stocked(door: Door) -> dict[str, list[str]]:
    """Some of everything, by the names that paths have for their ids."""
    await door.asked("2026-01-03")
    expired = (await door.hand.expire(await door.hand.finish())).id
    failed = await door.asked("2026-01-02")
    await door.hand.fail(QueryFailed("no such table: sale"))
    jobs = [await door.finished("2026-01-01"), expired, failed]

    async def made(address: str, **asked: object) -> str:
        answer = await door.http.post(address, **asked)  # type: ignore[arg-type]  httpx's
        assert answer.status_code in {201, 202}, answer.text
        return answer.json()["id"]

    hook = await made("/v1/webhooks", json=EXAMPLES["POST /v1/webhooks"].body)
    return {
        "job_id": jobs,
        "schedule_id": [await made("/v1/schedules", json=PLAN)],
        "webhook_id": [hook],
        "notice_id": [await made(f"/v1/webhooks/{hook}:test")],
        "dataset": [await made("/v1/datasets", content=b"a;b\n1;2\n")],
        "name": ["sales", "stock"],
        "number": ["1", "2"],
    }


async def holds(door: Door, place: str, answer: httpx.Response) -> None:
    """The answer is of the schema that the description has for it."""
    told = (await door.http.get("/openapi.json")).json()
    method, _, path = place.partition(" ")
    named = told["paths"][path][method.lower()]["responses"][str(answer.status_code)]
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = named["content"][media_type]["schema"] | {"components": told["components"]}
    Draft202012Validator(schema).validate(answer.json())


async def test_a_request_that_is_only_checked_is_as_described(door: Door):
    body = {"report": "sales", "parameters": {"start": "2026-01-01"}}
    answer = await door.http.post("/v1/jobs?validate_only=true", json=body)
    assert "fingerprint" in answer.json()
    await holds(door, "POST /v1/jobs", answer)


async def test_a_manifest_is_as_described(door: Door):
    answer = await door.http.get(f"/v1/jobs/{await door.finished()}/manifest")
    assert answer.json()["checksum"].startswith("sha256:")
    await holds(door, "GET /v1/jobs/{job_id}/manifest", answer)


async def test_a_problem_is_as_described_without_what_says_nothing(door: Door):
    answer = await door.http.get("/v1/reports/nobody")
    assert "attempt" not in answer.json()
    await holds(door, "GET /v1/reports/{name}", answer)


@pytest.mark.parametrize("address", [f"/v1/dead?version={10**19}", f"/v1/audit?cursor={10**19}"])
async def test_a_number_that_no_store_can_hold_is_refused(door: Door, address: str):
    answer = await door.http.get(address)
    assert (answer.status_code, answer.json()["type"]) == (422, "parameters-invalid")


async def test_a_name_with_a_nul_in_it_is_nobodys_whatever_the_store(door: Door):
    answer = await door.http.get("/v1/webhooks/%00")
    assert answer.status_code == 404
    assert "NUL" in answer.json()["detail"]


async def test_an_errand_for_a_version_that_no_store_can_hold_is_refused(door: Door):
    answer = await door.http.post("/v1/dead/drop", json={"version": 10**19, "dry_run": True})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/version"


async def test_what_can_be_done_with_what_was_made_is_linked(door: Door):
    told = (await door.http.get("/openapi.json")).json()["paths"]
    links = told["/v1/jobs"]["post"]["responses"]["202"]["links"]
    cancel = told["/v1/jobs/{job_id}:cancel"]["post"]["operationId"]
    assert links[cancel]["parameters"] == {"job_id": "$response.body#/id"}
    assert "links" not in told["/v1/jobs/{job_id}:cancel"]["post"]["responses"]["200"]


async def fuzzed(door: Door, examples: int, *, thorough: bool):
    from tests.e2e.fuzzing import fuzz  # takes a second to load

    known = await stocked(door)
    async with door.served() as http:
        url = str(http.base_url).rstrip("/")
        return await asyncio.to_thread(fuzz, url, known, examples, thorough=thorough)


@long
async def test_every_answer_is_as_the_description_says(door: Door):
    outcome = await fuzzed(door, 2, thorough=False)
    print(outcome.cases, outcome.said, outcome.phases)
    assert outcome.wrong == []
    assert outcome.cases >= 100
    assert {"200", "202", "404", "409", "422"} <= set(outcome.said)


@long
@pytest.mark.timeout(1800)
async def test_twenty_thousand_answers_are_as_the_description_says(door: Door):
    outcome = await fuzzed(door, 520, thorough=True)
    print(outcome.cases, outcome.said, outcome.phases)
    assert outcome.wrong == []
    assert outcome.cases >= 20_000
