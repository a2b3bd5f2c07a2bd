"""The fonts of one document: the shipped faces and whatever helps out where they lack a character."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from prelo.formats.pdf.glyphs.faces import Face, given_faces
from prelo.formats.pdf.glyphs.system import by_preference, in_style

_MOST_CODES = 0x10000
_MOST_PROGRAMS = 255


class Program:
    """A face in a document, under the resource name /`name`, addressed by codes of two bytes.

    A code stands for a glyph and the text it is read back as. The first text of a glyph has the glyph's
    own number; further ones have codes above all glyphs, which TrueType can map and CFF cannot.
    """

    def __init__(self, name: str, face: Face, texts: dict[int, str] | None = None) -> None:
        self.name = name
        self.face = face
        self.used = np.zeros(_MOST_CODES, np.bool_)
        self.extra: list[int] = []
        """The glyphs of the codes from `glyphs` on."""
        self.glyphs: int = face.data.glyph_count
        self._base = texts or {}
        self._texts: dict[int, str] = {}
        self._codes: dict[tuple[int, str], int] = {}

    def code(self, glyph: int, text: str) -> int | None:
        """The code of a glyph that means `text`; None if there can be no further one."""
        first = self._base.get(glyph)
        if first is None:
            first = self._texts.setdefault(glyph, text)
        if first == text:
            return glyph
        code = self._codes.get((glyph, text))
        if code is None:
            code = self.glyphs + len(self.extra)
            if self.face.compact or code >= _MOST_CODES:
                return None
            self._codes[glyph, text] = code
            self._texts[code] = text
            self.extra.append(glyph)
        return code

    @cached_property
    def blank(self) -> int:
        """A glyph without outline and width that may have any number of texts; 0 if there is none."""
        if self.face.compact:
            return 0
        return next(filter(self._is_blank, range(1, self.glyphs)), 0)

    def _is_blank(self, glyph: int) -> bool:
        extents = self.face.font.get_glyph_extents(glyph)
        drawn = extents and (extents.width or extents.height)
        return not drawn and not self.face.advance(glyph)

    def text(self, code: int) -> str:
        """What a code is read back as."""
        return self._texts.get(code) or self._base.get(code, "")

    def glyph(self, code: int) -> int:
        return code if code < self.glyphs else self.extra[code - self.glyphs]


class Typeface:
    """All programs of a document by number, and where further ones come from.

    `given` are font files (bytes) to look into before those of the system; `language`, a BCP 47 tag,
    chooses between regional forms; `rtl` is the direction of text without a direction of its own. Raises
    Invalid for a file that is no font.
    """

    def __init__(
        self, given: Sequence[bytes] = (), *, language: str = "en", rtl: bool = False
    ) -> None:
        self.language, self.rtl = language, rtl
        self.programs: list[Program] = []
        self._given = given_faces(given)
        self._numbers: dict[Face, int] = {}
        self._orders: dict[tuple[str, bool], list[Face]] = {}

    def add(self, program: Program) -> int:
        """Take a program into the document and return its number."""
        self.programs.append(program)
        return len(self.programs) - 1

    def number(self, face: Face) -> int | None:
        """The number of a face's program; None if there are too many already."""
        if face not in self._numbers:
            if len(self.programs) >= _MOST_PROGRAMS:
                return None
            self._numbers[face] = self.add(Program(f"F{len(self._numbers) + 1}", face))
        return self._numbers[face]

    def given(self, style: str) -> list[Face]:
        """The layout's own faces in the order they are asked for a character."""
        return self._order(style, system=False)

    def system(self, style: str) -> list[Face]:
        """The same of the system's faces."""
        return self._order(style, system=True)

    def _order(self, style: str, *, system: bool) -> list[Face]:
        key = (style, system)
        if key not in self._orders:
            faces = by_preference(self.language) if system else self._given
            self._orders[key] = in_style(faces, style)
        return self._orders[key]
