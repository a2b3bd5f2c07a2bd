"""The word that stands across every page, under its text."""

from collections.abc import Mapping
from math import hypot

from prelo.formats.pdf.file import File
from prelo.formats.pdf.file.structure import ARTIFACT, END
from prelo.formats.pdf.font import Font
from prelo.formats.running import pieces

_SIZE = 1000
_MIDDLE = 350  # half the height of a capital
_COLOUR = b".88 .88 .9"
_REACH = 0.88  # of the page's sides
_HIGHEST = 0.25  # an em, of the shorter side

Box = tuple[float, float, float, float]


def watermark_of(text: str, marks: Mapping[str, str], font: Font) -> "Watermark | None":
    """The watermark with its marks filled in; None where no word is left."""
    (filled,) = pieces(text, marks)
    return Watermark(filled, font) if filled.strip() else None


class Watermark:
    """One line of text as a form object that all pages share, whatever their sizes."""

    def __init__(self, text: str, font: Font) -> None:
        self._shown, self._width = font.line(" ".join(text.split()), _SIZE)
        self._key = font.key.encode()

    def write(self, file: File, resources: int) -> bytes:
        """Write the form and return its entry of the XObject resource dictionary."""
        content = b"BT %b rg /%b %d Tf %b ET" % (_COLOUR, self._key, _SIZE, self._shown)
        form = b"/Type/XObject/Subtype/Form/BBox[%d %d %d %d]/Resources %d 0 R" % (
            -_SIZE, -_SIZE, self._width + _SIZE, 2 * _SIZE, resources,
        )  # fmt: skip
        return b"/Watermark %d 0 R" % file.stream(content, form)

    def operators(self, page: Box) -> bytes:
        """What a page shows it by, before its text. `page` are its corners in the units now in force."""
        left, bottom, right, top = page
        width, height = right - left, top - bottom
        c, s = width / hypot(width, height), height / hypot(width, height)
        # The text's box, turned into the page's diagonal, is as wide and high as this.
        scale = min(
            _REACH * width / (self._width * c + 2 * _MIDDLE * s),
            _REACH * height / (self._width * s + 2 * _MIDDLE * c),
            _HIGHEST * min(width, height) / _SIZE,
        )
        c, s, half = c * scale, s * scale, self._width / 2
        x = (left + right) / 2 - half * c + _MIDDLE * s
        y = (bottom + top) / 2 - half * s - _MIDDLE * c
        matrix = b"%.5f %.5f %.5f %.5f %.3f %.3f" % (c, s, -s, c, x, y)
        return ARTIFACT + b"q %b cm /Watermark Do Q\n" % matrix + END
