"""Columns and bars: side by side, or stacked."""

from collections.abc import Sequence

import numpy as np

from prelo.core.table import Kind
from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.axis import Axis, domain, number_axis
from prelo.formats.pdf.charts.data import Floats, Series
from prelo.formats.pdf.charts.labels import spread
from prelo.formats.pdf.charts.plot import (
    Box,
    base_line,
    label_below,
    lying_title,
    make_room_below,
    upright_titles,
)
from prelo.formats.pdf.charts.setting import GRID, Setting, Sheet

PERCENT = Kind(name="percent", digits=0)
_GAPS = {True: 0.6, False: 0.8}  # of a bar's width, between the bars of two categories
_WIDEST = {True: 26.0, False: 44.0}  # points; by: lying
_NAMES = 0.4  # of the width, at most, for the names beside bars
_LINE = 1.3  # of the size: the least from one name to the next
_APART = 1.8  # of the widest label: about how far ticks of a lying axis are apart


def spans(series: Sequence[Series], stacked: object) -> list[tuple[Floats, Floats]]:
    """From where to where each value reaches. Negative ones are stacked downwards; of `percent`, each is
    its share of all values of its category, whatever their sign.
    """
    if not stacked:
        return [(np.zeros(len(one.values)), one.values) for one in series]
    values = [np.nan_to_num(one.values) for one in series]
    if stacked == "percent":
        whole = np.sum(np.abs(values), axis=0)
        values = [part / np.where(whole > 0, whole, 1) for part in values]
    up = down = np.zeros(len(values[0]))
    out: list[tuple[Floats, Floats]] = []
    for one, part in zip(series, values, strict=True):
        start = np.where(part >= 0, up, down)
        up, down = np.where(part >= 0, up + part, up), np.where(part >= 0, down, down + part)
        out.append((start, np.where(np.isfinite(one.values), start + part, np.nan)))
    return out


def value_axis(
    reach: Sequence[Floats], chart: Chart, kind: Kind, most: int, setting: Setting
) -> Axis:
    """The axis of values that begin at zero."""
    bounds = domain(reach, zero=True)
    if chart.stacked == "percent":
        return number_axis((max(bounds[0], -1.0), 1.0), most, PERCENT, setting.locale)
    return number_axis(bounds, most, kind, setting.locale)


def draw_bars(
    sheet: Sheet, box: Box, chart: Chart, names: Sequence[str], series: Sequence[Series]
) -> None:
    """Lying, from top to bottom, with names at their left: the axes, and the bars."""
    setting, size = sheet.setting, sheet.setting.small
    upright_titles(sheet, box, chart.x_title, "")
    reach = [end for _, end in spans(series, chart.stacked)]
    widest = max(setting.width(name) for name in names)
    widest = min(widest, sheet.width * _NAMES)
    box.left = widest + size * 0.6
    axis = value_axis(reach, chart, series[0].kind, 5, setting)
    apart = max(map(setting.width, axis.labels)) * _APART
    axis = value_axis(reach, chart, series[0].kind, max(1, min(8, int(box.width / apart))), setting)
    box.right -= setting.width(axis.labels[-1]) / 2
    lying_title(sheet, box, chart.y_title, (box.left + box.right) / 2)
    make_room_below(sheet, box)
    _lying_grid(sheet, box, axis)
    draw_series(sheet, box, axis, series, chart)
    base_line(sheet, box, axis, lying=True)
    band = box.height / len(names)
    every = max(1, int(np.ceil(size * _LINE / band)))
    for number in range(0, len(names), every):
        y = box.top - (number + 0.5) * band
        name = setting.fitted(names[number], widest)
        sheet.text(widest, sheet.middle(y), name, anchor="end")


def _lying_grid(sheet: Sheet, box: Box, axis: Axis) -> None:
    places = [float(box.left + share * box.width) for share in axis.share(np.array(axis.ticks))]
    shown = spread(axis.labels, places, sheet.setting)
    for x, text, fits in zip(places, axis.labels, shown, strict=True):
        sheet.rule(x, box.bottom, x, box.top, color=GRID)
        if fits:
            label_below(sheet, box, x, text)


def draw_series(sheet: Sheet, box: Box, axis: Axis, series: Sequence[Series], chart: Chart) -> None:
    """Columns (bars in a bar chart), one group of them for each category."""
    lying, side_by_side = chart.type == "bar", 1 if chart.stacked else len(series)
    band = (box.height if lying else box.width) / len(series[0].values)
    width = min(band / (side_by_side + _GAPS[side_by_side == 1]), _WIDEST[lying])
    length, origin = (box.width, box.left) if lying else (box.height, box.bottom)
    middles = np.arange(0.5, len(series[0].values)) * band
    for number, (one, (start, end)) in enumerate(
        zip(series, spans(series, chart.stacked), strict=True)
    ):
        place = 0 if chart.stacked else number
        across = middles + (place - side_by_side / 2) * width
        begins, ends = origin + axis.share(start) * length, origin + axis.share(end) * length
        for a, low, high in zip(across.tolist(), begins.tolist(), ends.tolist(), strict=True):
            if high == high and high != low:  # noqa: PLR0124  not NaN
                if lying:
                    sheet.box(low, box.top - a - width, high - low, width, one.color)
                else:
                    sheet.box(box.left + a, low, width, high - low, one.color)
