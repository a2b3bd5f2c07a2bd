"""Native charts over the rows of a sheet, at the right of its table."""

import re
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.chart import Chart as NativeChart
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Chart
from prelo.formats.palette import PALETTE
from prelo.formats.stream import Field
from prelo.formats.xlsx.looks import number_format
from prelo.formats.xlsx.place import Place
from prelo.formats.xlsx.styles import GREY, INK, LINE

_ROUND = {"pie", "doughnut"}
_SLICES = 24  # coloured by us; Excel goes on with its own
_ROW = 20  # pixels of a usual row
_EMU = 9525  # a pixel in the unit of drawings (ECMA-376 20.1.2.1)
_TEXT = {"color": GREY, "size": 9}
_ANCHOR = re.compile(
    r'<xdr:twoCellAnchor editAs="oneCell">(<xdr:from>(?:(?!</xdr:from>).)*</xdr:from>)<xdr:to>'
    r"(?:(?!</xdr:to>).)*</xdr:to>(<xdr:graphicFrame\b.*?)</xdr:twoCellAnchor>",
    re.DOTALL,
)


def draw_charts(
    book: Workbook,
    sheet: Worksheet,
    place: Place,
    charts: Sequence[Chart],
    column: int,
    *,
    locale: str,
) -> None:
    """The charts one below the other from `column` (counted from 0) on, the first beside the header.

    They read their values from the cells: nothing of the data is stored in them. Raises ColumnMissing
    for a column that the sheet does not show, FormatFailed for one that cannot be drawn.
    """
    row = place.header
    for chart in charts:
        drawn = _Drawn(book, place, chart, locale).chart
        options = {"object_position": 2, "description": chart.title}
        sheet.insert_chart(row, column, drawn, options)
        row += ceil(chart.height / _ROW) + 1


def keep_sizes(drawing: str, charts: Sequence[Chart]) -> str:
    """The XML of a sheet's drawing, each chart anchored by its corner and size (ECMA-376 20.5.2.24).

    XlsxWriter anchors by two corners, so that rows hidden or higher than usual would squeeze or stretch
    a chart. `charts` are those of the sheet, in the order in which they were drawn.
    """
    sizes = iter(charts)

    def by_size(match: re.Match[str]) -> str:
        chart = next(sizes)
        size = f'<xdr:ext cx="{chart.width * _EMU}" cy="{chart.height * _EMU}"/>'
        return f"<xdr:oneCellAnchor>{match[1]}{size}{match[2]}</xdr:oneCellAnchor>"

    return _ANCHOR.sub(by_size, drawing)


class _Drawn:
    """One chart of XlsxWriter, `chart`, made from ours."""

    def __init__(self, book: Workbook, place: Place, chart: Chart, locale: str) -> None:
        self._book, self._place, self._wanted, self._locale = book, place, chart, locale
        self._colors = iter(PALETTE * 32)  # Excel draws at most 255 series
        self.chart = self._make(chart.type, chart.stacked)
        for name in chart.y:
            self._add_series(self.chart, chart.type, name)
        self._set_axes()
        if chart.lines:
            self._add_lines()
        self._set_frame()

    def _make(self, form: str, stacked: object) -> NativeChart:
        options = {"type": form}
        if stacked:
            options["subtype"] = "percent_stacked" if stacked == "percent" else "stacked"
        made: Any = self._book.add_chart(options)
        return made

    def _field(self, name: str) -> Field:
        return self._place.fields[self._place.column(name, "a chart")]

    def _numbers(self, name: str) -> Field:
        field = self._field(name)
        if not field.kind.numeric and field.kind.name not in {"date", "datetime", "time"}:
            raise FormatFailed(
                f"a chart draws the values of '{name}', which is a {field.kind}; it needs a column of numbers"
            )
        return field

    def _range(self, name: str) -> list[object]:
        place, column = self._place, self._place.column(name, "a chart")
        return [place.sheet, place.first, column, place.last, column]

    def _add_series(self, chart: NativeChart, form: str, name: str, **more: Any) -> None:
        self._numbers(name)
        place, x = self._place, self._wanted.x
        column = place.column(name, "a chart")
        # Empty caches: the values are not known yet, and XlsxWriter would look for each of a million. One
        # empty text says that the categories are texts.
        texts = self._field(x).kind.name in {"text", "code", "link", "boolean"}
        chart.add_series({
            "name": [place.sheet, place.header, column],
            "categories": self._range(x), "categories_data": [""] if texts else [],
            "values": self._range(name), "values_data": [],
            **self._paint(form), **more,
        })  # fmt: skip

    def _paint(self, form: str) -> dict[str, Any]:
        if form in _ROUND:
            white = {"color": "#FFFFFF", "width": 1.5}
            slices = [next(self._colors) for _ in range(_SLICES)]
            label: dict[str, Any] = {
                "percentage": True,
                "leader_lines": True,
                "font": {"size": 9, "color": INK},
            }
            if form == "pie":
                label["position"] = "outside_end"
            else:
                label["font"] = {"size": 9, "color": "#FFFFFF", "bold": True}
            return {
                "points": [{"fill": {"color": color}, "border": white} for color in slices],
                "data_labels": label,
            }
        color = next(self._colors)
        if form == "line":
            return {"line": {"color": color, "width": 2.25}, "smooth": False}
        if form == "scatter":
            dot = {"color": color, "transparency": 15}
            return {"marker": {"type": "circle", "size": 6, "fill": dot, "border": {"none": True}}}
        if form == "area":
            clear = 0 if self._wanted.stacked or len(self._wanted.y) == 1 else 35
            return {"fill": {"color": color, "transparency": clear}}
        single = len(self._wanted.y) == 1 or bool(self._wanted.stacked)
        return {"fill": {"color": color}, "gap": 60 if single else 80}

    def _add_lines(self) -> None:
        wanted = self._wanted
        over = self._make("line", stacked=False)
        for name in wanted.lines:
            self._add_series(over, "line", name, y2_axis=True)
        titles = ", ".join(self._field(name).title for name in wanted.lines)
        quiet = {"line": {"none": True}, "major_gridlines": {"visible": False}}
        over.set_y2_axis(_TICKLESS | quiet | {"num_format": self._scale(wanted.lines[0])})
        _entitle(over.y2_axis, titles)
        self.chart.combine(over)

    def _set_axes(self) -> None:
        wanted = self._wanted
        if wanted.type in _ROUND:
            return
        across: dict[str, Any] = _TICKLESS | {"line": {"color": "#BFC7D2", "width": 0.75}}
        grid = {"visible": True, "line": {"color": LINE, "width": 0.75}}
        up = _TICKLESS | {
            "line": {"none": True}, "major_gridlines": grid,
            "num_format": "0%" if wanted.stacked == "percent" else self._scale(wanted.y[0]),
        }  # fmt: skip
        if wanted.type == "scatter":
            self._numbers(wanted.x)
            across |= {"num_format": self._scale(wanted.x), "major_gridlines": grid}
        else:
            across |= self._categories()
        if (
            wanted.type == "bar"
        ):  # its categories go up from the bottom, and XlsxWriter's x lies always
            self.chart.set_x_axis(up)
            self.chart.set_y_axis(across | {"reverse": True, "crossing": "max"})
            titles = (wanted.y_title, wanted.x_title)
        else:
            self.chart.set_x_axis(across)
            self.chart.set_y_axis(up)
            titles = (wanted.x_title, wanted.y_title)
        _entitle(self.chart.x_axis, titles[0])
        _entitle(self.chart.y_axis, titles[1])

    def _categories(self) -> dict[str, Any]:
        """Days keep their distances where a line joins them; everywhere else each row has its own place."""
        field = self._field(self._wanted.x)
        day = field.kind.name == "date" and self._wanted.type in {"line", "area"}
        out: dict[str, Any] = {"date_axis" if day else "text_axis": True, "label_position": "low"}
        if field.kind.numeric or field.kind.name in {"date", "datetime", "time"}:
            out["num_format"] = field.column.format or number_format(field.kind, self._locale)
        return out

    def _scale(self, name: str) -> str:
        """The number format of its column; but money has cents only where its kind says how many."""
        field = self._numbers(name)
        kind = field.kind
        if kind.name == "money" and kind.digits is None:
            kind = kind.model_copy(update={"digits": 0})
        return field.column.format or number_format(kind, self._locale)

    def _set_frame(self) -> None:
        wanted, chart = self._wanted, self.chart
        chart.set_size({"width": wanted.width, "height": wanted.height})
        chart.set_chartarea({"border": {"none": True}, "fill": {"color": "#FFFFFF"}})
        chart.set_plotarea({"fill": {"none": True}})
        chart.show_blanks_as("gap")
        heading = {"none": not wanted.title, "overlay": False}
        chart.set_title(heading | {"name_font": {"size": 13, "bold": True, "color": INK}})
        _entitle({"title": chart.title}, wanted.title)
        if wanted.type in _ROUND:
            chart.set_legend({"position": "right", "font": _TEXT})
        elif len(wanted.y) + len(wanted.lines) > 1:
            chart.set_legend({"position": "bottom", "font": _TEXT})
        else:
            chart.set_legend({"none": True})


_TICKLESS: dict[str, Any] = {
    "major_tick_mark": "none", "minor_tick_mark": "none", "num_font": _TEXT,
    "name_font": {"size": 9, "bold": False, "color": GREY},
}  # fmt: skip


def _entitle(titled: Mapping[str, Any], text: str) -> None:
    """Set past XlsxWriter's setters: they take a text as `Wow!A1` for a reference."""
    titled["title"].name = text or None
