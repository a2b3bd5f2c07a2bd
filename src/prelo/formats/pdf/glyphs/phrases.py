"""Strings that need shaping and whose words follow each other in one direction: whole columns at once.

Most are so: single spaces between words, and all letters run leftwards, or none does. Each word is shaped
once and has a number; strings are gathered by these numbers, and no Python runs for a string.
"""

from array import array
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import polars as pl

from prelo.formats.pdf.arrow import Flags, Flat, Ints, from_offsets, sums
from prelo.formats.pdf.glyphs.kept import ENTRY, MOST
from prelo.formats.pdf.glyphs.words import BOTH_WAYS, SIMPLE, Words, leftward_words

_RIGHTWARD_WORDS = f"[^ \n\u00ad{BOTH_WAYS}]+(?: [^ \n\u00ad{BOTH_WAYS}]+)*"


class _Known(dict[str, int]):
    """The words met so far by their numbers: their widths, and what of them depends on no size.

    What is kept of a word is no object that Python's collector of cycles would look at again and again.
    """

    def __init__(self, words: Words) -> None:
        super().__init__()
        self._words = words
        self.words: list[str] = []
        self.shown: list[str] = []
        self.widths, self.first, self.last = array("q"), array("q"), array("q")
        self.sized = array("B")
        """What shows the word depends on the size."""
        self.size = 0

    def __missing__(self, word: str) -> int:
        width, first, shown, last = self._words.alone(word)
        self.words.append(word)
        self.widths.append(width)
        self.first.append(first)
        self.last.append(last)
        self.shown.append(shown or "")
        self.sized.append(shown is None)
        self.size += len(word) + ENTRY
        self[word] = number = len(self.words) - 1
        return number


@dataclass(frozen=True)
class Strings:
    """Strings as they were read: those that are `easy` as the numbers of their words from left to right,
    with `bounds` where each begins and ends; the others as they are.
    """

    known: _Known
    easy: Flags
    numbers: Ints
    bounds: Ints
    others: list[str]


class Phrases:
    """Strings with a character that is shaped, in one style of a document. None is empty."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._known = _Known(words)

    def read(self, texts: pl.Series) -> Strings:
        """What their widths and operators are made of."""
        if self._known.size > MOST:
            self._known = _Known(self._words)
        easy = texts.str.contains(f"^(?:{leftward_words()}|{_RIGHTWARD_WORDS})$").to_numpy()
        others: list[str] = []
        if not easy.all():
            texts, others = texts.filter(easy), texts.filter(~easy).to_list()
        return Strings(self._known, easy, *self._numbered(texts), others)

    def _numbered(self, texts: pl.Series) -> tuple[Ints, Ints]:
        parts = texts.str.split(" ")
        bounds = np.concatenate([[0], np.cumsum(parts.list.len().to_numpy(), dtype=np.int64)])
        words = parts.explode().to_list() if len(texts) else []
        numbers = np.fromiter(map(self._known.__getitem__, words), np.int64, len(words))
        leftward = texts.str.contains(f"^[{BOTH_WAYS}]").to_numpy()
        if leftward.any():
            counts, at = np.diff(bounds), np.arange(len(words))
            mirrored = np.repeat(bounds[:-1] + bounds[1:] - 1, counts) - at
            numbers = numbers[np.where(np.repeat(leftward, counts), mirrored, at)]
        return numbers, bounds

    def widths(self, strings: Strings) -> Ints:
        """Their widths in UNITS."""
        easy, bounds = strings.easy, strings.bounds
        widths = np.empty(len(easy), np.int64)
        words = np.frombuffer(strings.known.widths, np.int64)[strings.numbers]
        widths[easy] = sums(words, bounds) + (np.diff(bounds) - 1) * self._words.space
        widths[~easy] = [self._words.width(text) for text in strings.others]
        return widths

    def show(self, strings: Strings, size: int, rtl: Flags | None) -> pl.Series:
        """Their operators at `size` (1/100 pt). `rtl`: their paragraphs' directions; None: each its own."""
        easy = strings.easy
        given = repeat(None) if rtl is None else rtl[~easy].tolist()
        others = zip(strings.others, given, strict=False)
        lines = [self._words.show(text, size, rtl=direction) for text, direction in others]
        shown = pl.Series(lines, dtype=pl.String)
        if not easy.any():
            return shown
        if easy.all():
            return self._gathered(strings, size)
        order = np.empty(len(easy), np.int64)
        order[np.concatenate([np.flatnonzero(easy), np.flatnonzero(~easy)])] = np.arange(len(easy))
        return pl.concat([self._gathered(strings, size), shown])[order]

    def _gathered(self, strings: Strings, size: int) -> pl.Series:
        """The font changes where it must, and a space is of the font before it."""
        known, numbers, bounds = strings.known, strings.numbers, strings.bounds
        first = np.frombuffer(known.first, np.int64)[numbers]
        last = np.frombuffer(known.last, np.int64)[numbers]
        begins, ends = bounds[:-1], bounds[1:] - 1
        before = np.roll(last, 1)
        before[begins] = SIMPLE
        switches, spaces = self._between(np.union1d(first, last), size)
        # Nothing, a change of font, or a space; by the number of a program, SIMPLE being -1.
        nothing, count = len(switches) + len(spaces), len(switches)
        heads = np.where(first == before, nothing, first + 1)
        tails = last + 1 + count
        tails[ends] = np.where(last[ends] == SIMPLE, nothing, SIMPLE + 1)
        joints = pl.Series([*switches, *spaces, ""])
        parts = [joints[heads], self._shown(known, numbers, size), joints[tails]]
        flat = Flat.of(pl.select(pl.concat_str(map(pl.lit, parts))).to_series())
        return from_offsets(flat.raw, flat.offsets[bounds])

    def _shown(self, known: _Known, numbers: Ints, size: int) -> pl.Series:
        """What shows the words with these numbers."""
        shown = pl.Series(known.shown, dtype=pl.String)
        sized = np.unique(numbers[np.frombuffer(known.sized, np.bool_)[numbers]])
        if len(sized):
            shown.scatter(
                sized, [self._words.at_size(known.words[n], size) for n in sized.tolist()]
            )
        return shown[numbers]

    def _between(self, programs: Ints, size: int) -> tuple[list[str], list[str]]:
        """For each program from SIMPLE on, the operators that change to it, and its space if it is used."""
        used, every = set(programs.tolist()), range(SIMPLE, int(programs.max()) + 1)
        words = self._words
        spaces = [words.space_in(program, 1) if program in used else "" for program in every]
        return [words.switch(program, size) for program in every], spaces
