"""Places for text: the cells of a row, and how rows of one sort look. Lengths are in 1/100 pt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from prelo.core.table import Align
from prelo.formats.pdf.font import UNITS, Font

Fit = Literal["wrap", "shrink", "ellipsis"]
_CAP_HEIGHT = 714  # in UNITS: lines are centred on their capitals and figures


def narrowed(width: int, room: int) -> int:
    """How wide a line is drawn to stay in its room, in hundredths of its own width."""
    return max(min(100, room * 100 // max(width, 1)), 1)


@dataclass(frozen=True, slots=True)
class Cell:
    """A place in every row, text edge to text edge; `fit` is what becomes of a text that is too wide. `lead`
    and `trail` are room to the left and right of the text that belongs to the cell: an indent, an icon.
    """

    name: str
    left: int
    right: int
    align: Align
    fit: Fit = "wrap"
    bold: bool = False
    lead: int = 0
    trail: int = 0

    @property
    def width(self) -> int:
        return self.right - self.left


@dataclass(frozen=True, slots=True)
class Band:
    """Columns that stand side by side on one page: all of them, unless there are pages across.

    `places` are the columns' numbers; the table reaches from `left` over `width`; `gap` is on both sides
    of each text.
    """

    places: tuple[int, ...]
    cells: tuple[Cell, ...]
    left: int
    width: int
    gap: int


@dataclass(frozen=True, slots=True)
class Style:
    """How rows of one sort look: `leading` between lines, `padding` above and below them."""

    font: Font
    size: int
    leading: int
    padding: int
    bold: Font

    @property
    def baseline(self) -> int:
        """From the top of a row down to its first baseline."""
        return self.padding + (self.leading + self.size * _CAP_HEIGHT // UNITS) // 2

    def height(self, lines: int) -> int:
        return 2 * self.padding + lines * self.leading

    def font_of(self, cell: Cell) -> Font:
        return self.bold if cell.bold else self.font


@dataclass(frozen=True, slots=True)
class Ink:
    """The colour of a cell's text: operators before it (one for all rows, or one each) and after it."""

    before: pl.Series | str
    after: str


@dataclass(frozen=True, slots=True)
class Line:
    """What stands in one band of some rows: a text for each cell, and the colours of some, by name."""

    texts: Sequence[pl.Series]
    cells: Sequence[Cell]
    inks: Mapping[str, Ink]

    @classmethod
    def plain(cls, texts: Sequence[pl.Series], cells: Sequence[Cell]) -> "Line":
        return cls(texts, cells, {})
