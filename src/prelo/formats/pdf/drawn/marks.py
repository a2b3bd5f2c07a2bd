# ruff: noqa: N802, N803, N815  reportlab and svglib call these methods by their own names
"""A Drawing of reportlab as a flat list of marks, in order, in the drawing's own coordinates.

Transformations are worked into the points and colours into the marks, so nothing is nested but clips: a
PDF/A may save its graphics state 28 levels deep, and drawings of others are deeper. Opacity is mixed with
white, the colour of paper. Lengths are points, y runs upwards.
"""

from dataclasses import dataclass
from typing import Any, cast

from PIL import Image
from reportlab.graphics.renderbase import Renderer, StateTracker, getStateDelta
from reportlab.graphics.shapes import Drawing
from reportlab.graphics.transform import mmult

from prelo.formats.pdf.drawn import paths
from prelo.formats.pdf.drawn.paths import Matrix, Path, joined, moved, scale_of

Color = tuple[float, float, float]
_MOST_CLIPS = 20  # within each other
_OPERATORS = (("m", 2), ("l", 2), ("c", 6), ("h", 0))  # in the order of reportlab's numbers
_NON_ZERO = 1


@dataclass(frozen=True, slots=True)
class Line:
    """How an outline is stroked: `cap` and `join` by PDF's numbers, `dash` on, off, on …"""

    color: Color
    width: float
    cap: int = 0
    join: int = 0
    dash: tuple[float, ...] = ()
    phase: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    path: Path
    fill: Color | None
    line: Line | None
    even_odd: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text from (or, by `anchor`, to or around) the origin of `matrix`."""

    text: str
    matrix: Matrix
    size: float
    bold: bool
    color: Color
    anchor: str


@dataclass(frozen=True, slots=True)
class Picture:
    """An image on the unit square of `matrix`."""

    image: Image.Image
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class Gradient:
    """An outline filled with colours that change from stop to stop (0 to 1) along `axis`: from x, y to
    x, y, or for a `radial` one around x, y to a radius.
    """

    path: Path
    radial: bool
    axis: tuple[float, ...]
    stops: tuple[tuple[float, Color], ...]
    extend: bool


@dataclass(frozen=True, slots=True)
class Clip:
    """Until its Unclip, only what is within the outline shows."""

    path: Path
    even_odd: bool


class Unclip:
    """The end of the innermost Clip."""


Mark = Shape | Text | Picture | Gradient | Clip | Unclip


def marks_of(drawing: Drawing) -> list[Mark]:
    """What a drawing consists of. Raises ValueError for one that cannot be drawn: with points at infinity,
    or with more than 20 clips within each other.
    """
    flattener = _Flattener(drawing)
    flattener.drawNode(drawing)
    return flattener.marks


class _Flattener(Renderer):
    """Goes through a drawing node by node. The names of its methods are reportlab's."""

    def __init__(self, drawing: Any) -> None:
        self.marks: list[Mark] = []
        self._tracker: Any = StateTracker(defaultObj=drawing)
        self._canvas = _Canvas(self)
        self._clips = 0

    @property
    def matrix(self) -> Matrix:
        return cast("Matrix", tuple(self._tracker.getCTM()))

    def drawNode(self, node: Any) -> None:
        self._tracker.push(getStateDelta(node))
        clips = self._clips
        self.drawNodeDispatcher(node)
        if not getattr(node, "isClipPath", False):  # a clip is for all that follows in its group
            while self._clips > clips:
                self._clips -= 1
                self.marks.append(Unclip())
        self._tracker.pop()

    def drawLine(self, line: Any) -> None:
        self._add(joined((line.x1, line.y1, line.x2, line.y2), close=False), filled=False)

    def drawPolyLine(self, p: Any) -> None:
        self._add(joined(p.points, close=False), filled=False)

    def drawPolygon(self, p: Any) -> None:
        self._add(joined(p.points, close=True))

    def drawRect(self, rect: Any) -> None:
        self._add(paths.rectangle(rect.x, rect.y, rect.width, rect.height, (rect.rx, rect.ry)))

    def drawCircle(self, circle: Any) -> None:
        self._add(paths.ellipse(circle.cx, circle.cy, circle.r, circle.r))

    def drawEllipse(self, ellipse: Any) -> None:
        self._add(paths.ellipse(ellipse.cx, ellipse.cy, ellipse.rx, ellipse.ry))

    def drawWedge(self, wedge: Any) -> None:
        yradius, inner, yinner = wedge._xtraRadii()  # noqa: SLF001  reportlab's own renderers do
        center, outer = (wedge.centerx, wedge.centery), (wedge.radius, yradius)
        inside = (inner or 0, yinner or 0)
        if wedge.annular:  # a whole ring: no edge where it begins
            self._add(paths.ellipse(*center, *outer) + paths.ellipse(*center, *inside))
        else:
            angles = (wedge.startangledegrees, wedge.endangledegrees)
            self._add(paths.wedge(center, outer, inside, angles))

    def drawPath(self, path: Any) -> None:
        outline, closed = _outline(path)
        if path.isClipPath:
            self._clip(outline, even_odd=path.fillMode != _NON_ZERO)
            return
        if path.autoclose == "pdf" and not closed:
            outline.append(("h", ()))
        # As reportlab has it: unless told by `autoclose`, an open outline is not filled.
        self._add(outline, filled=closed or path.autoclose in {"svg", "pdf"})

    def drawString(self, stringObj: Any) -> None:
        state = self._tracker.getState()
        color = self._color("fill")
        if color is None or not stringObj.text:
            return
        a, b, c, d, e, f = mmult(self.matrix, (1, 0, 0, 1, stringObj.x, stringObj.y))
        matrix, scale = paths.upright((a, b, c, d, e, f))
        size, anchor = state["fontSize"] * scale, state["textAnchor"]
        bold = "bold" in state["fontName"].lower()
        self.marks.append(Text(stringObj.text, matrix, size, bold, color, anchor))

    def drawImage(self, image: Any) -> None:
        if isinstance(image.path, Image.Image):
            box = (image.width, 0, 0, image.height, image.x, image.y)
            self.marks.append(Picture(image.path, mmult(self.matrix, box)))

    def _clip(self, outline: Path, *, even_odd: bool) -> None:
        self._clips += 1
        if self._clips > _MOST_CLIPS:
            raise ValueError(f"more than {_MOST_CLIPS} clips are within each other")
        self.marks.append(Clip(moved(outline, self.matrix), even_odd))

    def _add(self, outline: Path, *, filled: bool = True) -> None:
        fill, line = self._color("fill") if filled else None, self._line()
        if outline and (fill or line):
            even_odd = self._tracker.getState()["fillMode"] != _NON_ZERO
            self.marks.append(Shape(moved(outline, self.matrix), fill, line, even_odd))

    def _line(self) -> Line | None:
        state, color = self._tracker.getState(), self._color("stroke")
        width = (state["strokeWidth"] or 0) * scale_of(self.matrix)
        if color is None or width <= 0:
            return None
        dash, phase = state["strokeDashArray"] or (), 0.0
        if len(dash) == 2 and isinstance(dash[1], list | tuple):  # noqa: PLR2004  phase and pattern
            phase, dash = dash
        scale = scale_of(self.matrix)
        return Line(
            color, width, state["strokeLineCap"], state["strokeLineJoin"],
            tuple(length * scale for length in dash), phase * scale,
        )  # fmt: skip

    def _color(self, use: str) -> Color | None:
        state = self._tracker.getState()
        color, opacity = state[f"{use}Color"], state[f"{use}Opacity"]
        return None if color is None else on_paper(color, opacity)


class _Canvas:
    """What svglib's gradients draw on: the few methods they call, by reportlab's names."""

    def __init__(self, flattener: _Flattener) -> None:
        self._flattener = flattener
        self._within: Path = []

    def saveState(self) -> None:
        """Marks have no state."""

    restoreState = saveState

    def beginPath(self) -> "_Outline":
        return _Outline()

    def clipPath(self, path: "_Outline", **_: object) -> None:
        self._within = path.segments

    def linearGradient(self, x0: float, y0: float, x1: float, y1: float, *colours: Any) -> None:
        ends = moved([("m", (x0, y0)), ("l", (x1, y1))], self._flattener.matrix)
        self._shade((*ends[0][1], *ends[1][1]), *colours)

    def radialGradient(self, x: float, y: float, radius: float, *colours: Any) -> None:
        matrix = self._flattener.matrix
        ((_, center),) = moved([("m", (x, y))], matrix)
        self._shade((*center, radius * scale_of(matrix)), *colours)

    def _shade(self, axis: tuple[float, ...], colors: Any, positions: Any, extend: Any) -> None:
        stops = sorted(zip(positions, map(on_paper, colors), strict=True))
        path = moved(self._within, self._flattener.matrix)
        radial = len(axis) == 3  # noqa: PLR2004  x, y, radius
        self._flattener.marks.append(Gradient(path, radial, axis, tuple(stops), bool(extend)))


class _Outline:
    """An outline as a canvas of reportlab takes it."""

    def __init__(self) -> None:
        self.segments: Path = []

    def moveTo(self, *at: float) -> None:
        self.segments.append(("m", at))

    def lineTo(self, *at: float) -> None:
        self.segments.append(("l", at))

    def curveTo(self, *at: float) -> None:
        self.segments.append(("c", at))

    def close(self) -> None:
        self.segments.append(("h", ()))


def on_paper(color: Any, opacity: float | None = None) -> Color:
    """A colour as it looks on white: reportlab's own opacity counts where none is given."""
    share = getattr(color, "alpha", 1) if opacity is None else opacity
    share = min(max(1.0 if share is None else float(share), 0.0), 1.0)
    red, green, blue = (
        1 - share * (1 - float(part)) for part in (color.red, color.green, color.blue)
    )
    return red, green, blue


def _outline(path: Any) -> tuple[Path, bool]:
    """The segments of reportlab's path, and whether each part of it is closed."""
    out: Path = []
    at = begun = closed = 0
    for number in path.operators:
        operator, arguments = _OPERATORS[number]
        out.append((operator, tuple(path.points[at : at + arguments])))
        at += arguments
        begun += operator == "m"
        closed += operator == "h"
    return out, begun == closed
