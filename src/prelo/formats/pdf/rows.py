"""Rows as text operators, computed column by column; no Python runs per row or per cell.

A row is one string of operators that begins and ends with the text cursor at its upper and lower left
corner. So it does not know where on which page it stands, and a page is a slice of the joined rows.
All lengths are integers in 1/100 pt, x runs to the right and y upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.formats.pdf.arrow import Flags, Flat, Ints, from_offsets
from prelo.formats.pdf.cells import Cell, Ink, Line, Style
from prelo.formats.pdf.font import UNITS, Shown
from prelo.formats.pdf.wrap import Lines, wrap

ALL = 1 << 40  # lines: more than any text has
_ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class Rows:
    """Laid out rows: operators for each band, heights and lines, and how many values of each column were
    cut short.
    """

    texts: list[pl.Series]
    heights: Ints
    lines: Ints
    cut: dict[str, int]

    @property
    def text(self) -> pl.Series:
        """The operators of the only band."""
        return self.texts[0]


@dataclass(slots=True)
class _Piece:
    """One column of a layout: where the cursor stands (one number, or one per row) and what is shown."""

    x: int | Ints
    shown: Shown
    lines: Ints | None = None
    cut: int = 0


def lay(line: Line, style: Style, most: int = ALL) -> Rows:
    """Lay out rows in one style, none of more than `most` lines."""
    if len(line.texts[0]) == 1 and not line.inks and (one := _lay_one(line, style)):
        return one
    return lay_across([line], style, most)


def lay_across(bands: Sequence[Line], style: Style, most: int = ALL) -> Rows:
    """The same for rows that go on on the pages beside: every band is as high as the highest."""
    count = len(bands[0].texts[0])
    lines = np.ones(count, np.int64)
    laid: list[list[_Piece]] = []
    cut: dict[str, int] = {}
    for band in bands:
        pieces = [_piece(t, c, style, most) for t, c in zip(band.texts, band.cells, strict=True)]
        laid.append(pieces)
        for piece, cell in zip(pieces, band.cells, strict=True):
            if piece.lines is not None:
                lines = np.maximum(lines, piece.lines)
            if piece.cut:
                cut[cell.name] = piece.cut
    heights = style.height(0) + lines * style.leading
    texts = [_join(p, band, heights, style) for p, band in zip(laid, bands, strict=True)]
    return Rows(texts, heights, lines, cut)


def broken(text: str, cell: Cell, style: Style) -> list[str]:
    """The lines of one text in a cell that wraps."""
    series = pl.Series([text])
    return _broken(series, cell, style, ALL).content.to_list()


def _lay_one(line: Line, style: Style) -> Rows | None:
    """One row in which everything fits (most titles and totals), without the columns' cost."""
    size, texts = style.size, [text[0] for text in line.texts]
    for text, cell in zip(texts, line.cells, strict=True):
        wide = style.font_of(cell).width(text) * size // UNITS > cell.width
        if "\n" in text or wide or cell.bold:
            return None
    parts, at = list[bytes](), 0
    for text, cell in zip(texts, line.cells, strict=True):
        operators, width = style.font.line(text, size)
        if not text.isascii():
            style.font.note_missing(Flat.of(pl.Series([text])), cell.name)
        room = cell.width - width
        x = cell.left + {"left": 0, "center": room // 2, "right": room}[cell.align]
        parts.append(b"%d %d Td%b\n" % (x - at, 0 if parts else -style.baseline, operators))
        at = x
    height = style.height(1)
    parts.append(b"%d %d Td\n" % (-at, style.baseline - height))
    text = pl.Series([b"".join(parts).decode()])
    return Rows([text], np.array([height]), np.ones(1, np.int64), {})


def _join(pieces: list[_Piece], line: Line, heights: Ints, style: Style) -> pl.Series:
    row = _Concat(len(heights))
    at: int | Ints = 0
    for number, (piece, cell) in enumerate(zip(pieces, line.cells, strict=True)):
        begin, end = _dress(cell, line.inks.get(cell.name), style, row)
        row.add(piece.x - at)
        row.literal(f" {0 if number else -style.baseline} Td{begin}{piece.shown.before or ' '}")
        row.text(piece.shown.text)
        row.literal(f"{piece.shown.after}{end}\n")
        at = piece.x
    row.add(-at)
    row.literal(" ")
    lowest = int(heights.min()) if len(heights) else 0
    same = not len(heights) or lowest == int(heights.max())
    row.add(style.baseline - lowest if same else style.baseline - heights)
    row.literal(" Td\n")
    return row.series()


def _dress(cell: Cell, ink: Ink | None, style: Style, row: "_Concat") -> tuple[str, str]:
    """Colour the cell to come; the operators of a font of its own before its text and after it."""
    end = ""
    if ink is not None:
        if isinstance(ink.before, str):
            row.literal(ink.before)
        else:
            row.text(ink.before)
        row.literal("\n")
        end = f" {ink.after}"
    if not cell.bold:
        return "", end
    own, back = (f" /{font.key} {style.size} Tf" for font in (style.bold, style.font))
    return own, back + end


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


def _piece(text: pl.Series, cell: Cell, style: Style, most: int) -> _Piece:
    flat = Flat.of(text)
    font, limit = style.font_of(cell), cell.width * UNITS // style.size
    font.note_missing(flat, cell.name)
    broken = bool(flat.raw.size) and bool((flat.raw == ord("\n")).any())
    if broken and cell.fit != "wrap":
        return _piece(text.str.replace_all("\n", " ", literal=True), cell, style, most)
    if cell.align == "left" and not broken and font.surely_fits(flat, limit):
        return _Piece(cell.left, font.show(text, flat, style.size))
    widths = font.widths(flat)
    wide = widths > limit
    if broken:
        wide |= text.str.contains("\n", literal=True).to_numpy()
    if not wide.any():
        x = _offset(widths * style.size // UNITS, cell) + cell.left
        return _Piece(x, font.show(text, flat, style.size))
    if cell.fit == "wrap":
        return _wrapped(text, widths, wide, cell, style, most)
    if cell.fit == "ellipsis":
        return _ended(text, wide, cell, style, most)
    return _condensed(text, flat, widths, cell, style)


def _offset(widths: Ints, cell: Cell) -> int | Ints:
    """How far from the left edge of the cell text of these widths begins."""
    if cell.align == "left":
        return 0
    room = cell.width - widths
    return room if cell.align == "right" else room // 2


def _condensed(text: pl.Series, flat: Flat, widths: Ints, cell: Cell, style: Style) -> _Piece:
    """What does not break is drawn as narrow as the cell."""
    shown = style.font_of(cell).show(text, flat, style.size)
    widths = widths * style.size // UNITS
    wide = widths > cell.width
    scale = np.where(wide, np.maximum(cell.width * 100 // np.maximum(widths, 1), 1), 100)
    x = _offset(np.minimum(widths, cell.width), cell) + cell.left
    frame = pl.DataFrame({"t": shown.text, "wide": wide, "scale": scale})
    plain = [pl.lit(shown.before), pl.col("t"), pl.lit(shown.after)]
    narrow = [
        pl.lit(" "),
        pl.col("scale").cast(pl.String),
        pl.lit(" Tz"),
        *plain,
        pl.lit(" 100 Tz"),
    ]
    chosen = pl.when("wide").then(pl.concat_str(narrow)).otherwise(pl.concat_str(plain))
    return _Piece(x, Shown("", frame.select(chosen).to_series(), ""))


def _ended(text: pl.Series, wide: Flags, cell: Cell, style: Style, most: int) -> _Piece:
    """What is too wide ends in an ellipsis."""
    font, few = style.font_of(cell), text.filter(pl.Series(wide))
    measured = font.measured(Flat.of(few))
    totals, starts = measured.totals, measured.bounds[:-1]
    room = max(cell.width * UNITS // style.size - font.width(_ELLIPSIS), 0)
    # Marks and parts of a cluster are of no width and stay with what is before them.
    reach = np.searchsorted(totals, totals[starts] + room, "right") - 1 - starts
    places = pl.DataFrame({"t": few, "n": reach})
    cut = places.select(pl.col("t").str.slice(0, pl.col("n")).str.strip_chars_end() + _ELLIPSIS)
    shortened = text.scatter(np.flatnonzero(wide), cut.to_series())
    piece = _piece(shortened, replace(cell, fit="shrink"), style, most)
    piece.cut = len(few)
    return piece


def _wrapped(
    text: pl.Series, widths: Ints, wide: Flags, cell: Cell, style: Style, most: int
) -> _Piece:
    chosen = pl.Series("wide", wide)
    frame = pl.DataFrame({"t": text, "wide": chosen})
    plain = frame.select(pl.when("wide").then(pl.lit("")).otherwise("t")).to_series()
    few = text.filter(chosen)
    shown = style.font_of(cell).show(plain, Flat.of(plain), style.size)
    lines, operators = _lines(few, cell, style, most)
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


@dataclass(frozen=True, slots=True)
class _Broken:
    """The lines of each text: where they are, what they say, how wide they are in 1/100 pt; those of texts
    that run from right to left.
    """

    lines: Lines
    content: pl.Series
    widths: Ints
    rtl: Flags | None


def _broken(text: pl.Series, cell: Cell, style: Style, most: int) -> _Broken:
    measured = style.font_of(cell).measured(Flat.of(text))
    totals, bounds = measured.totals, measured.bounds
    lines = wrap(measured, cell.width * UNITS // style.size, most)
    # By bytes: to find a character, a text is read from its beginning, which for each line is once too often.
    at = _bytes_before(measured.codes)
    begin, length = at[lines.start] - at[bounds[lines.owner]], at[lines.end] - at[lines.start]
    places = pl.DataFrame({"t": text.cast(pl.Binary).gather(lines.owner), "b": begin, "n": length})
    sliced = pl.col("t").bin.slice(pl.col("b"), pl.col("n")).cast(pl.String)
    content = places.select(sliced).to_series()
    widths = (totals[lines.end] - totals[lines.start]) * style.size // UNITS
    return _Broken(
        lines, content, widths, None if measured.rtl is None else measured.rtl[lines.owner]
    )


def _bytes_before(codes: npt.NDArray[np.uint32]) -> Ints:
    """How many bytes of UTF-8 stand before each character, and before the end."""
    out = np.zeros(len(codes) + 1, np.int64)
    sizes = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)  # noqa: PLR2004  UTF-8's
    np.cumsum(sizes, out=out[1:])
    return out


def _lines(text: pl.Series, cell: Cell, style: Style, most: int) -> tuple[Lines, pl.Series]:
    """The lines of each text, and for each line its operators; the last leads back to the cell's start."""
    found = _broken(text, cell, style, most)
    lines, content = found.lines, found.content
    shown = style.font_of(cell).show(content, Flat.of(content), style.size, found.rtl)
    first = np.diff(lines.owner, prepend=-1) != 0
    last = np.diff(lines.owner, append=-1) != 0
    number = np.arange(len(first)) - np.maximum.accumulate(
        np.where(first, np.arange(len(first)), 0)
    )
    if cell.align == "left":  # every line begins where the cell does: few different moves
        moves = [f" 0 {n * style.leading} Td\n" for n in range(int(number.max()) + 1)]
        move = pl.Series([*moves, f"\n0 {-style.leading} Td"]).gather(np.where(last, number, -1))
        parts = [pl.lit(shown.before), pl.col("t"), pl.lit(shown.after), pl.col("move")]
        columns = pl.DataFrame({"t": shown.text, "move": move})
        return lines, columns.select(pl.concat_str(parts)).to_series()
    offset = _offset(found.widths, cell)
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
