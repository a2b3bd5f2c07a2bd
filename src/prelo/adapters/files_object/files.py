"""Files by the same code wherever they are: in a local folder, in memory, in a bucket."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import LocalStore, MemoryStore, from_url

from prelo.adapters.files_object.faults import (
    VENDOR,
    Said,
    failure,
    first_line,
    of_bucket,
    of_folder,
    unavailable,
)
from prelo.core.errors import Invalid, Misconfigured, NotFound, PreloError, Unavailable
from prelo.ports import Sink, Stored

if TYPE_CHECKING:
    from prelo.adapters.files_object.bucket import Bucket

PART_BYTES = 5 << 20  # the smallest part S3 takes; 10,000 of them are 50 GB
PARTS_AT_ONCE = 3  # more only hold memory while the disk or the network is slow
PIECE_BYTES = 1 << 20
DAY = 86_400
_CHECK_SECONDS = 5.0

_STAGED = re.compile(r".+#\d+")  # what object_store's local store calls a file it has not finished
_USER = re.compile(r"(?<=//)[^/]*@")  # of an address; there may be a secret with it
_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f#]{1,255}")


class ObjectFiles:
    """Port Files. `url`: file:///folder (made if missing), memory:// (for tests), s3://bucket/prefix?…"""

    def __init__(self, url: str) -> None:
        self._root: Path | None = None
        self._bucket: Bucket | None = None
        self._said: Said = of_folder
        try:
            self._store: Any = self._open(url)
        except VENDOR as error:
            shown = _USER.sub("", url.partition("?")[0])
            raise Misconfigured(
                f"the file storage {shown} cannot be used: {first_line(error)}"
            ) from error

    def _open(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme == "memory":
            return MemoryStore()
        if parts.scheme == "s3":
            from prelo.adapters.files_object.bucket import Bucket  # httpx takes its time to load

            self._bucket = Bucket(url)
            self._said = of_bucket(self._bucket.name)
            return self._bucket.store
        if parts.scheme != "file":
            return from_url(url)
        self._root = Path(unquote(parts.path))
        if parts.netloc or not self._root.is_absolute():
            raise ValueError("a folder is given as file:///absolute/path")
        return LocalStore(self._root, mkdir=True, automatic_cleanup=True)

    async def check(self) -> None:
        if self._root is not None and not await asyncio.to_thread(os.access, self._root, os.W_OK):
            raise Unavailable(f"the folder {self._root} is not there or not writable")
        if self._bucket is None:
            await self.stat("check")
            return
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                # Not by stat: its answer has no body to tell a bucket that is not there from a file.
                async for _ in obstore.list(self._store, prefix="check"):
                    return
        except TimeoutError as error:
            raise Unavailable(
                f"{self._bucket.name} did not answer within {_CHECK_SECONDS:g} s"
            ) from error
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    @contextmanager
    def create(self, key: str, media_type: str) -> Generator[Sink]:
        attributes: Any = None if self._root else {"Content-Type": media_type}
        sink = _Parts(
            obstore.open_writer(
                self._store,
                _checked(key),
                attributes=attributes,
                buffer_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )
        )
        try:
            yield sink
            sink.finish()
            if self._root is not None:
                _sync(self._root, key)
        except BaseException as error:
            sink.drop()
            self._abandon(key)
            if isinstance(error, _Broken):
                raise failure(error.vendor, self._said) from error.vendor
            raise
        finally:
            sink.drop()

    async def stat(self, key: str) -> Stored | None:
        try:
            return _stored(await obstore.head_async(self._store, _checked(key)))
        except FileNotFoundError:
            return None
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        found = await self.stat(key)
        if found is None:
            raise NotFound(f"there is no file {key}")
        end = found.size if end is None else min(end, found.size)
        try:
            async for piece in self._pieces(key, start, end):
                yield piece
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {key}") from error
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    async def _pieces(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        if self._bucket is not None:
            # A request each: the time-out is for a whole request, and who reads may be slow.
            for at in range(start, end, 4 * PIECE_BYTES):
                until = min(at + 4 * PIECE_BYTES, end)
                yield bytes(await obstore.get_range_async(self._store, key, start=at, end=until))
        elif start < end:
            got = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for piece in got.stream(min_chunk_size=PIECE_BYTES):
                for at in range(0, len(piece), 4 * PIECE_BYTES):  # memory gives all at once
                    yield bytes(piece[at : at + 4 * PIECE_BYTES])

    async def delete(self, keys: Sequence[str]) -> None:
        checked = [_checked(key) for key in keys]
        # A bucket takes them together, and does not mind what is not there.
        for paths in checked if self._bucket is None else filter(None, [checked]):
            try:
                await obstore.delete_async(self._store, paths)
            except FileNotFoundError:
                continue
            except VENDOR as error:
                raise unavailable(error, self._said) from error

    async def list(self, older_than_ms: int) -> AsyncIterator[Stored]:
        try:
            async for page in obstore.list(self._store):
                for found in map(_stored, page):
                    if found.modified_at < older_than_ms:
                        yield found
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    async def discard(self, prefix: str) -> None:
        age = 0 if prefix else DAY
        below = _checked(prefix) if prefix else ""
        if self._root is not None:
            start = str(self._root / below) if below else ""
            try:
                await asyncio.to_thread(_remove_staged, self._root, start, time.time() - age)
            except OSError as error:
                raise unavailable(error, self._said) from error
        elif self._bucket is not None:
            await asyncio.to_thread(self._clear, below, age)

    async def link(self, key: str, name: str, seconds: int) -> str | None:
        if self._bucket is None:
            return None
        try:
            return await asyncio.to_thread(self._bucket.link, _checked(key), name, seconds)
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    def _clear(self, prefix: str, age: float) -> None:
        """Abort what nobody finished in the bucket."""
        if self._bucket is None:
            return
        try:
            self._bucket.abandon(prefix, age)
        except VENDOR as error:
            raise unavailable(error, self._said) from error

    def _abandon(self, key: str) -> None:
        """What is left of an upload that failed. If the bucket is away, upkeep does it a day later."""
        with suppress(PreloError):
            self._clear(key, 0)


class _Broken(Exception):
    """A vendor's error while writing, told apart from errors of the block that writes."""

    def __init__(self, vendor: Exception) -> None:
        super().__init__(str(vendor))
        self.vendor = vendor


class _Parts:
    """The sink: hands bytes to the upload, in the order they come."""

    def __init__(self, writer: Any) -> None:
        self._writer: Any = writer

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        try:
            return self._writer.write(data)
        except VENDOR as error:
            raise _Broken(error) from error

    def finish(self) -> None:
        try:
            self._writer.close()
        except VENDOR as error:
            raise _Broken(error) from error

    def drop(self) -> None:
        # A writer that is dropped without close() aborts its upload and removes its staging file;
        # whoever still holds this sink (a traceback does) must not keep it alive.
        self._writer = None


def _checked(key: str) -> str:
    """Refuse keys that leave the storage's folder or that some storage would change in silence."""
    if not all(map(_SEGMENT.fullmatch, key.split("/"))):
        raise Invalid(f"'{key}' is no key of a file: segments between '/' must be plain names")
    return key


def _sync(root: Path, key: str) -> None:
    """A settled job's file must survive a power cut, as its row does; obstore only renames.

    Its folders, too: those of a new job are new themselves, and are entries of the ones above.
    """
    path = root / key
    folders = [folder for folder in path.parents if folder.is_relative_to(root)]
    try:
        for place in (path, *folders):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise _Broken(error) from error


def _remove_staged(root: Path, start: str, before: float) -> None:
    """Unfinished files below `root` whose path starts with `start`, last written before that time."""
    for parent, _, names in os.walk(Path(start).parent if start else root):
        for name in filter(_STAGED.fullmatch, names):
            path = Path(parent, name)
            with suppress(FileNotFoundError):
                if str(path).startswith(start) and path.stat().st_mtime <= before:
                    path.unlink()


def _stored(meta: Any) -> Stored:
    modified = int(meta["last_modified"].timestamp() * 1000)
    return Stored(key=meta["path"], size=meta["size"], modified_at=modified)
