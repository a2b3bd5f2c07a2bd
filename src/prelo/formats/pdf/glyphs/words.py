"""Strings that need shaping: their words in the order they stand in, each shaped once and kept.

Spaces part words, and a word looks alike wherever it stands; so a string costs one look-up a word.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeVar
from unicodedata import bidirectional

from prelo.formats.pdf.arrow import Flags
from prelo.formats.pdf.file import escaped
from prelo.formats.pdf.glyphs import bidi
from prelo.formats.pdf.glyphs.characters import Characters
from prelo.formats.pdf.glyphs.faces import UNITS
from prelo.formats.pdf.glyphs.shape import Shaper, Word
from prelo.formats.pdf.glyphs.typeface import Typeface

_MOST_KEPT = 50_000  # a document with more different words forgets them all and starts anew
_SOFT_HYPHEN = "\u00ad"
_PARTS = re.compile("( +|\n)")
_LEFTWARD = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_BOTH_WAYS = re.compile(f"[{_LEFTWARD}\u200f\u202a-\u202e\u2066-\u2069]")
"""More than enough to find every string in which the order is a question."""

Piece = tuple[str, bool]
"""A word, or spaces, and whether it runs leftwards."""

_Value = TypeVar("_Value")


class _Kept(dict[Piece, _Value]):
    """What was made of pieces."""

    def __init__(self, make: Callable[[Piece], _Value]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, piece: Piece) -> _Value:
        if len(self) >= _MOST_KEPT:
            self.clear()
        value = self[piece] = self._make(piece)
        return value


class Words:
    """The words of one style of a document, for strings whose characters are known.

    `key` is the resource name of the simple font, which is chosen before and after each piece; what it
    shows is noted in `literal`, by ASCII code.
    """

    def __init__(
        self, key: str, characters: Characters, typeface: Typeface, style: str, literal: Flags
    ) -> None:
        self._key = key
        self._typeface = typeface
        self._literal = literal
        self._shaper = Shaper(characters, typeface, style)
        self._words = _Kept(lambda piece: self._shaper.shape(piece[0], leftwards=piece[1]))
        self._widths = _Kept(lambda piece: sum(self._measured(piece).advances))
        self._shown: dict[int, _Kept[str]] = {}
        self._orders = _Kept(lambda line: self._ordered(*line))
        own = characters.own.face
        self._space = own.advance(own.glyph(ord(" ")))

    def width(self, text: str) -> int:
        """The width of a string in UNITS."""
        return sum(map(self._widths.__getitem__, self._pieces(text, None)))

    def show(self, text: str, size: int, *, rtl: bool | None = None) -> str:
        """The operators of a line; `rtl` is the direction of its paragraph, None its own."""
        if text.endswith(_SOFT_HYPHEN):  # a line was broken here
            text = text[:-1] + "-"
        shown = self._shown.get(size)
        if shown is None:
            shown = self._shown[size] = _Kept(lambda piece: self._operators(piece, size))
        return "".join(map(shown.__getitem__, self._pieces(text, rtl)))

    def rtl(self, text: str) -> bool:
        """The direction of a paragraph: of its first strong character, else of the page."""
        if not _BOTH_WAYS.search(text):
            return False
        return bidi.starts_right_to_left(text, otherwise=self._typeface.rtl)

    def measure(self, text: str) -> tuple[list[int], list[bool]]:
        """The advance of each character, and before which no line may be cut, in reading order."""
        advances, inside = [0] * len(text), [False] * len(text)
        for start, end, leftwards in self._runs(text, self.rtl(text)):
            at = start
            for part in _PARTS.split(text[start:end]):
                word = self._measured((part, leftwards))
                advances[at : at + len(part)] = word.advances
                inside[at : at + len(part)] = word.inside
                at += len(part)
        return advances, inside

    def _pieces(self, text: str, rtl: bool | None) -> list[Piece]:  # noqa: FBT001
        """The words and spaces of a line from left to right."""
        if not _BOTH_WAYS.search(text):
            return [(part, False) for part in _PARTS.split(text)]
        if _leftward_words().fullmatch(text):
            return [(part, True) for part in _PARTS.split(text)[::-1]]
        return self._orders[text, self.rtl(text) if rtl is None else rtl]

    def _ordered(self, text: str, rtl: bool) -> list[Piece]:  # noqa: FBT001
        out: list[Piece] = []
        for start, end, leftwards in self._runs(text, rtl):
            parts = _PARTS.split(text[start:end])
            out += [(part, leftwards) for part in (parts[::-1] if leftwards else parts)]
        return out

    def _runs(self, text: str, rtl: bool) -> list[tuple[int, int, bool]]:  # noqa: FBT001
        if not _BOTH_WAYS.search(text):
            return [(0, len(text), False)]
        return bidi.runs(text, rtl=rtl)

    def _measured(self, piece: Piece) -> Word:
        text, _ = piece
        if _is_blank(text):
            count = len(text)
            return Word([0 if text == "\n" else self._space] * count, [False] * count)
        return self._words[piece]

    def _operators(self, piece: Piece, size: int) -> str:
        text, leftwards = piece
        if _is_blank(text) or (text.isascii() and not leftwards):
            return "" if text in {"", "\n"} else self._simple(text)
        return "".join(self._drawn(self._words[piece], text, size))

    def _simple(self, text: str) -> str:
        self._literal[list(text.encode())] = True
        return f"({escaped(text.encode()).decode()})Tj"

    def _drawn(self, word: Word, text: str, size: int) -> Iterator[str]:
        if word.unsaid:
            yield f"/Span<</ActualText<FEFF{text.encode('utf-16-be').hex().upper()}>>>BDC"
        program, rise = -1, 0
        for row in word.rows:
            if row.program != program:
                program = row.program
                yield f"/{self._typeface.programs[program].name} {size} Tf"
            if row.rise != rise:
                rise = row.rise
                yield f" {round(rise * size / UNITS)} Ts"
            yield row.shown
        if rise:
            yield " 0 Ts"
        if word.unsaid:
            yield " EMC"
        if program >= 0:
            yield f"/{self._key} {size} Tf"


def _is_blank(text: str) -> bool:
    return text == "\n" or not text.strip(" ")


@lru_cache(maxsize=1)
def _leftward_words() -> re.Pattern[str]:
    """Letters and marks of scripts that run leftwards, with single spaces between words."""
    blocks = [range(0x590, 0x900), range(0xFB1D, 0xFE00), range(0xFE70, 0xFEFD), range(0x1E900, 0x1E960)]
    chars = [chr(code) for block in blocks for code in block]
    letters = "".join(c for c in chars if bidirectional(c) in {"R", "AL", "NSM"})
    return re.compile(f"[{letters}]+(?: +[{letters}]+)*")
