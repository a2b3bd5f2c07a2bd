"""A chart as SVG text, for a page of HTML."""

from typing import Any

import polars as pl
from reportlab.graphics.charts.barcharts import HorizontalBarChart, VerticalBarChart
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.charts.piecharts import Pie
from reportlab.graphics.renderSVG import drawToString
from reportlab.graphics.shapes import Drawing
from reportlab.lib.colors import HexColor

from prelo.core.workbook import Chart
from prelo.formats.pdf.locale import Locale

_COLORS = ("#1f6feb", "#f0883e", "#2da44e", "#8250df", "#bf3989", "#57606a")
_EDGE = 30


def draw(chart: Chart, table: pl.DataFrame, locale: Locale, width: int, height: int) -> str:
    """The chart over the rows of `table`, so many pixels wide and high, without a name for its file."""
    del locale
    drawing: Any = Drawing(width, height)
    series = [table[name].cast(pl.Float64).fill_null(0).to_list() for name in chart.y]
    labels = table[chart.x].cast(pl.String).fill_null("").to_list()
    drawing.add(_plot(chart, series, labels, width, height))
    svg = drawToString(drawing)
    text = svg.decode() if isinstance(svg, bytes) else svg
    return text[text.index("<svg") :]


def _plot(
    chart: Chart, series: list[list[float]], labels: list[str], width: int, height: int
) -> Any:
    if chart.type in {"pie", "doughnut"}:
        pie: Any = Pie(x=_EDGE, y=_EDGE, width=height - 2 * _EDGE, height=height - 2 * _EDGE)
        pie.data, pie.labels = series[0], labels
        return pie
    made: Any = {"bar": HorizontalBarChart, "line": HorizontalLineChart}.get(
        chart.type, VerticalBarChart
    )()
    made.x, made.y, made.width, made.height = _EDGE, _EDGE, width - 2 * _EDGE, height - 2 * _EDGE
    made.data, made.categoryAxis.categoryNames = series, labels
    shown = made.lines if chart.type == "line" else made.bars
    for number, color in enumerate(_COLORS[: len(series)]):
        if chart.type == "line":
            shown[number].strokeColor = HexColor(color)
        else:
            shown[number].fillColor = HexColor(color)
            shown[number].strokeColor = None
    return made
