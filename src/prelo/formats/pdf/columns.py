"""The page and its columns: sizes, orientation, and how wide each column is. Lengths are in 1/100 pt."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from prelo.core.page import PdfOptions
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.font import UNITS, Font
from prelo.formats.pdf.rows import Cell
from prelo.formats.stream import Field

_SIZES = {  # portrait, ISO 216 and ANSI
    "A3": (84189, 119055), "A4": (59528, 84189), "A5": (41953, 59528),
    "letter": (61200, 79200), "legal": (61200, 100800), "tabloid": (79200, 122400),
}  # fmt: skip
_BREAKABLE = {"text", "code", "link"}
_FIGURE = (
    572  # UNITS: the width of every figure, and so of the "character" that widths are given in
)
_WIDE_TEXT = 40  # characters of a text column that speak for a landscape page; the rest may wrap
_NARROW = 10  # characters that a text column keeps while there is room elsewhere
_TITLE = 14  # characters of a title that widen its column; a longer one wraps
_LONG, _GROWTH = (
    1000,
    2,
)  # a first frame of so many rows has more after it: digits that sums grow by
_FRACTION = 3  # characters that the mean of integers has more than they
_GROWN, _SHARE = (
    1.4,
    0.6,
)  # how far columns grow, for longer values to come; and of the room to spare
_FULL, _LOOSE = (
    8,
    3,
)  # ems between columns: at most, for a table to fill the page; and in a narrow one


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its margins. x counts from the left margin, y from the lower edge of the paper."""

    width: int
    height: int
    top: int
    right: int
    bottom: int
    left: int

    @property
    def measure(self) -> int:
        """The width between the margins."""
        return self.width - self.left - self.right


@dataclass(frozen=True, slots=True)
class Wish:
    """What a column would like to be wide, padding left out, and whether its text may wrap."""

    width: int
    given: bool
    breakable: bool


def wish(field: Field, text: pl.Series, fonts: tuple[Font, Font], size: int) -> Wish:
    """The width given, or that of the title and the widest of the first frame's texts.

    `fonts` are regular and bold. A sum gets room for further digits: most are below half of rows times
    maximum.
    """
    breakable = field.kind.name in _BREAKABLE
    if field.column.width is not None:
        return Wish(
            round(field.column.width * size * _FIGURE / UNITS), given=True, breakable=breakable
        )
    regular, bold = fonts
    widest = int(regular.widths(Flat.of(text)).max()) if len(text) else 0
    if field.column.total == "sum":
        digits = len(str(len(text) // 2)) + (_GROWTH if len(text) >= _LONG else 0)
        widest += digits * _FIGURE * 4 // 3  # every third digit brings its separator
    elif field.column.total == "mean":
        widest += _FRACTION * _FIGURE
    title = min(bold.width(field.title), _TITLE * _FIGURE)
    words = max(map(bold.width, field.title.split()), default=0)
    return Wish(max(widest, title, words) * size // UNITS + 1, given=False, breakable=breakable)


def page_of(options: PdfOptions, wanted: Sequence[Wish], gap: int, text: int) -> Page:
    """The page that suits these columns: turned if they are wider than it is and nobody says otherwise."""
    size = options.size
    width, height = _SIZES[size] if isinstance(size, str) else map(_hundredths, size)
    margin = options.margin
    margins = margin if isinstance(margin, tuple) else (margin, margin, margin, margin)
    top, right, bottom, left = map(_hundredths, margins)
    cap = _WIDE_TEXT * text * _FIGURE // UNITS
    total = sum(w.width if w.given or not w.breakable else min(w.width, cap) for w in wanted)
    short, long = sorted((width, height))
    turned = total + 2 * gap * len(wanted) > short - left - right
    if options.orientation == "landscape" or (options.orientation == "auto" and turned):
        return Page(long, short, top, right, bottom, left)
    return Page(short, long, top, right, bottom, left)


def _hundredths(points: float) -> int:
    return round(points * 100)


def cells_of(
    fields: Sequence[Field], wanted: Sequence[Wish], measure: int, gap: int, size: int
) -> list[Cell]:
    """The columns side by side within `measure`, each with `gap` on both sides of its text.

    Too wide: text columns give way first, the widest of them first, then all in proportion. Room to spare:
    they grow, and stand apart by equal distances: as far as fills the page, unless the table would
    fall apart.
    """
    gap = min(gap, measure // (6 * len(fields)))
    room = measure - 2 * gap * len(fields)
    widths = _shared([w.width for w in wanted], wanted, room, _NARROW * size * _FIGURE // UNITS)
    between = _between(room - sum(widths), len(fields) - 1, size)
    cells: list[Cell] = []
    left = 0
    for field, width in zip(fields, widths, strict=True):
        align = field.column.align or field.kind.align
        breakable = field.kind.name in _BREAKABLE
        cells.append(Cell(field.name, left + gap, left + gap + width, align, breakable))
        left += width + 2 * gap + between
    return cells


def _between(spare: int, places: int, size: int) -> int:
    share = spare // max(places, 1)
    return share if share <= _FULL * size else _LOOSE * size


def _shared(widths: list[int], wanted: Sequence[Wish], room: int, narrow: int) -> list[int]:
    total = sum(widths)
    if total <= room:
        # Texts that fit by far need not be measured one by one.
        grow = min(1 + _SHARE * (room / max(total, 1) - 1), _GROWN)
        return [w.width if w.given else int(w.width * grow) for w in wanted]
    low, high = narrow, max(widths)
    while low < high:  # the highest ceiling for text columns under which everything fits
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if sum(_under(middle, widths, wanted)) <= room else (low, middle - 1)
        )
    widths = _under(low, widths, wanted)
    total = sum(widths)
    return [max(width * room // total, 1) for width in widths] if total > room else widths


def _under(ceiling: int, widths: list[int], wanted: Sequence[Wish]) -> list[int]:
    return [
        min(w, ceiling) if wish.breakable and not wish.given else w
        for w, wish in zip(widths, wanted, strict=True)
    ]
