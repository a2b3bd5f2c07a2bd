"""The outline beside the pages: a viewer's bookmarks."""

from prelo.formats.pdf.file import File, text_string


class Outline:
    """Entries in reading order."""

    def __init__(self) -> None:
        self._entries: list[tuple[str, int, int, int]] = []

    def add(self, title: str, level: int, page: int, y: int) -> None:
        """An entry `level` steps deep, from 0, that leads to `y` (1/100 pt) on the page of this number."""
        self._entries.append((title, level, page, y))

    def close(self, file: File) -> bytes:
        """Write the outline, closed below its first level, and return the catalog's entries."""
        if not self._entries:
            return b""
        root = file.reserve()
        numbers = [file.reserve() for _ in self._entries]
        kids: dict[int, list[int]] = {root: []}
        parents: list[int] = []
        path: list[tuple[int, int]] = []
        for (_, level, _, _), number in zip(self._entries, numbers, strict=True):
            path = [(deep, above) for deep, above in path if deep < level]
            parents.append(path[-1][1] if path else root)
            kids.setdefault(parents[-1], []).append(number)
            path.append((level, number))
        for entry, number, parent in zip(self._entries, numbers, parents, strict=True):
            file.add(_item(entry, number, parent, kids), number)
        file.add(b"<</Type/Outlines%b/Count %d>>" % (_ends(kids[root]), len(kids[root])), root)
        return b"/Outlines %d 0 R/PageMode/UseOutlines" % root


def _item(
    entry: tuple[str, int, int, int], number: int, parent: int, kids: dict[int, list[int]]
) -> bytes:
    title, _, page, y = entry
    siblings, own = kids[parent], kids.get(number, [])
    at = siblings.index(number)
    links = b"/Parent %d 0 R" % parent
    links += b"/Prev %d 0 R" % siblings[at - 1] if at else b""
    links += b"/Next %d 0 R" % siblings[at + 1] if at + 1 < len(siblings) else b""
    links += _ends(own) + b"/Count %d" % -len(own) if own else b""
    goal = b"/Dest[%d 0 R/XYZ null %.2f null]" % (page, y / 100)
    return b"<</Title%b%b%b>>" % (text_string(title), links, goal)


def _ends(kids: list[int]) -> bytes:
    return b"/First %d 0 R/Last %d 0 R" % (kids[0], kids[-1])
