"""Logos drawn in SVG, by svglib: nothing outside the file is read, and what it may ask for is bounded."""

import base64
import binascii
import re
from collections.abc import Iterator
from io import BytesIO
from math import isfinite
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from reportlab.graphics.shapes import Drawing
from svglib.svglib import SvgRenderer, load_svg_file

from prelo.core.errors import FormatFailed
from prelo.formats.pdf.drawn.raster import check_pixels, opened

_MOST_BYTES = 1 << 20
_MOST_NODES = 5_000  # with those that <use> repeats, and each clip at each place
_HREFS = ("href", "{http://www.w3.org/1999/xlink}href")
_DATA = re.compile(r"data:image/(?:png|jpe?g);base64,(.*)", re.DOTALL)
_IMPORT = re.compile(r"@import|@font-face", re.IGNORECASE)
_URL = re.compile(r"url\(\s*['\"]?(?!\s*#)([^)'\"]*)", re.IGNORECASE)
_CLIP = re.compile(r"url\(\s*['\"]?#([^)'\"]+)", re.IGNORECASE)
_SHOWN = 60
_DAMAGED = "the logo is an SVG that cannot be drawn ({}); save it anew as plain SVG, or as PNG"


def read_svg(data: bytes) -> Drawing:
    """Read an SVG as a drawing of the size it gives itself.

    Raises FormatFailed for one that is no SVG or cannot be drawn, that refers to anything outside itself,
    declares entities, or is too large.
    """
    if len(data) > _MOST_BYTES:
        raise FormatFailed(f"the logo is an SVG of more than {_MOST_BYTES >> 20} MiB; simplify it")
    _check_xml(data)
    root: Any = load_svg_file(BytesIO(data))
    if root is None or not str(root.tag).endswith("svg"):
        raise FormatFailed(_DAMAGED.format("it is no SVG"))
    try:
        _check(root)
        drawing = SvgRenderer(BytesIO(), font_map=_Fonts()).render(root)
    except FormatFailed:
        raise
    except Exception as error:  # svglib raises whatever it stumbles over
        raise FormatFailed(_DAMAGED.format(f"{type(error).__name__}: {error}")) from error
    if not all(isfinite(side) and side > 0 for side in (drawing.width, drawing.height)):
        raise FormatFailed(_DAMAGED.format("it has no size: width and height, or a viewBox"))
    return drawing


class _Fonts:
    """In place of svglib's search, which opens font files by the names that a document gives: the text is
    drawn in the report's own font. The widths by which svglib goes on are Helvetica's.
    """

    def find_font(
        self, _name: str, weight: str = "normal", _style: str = "normal"
    ) -> tuple[str, bool]:
        heavy = weight.lower().startswith("bold") or weight in {"600", "700", "800", "900"}
        return ("Helvetica-Bold" if heavy else "Helvetica"), True


def _check_xml(data: bytes) -> None:
    """Svglib's own reader leaves out, in silence, what is not well-formed."""
    parser = ParserCreate()
    parser.EntityDeclHandler = _refuse_entities
    try:
        parser.Parse(data, True)
    except ExpatError as error:
        raise FormatFailed(_DAMAGED.format(error)) from error


def _refuse_entities(*_: object) -> None:
    raise FormatFailed("the logo's SVG declares entities; save it as plain SVG")


def _check(root: Any) -> None:
    nodes = [node for node in root.iter() if isinstance(node.tag, str)]
    for text in (text for node in nodes for text in _texts(node)):
        if found := _URL.search(text):
            raise _outside(found[1])
        if found := _IMPORT.search(text):
            raise _outside(found[0])
    check_pixels(sum(_pixels(_href(node)) for node in nodes if _name(node) != "a"))
    named = {node.get("id"): node for node in nodes if node.get("id")}
    if _count(root, named) > _MOST_NODES:
        raise FormatFailed(f"the logo's SVG has more than {_MOST_NODES:,} elements; simplify it")


def _name(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""


def _href(node: Any) -> str:
    return next((node.get(name).strip() for name in _HREFS if node.get(name)), "")


def _texts(node: Any) -> Iterator[str]:
    """Where CSS may stand: in any attribute but links, and in a <style>."""
    if _name(node) == "style":
        yield node.text or ""
    yield from (value for name, value in node.attrib.items() if name not in _HREFS)


def _pixels(href: str) -> int:
    """How many points an embedded image has; none for a reference within the file."""
    if not href or href.startswith("#"):
        return 0
    match = _DATA.fullmatch(href)
    if not match:
        raise _outside(href)
    try:
        image = opened(base64.b64decode(match[1]))
    except binascii.Error as error:
        raise FormatFailed(_DAMAGED.format("an image in it is damaged")) from error
    return image.width * image.height


def _outside(reference: str) -> FormatFailed:
    shown = reference if len(reference) <= _SHOWN else reference[: _SHOWN - 1] + "…"
    return FormatFailed(
        f"the logo's SVG refers to '{shown}', and nothing but the file itself is read; embed it, or remove "
        "the reference"
    )


def _repeated(node: Any) -> list[str]:
    """The names of what is gone through once more where this node stands."""
    clips = [found for text in _texts(node) for found in _CLIP.findall(text)]
    return clips + ([_href(node)[1:]] if _name(node) == "use" else [])


def _count(node: Any, named: dict[str, Any]) -> int:
    """Elements as drawn: what a <use> or a clip repeats counts each time, a circle of them as too many."""
    known: dict[Any, int] = {}

    def count(node: Any) -> int:
        if node not in known:
            known[node] = _MOST_NODES + 1  # until it is known; found again before, it is in itself
            total = 1 + sum(min(count(child), _MOST_NODES + 1) for child in node)
            total += sum(count(named[name]) for name in _repeated(node) if name in named)
            known[node] = total
        return known[node]

    return count(node)
