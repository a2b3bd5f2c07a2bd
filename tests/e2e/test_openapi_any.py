"""Whatever is asked, by chance or along the links of the description: the answer is one that it names."""

import asyncio

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
        answer = await door.http.post(address, **asked)  # type: ignore[arg-type]
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


async def fuzzed(door: Door, examples: int, *, thorough: bool):
    from tests.e2e.fuzzing import fuzz  # takes a second to load

    known = await stocked(door)
    async with door.served() as http:
        url = str(http.base_url).rstrip("/")
        return await asyncio.to_thread(fuzz, url, known, examples, thorough=thorough)


async def test_every_answer_is_as_the_description_says(door: Door):
    outcome = await fuzzed(door, 3, thorough=False)
    print(outcome.cases, outcome.said, outcome.phases)
    assert outcome.wrong == []
    assert outcome.cases >= 200
    assert {"200", "201", "202", "204", "404", "422"} <= set(outcome.said)


@long
async def test_twenty_thousand_answers_are_as_the_description_says(door: Door):
    outcome = await fuzzed(door, 250, thorough=True)
    print(outcome.cases, outcome.said, outcome.phases)
    assert outcome.wrong == []
    assert outcome.cases >= 20_000
