"""Scatter charts: dots over two axes of numbers."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import polars as pl

from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.axis import domain, number_axis, time_axis
from prelo.formats.pdf.charts.data import MOMENTS, Series, numbers
from prelo.formats.pdf.charts.lines import draw_dots
from prelo.formats.pdf.charts.lying import lying_ticks
from prelo.formats.pdf.charts.plot import (
    Box,
    base_line,
    lying_title,
    make_room_below,
    margin,
    ticks_within,
    upright_axis,
    upright_titles,
)
from prelo.formats.pdf.charts.setting import Sheet
from prelo.formats.stream import Field

_DOT = 2.0  # points: the radius


def draw_scatter(
    chart: Chart, sheet: Sheet, box: Box, table: pl.DataFrame, x: Field, series: Sequence[Series]
) -> None:
    setting, values = sheet.setting, numbers(table[x.name], x.kind)
    upright_titles(sheet, box, chart.y_title, "")
    lying_title(sheet, box, chart.x_title, box.width / 2)
    make_room_below(sheet, box)
    bounds = domain([one.values for one in series], zero=False)
    up = number_axis(bounds, ticks_within(box.height, setting), series[0].kind, setting.locale)
    box.left += margin(up, setting, sheet.width)
    make = partial(
        time_axis if x.kind.name in MOMENTS else number_axis, domain([values], zero=False)
    )
    if x.kind.name in MOMENTS and np.isfinite(values).any():
        make = partial(time_axis, (float(np.nanmin(values)), float(np.nanmax(values))))
    across = make(6, x.kind, setting.locale)
    box.right -= setting.width(across.labels[-1]) / 2 if across.labels else 0
    upright_axis(sheet, box, up)
    lying_ticks(sheet, box, across, lines=True)
    base_line(sheet, box, up)
    for one in series:
        there = np.isfinite(values) & np.isfinite(one.values)
        px = box.left + across.share(values[there]) * box.width
        py = box.bottom + up.share(one.values[there]) * box.height
        draw_dots(sheet, px, py, one.color, _DOT)
