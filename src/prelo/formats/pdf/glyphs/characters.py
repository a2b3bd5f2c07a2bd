"""What is known of each character in one style of a document: tables over all code points, filled as
characters are met.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from unicodedata import bidirectional, category

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.glyphs.faces import Face, Shipped
from prelo.formats.pdf.glyphs.harfbuzz import hb
from prelo.formats.pdf.glyphs.typeface import Program, Typeface

UNKNOWN, PLAIN, SHAPED, HIDDEN = range(4)
"""Kinds: PLAIN characters stand side by side; one SHAPED makes its string be shaped; HIDDEN show nothing."""

_FIRST_PLANE, _CODE_POINTS = 0x10000, 0x110000
_LEFTWARD = {"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}
_IGNORABLE = (  # Default_Ignorable_Code_Point
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
IGNORABLE = re.compile(f"[{_IGNORABLE}]")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff]")
_JOINED = re.compile(  # letters whose form depends on their neighbours, and parts of one sign
    "[\u0e33\u0eb3\u1100-\u11ff\u1800-\u18af\ua840-\ua877\ua960-\ua97c\ud7b0-\ud7fb"
    "\U00011660-\U0001166c\U0001bc00-\U0001bc9f\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]"
)


def kind_of(char: str) -> int:
    """What a character asks of the string it is in."""
    if _HIDDEN.match(char):
        return HIDDEN
    sort = category(char)
    if sort[0] == "M" or sort == "Cf" or bidirectional(char) in _LEFTWARD:
        return SHAPED
    return SHAPED if _JOINED.match(char) or IGNORABLE.match(char) else PLAIN


class Characters:
    """Tables by code point: kind, number of the program, code in it, advance, and whether no font has it."""

    def __init__(self, shipped: Shipped, own: int, typeface: Typeface, style: str) -> None:
        # As large as a document needs: most have no character beyond the first plane.
        self.kind = np.zeros(_FIRST_PLANE, np.uint8)
        self.program = np.zeros(_FIRST_PLANE, np.uint8)
        self.code = np.zeros(_FIRST_PLANE, np.uint16)
        self.advance = np.zeros(_FIRST_PLANE, np.int32)
        self.lacking = np.zeros(_FIRST_PLANE, np.bool_)
        self._own, self._typeface, self._style = own, typeface, style
        self.box = shipped.box
        codes = shipped.codes
        self.kind[codes] = _kinds(shipped)
        self.program[codes] = own
        self.code[codes] = shipped.glyphs
        self.advance[codes] = np.where(self.kind[codes] == HIDDEN, 0, shipped.advances)

    @property
    def own(self) -> Program:
        """The shipped face in this document."""
        return self._typeface.programs[self._own]

    def know(self, codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
        """The kinds of these characters; all tables hold for them afterwards."""
        if len(codes) and codes.max() >= len(self.kind):
            self._grow()
        kinds = self.kind[codes]
        if not kinds.all():
            self._learn(np.unique(codes[kinds == UNKNOWN]).tolist())
            kinds = self.kind[codes]
        return kinds

    def _grow(self) -> None:
        more = (0, _CODE_POINTS - len(self.kind))
        self.kind, self.program = np.pad(self.kind, more), np.pad(self.program, more)
        self.code, self.advance = np.pad(self.code, more), np.pad(self.advance, more)
        self.lacking = np.pad(self.lacking, more)

    def _learn(self, codes: list[int]) -> None:
        wanted: list[int] = []
        for code in codes:
            self.kind[code] = kind_of(chr(code))
            self.program[code] = self._own
            if self.kind[code] != HIDDEN and not IGNORABLE.match(chr(code)):
                wanted.append(code)
        rest = hb.Set(wanted)
        rest = self._find(rest, [self.own.face])
        rest = self._find(rest, self._typeface.given(self._style))
        private = [code for code in rest if category(chr(code)) == "Co"]
        rest.difference_update(
            hb.Set(private)
        )  # what a stranger's font has there means something else
        if rest:
            rest = self._find(rest, self._typeface.system(self._style))
        for code in sorted([*rest, *private]):
            self.lacking[code] = True
            self._place(code, self._own, self.box)

    def _find(self, rest: Any, faces: Iterable[Face]) -> Any:
        """Place what the faces have of a set of characters and return the others."""
        for face in faces:
            if not rest:
                break
            hits = rest.copy()
            hits.intersection_update(face.codes)
            if not hits:
                continue
            number = self._own if face is self.own.face else self._typeface.number(face)
            if number is None:
                break
            for code in hits:
                self._place(code, number, face.glyph(code))
            rest.difference_update(hits)
        return rest

    def _place(self, code: int, number: int, glyph: int) -> None:
        program = self._typeface.programs[number]
        found = program.code(glyph, chr(code))
        if found is None:  # the glyph has another meaning: shaping says this one beside it
            found = glyph
            self.kind[code] = SHAPED
        self.program[code], self.code[code] = number, found
        self.advance[code] = program.face.advance(glyph)


@lru_cache(maxsize=8)
def _kinds(shipped: Shipped) -> npt.NDArray[np.uint8]:
    return np.array([kind_of(chr(code)) for code in shipped.codes.tolist()], np.uint8)
