"""Writes glyphs: as codes of their programs, in rows that stand at one height."""

from collections.abc import Sequence
from typing import NamedTuple

from prelo.formats.pdf.glyphs.typeface import Program, Typeface

_APART = 100  # UNITS between glyphs of a word, at least: readers (poppler) part what is nearer or goes back


class Row(NamedTuple):
    """Glyphs of one program at one height, in UNITS, with the operator that shows them."""

    program: int
    rise: int
    shown: str


Place = tuple[int, int, int, int]
"""Where HarfBuzz puts a glyph, from where the one before ended: x, y, and how far it moves on, in UNITS."""


class Glyph(NamedTuple):
    number: int
    cluster: int
    place: Place


class Code(NamedTuple):
    """A code of a program as it is written, and the place that PDF gives it by itself."""

    shown: str
    place: Place

    @classmethod
    def of(cls, program: Program, code: int) -> "Code":
        """The code, which is used from now on."""
        program.used[code] = True
        return cls(f"{code:04X}", (0, 0, program.face.advance(program.glyph(code)), 0))


class Codes(dict[tuple[int, int, str], "Code | None"]):
    """The code of a glyph, by its program and what it is to be read back as; None if it can have none."""

    def __init__(self, typeface: Typeface) -> None:
        super().__init__()
        self._typeface = typeface

    def __missing__(self, key: tuple[int, int, str]) -> Code | None:
        number, glyph, text = key
        program = self._typeface.programs[number]
        code = program.code(glyph, text)
        if code is None:
            return None
        self[key] = found = Code.of(program, code)
        return found


class Pen:
    """Joins glyphs into rows, and keeps the difference between where PDF and HarfBuzz would stand."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._program, self._rise = -1, 0
        self._codes, self._moved = "", ""
        self._ahead = 0
        self._width = _APART
        self.strayed = False
        """A glyph stands high or low, or not clearly after the one before."""

    def put(self, program: int, code: Code, place: Place) -> None:
        x, y, advance, _ = place
        shown, (_, _, width, _) = code
        if program != self._program or y != self._rise:
            self._flush()
            self._program, self._rise = program, y
        move = x - self._ahead
        if y or move < -_APART or self._width + move < _APART:
            self.strayed = True
        self._width = width
        if move:
            self._move(move)
        self._codes += shown
        self._ahead = x + width - advance

    def put_all(self, program: int, codes: Sequence[Code], places: Sequence[Place]) -> None:
        """One after the other. Most words are as PDF has them by itself, which one look tells."""
        plain = places == [code.place for code in codes]
        if plain and not self._ahead and min(place[2] for place in places) >= _APART:
            self.put(program, codes[0], places[0])
            self._codes += "".join([code.shown for code in codes[1:]])
            self._width = places[-1][2]
            return
        for code, place in zip(codes, places, strict=True):
            self.put(program, code, place)

    def end(self) -> tuple[Row, ...]:
        """What was put."""
        if self._ahead:
            self._move(-self._ahead)
        self._flush()
        return tuple(self._rows)

    def _move(self, by: int) -> None:
        self._moved += f"<{self._codes}>{-by}" if self._codes else f"{-by} "
        self._codes = ""

    def _flush(self) -> None:
        if self._moved:
            last = f"<{self._codes}>" if self._codes else ""
            self._rows.append(Row(self._program, self._rise, f"[{self._moved}{last}]TJ"))
        elif self._codes:
            self._rows.append(Row(self._program, self._rise, f"<{self._codes}>Tj"))
        self._codes, self._moved = "", ""
