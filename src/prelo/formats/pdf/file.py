"""The objects of a PDF 1.7 file, written once and in order of arrival, never read back (ISO 32000-1)."""

from array import array

from isal import isal_zlib

from prelo.ports import Sink

_DEFLATE_LEVEL = 1
_FAN_OUT = 32  # pages of a node: viewers find page 20,000 in three steps
_XREF_CHUNK = 8192


class File:
    """Objects by number. A number may be reserved long before its object is written."""

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._at = 0
        self._offsets = array("Q", [0])
        self._write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

    def reserve(self) -> int:
        self._offsets.append(0)
        return len(self._offsets) - 1

    def add(self, body: bytes, number: int | None = None) -> int:
        """Write an object, under a reserved number if given, and return its number."""
        number = self.reserve() if number is None else number
        self._offsets[number] = self._at
        self._write(b"%d 0 obj\n%b\nendobj\n" % (number, body))
        return number

    def stream(
        self, data: bytes, extra: bytes = b"", number: int | None = None, *, deflate: bool = True
    ) -> int:
        """Write a stream; `extra` are further entries of its dictionary.

        Without `deflate` the data is written as it is; where it is filtered already, as a JPEG is, `extra`
        says how.
        """
        if deflate:
            data = isal_zlib.compress(data, _DEFLATE_LEVEL)
            extra = b"/Filter/FlateDecode" + extra
        head = b"<</Length %d%b>>stream\n" % (len(data), extra)
        return self.add(head + data + b"\nendstream", number)

    def close(self, root: int, info: int) -> None:
        """The cross-reference table and the trailer. Every reserved number has its object by now."""
        start, size = self._at, len(self._offsets)
        self._write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
        for first in range(1, size, _XREF_CHUNK):
            part = self._offsets[first : first + _XREF_CHUNK]
            self._write(b"%010d 00000 n \n" * len(part) % tuple(part))
        trailer = b"trailer\n<</Size %d/Root %d 0 R/Info %d 0 R>>\n" % (size, root, info)
        self._write(trailer + b"startxref\n%d\n%%%%EOF\n" % start)

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._at += len(data)


class PageTree:
    """A balanced tree over pages whose number nobody knows before the end."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._front: list[tuple[int, list[int]]] = []
        self._nodes: list[tuple[int, list[int]]] = []

    def add(self, contents: bytes) -> int:
        """Write the page whose Contents array holds these references; returns its object's number."""
        return self.place(b"/Contents[%b]" % contents)

    def place(self, entries: bytes, number: int | None = None, *, front: bool = False) -> int:
        """Write a page that comes with all its entries but Type and Parent, as one of another file."""
        nodes = self._front if front else self._nodes
        if not nodes or len(nodes[-1][1]) == _FAN_OUT:
            nodes.append((self._file.reserve(), []))
        parent, kids = nodes[-1]
        kids.append(self._file.add(b"<</Type/Page/Parent %d 0 R%b>>" % (parent, entries), number))
        return kids[-1]

    def close(self, inherited: bytes) -> int:
        """Write the nodes; the root, whose number is returned, hands `inherited` down to every page."""
        level = [(number, kids, len(kids)) for number, kids in (*self._front, *self._nodes)]
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


def text_string(text: str) -> bytes:
    """A string object for titles and names: ASCII as it is, all else in UTF-16."""
    if text.isascii() and text.isprintable():
        return b"(" + escaped(text.encode()) + b")"
    return b"<FEFF" + text.encode("utf-16-be", "replace").hex().upper().encode() + b">"


def escaped(text: bytes) -> bytes:
    """ASCII bytes for the inside of a literal string."""
    return text.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
