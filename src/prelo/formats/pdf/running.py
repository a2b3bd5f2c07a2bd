"""The lines at the head and foot of every page: `left|middle|right`, with marks that are filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.font import UNITS
from prelo.formats.pdf.look import Look
from prelo.formats.running import pieces

_MOVING = {"page", "pages"}
_WIDEST = "00000"  # a page's number, to measure by
_CONTROLS = dict.fromkeys([*range(32), 127], " ")  # it is one line, whatever a mark brings
_FULL = 97  # hundredths of the line that its parts may fill


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the three places of a line: texts, with marks of the page between them."""

    place: int
    pieces: tuple[str, ...]

    @property
    def moving(self) -> bool:
        return any(piece in _MOVING for piece in self.pieces[1::2])

    def column(self, numbers: pl.Series, pages: int) -> pl.Series:
        """What it says on pages of all these numbers."""
        marks = {"page": pl.lit(numbers.cast(pl.String)), "pages": pl.lit(str(pages))}
        pieces = [marks[p] if at % 2 else pl.lit(p) for at, p in enumerate(self.pieces)]
        text = pl.select(pl.concat_str(pieces)).to_series()
        return text if len(text) == len(numbers) else pl.Series([text[0]] * len(numbers))

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
            _Part(at, tuple(piece.translate(_CONTROLS) for piece in pieces(part, marks, _MOVING)))
            for at, part in enumerate(parts)
            if part
        ]
        style = look.footer
        wide = sum(style.font.width(p.said(_WIDEST, _WIDEST)) for p in self._parts)
        room = look.page.measure * 1000 // style.size
        self._scale = max(min(100, room * _FULL // max(wide, 1)), 1)

    def __bool__(self) -> bool:
        return bool(self._parts)

    def standing(self) -> bytes:
        """The operators of the parts that are the same everywhere."""
        parts = [part for part in self._parts if not part.moving]
        pieces = self._columns(parts, pl.Series([0]), 0)
        return pl.select(pl.concat_str(pieces)).item().encode() if pieces else b""

    def moving(self, numbers: pl.Series, pages: int) -> list[pl.Expr]:
        """The operators of the parts that know the page, for pages of all these numbers."""
        return self._columns([part for part in self._parts if part.moving], numbers, pages)

    def _columns(self, parts: Sequence[_Part], numbers: pl.Series, pages: int) -> list[pl.Expr]:
        if not parts:
            return []
        style, measure = self._look.footer, self._look.page.measure
        begin = b"BT %b rg /%b %d Tf %d Tz 0 %d Td" % (
            colours.QUIET, style.font.key.encode(), style.size, self._scale, self._y,
        )  # fmt: skip
        out = [pl.lit(begin.decode())]
        at = np.zeros(len(numbers), np.int64)
        for part in parts:
            said = part.column(numbers, pages)
            flat = Flat.of(said)
            shown = style.font.show(said, flat, style.size)
            room = measure - style.font.widths(flat) * style.size // UNITS * self._scale // 100
            x = (at * 0, room // 2, room)[part.place]
            moved = pl.lit(pl.Series(x - at).cast(pl.String))
            before, text, after = (
                pl.lit(f" 0 Td{shown.before}"),
                pl.lit(shown.text),
                pl.lit(shown.after),
            )
            out += [pl.lit(" "), moved, before, text, after]
            at = x
        return [*out, pl.lit(" ET\n")]
