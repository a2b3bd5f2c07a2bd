"""What only a bucket can show: links, unfinished uploads, and servers and networks in trouble."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from prelo.adapters.files_object import PART_BYTES, ObjectFiles
from prelo.core.errors import Misconfigured, NotFound, StorageUnavailable, Unavailable
from tests.contracts.s3_cases import Place, get, put
from tests.contracts.s3_fixtures import address
from tests.servers.proxy import Proxy, proxy
from tests.servers.run import free_port

BucketOf = Callable[[str], str]
_NAME = 'Umsätze 2026 "Q1"; 100 %.csv'


@pytest.fixture(params=["moto", "radosgw"])
def place(request: pytest.FixtureRequest, keys: None, bucket_of: BucketOf) -> Place:
    endpoint: str = request.getfixturevalue(request.param)
    return Place(bucket_of(endpoint), endpoint)


@pytest.fixture
def strict(radosgw: str, keys: None, bucket_of: BucketOf) -> Place:
    """On the server that checks signatures."""
    return Place(bucket_of(radosgw), radosgw)


@pytest.fixture
async def between(radosgw: str) -> AsyncIterator[Proxy]:
    async with proxy(urlsplit(radosgw).port or 80) as made:
        yield made


@pytest.fixture
def shaky(radosgw: str, keys: None, bucket_of: BucketOf, between: Proxy) -> Place:
    """Through the proxy, with time-outs of a second."""
    through = f"http://127.0.0.1:{between.port}"
    return Place(bucket_of(radosgw), radosgw, through, timeout=1)


async def opened(link: str, method: str = "GET", **headers: str) -> httpx.Response:
    """By somebody who has the link and nothing else."""
    async with httpx.AsyncClient() as anybody:
        return await anybody.request(method, link, headers=headers)


async def seconds_of(call: Any) -> float:
    start = time.monotonic()
    with pytest.raises(Unavailable):
        await call
    return time.monotonic() - start


def killed_while_writing(url: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _KILLED, url], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "begun\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()


async def test_the_bucket_answers_its_check_and_keeps_the_media_type(place: Place):
    await place.files.check()
    put(place.files, "t/job/a.csv")
    found = place.s3.get_object(Bucket=place.bucket, Key=place.prefix + "t/job/a.csv")
    assert found["ContentType"] == "text/csv"
    assert found["Body"].read() == b"content"


async def test_a_link_opens_without_keys_under_the_right_name(place: Place):
    put(place.files, "ten ant+ü/job=1/7-x.csv", b"0123456789")
    link = await place.files.link("ten ant+ü/job=1/7-x.csv", _NAME, 60)
    assert link is not None
    answer = await opened(link)
    assert (answer.status_code, answer.content) == (200, b"0123456789")
    assert answer.headers["content-type"].startswith("text/csv")
    said = answer.headers["content-disposition"]
    assert said.startswith('attachment; filename="Ums_tze 2026 _Q1_; 100 _.csv"; ')
    assert said.endswith("filename*=UTF-8''Ums%C3%A4tze%202026%20%22Q1%22%3B%20100%20%25.csv")
    part = await opened(link, Range="bytes=2-4")
    assert (part.status_code, part.content) == (206, b"234")
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in link


async def test_a_link_is_refused_when_altered(strict: Place):
    put(strict.files, "a/1.csv")
    put(strict.files, "a/2.csv")
    link = await strict.files.link("a/1.csv", "one.csv", 60)
    assert link is not None
    assert (await opened(link)).is_success
    for before, after in (("a/1.csv", "a/2.csv"), ("one.csv", "two.csv"), ("=60&", "=600&")):
        assert before in link
        assert (await opened(link.replace(before, after))).status_code == 403
    assert (await opened(link, "DELETE")).status_code == 403
    assert (await opened(link.partition("?")[0])).status_code == 403


async def test_a_link_is_refused_after_its_time(strict: Place):
    put(strict.files, "a.csv")
    short, long = [await strict.files.link("a.csv", "a.csv", seconds) for seconds in (1, 600)]
    assert short is not None
    assert long is not None
    await asyncio.sleep(2.2)
    assert (await opened(short)).status_code == 403
    assert (await opened(long)).is_success


async def test_an_exception_aborts_the_upload(place: Place):
    def fail() -> None:
        with place.files.create("k.csv", "text/csv") as sink:
            sink.write(bytes(3 * PART_BYTES))
            deadline = time.monotonic() + 10
            while not place.uploads() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert place.uploads() == {"k.csv"}  # there is something to abort
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert place.uploads() == set()
    assert place.objects() == set()


async def test_what_a_killed_process_left_is_aborted_by_its_key(place: Place):
    place.begin("t/job/other.csv")
    await asyncio.to_thread(killed_while_writing, place.url)
    assert place.uploads() == {"t/job/part.csv", "t/job/other.csv"}  # the fault happened
    assert place.objects() == set()
    await place.files.discard("t/job/part")
    assert place.uploads() == {"t/job/other.csv"}
    await place.files.discard("t/job/part")


async def test_leftovers_go_after_a_day_and_those_of_others_stay(
    strict: Place, monkeypatch: pytest.MonkeyPatch
):
    other = Place(strict.bucket, strict.endpoint)
    for n in range(3):
        strict.begin(f"t/{n}.csv")
    other.begin("t/0.csv")
    await strict.files.discard("")
    assert len(strict.uploads()) == 3  # they are of today
    monkeypatch.setattr("prelo.adapters.files_object.files.DAY", -60)
    await strict.files.discard("")
    assert strict.uploads() == set()
    assert other.uploads() == {"t/0.csv"}
    await other.files.discard("t/0.csv")


async def test_more_leftovers_than_a_page_are_all_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("prelo.adapters.files_object.bucket._PAGE", 3)
    for n in range(10):
        place.begin(f"t/{n}/a&b ü.csv")
        place.begin(f"t/{n}/a&b ü.csv")  # two attempts at the same
    await place.files.discard("t")
    assert place.uploads() == set()


async def test_many_files_are_deleted_together(place: Place):
    keys = [f"t/{n}/a&b ü.csv" for n in range(30)]
    for key in keys:
        put(place.files, key)
    await place.files.delete([*keys, "t/nowhere.csv"])
    await place.files.delete([])
    assert place.objects() == set()


async def test_a_server_that_asks_to_slow_down_is_tried_again(shaky: Place, between: Proxy):
    content = os.urandom(2 * PART_BYTES + 5)
    between.busy = 3
    await asyncio.to_thread(put, shaky.patient, "a.csv", content)
    assert between.counted["busy"] == 3
    await between.break_all()
    between.busy = 1
    assert await get(shaky.patient, "a.csv") == content
    assert between.counted["busy"] == 4


async def test_a_server_that_stays_busy_is_unavailable(shaky: Place, between: Proxy):
    between.busy = 10_000
    with pytest.raises(StorageUnavailable, match=r"slow down|in trouble"):
        await asyncio.to_thread(put, shaky.files, "a.csv", bytes(100))
    with pytest.raises(Unavailable, match=r"slow down|in trouble"):
        await shaky.files.stat("a.csv")
    with pytest.raises(Unavailable, match="slow down"):
        await shaky.files.check()
    with pytest.raises(Unavailable, match=r"does not let us|unfinished"):
        await shaky.files.discard("a.csv")
    assert between.counted["busy"] > 5
    assert shaky.objects() == set()


@pytest.mark.parametrize("size", [100, 4 * PART_BYTES])
async def test_a_server_that_stalls_is_given_up_and_nothing_is_visible(
    shaky: Place, between: Proxy, size: int
):
    between.stalled.set()
    start = time.monotonic()
    with pytest.raises(StorageUnavailable, match=r"the bucket .* did not answer in time"):
        await asyncio.to_thread(put, shaky.files, "t/a.csv", bytes(size))
    assert time.monotonic() - start < 10
    assert await seconds_of(shaky.files.stat("t/a.csv")) < 5
    assert await seconds_of(get(shaky.files, "t/a.csv")) < 5
    assert await seconds_of(shaky.files.check()) < 6
    assert await seconds_of(shaky.files.discard("t/a.csv")) < 5
    assert between.counted["stalled"] > 3
    assert shaky.objects() == set()
    between.stalled.clear()
    await shaky.files.check()
    await asyncio.to_thread(put, shaky.patient, "t/a.csv", bytes(size))
    assert shaky.objects() == {"t/a.csv"}


async def test_a_stall_in_the_middle_leaves_nothing_visible(shaky: Place, between: Proxy):
    loop = asyncio.get_running_loop()

    def write() -> None:
        with shaky.files.create("t/a.csv", "text/csv") as sink:
            sink.write(bytes(3 * PART_BYTES))
            while not shaky.uploads():
                time.sleep(0.05)
            loop.call_soon_threadsafe(between.stalled.set)
            for _ in range(8):
                sink.write(bytes(PART_BYTES))

    with pytest.raises(StorageUnavailable, match="did not answer in time"):
        await asyncio.to_thread(write)
    assert between.counted["stalled"] > 0
    assert shaky.objects() == set()
    assert shaky.uploads() == {"t/a.csv"}  # the network was away when it was to be aborted
    between.stalled.clear()
    await shaky.patient.discard("t/a.csv")
    assert shaky.uploads() == set()


async def test_an_upload_that_is_cut_leaves_nothing_visible(shaky: Place, between: Proxy):
    between.cut_upload_after = 3 << 20  # of each connection, so no part gets through
    with pytest.raises(StorageUnavailable, match="could not be stored: the bucket"):
        await asyncio.to_thread(put, shaky.patient, "t/a.csv", bytes(3 * PART_BYTES))
    assert between.counted["cut"] > 0
    assert shaky.objects() == set()
    between.cut_upload_after = None
    await shaky.patient.discard("t/a.csv")
    assert shaky.uploads() == set()


async def test_a_download_that_is_cut_goes_on_where_it_was(shaky: Place, between: Proxy):
    content = os.urandom(2 * PART_BYTES)
    await asyncio.to_thread(put, shaky.patient, "a.csv", content)
    await between.break_all()
    between.cut_after = 2 << 20  # of each connection
    assert await get(shaky.patient, "a.csv") == content
    assert between.counted["cut"] > 0


async def test_a_download_that_is_cut_at_once_is_an_error(shaky: Place, between: Proxy):
    await asyncio.to_thread(put, shaky.patient, "a.csv", bytes(100))
    await between.break_all()
    between.cut_after = 0
    with pytest.raises(Unavailable, match=r"the bucket .* (broke off|cannot be reached)"):
        await get(shaky.patient, "a.csv")
    assert between.counted["cut"] > 0
    between.cut_after = None
    assert len(await get(shaky.patient, "a.csv")) == 100


async def test_who_reads_slowly_is_not_cut_off(strict: Place, between: Proxy):
    slow = Place(strict.bucket, strict.endpoint, f"http://127.0.0.1:{between.port}", timeout=1)
    await asyncio.to_thread(put, slow.patient, "a.csv", bytes(4 * PART_BYTES))
    size = 0
    async for piece in slow.files.read("a.csv"):
        size += len(piece)
        await asyncio.sleep(0.5)  # of all pieces together: longer than the time-out
    assert size == 4 * PART_BYTES


async def test_a_large_file_is_written_in_bounded_memory(strict: Place):
    code = _LARGE.format(mib=200)
    child = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code, strict.url], capture_output=True, text=True,
        timeout=100, check=True,
    )  # fmt: skip
    stored = await strict.files.stat("large.bin")
    assert stored is not None
    assert stored.size == 200 << 20
    assert int(child.stdout) < 100 << 10  # KiB above the start
    await strict.files.delete(["large.bin"])


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AWS_ACCESS_KEY_ID", "nobody-there"), ("AWS_SECRET_ACCESS_KEY", "not-the-secret")],
)
async def test_wrong_keys_are_said_without_them(
    strict: Place, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
):
    monkeypatch.setenv(variable, value)
    files = ObjectFiles(strict.url)
    with pytest.raises(Unavailable, match="refuses the keys; check AWS_ACCESS_KEY_ID") as raised:
        await files.check()
    with pytest.raises(StorageUnavailable, match="refuses the keys") as written:
        put(files, "a.csv")
    for error in (raised.value, written.value):
        assert value not in str(error)
    assert "not-the-secret" not in repr(raised.value.__cause__)
    with pytest.raises(Unavailable):
        await files.stat("a.csv")
    with pytest.raises(Unavailable, match="403"):
        await files.discard("a")


async def test_a_bucket_that_is_missing_is_said(place: Place):
    files = ObjectFiles(address("no-such-bucket-here", place.endpoint))
    with pytest.raises(Unavailable, match=r"'no-such-bucket-here' at http.* is not there; create"):
        await files.check()
    with pytest.raises(StorageUnavailable, match="is not there; create it"):
        put(files, "a.csv")
    with pytest.raises(NotFound):
        await get(files, "a.csv")


async def test_nobody_there_is_said_soon(keys: None):
    files = ObjectFiles(address("bucket", f"http://127.0.0.1:{free_port()}", timeout=1))
    for asked in (files.check, lambda: files.stat("a"), lambda: files.discard("a")):
        start = time.monotonic()
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:\d+ (cannot be|did not)"):
            await asked()
        assert time.monotonic() - start < 4
    with pytest.raises(StorageUnavailable, match=r"cannot be reached"):
        put(files, "a.csv")


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA:hidden@bucket/x", "s3://", "s3://bucket?endpoint=host:1", "s3://bucket?secret=hidden",
        "s3://bucket?timeout=hidden", "s3://bucket?timeout=0", "s3://bucket?hidden",
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str):
    with pytest.raises(Misconfigured, match=r"cannot be used: (keys do not|write s3://)") as raised:
        ObjectFiles(url)
    assert "hidden" not in str(raised.value)


_KILLED = f"""
import sys, time
from prelo.adapters.files_object import ObjectFiles
with ObjectFiles(sys.argv[1]).create("t/job/part.csv", "text/csv") as sink:
    for _ in range(6):
        sink.write(bytes({PART_BYTES}))
    time.sleep(0.5)
    print("begun", flush=True)
    time.sleep(60)
"""
_LARGE = """
import resource, sys
from prelo.adapters.files_object import ObjectFiles
files = ObjectFiles(sys.argv[1])
with files.create("small.bin", "application/x") as sink:
    sink.write(bytes(1 << 20))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with files.create("large.bin", "application/x") as sink:
    for _ in range({mib}):
        sink.write(bytes(1 << 20))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
