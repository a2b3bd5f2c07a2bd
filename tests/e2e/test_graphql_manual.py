"""What the manual of GraphQL shows is what happens."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from graphql import parse

from prelo.entry.api.graphql.cost import check
from tests.e2e.asking import JOB, graph
from tests.e2e.conftest import Door

MANUAL = (Path(__file__).parents[2] / "docs/graphql.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)


def general(answer: Any) -> Any:
    """Without ids, times and cursors, which are others each time."""
    text = json.dumps(answer)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text)
    return json.loads(re.sub(r'"[\w-]{60,}"', '"<cursor>"', text))


async def test_each_question_has_the_answer_that_stands_below_it(door: Door):
    questions, answers = blocks("graphql"), blocks("json")
    assert len(questions) == len(answers) == 4
    for question, answer in zip(questions, answers, strict=True):
        assert general(await graph(door, question)) == general(json.loads(answer))


def test_what_all_of_200_jobs_costs_is_as_it_stands_there():
    costs = check(parse(f"{{jobs(first: 200) {{nodes{JOB}}}}}"), {})
    assert f"All {len(re.findall('[a-zA-Z0-9]+', JOB))} fields of 200 jobs cost {costs:,}" in MANUAL


async def test_the_first_question_can_be_asked_by_curl(door: Door):
    (command,) = blocks("sh")
    (body,) = re.findall(r"-d '(.*)'", command)
    headers = {"Content-Type": "application/json"}
    said = (await door.http.post("/graphql", content=body, headers=headers)).json()
    assert [one["name"] for one in said["data"]["reports"]] == ["sales", "stock"]


async def test_the_program_that_follows_a_job_hears_its_end(door: Door):
    named: dict[str, Any] = {}
    (program,) = blocks("python")
    exec(compile(program, "docs/graphql.md", "exec"), named)  # noqa: S102  the manual's own
    follow: Callable[[str, str], AsyncIterator[str]] = named["follow"]
    job_id = await door.asked()
    async with door.served() as http, asyncio.timeout(20):
        states: list[str] = []
        async for state in follow(str(http.base_url).replace("http", "ws") + "/graphql", job_id):
            states.append(state)
            if state == "queued":
                await door.hand.finish()
    assert (states[0], states[-1]) == ("queued", "succeeded")
