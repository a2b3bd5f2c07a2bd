"""Font programs cut down to the glyphs a document uses, and what the file says about them."""

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, cast

from prelo.formats.pdf.glyphs.faces import Face
from prelo.formats.pdf.glyphs.harfbuzz import hb

_NEEDED = {"glyf", "CFF ", "CFF2", "head", "hhea", "hmtx", "loca", "maxp"}
_FLAGS = hb.SubsetFlags
_ALWAYS = (
    _FLAGS.NO_HINTING | _FLAGS.NO_LAYOUT_CLOSURE | _FLAGS.NO_BIDI_CLOSURE | _FLAGS.NOTDEF_OUTLINE
)
_NUMBERED = _FLAGS.RETAIN_GIDS | _FLAGS.CFF_IDENTITY_CHARSET
_FIXED, _NONSYMBOLIC, _ITALIC = 1, 32, 64
_STEM = 80  # of a regular weight; nobody measures it in an embedded font
_HEAVY = 600


@dataclass(frozen=True, slots=True)
class Subset:
    """A font program for a PDF: what it is, as its dictionary says, and its bytes."""

    entry: bytes
    extra: bytes
    data: bytes


def subset(face: Face, glyphs: list[int], codes: list[int]) -> Subset:
    """The program with the outlines of `glyphs` under their old numbers, and a map of `codes` to glyphs.

    A compact (CFF) font whose glyphs have names of their own, CIDs equal to their numbers, goes without
    the empty places between them.
    """
    if face.compact:
        data = _compact(face, glyphs)
        return Subset(b"FontFile3", b"/Subtype/CIDFontType0C", data)
    data = bytes(_cut(face, glyphs, codes, _ALWAYS | _NUMBERED).blob.data)
    return Subset(b"FontFile2", b"/Length1 %d" % len(data), data)


def _compact(face: Face, glyphs: list[int]) -> bytes:
    flags = _ALWAYS | _FLAGS.DOWNGRADE_CFF2
    close = bytes(_cut(face, glyphs, [], flags).reference_table("CFF ").data)
    if _cids(close) == sorted({0, *glyphs}):
        return close
    return bytes(_cut(face, glyphs, [], flags | _NUMBERED).reference_table("CFF ").data)


def _cids(program: bytes) -> list[int]:
    """The CIDs of a CFF program's glyphs; none if it goes by names."""
    from fontTools.cffLib import CFFFontSet

    fonts = CFFFontSet()
    fonts.decompile(BytesIO(program), None)
    top = cast("Any", fonts)[0]
    if not hasattr(top, "ROS"):
        return []
    return [0, *(int(name.removeprefix("cid")) for name in top.charset[1:])]


def _cut(face: Face, glyphs: list[int], codes: list[int], flags: Any) -> Any:
    plan = hb.SubsetInput()
    plan.flags = flags
    if face.data.axis_infos:
        plan.pin_all_axes_to_default(face.data)
    needed = _NEEDED | ({"cmap"} if codes else set())
    plan.glyph_set.set(set(glyphs))
    plan.unicode_set.set(set(codes))
    plan.drop_table_tag_set.set(_tags(face) - set(map(_number, needed)))
    return plan.subset(face.data)


@lru_cache(maxsize=64)
def _tags(face: Face) -> set[int]:
    return set(map(_number, face.data.table_tags))


def _number(tag: str) -> int:
    return int.from_bytes(tag.encode(), "big")


@lru_cache(maxsize=64)
def descriptor(face: Face) -> bytes:
    """The entries of a font descriptor that say what the face looks like."""
    font, tags = face.font, hb.OTMetricsTag
    extents = font.get_font_extents("ltr")
    capitals = font.get_metric_position_with_fallback(tags.CAP_HEIGHT)
    slant = font.get_style_value(hb.StyleTag.SLANT_ANGLE)
    flags = _NONSYMBOLIC | (_ITALIC if face.sloped else 0) | (_FIXED if _is_fixed(face) else 0)
    box = [round(v * 1000 / face.data.upem) for v in _box(face)]
    stem = _STEM if face.weight < _HEAVY else _STEM * 7 // 4
    return (
        b"/Flags %d/FontBBox[%d %d %d %d]/ItalicAngle %d/Ascent %d/Descent %d/CapHeight %d/StemV %d"
        % (flags, *box, round(slant), extents.ascender, extents.descender, capitals, stem)
    )


def _box(face: Face) -> list[int]:
    head = bytes(face.data.reference_table("head").data)
    return [int.from_bytes(head[at : at + 2], "big", signed=True) for at in range(36, 44, 2)]


def _is_fixed(face: Face) -> bool:
    post = bytes(face.data.reference_table("post").data)
    return any(post[12:16])
