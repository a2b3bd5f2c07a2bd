"""Rows as text operators, computed column by column; no Python runs per row or per cell.

A row is one string of operators that begins and ends with the text cursor at its upper and lower left
corner. So it does not know where on which page it stands, and a page is a slice of the joined rows.
All lengths are integers in 1/100 pt, x runs to the right and y upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.core.table import Align
from prelo.formats.pdf.arrow import Flags, Flat, Ints, from_offsets
from prelo.formats.pdf.font import UNITS, Font, Shown
from prelo.formats.pdf.wrap import Lines, wrap

_CAP_HEIGHT = 714  # in UNITS: lines are centred on their capitals and figures


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in every row, text edge to text edge. What is too wide wraps, or is condensed."""

    name: str
    left: int
    right: int
    align: Align
    wraps: bool

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Style:
    """How rows of one sort look: `leading` between lines, `padding` above and below them."""

    font: Font
    size: int
    leading: int
    padding: int

    @property
    def baseline(self) -> int:
        """From the top of a row down to its first baseline."""
        return self.padding + (self.leading + self.size * _CAP_HEIGHT // UNITS) // 2

    def height(self, lines: int) -> int:
        return 2 * self.padding + lines * self.leading


@dataclass(frozen=True, slots=True)
class Rows:
    """Laid out rows: operators and heights, and for each column how many values were cut."""

    text: pl.Series
    heights: Ints
    cut: dict[str, int]


@dataclass(slots=True)
class _Piece:
    """One column of a layout: where the cursor stands (one number, or one per row) and what is shown."""

    x: int | Ints
    shown: Shown
    lines: Ints | None = None
    cut: int = 0


def lay(texts: Sequence[pl.Series], cells: Sequence[Cell], style: Style, most_lines: int) -> Rows:
    """Lay out rows of as many texts as there are cells, all in one style."""
    count = len(texts[0])
    if count == 1 and (one := _lay_one([text[0] for text in texts], cells, style)):
        return one
    pieces = [
        _piece(text, cell, style, most_lines) for text, cell in zip(texts, cells, strict=True)
    ]
    heights = np.full(count, style.height(1))
    for piece in pieces:
        if piece.lines is not None:
            heights = np.maximum(heights, style.height(0) + piece.lines * style.leading)
    cut = {cell.name: piece.cut for cell, piece in zip(cells, pieces, strict=True) if piece.cut}
    return Rows(_join(pieces, heights, style), heights, cut)


def _lay_one(texts: list[str], cells: Sequence[Cell], style: Style) -> Rows | None:
    """The same for one row in which everything fits (most titles and totals), without the columns' cost."""
    font, size = style.font, style.size
    for text, cell in zip(texts, cells, strict=True):
        if "\n" in text or font.width(text) * size // UNITS > cell.width:
            return None
    parts, at = list[bytes](), 0
    for text, cell in zip(texts, cells, strict=True):
        operators, width = font.line(text, size)
        if not text.isascii():
            font.note_missing(Flat.of(pl.Series([text])), cell.name)
        room = cell.width - width
        x = cell.left + {"left": 0, "center": room // 2, "right": room}[cell.align]
        parts.append(b"%d %d Td%b\n" % (x - at, 0 if parts else -style.baseline, operators))
        at = x
    height = style.height(1)
    parts.append(b"%d %d Td\n" % (-at, style.baseline - height))
    return Rows(pl.Series([b"".join(parts).decode()]), np.array([height]), {})


def _join(pieces: list[_Piece], heights: Ints, style: Style) -> pl.Series:
    row = _Concat(len(heights))
    at: int | Ints = 0
    for number, piece in enumerate(pieces):
        row.add(piece.x - at)
        row.literal(
            (f" {-style.baseline}" if number == 0 else " 0") + f" Td{piece.shown.before or ' '}"
        )
        row.text(piece.shown.text)
        row.literal(f"{piece.shown.after}\n")
        at = piece.x
    row.add(-at)
    row.literal(" ")
    lowest = int(heights.min()) if len(heights) else 0
    same = not len(heights) or lowest == int(heights.max())
    row.add(style.baseline - lowest if same else style.baseline - heights)
    row.literal(" Td\n")
    return row.series()


class _Concat:
    """Joins columns of text and numbers into one: constants next to each other become one literal."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._columns: dict[str, pl.Series] = {}
        self._parts: list[pl.Expr] = []
        self._pending = ""

    def literal(self, text: str) -> None:
        self._pending += text

    def text(self, column: pl.Series) -> None:
        self._flush()
        name = str(len(self._columns))
        self._columns[name] = column
        self._parts.append(pl.col(name))

    def add(self, number: int | Ints) -> None:
        if isinstance(number, np.ndarray):
            self.text(pl.Series(number).cast(pl.String))
        else:
            self.literal(str(number))

    def series(self) -> pl.Series:
        self._flush()
        return pl.DataFrame(self._columns).select(pl.concat_str(self._parts)).to_series()

    def _flush(self) -> None:
        if self._pending:
            self._parts.append(pl.lit(self._pending))
            self._pending = ""


def _piece(text: pl.Series, cell: Cell, style: Style, most_lines: int) -> _Piece:
    flat = Flat.of(text)
    font, limit = style.font, cell.width * UNITS // style.size
    font.note_missing(flat, cell.name)
    broken = cell.wraps and bool(flat.raw.size) and bool((flat.raw == ord("\n")).any())
    if cell.align == "left" and not broken and font.surely_fits(flat, limit):
        return _Piece(cell.left, font.show(text, flat, style.size))
    widths = font.widths(flat)
    wide = widths > limit
    if broken:
        wide |= text.str.contains("\n", literal=True).to_numpy()
    if not wide.any():
        x = _offset(widths * style.size // UNITS, cell) + cell.left
        return _Piece(x, font.show(text, flat, style.size))
    if cell.wraps:
        return _wrapped(text, widths, wide, cell, style, most_lines)
    return _condensed(text, flat, widths, cell, style)


def _offset(widths: Ints, cell: Cell) -> int | Ints:
    """How far from the left edge of the cell text of these widths begins."""
    if cell.align == "left":
        return 0
    room = cell.width - widths
    return room if cell.align == "right" else room // 2


def _condensed(text: pl.Series, flat: Flat, widths: Ints, cell: Cell, style: Style) -> _Piece:
    """Numbers and dates never break: the wide ones are drawn as narrow as the cell."""
    shown = style.font.show(text, flat, style.size)
    widths = widths * style.size // UNITS
    wide = widths > cell.width
    scale = np.where(wide, np.maximum(cell.width * 100 // np.maximum(widths, 1), 1), 100)
    x = _offset(np.minimum(widths, cell.width), cell) + cell.left
    frame = pl.DataFrame({"t": shown.text, "wide": wide, "scale": scale})
    plain = [pl.lit(shown.before), pl.col("t"), pl.lit(shown.after)]
    narrow = [pl.col("scale").cast(pl.String), pl.lit(" Tz"), *plain, pl.lit(" 100 Tz")]
    chosen = pl.when("wide").then(pl.concat_str(narrow)).otherwise(pl.concat_str(plain))
    return _Piece(x, Shown("", frame.select(chosen).to_series(), ""))


def _wrapped(
    text: pl.Series, widths: Ints, wide: Flags, cell: Cell, style: Style, most_lines: int
) -> _Piece:
    chosen = pl.Series("wide", wide)
    frame = pl.DataFrame({"t": text, "wide": chosen})
    plain = frame.select(pl.when("wide").then(pl.lit("")).otherwise("t")).to_series()
    few = text.filter(chosen)
    shown = style.font.show(plain, Flat.of(plain), style.size)
    lines, operators = _lines(few, cell, style, most_lines)
    counts = np.ones(len(text), np.int64)
    counts[wide] = np.bincount(lines.owner, minlength=len(few))
    # The lines of a cell stand end to end in the buffer, so a cell is a longer slice of it.
    flat = Flat.of(operators)
    ends = np.zeros(len(text) + 1, np.int64)
    ends[1:] = flat.offsets[np.cumsum(np.where(wide, counts, 0))]
    single = [pl.lit(shown.before), pl.col("t"), pl.lit(shown.after)]
    both = pl.DataFrame({"t": shown.text, "wide": chosen, "lines": from_offsets(flat.raw, ends)})
    picked = pl.when("wide").then(pl.col("lines")).otherwise(pl.concat_str(single))
    offset = np.where(wide, 0, _offset(widths * style.size // UNITS, cell))
    x = cell.left if cell.align == "left" else cell.left + offset
    shown = Shown("", both.select(picked).to_series(), "")
    return _Piece(x, shown, counts, int(np.count_nonzero(lines.cut)))


def _lines(text: pl.Series, cell: Cell, style: Style, most: int) -> tuple[Lines, pl.Series]:
    """The lines of each text, and for each line its operators; the last leads back to the cell's start."""
    font, flat = style.font, Flat.of(text)
    measured = font.measured(flat)
    totals, bounds = measured.totals, measured.bounds
    limit = cell.width * UNITS // style.size
    lines = wrap(measured, limit, most)
    begin, length = lines.start - bounds[lines.owner], lines.end - lines.start
    places = pl.DataFrame({"t": text.gather(lines.owner), "b": begin, "n": length})
    content = places.select(pl.col("t").str.slice(pl.col("b"), pl.col("n"))).to_series()
    shown = font.show(content, Flat.of(content), style.size)
    widths = (totals[lines.end] - totals[lines.start]) * style.size // UNITS
    offset = np.broadcast_to(_offset(widths, cell), len(widths))
    first = np.diff(lines.owner, prepend=-1) != 0
    last = np.diff(lines.owner, append=-1) != 0
    number = np.arange(len(first)) - np.maximum.accumulate(
        np.where(first, np.arange(len(first)), 0)
    )
    columns = {
        "dx": offset - np.where(first, 0, np.roll(offset, 1)),
        "dy": np.where(first, 0, -style.leading),
        "t": shown.text,
        "last": last,
        "bx": -offset,
        "by": number * style.leading,
    }
    dx, dy, bx, by = (pl.col(name).cast(pl.String) for name in ("dx", "dy", "bx", "by"))
    move = [dx, pl.lit(" "), dy, pl.lit(" Td")]
    line = [*move, pl.lit(shown.before), pl.col("t"), pl.lit(shown.after)]
    back = [pl.lit(" "), bx, pl.lit(" "), by, pl.lit(" Td\n")]
    ended = pl.when("last").then(pl.concat_str(back)).otherwise(pl.lit("\n"))
    return lines, pl.DataFrame(columns).select(pl.concat_str([*line, ended])).to_series()
