"""Schedules over HTTP, by the clients and by the command line."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from prelo.app.fire import Alarm
from prelo.client import AsyncClient, Client
from prelo.core.errors import Conflict, Invalid, NotFound
from prelo.core.report import Catalog
from prelo.entry.cli.say import WRONG, code_of
from prelo.entry.cli.schedules import schedules
from tests.e2e.conftest import Door
from tests.e2e.test_http_refusals import is_problem

PLAN: dict[str, Any] = {
    "name": "Sales of yesterday",
    "cron": "0 7 * * 1-5",
    "timezone": "Europe/Lisbon",
    "request": {"report": "sales", "format": "csv", "parameters": {"start": "{{ yesterday }}"}},
}
NOBODY = "5a1c7e02-9d3f-4b44-a6e1-0c2d4f6b8e90"


async def make(door: Door, headers: dict[str, str] | None = None, **chosen: Any) -> httpx.Response:
    return await door.http.post("/v1/schedules", json=PLAN | chosen, headers=headers)


async def made(door: Door, **chosen: Any) -> dict[str, Any]:
    answer = await make(door, **chosen)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def told(door: Door, method: str, path: str, **asked: Any) -> dict[str, Any]:
    answer = await door.http.request(method, f"/v1/schedules/{path}", **asked)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else {}


async def fire_at(door: Door, schedule: dict[str, Any], *minutes_ago: int) -> None:
    """As if these times of a schedule of every minute had just come."""
    found = await door.ports.store.schedule(schedule["id"], "default")
    now = await door.ports.store.clock()
    assert found
    at = (now // 60_000 - max(minutes_ago)) * 60_000
    assert await door.ports.store.change_schedule(
        found, found.model_copy(update={"next_fire_at": at})
    )
    while await Alarm().fire(door.ports):
        pass


async def test_a_schedule_is_made_and_shown_with_its_next_five_times(door: Door):
    answer = await make(door)
    body = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/schedules/{body['id']}")
    assert (body["name"], body["cron"], body["timezone"]) == (
        "Sales of yesterday", "0 7 * * 1-5", "Europe/Lisbon",
    )  # fmt: skip
    assert body["request"] == PLAN["request"]
    assert (body["misfire"], body["overlap"], body["grace"], body["paused"]) == (
        "once", "allow", 60, False,
    )  # fmt: skip
    times = [datetime.fromisoformat(time) for time in body["next"]]
    assert len(times) == 5
    assert times == sorted(times)
    assert all(time > datetime.now(UTC) for time in times)
    assert await told(door, "GET", body["id"]) == body
    assert (await door.http.head(body["links"]["self"])).status_code == 200


async def test_a_check_shows_the_times_and_parameters_and_stores_nothing(door: Door):
    answer = await door.http.post("/v1/schedules?validate_only=true", json=PLAN)
    assert answer.status_code == 200
    upcoming = answer.json()["upcoming"]
    assert len(upcoming) == 5
    for one in upcoming:
        day = datetime.fromisoformat(one["at"]).date() - timedelta(days=1)
        assert one["parameters"] == {"start": day.isoformat()}
    assert (await door.http.get("/v1/schedules")).json() == {"schedules": [], "next": None}


@pytest.mark.parametrize(
    ("chosen", "pointer", "sentence"),
    [
        ({"cron": "0 7 30 2 *"}, "/cron", "cannot be read"),
        ({"cron": "*/5 * * * * *"}, "/cron", "once a minute at most"),
        ({"cron": 5}, "/cron", "valid string"),
        ({"timezone": "Lisbon"}, "/timezone", "no time zone 'Lisbon'"),
        ({"request": {"report": "sales", "parameters": {"start": "{{ today - 1 moon }}"}}},
         "/request/parameters/start", "character 14: expected a unit"),
        ({"request": {"report": "sales"}}, "/request/parameters/start", "must be given"),
        ({"request": {"report": "sales", "format": "pdf", "parameters": {"start": "{{ today }}"}}},
         "/request/format", "use one of xlsx, csv"),
        ({"request": {"rows": [[1]], "columns": [{"name": "a"}]}}, "/request/report", "of the catalog"),
        ({"request": {}}, "/request", "give either 'report'"),
        ({"exclude": ["Christmas"]}, "/exclude", "'Christmas' must be a day"),
        ({"ends_at": "2020-01-01T00:00:00Z"}, "/cron", "never fire"),
        ({"starts_at": "soon"}, "/starts_at", "valid datetime"),
        ({"misfire": "twice"}, "/misfire", "'skip', 'once' or 'all'"),
        ({"name": None}, "/name", "valid string"),
        ({"colour": "red"}, "/colour", "there is no such field"),
    ],
)  # fmt: skip
async def test_what_could_not_fire_is_refused_where_it_is_wrong(
    door: Door, chosen: dict[str, Any], pointer: str, sentence: str
):
    problem = is_problem(await make(door, **chosen), 422, "parameters-invalid")
    (error,) = problem["errors"]
    assert error["pointer"] == pointer
    assert sentence in error["detail"]
    assert (await door.http.get("/v1/schedules")).json()["schedules"] == []


async def test_a_report_that_is_not_there_is_not_found(door: Door):
    answer = await make(door, request={"report": "sails"})
    assert "no report 'sails'" in is_problem(answer, 404, "not-found")["detail"]


async def test_a_key_makes_making_it_safe_to_repeat(door: Door):
    key = {"Idempotency-Key": '"monday"'}
    first, again = await make(door, key), await make(door, key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (
        None, "true",
    )  # fmt: skip
    other = await make(door, key, cron="0 8 * * *")
    is_problem(other, 422, "idempotency-key-reused")
    assert len((await door.http.get("/v1/schedules")).json()["schedules"]) == 1


async def test_a_listing_comes_in_pages_newest_first(door: Door):
    ids: list[str] = []
    for n in range(3):
        ids.append((await made(door, name=f"n{n}"))["id"])
        await asyncio.sleep(0.002)
    first = await door.http.get("/v1/schedules?limit=2")
    assert [one["id"] for one in first.json()["schedules"]] == ids[:0:-1]
    (address,) = [link["url"] for link in first.links.values()]
    rest = (await door.http.get(address)).json()
    assert ([one["id"] for one in rest["schedules"]], rest["next"]) == (ids[:1], None)
    is_problem(await door.http.get("/v1/schedules?cursor=x"), 422, "parameters-invalid")


async def test_a_patch_changes_what_it_names(door: Door):
    schedule = await made(door, exclude=["2099-01-01"])
    changes = {
        "cron": "0 8 * * *",
        "exclude": None,
        "request": {"parameters": {"region": "north"}, "format": "xlsx"},
    }
    merge = {"Content-Type": "application/merge-patch+json"}
    content = json.dumps(changes)
    changed = await told(door, "PATCH", schedule["id"], content=content, headers=merge)
    assert (changed["cron"], changed["exclude"], changed["revision"]) == ("0 8 * * *", [], 1)
    assert changed["request"] == {
        "report": "sales",
        "format": "xlsx",
        "parameters": {"start": "{{ yesterday }}", "region": "north"},
    }
    assert changed["name"] == schedule["name"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"cron": "x"}, "/cron"),
        ({"cron": None}, "/cron"),
        ({"id": "mine"}, "/id"),
        ({"caller": {"tenant": "other"}}, "/caller"),
        ({"request": {"parameters": {"start": None}}}, "/request/parameters/start"),
        ({"request": 7}, "/request"),
    ],
)
async def test_a_patch_that_would_spoil_it_changes_nothing(
    door: Door, changes: dict[str, Any], pointer: str
):
    schedule = await made(door)
    answer = await door.http.patch(f"/v1/schedules/{schedule['id']}", json=changes)
    problem = is_problem(answer, 422, "parameters-invalid")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert await told(door, "GET", schedule["id"]) == schedule


async def test_a_pause_and_its_end(door: Door):
    schedule = await made(door)
    resting = await told(door, "POST", f"{schedule['id']}:pause")
    assert (resting["paused"], resting["paused_until"], resting["next"]) == (True, None, [])
    assert await told(door, "GET", f"{schedule['id']}/upcoming") == {"upcoming": []}
    until = "2190-01-01T00:00:00.000Z"
    resting = await told(door, "POST", f"{schedule['id']}:pause", json={"until": until})
    assert (resting["paused"], resting["paused_until"]) == (True, until)
    assert resting["next"][0] >= until
    live = await told(door, "POST", f"{schedule['id']}:resume")
    assert (live["paused"], live["paused_until"], live["next"]) == (False, None, schedule["next"])
    for body in ({"until": "2020-01-01T00:00:00Z"}, {"until": "9999-01-01T00:00:00Z"}, {"til": 1}):
        answer = await door.http.post(f"/v1/schedules/{schedule['id']}:pause", json=body)
        is_problem(answer, 422, "parameters-invalid")


async def test_the_times_to_come_with_their_parameters(door: Door):
    schedule = await made(door)
    found = (await told(door, "GET", f"{schedule['id']}/upcoming?limit=2"))["upcoming"]
    assert [one["at"] for one in found] == schedule["next"][:2]
    assert all(one["parameters"]["start"] < one["at"] for one in found)
    answer = await door.http.get(f"/v1/schedules/{schedule['id']}/upcoming?limit=1000")
    is_problem(answer, 422, "parameters-invalid")


async def test_a_run_by_hand_is_a_job_and_stands_in_the_history(door: Door):
    schedule = await made(door)
    answer = await door.http.post(f"/v1/schedules/{schedule['id']}:run")
    firing = answer.json()
    assert (answer.status_code, firing["outcome"], firing["asked"]) == (202, "fired", True)
    assert answer.headers["location"] == f"/v1/jobs/{firing['job']}"
    job = (await door.http.get(answer.headers["location"])).json()
    assert (job["report"], job["state"]) == ("sales", "queued")
    assert (await told(door, "GET", f"{schedule['id']}/firings"))["firings"] == [firing]
    assert (await told(door, "GET", schedule["id"]))["last_job"] == firing["job"]
    await door.hand.finish()
    job_id = (await told(door, "POST", f"{schedule['id']}:run"))["job"]
    assert job_id != firing["job"], "a new file, and not the one of before"


async def test_a_history_comes_in_pages_and_tells_why(door: Door):
    schedule = await made(door, cron="* * * * *", misfire="all", overlap="skip", catch_up=2)
    await fire_at(door, schedule, 5)
    first = await door.http.get(f"/v1/schedules/{schedule['id']}/firings?limit=2")
    found = first.json()["firings"]
    assert [one["outcome"] for one in found] == ["skipped", "skipped"]
    assert "is still queued" in found[0]["detail"]
    (address,) = [link["url"] for link in first.links.values()]
    fired, missed = (await door.http.get(address)).json()["firings"]
    assert (fired["outcome"], fired["count"], missed["outcome"], missed["count"]) == (
        "fired", 1, "missed", 3,
    )  # fmt: skip
    assert missed["at"] < missed["until"] < fired["at"]


async def test_a_deleted_schedule_is_gone_and_its_jobs_are_not(door: Door):
    schedule = await made(door)
    job = (await told(door, "POST", f"{schedule['id']}:run"))["job"]
    await told(door, "DELETE", schedule["id"])
    for method, path in [
        ("GET", ""), ("GET", "/firings"), ("GET", "/upcoming"), ("DELETE", ""), ("POST", ":run"),
        ("POST", ":pause"), ("POST", ":resume"),
    ]:  # fmt: skip
        answer = await door.http.request(method, f"/v1/schedules/{schedule['id']}{path}")
        is_problem(answer, 404, "not-found")
    answer = await door.http.patch(f"/v1/schedules/{NOBODY}", json={"cron": "x"})
    is_problem(answer, 404, "not-found")
    assert (await door.http.get(f"/v1/jobs/{job}")).status_code == 200


async def test_the_client_does_all_of_it(door: Door):
    async with door.served() as http, AsyncClient(str(http.base_url)) as client:
        request = PLAN["request"]
        starts = datetime.now(UTC) + timedelta(days=1)
        seen = await client.preview_schedule("S", "@daily", request, starts_at=starts)
        assert len(seen) == 5
        assert seen[0].at >= starts
        made_ = await client.create_schedule("S", "@daily", request, timezone="Asia/Kathmandu")
        assert (await client.schedule(made_.id)) == made_
        assert [one.id async for one in client.schedules(1)] == [made_.id]
        changed = await client.change_schedule(made_.id, {"overlap": "wait"})
        assert changed.overlap == "wait"
        assert (await client.pause_schedule(made_.id, starts)).paused_until
        assert not (await client.resume_schedule(made_.id)).paused
        assert [one.at for one in await client.upcoming(made_.id, 2)] == list(made_.next[:2])
        firing = await client.run_schedule(made_.id)
        assert [one.job async for one in client.firings(made_.id, 1)] == [firing.job]
        await client.delete_schedule(made_.id)
        with pytest.raises(NotFound):
            await client.schedule(made_.id)


async def test_the_blocking_client_does_the_same(door: Door):
    def doing(address: str) -> list[str]:
        with Client(address) as client:
            made_ = client.create_schedule("S", "* * * * *", PLAN["request"], misfire="skip")
            client.change_schedule(made_.id, {"name": "T"})
            client.pause_schedule(made_.id)
            client.resume_schedule(made_.id)
            job = client.run_schedule(made_.id).job
            assert [one.job for one in client.firings(made_.id)] == [job]
            assert client.upcoming(made_.id)[0].at == client.schedule(made_.id).next[0]
            names = [one.name for one in client.schedules()]
            with pytest.raises(Invalid, match="cannot be read"):
                client.preview_schedule("S", "99 * * * *", PLAN["request"])
            client.delete_schedule(made_.id)
            return names

    async with door.served() as http:
        assert await asyncio.to_thread(doing, str(http.base_url)) == ["T"]


async def test_a_refused_run_is_a_conflict(door: Door):
    schedule = await made(door)
    object.__setattr__(door.ports, "catalog", Catalog())
    async with door.served() as http, AsyncClient(str(http.base_url)) as client:
        with pytest.raises(Conflict, match="could not fire: there is no report 'sales'"):
            await client.run_schedule(schedule["id"])


async def said(door_url: str, *words: str) -> str:
    """What a command says on standard output, in this process: a start of Python for each takes longer."""
    ran = await asyncio.to_thread(CliRunner().invoke, schedules, [*words, "--url", door_url])
    if ran.exception:
        raise ran.exception
    assert ran.exit_code == 0, ran.output
    return ran.stdout


async def test_the_command_line_makes_lists_runs_shows_and_deletes(door: Door):
    create = [
        "create", "Sales", "sales", "--cron", "0 7 * * 1-5", "-z", "Europe/Lisbon",
        "-p", "start={{ today - 1 day }}", "-f", "csv", "--overlap", "skip", "--exclude", "2099-12-25",
    ]  # fmt: skip
    async with door.served() as http:
        url = str(http.base_url)
        assert (await said(url, *create, "--dry-run")).count("start=2") == 5
        assert "There are no schedules" not in await said(url, "list")
        schedule = json.loads(await said(url, *create, "--json"))
        assert (schedule["overlap"], schedule["exclude"]) == ("skip", ["2099-12-25"])
        assert "It fired: job" in await said(url, "run", schedule["id"])
        (line,) = [one for one in (await said(url, "list")).splitlines() if schedule["id"] in one]
        assert "Sales" in line
        assert "07:00 WE" in line
        shown = await said(url, "show", schedule["id"])
        for words in (
            "start={{ today - 1 day }}",
            "skip",
            "not on    2099-12-25",
            "fired",
            "by hand",
        ):
            assert words in shown
        assert (await said(url, "next", schedule["id"], "-n", "2")).count("start=2") == 2
        until = await said(url, "pause", schedule["id"], "--until", "2190-01-01")
        assert "paused until" in until
        assert json.loads(await said(url, "pause", schedule["id"], "--json"))["paused"]
        assert "asks for" in await said(url, "resume", schedule["id"])
        assert schedule["id"] in await said(url, "delete", schedule["id"])
        with pytest.raises(NotFound, match="there is no schedule"):
            await said(url, "show", schedule["id"])


async def test_a_wrong_pattern_ends_the_command_with_a_sentence(door: Door):
    words = ["create", "S", "sales", "--cron", "0 7 30 2 *", "--dry-run"]
    async with door.served() as http:
        with pytest.raises(Invalid, match=r"cron: '0 7 30 2 \*' cannot be read") as caught:
            await said(str(http.base_url), *words)
    assert code_of(caught.value) == WRONG
