"""Colours that follow the values: a column's highlights as conditional formats.

Rules compare by formulas of their own rather than by Excel's ready-made ones, which take an empty cell
for 0 and any text for more than every number.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_range_abs, xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Compared, Highlight
from prelo.formats import compared
from prelo.formats.stream import Field
from prelo.formats.xlsx.place import Place

_BAR, _NEGATIVE, _AXIS = "#9DB8D9", "#E3A19B", "#8C97A8"
_SCALE = ("#FFFFFF", "#8FB1D8")
_MEASURED = {"scale", "bar", "icons"}
_DATED = {"date", "datetime", "time"}
_NATIVE: dict[str, dict[str, str]] = {
    "duplicate": {"type": "duplicate"},
    "unique": {"type": "unique"},
    "top": {"type": "top"},
    "bottom": {"type": "bottom"},
    "above average": {"type": "average", "criteria": "above"},
    "below average": {"type": "average", "criteria": "below"},
}
_WHOLE_COLUMN = {
    "duplicate": "AND(LEN({cell})>0,SUMPRODUCT(--({all}={cell}))>1)",
    "unique": "AND(LEN({cell})>0,SUMPRODUCT(--({all}={cell}))=1)",
    "top": "AND(ISNUMBER({cell}),{cell}>=LARGE({all},MIN({value},COUNT({all}))))",
    "bottom": "AND(ISNUMBER({cell}),{cell}<=SMALL({all},MIN({value},COUNT({all}))))",
    "above average": "AND(ISNUMBER({cell}),{cell}>AVERAGE({all}))",
    "below average": "AND(ISNUMBER({cell}),{cell}<AVERAGE({all}))",
}
_BLANK = {"blank": "LEN(TRIM({cell}))=0", "not blank": "LEN(TRIM({cell}))>0"}
_TEXT = {
    "contains": "ISNUMBER(SEARCH({value},{cell}))",
    "not contains": "AND(LEN({cell})>0,ISERROR(SEARCH({value},{cell})))",
    "begins with": "LEFT({cell},{length})={value}",
    "ends with": "RIGHT({cell},{length})={value}",
}
_WILDCARD = re.compile(r"[~*?]")
# Within a text, what is no reference must not look like one of a made-up row (place.py), nor like a function
# that XlsxWriter would put a prefix before.
_LOOKALIKE = re.compile(r"(?<=[A-Za-z$])(?=1\d{6})|(?=\()")
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  day 0 of ECMA-376 18.17.4.1, which holds from 1900-03-01 on


def draw_highlights(book: Workbook, sheet: Worksheet, place: Place) -> None:
    """Each column's highlights over its rows of data, the first named going before the others.

    Raises FormatFailed for a highlight that the column's kind cannot have.
    """
    for column, field in enumerate(place.fields):
        if place.grouped and field.column.highlight and field.column.total:
            _spare_subtotals(sheet, place, column)
        for highlight in field.column.highlight:
            whole = highlight.show == "row"
            left, right = (0, len(place.fields) - 1) if whole else (column, column)
            rule = _rule(book, place, column, highlight)
            sheet.conditional_format(place.first, left, place.last, right, rule)


def _rule(book: Workbook, place: Place, column: int, highlight: Highlight) -> dict[str, Any]:
    """The highlight in XlsxWriter's words."""
    field = place.fields[column]
    if highlight.show in _MEASURED:
        if not (field.kind.numeric or field.kind.name in _DATED):
            raise FormatFailed(
                f"the column '{field.name}' is a {field.kind}, and its highlight '{highlight.show}' needs "
                "numbers or dates; use show: cell, with a 'when'"
            )
        return _measured(highlight) | (
            _among_rows(place, column, highlight) if place.grouped else {}
        )
    look = {"font_color": highlight.color, "bg_color": highlight.fill, "bold": highlight.bold}
    style = book.add_format({name: value for name, value in look.items() if value})
    when = highlight.when or "not blank"
    if place.grouped and when in _NATIVE:
        raise FormatFailed(
            f"the highlight '{when}' of the column '{field.name}' looks at all its cells, and subtotals are "
            "among them; choose groups: flat, or another 'when'"
        )
    if highlight.show == "cell" and when in _NATIVE:
        return {**_NATIVE[when], "value": highlight.value, "format": style}
    return {"type": "formula", "criteria": _formula(place, column, highlight), "format": style}


def _spare_subtotals(sheet: Worksheet, place: Place, column: int) -> None:
    """A rule that goes before all others of the column, and ends them where a cell is a subtotal."""
    cell = xl_rowcol_to_cell(place.first, column, col_abs=True)
    rule = {"type": "formula", "criteria": f"=_xlfn.ISFORMULA({cell})", "stop_if_true": True}
    sheet.conditional_format(place.first, column, place.last, column, rule)


def _among_rows(place: Place, column: int, highlight: Highlight) -> dict[str, Any]:
    """The ends of a scale or bar, and the steps of icons, by the rows alone: SUBTOTAL leaves out others."""
    cells = xl_range_abs(place.first, column, place.last, column)
    low, high = f"SUBTOTAL(5,{cells})", f"SUBTOTAL(4,{cells})"
    if highlight.show == "icons":
        steps = int(highlight.icons[0])
        parts = (f"={low}+({high}-{low})*{step}/{steps}" for step in range(steps - 1, 0, -1))
        return {"icons": [{"type": "formula", "value": part} for part in parts]}
    ends = {"min_type": "formula", "min_value": f"={low}"}
    ends |= {"max_type": "formula", "max_value": f"={high}"}
    if len(highlight.colors) == 3:  # noqa: PLR2004  a scale's
        ends |= {"mid_type": "formula", "mid_value": f"=({low}+{high})/2"}
    return ends


def _measured(highlight: Highlight) -> dict[str, Any]:
    """What looks at all values of the column: a scale, bars, icons."""
    if highlight.show == "icons":
        return {
            "type": "icon_set", "icon_style": highlight.icons, "reverse_icons": highlight.reverse,
        }  # fmt: skip
    colors = highlight.colors or (_SCALE if highlight.show == "scale" else (_BAR,))
    if highlight.show == "bar":
        return {
            "type": "data_bar", "data_bar_2010": True, "bar_solid": True, "bar_no_border": True,
            "bar_color": colors[0], "bar_negative_color": _NEGATIVE, "bar_axis_color": _AXIS,
        }  # fmt: skip
    colors = colors[::-1] if highlight.reverse else colors
    names = {2: ("min_color", "max_color"), 3: ("min_color", "mid_color", "max_color")}[len(colors)]
    return {"type": f"{len(colors)}_color_scale", **dict(zip(names, colors, strict=True))}


def _formula(place: Place, column: int, highlight: Highlight) -> str:
    """True where the highlight holds, written for the first row; Excel moves it down by itself."""
    cell = xl_rowcol_to_cell(place.first, column, col_abs=True)
    field, when = place.fields[column], highlight.when or "not blank"
    if when in _BLANK:
        return _BLANK[when].format(cell=cell)
    if when in _WHOLE_COLUMN:
        every = xl_range_abs(place.first, column, place.last, column)
        return _WHOLE_COLUMN[when].format(cell=cell, all=every, value=highlight.value)
    if when in _TEXT:
        sought = str(highlight.value)
        length = len(sought.encode("utf-16-le")) // 2
        if "contains" in when:
            sought = _WILDCARD.sub(r"~\g<0>", sought)
        return _TEXT[when].format(cell=cell, value=_quoted(sought), length=length)
    return _comparison(field, cell, highlight)


def _comparison(field: Field, cell: str, highlight: Highlight) -> str:
    guard, read = _reading(field)
    limits = [
        compared.read(field, read, v) for v in (highlight.value, highlight.other) if v is not None
    ]
    if highlight.when == "between":
        return f"AND({guard.format(cell)},{cell}>={limits[0]},{cell}<={limits[1]})"
    if highlight.when == "not between":
        return f"AND({guard.format(cell)},OR({cell}<{limits[0]},{cell}>{limits[1]}))"
    operator = "<>" if highlight.when == "!=" else highlight.when
    return f"AND({guard.format(cell)},{cell}{operator}{limits[0]})"


Read = Callable[[Compared], str]


def _reading(field: Field) -> tuple[str, Read]:
    """What a cell must be to be compared, and how a value of the column's kind is written in a formula."""
    kind = field.kind
    if kind.name == "boolean":
        return "ISLOGICAL({})", _boolean
    if kind.name in {"date", "datetime"}:
        return "ISNUMBER({})", _day
    if kind.name in {"time", "duration"}:
        return "ISNUMBER({})", _clock
    return ("ISNUMBER({})", _number) if kind.numeric else ("LEN({})>0", lambda v: _quoted(str(v)))


def _quoted(text: str) -> str:
    """A text as a text within a formula, whatever stands in it (ECMA-376 18.17.2.3)."""
    return '"{}"'.format(_LOOKALIKE.sub('"&"', text.replace('"', '""')))


def _number(value: Compared) -> str:
    return format(compared.number(value), "f")


def _boolean(value: Compared) -> str:
    return str(compared.boolean(value)).upper()


def _day(value: Compared) -> str:
    """The number of a day, with the time as its fraction."""
    return _days(compared.moment(value) - _EPOCH)


def _clock(value: Compared) -> str:
    """Hours, minutes and seconds as a part of a day."""
    return _days(compared.span(value))


def _days(time: timedelta) -> str:
    return f"{time / timedelta(days=1):.16g}"
