"""Charts whose values go up: columns with lines over them, lines, areas."""

import numpy as np
import polars as pl

from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.axis import Axis, domain, number_axis, time_axis
from prelo.formats.pdf.charts.bars import draw_series, spans, value_axis
from prelo.formats.pdf.charts.data import MOMENTS, Floats, Series, categories, numbers
from prelo.formats.pdf.charts.labels import Labels, below
from prelo.formats.pdf.charts.lines import draw_areas, draw_line
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
from prelo.formats.pdf.charts.thin import tall, tallest
from prelo.formats.stream import Field


class Upright:
    """A chart whose values go up: columns with lines over them, lines, areas."""

    def __init__(
        self, chart: Chart, sheet: Sheet, box: Box, series: list[Series], lines: list[Series]
    ) -> None:
        self._chart, self._sheet, self._box = chart, sheet, box
        self._series, self._lines = series, lines

    def draw(self, table: pl.DataFrame, x: Field) -> None:
        chart, sheet, box = self._chart, self._sheet, self._box
        timed = x.kind.name in MOMENTS and chart.type in {"line", "area"}
        moments = numbers(table[x.name], x.kind) if timed else np.zeros(0)
        timed = timed and bool(np.isfinite(moments).any())
        rows = self._rows(table.height, moments if timed else None)
        self._series = [one.taken(rows) for one in self._series]
        self._lines = [one.taken(rows) for one in self._lines]
        right_title = ", ".join(one.title for one in self._lines)
        upright_titles(sheet, box, chart.y_title, right_title)
        lying_title(sheet, box, chart.x_title, sheet.width / 2)
        if timed:
            self._over_time(moments[rows], x)
        else:
            self._over_names(table[x.name].gather(rows), x)

    def _rows(
        self, count: int, moments: Floats | None
    ) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        if moments is not None:
            there = np.flatnonzero(np.isfinite(moments))
            return there[np.argsort(moments[there], kind="stable")]
        if self._chart.type == "column":
            return tallest(tall([*self._series, *self._lines]), max(int(self._box.width), 2))
        return np.arange(count)

    def _axes(self) -> tuple[Axis, Axis | None]:
        """The axes of values, with room made for their labels."""
        chart, sheet, box, setting = self._chart, self._sheet, self._box, self._sheet.setting
        most = ticks_within(box.height, setting)
        reach = [end for _, end in spans(self._series, chart.stacked)]
        kind = self._series[0].kind
        if chart.type == "line" and not chart.stacked:
            left = number_axis(domain(reach, zero=False), most, kind, setting.locale)
        else:
            left = value_axis(reach, chart, kind, most, setting)
        right = None
        if self._lines:
            bounds = domain([one.values for one in self._lines], zero=False)
            right = number_axis(bounds, most, self._lines[0].kind, setting.locale)
            box.right -= margin(right, setting, sheet.width)
        box.left += margin(left, setting, sheet.width)
        return left, right

    def _over_time(self, moments: Floats, x: Field) -> None:
        box, setting = self._box, self._sheet.setting
        make_room_below(self._sheet, box)
        left, right = self._axes()
        bounds = (float(moments[0]), float(moments[-1]))
        across = time_axis(bounds, 12, x.kind, setting.locale)
        widest = max(map(setting.width, across.labels), default=0)
        most = max(2, min(12, int(box.width / (widest + setting.small * 2))))
        across = time_axis(bounds, most, x.kind, setting.locale)
        if across.ticks and across.ticks[-1] > across.high - (across.high - across.low) / 50:
            box.right -= setting.width(across.labels[-1]) / 2 if not right else 0
        upright_axis(self._sheet, box, left)
        lying_ticks(self._sheet, box, across, lines=False)
        self._values(left, right, box.left + across.share(moments) * box.width)

    def _over_names(self, x_values: pl.Series, x: Field) -> None:
        sheet, box, setting = self._sheet, self._box, self._sheet.setting
        names = categories(x_values, x, setting.locale)
        bottom, left_edge, right_edge = box.bottom, box.left, box.right
        make_room_below(sheet, box)
        left, right = self._axes()
        labels, places = self._labels(names, x)
        if labels.turned:  # the plot is lower now: its ticks may be fewer, and its labels less wide
            box.bottom, box.left, box.right = bottom + labels.height, left_edge, right_edge
            left, right = self._axes()
            labels, places = self._labels(names, x)
        upright_axis(sheet, box, left)
        labels.draw(sheet, box.left, box.bottom - setting.small * 0.2)
        self._values(left, right, box.left + places)

    def _labels(self, names: list[str], x: Field) -> tuple[Labels, Floats]:
        box, setting = self._box, self._sheet.setting
        if self._chart.type == "area" and len(names) > 1:
            places = np.linspace(0, box.width, len(names))
        else:
            places = np.arange(0.5, len(names)) * (box.width / len(names))
        in_order = x.kind.numeric or x.kind.name in {"date", "datetime", "time"}
        room = (self._sheet.height, box.left)
        return below(names, places.tolist(), setting, sorted_=in_order, room=room), places

    def _values(self, left: Axis, right: Axis | None, x: Floats) -> None:
        sheet, box, chart = self._sheet, self._box, self._chart
        reach = spans(self._series, chart.stacked)
        if chart.type == "column":
            draw_series(sheet, box, left, self._series, chart)
        elif chart.type == "area":
            layers = [(one, *span) for one, span in zip(self._series, reach, strict=True)]
            draw_areas(sheet, box, left, x, layers)
        base_line(sheet, box, left)
        if chart.type == "line":
            for one, (_, end) in zip(self._series, reach, strict=True):
                draw_line(sheet, x, box.bottom + left.share(end) * box.height, one.color)
        if right:
            upright_axis(sheet, box, right, right=True)
            for one in self._lines:
                draw_line(sheet, x, box.bottom + right.share(one.values) * box.height, one.color)
