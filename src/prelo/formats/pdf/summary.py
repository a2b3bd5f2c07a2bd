"""The pages before the table: the report's totals as large numbers, and its summaries with their charts.

Memory is that of the summaries' rows, which `Summing` bounds; of each only as many are laid out as stand on
a page. Lengths are in 1/100 pt, as on every page: x from the left margin, y from the paper's lower edge.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from prelo.core.table import Kind
from prelo.core.workbook import Chart
from prelo.formats.conform import conform
from prelo.formats.pdf import charts
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.charts import Setting
from prelo.formats.pdf.drawn.assets import Assets
from prelo.formats.pdf.drawn.operators import operators_of
from prelo.formats.pdf.small_table import SmallTable, line
from prelo.formats.pdf.text import as_text
from prelo.formats.pdf.totals import total_kind
from prelo.formats.stream import Field
from prelo.formats.summary import Summing

_FIGURES, _FIGURE_WIDTH = 5, 9_000  # of key figures in a row: at most; the least wide
_PIXEL = 75  # what charts are measured in
_BESIDE = 0.5  # of the width: a table up to this has a chart beside it
_BLOCK_SHARE = 0.4  # of a page, for a table with a chart beside it
_LEAST_CHART = 17_000
_LOW, _BETWEEN = (
    13_000,
    1_600,
)  # charts are no lower because they are narrow; between two side by side
_BLOCK = 3  # of the text's size: between two blocks
_ONE = Kind(name="integer")


@dataclass(frozen=True, slots=True)
class Figure:
    """A total of the whole report, as it will be shown."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Summed:
    """A summary with its rows."""

    title: str
    fields: tuple[Field, ...]
    rows: pl.DataFrame
    charts: tuple[Chart, ...]


@dataclass(frozen=True, slots=True)
class Room:
    """Where pages have room: their width, from `top` down to `bottom`; the first begins at `first`."""

    width: int
    top: int
    bottom: int
    first: int


def key_figures(
    totals: dict[str, pl.Series], fields: Sequence[Field], rows: int, setting: Setting
) -> list[Figure]:
    """The number of rows and the totals, each a series of one value, of the columns that have one."""
    locale = setting.locale
    names = dict(zip(("sum", "count", "min", "max", "mean"), locale.words.totals, strict=True))
    counted = as_text(pl.Series([rows]), _ONE, locale)[0]
    out = [Figure(locale.words.rows, counted)]
    for field in fields:
        total = field.column.total
        if total and field.name in totals:
            text = as_text(totals[field.name], total_kind(field), locale, field.column.format)[0]
            said = "" if total == "sum" else f" ({names[total]})"
            out.append(Figure(field.title + said, text))
    return out


def summed(summing: Summing, locale: str, timezone: str) -> Summed:
    """What a summary came to. Raises ColumnMissing or FormatFailed for a chart that cannot be drawn, so
    that asking before any row was added tells it early.
    """
    rows = summing.result()
    fields = tuple(Field(name, column) for name, column in summing.columns(locale).items())
    for chart in summing.summary.charts:
        charts.check(chart, fields)
    conformed = conform(rows, {field.name: field.kind for field in fields}, timezone, 0)
    return Summed(summing.summary.title, fields, conformed, summing.summary.charts)


def summary_pages(
    figures: Sequence[Figure],
    summaries: Sequence[Summed],
    room: Room,
    setting: Setting,
    assets: Assets,
) -> list[bytes]:
    """The contents of the pages, none if there is nothing to say: operators between q and Q, in which /R and
    /B are the fonts of the setting, and further resources those of `assets`.
    """
    if not (figures or summaries):
        return []
    pages = _Pages(room, setting, assets)
    if figures:
        pages.figures(figures)
    for number, summary in enumerate(summaries):
        pages.summary(summary, first=number == 0 and not figures)
    return pages.contents()


class _Pages:
    """Pages as they fill from top to bottom; `_y` is how far."""

    def __init__(self, room: Room, setting: Setting, assets: Assets) -> None:
        self._room, self._setting, self._assets = room, setting, assets
        self._size = round(setting.text * 100)
        self._pages: list[list[bytes]] = [[]]
        self._y = room.first

    def contents(self) -> list[bytes]:
        return [b"".join(page) for page in self._pages]

    def figures(self, figures: Sequence[Figure]) -> None:
        """Large numbers, as many side by side as have room, each under a rule and its label."""
        size = self._size
        columns = max(1, min(len(figures), _FIGURES, self._room.width // _FIGURE_WIDTH))
        width = self._room.width // columns
        height = size * 5
        for first in range(0, len(figures), columns):
            self._reserve(height)
            for number, figure in enumerate(figures[first : first + columns]):
                self._figure(figure, number * width, width - size * 2)
            self._y -= height

    def _figure(self, figure: Figure, x: int, width: int) -> None:
        size, y = self._size, self._y
        rule = b"%b RG 100 w %d %d m %d %d l S\n" % (colours.FRAME, x, y, x + width, y)
        regular, bold = self._setting.fonts
        large = size * 9 // 4
        wide = self._setting.width(figure.text, large / 100, bold=True) * 100
        large = min(large, int(large * width / wide)) if wide else large
        label = line(self._setting.fitted(figure.label, width / 100, size / 100), regular, size)
        number = line(figure.text, bold, large)
        self._put(rule)
        self._put(label.at(x, y - size * 3 // 2, colours.QUIET))
        self._put(number.at(x, y - size * 15 // 4, colours.FRAME))

    def summary(self, summary: Summed, *, first: bool) -> None:
        """A title, the table and the first chart beside each other if the table is narrow, else the charts
        and the table below them.
        """
        if not first:
            self._y -= self._size * _BLOCK
        table = SmallTable(summary.fields, summary.rows, self._setting, self._room.width)
        rest = list(summary.charts)
        left = self._room.width - table.width - _BETWEEN
        beside = bool(rest) and table.width <= self._room.width * _BESIDE and left >= _LEAST_CHART
        title = self._size * 2 if summary.title else 0
        page = self._room.top - self._room.bottom - title
        if beside:
            self._beside(table, rest.pop(0), summary, title)
            self._charts(rest, summary)
            return
        lead = self._chart_rows(rest)[0][0][2] if rest else min(table.height, page)
        self._reserve(title + lead)
        self._title(summary.title)
        self._charts(rest, summary)
        self._reserve(min(table.height, page // 2))
        self._table(table, self._y - self._room.bottom)

    def _beside(self, table: SmallTable, chart: Chart, summary: Summed, title: int) -> None:
        """The table with a chart at its right, as high as the larger of both, within bounds."""
        width, height = self._chart_size(chart, self._room.width - table.width - _BETWEEN)
        page = self._room.top - self._room.bottom - title
        block = max(height, min(table.height, int(page * _BLOCK_SHARE)))
        height = min(block, max(height, chart.height * _PIXEL))
        self._reserve(title + block)
        self._title(summary.title)
        top = self._y
        self._chart(chart, summary, (self._room.width - width, width, height))
        self._table(table, block)
        self._y = min(self._y, top - height) - self._size

    def _title(self, title: str) -> None:
        if not title:
            return
        size = self._size * 5 // 4
        shown = self._setting.fitted(title, self._room.width / 100, size / 100, bold=True)
        text = line(shown, self._setting.fonts[1], size)
        self._put(text.at(0, self._y - size, colours.FRAME))
        self._y -= self._size * 2

    def _table(self, table: SmallTable, height: int) -> None:
        operators, used = table.drawn(self._y, height)
        self._put(operators)
        self._y -= used

    def _chart_size(self, chart: Chart, most: int) -> tuple[int, int]:
        """Its own size, or as much smaller as its room is; never so low that nothing can be read."""
        width, height = chart.width * _PIXEL, chart.height * _PIXEL
        scale = min(1.0, most / width)
        high = max(round(height * scale), min(height, _LOW))
        page = self._room.top - self._room.bottom - self._size * 2
        return round(width * scale), min(high, page)

    def _chart_rows(self, rest: Sequence[Chart]) -> list[list[tuple[Chart, int, int]]]:
        """Charts with their sizes in rows: two side by side where there are several, and they have room."""
        half = (self._room.width - _BETWEEN) // 2
        if len(rest) == 1 or half < _LEAST_CHART:
            return [[(chart, *self._chart_size(chart, self._room.width))] for chart in rest]
        sized = [(chart, *self._chart_size(chart, half)) for chart in rest]
        return [sized[first : first + 2] for first in range(0, len(sized), 2)]

    def _charts(self, rest: Sequence[Chart], summary: Summed) -> None:
        half = (self._room.width - _BETWEEN) // 2
        for row in self._chart_rows(rest):
            height = max(chart[2] for chart in row)
            self._reserve(height)
            for number, (chart, width, own) in enumerate(row):
                self._chart(chart, summary, (number * (half + _BETWEEN), width, own))
            self._y -= height + self._size

    def _chart(self, chart: Chart, summary: Summed, place: tuple[int, int, int]) -> None:
        x, width, height = place
        size = (width / 100, height / 100)
        drawing = charts.draw(chart, summary.rows, summary.fields, size, self._setting)
        drawn = operators_of(drawing, self._setting.fonts, self._assets)
        self._put(drawn.at(x, self._y - height))

    def _reserve(self, height: int) -> None:
        """Turn the page if so much does not fit on what is left of this one."""
        fresh = self._room.first if len(self._pages) == 1 else self._room.top
        if self._y - height < self._room.bottom and self._y < fresh:
            self._pages.append([])
            self._y = self._room.top

    def _put(self, operators: bytes) -> None:
        self._pages[-1].append(operators)
