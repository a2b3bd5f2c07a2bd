"""A drawing as operators, and what those of one file share beside its fonts."""

from dataclasses import dataclass
from hashlib import sha256

from prelo.formats.pdf.file import File


@dataclass(frozen=True, slots=True)
class Drawn:
    """Operators that draw something from the origin up and to the right; lengths are in 1/100 pt.

    Colours and line styles are those after them: put them between q and Q.
    """

    content: bytes
    width: int
    height: int

    def at(self, x: int, y: int) -> bytes:
        """The operators with the lower left corner at x, y."""
        return b"q 1 0 0 1 %d %d cm\n%bQ\n" % (x, y, self.content)


class Assets:
    """What drawings of one file share: images, each written once, and shadings.

    `xobjects` and `shadings` are entries of the resource dictionary of every page that shows a drawing.
    `archive` makes no colours but RGB and grey.
    """

    def __init__(self, file: File, *, archive: bool = False) -> None:
        self._file = file
        self.archive = archive
        self._images: dict[bytes, bytes] = {}
        self._shadings: dict[bytes, bytes] = {}

    @property
    def xobjects(self) -> bytes:
        return b"".join(b"/%b" % entry for entry in self._images.values())

    @property
    def shadings(self) -> bytes:
        return b"".join(b"/%b%b" % (name, shading) for shading, name in self._shadings.items())

    def image(self, data: bytes, entries: bytes, mask: tuple[bytes, bytes] | None = None) -> bytes:
        """The name of an image of these bytes and entries of its dictionary; `mask`: of its opacity.

        `data` is what the /Filter among the entries, if there is one, makes of the samples.
        """
        digest = sha256(b"\0".join([entries, data, *(mask or ())])).digest()
        if digest not in self._images:
            if mask:
                entries += b"/SMask %d 0 R" % self._write(*mask)
            name = b"Im%d" % (len(self._images) + 1)
            self._images[digest] = b"%b %d 0 R" % (name, self._write(data, entries))
        return self._images[digest].partition(b" ")[0]

    def _write(self, data: bytes, entries: bytes) -> int:
        entries = b"/Type/XObject/Subtype/Image" + entries
        return self._file.stream(data, entries, deflate=b"/Filter" not in entries)

    def shading(self, dictionary: bytes) -> bytes:
        """The name of a shading."""
        return self._shadings.setdefault(dictionary, b"Sh%d" % (len(self._shadings) + 1))
