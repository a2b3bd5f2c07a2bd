"""Outlines: the four segments that PDF and SVG share, and the shapes made of them."""

from collections.abc import Iterator, Sequence
from math import cos, hypot, isfinite, pi, sin, sqrt, tan

Segment = tuple[str, tuple[float, ...]]
"""m and l with a point, c with two control points and a point, h (close) with none."""
Path = list[Segment]
Matrix = tuple[float, float, float, float, float, float]

_KAPPA = 4 / 3 * (sqrt(2) - 1)  # control points of a quarter of a circle


def moved(path: Path, matrix: Matrix) -> Path:
    """The outline under a transformation. Raises ValueError for a point at infinity."""
    a, b, c, d, e, f = matrix
    out: Path = []
    for operator, at in path:
        points = [
            value
            for x, y in zip(at[::2], at[1::2], strict=True)
            for value in (a * x + c * y + e, b * x + d * y + f)
        ]
        if not all(map(isfinite, points)):
            raise ValueError("a point of the drawing is infinitely far away")
        out.append((operator, tuple(points)))
    return out


def scale_of(matrix: Matrix) -> float:
    """How much longer lines become; the mean of both directions."""
    a, b, c, d, _, _ = matrix
    return sqrt(abs(a * d - b * c))


def joined(points: Sequence[float], *, close: bool) -> Path:
    """Straight lines from point to point."""
    pairs = list(zip(points[::2], points[1::2], strict=False))
    out: Path = [("l" if number else "m", pair) for number, pair in enumerate(pairs)]
    return [*out, ("h", ())] if close else out


def rectangle(x: float, y: float, width: float, height: float, radii: tuple[float, float]) -> Path:
    """A rectangle, its corners rounded where both radii are more than nothing."""
    rx, ry = min(radii[0], abs(width) / 2), min(radii[1], abs(height) / 2)
    right, top = x + width, y + height
    if rx <= 0 or ry <= 0:
        return joined((x, y, right, y, right, top, x, top), close=True)
    kx, ky = rx * (1 - _KAPPA), ry * (1 - _KAPPA)
    return [
        ("m", (x + rx, y)),
        ("l", (right - rx, y)),
        ("c", (right - kx, y, right, y + ky, right, y + ry)),
        ("l", (right, top - ry)),
        ("c", (right, top - ky, right - kx, top, right - rx, top)),
        ("l", (x + rx, top)),
        ("c", (x + kx, top, x, top - ky, x, top - ry)),
        ("l", (x, y + ry)),
        ("c", (x, y + ky, x + kx, y, x + rx, y)),
        ("h", ()),
    ]


def ellipse(cx: float, cy: float, rx: float, ry: float) -> Path:
    """A whole ellipse."""
    return [("m", (cx + rx, cy)), *_arc((cx, cy), (rx, ry), 0, 360), ("h", ())]


def wedge(
    center: tuple[float, float],
    outer: tuple[float, float],
    inner: tuple[float, float],
    angles: tuple[float, float],
) -> Path:
    """A slice of a pie or, where the inner radii are more than nothing, of a ring; degrees, anticlockwise."""
    start, end = angles
    begin = _on(center, outer, start)
    if min(inner) <= 0:
        return [("m", center), ("l", begin), *_arc(center, outer, start, end), ("h", ())]
    back = [("l", _on(center, inner, end)), *_arc(center, inner, end, start)]
    return [("m", begin), *_arc(center, outer, start, end), *back, ("h", ())]


def _on(
    center: tuple[float, float], radii: tuple[float, float], degrees: float
) -> tuple[float, float]:
    angle = degrees * pi / 180
    return center[0] + radii[0] * cos(angle), center[1] + radii[1] * sin(angle)


def _arc(
    center: tuple[float, float], radii: tuple[float, float], start: float, end: float
) -> Iterator[Segment]:
    """Curves of at most a quarter each."""
    pieces = max(1, int(abs(end - start) / 90 + 0.999))
    step = (end - start) / pieces * pi / 180
    reach = 4 / 3 * tan(step / 4)
    (cx, cy), (rx, ry) = center, radii
    for piece in range(pieces):
        here = start * pi / 180 + piece * step
        there = here + step
        yield "c", (
            cx + rx * (cos(here) - reach * sin(here)), cy + ry * (sin(here) + reach * cos(here)),
            cx + rx * (cos(there) + reach * sin(there)), cy + ry * (sin(there) - reach * cos(there)),
            cx + rx * cos(there), cy + ry * sin(there),
        )  # fmt: skip


def upright(matrix: Matrix) -> tuple[Matrix, float]:
    """The matrix without its scale, and the scale: that of heights, which is what a text's size is."""
    a, b, c, d, e, f = matrix
    scale = hypot(c, d) or 1.0
    return (a / scale, b / scale, c / scale, d / scale, e, f), scale
