"""Charts over the rows of a table, drawn in the house's look."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from reportlab.graphics.shapes import Drawing

from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.bars import draw_bars
from prelo.formats.pdf.charts.data import Series, categories, check, series_of
from prelo.formats.pdf.charts.plot import entries_of, framed, say_empty
from prelo.formats.pdf.charts.rounds import draw_round
from prelo.formats.pdf.charts.scatter import draw_scatter
from prelo.formats.pdf.charts.setting import Setting, Sheet
from prelo.formats.pdf.charts.thin import tall, tallest
from prelo.formats.pdf.charts.upright import Upright
from prelo.formats.stream import Field

__all__ = ["Setting", "check", "draw"]

_FORMS = {"line": "line", "scatter": "dot"}
_TIMED = {"date", "datetime"}
_DOT = 2.0


def draw(
    chart: Chart,
    table: pl.DataFrame,
    fields: Sequence[Field],
    size: tuple[float, float],
    setting: Setting,
) -> Drawing:
    """A chart over the rows of `table`, `size` points wide and high.

    `fields` are the columns, of the types that conform() gives their kinds. What is missing or infinite is
    a gap. Where there are more rows than points of paper, lines keep their look and of columns the longest
    stand. Raises what check() raises.
    """
    check(chart, fields)
    known = {field.name: field for field in fields}
    series = [series_of(table, known[name], number) for number, name in enumerate(chart.y)]
    lines = [
        series_of(table, known[name], number)
        for number, name in enumerate(chart.lines, len(series))
    ]
    sheet = Sheet(*size, setting)
    if chart.type in {"pie", "doughnut"}:
        return _round(chart, sheet, table, known[chart.x], series[0])
    form = _FORMS.get(chart.type, "box")
    entries = entries_of([*series, *lines], lambda n: form if n < len(series) else "line")
    box = framed(chart, sheet, entries)
    if not any(np.isfinite(one.values).any() for one in (*series, *lines)):
        say_empty(sheet, box, setting.locale.words.empty)
    elif chart.type == "scatter":
        draw_scatter(chart, sheet, box, table, known[chart.x], series)
    elif chart.type == "bar":
        rows = tallest(tall(series), max(int(box.height), 2))
        names = categories(table[chart.x].gather(rows), known[chart.x], setting.locale)
        draw_bars(sheet, box, chart, names, [one.taken(rows) for one in series])
    else:
        Upright(chart, sheet, box, series, lines).draw(table, known[chart.x])
    return sheet.drawing


def _round(chart: Chart, sheet: Sheet, table: pl.DataFrame, x: Field, one: Series) -> Drawing:
    box = framed(chart, sheet, [])
    if not (one.values > 0).any():
        say_empty(sheet, box, sheet.setting.locale.words.empty)
    else:
        draw_round(sheet, box, chart, categories(table[x.name], x, sheet.setting.locale), one)
    return sheet.drawing
