"""Pies and doughnuts."""

from collections.abc import Sequence
from math import cos, pi, sin
from typing import Any

import numpy as np
from reportlab.graphics.shapes import Wedge

from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.bars import PERCENT
from prelo.formats.pdf.charts.data import Floats, Series, written
from prelo.formats.pdf.charts.plot import Box, Entry, swatch
from prelo.formats.pdf.charts.setting import INK, QUIET, REST, WHITE, Colour, Sheet, color_of

_SLICES = 8
_HOLE = 0.6  # of the radius
_LEAST_LABEL = 0.03  # of the whole: smaller slices are named in the legend only
_ROW = 1.75  # of the size: from one line of the legend to the next
_ADDED = {"integer", "decimal", "number", "money", "duration"}  # kinds whose sum says something
_LIGHT = 0.6  # brightness from which on a dark text is read better


def slices(names: Sequence[str], values: Floats, other: str) -> list[tuple[str, float]]:
    """The slices of a pie in their order: at most eight, and all further ones together as `other`.

    What is negative, nothing or missing has no slice.
    """
    rows = np.flatnonzero(np.nan_to_num(values) > 0)
    if len(rows) > _SLICES + 1:
        largest = np.sort(rows[np.argsort(-values[rows], kind="stable")[:_SLICES]])
        rest = float(values[rows].sum() - values[largest].sum())
        kept = [(str(names[row]), float(values[row])) for row in largest.tolist()]
        return [*kept, (other, rest)]
    return [(str(names[row]), float(values[row])) for row in rows.tolist()]


def draw_round(sheet: Sheet, box: Box, chart: Chart, names: Sequence[str], one: Series) -> None:
    """The slices clockwise from the top, with their shares; at the right the legend, which lists what is
    negative with its value, as it has no slice.
    """
    locale = sheet.setting.locale
    parts = slices(names, one.values, locale.words.other)
    whole = sum(value for _, value in parts)
    shares = written([value / whole for _, value in parts], PERCENT, locale)
    entries = [
        (Entry(name, color_of(number) if number < _SLICES else REST), share)
        for number, ((name, _), share) in enumerate(zip(parts, shares, strict=True))
    ]
    below = np.flatnonzero(one.values < 0)[:_SLICES]
    told = written(one.values[below].tolist(), one.kind, locale, one.form)
    unseen = [
        (Entry(str(names[row]), WHITE), text)
        for row, text in zip(below.tolist(), told, strict=True)
    ]
    round_ = _Round(
        sheet, box, _legend(sheet, box, entries + unseen), ring=chart.type == "doughnut"
    )
    start = 90.0
    for (_, value), (entry, share) in zip(parts, entries, strict=True):
        extent = 360 * value / whole
        round_.slice(start - extent, extent, entry.color)
        if value / whole >= _LEAST_LABEL:
            round_.share((start - extent / 2) * pi / 180, share, entry.color)
        start -= extent
    if chart.type == "doughnut" and one.kind.name in _ADDED and not len(below):
        round_.say(written([whole], one.kind, locale, one.form)[0])


class _Round:
    """A pie or, as `ring`, a doughnut, in the middle of the room beside the legend."""

    def __init__(self, sheet: Sheet, box: Box, room: float, *, ring: bool) -> None:
        self._sheet, self._ring = sheet, ring
        labels = 0.0 if ring else sheet.setting.small * 2.6
        self._radius = max(min(room / 2, box.height / 2) - labels, sheet.setting.small)
        self._x, self._y = (box.left + room) / 2, (box.bottom + box.top) / 2

    def slice(self, start: float, extent: float, color: Colour) -> None:
        wedge: Any = Wedge(self._x, self._y, self._radius, start, start + extent)
        if self._ring:
            wedge.radius1 = self._radius * _HOLE
        whole = extent >= 360  # noqa: PLR2004  it has no edges
        wedge.annular = whole and self._ring
        wedge.fillColor, wedge.strokeColor = color, None if whole else WHITE
        wedge.strokeWidth, wedge.strokeLineJoin = 1.1, 1
        self._sheet.add(wedge)

    def share(self, angle: float, text: str, color: Colour) -> None:
        """The share of a slice: on a ring, or around a pie."""
        size, width = self._sheet.setting.small, self._sheet.setting.width(text)
        if self._ring:
            distance, ink = self._radius * (1 + _HOLE) / 2, INK if _bright(color) else WHITE
            if width > self._radius * (1 - _HOLE) * 0.95:
                return
        else:
            distance, ink = self._radius + size * 0.7 + width / 2 * abs(cos(angle)), QUIET
        x, y = self._x + distance * cos(angle), self._y + distance * sin(angle)
        look = {"anchor": "middle", "color": ink, "bold": self._ring}
        self._sheet.text(x, self._sheet.middle(y), text, **look)

    def say(self, text: str) -> None:
        """A text within the ring, if it has room there."""
        size = self._sheet.setting.heading
        if self._sheet.setting.width(text, size, bold=True) < self._radius * _HOLE * 1.7:
            look = {"size": size, "bold": True, "color": INK, "anchor": "middle"}
            self._sheet.text(self._x, self._sheet.middle(self._y, size), text, **look)


def _bright(color: Colour) -> bool:
    return 0.3 * color.red + 0.6 * color.green + 0.1 * color.blue > _LIGHT


def _legend(sheet: Sheet, box: Box, entries: Sequence[tuple[Entry, str]]) -> float:
    """Names and values in lines at the right; the width that is left beside them."""
    setting, size = sheet.setting, sheet.setting.small
    values = max((setting.width(value) for _, value in entries), default=0)
    most = min(box.width * 0.5, box.width - box.height * 0.6) - values - size * 3
    names = [setting.fitted(entry.name, max(most, size * 2)) for entry, _ in entries]
    width = max(map(setting.width, names), default=0) + values + size * 3
    left = box.right - width
    row = min(size * _ROW, box.height / max(len(entries), 1))
    y = (box.top + box.bottom) / 2 + row * (len(entries) - 1) / 2
    for (entry, value), name in zip(entries, names, strict=True):
        swatch(sheet, left, y, entry)
        sheet.text(left + size * 1.4, sheet.middle(y), name, color=INK)
        sheet.text(box.right, sheet.middle(y), value, anchor="end")
        y -= row
    return left - box.left - size
