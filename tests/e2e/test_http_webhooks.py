"""Webhooks over HTTP: made, shown without their secret, changed, rotated, tested, replayed, deleted."""

from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook

from prelo.app.deliver import Deliveries
from prelo.wiring import couriers
from tests.e2e.conftest import Door
from tests.receivers.web import Receiver, status

HOOK = {"url": "https://hooks.example.com/prelo"}
NOBODY = "wh_" + "0" * 24


async def made(door: Door, **body: Any) -> dict[str, Any]:
    answer = await door.http.post("/v1/webhooks", json=HOOK | body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def deliver(door: Door) -> None:
    deliveries = Deliveries(door.ports)
    while await deliveries.turn():
        await deliveries.idle()


@pytest.fixture
def local(door: Door) -> Door:
    """The same door, with receivers on loopback."""
    config = door.config.model_copy(update={"webhook_local": True})
    door.app.state.house = replace(door.app.state.house, config=config)
    return door


async def test_a_webhook_is_made_and_its_secret_is_told_once(door: Door):
    answer = await door.http.post(
        "/v1/webhooks", json=HOOK | {"description": "ours", "jobs": "all"}
    )
    body = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/webhooks/{body['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert body["secret"].startswith("whsec_")
    assert (body["jobs"], body["enabled"], body["description"]) == ("all", True, "ours")
    for address in (answer.headers["location"], "/v1/webhooks"):
        shown = await door.http.get(address)
        assert body["id"] in shown.text
        assert body["secret"] not in shown.text


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://example.com/"}, "/url"),
        ({"url": "https://127.0.0.1/"}, "/url"),
        ({"url": "https://user:hunter2@example.com/"}, "/url"),
        ({"url": 1}, "/url"),
        ({}, "/url"),
        (HOOK | {"jobs": "some"}, "/jobs"),
        (HOOK | {"events": []}, "/events"),
        (HOOK | {"events": ["succeeded", "begun"]}, "/events/1"),
        (HOOK | {"description": "x" * 201}, "/description"),
        (HOOK | {"secret": "whsec_x"}, "/secret"),
    ],
)
async def test_a_wrong_webhook_is_a_problem_that_says_where(
    door: Door, body: dict[str, Any], pointer: str
):
    answer = await door.http.post("/v1/webhooks", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert "hunter2" not in answer.text
    assert (await door.http.get("/v1/webhooks")).json() == {"webhooks": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", ":rotate"), ("POST", ":enable"),
        ("POST", ":test"), ("GET", "/deliveries"), ("POST", "/deliveries:replay"),
        ("POST", "/deliveries/5a1c7e02-9d3f-8b44-a6e1-0c2d4f6b8e90:replay"),
    ],
)  # fmt: skip
async def test_a_webhook_that_is_not_there_is_a_404_everywhere(door: Door, method: str, path: str):
    body = {"json": {}} if method == "PATCH" else {}
    answer = await door.http.request(method, f"/v1/webhooks/{NOBODY}{path}", **body)  # type: ignore[arg-type]  of a parameter
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert NOBODY in answer.json()["detail"]


async def test_what_a_patch_gives_is_changed_and_the_rest_stays(door: Door):
    hook = await made(door, description="old")
    patch = {"url": "https://new.example.com/", "events": ["failed"], "enabled": False}
    answer = await door.http.patch(f"/v1/webhooks/{hook['id']}", json=patch)
    changed = answer.json()
    assert (changed["url"], changed["events"]) == (patch["url"], ["failed"])
    assert (changed["description"], changed["jobs"]) == ("old", "named")
    assert (changed["enabled"], changed["why"]) == (False, "its owner said so")
    refused = await door.http.patch(f"/v1/webhooks/{hook['id']}", json={"url": "https://[::1]/"})
    assert refused.status_code == 422
    enabled = (await door.http.post(changed["links"]["enable"])).json()
    assert (enabled["enabled"], enabled["why"], enabled["url"]) == (True, None, patch["url"])


async def test_a_job_tells_the_webhook_it_names_and_the_deliveries_show_it(local: Door):
    async with Receiver() as receiver:
        hook = await made(local, url=receiver.url)
        body = {"report": "sales", "parameters": {"start": "2026-01-01"}, "format": "csv",
                "notify": [{"webhook": hook["id"]}]}  # fmt: skip
        job = (await local.http.post("/v1/jobs", json=body)).json()
        await local.hand.finish()
        await deliver_locally(local)
        assert Webhook(hook["secret"]).verify(receiver.got[0].body, receiver.got[0].headers)
    for address in (hook["links"]["deliveries"], f"/v1/jobs/{job['id']}/notices"):
        (shown,) = (await local.http.get(address)).json()["deliveries"]
        assert (shown["event"], shown["state"], shown["job"]) == ("succeeded", "sent", job["id"])
        assert shown["webhook"] == hook["id"]
        (tried,) = shown["tries"]
        assert (tried["status"], tried["ok"], tried["attempt"]) == (204, True, 1)


async def deliver_locally(door: Door) -> None:
    """As an upkeep with receivers on loopback would."""
    config = door.config.model_copy(update={"webhook_local": True})
    door.ports = replace(door.ports, couriers=couriers(config))
    await deliver(door)


async def test_a_ping_and_a_replay_are_answered_202_and_go_out(local: Door):
    async with Receiver() as receiver:
        receiver.answers = [status(410)]
        hook = await made(local, url=receiver.url)
        ping = await local.http.post(hook["links"]["test"])
        assert (ping.status_code, ping.json()["state"]) == (202, "waiting")
        await deliver_locally(local)
        off = (await local.http.get(hook["links"]["self"])).json()
        assert (off["enabled"], "410" in off["why"]) == (False, True)
        replay = ping.json()["links"]["replay"]
        assert (await local.http.post(replay)).status_code == 409
        await local.http.post(off["links"]["enable"])
        assert (await local.http.post(replay)).status_code == 202
        await deliver_locally(local)
        again = await local.http.post(f"{hook['links']['deliveries']}:replay")
        assert again.json() == {"replayed": 0}
        assert receiver.ids == [ping.json()["id"]] * 2


async def test_deliveries_come_page_by_page(local: Door):
    hook = await made(local)
    ids = [(await local.http.post(hook["links"]["test"])).json()["id"] for _ in range(5)]
    found: list[str] = []
    address: str | None = f"{hook['links']['deliveries']}?limit=2"
    while address:
        answer = await local.http.get(address)
        found += [one["id"] for one in answer.json()["deliveries"]]
        address = next((link["url"] for link in answer.links.values()), None)
    assert sorted(found) == sorted(ids)
    wrong = await local.http.get(f"{hook['links']['deliveries']}?cursor=x")
    assert wrong.status_code == 422


async def test_a_rotation_tells_the_new_secret_and_how_long_the_old_one_is_good(door: Door):
    hook = await made(door)
    first = await door.http.post(hook["links"]["rotate"])
    assert first.headers["cache-control"] == "no-store"
    assert first.json()["secret"] != hook["secret"]
    assert first.json()["old_secret_until"]
    second = await door.http.post(hook["links"]["rotate"], json={"grace": 0})
    assert second.json()["old_secret_until"] is None
    wrong = await door.http.post(hook["links"]["rotate"], json={"grace": -1})
    assert wrong.status_code == 422


async def test_a_deleted_webhook_is_gone(door: Door):
    hook = await made(door)
    assert (await door.http.delete(hook["links"]["self"])).status_code == 204
    assert (await door.http.get(hook["links"]["self"])).status_code == 404


@pytest.mark.parametrize(
    ("notify", "pointer"),
    [
        ([{"webhook": NOBODY}], "/notify/0/webhook"),
        ([{"email": "ana@example.com"}], "/notify/0/email"),
        ([{"email": "ana@example.com\r\nBcc: eve@evil.com"}], "/notify/0"),
        ([{}], "/notify/0"),
        ([{"email": "a@example.com"}] * 11, "/notify"),
        ({"webhook": NOBODY}, "/notify"),
    ],
)
async def test_a_channel_that_cannot_be_told_refuses_the_request_and_nothing_is_stored(
    door: Door, notify: Any, pointer: str
):
    body = {
        "report": "sales",
        "parameters": {"start": "2026-01-01"},
        "format": "csv",
        "notify": notify,
    }
    for only in ("true", "false"):
        answer = await door.http.post(f"/v1/jobs?validate_only={only}", json=body)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert await door.ports.store.depth() == 0


async def test_whoever_is_told_makes_no_other_request_of_it(door: Door):
    hook = await made(door)
    plain = await door.ask()
    body = {"report": "sales", "parameters": {"start": "2026-01-01"}, "format": "csv",
            "notify": [{"webhook": hook["id"]}]}  # fmt: skip
    told = await door.http.post("/v1/jobs", json=body)
    assert told.json()["id"] == plain.json()["id"]


async def test_the_description_of_the_api_has_the_webhooks(door: Door):
    described = (await door.http.get("/openapi.json")).json()
    assert "/v1/webhooks/{webhook_id}:rotate" in described["paths"]
    assert "notify" in described["components"]["schemas"]["Request"]["properties"]
