"""What GraphQL refuses, in a sentence, before it costs anything."""

import json
import logging
import math
import sys
import time
from collections.abc import Generator
from dataclasses import replace
from typing import Any, cast

import pytest
from graphql import get_introspection_query

from prelo.core.errors import PreloError
from prelo.core.report import Catalog
from prelo.entry.api import graphql as mounted
from tests.e2e.asking import JOB, graph
from tests.e2e.conftest import Door

JSON = {"Content-Type": "application/json"}
ANSWER = "application/graphql-response+json"


def deep(levels: int) -> str:
    return "{job(id: 1) " + "{error" * levels + "{type}" + "}" * levels + "}"


def doubling(fragments: int) -> str:
    """Of a few words, 2 to the power of `fragments` fields."""
    spread = (f"fragment f{n} on Job {{...f{n + 1} ...f{n + 1}}}" for n in range(fragments))
    return "{job(id: 1) {...f0}} " + " ".join(spread) + f"fragment f{fragments} on Job {{id}}"


ALIASES = " ".join(f'a{n}: job(id: "{n}") {{id}}' for n in range(31))
BOMBS = {
    "deep": (deep(25), "deeper than 20"),
    "deeper than the parser goes": (deep(190), "deeper than 20"),
    "deeper than anything": (deep(250), "nested too deeply"),
    "a deep value": ("{job(id: " + "[" * 450 + "]" * 450 + "){id}}", "nested too deeply"),
    "deep by a fragment that is known already": (
        "{job(id: 1) {...a " + "error {" * 15 + "... on Job {...a}" + "}" * 15 + "}} fragment a on Job {"
        + "error {" * 14 + "type" + "}" * 14 + "}",
        "deeper than 20",
    ),
    "wide": ("{job(id: 1) {" + "id " * 900 + "}}", "may have 400"),
    "aliases": (f"{{{ALIASES}}}", "31 aliases"),
    "aliases in an unused operation": (f"query a {{job(id: 1){{id}}}} query b {{{ALIASES}}}", "31 aliases"),
    "many words": ("{job(id: 1) {" + "id " * 1_001 + "}}", "more than 1,000 words"),
    "comments and commas": ("{" + "," * 50_000 + "#\n" * 5_000 + "}", "more than 1,000 words"),
    "all jobs, several times": (
        "{" + " ".join(f"a{n}: jobs(first: 200) {{nodes{JOB}}}" for n in range(3)) + "}",
        "costs 28,",
    ),
    "jobs by a variable": (
        "query($n: Int!) {" + " ".join(f"a{n}: jobs(first: $n) {{nodes{JOB}}}" for n in range(3)) + "}",
        "costs 28,",
    ),
    "schedules, several times": (
        "{" + " ".join(f"a{n}: schedules(first: 200) {{nodes {{id}}}}" for n in range(2)) + "}",
        "costs 21,",
    ),
    "what was sent to every webhook": ("{webhooks {deliveries {nodes {id}}}}", "costs 20,"),
    "what became of every schedule": (
        "{schedules(first: 100) {nodes {firings {nodes {at job}}}}}",
        "costs 30,",
    ),
    "times, over and over": (
        "{" + " ".join(f'a{n}: schedule(id: "1") {{upcoming(first: 100) {{at}}}}' for n in range(15)) + "}",
        "costs 2",
    ),
    "two errands": (
        "mutation {a: dropDead(input: {all: true}) {done} b: dropDead(input: {all: true}) {done}}",
        "costs 20,",
    ),
    "fragments that double": (doubling(16), "costs 65,"),
    "fragments that double, deeper than is counted": (doubling(60), "deeper than 20"),
    "one fragment, many times": (
        "{job(id: 1) {" + "...a " * 41 + "}} fragment a on Job {id}",
        "uses of fragments",
    ),
    "a fragment in itself": ("{job(id: 1) {...a}} fragment a on Job {error {type} ...a}", "itself"),
    "fragments in a ring": (
        "{job(id: 1) {...a}} fragment a on Job {...b} fragment b on Job {...c} fragment c on Job {...a}",
        "itself",
    ),
    "a ring that nobody uses": ("{job(id: 1) {id}} fragment a on Job {...a}", "itself"),
    "many that wait": (
        'mutation {a: retryJob(id: "1", wait: 60) {id} b: retryJob(id: "2", wait: 60) {id}}',
        "fields that wait",
    ),
    "the schema, over and over": (
        "{" + " ".join(
            f"a{n}: __schema {{types {{fields {{type {{fields {{type {{name}}}}}}}}}}}}" for n in range(30)
        ) + "}",
        "costs ",
    ),
    "the schema in itself": (
        "{__schema {types {fields {type {fields {type {fields {type {fields {name}}}}}}}}}}",
        "introspection depth",
    ),
}  # fmt: skip


async def refused(door: Door, query: Any, variables: Any = None) -> tuple[dict[str, Any], float]:
    """The problem, and the seconds of work it took; loading what answers is not counted. The best of three:
    what is dear is so each time, and a collection of the whole suite's garbage is not.
    """
    await mounted.opened()
    took, said = math.inf, {}
    for _ in range(3):
        began = time.process_time()
        said = await graph(door, query, variables)
        took = min(took, time.process_time() - began)
    assert not any((said.get("data") or {}).values())
    assert "Traceback" not in json.dumps(said)
    return said["errors"][0], took


async def test_a_query_that_asks_for_too_much_is_refused_at_once(door: Door):
    for bomb, (query, sentence) in BOMBS.items():
        error, took = await refused(door, query, {"n": 200})
        assert sentence in error["message"] == error["extensions"]["detail"], bomb
        assert error["extensions"]["status"] == 400, bomb
        assert error["extensions"]["type"] in {"graphql-too-costly", "graphql-invalid"}, bomb
        assert took < 0.5, bomb


async def test_a_very_long_text_is_not_sent_back(door: Door):
    long = "x" * 60_000
    for query in (f"{{{long}}}", f'{{job(id: "{long}") {{id}}}}', f"{{job(id: {long}) {{id}}}}"):
        error, took = await refused(door, query)
        assert len(json.dumps(error)) < 1_500
        assert took < 0.5
    error, _ = await refused(door, "query($n: Int!) {jobs(first: $n) {nodes {id}}}", {"n": long})
    assert "Int cannot represent" in error["message"]
    assert len(error["message"]) < 600


async def test_what_tools_ask_of_the_schema_is_answered(door: Door):
    full = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True,
        input_value_deprecation=True,
    )  # fmt: skip
    said = await graph(door, full)
    assert "errors" not in said
    assert {"Job", "Report", "JobInput"} <= {
        one["name"] for one in said["data"]["__schema"]["types"]
    }


UNFIT = [
    ("{", "Syntax Error"),
    ("{jobz {id}}", "Did you mean"),
    ("{jobs {nodes {nope}}}", "nope"),
    ("{job {id}}", "id"),
    ("subscription {jobChanged(id: 1) {id}}", "WebSocket"),
    ("query a {reports {name}} query b {reports {name}}", "operationName"),
    ("fragment a on Job {id}", "operation"),
    ("type Query {a: Int}", "operation"),
    ('{jobs(createdAfter: "yesterday") {nodes {id}}}', "2026-02-01T08:00:00Z"),
    ('{jobs(createdAfter: "2026-02-01T08:00:00") {nodes {id}}}', "its zone"),
    ('{report(name: "sales", version: 99999999999999999) {name}}', "53 bits"),
    ('{report(name: "sales", version: true) {name}}', "53 bits"),
    ("{jobs(state: [lost]) {nodes {id}}}", "lost"),
    ('mutation {createJob(input: {repord: "sales"}) {job {id}}}', "repord"),
    ('mutation {createJob(input: {report: "stock", format: docx}) {job {id}}}', "docx"),
]  # fmt: skip


async def test_a_document_that_does_not_fit_is_refused_in_a_sentence(door: Door):
    for query, sentence in UNFIT:
        error, _ = await refused(door, query)
        assert sentence in error["message"], query
        assert error["extensions"]["type"] == "graphql-invalid", query
        assert error["extensions"]["status"] == 400, query


POINTED = [
    ("{jobs(first: 0) {nodes {id}}}", "/first"),
    ("{jobs(first: 201) {nodes {id}}}", "/first"),
    ("{jobs(first: -1) {nodes {id}}}", "/first"),
    ('{jobs(after: "nonsense") {nodes {id}}}', "/after"),
    ('mutation {createJob(input: {report: "stock"}, idempotencyKey: "") {job {id}}}', "/idempotencyKey"),
    ('mutation {createJob(input: {report: "stock"}, idempotencyKey: "é") {job {id}}}', "/idempotencyKey"),
]  # fmt: skip


async def test_an_argument_that_is_wrong_is_pointed_at(door: Door):
    for query, pointer in POINTED:
        told = (await refused(door, query))[0]["extensions"]
        assert (told["status"], told["type"]) == (422, "parameters-invalid"), query
        assert [found["pointer"] for found in told["errors"]] == [pointer], query


async def test_a_number_that_is_none_is_refused(door: Door):
    query = """mutation {
      createJob(input: {columns: [{name: "a"}], rows: [[1e999]], format: csv}) {job {id}}
    }"""
    error, _ = await refused(door, query)
    assert (error["extensions"]["status"], error["extensions"]["type"]) == (400, "not-json")
    assert (await door.http.get("/v1/jobs")).json()["jobs"] == []


NO_QUESTIONS: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"{", JSON, 400, "not-json"),
    (b'[{"query": "{reports {name}}"}]', JSON, 422, "parameters-invalid"),
    (b"{}", JSON, 422, "parameters-invalid"),
    (b'{"query": ""}', JSON, 422, "parameters-invalid"),
    (b'{"query": 1}', JSON, 422, "parameters-invalid"),
    (b'{"query": "{reports {name}}", "variables": []}', JSON, 422, "parameters-invalid"),
    (b'{"query": "{reports {name}}", "operationName": 1}', JSON, 422, "parameters-invalid"),
    (b'{"query": "{reports {name}}", "sha256Hash": "1"}', JSON, 422, "parameters-invalid"),
    (b"{reports {name}}", {"Content-Type": "application/graphql"}, 415, "media-type-unsupported"),
    (b"query=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "media-type-unsupported"),
    (b'{"query": "' + b"x" * 70_000 + b'"}', JSON, 413, "too-large"),
    (b"[" * 70_000, JSON, 413, "too-large"),
    (b'{"query": ' + b"[" * 5_000, JSON, 400, "not-json"),
]  # fmt: skip


async def test_a_body_that_is_no_question_is_refused_as_rest_refuses_it(door: Door):
    for content, headers, status, kind in NO_QUESTIONS:
        answer = await door.http.post("/graphql", content=content, headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (status, kind), content[:80]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_questions_are_posted_and_the_page_to_try_them_is_off(door: Door):
    for answer in (
        await door.http.get("/graphql?query={reports{name}}"),
        await door.http.put("/graphql"),
    ):
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert answer.json()["detail"].endswith("use POST")


async def test_the_page_to_try_them_is_there_when_it_is_wanted(door: Door):
    wanted = Door(door.ports, door.config.model_copy(update={"graphiql": True}))
    answer = await wanted.http.get("/graphql")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "GraphiQL" in answer.text


async def test_a_client_that_knows_the_media_type_of_answers_gets_the_status(door: Door):
    async def asked(query: str, accept: str) -> tuple[int, str]:
        answer = await door.http.post("/graphql", json={"query": query}, headers={"Accept": accept})
        assert answer.headers["vary"] == "Accept"
        return answer.status_code, answer.headers["content-type"].partition(";")[0]

    for accept, status in [(ANSWER, 400), ("application/json", 200), ("*/*", 200)]:
        media_type = ANSWER if accept == ANSWER else "application/json"
        assert await asked("{nope}", accept) == (status, media_type)
        assert await asked("query($id: ID!) {job(id: $id) {id}}", accept) == (status, media_type)
        assert await asked("{reports {name}}", accept) == (200, media_type)
        assert await asked('{job(id: "nope") {id}}', accept) == (200, media_type)


class Broken:
    """A catalog that has a mistake."""

    def seen_by(self, permissions: object) -> Any:  # noqa: ARG002  the catalog's
        raise RuntimeError("secret-table is broken")


async def test_a_mistake_of_ours_is_logged_and_tells_nothing(
    door: Door, caplog: pytest.LogCaptureFixture
):
    broken = Door(replace(door.ports, catalog=cast("Catalog", Broken())), door.config)
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        error, _ = await refused(broken, "{reports {name}}")
    assert (error["extensions"]["status"], error["extensions"]["type"]) == (500, "internal")
    assert "secret" not in json.dumps(error)
    assert "RuntimeError: secret-table is broken" in caplog.text


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """A server where the library was not installed."""
    for name in [name for name in sys.modules if name.startswith("prelo.entry.api.graphql.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "strawberry", None)
    mounted.loaded.cache_clear()
    yield
    mounted.loaded.cache_clear()


@pytest.mark.usefixtures("bare")
async def test_a_server_without_the_library_says_what_to_install(door: Door):
    answer = await door.http.post("/graphql", json={"query": "{reports {name}}"})
    assert (answer.status_code, answer.json()["type"]) == (501, "not-installed")
    assert "pip install 'prelo[graphql]'" in answer.json()["detail"]
    assert (await door.http.get("/v1/reports")).status_code == 200
    assert issubclass(mounted.NotInstalled, PreloError)
