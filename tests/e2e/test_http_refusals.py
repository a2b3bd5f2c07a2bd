"""What the door refuses, and how it says so."""

import dataclasses
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prelo.adapters.store_sql import SqlStore
from prelo.core import job as transitions
from prelo.core.errors import Unavailable
from prelo.ports import LANES
from prelo.wiring import opened
from tests.e2e.conftest import Door

JSON = {"Content-Type": "application/json"}


def is_problem(answer: httpx.Response, status: int, kind: str) -> dict[str, Any]:
    told = answer.json()
    assert (answer.status_code, told["type"]) == (status, kind), told
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["vary"] == "Prefer"
    assert told["status"] == status
    assert told["title"]
    assert told["detail"]
    return told


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"{'a': 1}", b"\xff\xfe", b'{"a": NaN}', b'{"max_age": 1e999}', b'"\\ud800"',
     b"[" * 100_00, b'{"report": "sales"} x'],
)  # fmt: skip
async def test_a_body_that_is_not_json_is_refused(door: Door, body: bytes):
    is_problem(await door.http.post("/v1/jobs", content=body, headers=JSON), 400, "not-json")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/csv"}, {"Content-Type": "application/jsonp"},
                                     JSON | {"Content-Encoding": "gzip"}])  # fmt: skip
async def test_a_body_of_another_kind_is_refused(door: Door, headers: dict[str, str]):
    answer = await door.http.post("/v1/jobs", content=b'{"report": "stock"}', headers=headers)
    is_problem(answer, 415, "media-type-unsupported")


@pytest.mark.parametrize(
    "media_type",
    ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"],
)
async def test_json_is_known_by_its_media_type(door: Door, media_type: str):
    headers = {"Content-Type": media_type}
    answer = await door.http.post("/v1/jobs", content=b'{"report": "stock"}', headers=headers)
    assert answer.status_code == 202


async def test_a_body_that_is_too_large_is_refused_however_it_comes(door: Door):
    large = b'{"report": "stock", "title": "' + b"x" * door.config.max_body + b'"}'
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:  # without an end: only a door that stops reading ever answers
            sent += 1024
            yield b" " * 1024

    is_problem(await door.http.post("/v1/jobs", content=large, headers=JSON), 413, "too-large")
    async with door.served() as http:
        is_problem(await http.post("/v1/jobs", content=large, headers=JSON), 413, "too-large")
    transport = httpx.ASGITransport(door.app)  # hands over every chunk as it is asked for
    async with httpx.AsyncClient(transport=transport, base_url="http://prelo") as http:
        is_problem(await http.post("/v1/jobs", content=chunks(), headers=JSON), 413, "too-large")
    assert sent <= door.config.max_body + 2048


async def test_a_body_of_just_the_right_size_is_taken(door: Door):
    body = b'{"report": "stock"}'.ljust(door.config.max_body)
    assert (await door.http.post("/v1/jobs", content=body, headers=JSON)).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], [""]),
        ("text", [""]),
        ({}, [""]),
        ({"report": "sales", "rows": [[1]]}, [""]),
        ({"columns": [{"name": "a"}]}, [""]),
        ({"report": "stock", "reprot": 1, "a/b~c": 2}, ["/reprot", "/a~1b~0c"]),
        ({"report": "stock", "format": "docx"}, ["/format"]),
        ({"report": "sales", "format": "pdf", "parameters": {"start": "2026-01-01"}}, ["/format"]),
        ({"report": "sales"}, ["/parameters/start"]),
        ({"report": "sales", "parameters": {"start": "soon", "end": 1}},
         ["/parameters/start", "/parameters/end"]),
        ({"report": "sales", "parameters": {"start": "2026-01-01", "region": "west"}},
         ["/parameters/region"]),
        ({"report": "stock", "timezone": "Mars/Olympus"}, ["/timezone"]),
        ({"report": "stock", "locale": "!"}, ["/locale"]),
        ({"report": "stock", "priority": "urgent"}, ["/priority"]),
        ({"report": "stock", "max_age": -1}, ["/max_age"]),
        ({"report": "stock", "max_age": 1e300}, ["/max_age"]),
        ({"report": "stock", "deadline": 0}, ["/deadline"]),
        ({"report": "stock", "deadline": 1e300}, ["/deadline"]),
        ({"columns": [{"name": "a"}], "rows": [[1], [1, 2]]}, ["/rows/1"]),
        ({"columns": [{"name": "a", "kind": "colour"}], "rows": []}, ["/columns/0/kind"]),
        ({"columns": [{"title": "a"}], "rows": []}, ["/columns/0/name"]),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_by_its_place(door: Door, body: Any, pointers: list[str]):
    answer = await door.http.post("/v1/jobs", json=body)
    told = is_problem(answer, 422, "parameters-invalid")
    assert [error["pointer"] for error in told["errors"]] == pointers
    assert "pydantic" not in answer.text
    assert "validation error" not in answer.text


@pytest.mark.parametrize("body", [{"report": "nothing"}, {"report": "sales", "version": 9}])
async def test_a_report_that_is_not_in_the_catalog_is_not_found(door: Door, body: Any):
    told = is_problem(await door.http.post("/v1/jobs", json=body), 404, "not-found")
    assert "sales" in told["detail"]


@pytest.mark.parametrize("address", ["/v1", "/v1/jobs/", "/v1/jobs/nope", "/v1/reports/", "/redoc"])
async def test_an_address_that_leads_nowhere_is_a_problem(door: Door, address: str):
    is_problem(await door.http.get(address), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "address", "allow"),
    [("PUT", "/v1/jobs", "GET, HEAD, POST"), ("POST", "/v1/reports", "GET, HEAD"),
     ("PATCH", "/v1/jobs/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90", "DELETE, GET, HEAD"),
     ("GET", "/v1/jobs/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90:cancel", "POST"),
     ("DELETE", "/v1/webhooks/wh_0123456789abcdef01234567:enable", "POST")],
)  # fmt: skip
async def test_a_method_that_an_address_does_not_know_is_a_problem(
    door: Door, method: str, address: str, allow: str
):
    answer = await door.http.request(method, address)
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allow


class BrokenStore(SqlStore):
    """A store whose every look ends the same way."""

    def __init__(self, url: str, error: Exception) -> None:
        super().__init__(url)
        self.error = error

    async def get(self, *_: Any, **__: Any) -> Any:
        raise self.error

    async def check(self) -> None:
        raise self.error


async def test_a_store_that_cannot_be_reached_is_a_503_that_says_when_to_come_back(door: Door):
    store = BrokenStore(door.config.store, Unavailable("the database does not answer", 7))
    broken = Door(dataclasses.replace(door.ports, store=store), door.config)
    answer = await broken.http.get("/v1/jobs/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90")
    assert is_problem(answer, 503, "unavailable")["retryable"] is True
    assert answer.headers["retry-after"] == "7"
    ready = is_problem(await broken.http.get("/readyz"), 503, "unavailable")
    assert ready["detail"] == "the store is not well: the database does not answer"
    assert (await broken.http.get("/livez")).status_code == 200
    await broken.http.aclose()
    await store.close()


async def test_our_own_mistakes_show_nothing_of_the_inside_and_are_logged_once(
    door: Door, caplog: pytest.LogCaptureFixture
):
    store = BrokenStore(door.config.store, RuntimeError("password=hunter2"))
    broken = Door(dataclasses.replace(door.ports, store=store), door.config)
    with caplog.at_level(logging.ERROR):
        async with broken.served() as http:
            answer = await http.get("/v1/jobs/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90")
    is_problem(answer, 500, "internal")
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert len([r for r in caplog.records if "hunter2" in str(r.exc_info)]) == 1
    await broken.http.aclose()
    await store.close()


async def test_a_process_that_drains_is_not_ready(door: Door):
    assert (await door.http.get("/readyz")).json() == {"ready": True}
    door.app.state.house.draining.append("drain")
    is_problem(await door.http.get("/readyz"), 503, "unavailable")


async def test_the_status_tells_the_work_and_the_invariants(door: Door):
    await door.asked()
    told = (await door.http.get("/v1/status")).json()
    assert told["depth"] == {"small": 1, "large": 0, "isolation": 0}
    assert set(told["health"].values()) == {0}
    assert told["roles"] == ["api"]
    assert told["version"]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
NAMES = st.text(max_size=9)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
COLUMN = st.fixed_dictionaries({"name": NAMES}, optional={"kind": ANY_JSON, "width": ANY_JSON})
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "report": st.sampled_from(["sales", "stock", "x"]) | ANY_JSON,
        "version": st.integers() | ANY_JSON,
        "parameters": st.dictionaries(st.sampled_from(["start", "region", "x"]), ANY_JSON) | ANY_JSON,
        "format": st.sampled_from(["xlsx", "pdf", "csv"]) | ANY_JSON,
        "locale": st.sampled_from(["pt-BR"]) | ANY_JSON,
        "timezone": st.sampled_from(["UTC", "../etc", "Europe"]) | ANY_JSON,
        "max_age": ANY_JSON,
        "deadline": ANY_JSON,
        "title": ANY_JSON,
        "columns": st.lists(COLUMN, max_size=3) | ANY_JSON,
        "rows": st.lists(st.lists(ANY_JSON, max_size=3), max_size=3) | ANY_JSON,
    },
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=FIELDS | ANY_JSON | st.binary(max_size=30), validate_only=st.booleans())
async def test_no_body_whatever_is_our_mistake(door: Door, body: Any, validate_only: object):
    content = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    answer = await door.http.post(
        f"/v1/jobs?validate_only={validate_only}", content=content, headers=JSON
    )
    assert answer.status_code in {200, 201, 202, 400, 404, 422}, (content, answer.text)


async def test_every_route_is_described_with_its_problems(door: Door):
    told = (await door.http.get("/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    assert len(told["paths"]) == 39
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            answers = operation["responses"]
            assert "default" in answers, (method, path)
            for status, answer in answers.items():
                if status.startswith(("4", "5")):
                    assert "example" in answer["content"]["application/problem+json"]
    for reference in _references(told):
        target: Any = told
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert told["components"]["schemas"]["JobView"]["properties"]["state"]


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    return set().union(*map(_references, value)) if isinstance(value, list) else set()


async def test_a_tenant_with_a_full_queue_is_told_429_and_when_to_ask_again(door: Door):
    config = door.config.model_copy(update={"max_queued_per_tenant": 1})
    async with opened(config) as ports, Door(ports, config).http as http:
        first = {"report": "stock", "format": "csv"}
        assert (await http.post("/v1/jobs", json=first)).status_code == 202
        answer = await http.post("/v1/jobs", json={"report": "stock", "format": "pdf"})
        told = is_problem(answer, 429, "too-many-jobs")
        assert told["retryable"]
        assert "1 of your jobs are waiting" in told["detail"]
        assert int(answer.headers["retry-after"]) > 0
        assert (await http.post("/v1/jobs", json=first)).status_code == 202


async def test_a_report_in_quarantine_is_told_503_with_a_type_of_its_own(door: Door):
    config = door.config.model_copy(update={"max_losses": 1})
    async with opened(config) as ports, Door(ports, config).http as http:
        for _ in range(2):
            await http.post("/v1/jobs", json={"report": "stock", "format": "csv"})
            job = await ports.store.claim(LANES, "w", 30_000)
            assert job
            await ports.store.move(job, transitions.lose)
        answer = await http.post("/v1/jobs", json={"report": "stock", "format": "pdf"})
        told = is_problem(answer, 503, "report-quarantined")
        assert "'stock' version 1" in told["detail"]
        assert int(answer.headers["retry-after"]) > 500
        status = (await http.get("/v1/status")).json()
        assert status["health"]["reports_quarantined"] == 1


async def test_the_page_for_people_fetches_nothing(door: Door):
    answer = await door.http.get("/docs")
    assert answer.status_code == 200
    assert "/v1/jobs/{job_id}:cancel" in answer.text
    assert [
        mark for mark in ("<script", "src=", "<link", "url(", "@import") if mark in answer.text
    ] == []
    assert "<code>Retry-After</code>" in answer.text
    assert f"curl -X POST {door.http.base_url}/v1/jobs" in answer.text


async def test_the_front_leads_to_the_page_for_people(door: Door):
    answer = await door.http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_what_is_no_job_id_is_no_job(door: Door):
    for path in ("1234", "1234/file", "x:cancel"):
        answer = await door.http.get(f"/v1/jobs/{path}")
        assert answer.status_code == 404
        assert answer.json()["detail"].startswith(f"there is no job '{path[:4].split(':')[0]}'")
    gone = await door.http.get("/v1/job/1234")
    assert (
        gone.json()["detail"] == "there is nothing at GET /v1/job/1234; /docs lists what there is"
    )
