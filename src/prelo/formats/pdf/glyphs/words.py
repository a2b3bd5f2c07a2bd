"""Strings that need shaping: their words in the order they stand in, each shaped once and kept.

Spaces part words, and a word looks alike wherever it stands; so a string costs one look-up a word.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple
from unicodedata import bidirectional

from prelo.formats.pdf.arrow import Flags
from prelo.formats.pdf.file import escaped
from prelo.formats.pdf.glyphs import bidi
from prelo.formats.pdf.glyphs.characters import Characters
from prelo.formats.pdf.glyphs.faces import UNITS
from prelo.formats.pdf.glyphs.kept import Kept
from prelo.formats.pdf.glyphs.shape import Shaper, Word
from prelo.formats.pdf.glyphs.typeface import Typeface

_SOFT_HYPHEN = "\u00ad"
_PARTS = re.compile("( +|\n)")
BOTH_WAYS = (
    "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
    "\u200f\u202a-\u202e\u2066-\u2069"
)
"""More than enough to find every string in which the order is a question: part of a regular expression."""
_NEWER_SCRIPTS = "\u07c0-\u085f\U00010800-\U00010fff\U0001e800-\U0001efff"
"""Leftward scripts that readers (poppler) take for rightward ones: their lines are said as a whole."""
_BOTH_WAYS, _NEWER = re.compile(f"[{BOTH_WAYS}]"), re.compile(f"[{_NEWER_SCRIPTS}]")

Piece = tuple[str, bool]
"""A word, or spaces, and whether it runs leftwards."""

_Piece = tuple[int, str, int]
"""What shows a piece, and in which program it begins and ends."""

SIMPLE, _ANY = -1, -2
"""In place of a program: the simple font; any one, for spaces, which stand here as they are."""


class Alone(NamedTuple):
    """A word, with its width in UNITS: what shows it, and in which program it begins and ends. `shown` is
    None if it depends on the size.
    """

    width: int
    first: int
    shown: str | None
    last: int


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
        self._words = Kept[Piece, Word](lambda p: self._shaper.shape(p[0], leftwards=p[1]))
        self._shown: dict[tuple[int, bool], Kept[Piece, _Piece]] = {}
        self._spaces: dict[int, str] = {}
        self._orders = Kept[tuple[str, bool | None], list[Piece]](lambda p: self._ordered(*p))
        own = characters.own.face
        self.space = own.advance(own.glyph(ord(" ")))

    def width(self, text: str) -> int:
        """The width of a string in UNITS."""
        return sum(sum(self._measured(piece).advances) for piece in self._orders[text, None])

    def alone(self, text: str) -> Alone:
        """A word with one direction, which is not kept."""
        leftwards = bool(_BOTH_WAYS.search(text))
        word = self._shaper.shape(text, leftwards=leftwards)
        width, rows = sum(word.advances), word.rows
        if not rows or (text.isascii() and not leftwards):
            return Alone(width, SIMPLE, self._simple(text) if rows else "", SIMPLE)
        fixed = len(rows) == 1 and not rows[0].rise
        shown = _with_text(rows[0].shown, text if word.unsaid else "") if fixed else None
        return Alone(width, rows[0].program, shown, rows[-1].program)

    def at_size(self, text: str, size: int) -> str:
        """What shows a word with one direction."""
        return self._operators((text, bool(_BOTH_WAYS.search(text))), size, said=True)[1]

    def show(self, text: str, size: int, *, rtl: bool | None = None) -> str:
        """The operators of a line; `rtl` is the direction of its paragraph, None its own."""
        if text.endswith(_SOFT_HYPHEN):  # a line was broken here
            text = text[:-1] + "-"
        whole = bool(_NEWER.search(text))
        shown = self._shown.get((size, whole))
        if shown is None:
            shown = self._shown[size, whole] = Kept[Piece, _Piece](
                lambda piece: self._operators(piece, size, said=not whole)
            )
        operators = self._joined([shown[piece] for piece in self._orders[text, rtl]], size)
        return _with_text(operators, text if whole else "")

    def _joined(self, pieces: list[_Piece], size: int) -> str:
        """One after the other: the font changes where it must; a space is of the font before it."""
        out: list[str] = []
        now = SIMPLE
        for first, shown, last in pieces:
            if first == _ANY:
                out.append(self.space_in(now, len(shown)))
                continue
            if first != now:
                out.append(self.switch(first, size))
            out.append(shown)
            now = last
        if now != SIMPLE:
            out.append(self.switch(SIMPLE, size))
        return "".join(out)

    def switch(self, program: int, size: int) -> str:
        name = self._key if program == SIMPLE else self._typeface.programs[program].name
        return f"/{name} {size} Tf"

    def space_in(self, program: int, count: int) -> str:
        if program == SIMPLE:
            return self._simple(" " * count)
        if program not in self._spaces:
            self._spaces[program] = self._own_space(program)
        return self._spaces[program] * count

    def _own_space(self, program: int) -> str:
        """A space as wide as the shipped face's."""
        used = self._typeface.programs[program]
        glyph = used.face.glyph(ord(" "))
        code = used.code(glyph, " ") if glyph else None
        if code is None:
            return f"[{-self.space}]TJ"
        used.used[code] = True
        return f"[<{code:04X}>{used.face.advance(glyph) - self.space}]TJ"

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

    def _ordered(self, text: str, rtl: bool | None) -> list[Piece]:  # noqa: FBT001  a part of the key it is kept under
        """The words and spaces of a line from left to right."""
        if not _BOTH_WAYS.search(text):
            return [(part, False) for part in _PARTS.split(text)]
        if re.fullmatch(leftward_words(), text):
            return [(part, True) for part in _PARTS.split(text)[::-1]]
        rtl = self.rtl(text) if rtl is None else rtl
        out: list[Piece] = []
        for start, end, leftwards in self._runs(text, rtl):
            parts = _PARTS.split(text[start:end])
            out += [(part, leftwards) for part in (parts[::-1] if leftwards else parts)]
        return out

    def _runs(self, text: str, rtl: bool) -> list[tuple[int, int, bool]]:  # noqa: FBT001  what is asked
        if not _BOTH_WAYS.search(text):
            return [(0, len(text), False)]
        return bidi.runs(text, rtl=rtl)

    def _measured(self, piece: Piece) -> Word:
        text, _ = piece
        if _is_blank(text):
            count = len(text)
            return Word((0 if text == "\n" else self.space,) * count, (False,) * count)
        return self._words[piece]

    def _operators(self, piece: Piece, size: int, *, said: bool) -> _Piece:
        text, leftwards = piece
        if _is_blank(text):
            return _ANY, "" if text == "\n" else text, _ANY
        if text.isascii() and not leftwards:
            return SIMPLE, self._simple(text), SIMPLE
        word = self._words[piece]
        if not word.rows:
            return _ANY, "", _ANY
        drawn = _with_text("".join(self._drawn(word, size)), text if said and word.unsaid else "")
        return word.rows[0].program, drawn, word.rows[-1].program

    def _simple(self, text: str) -> str:
        self._literal[list(text.encode())] = True
        return f"({escaped(text.encode()).decode()})Tj"

    def _drawn(self, word: Word, size: int) -> Iterator[str]:
        program, rise = word.rows[0].program, 0
        for row in word.rows:
            if row.program != program:
                program = row.program
                yield self.switch(program, size)
            if row.rise != rise:
                rise = row.rise
                yield f" {round(rise * size / UNITS)} Ts"
            yield row.shown
        if rise:
            yield " 0 Ts"


def _with_text(operators: str, text: str) -> str:
    """Operators that are read back as `text`, if there is any."""
    if not text:
        return operators
    return f"/Span<</ActualText<FEFF{text.encode('utf-16-be').hex().upper()}>>>BDC{operators} EMC"


def _is_blank(text: str) -> bool:
    return text == "\n" or not text.strip(" ")


@lru_cache(maxsize=1)
def leftward_words() -> str:
    """A regular expression for words of letters and marks that run leftwards, none of _NEWER_SCRIPTS, with
    single spaces between.
    """
    blocks = (
        range(0x590, 0x7C0),
        range(0x860, 0x900),
        range(0xFB1D, 0xFE00),
        range(0xFE70, 0xFEFD),
    )
    codes = [code for block in blocks for code in block]
    letters = enumerate(c for c in codes if bidirectional(chr(c)) in {"R", "AL", "NSM"})
    # Those that follow each other are as far from their places in the list.
    runs = [list(run) for _, run in groupby(letters, lambda letter: letter[1] - letter[0])]
    ranges = "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)
    return f"[{ranges}]+(?: [{ranges}]+)*"
