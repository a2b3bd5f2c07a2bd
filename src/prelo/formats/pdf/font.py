"""The embedded font: widths and show operators of whole columns, and the subset that goes into the file.

Each face is two PDF fonts over one font program: a simple font with ASCII codes, whose strings are the
text itself, and a composite font addressed by glyph id in hex for everything else. ASCII text, most of
most tables, so costs a quarter of the bytes and half the time.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import cast

import numpy as np
import numpy.typing as npt
import polars as pl
from fontTools.ttLib import TTFont

from prelo.formats.pdf.arrow import Flat, Ints, from_offsets
from prelo.formats.pdf.file import escaped

UNITS = 1000
"""Units of an em: the shipped faces and PDF's own glyph space agree."""

_ASCII = 128
_SPECIAL = np.frombuffer(b"()\\", np.uint8)
_HEX = np.array([f"{i:04X}".encode() for i in range(0x10000)], "S4").view(np.uint8).reshape(-1, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A TrueType font without composite glyphs, as look-up tables: code point → glyph → width."""

    name: str
    glyph: npt.NDArray[np.uint16]
    advance: Ints
    ascii_advance: Ints
    ascii_widest: int
    bearing: npt.NDArray[np.int16]
    outlines: bytes
    loca: Ints
    tables: dict[str, bytes]
    box: tuple[int, int, int, int]
    codes: dict[int, int]


@lru_cache(maxsize=8)
def face(style: str) -> Face:
    """The shipped face, "Regular" or "Bold"; read once per process."""
    program = (files("prelo.formats") / "fonts" / f"PreloSans-{style}.ttf").read_bytes()
    font = TTFont(BytesIO(program), recalcTimestamp=False)
    order = font.getGlyphOrder()
    ids = {name: number for number, name in enumerate(order)}
    cmap = cast("dict[int, str]", font.getBestCmap())
    tables = {tag: font.getTableData(tag) for tag in ("head", "hhea", "maxp", "glyf")}
    loca = np.array(font["loca"].locations, np.int64)
    glyph = np.zeros(0x110000, np.uint16)
    codes: dict[int, int] = {}
    for code, name in sorted(cmap.items()):
        glyph[code] = ids[name]
        codes.setdefault(ids[name], code)
    metrics = [font["hmtx"].metrics[name] for name in order]
    head = font["head"]
    advance = np.array([m[0] for m in metrics], np.int64)
    ascii_advance = advance[glyph[:_ASCII]]
    return Face(
        name=f"PreloSans-{style}",
        glyph=glyph,
        advance=advance,
        ascii_advance=ascii_advance,
        ascii_widest=int(ascii_advance[32:127].max()),
        bearing=np.array([m[1] for m in metrics], np.int16),
        outlines=tables["glyf"],
        loca=loca,
        tables=tables,
        box=(head.xMin, head.yMin, head.xMax, head.yMax),
        codes=codes,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """Operators that show each string of a column: `before` + text + `after`."""

    before: str
    text: pl.Series
    after: str


class Font:
    """One face as one document uses it, under the resource names /`key` (simple) and /`key`U (composite)."""

    def __init__(self, key: str, style: str) -> None:
        self.key = key
        self.face = face(style)
        self.used = np.zeros(len(self.face.advance), np.bool_)
        self.simple = self.composite = False
        self.missing: Counter[str] = Counter()
        """Values with a character that the face lacks, by column."""

    def widths(self, flat: Flat) -> Ints:
        """The width of every string in UNITS of an em."""
        totals = self.running_widths(flat)
        return np.diff(totals[self.bounds(flat)])

    def running_widths(self, flat: Flat) -> Ints:
        """The width of all characters before each, and of all of them: one number more than there are."""
        f = self.face
        advances = f.ascii_advance[flat.raw] if flat.ascii else f.advance[f.glyph[codepoints(flat)]]
        totals = np.zeros(len(advances) + 1, np.int64)
        np.cumsum(advances, out=totals[1:])
        return totals

    def bounds(self, flat: Flat) -> Ints:
        """Where each string begins and ends, in characters."""
        if flat.ascii:
            return flat.offsets
        starts = np.zeros(len(flat.raw) + 1, np.int64)
        np.cumsum((flat.raw & 0xC0) != 0x80, out=starts[1:])  # noqa: PLR2004  UTF-8 continuation bytes
        return starts[flat.offsets]

    def note_missing(self, flat: Flat, column: str) -> None:
        """Count the values that cannot be shown as they are."""
        if flat.ascii:
            return
        codes = codepoints(flat)
        lacks = (self.face.glyph[codes] == 0) & (codes != ord("\n"))
        if lacks.any():
            before = np.zeros(len(lacks) + 1, np.int64)
            np.cumsum(lacks, out=before[1:])
            self.missing[column] += int(np.count_nonzero(np.diff(before[self.bounds(flat)])))

    def surely_fits(self, flat: Flat, width: int) -> bool:
        """True if no string can be wider than `width` (UNITS), judged by the longest alone."""
        return flat.ascii and flat.longest * self.face.ascii_widest <= width

    def show(self, text: pl.Series, flat: Flat, size: int) -> Shown:
        """How to show `text` (whose bytes are `flat`) at `size` in 1/100 pt."""
        if flat.ascii:
            return Shown("(", self._literal(text, flat), ")Tj")
        others = text.str.len_bytes() != text.str.len_chars()
        frame = pl.DataFrame({"t": text, "o": others})
        parts = frame.select(
            plain=pl.when("o").then(pl.lit("")).otherwise("t"),
            other=pl.when("o").then("t").otherwise(pl.lit("")),
        )
        plain, other = parts["plain"], parts["other"]
        columns = {
            "o": others,
            "plain": self._literal(plain, Flat.of(plain)),
            "other": self._hex(Flat.of(other)),
        }
        switched = [
            pl.lit(f"/{self.key}U {size} Tf<"),
            pl.col("other"),
            pl.lit(f">Tj/{self.key} {size} Tf"),
        ]
        literal = [pl.lit("("), pl.col("plain"), pl.lit(")Tj")]
        operator = pl.when("o").then(pl.concat_str(switched)).otherwise(pl.concat_str(literal))
        return Shown("", pl.DataFrame(columns).select(operator).to_series(), "")

    def width(self, text: str) -> int:
        """The width of one string in UNITS of an em."""
        glyphs = self.face.glyph[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
        return int(self.face.advance[glyphs].sum())

    def line(self, text: str, size: int) -> tuple[bytes, int]:
        """The same for one string, with its width in 1/100 pt."""
        f = self.face
        glyphs = f.glyph[np.frombuffer(text.encode("utf-32-le"), np.uint32)]
        self.used[glyphs] = True
        width = int(f.advance[glyphs].sum()) * size // UNITS
        self.simple = True  # it is switched back to, whatever the text
        if text.isascii():
            return b"(" + escaped(text.encode()) + b")Tj", width
        self.composite = True
        operand = _HEX[glyphs].tobytes()
        switch = b"/%bU %d Tf<%b>Tj/%b %d Tf"
        return switch % (self.key.encode(), size, operand, self.key.encode(), size), width

    def _literal(self, text: pl.Series, flat: Flat) -> pl.Series:
        self.simple = True
        seen = np.zeros(256, np.bool_)
        seen[flat.raw] = True
        self.used[self.face.glyph[np.flatnonzero(seen)]] = True
        if seen[_SPECIAL].any():
            text = text.str.replace_many(["\\", "(", ")"], ["\\\\", "\\(", "\\)"])
        return text

    def _hex(self, flat: Flat) -> pl.Series:
        self.composite = True
        glyphs, bounds = self.face.glyph[codepoints(flat)], self.bounds(flat)
        self.used[glyphs] = True
        return from_offsets(_HEX[glyphs].reshape(-1), bounds * 4)


def codepoints(flat: Flat) -> npt.NDArray[np.uint32]:
    """The characters of all strings end to end."""
    return np.frombuffer(flat.raw.tobytes().decode().encode("utf-32-le"), np.uint32)
