"""Object storage through obstore: a local folder now, S3, Google and Azure by the same code."""

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncIterator, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, from_url

from prelo.core.errors import (
    FileLimit,
    Invalid,
    Misconfigured,
    NotFound,
    PreloError,
    StorageUnavailable,
    Unavailable,
)
from prelo.ports import Sink, Stored

PART_BYTES = 5 << 20  # the smallest part S3 takes; 10,000 of them are 50 GB
PARTS_AT_ONCE = 3  # more only hold memory while the disk or the network is slow
PIECE_BYTES = 1 << 20
DAY = 86_400

_VENDOR = (OSError, ValueError, BaseError)
_OS_ERROR = re.compile(r"os error (\d+)")
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_STAGED = re.compile(r".+#\d+")  # what object_store's local store calls a file it has not finished
_SEGMENT = re.compile(r"(?!\.{1,2}$)[^/\\\x00-\x1f\x7f#]{1,255}")


class ObjectFiles:
    """Port Files. `url`: file:///folder (made if missing), memory:// (for tests), s3:// gs:// az://."""

    def __init__(self, url: str) -> None:
        self._root: Path | None = None
        try:
            self._store: Any = self._open(url)
        except _VENDOR as error:
            raise Misconfigured(f"the file storage {url} cannot be used: {_said(error)}") from error

    def _open(self, url: str) -> Any:
        parts = urlsplit(url)
        if parts.scheme == "memory":
            return MemoryStore()
        if parts.scheme != "file":
            return from_url(url)
        self._root = Path(unquote(parts.path))
        if parts.netloc or not self._root.is_absolute():
            raise ValueError("a folder is given as file:///absolute/path")
        return LocalStore(self._root, mkdir=True, automatic_cleanup=True)

    async def check(self) -> None:
        if self._root is not None and not await asyncio.to_thread(os.access, self._root, os.W_OK):
            raise Unavailable(f"the folder {self._root} is not there or not writable")
        await self.stat("check")

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
        except _Broken as error:
            raise _failure(error.vendor) from error.vendor
        finally:
            sink.drop()

    async def stat(self, key: str) -> Stored | None:
        try:
            return _stored(await obstore.head_async(self._store, _checked(key)))
        except FileNotFoundError:
            return None
        except _VENDOR as error:
            raise _unavailable(error) from error

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        found = await self.stat(key)
        if found is None:
            raise NotFound(f"there is no file {key}")
        end = found.size if end is None else min(end, found.size)
        if start >= end:
            return
        try:
            got = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for piece in got.stream(min_chunk_size=PIECE_BYTES):
                for at in range(0, len(piece), 4 * PIECE_BYTES):  # memory gives all at once
                    yield bytes(piece[at : at + 4 * PIECE_BYTES])
        except FileNotFoundError as error:
            raise NotFound(f"there is no file {key}") from error
        except _VENDOR as error:
            raise _unavailable(error) from error

    async def delete(self, keys: Sequence[str]) -> None:
        for key in map(_checked, keys):
            try:
                await obstore.delete_async(self._store, key)
            except FileNotFoundError:
                continue
            except _VENDOR as error:
                raise _unavailable(error) from error

    async def list(self, older_than_ms: int) -> AsyncIterator[Stored]:
        try:
            async for page in obstore.list(self._store):
                for found in map(_stored, page):
                    if found.modified_at < older_than_ms:
                        yield found
        except _VENDOR as error:
            raise _unavailable(error) from error

    async def discard(self, prefix: str) -> None:
        """Only a local folder keeps leftovers where we see them; give buckets a lifecycle rule that
        aborts incomplete uploads after a day.
        """
        if self._root is not None:
            start = str(self._root / _checked(prefix)) if prefix else ""
            age = 0 if prefix else DAY
            try:
                await asyncio.to_thread(_remove_staged, self._root, start, time.time() - age)
            except OSError as error:
                raise _unavailable(error) from error

    async def link(self, key: str, name: str, seconds: int) -> str | None:  # noqa: ARG002
        """Buckets show the key's last part as the name: obstore signs no response headers."""
        if isinstance(self._store, LocalStore | MemoryStore):
            return None
        try:
            lasting = timedelta(seconds=seconds)
            return await obstore.sign_async(self._store, "GET", _checked(key), lasting)
        except _VENDOR as error:
            raise _unavailable(error) from error


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
        except _VENDOR as error:
            raise _Broken(error) from error

    def finish(self) -> None:
        try:
            self._writer.close()
        except _VENDOR as error:
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


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _failure(error: Exception) -> PreloError:
    found = _OS_ERROR.search(str(error))
    number = int(found[1]) if found else getattr(error, "errno", None)
    if number in _FULL:
        return FileLimit(f"the file could not be stored, disk or limit is full: {_said(error)}")
    return StorageUnavailable(f"the file could not be stored: {_said(error)}")


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"the file storage cannot be reached: {_said(error)}")
