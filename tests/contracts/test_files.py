"""What every file storage promises; a new one is one line in STORAGES."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.adapters.files_object import PART_BYTES, ObjectFiles
from prelo.core.errors import FileLimit, Invalid, Misconfigured, NotFound, Unavailable
from prelo.ports import Files
from tests.contracts.s3_fixtures import address

FAR = 2**53


def in_bucket(server: str, request: pytest.FixtureRequest) -> Files:
    request.getfixturevalue("keys")
    endpoint: str = request.getfixturevalue(server)
    return ObjectFiles(address(request.getfixturevalue("bucket_of")(endpoint), endpoint))


STORAGES: dict[str, Callable[[pytest.FixtureRequest, Path], Files]] = {
    "folder": lambda _, tmp_path: ObjectFiles((tmp_path / "a folder").as_uri()),
    "memory": lambda _, __: ObjectFiles("memory://"),
    "moto": lambda request, _: in_bucket("moto", request),
    "radosgw": lambda request, _: in_bucket("radosgw", request),
}


@pytest.fixture(params=list(STORAGES))
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return STORAGES[request.param](request, tmp_path)


def put(files: Files, key: str, content: bytes = b"content") -> None:
    with files.create(key, "text/csv") as sink:
        sink.write(content)


async def get(files: Files, key: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in files.read(key, start, end)])


async def keys(files: Files, older_than_ms: int = FAR) -> set[str]:
    return {stored.key async for stored in files.list(older_than_ms)}


async def test_what_is_written_is_read_back_whole_and_in_ranges(files: Files):
    content = os.urandom(3 * PART_BYTES + 17)
    with files.create("t/job/1/a.xlsx", "application/x") as sink:
        for start in range(0, len(content), 700_001):
            sink.write(memoryview(content)[start : start + 700_001])
        sink.write(bytearray())
    assert await get(files, "t/job/1/a.xlsx") == content
    assert await get(files, "t/job/1/a.xlsx", 5, 9) == content[5:9]
    assert await get(files, "t/job/1/a.xlsx", len(content) - 3) == content[-3:]
    assert await get(files, "t/job/1/a.xlsx", 10, 10) == b""
    assert await get(files, "t/job/1/a.xlsx", len(content) - 1, FAR) == content[-1:]
    assert await get(files, "t/job/1/a.xlsx", FAR) == b""


async def test_a_file_is_read_in_pieces_of_about_a_megabyte(files: Files):
    put(files, "big", bytes(3 * PART_BYTES))
    sizes = [len(piece) async for piece in files.read("big")]
    assert sum(sizes) == 3 * PART_BYTES
    assert max(sizes) <= 4 << 20


async def test_stat_tells_size_and_time(files: Files):
    put(files, "a/b", b"12345")
    stored = await files.stat("a/b")
    assert stored is not None
    assert (stored.key, stored.size) == ("a/b", 5)
    assert abs(stored.modified_at / 1000 - time.time()) < 100


async def test_an_empty_file_is_a_file(files: Files):
    put(files, "empty", b"")
    assert await get(files, "empty") == b""
    assert await keys(files) == {"empty"}


async def test_a_file_appears_only_at_the_end(files: Files):
    with files.create("k", "text/csv") as sink:
        sink.write(bytes(2 * PART_BYTES))
        assert await files.stat("k") is None
        assert await keys(files) == set()
    assert await keys(files) == {"k"}


@pytest.mark.parametrize("size", [1, 3 * PART_BYTES])
async def test_an_exception_leaves_nothing(files: Files, size: int, tmp_path: Path):
    def fail() -> None:
        with files.create("k/l", "text/csv") as sink:
            sink.write(bytes(size))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as held:
        fail()
    assert held.value.__traceback__  # which keeps the sink alive
    assert await keys(files) == set()
    await eventually(lambda: remains(tmp_path) == [])


async def test_missing_files_are_not_found_and_deleted_in_peace(files: Files):
    assert await files.stat("nowhere") is None
    with pytest.raises(NotFound, match="nowhere"):
        await get(files, "nowhere")
    put(files, "here")
    await files.delete(["nowhere", "here", "here"])
    assert await keys(files) == set()


async def test_the_list_knows_ages(files: Files):
    put(files, "a/1")
    put(files, "b/2")
    assert await keys(files) == {"a/1", "b/2"}
    assert await keys(files, 1) == set()


async def test_reading_goes_on_while_the_loop_does_other_things(files: Files):
    put(files, "big", bytes(4 * PART_BYTES))
    results = await asyncio.gather(*(get(files, "big") for _ in range(4)))
    assert {len(found) for found in results} == {4 * PART_BYTES}


@pytest.mark.parametrize(
    "key",
    ["../x", "a/../../x", "/etc/x", "a//b", ".", "a/..", "", "a/", "x#1", "a\\b", "a\0b", "a\nb"],
)
async def test_a_key_that_is_no_plain_path_is_refused(files: Files, key: str):
    with pytest.raises(Invalid, match="no key"), files.create(key, "text/csv"):
        pass
    with pytest.raises(Invalid, match="no key"):
        await files.stat(key)


@given(tenant=st.text(min_size=1, max_size=40))
def test_no_name_of_a_tenant_leads_out_of_the_folder(
    tenant: str, tmp_path_factory: pytest.TempPathFactory
):
    base = tmp_path_factory.mktemp("store")
    files = ObjectFiles((base / "files").as_uri())
    try:
        put(files, f"{tenant}/job/1-x.csv")
    except Invalid:
        assert remains(base) == []
        return
    assert asyncio.run(keys(files)) == {f"{tenant}/job/1-x.csv"}
    assert all(path.is_relative_to(base / "files") for path in remains(base))
    assert asyncio.run(get(files, f"{tenant}/job/1-x.csv")) == b"content"


async def test_a_local_folder_has_no_links_and_is_tidy_after_deletes(tmp_path: Path):
    files = ObjectFiles(tmp_path.as_uri())
    put(files, "tenant/job/1/f.csv")
    assert await files.link("tenant/job/1/f.csv", "f.csv", 60) is None
    await files.delete(["tenant/job/1/f.csv"])
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


def killed_while_writing(folder: Path) -> list[Path]:
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, folder.as_uri()], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout
    assert child.stdout.readline() == "staged\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return [path for path in remains(folder) if "#" in path.name]


async def test_what_a_killed_process_left_is_discarded(tmp_path: Path):
    files = ObjectFiles(tmp_path.as_uri())
    put(files, "t/other/done.csv")
    staged = killed_while_writing(tmp_path)
    assert len(staged) == 1  # the fault really happened
    assert await keys(files) == {"t/other/done.csv"}
    await files.discard("")
    await files.discard("t/other")
    assert staged[0].exists()
    await files.discard("t/job")
    assert [path.name for path in remains(tmp_path)] == ["done.csv"]


async def test_leftovers_anywhere_go_after_a_day(tmp_path: Path):
    old, new = tmp_path / "a" / "x.csv#3", tmp_path / "b" / "y.csv#1"
    for path, age in ((old, 90_000), (new, 80_000)):
        path.parent.mkdir()
        path.write_bytes(b"part")
        os.utime(path, (time.time() - age, time.time() - age))
    await ObjectFiles(tmp_path.as_uri()).discard("")
    assert remains(tmp_path) == [new]


async def test_discarding_where_nothing_is_is_no_error(files: Files):
    await files.discard("never/was")
    await files.discard("")


def test_a_file_over_the_limit_of_the_process_is_a_file_limit(tmp_path: Path):
    files = ObjectFiles(tmp_path.as_uri())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PART_BYTES * 2, before[1]))
    try:
        with pytest.raises(FileLimit, match="limit"):
            put(files, "big", bytes(5 * PART_BYTES))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path in remains(tmp_path) if "#" not in path.name] == []


async def test_a_folder_that_went_away_is_unavailable(tmp_path: Path):
    files = ObjectFiles((tmp_path / "files").as_uri())
    await files.check()
    (tmp_path / "files").rmdir()
    with pytest.raises(Unavailable, match="not there"):
        await files.check()


def test_addresses_that_cannot_be_used_are_said_at_once(tmp_path: Path):
    (tmp_path / "plain").write_text("")
    for url in ("file://host/relative", "nonsense://x", (tmp_path / "plain").as_uri() + "/below"):
        with pytest.raises(Misconfigured, match="cannot be used"):
            ObjectFiles(url)


def remains(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


async def eventually(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        await asyncio.sleep(0.02)
    assert holds()


KILLED = f"""
import sys, time
from prelo.adapters.files_object import ObjectFiles
with ObjectFiles(sys.argv[1]).create("t/job/part.csv", "text/csv") as sink:
    sink.write(bytes({2 * PART_BYTES}))
    sink.write(bytes({2 * PART_BYTES}))
    time.sleep(0.3)
    print("staged", flush=True)
    time.sleep(60)
"""
