"""A table of few rows that knows its size: title row, rows, what was left out, and its total."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.core.table import Kind
from prelo.formats.groups import Totals
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.cells import Cell, Style
from prelo.formats.pdf.cells import Line as Cells
from prelo.formats.pdf.charts import Setting
from prelo.formats.pdf.drawn.plain import plain
from prelo.formats.pdf.font import UNITS, Font
from prelo.formats.pdf.rows import Rows, lay
from prelo.formats.pdf.text import as_text
from prelo.formats.pdf.totals import total_kind
from prelo.formats.stream import Field

_MOST_ROWS = 200  # that are ever laid out: more than stand on a page
_MOST_TEXT = 26  # ems of a column of texts
_RULE, _TOTAL_RULE = 80, 60
_ONE = Kind(name="integer")
_NO_VALUE = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text; its width in 1/100 pt."""

    operators: bytes
    width: int

    def at(self, x: int, y: int, colour: bytes) -> bytes:
        """The line with its baseline at y, from x on."""
        return b"BT %b rg %d %d Td %b ET\n" % (colour, x, y, self.operators)


def line(text: str, font: Font, size: int) -> Line:
    """A line of text in a font, at a size in 1/100 pt."""
    operators, width = font.line(plain(text), size)
    return Line(b"/%b %d Tf %b" % (font.key.encode(), size, operators), width)


class SmallTable:
    """The columns are as wide as their texts, and narrower where that is more than `most`."""

    def __init__(
        self, fields: Sequence[Field], rows: pl.DataFrame, setting: Setting, most: int
    ) -> None:
        self._fields, self._rows, self._setting = fields, rows, setting
        size = round(setting.text * 100)
        regular, bold = setting.fonts
        leading, self._gap = size * 6 // 5, size // 2
        self._row = Style(regular, size, leading, size // 4, bold)
        self._header = Style(bold, size, leading, size * 35 // 100, bold)
        self._total = Style(bold, size, leading, size * 3 // 10, bold)
        self._texts = [self._written(rows[field.name].head(_MOST_ROWS), field) for field in fields]
        self._totals = self._added()
        self._cells = self._placed(most)
        self._lines = (
            lay(Cells.plain(self._texts, self._cells), self._row, 2) if rows.height else None
        )
        self.width = self._cells[-1].right + self._gap

    @property
    def height(self) -> int:
        """With all of its rows, each in one line."""
        return self._around + self._rows.height * self._row.height(1)

    @property
    def _around(self) -> int:
        return self._header.height(1) + (self._total.height(1) if self._totals else 0)

    def drawn(self, top: int, most: int) -> tuple[bytes, int]:
        """The table from `top` down, with as many of its rows as `most` has room for, and its height."""
        titles = [pl.Series([plain(field.title)]) for field in self._fields]
        head = self._laid(titles, self._header, top, colours.FRAME)
        out, y = [head.operators], top - head.height
        out.append(self._rule(y, _RULE))
        kept = self._fitting(most - head.height)
        if self._lines and kept:
            laid = _block(self._lines, kept, self._row, y, colours.INK)
            out += [self._bands(self._lines.heights[:kept], y), laid.operators]
            y -= laid.height
        if kept < self._rows.height:
            locale = self._setting.locale
            count = as_text(pl.Series([self._rows.height - kept]), _ONE, locale)[0]
            text = line(locale.words.more.format(count=count), self._row.font, self._row.size)
            out.append(text.at(self._gap, y - self._row.baseline, colours.QUIET))
            y -= self._row.height(1)
        if self._totals:
            out.append(self._rule(y, _TOTAL_RULE))
            total = self._laid(self._totals, self._total, y, colours.INK)
            out.append(total.operators)
            y -= total.height
        return b"".join(out), top - y

    def _fitting(self, room: int) -> int:
        """How many rows stand in so much room, with the line that tells of the others."""
        room -= self._total.height(1) if self._totals else 0
        reach = np.cumsum(self._lines.heights) if self._lines else np.zeros(0, np.int64)
        if self._rows.height == len(reach) and (not len(reach) or reach[-1] <= room):
            return self._rows.height
        return int(np.searchsorted(reach, room - self._row.height(1), "right"))

    def _written(self, values: pl.Series, field: Field) -> pl.Series:
        texts = as_text(values, field.kind, self._setting.locale, field.column.format)
        shown = [plain(text) or ("" if field.kind.numeric else _NO_VALUE) for text in texts]
        return pl.Series(shown, dtype=pl.String)

    def _added(self) -> list[pl.Series]:
        """The row of totals over all rows; none if no column has one."""
        if not self._rows.height or not any(field.column.total for field in self._fields):
            return []
        totals = Totals(self._fields, None)
        begins = np.zeros(self._rows.height, np.bool_)
        begins[0] = True
        totals.feed(self._rows, begins)
        found = totals.end(self._rows.height).totals
        locale = self._setting.locale
        out = [
            as_text(found[f.name], total_kind(f), locale, f.column.format)
            if f.name in found
            else pl.Series([""])
            for f in self._fields
        ]
        out[0] = pl.Series([locale.words.total])
        return out

    def _placed(self, most: int) -> list[Cell]:
        widths: list[int] = []
        for number, (field, texts) in enumerate(zip(self._fields, self._texts, strict=True)):
            widest = int(self._row.font.widths(Flat.of(texts)).max()) if len(texts) else 0
            total = self._totals[number][0] if self._totals else ""
            bold = [self._header.font.width(text) for text in (plain(field.title), total)]
            widest = max(widest, *bold)
            if not field.kind.numeric:
                widest = min(widest, _MOST_TEXT * UNITS)
            widths.append(widest * self._row.size // UNITS + 1)
        room = most - 2 * self._gap * len(widths)
        if sum(widths) > room:
            widths = [max(width * room // sum(widths), 1) for width in widths]
        spread = self._row.size * 2 if sum(widths) + self._row.size * 2 * len(widths) < room else 0
        cells, left = list[Cell](), 0
        for field, width in zip(self._fields, widths, strict=True):
            align = field.column.align or field.kind.align
            right = left + self._gap + width
            fit = "shrink" if field.kind.numeric else "wrap"
            cells.append(Cell(field.name, left + self._gap, right, align, fit))
            left = right + self._gap + spread
        return cells

    def _laid(self, texts: list[pl.Series], style: Style, top: int, colour: bytes) -> "_Block":
        return _block(lay(Cells.plain(texts, self._cells), style, 2), 1, style, top, colour)

    def _bands(self, heights: np.ndarray[tuple[int], np.dtype[np.int64]], top: int) -> bytes:
        """Every second row is shaded."""
        bottoms = (top - np.cumsum(heights))[1::2]
        boxes = zip(bottoms.tolist(), heights[1::2].tolist(), strict=True)
        rects = b"".join(b"0 %d %d %d re\n" % (y, self.width, height) for y, height in boxes)
        return b"%b rg\n%bf\n" % (colours.SHADE, rects) if rects else b""

    def _rule(self, y: int, width: int) -> bytes:
        return b"%b RG %d w 0 %d m %d %d l S\n" % (colours.FRAME, width, y, self.width, y)


@dataclass(frozen=True, slots=True)
class _Block:
    operators: bytes
    height: int


def _block(rows: Rows, count: int, style: Style, top: int, colour: bytes) -> _Block:
    """The first rows as a text object of their own."""
    font = b"/%b %d Tf" % (style.font.key.encode(), style.size)
    text = Flat.of(rows.text.head(count)).raw.tobytes()
    operators = b"BT %b rg %b 0 %d Td\n%bET\n" % (colour, font, top, text)
    return _Block(operators, int(rows.heights[:count].sum()))
