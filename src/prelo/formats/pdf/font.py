"""One style of text in a document: widths and show operators of whole columns of strings.

Three ways to show a string, decided column by column. ASCII, most of most tables, is a literal string in a
simple font: the text itself. Other characters that stand side by side as they come, of whichever fonts,
are codes in hexadecimal, placed by NumPy. Strings with a character that is shaped (Arabic, Devanagari,
marks …) go word by word through HarfBuzz, and each word only once.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.formats.pdf.arrow import Few, Flags, Flat, Ints, sums
from prelo.formats.pdf.file import escaped
from prelo.formats.pdf.glyphs.characters import HIDDEN, SHAPED, Characters
from prelo.formats.pdf.glyphs.faces import UNITS, shipped
from prelo.formats.pdf.glyphs.operators import hexadecimal
from prelo.formats.pdf.glyphs.phrases import Phrases, Strings
from prelo.formats.pdf.glyphs.typeface import Program, Typeface
from prelo.formats.pdf.glyphs.words import Words

__all__ = ["UNITS", "Font", "Measured", "Shown", "Typeface"]

_ASCII = 128
_SPECIAL = np.frombuffer(b"()\\", np.uint8)
_CONTROLS = dict.fromkeys([*range(32), 127])


@dataclass(frozen=True, slots=True)
class Shown:
    """Operators that show each string of a column: `before` + text + `after`."""

    before: str
    text: pl.Series
    after: str


@dataclass(frozen=True, slots=True)
class Measured:
    """All characters of a column end to end, for breaking them into lines.

    `totals` is the width before each and of all, in UNITS; `bounds` is where strings begin and end;
    `hyphen` is what a soft hyphen takes at the end of a line. `inside` marks characters that no line may be
    cut before (None: there are none), `rtl` the strings that run from right to left (None: none does).
    """

    codes: npt.NDArray[np.uint32]
    totals: Ints
    bounds: Ints
    hyphen: int
    inside: Flags | None = None
    rtl: Flags | None = None


class _Shaped(NamedTuple):
    """Strings of a column that are shaped: which, and as they were read."""

    numbers: Ints
    strings: Strings


class Font:
    """One style, "Regular", "Bold" or "Italic", in one document.

    Under /`key` is the simple font, chosen before and after whatever is shown; other fonts have names of
    their own.
    """

    def __init__(self, key: str, style: str, typeface: Typeface) -> None:
        self.key = key
        self.shipped = shipped(style)
        self.program = Program(f"{key}U", self.shipped.face, self.shipped.first)
        self.literal = np.zeros(_ASCII, np.bool_)
        """The ASCII codes that the simple font shows."""
        self._plain = self.literal.copy()
        self.chosen = False
        """Something was shown, so the simple font is named on pages."""
        self.missing: Counter[str] = Counter()
        """Values with a character that no font has, by column."""
        self._style, self._typeface = style, typeface
        self._read = WeakKeyDictionary[Flat, _Shaped | None]()
        self._own = typeface.add(self.program)
        self._ascii = self.shipped.ascii.astype(np.uint16)  # half the bytes take half the time
        self._widest = int(self._ascii[32:127].max())

    @cached_property
    def _characters(self) -> Characters:
        return Characters(self.shipped, self._own, self._typeface, self._style)

    @cached_property
    def _words(self) -> Words:
        return Words(self.key, self._characters, self._typeface, self._style, self.literal)

    @cached_property
    def _phrases(self) -> Phrases:
        return Phrases(self._words)

    def widths(self, flat: Flat) -> Ints:
        """The width of every string in UNITS of an em."""
        if (few := flat.few) is not None:
            widths = sums(self._ascii.take(flat.raw, mode="clip"), flat.offsets)
            widths[few.numbers] = self.widths(few.flat)
            return widths
        widths = sums(self._advances(flat), flat.bounds)
        if shaped := self._shaped(flat):
            widths[shaped.numbers] = self._phrases.widths(shaped.strings)
        return widths

    def measured(self, flat: Flat) -> Measured:
        """The characters of a column with their widths, for breaking lines."""
        advances, hyphen = self._advances(flat), int(self.shipped.ascii[ord("-")])
        shaped = self._to_shape(flat)
        if not len(shaped):
            return Measured(flat.codes, self._totals(advances), flat.bounds, hyphen)
        inside, rtl = np.zeros(len(advances), np.bool_), np.zeros(len(flat.bounds) - 1, np.bool_)
        for number, text in zip(shaped.tolist(), flat.some(shaped), strict=True):
            part = slice(*flat.bounds[number : number + 2])
            advances[part], inside[part] = self._words.measure(text)
            rtl[number] = self._words.rtl(text)
        return Measured(flat.codes, self._totals(advances), flat.bounds, hyphen, inside, rtl)

    def note_missing(self, flat: Flat, column: str) -> None:
        """Count the values that cannot be shown as they are."""
        if flat.ascii:
            return
        if (few := flat.few) is not None:
            self.note_missing(few.flat, column)
            return
        self._characters.know(flat.codes)
        lacks = self._characters.lacking[flat.codes]
        if lacks.any():
            self.missing[column] += int(np.count_nonzero(_any(lacks, flat.bounds)))

    def surely_fits(self, flat: Flat, width: int) -> bool:
        """True if no string can be wider than `width` (UNITS), judged by the longest alone."""
        return flat.ascii and flat.longest * self._widest <= width

    def show(self, text: pl.Series, flat: Flat, size: int, rtl: Flags | None = None) -> Shown:
        """How to show `text` (whose bytes are `flat`) at `size` in 1/100 pt.

        `rtl`: the directions of the paragraphs that the strings are lines of; None: each is its own.
        """
        self.chosen = True
        if flat.ascii:
            return Shown("(", self._literal(text, flat), ")Tj")
        if (few := flat.few) is not None:
            return self._show_few(text, few, size, rtl)
        shaped = self._shaped(flat)
        if shaped and len(shaped.numbers) == len(text):
            return Shown("", self._phrases.show(shaped.strings, size, rtl), "")
        lengths = np.diff(flat.bounds)
        composite = lengths != np.diff(flat.offsets)
        literal = ~composite
        if shaped:
            composite[shaped.numbers] = literal[shaped.numbers] = False
        columns = {"literal": literal, "hex": self._hexadecimal(flat, composite, size)}
        plain = (
            pl.DataFrame({"t": text, **columns})
            .select(pl.when("literal").then("t").otherwise(pl.lit("")))
            .to_series()
        )
        columns["plain"] = self._literal(plain, Flat.of(plain))
        escaped_text = [pl.lit("("), pl.col("plain"), pl.lit(")Tj")]
        chosen = pl.when("literal").then(pl.concat_str(escaped_text)).otherwise("hex")
        shown = pl.DataFrame(columns).select(chosen).to_series()
        if shaped:
            given = None if rtl is None else rtl[shaped.numbers]
            lines = self._phrases.show(shaped.strings, size, given)
            shown = shown.scatter(shaped.numbers, lines)
        return Shown("", shown, "")

    def _show_few(self, text: pl.Series, few: Few, size: int, rtl: Flags | None) -> Shown:
        """The same for a column in which few strings are more than ASCII.

        The brackets of all the others stand around these too, with nothing within: that costs some bytes
        in few strings, and writing the brackets into every string would cost more time than all the rest.
        """
        at, others, flat = few
        shown = self.show(others, flat, size, None if rtl is None else rtl[at])
        parts = [pl.lit(f")Tj{shown.before}"), shown.text, pl.lit(f"{shown.after}(")]
        plain = text.clone().scatter(at, "")  # it writes where it is
        plain = self._literal(plain, Flat.of(plain)).clone()
        return Shown("(", plain.scatter(at, pl.select(pl.concat_str(parts)).to_series()), ")Tj")

    def width(self, text: str) -> int:
        """The width of one string in UNITS of an em."""
        if text.isascii():
            return int(self.shipped.ascii[np.frombuffer(text.encode(), np.uint8)].sum())
        return int(self.widths(Flat.of(pl.Series([text])))[0])

    def line(self, text: str, size: int) -> tuple[bytes, int]:
        """How to show one string, with its width in 1/100 pt."""
        self.chosen = True
        text = text.translate(_CONTROLS)
        width = self.width(text) * size // UNITS
        if text.isascii():
            self.literal[np.frombuffer(text.encode(), np.uint8)] = True
            return b"(" + escaped(text.encode()) + b")Tj", width
        series = pl.Series([text])
        shown = self.show(series, Flat.of(series), size)
        return f"{shown.before}{shown.text[0]}{shown.after}".encode(), width

    def _totals(self, advances: npt.NDArray[np.integer]) -> Ints:
        totals = np.zeros(len(advances) + 1, np.int64)
        np.cumsum(advances, out=totals[1:])
        return totals

    def _advances(self, flat: Flat) -> npt.NDArray[np.integer]:
        if flat.ascii:
            return self._ascii.take(flat.raw, mode="clip")
        self._characters.know(flat.codes)
        return self._characters.advance[flat.codes]

    def _to_shape(self, flat: Flat) -> Ints:
        """The strings with a character that is shaped."""
        if flat.ascii:
            return np.empty(0, np.int64)
        shaped = self._characters.know(flat.codes) == SHAPED
        return np.flatnonzero(_any(shaped, flat.bounds)) if shaped.any() else np.empty(0, np.int64)

    def _shaped(self, flat: Flat) -> _Shaped | None:
        """The same, read: widths and operators of a column are asked for one after the other."""
        if flat not in self._read:
            numbers = self._to_shape(flat)
            strings = self._phrases.read(flat.some(numbers)) if len(numbers) else None
            self._read[flat] = _Shaped(numbers, strings) if strings else None
        return self._read[flat]

    def _literal(self, text: pl.Series, flat: Flat) -> pl.Series:
        # Most columns have nothing new and nothing to escape, which one look-up per byte tells.
        if self._plain.take(flat.raw, mode="clip").all():
            return text
        seen = np.zeros(_ASCII, np.bool_)
        seen[flat.raw] = True
        np.logical_or(self.literal, seen, out=self.literal)
        self._plain = self.literal.copy()
        self._plain[_SPECIAL] = False
        if seen[_SPECIAL].any():
            text = text.str.replace_many(["\\", "(", ")"], ["\\\\", "\\(", "\\)"])
        return text

    def _hexadecimal(self, flat: Flat, chosen: Flags, size: int) -> pl.Series:
        """The operators of the chosen strings; those of the others are empty."""
        tables, lengths = self._characters, np.diff(flat.bounds)
        codes = flat.codes
        if not chosen.all():
            codes = codes[np.repeat(chosen, lengths)]
            lengths = np.where(chosen, lengths, 0)
        hidden = tables.kind[codes] == HIDDEN
        if hidden.any():
            before = self._totals(hidden)
            ends = np.cumsum(lengths)
            lengths = lengths - (before[ends] - before[ends - lengths])
            codes = codes[~hidden]
        programs, shown = tables.program[codes], tables.code[codes]
        all_programs = self._typeface.programs
        for number in np.unique(programs).tolist():
            all_programs[number].used[shown[programs == number]] = True
        names = [program.name for program in all_programs]
        return hexadecimal(shown, programs, lengths, names, (self.key, size))


def _any(flags: Flags, bounds: Ints) -> Flags:
    """Which strings have a character that is marked."""
    before = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=before[1:])
    return np.diff(before[bounds]) > 0
