"""What stands around the values of a chart with axes: title, legend, axes, grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reportlab.graphics.shapes import Circle

from prelo.core.workbook import Chart
from prelo.formats.pdf.charts.axis import Axis
from prelo.formats.pdf.charts.data import Series
from prelo.formats.pdf.charts.setting import BASE, QUIET, TITLE, Setting, Sheet

_ROW = 1.7  # of the size: from one row of a legend to the next
_TICKS = 3.0  # of the size: about how far ticks of an upright axis are apart
_BELOW = 2.0  # of the size: what labels under an axis take
_MOST_LEGEND = 3  # rows
_MOST_LABEL = 0.25  # of the chart's width


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a legend; `form` is what stands before its name: a box, line or dot."""

    name: str
    color: object
    form: str = "box"


@dataclass(slots=True)
class Box:
    """The rectangle in which the values are drawn."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom


def framed(chart: Chart, sheet: Sheet, entries: Sequence[Entry]) -> Box:
    """Draw title, legend and the titles of upright axes; the room that is left."""
    size = sheet.setting.small
    box = Box(0, size * 0.4, sheet.width, sheet.height - size * 0.5)
    if chart.title:
        heading = sheet.setting.heading
        box.top -= heading * 1.1
        title = sheet.setting.fitted(chart.title, sheet.width, heading, bold=True)
        sheet.text(0, box.top + heading * 0.15, title, size=heading, bold=True, color=TITLE)
        box.top -= size * 1.3
    if len(entries) > 1:
        box.bottom += legend(sheet, entries, box.bottom) + size * 0.3
    return box


def make_room_below(sheet: Sheet, box: Box) -> None:
    """For one line of labels under a lying axis."""
    box.bottom += sheet.setting.small * _BELOW


def label_below(sheet: Sheet, box: Box, x: float, text: str) -> None:
    """A label under a lying axis, around x."""
    y = box.bottom - sheet.setting.small * 1.5
    sheet.text(sheet.inside(x, text), y, text, anchor="middle")


def legend(sheet: Sheet, entries: Sequence[Entry], bottom: float) -> float:
    """Names with their colours in rows above `bottom`; the height that they take."""
    size, setting = sheet.setting.small, sheet.setting
    most = sheet.width / 2 - size * 2.5
    rows: list[list[tuple[float, str, Entry]]] = [[]]
    at = 0.0
    for entry in entries:
        name = setting.fitted(entry.name, most)
        width = size * 1.4 + setting.width(name)
        if at and at + width > sheet.width:
            rows.append([])
            at = 0.0
        rows[-1].append((at, name, entry))
        at += width + size * 1.6
    rows = rows[:_MOST_LEGEND]
    for number, row in enumerate(reversed(rows)):
        y = bottom + size * _ROW * (number + 0.5)
        for x, name, entry in row:
            swatch(sheet, x, y, entry)
            sheet.text(x + size * 1.4, sheet.middle(y), name)
    return size * _ROW * len(rows)


def swatch(sheet: Sheet, x: float, y: float, entry: Entry) -> None:
    """The sign of a series, in the middle of its line."""
    size = sheet.setting.small
    if entry.form == "line":
        sheet.rule(x, y, x + size, y, color=entry.color, width=1.6)
    elif entry.form == "dot":
        dot = Circle(x + size / 2, y, size * 0.3)
        dot.fillColor, dot.strokeColor = entry.color, None  # pyright: ignore[reportAttributeAccessIssue]  it has no types
        sheet.add(dot)
    else:
        half = size * 0.36
        sheet.box(x + size / 2 - half, y - half, 2 * half, 2 * half, entry.color)


def upright_titles(sheet: Sheet, box: Box, left: str, right: str) -> None:
    """The titles of upright axes stand above them, where they can be read."""
    size, most = sheet.setting.small, sheet.width * (0.48 if left and right else 1)
    if not (left or right):
        return
    box.top -= size * 1.2
    sheet.text(0, box.top + size * 0.2, sheet.setting.fitted(left, most))
    sheet.text(sheet.width, box.top + size * 0.2, sheet.setting.fitted(right, most), anchor="end")
    box.top -= size * 0.9


def lying_title(sheet: Sheet, box: Box, text: str, middle: float) -> None:
    """The title of a lying axis stands below it."""
    size = sheet.setting.small
    if text:
        sheet.text(
            middle, box.bottom + size * 0.3, sheet.setting.fitted(text, box.width), anchor="middle"
        )
        box.bottom += size * 1.4


def ticks_within(height: float, setting: Setting) -> int:
    """About how many ticks an upright axis of this height has."""
    return max(1, min(int(height / (setting.small * _TICKS)), 8))


def margin(axis: Axis, setting: Setting, width: float) -> float:
    """What the labels of an upright axis take beside it."""
    widest = max((setting.width(text) for text in axis.labels), default=0)
    return min(widest, width * _MOST_LABEL) + setting.small * 0.6


def upright_axis(sheet: Sheet, box: Box, axis: Axis, *, right: bool = False) -> None:
    """The labels of an upright axis and, for the one at the left, the lines across."""
    setting = sheet.setting
    most = sheet.width * _MOST_LABEL
    for tick, text in zip(axis.ticks, axis.labels, strict=True):
        y = box.bottom + (tick - axis.low) / (axis.high - axis.low) * box.height
        shown = setting.fitted(text, most)
        if right:
            sheet.text(box.right + setting.small * 0.6, sheet.middle(y), shown)
        else:
            sheet.text(box.left - setting.small * 0.6, sheet.middle(y), shown, anchor="end")
            sheet.rule(box.left, y, box.right, y)


def base_line(sheet: Sheet, box: Box, axis: Axis, *, lying: bool = False) -> None:
    """The line at zero or, without a zero, at the low end."""
    share = max(0.0, min(1.0, -axis.low / (axis.high - axis.low))) if axis.low <= 0 else 0.0
    if lying:
        x = box.left + share * box.width
        sheet.rule(x, box.bottom, x, box.top, color=BASE, width=0.75)
    else:
        y = box.bottom + share * box.height
        sheet.rule(box.left, y, box.right, y, color=BASE, width=0.75)


def say_empty(sheet: Sheet, box: Box, text: str) -> None:
    """In place of values."""
    middle = (box.bottom + box.top) / 2
    sheet.text(sheet.width / 2, sheet.middle(middle), text, anchor="middle", color=QUIET)


def entries_of(series: Sequence[Series], form: Callable[[int], str]) -> list[Entry]:
    return [Entry(one.title, one.color, form(number)) for number, one in enumerate(series)]
