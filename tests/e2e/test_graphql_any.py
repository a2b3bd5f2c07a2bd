"""Whatever is asked by GraphQL, the answer is an answer or a sentence: no mistake of ours, and no trace."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from graphql import FloatValueNode, IntValueNode, StringValueNode, parse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, from_schema

from prelo.core.desk import Errand
from prelo.core.schedule import Plan
from prelo.core.webhook import NewWebhook
from prelo.entry.api.audit import Marks
from prelo.entry.api.graphql.cost import check
from prelo.entry.api.graphql.door import schema
from tests.e2e.asking import camel
from tests.e2e.conftest import Door
from tests.e2e.test_http_refusals import ANY_JSON, FIELDS

NODES: dict[str, st.SearchStrategy[Any]] = {
    "Long": st.integers(-(2**54), 2**54).map(lambda n: IntValueNode(value=str(n))),
    "DateTime": (st.datetimes().map(lambda time: f"{time.isoformat()}Z") | st.text()).map(
        lambda text: StringValueNode(value=text)
    ),
    "JSON": st.text(max_size=9).map(lambda text: StringValueNode(value=text))
    | st.sampled_from(["1e999", "-0.0", "1e-400"]).map(lambda text: FloatValueNode(value=text)),
}
ASKED = [from_schema(schema.as_str(), custom_scalars=NODES, mode=mode) for mode in Mode]
BY_VARIABLES = [
    "mutation($a: JobInput!, $b: String) {createJob(input: $a, idempotencyKey: $b) {replayed job {id}}}",
    "query($a: JobInput!) {checkJob(input: $a) {id parameters}}",
    "mutation($a: ID!, $b: ID!) {a: cancelJob(id: $a) {id} b: retryJob(id: $b) {id}}",
    "mutation($a: ID!, $b: ID!) {a: refreshJob(id: $a) {id} b: forgetJob(id: $b)}",
    "query($a: [State!], $b: DateTime) {jobs(state: $a, createdAfter: $b) {nodes {id error {type}}}}",
    "query($a: Int!, $b: String) {jobs(first: $a, after: $b) {edges {cursor} pageInfo {hasNextPage}}}",
    "query($a: String!, $b: Long) {report(name: $a, version: $b) {versions limits {fileSize}}}",
    "mutation($a: ScheduleInput!, $b: ID!) {createSchedule(input: $a) {replayed} pauseSchedule(id: $b) {id}}",
    "mutation($a: ID!, $b: ScheduleInput!) {changeSchedule(id: $a, input: $b) {id next}}",
    "query($a: ScheduleInput!) {checkSchedule(input: $a) {at parameters}}",
    "mutation($a: WebhookInput!, $b: ID!) {createWebhook(input: $a) {id} testWebhook(id: $b) {id}}",
    "mutation($a: ErrandInput!) {replayDead(input: $a) {done left until}}",
    "query($a: DeadFilter, $b: String) {deadJobs(filter: $a, after: $b) {nodes {id}}}",
    "query($a: AuditFilter, $b: String) {audit(filter: $a, after: $b) {nodes {number}}}",
]  # fmt: skip
NAMES = {camel(n) for kind in (Plan, NewWebhook, Errand, Marks) for n in kind.model_fields}
IDS = st.sampled_from(["5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90", "sales", "2026-02-01T08:00:00Z"])
INPUTS = FIELDS.map(lambda body: {("maxAge" if n == "max_age" else n): v for n, v in body.items()})
TIMES = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14))]))
MORE = st.dictionaries(
    st.sampled_from(sorted(NAMES)),
    IDS | ANY_JSON | INPUTS | TIMES.map(datetime.isoformat) | st.sampled_from(["0 7 * * *", True]),
    max_size=4,
)
VALUES = INPUTS | MORE | IDS | st.integers() | ANY_JSON
REFUSALS = {400, 404, 409, 422}
ANY_DOOR = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def answered(door: Door, question: dict[str, Any]) -> None:
    content = json.dumps(question).encode("utf-8", "surrogatepass")
    answer = await door.http.post(
        "/graphql", content=content, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code in {200, *REFUSALS}, (question, answer.text)
    assert "Traceback" not in answer.text
    for error in answer.json().get("errors", ()):
        told = error.get("extensions", {"status": 422})
        assert told["status"] in REFUSALS, (question, error)


@ANY_DOOR
@given(query=st.one_of(ASKED) | st.text(max_size=40))
async def test_no_document_whatever_is_our_mistake(door: Door, query: str):
    # Nobody is there who makes the files; a test that waited for them would wait long.
    await answered(door, {"query": re.sub(r"wait: [\d-]+", "wait: 0", query)})


@ANY_DOOR
@given(query=st.sampled_from(BY_VARIABLES), first=VALUES, second=VALUES)
async def test_no_variables_whatever_are_our_mistake(
    door: Door, query: str, first: object, second: object
):
    await answered(door, {"query": query, "variables": {"a": first, "b": second}})


LEAVES = st.sampled_from(["id", "state", "a: version"])
TREES: st.SearchStrategy[list[Any]] = st.recursive(
    st.lists(LEAVES, min_size=1, max_size=3),
    lambda inner: st.lists(LEAVES | inner, min_size=1, max_size=3),
    max_leaves=12,
)


def written(tree: list[Any], fragments: list[str] | None) -> str:
    """Each list is an inline fragment, or a fragment of its own."""
    parts: list[str] = []
    for one in tree:
        inner = one if isinstance(one, str) else written(one, fragments)
        if isinstance(one, str):
            parts.append(inner)
        elif fragments is None:
            parts.append(f"... on Job {{{inner}}}")
        else:
            parts.append(f"...f{len(fragments)}")
            fragments.append(f"fragment f{len(fragments)} on Job {{{inner}}}")
    return " ".join(parts)


@given(tree=TREES, first=st.integers(1, 200), literal=st.booleans())
def test_a_query_costs_the_same_however_it_is_written(tree: list[Any], first: int, literal: object):
    def cost(fragments: list[str] | None) -> int:
        number = str(first) if literal else "$n"
        chosen = written(tree, fragments)
        query = f"query q($n: Int!) {{jobs(first: {number}) {{nodes {{{chosen}}}}}}}"
        return check(parse(" ".join([query, *(fragments or ())])), {"n": first})

    fields = json.dumps(tree).count('"') // 2
    assert cost(None) == cost([]) == 101 + first * (1 + fields)
