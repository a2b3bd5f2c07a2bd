"""The font objects of the file: programs cut down to the glyphs used, widths, the way to Unicode."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np

from prelo.formats.pdf.file import File
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.glyphs.subset import descriptor, subset
from prelo.formats.pdf.glyphs.typeface import Program

_PRINTABLE = range(32, 127)
_MAPPINGS_PER_BLOCK = 100  # of a CMap, by Adobe's specification
_REPLACEMENT = "\ufffd"
_CMAP_HEAD = (
    b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CIDSystemInfo"
    b"<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def/CMapName/Adobe-Identity-UCS def"
    b"/CMapType 2 def 1 begincodespacerange<%b>endcodespacerange\n"
)
_CMAP_TAIL = b"endcmap CMapName currentdict/CMap defineresource pop end end"


def embed(typeface: Typeface, fonts: Iterable[Font], file: File) -> bytes:
    """Write the objects of all fonts and return the entries of the Font resource dictionary."""
    styles = {font.program: font for font in fonts}
    out = b""
    for program in typeface.programs:
        font = styles.get(program)
        if program.used.any() or (font and font.chosen):
            out += _program(program, font, file)
    return out


def _program(program: Program, font: Font | None, file: File) -> bytes:
    """One program and the fonts over it: the composite one, and the simple one of a style."""
    face = program.face
    codes: list[int] = np.flatnonzero(program.used).tolist()
    glyphs = {0, *map(program.glyph, codes)}
    letters: list[int] = []
    if font and font.chosen:
        letters = [code for code in np.flatnonzero(font.literal).tolist() if code in _PRINTABLE]
        letters = letters or [ord(" ")]
        glyphs |= set(font.shipped.ascii_glyphs[letters].tolist())
    cut = subset(face, sorted(glyphs), letters)
    name = _tag(face.name, sorted(glyphs)) + face.name.encode()
    base = b"/BaseFont/" + name
    data = file.stream(cut.data, cut.extra)
    about = file.add(
        b"<</Type/FontDescriptor/FontName/%b%b/%b %d 0 R>>"
        % (name, descriptor(face), cut.entry, data)
    )
    entries = b""
    if font and letters:
        entries += b"/%b %d 0 R" % (font.key.encode(), _simple(font, letters, file, base, about))
    if codes:
        entries += b"/%b %d 0 R" % (
            program.name.encode(),
            _composite(program, codes, file, base, about),
        )
    return entries


def _tag(name: str, glyphs: Sequence[int]) -> bytes:
    """The six letters before the name of a subset: equal for equal ones."""
    digest = sha256(repr((name, glyphs)).encode()).digest()
    return bytes(65 + byte % 26 for byte in digest[:6]) + b"+"


def _simple(font: Font, letters: list[int], file: File, base: bytes, about: int) -> int:
    first, last = letters[0], letters[-1]
    shown = set(letters)
    advances = font.shipped.ascii
    widths = b" ".join(b"%d" % (advances[c] if c in shown else 0) for c in range(first, last + 1))
    back = file.stream(_to_unicode(b"00><FF", [(b"%02X" % c, chr(c)) for c in letters]))
    return file.add(
        b"<</Type/Font/Subtype/TrueType%b/Encoding/WinAnsiEncoding/FirstChar %d/LastChar %d/Widths[%b]"
        b"/FontDescriptor %d 0 R/ToUnicode %d 0 R>>" % (base, first, last, widths, about, back)
    )


def _composite(program: Program, codes: list[int], file: File, base: bytes, about: int) -> int:
    face = program.face
    pairs = [(b"%04X" % code, program.text(code)) for code in codes]
    back = file.stream(_to_unicode(b"0000><FFFF", pairs))
    widths = b" ".join(b"%d[%d]" % (code, face.advance(program.glyph(code))) for code in codes)
    sort, to_glyphs = b"CIDFontType0", b""
    if not face.compact:
        sort, to_glyphs = b"CIDFontType2", b"/CIDToGIDMap" + _to_glyphs(program, codes, file)
    descendant = file.add(
        b"<</Type/Font/Subtype/%b%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/FontDescriptor %d 0 R%b/DW 0/W[%b]>>"
        % (sort, base, about, to_glyphs, widths)
    )
    return file.add(
        b"<</Type/Font/Subtype/Type0%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (base, descendant, back)
    )


def _to_glyphs(program: Program, codes: list[int], file: File) -> bytes:
    if codes[-1] < program.glyphs:
        return b"/Identity"
    table = np.zeros(codes[-1] + 1, ">u2")
    table[codes] = [program.glyph(code) for code in codes]
    return b" %d 0 R" % file.stream(table.tobytes())


def _to_unicode(space: bytes, pairs: list[tuple[bytes, str]]) -> bytes:
    lines = [b"<%b><%b>" % (code, _hex(text)) for code, text in pairs]
    blocks = [lines[i : i + _MAPPINGS_PER_BLOCK] for i in range(0, len(lines), _MAPPINGS_PER_BLOCK)]
    text = b"".join(b"%d beginbfchar\n%b\nendbfchar\n" % (len(b), b"\n".join(b)) for b in blocks)
    return _CMAP_HEAD % space + text + _CMAP_TAIL


def _hex(text: str) -> bytes:
    return text.encode("utf-16-be").hex().upper().encode()
