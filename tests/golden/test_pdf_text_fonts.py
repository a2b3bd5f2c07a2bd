"""The fonts inside a PDF, held against what the file says of them (ISO 32000-1, 9.6 to 9.10; PDF/A-2b)."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from fontTools.cffLib import CFFFontSet
from fontTools.ttLib import TTFont
from pdfs import reader, write

_TEXTS = [
    "plain",
    "café Ω é\u0301 \ue123",
    "日本語 한국어",
    "السلام لا",
    "हिन्दी कि",
    "ไทย น้ำ",
    "x\u00a0y",
]


def written() -> Any:
    file, _ = write(pl.DataFrame({"t": _TEXTS, "u": _TEXTS}), title="Bold 日本 سلام")
    return reader(file).pages[0]


def fonts() -> dict[str, Any]:
    return {name: font.get_object() for name, font in written()["/Resources"]["/Font"].items()}


def composite() -> Iterator[tuple[Any, Any, dict[int, int]]]:
    """Each composite font, its descendant, and the widths that the file gives."""
    for font in fonts().values():
        if font["/Subtype"] == "/Type0":
            descendant = font["/DescendantFonts"][0].get_object()
            given = [x.get_object() for x in descendant["/W"]]
            yield (
                font,
                descendant,
                {c: int(w[0]) for c, w in zip(given[::2], given[1::2], strict=True)},
            )


def test_every_font_is_embedded_and_leads_back_to_unicode():
    found = fonts()
    assert len(found) >= 8
    tags: set[str] = set()
    for font in found.values():
        assert "/ToUnicode" in font
        inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
        about = inner["/FontDescriptor"]
        assert ("/FontFile2" in about) != ("/FontFile3" in about)
        assert about["/FontName"] == inner["/BaseFont"] == font["/BaseFont"]
        tag, plus, _ = about["/FontName"].removeprefix("/").partition("+")
        assert plus
        assert re.fullmatch("[A-Z]{6}", tag)
        tags.add(tag)
        assert about["/Ascent"] > 0 > about["/Descent"]
        assert 400 < about["/CapHeight"] < 1000
    assert len(tags) > 5


def test_widths_of_composite_fonts_are_those_of_the_programs():
    compact = 0
    for _, descendant, widths in composite():
        about = descendant["/FontDescriptor"]
        assert widths
        if "/FontFile3" in about:
            compact += 1
            program = CFFFontSet()
            program.decompile(io.BytesIO(about["/FontFile3"].get_data()), None)
            top = cast("Any", program)[0]
            for code, width in widths.items():
                glyph = top.CharStrings[f"cid{code:05d}" if code else ".notdef"]
                glyph.draw(_NoPen())
                assert abs(glyph.width - width) <= 1
            continue
        font: Any = TTFont(io.BytesIO(about["/FontFile2"].get_data()))
        order, scale = font.getGlyphOrder(), 1000 / font["head"].unitsPerEm
        to_glyph = descendant["/CIDToGIDMap"]
        table = None if to_glyph == "/Identity" else to_glyph.get_data()
        for code, width in widths.items():
            glyph = code if table is None else int.from_bytes(table[2 * code : 2 * code + 2], "big")
            assert abs(font["hmtx"][order[glyph]][0] * scale - width) <= 1
    if any("CJK" in str(descendant["/BaseFont"]) for _, descendant, _ in composite()):
        assert compact


class _NoPen:
    """A width is known once its glyph was drawn."""

    def __getattr__(self, name: str) -> Any:
        def nothing(*_: object) -> None: ...

        return nothing


def test_the_simple_font_is_not_symbolic_and_has_a_unicode_map():
    simple = [font for font in fonts().values() if font["/Subtype"] == "/TrueType"]
    assert len(simple) == 2  # regular and bold
    for font in simple:
        assert font["/Encoding"] == "/WinAnsiEncoding"
        assert font["/FontDescriptor"]["/Flags"] & 36 == 32
        program = TTFont(io.BytesIO(font["/FontDescriptor"]["/FontFile2"].get_data()))
        (table,) = [t for t in program["cmap"].tables if (t.platformID, t.platEncID) == (3, 1)]
        for code, width in enumerate(font["/Widths"], font["/FirstChar"]):
            if width:
                assert program["hmtx"][table.cmap[code]][0] == width
        assert {ord(c) for c in "Bold"} <= set(table.cmap) or {ord(c) for c in "plain"} <= set(
            table.cmap
        )


def test_a_file_of_plain_text_stays_small():
    file, _ = write(pl.DataFrame({"t": ["some plain text"]}))
    assert len(file) < 16_000
    if not Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc").exists():
        pytest.skip("Noto Sans CJK is not installed (Debian: apt-get install fonts-noto-cjk)")
    assert len(write(pl.DataFrame({"t": ["日本語"]}))[0]) < 20_000
