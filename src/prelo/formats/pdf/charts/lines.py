"""Lines, areas and scattered dots."""

from collections.abc import Sequence

import numpy as np
from reportlab.graphics.shapes import Path, Polygon, PolyLine
from reportlab.lib.colors import Color

from prelo.formats.pdf.charts.axis import Axis
from prelo.formats.pdf.charts.data import Floats, Series
from prelo.formats.pdf.charts.plot import Box
from prelo.formats.pdf.charts.setting import Colour, Sheet
from prelo.formats.pdf.charts.thin import distinct, runs, turning_points

_WIDTH, _DOT = 1.6, 1.5
_LIGHT = 0.4  # how much of its colour an area keeps that others shine through
_MOST_RUNS = 1000  # of a line in pieces; more are dots


def draw_line(sheet: Sheet, x: Floats, y: Floats, color: Colour) -> None:
    """A line through points (x ascending), broken where there is none; one alone is a dot."""
    pieces = runs(y)
    if len(pieces) > _MOST_RUNS:
        there = np.isfinite(y)
        draw_dots(sheet, x[there], y[there], color, _DOT)
        return
    for piece in pieces:
        px, py = x[piece], y[piece]
        if len(px) == 1:
            draw_dots(sheet, px, py, color, _DOT)
            continue
        rows = turning_points(px, py)
        line = PolyLine(_points(px[rows], py[rows]))
        line.strokeColor, line.strokeWidth = color, _WIDTH
        line.strokeLineJoin = line.strokeLineCap = 1
        sheet.add(line)


def draw_dots(sheet: Sheet, x: Floats, y: Floats, color: Colour, radius: float) -> None:
    """A dot at each point; those that fall together are drawn once.

    All are one path of lines without length: their round ends are the dots (ISO 32000-1, 8.5.3.2).
    """
    dots = Path()
    for row in distinct(x, y).tolist() if len(x) else []:
        at = (float(x[row]), float(y[row]))
        dots.moveTo(*at)
        dots.lineTo(*at)
    dots.strokeColor, dots.strokeWidth, dots.strokeLineCap = color, 2 * radius, 1
    sheet.add(dots)


def draw_areas(
    sheet: Sheet, box: Box, axis: Axis, x: Floats, layers: Sequence[tuple[Series, Floats, Floats]]
) -> None:
    """Areas from one height to another. Where they lie over each other (they begin at zero, all of them)
    the largest is at the back, all are light, and their edges are drawn over them.
    """
    over = len(layers) > 1 and all(not start.any() for _, start, _ in layers)
    order = (
        sorted(layers, key=lambda layer: -float(np.nansum(np.abs(layer[2])))) if over else layers
    )
    edges: list[tuple[Series, Floats]] = []
    for one, start, end in order:
        low, high = (box.bottom + axis.share(values) * box.height for values in (start, end))
        for piece in runs(high):
            _area(
                sheet, x[piece], low[piece], high[piece], _light(one.color) if over else one.color
            )
        edges.append((one, high))
    for one, high in edges if over else []:
        draw_line(sheet, x, high, one.color)


def _area(sheet: Sheet, x: Floats, low: Floats, high: Floats, color: Colour) -> None:
    if len(x) == 1:
        sheet.box(float(x[0]) - _DOT / 2, float(low[0]), _DOT, float(high[0] - low[0]), color)
        return
    rows, back = turning_points(x, high), turning_points(x, low)[::-1]
    shape = Polygon(_points(x[rows], high[rows]) + _points(x[back], low[back]))
    shape.fillColor, shape.strokeColor = color, None  # pyright: ignore[reportAttributeAccessIssue]  it has no types
    sheet.add(shape)


def _light(color: Colour) -> Colour:
    red, green, blue = (1 - _LIGHT * (1 - part) for part in (color.red, color.green, color.blue))
    return Color(red, green, blue)


def _points(x: Floats, y: Floats) -> list[float]:
    return np.column_stack([x, y]).ravel().tolist()
