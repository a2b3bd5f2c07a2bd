"""The outline beside the pages: a viewer's bookmarks."""

from dataclasses import dataclass, field

from prelo.formats.pdf.file.objects import File, text_string

_MOST = 20_000
_LONGEST = 250


@dataclass(slots=True)
class _Entry:
    title: str
    level: int
    page: int
    y: int
    kids: list[int] = field(default_factory=list[int])


class Outline:
    """Entries in reading order, up to a bound: past it the deepest levels go, at last the later entries.

    `dropped` counts those that are not in the file.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._entries: list[_Entry] = []
        self._bound: int | None = None
        self.dropped = 0

    def takes(self, level: int) -> bool:
        """False once entries of this level are only counted: their titles need not be made."""
        return self._bound is None or level < self._bound

    def add(self, title: str, level: int, page: int, y: int) -> None:
        """An entry `level` steps deep, from 0, that leads to `y` (1/100 pt) on the page of this number."""
        if self.takes(level) and len(self._entries) == self._most:
            self._make_room(level)
        if self.takes(level):
            self._entries.append(_Entry(" ".join(title.split())[:_LONGEST], level, page, y))
        else:
            self.dropped += 1

    def drop(self, count: int) -> None:
        """Count entries that nobody made because their level is not taken."""
        self.dropped += count

    def close(self, file: File) -> bytes:
        """Write the outline, closed below its first level, and return the catalog's entries."""
        entries = self._entries
        if not entries:
            return b""
        root = file.reserve(len(entries) + 1)
        top: list[int] = []
        parents = [0] * len(entries)
        open_ones: list[int] = []
        for place, entry in enumerate(entries):
            while open_ones and entries[open_ones[-1]].level >= entry.level:
                open_ones.pop()
            parents[place] = open_ones[-1] + 1 if open_ones else 0
            (entries[open_ones[-1]].kids if open_ones else top).append(place)
            open_ones.append(place)
        file.add(b"<</Type/Outlines%b/Count %d>>" % (_ends(root, top), len(top)), root)
        for siblings in (top, *(e.kids for e in entries)):
            for before, place, after in zip(
                (None, *siblings), siblings, (*siblings[1:], None), strict=False
            ):
                entry, number = entries[place], root + 1 + place
                links = b"/Parent %d 0 R" % (root + parents[place])
                links += b"" if before is None else b"/Prev %d 0 R" % (root + 1 + before)
                links += b"" if after is None else b"/Next %d 0 R" % (root + 1 + after)
                if entry.kids:
                    links += _ends(root, entry.kids) + b"/Count %d" % -len(entry.kids)
                goal = b"/Dest[%d 0 R/XYZ null %.2f null]" % (entry.page, entry.y / 100)
                file.add(b"<</Title%b%b%b>>" % (text_string(entry.title), links, goal), number)
        return b"/Outlines %d 0 R/PageMode/UseOutlines" % root

    def _make_room(self, level: int) -> None:
        """Take no more of the deepest level, and let those go that are here; not all, for one of its own."""
        deepest = max(level, *(entry.level for entry in self._entries))
        kept = [entry for entry in self._entries if entry.level < deepest]
        self._bound = deepest
        if kept or level < deepest:
            self.dropped += len(self._entries) - len(kept)
            self._entries = kept


def _ends(root: int, kids: list[int]) -> bytes:
    return b"/First %d 0 R/Last %d 0 R" % (root + 1 + kids[0], root + 1 + kids[-1])
