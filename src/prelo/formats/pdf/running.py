"""The lines at the head and foot of every page: `left|middle|right`, with marks that are filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prelo.formats.pdf import look as colours
from prelo.formats.pdf.look import Look
from prelo.formats.running import pieces

_MOVING = {"page", "pages"}
_WIDEST = "00000"  # a page's number, to measure by
_FULL = 97  # hundredths of the line that its parts may fill


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the three places of a line: texts, with marks of the page between them."""

    place: int
    pieces: tuple[str, ...]

    @property
    def moving(self) -> bool:
        return any(piece in _MOVING for piece in self.pieces[1::2])

    def said(self, page: object, pages: object) -> str:
        numbers = {"page": str(page), "pages": str(pages)}
        return "".join(numbers[piece] if at % 2 else piece for at, piece in enumerate(self.pieces))


class RunningLine:
    """One such line. Its parts that are the same on every page are drawn once."""

    def __init__(self, text: str, marks: Mapping[str, str], look: Look, y: int) -> None:
        self._look, self._y = look, y
        parts = text.split("|", 2)
        parts = parts[::-1] if look.rtl and len(parts) == 3 else parts  # noqa: PLR2004  three places
        self._parts = [
            _Part(at, pieces(part, marks, _MOVING)) for at, part in enumerate(parts) if part
        ]
        style = look.footer
        wide = sum(style.font.width(p.said(_WIDEST, _WIDEST)) for p in self._parts)
        room = look.page.measure * 1000 // style.size
        self._scale = max(min(100, room * _FULL // max(wide, 1)), 1)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def standing(self) -> bytes:
        """The operators of the parts that are the same everywhere."""
        return self._drawn([part for part in self._parts if not part.moving], 0, 0)

    def moving(self, page: int, pages: int) -> bytes:
        """The operators of the parts that know the page."""
        return self._drawn([part for part in self._parts if part.moving], page, pages)

    def _drawn(self, parts: Sequence[_Part], page: int, pages: int) -> bytes:
        if not parts:
            return b""
        style, measure, at = self._look.footer, self._look.page.measure, 0
        begin = b"BT %b rg /%b %d Tf %d Tz 0 %d Td" % (
            colours.QUIET, style.font.key.encode(), style.size, self._scale, self._y,
        )  # fmt: skip
        out = [begin]
        for part in parts:
            shown, width = style.font.line(part.said(page, pages), style.size)
            room = measure - width * self._scale // 100
            x = (0, room // 2, room)[part.place]
            out.append(b" %d 0 Td%b" % (x - at, shown))
            at = x
        return b"".join([*out, b" ET\n"])
