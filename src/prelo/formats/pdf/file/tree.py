"""The tree of pages, whose number nobody knows before the end."""

from array import array

from prelo.formats.pdf.file.objects import File
from prelo.formats.pdf.file.structure import Structure

_FAN_OUT = 32  # pages of a node: viewers find page 20,000 in three steps


class PageTree:
    """A balanced tree. Every page names its `resources` itself: an archive lets none be inherited."""

    def __init__(self, file: File, resources: int) -> None:
        self._file = file
        self._contents = b"/Resources %d 0 R/Contents[" % resources
        self._front, self._back = _Nodes(file), _Nodes(file)
        self.structure = Structure(file)

    def __len__(self) -> int:
        return len(self._front.pages) + len(self._back.pages)

    def add(
        self,
        contents: bytes,
        more: bytes = b"",
        tags: tuple[bytes, ...] = (),
        *,
        front: bool = False,
    ) -> int:
        """Write the page whose Contents array holds these references; returns its object's number.

        `more` are further entries, as /Annots[…] or a /MediaBox of its own. `tags` are the structure
        types of the page's marked contents in the order they are read aloud; their MCIDs count from 0.
        Pages in `front` stand before all others, in the order they are added.
        """
        if tags:
            more = b"%b/StructParents %d" % (more, self.structure.next)
        nodes = self._front if front else self._back
        number = nodes.add(b"%b%b]%b" % (self._contents, contents, more))
        if tags:
            self.structure.add(number, tags, front=front)
        return number

    def place(self, entries: bytes, number: int | None = None, *, front: bool = False) -> int:
        """Write a page that comes with all its entries but Type and Parent, as one of another file."""
        return (self._front if front else self._back).add(entries, number)

    def close(self, inherited: bytes) -> int:
        """Write the nodes; the root, whose number is returned, hands `inherited` down to every page."""
        level = [*self._front.nodes(), *self._back.nodes()]
        while len(level) > 1:
            above: list[tuple[int, list[int], int]] = []
            for first in range(0, len(level), _FAN_OUT):
                nodes = level[first : first + _FAN_OUT]
                parent = self._file.reserve()
                for node in nodes:
                    self._node(node, b"/Parent %d 0 R" % parent)
                above.append((parent, [n[0] for n in nodes], sum(n[2] for n in nodes)))
            level = above
        self._node(level[0], inherited)
        return level[0][0]

    def _node(self, node: tuple[int, list[int], int], more: bytes) -> None:
        number, kids, count = node
        listed = b" ".join(b"%d 0 R" % kid for kid in kids)
        self._file.add(b"<</Type/Pages/Count %d/Kids[%b]%b>>" % (count, listed, more), number)


class _Nodes:
    """The lowest nodes over some pages in a row."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._numbers = array("Q")
        self.pages = array("Q")

    def add(self, entries: bytes, number: int | None = None) -> int:
        """Write the next page."""
        if len(self.pages) == _FAN_OUT * len(self._numbers):
            self._numbers.append(self._file.reserve())
        body = b"<</Type/Page/Parent %d 0 R%b>>" % (self._numbers[-1], entries)
        number = self._file.add(body, number)
        self.pages.append(number)
        return number

    def nodes(self) -> list[tuple[int, list[int], int]]:
        """Each node's number, its pages, and how many these are."""
        kids = [
            self.pages[first : first + _FAN_OUT].tolist()
            for first in range(0, len(self.pages), _FAN_OUT)
        ]
        return [(n, k, len(k)) for n, k in zip(self._numbers, kids, strict=True)]
