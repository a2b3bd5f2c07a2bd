"""Font files read by HarfBuzz: what a face is called, which characters it has, how wide its glyphs are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from prelo.core.errors import Invalid
from prelo.formats.pdf.glyphs.harfbuzz import hb

UNITS = 1000
"""Units of an em: faces are read at this scale, whatever their own; it is PDF's glyph space."""

_OUTLINES = {"glyf", "CFF ", "CFF2"}
_COLOURS = {"CBDT", "COLR", "SVG ", "sbix"}  # such a font's outlines are empty, or layers
_BOLD, _REGULAR = 700, 400
_FULL_WIDTH = 100
_SLOPED_AWAY = 1000  # worse than any weight
_BOX = 0x25AF  # WHITE VERTICAL RECTANGLE
_NAME = re.compile("[^A-Za-z0-9+_-]")


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a font file. `codes` are the characters it has, a HarfBuzz set."""

    name: str
    family: str
    weight: float
    width: float
    sloped: bool
    data: Any
    font: Any
    codes: Any

    @property
    def compact(self) -> bool:
        """Has CFF outlines; else those of TrueType."""
        return "glyf" not in self.data.table_tags

    def glyph(self, code: int) -> int:
        """The glyph of a character, 0 where there is none."""
        return self.font.get_nominal_glyph(code) or 0

    def advance(self, glyph: int) -> int:
        return self.font.get_glyph_h_advance(glyph)

    def distance(self, style: str) -> float:
        """How far from a style, "Regular", "Bold" or "Italic", the face is."""
        away = _SLOPED_AWAY if self.sloped != (style == "Italic") else 0
        weight = _BOLD if style == "Bold" else _REGULAR
        return away + abs(self.weight - weight) + abs(self.width - _FULL_WIDTH)


def faces_in(blob: Any) -> Iterator[Face]:
    """The faces of a font file that can be drawn: with characters, and with outlines of one colour."""
    for number in range(hb.Face(blob).count):
        data = hb.Face(blob, number)
        tags = set(data.table_tags)
        codes = data.unicodes
        if data.glyph_count and codes and tags & _OUTLINES and not tags & _COLOURS:
            yield _face(data, codes)


def _face(data: Any, codes: Any) -> Face:
    font = hb.Font(data)
    font.scale = (UNITS, UNITS)
    names = hb.OTNameIdPredefined
    family = data.get_name(names.TYPOGRAPHIC_FAMILY) or data.get_name(names.FONT_FAMILY) or ""
    name = _NAME.sub("", data.get_name(names.POSTSCRIPT_NAME) or family) or "Font"
    style = hb.StyleTag
    sloped = bool(font.get_style_value(style.ITALIC) or font.get_style_value(style.SLANT_ANGLE))
    return Face(
        name=name,
        family=family,
        weight=font.get_style_value(style.WEIGHT),
        width=font.get_style_value(style.WIDTH),
        sloped=sloped,
        data=data,
        font=font,
        codes=codes,
    )


def given_faces(fonts: Sequence[bytes]) -> list[Face]:
    """The faces of font files a layout brings. Raises Invalid for one that is none."""
    found: list[Face] = []
    for number, content in enumerate(fonts, 1):
        faces = list(faces_in(hb.Blob(content)))
        if not faces:
            raise Invalid(
                f"pdf.fonts: file {number} is no font with outlines and characters; "
                "give a TrueType or OpenType file (.ttf, .otf or .ttc)"
            )
        found += faces
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Shipped:
    """A shipped face and its characters as arrays: the first of each glyph, ascending, and their glyphs.

    `first` is the character by glyph; `ascii` are the advances of the codes up to 127; `box` is the glyph of
    what no font has: not glyph 0, which no archive may show (ISO 19005-2, 6.2.11.8).
    """

    face: Face
    codes: npt.NDArray[np.uint32]
    glyphs: npt.NDArray[np.uint16]
    advances: npt.NDArray[np.int32]
    first: dict[int, str]
    ascii: npt.NDArray[np.int64]
    ascii_glyphs: npt.NDArray[np.uint16]
    box: int


@lru_cache(maxsize=8)
def shipped(style: str) -> Shipped:
    """The shipped face, "Regular", "Bold" or "Italic"; read once per process."""
    content = (files("prelo.formats") / "fonts" / f"PreloSans-{style}.ttf").read_bytes()
    (face,) = faces_in(hb.Blob(content))
    first: dict[int, str] = {}
    for code in face.codes:
        first.setdefault(face.glyph(code), chr(code))
    glyph_of = {char: glyph for glyph, char in first.items()}
    glyphs = np.fromiter(glyph_of.values(), np.uint16, len(glyph_of))
    ascii_glyphs = np.array([face.glyph(code) for code in range(128)], np.uint16)
    return Shipped(
        face=face,
        codes=np.array([ord(char) for char in glyph_of], np.uint32),
        glyphs=glyphs,
        advances=np.array([face.advance(glyph) for glyph in glyphs.tolist()], np.int32),
        first=first,
        ascii=np.array([face.advance(glyph) for glyph in ascii_glyphs.tolist()], np.int64),
        ascii_glyphs=ascii_glyphs,
        box=face.glyph(_BOX),
    )
