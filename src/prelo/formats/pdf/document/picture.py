"""A chart as SVG text, for a page of HTML."""

from collections.abc import Sequence

import polars as pl

from prelo.core.workbook import Chart
from prelo.formats.pdf import charts
from prelo.formats.pdf.drawn.markup import svg
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.locale import Locale
from prelo.formats.stream import Field

_POINTS = 0.75  # of a pixel, as CSS has them


def draw(chart: Chart, table: pl.DataFrame, fields: Sequence[Field], locale: Locale) -> str:
    """The chart over the rows of `table`, of its size. Raises Invalid for a column it cannot show."""
    typeface = Typeface()
    fonts = (Font("R", "Regular", typeface), Font("B", "Bold", typeface))
    setting = charts.Setting(fonts, locale)
    size = (chart.width * _POINTS, chart.height * _POINTS)
    return svg(charts.draw(chart, table, fields, size, setting))
