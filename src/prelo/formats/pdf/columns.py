"""The page and its columns: sizes, orientation, how wide each column is. Lengths are in 1/100 pt."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from prelo.core.errors import FormatFailed
from prelo.core.page import PdfOptions
from prelo.core.table import Align
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.cells import Band, Cell, Fit
from prelo.formats.pdf.font import UNITS, Font
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
_LEAST_ROOM = 3600  # between the margins
_LEAST = 0.4  # of the width that figures and titles need: narrower, nobody could read them
_MIRRORED: dict[Align, Align] = {"left": "right", "right": "left", "center": "center"}


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
    """What a column would like to be wide, padding left out; whether its text may give way, by how it fits;
    its share of what the others leave.
    """

    width: int
    given: bool
    breakable: bool
    fit: Fit
    weight: float | None


def wish(field: Field, text: pl.Series, fonts: tuple[Font, Font], size: int) -> Wish:
    """The width given, or that of the title and the widest of the first frame's texts.

    `fonts` are regular and bold. A sum gets room for further digits: most are below half of rows times
    maximum.
    """
    column = field.column
    breakable = field.kind.name in _BREAKABLE
    fit: Fit = column.fit or ("wrap" if breakable else "shrink")
    given = column.width is not None and column.weight is None
    if column.width is not None and given:
        width = round(column.width * size * _FIGURE / UNITS)
    else:
        width = _fitted(field, text, fonts) * size // UNITS + 1 + sum(_inset(field, "left", size))
    return Wish(width, given, breakable or fit != "shrink", fit, column.weight)


def _fitted(field: Field, text: pl.Series, fonts: tuple[Font, Font]) -> int:
    """The width of the title and the widest of the first frame's texts, in UNITS."""
    regular, bold = fonts
    font = bold if field.column.bold else regular
    widest = int(font.widths(Flat.of(text)).max()) if len(text) else 0
    if field.column.total == "sum":
        digits = len(str(len(text) // 2)) + (_GROWTH if len(text) >= _LONG else 0)
        widest += digits * _FIGURE * 4 // 3  # every third digit brings its separator
    elif field.column.total == "mean":
        widest += _FRACTION * _FIGURE
    title = min(bold.width(field.title), _TITLE * _FIGURE)
    words = max(map(bold.width, field.title.split()), default=0)
    return max(widest, title, words)


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
    if isinstance(size, str) or options.orientation != "auto":
        width, height = short, long
        if options.orientation == "landscape" or (options.orientation == "auto" and turned):
            width, height = long, short
    if min(width - left - right, height - top - bottom) < _LEAST_ROOM:
        raise FormatFailed("the margins leave no room on the page; make them smaller")
    return Page(width, height, top, right, bottom, left)


def _hundredths(points: float) -> int:
    return round(points * 100)


@dataclass(frozen=True, slots=True)
class Room:
    """The width that columns share: `measure` in all, `gap` on both sides of each text of `size`."""

    measure: int
    gap: int
    size: int

    def of(self, columns: int) -> int:
        """What is left for so many columns' texts."""
        return self.measure - 2 * self.gap * columns


def bands_of(
    fields: Sequence[Field], wanted: Sequence[Wish], room: Room, options: PdfOptions, *, rtl: bool
) -> list[Band]:
    """The columns side by side within the page: one band, or several for pages across, each beginning with
    the first column.

    Too wide: text columns give way first, the widest of them first, then all in proportion. Room to spare:
    they grow, and stand apart by equal distances: as far as fills the page, unless the table would
    fall apart. Raises FormatFailed for more columns than may or can stand on a page.
    """
    everything = list(range(len(fields)))
    if options.wide != "fit" and _least(wanted, room, firm=True) > room.of(len(fields)):
        if options.wide == "fail":
            raise FormatFailed(_too_wide(fields, wanted, room, "wide: fit sets them narrower"))
        parts = _parted(wanted, room)
    else:
        parts = [everything]
        narrow = replace(room, gap=min(room.gap, room.measure // (6 * len(fields))))
        if _least(wanted, narrow, firm=False) * _LEAST > narrow.of(len(fields)):
            raise FormatFailed(_too_wide(fields, wanted, room, "wide: pages goes on beside"))
    return [_band(part, fields, wanted, room, rtl=rtl) for part in parts]


def _too_wide(fields: Sequence[Field], wanted: Sequence[Wish], room: Room, way_out: str) -> str:
    needed = (_least(wanted, room, firm=True) + 2 * room.gap * len(fields)) / 100
    return (
        f"{len(fields)} columns need {needed:,.0f} points and the page has {room.measure / 100:,.0f}; hide "
        f"some, take a larger page or a smaller font_size, or say how: {way_out}"
    )


def _least(wanted: Sequence[Wish], room: Room, *, firm: bool) -> int:
    """What the columns need when all texts have given way; `firm`: not those of a given width."""
    narrow = _NARROW * room.size * _FIGURE // UNITS
    return sum(
        min(w.width, narrow) if w.breakable and not (w.given and firm) else w.width for w in wanted
    )


def _parted(wanted: Sequence[Wish], room: Room) -> list[list[int]]:
    """The columns of each band: as many as fit beside the first one, without giving way much."""
    cap = _WIDE_TEXT * room.size * _FIGURE // UNITS
    widths = [min(w.width if w.given else min(w.width, cap), room.of(1)) for w in wanted]
    parts: list[list[int]] = [[0]]
    for column in range(1, len(wanted)):
        part = [*parts[-1], column]
        if sum(widths[c] for c in part) <= room.of(len(part)) or len(parts[-1]) == 1:
            parts[-1] = part
        else:
            parts.append([0, column])
    return parts


def _band(
    part: Sequence[int], fields: Sequence[Field], wanted: Sequence[Wish], room: Room, *, rtl: bool
) -> Band:
    wishes = [wanted[column] for column in part]
    room = replace(room, gap=min(room.gap, room.measure // (6 * len(part))))
    narrow = _NARROW * room.size * _FIGURE // UNITS
    widths = _weighted(_shared(wishes, room.of(len(part)), narrow), wishes, room.of(len(part)))
    between = _between(room.of(len(part)) - sum(widths), len(part) - 1, room.size)
    cells: list[Cell] = []
    left = 0
    for column, width, wish in zip(part, widths, wishes, strict=True):
        field = fields[column]
        align = field.column.align or field.kind.align
        start = left + room.gap
        lead, trail = _inset(field, align, room.size)
        lead, trail = min(lead, width // 2), min(trail, width // 2)
        inner = (start + lead, start + width - trail)
        cells.append(Cell(field.name, *inner, align, wish.fit, field.column.bold, lead, trail))
        left += width + 2 * room.gap + between
    across = left - between
    if rtl:
        cells = [
            _mirrored(cell, fields[c], room.measure) for c, cell in zip(part, cells, strict=True)
        ]
    return Band(tuple(part), tuple(cells), room.measure - across if rtl else 0, across, room.gap)


def _inset(field: Field, align: Align, size: int) -> tuple[int, int]:
    """Room within a cell on both sides of its text: of an indent, and of an icon at the left."""
    icon = size if any(h.show == "icons" for h in field.column.highlight) else 0
    indent = (field.column.indent or 0) * size
    return (icon, indent) if align == "right" else (icon + indent, 0)


def _mirrored(cell: Cell, field: Field, measure: int) -> Cell:
    """The cell as seen in a mirror; figures stay in line at their right, and a side that is said stays."""
    stays = field.column.align or field.kind.numeric
    align = cell.align if stays else _MIRRORED[cell.align]
    sides = {"left": measure - cell.right, "right": measure - cell.left}
    return replace(cell, **sides, align=align, lead=cell.trail, trail=cell.lead)


def _between(spare: int, places: int, size: int) -> int:
    share = spare // max(places, 1)
    return share if share <= _FULL * size else _LOOSE * size


def _weighted(widths: list[int], wanted: Sequence[Wish], room: int) -> list[int]:
    """Columns with a weight share what the others leave, but are never narrower than they must be."""
    weights = sum(wish.weight or 0 for wish in wanted)
    if not weights:
        return widths
    left = room - sum(n for n, w in zip(widths, wanted, strict=True) if not w.weight)
    narrow = min(left // len(wanted), *widths) if left > 0 else 1
    shares = [
        max(int(left * w.weight / weights), narrow) if w.weight else n
        for n, w in zip(widths, wanted, strict=True)
    ]
    total = sum(shares)
    return [max(n * room // total, 1) for n in shares] if total > room else shares


def _shared(wanted: Sequence[Wish], room: int, narrow: int) -> list[int]:
    widths = [wish.width for wish in wanted]
    total = sum(widths)
    if total <= room:
        # Texts that fit by far need not be measured one by one.
        grow = min(1 + _SHARE * (room / max(total, 1) - 1), _GROWN)
        weighted = any(wish.weight for wish in wanted)
        return [w.width if w.given or weighted else int(w.width * grow) for w in wanted]
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
