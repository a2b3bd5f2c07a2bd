"""Files, manifests and events over HTTP."""

import asyncio
import base64
import dataclasses
import hashlib

import httpx
import pytest

from prelo.adapters.files_object import ObjectFiles
from tests.e2e.conftest import CONTENT, Door

ETAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
SIZE = len(CONTENT)


async def test_a_file_comes_with_what_proves_it(door: Door):
    job_id = await door.finished(name='Relatório "são" 1/2.csv')
    async with door.served() as http:
        answer = await http.get(f"/v1/jobs/{job_id}/file")
        head = await http.head(f"/v1/jobs/{job_id}/file")
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-length"] == str(SIZE)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["etag"] == ETAG
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="Relat_rio _s_o_ 1_2.csv"; '
        "filename*=UTF-8''Relat%C3%B3rio%20%22s%C3%A3o%22%201%2F2.csv"
    )
    assert (head.status_code, head.content) == (200, b"")
    dated = {"date", "server"}
    assert {k: v for k, v in head.headers.items() if k not in dated} == {
        k: v for k, v in answer.headers.items() if k not in dated
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, SIZE), ("bytes=-7", SIZE - 7, SIZE),
     ("Bytes=5-99999999", 5, SIZE), (f"bytes=-{SIZE * 2}", 0, SIZE), ("bytes=0-0", 0, 1)],
)  # fmt: skip
async def test_a_range_is_served_as_a_part(door: Door, asked: str, start: int, end: int):
    job_id = await door.finished()
    answer = await door.http.get(f"/v1/jobs/{job_id}/file", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["etag"] == ETAG


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0", "bytes=99999999999999999999-"])
async def test_a_range_outside_of_the_file_is_refused_with_its_size(door: Door, asked: str):
    job_id = await door.finished()
    answer = await door.http.get(f"/v1/jobs/{job_id}/file", headers={"Range": asked})
    assert (answer.status_code, answer.json()["type"]) == (416, "range-unsatisfiable")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=-", "bytes=9-1", "lines=1-2", "bytes=0-1,4-5", "bytes=a-b"]
)
async def test_what_is_no_single_range_gets_the_whole_file(door: Door, asked: str):
    job_id = await door.finished()
    answer = await door.http.get(f"/v1/jobs/{job_id}/file", headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, CONTENT)


@pytest.mark.parametrize(
    ("if_range", "status"),
    [(ETAG, 206), ('"another"', 200), (f"W/{ETAG}", 200), ("Tue, 01 Jan 2030 00:00:00 GMT", 200)],
)
async def test_a_part_is_only_served_of_the_file_the_caller_knows(
    door: Door, if_range: str, status: int
):
    job_id = await door.finished()
    headers = {"Range": "bytes=0-9", "If-Range": if_range}
    answer = await door.http.get(f"/v1/jobs/{job_id}/file", headers=headers)
    assert answer.status_code == status


async def test_a_file_that_the_caller_has_is_not_sent_again(door: Door):
    job_id = await door.finished()
    headers = {"If-None-Match": ETAG, "Range": "bytes=0-1"}
    answer = await door.http.get(f"/v1/jobs/{job_id}/file", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")


async def test_an_empty_file_is_a_file(door: Door):
    job_id = await door.finished(content=b"")
    answer = await door.http.get(f"/v1/jobs/{job_id}/file")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "0")
    ranged = await door.http.get(f"/v1/jobs/{job_id}/file", headers={"Range": "bytes=0-"})
    assert ranged.status_code == 416


async def test_no_file_yet_and_no_file_any_more(door: Door):
    job_id = await door.asked()
    for address in ("file", "manifest"):
        early = await door.http.get(f"/v1/jobs/{job_id}/{address}")
        assert (early.status_code, early.json()["type"]) == (409, "conflict")
    done = await door.hand.finish()
    await door.hand.expire(done)
    late = await door.http.get(f"/v1/jobs/{job_id}/file")
    assert (late.status_code, late.json()["type"]) == (410, "gone")
    assert (await door.http.get(f"/v1/jobs/{job_id}/manifest")).status_code == 200


async def test_a_file_that_storage_has_lost_is_gone(door: Door):
    job_id = await door.asked()
    done = await door.hand.finish()
    assert done.artifact
    await door.ports.files.delete([done.artifact.key])
    answer = await door.http.get(f"/v1/jobs/{job_id}/file")
    assert (answer.status_code, answer.json()["type"]) == (410, "gone")


class SigningFiles(ObjectFiles):
    """Storage that signs addresses, as object stores do."""

    async def link(self, key: str, name: str, seconds: int) -> str | None:
        return f"https://storage.example/{key}?name={name}&for={seconds}&signature=abc"


async def test_where_storage_signs_links_the_caller_is_sent_there(door: Door):
    files = SigningFiles(door.config.files)
    signing = Door(dataclasses.replace(door.ports, files=files), door.config)
    job_id = await door.finished()
    answer = await signing.http.get(f"/v1/jobs/{job_id}/file")
    assert answer.status_code == 307
    assert answer.headers["location"].startswith("https://storage.example/default/")
    assert answer.headers["cache-control"] == "no-store"
    await signing.http.aclose()


async def test_a_manifest_tells_what_the_file_holds(door: Door):
    job_id = await door.finished()
    answer = await door.http.get(f"/v1/jobs/{job_id}/manifest")
    told = answer.json()
    assert (told["rows"], told["completeness"]) == (1000, "complete")
    assert told["sheets"] == [{"name": "Sales", "rows": 1000}]
    assert told["checksum"] == "sha256:" + ETAG.strip('"')
    headers = {"If-None-Match": answer.headers["etag"]}
    again = await door.http.get(f"/v1/jobs/{job_id}/manifest", headers=headers)
    assert again.status_code == 304


class Listener:
    """Reads server-sent events, as a browser does."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.data: list[str] = []

    async def listen(self, http: httpx.AsyncClient, address: str, **headers: str) -> int:
        async with http.stream("GET", address, headers=headers) as answer:
            event = number = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                event, number = (
                    value if name == w else e for w, e in (("event", event), ("id", number))
                )
                if name == "data":
                    self.data.append(value)
                    self.events.append((event, number))
            return answer.status_code

    async def until(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.events) < count:
                await asyncio.sleep(0.01)


async def test_events_follow_a_job_to_its_end(door: Door, monkeypatch: pytest.MonkeyPatch):
    job_id = await door.asked()
    listener = Listener()
    async with door.served() as http:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listener.listen(http, f"/v1/jobs/{job_id}/events"))
            await listener.until(1)
            job = await door.hand.begin()
            await listener.until(2)
            await door.hand.progress(job, 500)
            await listener.until(3)
            await door.hand.finish(job)
        assert listening.result() == 200
        assert [event for event, _ in listener.events] == ["state", "state", "progress", "end"]
        assert '"rows":500' in listener.data[2]
        assert '"state":"succeeded"' in listener.data[3]
        last = listener.events[-1][1]
        again = await Listener().listen(
            http, f"/v1/jobs/{job_id}/events", **{"Last-Event-ID": last}
        )
        assert again == 204  # stay away: it has ended, and you know


async def test_a_quiet_stream_is_kept_alive_and_ends_when_the_client_leaves(
    door: Door, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.entry.api.live.IDLE", 0.05)
    job_id = await door.asked()
    listeners = door.ports.cache._audience.topics  # type: ignore[attr-defined]  in memory
    async with door.served() as http:
        async with http.stream("GET", f"/v1/jobs/{job_id}/events") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for line in answer.aiter_lines():
                if line.startswith(":"):
                    break
            assert listeners
        async with asyncio.timeout(5):
            while listeners:
                await asyncio.sleep(0.01)


async def test_a_stream_ends_when_its_job_is_forgotten(door: Door, monkeypatch: pytest.MonkeyPatch):
    job_id = await door.asked()
    listener = Listener()
    async with door.served() as http, asyncio.TaskGroup() as group:
        group.create_task(listener.listen(http, f"/v1/jobs/{job_id}/events"))
        await listener.until(1)
        job = await door.ports.store.get(job_id)
        assert job
        await door.http.post(f"/v1/jobs/{job_id}:cancel")
        await door.http.delete(f"/v1/jobs/{job_id}")
