"""Pages of finished PDFs, with all the objects they need, as pages of the file that is being written.

What is equal is written once: a font or an image that a thousand documents share, and all that hangs on it.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pikepdf

from prelo.core.errors import FormatFailed
from prelo.formats.pdf.document.goals import Goals, Mark
from prelo.formats.pdf.file import File

_MOST_KNOWN = 20_000  # objects remembered, some 3 MB; those not seen for long are forgotten
_PAGE = (
    "/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox", "/Rotate", "/UserUnit", "/Group",
)  # fmt: skip
_INHERITED = {"/MediaBox", "/CropBox", "/Rotate", "/Resources"}
_SAFE = ("http:", "https:", "mailto:", "tel:")
_PAGES = {"/Page", "/Pages"}
_OF_STREAMS = {
    "/Length",
    "/F",
    "/FFilter",
    "/FDecodeParms",
}  # the data is here, never in another file


Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Under:
    """What lies under every page: `operators` for a page of these corners in points, and `forms`, entries of
    an XObject dictionary that they name.
    """

    forms: bytes
    operators: Callable[[Box], bytes]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page to be placed: its number, all its entries but Type and Parent, and its top edge in 1/100 pt."""

    number: int
    entries: bytes
    top: int


@dataclass(frozen=True, slots=True)
class Grafted:
    """The pages of one PDF, the bookmarks it has, and its title."""

    pages: tuple[Leaf, ...]
    marks: tuple[Mark, ...]
    title: str


class Grafter:
    """Copies into one file. `archive`: leaves out what PDF/A forbids and can be left out."""

    def __init__(self, file: File, *, archive: bool = False, under: Under | None = None) -> None:
        self._file = file
        self.under = under
        self._known: dict[bytes, int] = {}
        self._archive = archive
        self.reused = 0
        """Objects that were there already."""

    def copy(self, pdf: bytes, *, foreign: bool = False) -> Grafted:
        """Write what the pages of `pdf` need. Form fields and notes of a `foreign` one become what they show.

        The pages leave the state of the graphics as they find it: more contents may be put after them.
        Raises FormatFailed for what is no PDF, or needs a password.
        """
        try:
            with pikepdf.open(io.BytesIO(pdf)) as source:
                if foreign:
                    source.generate_appearance_streams()
                    source.flatten_annotations("print")
                return _Copy(source, self).made()
        except pikepdf.PasswordError as error:
            raise FormatFailed("the PDF needs a password; save it without") from error
        except (pikepdf.PdfError, RecursionError) as error:
            raise FormatFailed(f"the PDF is damaged: {error}; save it anew") from error

    def put(self, body: bytes, stream: bytes | None) -> int:
        """The number of an object of this content; of a `stream`, `body` are the dictionary's entries."""
        key = hashlib.blake2b(body, digest_size=16)
        if stream is not None:
            key.update(b"stream")
            key.update(stream)
        number = self._known.pop(key.digest(), None)
        if number is None:
            number = self.write(body, stream, None)
            if len(self._known) == _MOST_KNOWN:
                del self._known[next(iter(self._known))]
        else:
            self.reused += 1
        self._known[key.digest()] = number
        return number

    def write(self, body: bytes, stream: bytes | None, number: int | None) -> int:
        """The object, written whether or not there is such a one."""
        if stream is None:
            return self._file.add(body, number)
        return self._file.stream(stream, body, number, deflate=False)

    def reserve(self) -> int:
        return self._file.reserve()

    @property
    def left_out(self) -> frozenset[str]:
        """Entries that no copied dictionary has."""
        always = {
            "/Metadata",
            "/PieceInfo",
            "/LastModified",
            "/StructParent",
            "/StructParents",
            "/AA",
        }
        return frozenset(always | ({"/Interpolate"} if self._archive else set()))


class _Copy:
    """One PDF on its way over."""

    def __init__(self, source: pikepdf.Pdf, into: Grafter) -> None:
        self._source = source
        self._into = into
        self._left_out = into.left_out
        self._pages = {page.obj.objgen: into.reserve() for page in source.pages}
        self._numbers: dict[tuple[int, int], int] = {}
        self._open: set[tuple[int, int]] = set()
        self._goals = Goals(source, self._pages)

    def made(self) -> Grafted:
        title = str(self._source.docinfo.get("/Title", ""))
        leaves = tuple(
            Leaf(
                self._pages[page.obj.objgen],
                self._page(page.obj, _corners(page.cropbox)),
                round(float(page.mediabox[3]) * 100),
            )
            for page in self._source.pages
        )
        return Grafted(leaves, tuple(self._goals.marks()), title)

    def _page(self, page: Any, box: Box) -> bytes:
        found = ((name, _inherited(page, name)) for name in _PAGE)
        entries = b"".join(
            name.encode() + b" " + self._value(value) for name, value in found if value is not None
        )
        entries += b"/Resources" + self._resources(_inherited(page, "/Resources"))
        entries += b"/Contents[%b]" % self._contents(page.get("/Contents", pikepdf.Array()), box)
        links = b" ".join(self._links(page))
        return entries + (b"/Annots[%b]" % links if links else b"")

    def _contents(self, contents: Any, box: Box) -> bytes:
        under, put = self._into.under, self._into.put
        before = put(b"", (under.operators(box) if under else b"") + b"q\n")
        streams = contents if isinstance(contents, pikepdf.Array) else [contents]
        listed = b" ".join(self._value(stream) for stream in streams)
        return b"%d 0 R %b %d 0 R" % (before, listed, put(b"", b"\nQ\n"))

    def _resources(self, resources: Any) -> bytes:
        under = self._into.under
        if under is None:
            return b" " + self._value(pikepdf.Dictionary() if resources is None else resources)
        own = {} if resources is None else dict(resources.items())
        forms = self._entries(own.pop("/XObject", {}))
        return b"<<%b/XObject<<%b%b>>>>" % (self._entries(own), forms, under.forms)

    def _links(self, page: Any) -> Iterator[bytes]:
        """The page's links that lead to a page, or to an address that a reader may open without worry."""
        for link in page.get("/Annots", []):
            if link.get("/Subtype") != "/Link" or "/Rect" not in link:
                continue
            action = link.get("/A", {})
            goal = self._goals.of(link)
            if goal is not None:
                leads = b"/Dest[%d 0 R/XYZ null %.2f null]" % (goal.page, goal.y / 100)
            elif str(action.get("/URI", "")).lower().startswith(_SAFE):
                leads = b"/A<</S/URI/URI%b>>" % self._value(action["/URI"])
            else:
                continue
            where = self._value(link["/Rect"])
            yield b"<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect%b%b>>" % (where, leads)

    def _value(self, value: Any) -> bytes:
        """The value as it is written within another: a reference for an object of its own."""
        if isinstance(value, pikepdf.Object):
            if value.is_indirect:
                return self._reference(value)
            return self._body(value)
        return _plain(value)

    def _reference(self, value: pikepdf.Object) -> bytes:
        place = value.objgen
        if place in self._pages or _is_page(value):
            return b"null" if place not in self._pages else b"%d 0 R" % self._pages[place]
        if place in self._open:  # a circle: this object cannot be known by its content
            self._numbers.setdefault(place, self._into.reserve())
        elif place not in self._numbers:
            self._open.add(place)
            stream = value.read_raw_bytes() if isinstance(value, pikepdf.Stream) else None
            body = self._entries(value) if stream is not None else self._body(value)
            self._open.discard(place)
            if place in self._numbers:
                self._into.write(body, stream, self._numbers[place])
            else:
                self._numbers[place] = self._into.put(body, stream)
        return b"%d 0 R" % self._numbers[place]

    def _body(self, value: pikepdf.Object) -> bytes:
        if isinstance(value, pikepdf.Dictionary):
            return b"<<%b>>" % self._entries(value)
        if isinstance(value, pikepdf.Array):
            return b"[%b]" % b" ".join(self._value(item) for item in value)
        if isinstance(value, pikepdf.String):
            return b"<%b>" % bytes(value).hex().encode()
        return value.unparse()

    def _entries(self, value: Any) -> bytes:
        stream = isinstance(value, pikepdf.Stream)
        return b"".join(
            pikepdf.Name(name).unparse() + b" " + self._value(entry)
            for name, entry in sorted(value.items())
            if name not in self._left_out and not (stream and name in _OF_STREAMS)
        )


def _corners(box: Any) -> Box:
    left, bottom, right, top = (float(side) for side in box)
    return left, bottom, right, top


def _is_page(value: pikepdf.Object) -> bool:
    return isinstance(value, pikepdf.Dictionary) and str(value.get("/Type", "")) in _PAGES


def _inherited(page: Any, name: str) -> Any:
    """An entry of the page, or of a node of its tree where it may stand there."""
    node, steps = page, 0
    while name not in node and name in _INHERITED and "/Parent" in node and steps < 100:  # noqa: PLR2004  no tree is as deep
        node, steps = node["/Parent"], steps + 1
    return node.get(name)


def _plain(value: Any) -> bytes:
    if value is None:
        return b"null"
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, int):
        return b"%d" % value
    return f"{Decimal(value):f}".encode()
