"""One table on its way into the workbook, over as many sheets as it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from prelo.core.errors import FormatFailed, RowLimit
from prelo.core.table import Overflow, ValueWarning
from prelo.formats.words import words_of
from prelo.formats.xlsx.drawing import SheetSpec
from prelo.formats.xlsx.excel_table import table_name, table_titles, total_formula
from prelo.formats.xlsx.frame import SheetFrame
from prelo.formats.xlsx.groups import Grouped, Grouping
from prelo.formats.xlsx.links import MOST_BYTES, Links
from prelo.formats.xlsx.package import Part
from prelo.formats.xlsx.plan import Plan
from prelo.formats.xlsx.rows import Rows
from prelo.formats.xlsx.shown import shown
from prelo.formats.xlsx.sparklines import Sparklines
from prelo.formats.xlsx.strings import SharedStrings
from prelo.formats.xlsx.totals import Span, total_row

_MOST_LINK_BYTES = 4 * MOST_BYTES  # of addresses in memory, over however many sheets


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a sheet ends: its last row, its rows of data, and the bytes of XML after which no frame is
    added. A part must end below 4 GiB; 256 MiB are left for the last frame.
    """

    rows: int = 1_048_576
    data_rows: int = 1_048_576
    bytes: int = (1 << 32) - (1 << 28)


@dataclass(slots=True)
class Leaf:
    """One sheet that has been begun: its rows, counted from 1, and how many of them are data; the name of its
    Excel table.
    """

    name: str
    first: int
    last: int
    links: Links
    table: str = ""
    data: int = 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for every table of a workbook. `begin` opens the part of the next sheet."""

    limits: Limits
    overflow: Overflow
    strings: SharedStrings | None
    tables: set[str]
    begin: Callable[[], tuple[Part, bool]]
    free: Callable[[str], str]


class TableWriter:
    """Takes frames and writes sheets, each with the frame's head and tail."""

    def __init__(self, plan: Plan, frame: SheetFrame, widths: list[float], terms: Terms) -> None:
        self._plan = plan
        self._frame = frame
        self._widths = widths
        self._terms = terms
        self._layout = plan.spec.layout
        self._rows = _rows_of(plan.spec, frame, widths, terms.strings)
        self._room = terms.limits.rows - frame.first_row + 1 - bool(self._rows.totals)
        self.leaves: list[Leaf] = []
        self.truncated = False
        self.left = pl.DataFrame()
        """Rows that were given and found no room."""
        self._open(plan.spec.name)

    @property
    def rows(self) -> int:
        """The rows of data written so far."""
        return sum(leaf.data for leaf in self.leaves)

    def add(self, frame: pl.DataFrame) -> bool:
        """Write a frame, over as many sheets as it takes. False when no more rows will be taken."""
        while frame.height:
            taken = self._write(frame)
            for summing in self._plan.summings:
                summing.add(frame[:taken])
            frame = frame[taken:]
            if taken or not frame.height:
                continue
            if not self._may_go_on():
                self.left = frame
                return False
            self._turn()
        return True

    def _write(self, frame: pl.DataFrame) -> int:
        """As many rows as still fit the sheet; their number, 0 when it is full."""
        leaf, limits = self.leaves[-1], self._terms.limits
        room = self._room - (leaf.last - leaf.first + 1)
        most = 0 if self._part.size >= limits.bytes and leaf.data else limits.data_rows - leaf.data
        written = self._rows.write(frame, leaf.last + 1, max(room, 0), most)
        if not written.used and not leaf.data:
            raise FormatFailed("the title and header leave no room for rows on a sheet")
        self._part.write(*written.xml)
        leaf.last, leaf.data = leaf.last + written.used, leaf.data + written.taken
        return written.taken

    def close(self) -> None:
        """Write what ends the last sheet."""
        ended = self._rows.end(self.leaves[-1].last + 1)
        self._part.write(*ended.xml)
        self.leaves[-1].last += ended.used
        spans = self.leaves if not self._layout.xlsx.table else self.leaves[-1:]
        self._close_sheet(self._totals(spans))

    def warnings(self) -> tuple[ValueWarning, ...]:
        return self._rows.warnings()

    def _open(self, name: str) -> None:
        first = self._frame.first_row
        kept = sum(leaf.links.size for leaf in self.leaves)
        links = Links(most_bytes=min(MOST_BYTES, _MOST_LINK_BYTES - kept))
        self._rows.links = links
        table = table_name(name, self._terms.tables) if self._layout.xlsx.table else ""
        self.leaves.append(Leaf(name, first, first - 1, links, table))
        self._part, selected = self._terms.begin()
        head = self._frame.head(self._widths, self._plan.spec.fields, selected=selected)
        self._part.write(head)

    def _may_go_on(self) -> bool:
        """Whether there may be another sheet, now that this one is full and rows are left."""
        overflow = self._terms.overflow
        if overflow is Overflow.FAIL:
            raise RowLimit(
                f"the data has more rows than fit one sheet ({self.rows:,} do), and the report's overflow is "
                "'fail'; choose split_sheets or truncate, or ask for less"
            )
        self.truncated = overflow is Overflow.TRUNCATE
        return overflow is Overflow.SPLIT_SHEETS

    def _turn(self) -> None:
        """End this sheet and begin the next. An Excel table adds up the rows of its own sheet."""
        if self._layout.xlsx.table:
            self._close_sheet(self._totals(self.leaves[-1:]))
            self._rows.restart()
        else:
            self._close_sheet(b"")
        self._rows.turn(self._frame.first_row)
        self._open(self._terms.free(self._plan.spec.name))

    def _totals(self, leaves: list[Leaf]) -> bytes:
        totals = self._rows.totals
        table = bool(self._layout.xlsx.table)
        filled = [Span(leaf.name, leaf.first, leaf.last) for leaf in leaves if leaf.data or table]
        if not totals or not filled:
            return b""
        word = words_of(self._layout.locale).total
        last = max(leaves[-1].last, leaves[-1].first if table else 0)
        formulas = self._table_formulas(leaves[-1].table) if table else None
        return total_row(last + 1, totals, self._frame.styles.total, filled, word, formulas)

    def _table_formulas(self, table: str) -> dict[int, str]:
        """The totals of an Excel table, which know their columns by name."""
        titles = table_titles(self._plan.spec.fields)
        return {
            i: total_formula(running.total, table, titles[i])
            for i, running in self._rows.totals.items()
        }

    def _close_sheet(self, totals: bytes) -> None:
        leaf = self.leaves[-1]
        self._part.write(totals)
        tail = leaf.links.spliced(self._frame.tail(leaf.last).encode()).decode()
        for piece in Sparklines(tail).pieces(leaf.name, leaf.first, leaf.last):
            self._part.write(piece)
        self._part.close()


def _rows_of(
    spec: SheetSpec, frame: SheetFrame, widths: list[float], strings: SharedStrings | None
) -> Rows:
    styles = frame.styles
    if not spec.groups:
        return Rows(spec.fields, styles.data, widths, strings=strings)
    locale = spec.layout.locale
    grouping = Grouping(
        spec.groups, partial(shown, locale=locale), locale, folded=spec.layout.xlsx.folded
    )
    return Grouped(spec.fields, grouping, styles, widths, strings=strings)
