"""What the glyphs of a word are read back as.

The codes of a word, from left to right, are to spell its text, or its text backwards where it runs
leftwards, as readers expect.
"""

from collections.abc import Sequence
from typing import NamedTuple
from unicodedata import category, normalize

from prelo.formats.pdf.glyphs.characters import IGNORABLE
from prelo.formats.pdf.glyphs.pen import Glyph

_JOINER = "\u200d"
_RIGHT_TO_LEFT_MARK = "\u200f"


class Told(NamedTuple):
    """What the glyphs of a cluster are read back as, and what has to be carried before them."""

    carried: list[str]
    texts: list[str]
    short: bool = False


def told(text: str, glyphs: Sequence[Glyph], *, carries: bool, leftwards: bool) -> Told:
    """For the glyphs of a cluster with this text. `carries`: letters may be carried by glyphs nobody sees."""
    if len(text) == len(glyphs) == 1:
        return Told([], [text])
    if leftwards:
        return _told_leftwards(text, glyphs, carries=carries)
    count = len(glyphs)
    if count > len(text) and len(split := normalize("NFD", text)) <= count:
        text = split
    if count <= len(text):
        return Told([], [*text[: count - 1], text[count - 1 :]])
    speaking = _first_wide(glyphs, len(text))
    silent = [glyph for i, glyph in enumerate(glyphs) if i not in speaking]
    letters = iter(text)
    texts = [next(letters) if i in speaking else "" for i in range(count)]
    return Told([], texts, short=any(glyph.place[2] for glyph in silent))


def _told_leftwards(text: str, glyphs: Sequence[Glyph], *, carries: bool) -> Told:
    """Each letter with its marks, backwards; glyphs without a width say nothing."""
    units: list[str] = []
    for char, joins in zip(text, joined(text), strict=True):
        if units and joins:
            units[-1] = char + units[-1]
        else:
            units.append(char)
    units.reverse()
    wide = sum(1 for glyph in glyphs if glyph.place[2]) or 1
    spare = max(len(units) - wide, 0)
    carried, units = units[:spare], units[spare:]
    if not carries:
        carried, units[0] = [], "".join([*carried, units[0]])
    speaking = _first_wide(glyphs, len(units))
    own = iter(units)
    return Told(carried, [next(own) if i in speaking else "" for i in range(len(glyphs))])


def led(told: Told) -> Told:
    """The leftmost cluster of a word, which readers see first: a mark there would be taken for text that
    runs rightwards.
    """
    units = [*told.carried, *told.texts]
    first = next((i for i, unit in enumerate(units) if unit), None)
    if first is None or category(units[first][0])[0] != "M":
        return told
    units[first] = _RIGHT_TO_LEFT_MARK + units[first]
    return Told(units[: len(told.carried)], units[len(told.carried) :])


def _first_wide(glyphs: Sequence[Glyph], count: int) -> set[int]:
    """The places of so many glyphs, of those with a width first."""
    return set(sorted(range(len(glyphs)), key=lambda i: (not glyphs[i].place[2], i))[:count])


class _Joining(dict[str, bool]):
    """Whether a character belongs to the one before: marks, what shows nothing, shades of skin."""

    def __missing__(self, char: str) -> bool:
        mark = category(char)[0] == "M" or "\U0001f3fb" <= char <= "\U0001f3ff"
        self[char] = joins = mark or bool(IGNORABLE.match(char))
        return joins


JOINING = _Joining()


def joined(text: str) -> list[bool]:
    """Which characters belong to the one before, as what follows a joiner does too."""
    found = [JOINING[char] for char in text]
    found[0] = False
    if _JOINER in text:
        for at in range(1, len(text)):
            found[at] |= text[at - 1] == _JOINER
    return found
