"""Fonts that a layout brings: outlines of both sorts, collections, variable ones."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from conftest import Run
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables._g_v_a_r import TupleVariation
from pdfs import pages, reader, saved, write

TEXT = "\ue001\ue002"  # private: no font of the system is asked for them
_GLYPHS = {".notdef": 500, "one": 400, "two": 700}


def _draw(pen: Any, width: int) -> None:
    pen.moveTo((50, 0))
    for place in ((50, 700), (width - 50, 700), (width - 50, 0)):
        pen.lineTo(place)
    pen.closePath()


def _named(builder: FontBuilder, style: str) -> None:
    builder.setupCharacterMap({0xE001: "one", 0xE002: "two"})
    builder.setupHorizontalMetrics({name: (width, 50) for name, width in _GLYPHS.items()})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {"familyName": "Example", "styleName": style, "psName": f"Example-{style}"}
    )
    builder.setupOS2(
        usWeightClass=700 if style == "Bold" else 400, sTypoAscender=800, sCapHeight=700
    )
    builder.setupPost()


def truetype(style: str = "Regular") -> FontBuilder:
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(_GLYPHS))
    outlines: dict[str, Any] = {}
    for name, width in _GLYPHS.items():
        pen = TTGlyphPen(None)
        _draw(pen, width)
        outlines[name] = pen.glyph()
    builder.setupGlyf(outlines)
    _named(builder, style)
    return builder


def compact() -> FontBuilder:
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(list(_GLYPHS))
    strings: dict[str, Any] = {}
    for name, width in _GLYPHS.items():
        pen = T2CharStringPen(width, None)
        _draw(pen, width)
        strings[name] = pen.getCharString()
    builder.setupCFF("Example-Regular", {}, strings, {})
    _named(builder, "Regular")
    return builder


def variable() -> FontBuilder:
    builder = truetype()
    builder.setupFvar([("wght", 100, 400, 900, "Weight")], [])
    wider = TupleVariation(
        {"wght": (0.0, 1.0, 1.0)}, [(0, 0), (0, 0), (90, 0), (90, 0)] + [None] * 4
    )
    builder.setupGvar({name: [wider] for name in _GLYPHS})
    return builder


def content(builder: FontBuilder) -> bytes:
    out = io.BytesIO()
    builder.save(out)
    return out.getvalue()


def collection() -> bytes:
    both = TTCollection()
    both.fonts = [TTFont(io.BytesIO(content(truetype(style)))) for style in ("Regular", "Bold")]
    out = io.BytesIO()
    both.save(out)
    return out.getvalue()


@pytest.mark.parametrize("make", [truetype, compact, variable])
def test_its_glyphs_are_drawn_and_read_back(
    make: Callable[[], FontBuilder], tmp_path: Path, pdftotext: Run, qpdf: Run
):
    file, manifest = write(pl.DataFrame({"t": [TEXT]}), pdf={"fonts": [content(make())]})
    assert manifest.warnings == ()
    path = saved(file, tmp_path)
    assert TEXT in pdftotext(path, "-")
    assert TEXT in pages(file)[0]
    qpdf("--check", path)
    fonts = reader(file).pages[0]["/Resources"]["/Font"]  # pyright: ignore[reportIndexIssue]  a dictionary
    (used,) = [f.get_object() for f in fonts.values() if "Example" in f.get_object()["/BaseFont"]]
    inner = used["/DescendantFonts"][0].get_object()
    assert [x.get_object() for x in inner["/W"]] == [1, [400], 2, [700]]
    about = inner["/FontDescriptor"]
    if make is compact:
        assert about["/FontFile3"]["/Subtype"] == "/CIDFontType0C"
    else:
        program = TTFont(io.BytesIO(about["/FontFile2"].get_data()))
        assert "fvar" not in program
        assert "gvar" not in program


def test_a_collection_gives_bold_text_its_bold_face():
    file, _ = write(pl.DataFrame({"t": [TEXT]}), title=TEXT, pdf={"fonts": [collection()]})
    assert b"+Example-Regular/" in file
    assert b"+Example-Bold/" in file


def test_one_glyph_of_two_characters_is_read_back_as_either():
    builder = truetype()
    builder.setupCharacterMap({0xE001: "one", 0xE002: "one"})
    file, _ = write(pl.DataFrame({"t": [TEXT]}), pdf={"fonts": [content(builder)]})
    assert TEXT in pages(file)[0]


def test_one_glyph_of_a_compact_font_is_too(tmp_path: Path, pdftotext: Run):
    builder = compact()
    builder.setupCharacterMap({0xE001: "one", 0xE002: "one"})
    file, _ = write(pl.DataFrame({"t": [TEXT]}), pdf={"fonts": [content(builder)]})
    assert TEXT in pdftotext(saved(file, tmp_path), "-")
