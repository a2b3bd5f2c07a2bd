"""The font objects of the file: the program cut down to the glyphs used, widths, the way to Unicode."""

import struct

import numpy as np

from prelo.formats.pdf.file import File
from prelo.formats.pdf.font import Face, Font

_PRINTABLE = range(32, 127)
_MAPPINGS_PER_BLOCK = 100  # of a CMap, by Adobe's specification
_CHECKSUM_OF_A_FONT = 0xB1B0AFBA
_REPLACEMENT = 0xFFFD
_CMAP_HEAD = (
    b"/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CIDSystemInfo"
    b"<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def/CMapName/Adobe-Identity-UCS def"
    b"/CMapType 2 def 1 begincodespacerange<%b>endcodespacerange\n"
)
_CMAP_TAIL = b"endcmap CMapName currentdict/CMap defineresource pop end end"


def embed(font: Font, file: File) -> bytes:
    """Write the objects of a font and return its entries of the Font resource dictionary."""
    key, face = font.key.encode(), font.face
    if not (font.simple or font.composite):
        return b""
    glyphs = np.flatnonzero(font.used).tolist()
    program = subset(face, glyphs)
    base = b"/BaseFont/AAAAAA+" + face.name.encode()
    data = file.stream(program, b"/Length1 %d" % len(program))
    # Symbolic: the simple font goes by the (1, 0) character map of the program and no other.
    descriptor = file.add(
        b"<</Type/FontDescriptor/FontName/AAAAAA+%b/Flags 4/FontBBox[%d %d %d %d]/ItalicAngle 0"
        b"/Ascent 1069/Descent -293/CapHeight 714/StemV 80/FontFile2 %d 0 R>>"
        % (face.name.encode(), *face.box, data)
    )
    entries = b""
    if font.simple:
        entries += b"/%b %d 0 R" % (key, _simple(face, file, base, descriptor))
    if font.composite:
        entries += b"/%bU %d 0 R" % (key, _composite(face, glyphs, file, base, descriptor))
    return entries


def _simple(face: Face, file: File, base: bytes, descriptor: int) -> int:
    back = file.stream(_to_unicode(b"00><FF", [(b"%02X" % c, c) for c in _PRINTABLE]))
    widths = b" ".join(b"%d" % face.ascii_advance[c] for c in _PRINTABLE)
    return file.add(
        b"<</Type/Font/Subtype/TrueType%b/FirstChar 32/LastChar 126/Widths[%b]"
        b"/FontDescriptor %d 0 R/ToUnicode %d 0 R>>" % (base, widths, descriptor, back)
    )


def _composite(face: Face, glyphs: list[int], file: File, base: bytes, descriptor: int) -> int:
    # A character that the face lacks is glyph 0 and is read back as U+FFFD.
    pairs = [(b"%04X" % g, face.codes.get(g, _REPLACEMENT)) for g in glyphs]
    back = file.stream(_to_unicode(b"0000><FFFF", pairs))
    widths = b" ".join(b"%d[%d]" % (g, face.advance[g]) for g in glyphs)
    descendant = file.add(
        b"<</Type/Font/Subtype/CIDFontType2%b/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/FontDescriptor %d 0 R/CIDToGIDMap/Identity/W[%b]>>"
        % (base, descriptor, widths)
    )
    return file.add(
        b"<</Type/Font/Subtype/Type0%b/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
        % (base, descendant, back)
    )


def _to_unicode(space: bytes, pairs: list[tuple[bytes, int]]) -> bytes:
    lines = [
        b"<%b><%b>" % (code, chr(c).encode("utf-16-be").hex().upper().encode()) for code, c in pairs
    ]
    blocks = [lines[i : i + _MAPPINGS_PER_BLOCK] for i in range(0, len(lines), _MAPPINGS_PER_BLOCK)]
    text = b"".join(b"%d beginbfchar\n%b\nendbfchar\n" % (len(b), b"\n".join(b)) for b in blocks)
    return _CMAP_HEAD % space + text + _CMAP_TAIL


def subset(face: Face, glyphs: list[int]) -> bytes:
    """The font program with the outlines of `glyphs` (ascending, 0 among them) under their old numbers."""
    kept = sorted({0, *glyphs})
    count = kept[-1] + 1
    lengths = np.zeros(count, np.int64)
    lengths[kept] = (face.loca[1:] - face.loca[:-1])[kept]
    loca = np.zeros(count + 1, np.int64)
    np.cumsum(lengths, out=loca[1:])
    metrics = np.zeros((count, 2), ">i2")
    metrics[kept, 0], metrics[kept, 1] = face.advance[kept], face.bearing[kept]
    head, hhea, maxp = (bytearray(face.tables[tag]) for tag in ("head", "hhea", "maxp"))
    struct.pack_into(">I", head, 8, 0)
    struct.pack_into(">h", head, 50, 1)  # long offsets
    struct.pack_into(">H", hhea, 34, count)
    struct.pack_into(">H", maxp, 4, count)
    tables = {
        b"cmap": _ascii_map(face, set(kept)),
        b"glyf": b"".join(face.outlines[face.loca[g] : face.loca[g + 1]] for g in kept),
        b"head": bytes(head),
        b"hhea": bytes(hhea),
        b"hmtx": metrics.tobytes(),
        b"loca": loca.astype(">u4").tobytes(),
        b"maxp": bytes(maxp),
    }
    return _assemble(tables)


def _ascii_map(face: Face, kept: set[int]) -> bytes:
    """A cmap of one table, platform 1 encoding 0, format 6: ASCII code → glyph."""
    glyphs = [int(face.glyph[code]) for code in _PRINTABLE]
    ids = [g if g in kept else 0 for g in glyphs]
    table = struct.pack(
        f">5H{len(ids)}H", 6, 10 + 2 * len(ids), 0, _PRINTABLE.start, len(ids), *ids
    )
    return struct.pack(">HHHHI", 0, 1, 1, 0, 12) + table


def _assemble(tables: dict[bytes, bytes]) -> bytes:
    """Tables as one TrueType file, by tag, each on a boundary of four bytes."""
    power = len(tables).bit_length() - 1
    directory = struct.pack(
        ">IHHHH", 0x10000, len(tables), 16 << power, power, 16 * len(tables) - (16 << power)
    )
    body, start = b"", 12 + 16 * len(tables)
    head_at = 0
    for tag, data in sorted(tables.items()):
        padded = data + b"\0" * (-len(data) % 4)
        directory += struct.pack(">4sIII", tag, _checksum(padded), start + len(body), len(data))
        head_at = start + len(body) if tag == b"head" else head_at
        body += padded
    font = bytearray(directory + body)
    struct.pack_into(">I", font, head_at + 8, (_CHECKSUM_OF_A_FONT - _checksum(font)) & 0xFFFFFFFF)
    return bytes(font)


def _checksum(data: bytes | bytearray) -> int:
    return int(np.frombuffer(data, ">u4").sum(dtype=np.uint64)) & 0xFFFFFFFF
