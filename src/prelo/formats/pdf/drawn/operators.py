"""Drawings as operators of a page, their text in the document's own fonts."""

from itertools import pairwise

from reportlab.graphics.shapes import Drawing

from prelo.formats.pdf.drawn.assets import Assets, Drawn
from prelo.formats.pdf.drawn.marks import (
    Clip,
    Color,
    Gradient,
    Line,
    Mark,
    Picture,
    Shape,
    Text,
    marks_of,
)
from prelo.formats.pdf.drawn.paths import Path
from prelo.formats.pdf.drawn.plain import plain
from prelo.formats.pdf.drawn.raster import paint_image
from prelo.formats.pdf.font import Font

Fonts = tuple[Font, Font]
"""Regular and bold."""

_LETTERS = {"m": b"m", "l": b"l", "c": b"c"}
_BOX = ("m", "l", "l", "l", "h")
_PAINTS = {  # by: filled, stroked
    (True, True): b"B", (True, False): b"f", (False, True): b"S",
}  # fmt: skip


def operators_of(drawing: Drawing, fonts: Fonts, assets: Assets) -> Drawn:
    """The operators of a drawing. Raises what marks_of does."""
    writer = _Writer(fonts, assets)
    for mark in marks_of(drawing):
        writer.add(mark)
    return Drawn(b"".join(writer.out), round(drawing.width * 100), round(drawing.height * 100))


class _Writer:
    """Writes marks one after the other, and of the graphics state only what changes."""

    def __init__(self, fonts: Fonts, assets: Assets) -> None:
        self.out: list[bytes] = []
        self._fonts, self._assets = fonts, assets
        self._state: dict[bytes, bytes] = {}
        self._saved: list[dict[bytes, bytes]] = []

    def add(self, mark: Mark) -> None:
        match mark:
            case Shape():
                self._shape(mark)
            case Text():
                self._text(mark)
            case Picture():
                name = paint_image(mark.image, self._assets)
                matrix = b" ".join(b"%d" % round(100 * value) for value in mark.matrix)
                self.out.append(b"q %b cm /%b Do Q\n" % (matrix, name))
            case Gradient():
                name = self._assets.shading(_shading(mark))
                self.out.append(b"q %bW n /%b sh Q\n" % (_path(mark.path), name))
            case Clip():
                self._saved.append(dict(self._state))
                rule = b"W*" if mark.even_odd else b"W"
                self.out.append(b"q %b%b n\n" % (_path(mark.path) or b"0 0 0 0 re ", rule))
            case _:
                self._state = self._saved.pop()
                self.out.append(b"Q\n")

    def _shape(self, shape: Shape) -> None:
        if shape.fill:
            self._set(b"rg", _color(shape.fill))
        if shape.line:
            self._stroke(shape.line)
        paint = _PAINTS[bool(shape.fill), bool(shape.line)]
        rule = b"*" if shape.even_odd and shape.fill else b""
        self.out.append(b"%b%b%b\n" % (_path(shape.path), paint, rule))

    def _stroke(self, line: Line) -> None:
        self._set(b"RG", _color(line.color))
        self._set(b"w", b"%d" % max(round(100 * line.width), 1))
        self._set(b"J", b"%d" % line.cap)
        self._set(b"j", b"%d" % line.join)
        dash = b" ".join(b"%d" % round(100 * length) for length in line.dash)
        if not dash.strip(b"0 "):  # a pattern of nothing is an error
            dash = b""
        self._set(b"d", b"[%b]%d" % (dash, round(100 * line.phase)))

    def _text(self, mark: Text) -> None:
        font, size = self._fonts[mark.bold], max(round(100 * mark.size), 1)
        operators, width = font.line(plain(mark.text), size)
        a, b, c, d, e, f = mark.matrix
        back = {"middle": width / 2, "end": width, "numeric": width}.get(mark.anchor, 0) / 100
        turned = b" ".join(map(_number, (a, b, c, d)))
        self._set(b"rg", _color(mark.color))
        self.out.append(
            b"BT /%b %d Tf %b %d %d Tm%b ET\n"
            % (font.key.encode(), size, turned, round(100 * (e - a * back)),
               round(100 * (f - b * back)), operators)
        )  # fmt: skip

    def _set(self, operator: bytes, operand: bytes) -> None:
        if self._state.get(operator) != operand:
            self._state[operator] = operand
            self.out.append(b"%b %b\n" % (operand, operator))


def _path(path: Path) -> bytes:
    points = [(operator, [round(100 * value) for value in at]) for operator, at in path]
    if tuple(operator for operator, _ in points) == _BOX:
        (x, y), (x2, y2), (x3, y3), (x4, y4) = (at for _, at in points[:4])
        if (y, x2, y3, x4) == (y2, x3, y4, x):
            return b"%d %d %d %d re " % (x, y, x3 - x, y3 - y)
    return b"".join(
        b"h "
        if operator == "h"
        else b"%b %b " % (b" ".join(b"%d" % value for value in at), _LETTERS[operator])
        for operator, at in points
    )


def _shading(gradient: Gradient) -> bytes:
    """A shading in DeviceRGB; between two stops colours change evenly (ISO 32000-1, 8.7.4.5)."""
    stops = list(gradient.stops)
    if stops[0][0] > 0:
        stops.insert(0, (0.0, stops[0][1]))
    if stops[-1][0] < 1:
        stops.append((1.0, stops[-1][1]))
    pieces = [
        b"<</FunctionType 2/Domain[0 1]/C0[%b]/C1[%b]/N 1>>" % (_color(one), _color(other))
        for (_, one), (_, other) in pairwise(stops)
    ]
    bounds = b" ".join(_number(position) for position, _ in stops[1:-1])
    function = pieces[0] if len(pieces) == 1 else (
        b"<</FunctionType 3/Domain[0 1]/Functions[%b]/Bounds[%b]/Encode[%b]>>"
        % (b"".join(pieces), bounds, b" ".join([b"0 1"] * len(pieces)))
    )  # fmt: skip
    at = [b"%d" % round(100 * value) for value in gradient.axis]
    coords = [at[0], at[1], b"0", *at] if gradient.radial else at
    extend = b"/Extend[true true]" if gradient.extend else b""
    return b"<</ShadingType %d/ColorSpace/DeviceRGB/Coords[%b]/Function %b%b>>" % (
        3 if gradient.radial else 2, b" ".join(coords), function, extend,
    )  # fmt: skip


def _color(color: Color) -> bytes:
    return b" ".join(_number(part, 3) for part in color)


def _number(value: float, digits: int = 5) -> bytes:
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return b"0" if text in {"", "-0"} else text.encode()
