"""A compound file written front to back: the wrapping of an encrypted workbook.

[MS-CFB], version 3: a header, then sectors of 512 bytes. Every stream is a chain of sectors, and a table
(the FAT) says which sector follows which; streams under 4096 bytes share one stream, cut into 64-byte
sectors with a table of their own. Here every chain lies in one piece, so all tables follow from sizes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from struct import pack
from typing import TypeAlias

import numpy as np

from prelo.ports import Sink

# Bytes of all streams together: with its tables, a file of version 3 then ends below 2 GiB.
MOST = (1 << 31) - (1 << 25)

_SECTOR, _MINI_SECTOR, _CUTOFF = 512, 64, 4096
_ENTRY = 128
_LINKS = _SECTOR // 4  # sector numbers in a sector of a table
# So many FAT sectors are listed in the header, the others in DIFAT sectors.
_IN_HEADER = 109
_DIFAT, _FAT, _END, _FREE = 0xFFFFFFFC, 0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF
_NOBODY = 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream too large for memory: `chunks`, read once, add up to `size` bytes."""

    size: int
    chunks: Iterable[bytes]


Storage: TypeAlias = Mapping[str, "bytes | Stream | Storage"]
"""A folder: its streams and storages by name (at most 31 UTF-16 units)."""


def write_compound(out: Sink, root: Storage) -> None:
    """Write the file. Needs of `out` only `write`; the streams together hold at most MOST bytes."""
    directory = _Directory(root)
    mini = b"".join(_padded(b"".join(e.chunks), _MINI_SECTOR) for e in directory.small)
    mini_fat = _table([_count(e.size, _MINI_SECTOR) for e in directory.small])
    sizes = [_ENTRY * len(directory.entries), len(mini_fat), len(mini)]
    chains = [_count(size, _SECTOR) for size in [*sizes, *(e.size for e in directory.large)]]
    fat, difat = _tables(sum(chains))
    starts = np.cumsum([difat + fat, *chains]).tolist()
    directory.place(starts[2:], len(mini))

    out.write(_header(fat, difat, starts[0], starts[1] if mini_fat else _END, chains[1]))
    out.write(_difat_sectors(fat, difat))
    out.write(_table(chains, [_DIFAT] * difat + [_FAT] * fat))
    for block in (directory.bytes(), mini_fat, mini):
        out.write(_padded(block, _SECTOR))
    for entry in directory.large:
        for chunk in entry.chunks:
            out.write(chunk)
        out.write(bytes(-entry.size % _SECTOR))


@dataclass(slots=True)
class _Entry:
    """One directory entry ([MS-CFB] 2.6.1). Clock and class are left zero."""

    name: str
    type: int
    size: int = 0
    chunks: Iterable[bytes] = ()
    start: int = 0
    left: int = _NOBODY
    right: int = _NOBODY
    child: int = _NOBODY

    def bytes(self) -> bytes:
        name = self.name.encode("utf-16-le") + b"\0\0"
        # Every node black is a red-black tree as 2.6.4 asks for: no two red ones meet.
        links = pack("<BBLLL", self.type, 1, self.left, self.right, self.child)
        return pack("<64sH", name, len(name)) + links + pack("<36xLQ", self.start, self.size)


class _Directory:
    """All entries; `small` and `large` are those of streams, in the order in which the file has them."""

    def __init__(self, root: Storage) -> None:
        self.entries = [_Entry("Root Entry", _ROOT)]
        self.entries[0].child = self._tree(root)
        streams = [entry for entry in self.entries if entry.type == _STREAM]
        self.small = [entry for entry in streams if entry.size < _CUTOFF]
        self.large = [entry for entry in streams if entry.size >= _CUTOFF]

    def place(self, starts: list[int], mini: int) -> None:
        """Note where streams begin: the one of small streams, `mini` bytes long, then the large ones."""
        root = self.entries[0]
        root.start, root.size = (starts[0] if mini else _END), mini
        for entry, start in zip(self.large, starts[1:], strict=False):
            entry.start = start
        place = 0
        for entry in self.small:
            entry.start = place if entry.size else _END
            place += _count(entry.size, _MINI_SECTOR)

    def bytes(self) -> bytes:
        unused = pack("<68x3L48x", _NOBODY, _NOBODY, _NOBODY)
        return b"".join(e.bytes() for e in self.entries) + unused * (-len(self.entries) % 4)

    def _tree(self, storage: Storage) -> int:
        """Add a storage's children as a search tree; the number of its topmost entry."""
        # By length first, then by upper case ([MS-CFB] 2.6.4).
        names = sorted(storage, key=lambda name: (len(name), name.upper()))
        return self._topmost([(name, storage[name]) for name in names])

    def _topmost(self, nodes: list[tuple[str, "bytes | Stream | Storage"]]) -> int:
        if not nodes:
            return _NOBODY
        middle, number = len(nodes) // 2, len(self.entries)
        name, node = nodes[middle]
        if isinstance(node, Mapping):
            entry = _Entry(name, _STORAGE)
        elif isinstance(node, Stream):
            entry = _Entry(name, _STREAM, node.size, node.chunks)
        else:
            entry = _Entry(name, _STREAM, len(node), [node])
        self.entries.append(entry)
        if isinstance(node, Mapping):
            entry.child = self._tree(node)
        entry.left = self._topmost(nodes[:middle])
        entry.right = self._topmost(nodes[middle + 1 :])
        return number


def _header(fat: int, difat: int, directory: int, mini_fat: int, mini_fat_sectors: int) -> bytes:
    """[MS-CFB] 2.2: the sectors of the DIFAT come first in the file, those of the FAT follow."""
    known = [*range(difat, difat + min(fat, _IN_HEADER))]
    return (
        bytes.fromhex("D0CF11E0A1B11AE1")
        + pack("<16x5H6x", 0x3E, 3, 0xFFFE, 9, 6)
        + pack("<4L", 0, fat, directory, 0)
        + pack("<5L", _CUTOFF, mini_fat, mini_fat_sectors, 0 if difat else _END, difat)
        + pack(f"<{_IN_HEADER}L", *known, *[_FREE] * (_IN_HEADER - len(known)))
    )


def _difat_sectors(fat: int, difat: int) -> bytes:
    """[MS-CFB] 2.5: numbers of FAT sectors; the last word of each sector names the next."""
    known = range(difat + _IN_HEADER, difat + fat)
    room = _LINKS - 1
    sectors: list[bytes] = []
    for i in range(difat):
        here = known[i * room : (i + 1) * room]
        following = i + 1 if i + 1 < difat else _END
        sectors.append(pack(f"<{_LINKS}L", *here, *[_FREE] * (room - len(here)), following))
    return b"".join(sectors)


def _tables(sectors: int) -> tuple[int, int]:
    """How many sectors the FAT and the DIFAT take, which list themselves beside `sectors` others."""
    fat = difat = 0
    while True:
        needed = _count(sectors + fat + difat, _LINKS)
        more = _count(max(0, needed - _IN_HEADER), _LINKS - 1)
        if (needed, more) == (fat, difat):
            return fat, difat
        fat, difat = needed, more


def _table(chains: list[int], marks: list[int] | None = None) -> bytes:
    """`marks`, then for each sector of the chains the next one: whole sectors of a table."""
    marks = marks or []
    links = np.arange(1, len(marks) + sum(chains) + 1, dtype="<u4")
    links[: len(marks)] = marks
    ends = np.cumsum([len(marks), *chains])[1:] - 1
    links[ends[np.array(chains) > 0]] = _END
    return _padded(links.tobytes(), _SECTOR, b"\xff")


def _count(size: int, unit: int) -> int:
    return -(-size // unit)


def _padded(data: bytes, unit: int, fill: bytes = b"\0") -> bytes:
    return data + fill * (-len(data) % unit)
