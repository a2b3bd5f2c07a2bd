"""A ZIP file written front to back: an .xlsx is one, and it goes to storage while it is made.

Excel refuses ZIP64 local headers with data descriptors, so this is plain ZIP32 (PKWARE APPNOTE 4.3):
each part and the whole file end below 4 GiB. Equal parts give equal bytes: no clock is read.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from struct import pack
from types import TracebackType
from typing import Self

from isal import isal_zlib

from prelo.core.errors import FileLimit
from prelo.ports import Sink

_ZIP32 = (1 << 32) - 1
_VERSION = 20
_DEFLATED = 8
_UTF8 = 1 << 11
_DESCRIPTOR = 1 << 3  # sizes follow the data: nobody can go back to the header
_NO_TIME, _1980_01_01 = 0, 0x21
_WORTH_A_THREAD = 1 << 18
_WORTH_KEEPING = 1 << 15  # bytes of a part at most


def _squeezed(data: bytes) -> tuple[int, bytes]:
    """Its checksum, and what it is when deflated."""
    squeezer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
    return isal_zlib.crc32(data), squeezer.compress(data) + squeezer.flush()


# Most parts of a report's workbooks are the same in each of them.
_kept = lru_cache(maxsize=256)(_squeezed)


@dataclass(slots=True)
class _Entry:
    name: bytes
    flags: int
    offset: int
    crc: int = 0
    packed: int = 0
    size: int = 0

    def numbers(self) -> bytes:
        return pack("<LLL", self.crc, self.packed, self.size)

    def common(self, *, known: bool) -> bytes:
        head = pack("<HHHHH", _VERSION, self.flags, _DEFLATED, _NO_TIME, _1980_01_01)
        return head + (self.numbers() if known else bytes(12)) + pack("<HH", len(self.name), 0)


class Package:
    """The file as a whole. Leaving it without an error writes the directory; with one, nothing more."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._offset = 0
        self._entries: list[_Entry] = []
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if kind is None:
            self._finish()

    def add(self, name: str, data: bytes) -> None:
        """Write a small part at once, its sizes in front, as programs that sniff files expect."""
        crc, packed = _kept(data) if len(data) <= _WORTH_KEEPING else _squeezed(data)
        entry = _Entry(name.encode(), _UTF8, self._offset, crc, len(packed), len(data))
        self._entries.append(entry)
        self.write(b"PK\3\4" + entry.common(known=True) + entry.name + packed)

    def part(self, name: str) -> "Part":
        """Begin a large part; it must be closed before the next part begins."""
        entry = _Entry(name.encode(), _UTF8 | _DESCRIPTOR, self._offset)
        self._entries.append(entry)
        self.write(b"PK\3\4" + entry.common(known=False) + entry.name)
        return Part(self, entry)

    def write(self, data: bytes) -> None:
        """Raw bytes of the file. Raises FileLimit where a ZIP32 file must end."""
        self._offset += len(data)
        if self._offset > _ZIP32:
            raise FileLimit(
                "the workbook grew past 4 GiB, the largest Excel opens; choose fewer rows or columns, or CSV"
            )
        self._out.write(data)

    def pool(self) -> ThreadPoolExecutor:
        """The one thread that deflates while the next rows are made; small files never start it."""
        self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="deflate")
        return self._pool

    def _finish(self) -> None:
        start = self._offset
        for e in self._entries:
            rest = pack("<HHHLL", 0, 0, 0, 0, e.offset)
            self.write(b"PK\1\2" + pack("<H", _VERSION) + e.common(known=True) + rest + e.name)
        count, size = len(self._entries), self._offset - start
        self.write(b"PK\5\6" + pack("<HHHHLLH", 0, 0, count, count, size, start, 0))


class Part:
    """One large part. One chunk may be in the deflating thread while the caller makes the next."""

    def __init__(self, package: Package, entry: _Entry) -> None:
        self._package = package
        self._entry = entry
        self._squeezer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, -15)
        self._ahead: Future[bytes] | None = None

    @property
    def size(self) -> int:
        """Bytes given so far, before deflating."""
        return self._entry.size

    def write(self, *chunks: bytes | memoryview) -> None:
        """Append `chunks`. Raises FileLimit where a part of a ZIP32 file must end."""
        self._settle()
        size = sum(map(len, chunks))
        self._entry.size += size
        if self._entry.size > _ZIP32:
            raise FileLimit("a sheet grew past 4 GiB of XML; its rows are too wide for a workbook")
        if size < _WORTH_A_THREAD:
            self._keep(self._squeeze(chunks))
        else:
            self._ahead = self._package.pool().submit(self._squeeze, chunks)

    def close(self) -> None:
        self._settle()
        self._keep(self._squeezer.flush())
        self._package.write(b"PK\7\10" + self._entry.numbers())

    def _settle(self) -> None:
        """Wait for the chunk before: the order of the bytes is the order of the calls."""
        if self._ahead:
            ahead, self._ahead = self._ahead, None
            self._keep(ahead.result())

    def _squeeze(self, chunks: Sequence[bytes | memoryview]) -> bytes:
        packed: list[bytes] = []
        for chunk in chunks:
            self._entry.crc = isal_zlib.crc32(chunk, self._entry.crc)
            packed.append(self._squeezer.compress(chunk))
        return b"".join(packed)

    def _keep(self, packed: bytes) -> None:
        self._entry.packed += len(packed)
        if packed:
            self._package.write(packed)
