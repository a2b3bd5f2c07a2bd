"""Puts items on pages from top to bottom and writes each page as soon as it is full."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prelo.core.page import PdfOptions
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.body import DATA, GRAND, TOTAL, Body, Items
from prelo.formats.pdf.file import File, PageTree
from prelo.formats.pdf.frame import Frame
from prelo.formats.pdf.look import Look

_HAIRLINE, _LINE = 30, 60


@dataclass(slots=True)
class _Sheet:
    """The page being filled: what is drawn under the text, the text, and where the next item begins."""

    under: list[bytes]
    text: list[bytes | memoryview]
    start: int
    y: int
    fresh: bool = True


class Flow:
    """The pages of one document. `pages` counts those begun."""

    def __init__(
        self, file: File, tree: PageTree, frame: Frame, look: Look, rules: PdfOptions
    ) -> None:
        self._file, self._tree, self._frame, self._look = file, tree, frame, look
        self._grid = rules.rules == "grid"
        self._zebra = rules.rules == "zebra"
        self._footers: list[int] = []
        self._sheet = self._begin(look.top - frame.title_height)

    @property
    def pages(self) -> int:
        return len(self._footers) + 1

    def add(self, items: Items, body: Body) -> None:
        """Place all items; a break falls where a page is full, but not after one that stays with the next."""
        reach = np.cumsum(items.heights)
        places = np.arange(1, len(reach) + 1)
        breaks = np.maximum.accumulate(np.where(items.kept, 0, places))
        operators = items.operators.raw.data
        shaded = items.shaded
        at, count = 0, len(reach)
        while at < count:
            done = int(reach[at - 1]) if at else 0
            room = self._sheet.y - self._look.bottom
            full = int(np.searchsorted(reach, done + room, "right"))
            end = full if full == count else int(breaks[full - 1]) if full else 0
            if end <= at and self._sheet.fresh:
                end = max(
                    full, at + 1
                )  # a page of headings, or a row higher than a page: it has to go on
            if end > at:
                offsets = items.operators.offsets
                self._draw(
                    items, slice(at, end), self._sheet.y + done - reach[at:end], shaded[at:end]
                )
                self._sheet.text.append(operators[offsets[at] : offsets[end]])
                self._sheet.y -= int(reach[end - 1]) - done
                self._sheet.fresh = False
                at = end
            if at < count:
                inside = items.sorts[at] == DATA
                self._turn(body.heading_at(int(items.rows[at])) if inside else "")

    def say(self, text: str) -> None:
        """One quiet line in place of rows."""
        style, cell = self._look.row, self._look.line_cell
        shown, _ = style.font.line(text, style.size)
        self._sheet.text.append(
            b"%b rg %d %d Td%b\n" % (colours.QUIET, cell.left, -style.baseline * 2, shown)
        )

    def close(self) -> int:
        """Write the last page and, now that their number is known, all footers; returns that number."""
        self._finish()
        for number, footer in enumerate(self._footers, 1):
            content = self._frame.page_number(number, len(self._footers))
            self._file.stream(content, number=footer, deflate=False)
        return len(self._footers)

    def _begin(self, top: int) -> _Sheet:
        y = top - self._frame.header_height
        return _Sheet([], [], y, y)

    def _turn(self, heading: str) -> None:
        self._finish()
        self._sheet = self._begin(self._look.top)
        if heading:
            operators, height = self._frame.continued(heading)
            self._sheet.text.append(operators)
            self._sheet.y -= height

    def _draw(
        self,
        items: Items,
        part: slice,
        bottoms: Ints,
        shaded: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> None:
        """Shading and rules of some items that follow each other; `bottoms` are their lower edges."""
        under, width = self._sheet.under, self._look.table_width
        heights, sorts = items.heights[part], items.sorts[part]
        if self._zebra and shaded.any():
            boxes = np.column_stack([bottoms[shaded], heights[shaded]]).ravel().tolist()
            rect = b"0 %%d %d %%d re\n" % width
            under.append(
                colours.SHADE + b" rg\n" + rect * (len(boxes) // 2) % tuple(boxes) + b"f\n"
            )
        if self._grid:
            under.append(self._rules(bottoms, _HAIRLINE, colours.HAIR))
        totals = sorts >= TOTAL
        if totals.any():
            tops = bottoms + heights
            under.append(self._rules(tops[sorts == TOTAL], _HAIRLINE, colours.FRAME))
            under.append(self._rules(tops[sorts == GRAND], _LINE, colours.FRAME))

    def _rules(self, heights: Ints, width: int, colour: bytes) -> bytes:
        line = b"0 %%d m %d %%d l\n" % self._look.table_width
        twice = np.repeat(heights, 2).tolist()
        return (
            b"%b RG %d w\n" % (colour, width) + line * len(heights) % tuple(twice) + b"S\n"
            if twice
            else b""
        )

    def _finish(self) -> None:
        sheet = self._sheet
        if self._grid and not sheet.fresh:
            sheet.under.append(self._verticals(sheet.start, sheet.y))
        first = not self._footers
        parts = [
            b"q .01 0 0 .01 %b 0 cm\n" % self._frame.margin,
            self._frame.title if first else b"",
            b"q 1 0 0 1 0 %d cm /Header Do Q\n" % (sheet.start + self._frame.header_height),
            *sheet.under,
            b"BT %b rg /R %d Tf 0 %d Td\n" % (colours.INK, self._look.row.size, sheet.start),
            *sheet.text,
            b"ET\n/Footer Do Q",
        ]
        content = self._file.stream(b"".join(parts))
        footer = self._file.reserve()
        self._tree.add(b"%d 0 R %d 0 R" % (content, footer))
        self._footers.append(footer)

    def _verticals(self, top: int, bottom: int) -> bytes:
        cells = self._look.cells
        inner = [(cell.right + right.left) // 2 for cell, right in pairwise(cells)]
        edges = [0, *inner, self._look.table_width]
        lines = b"".join(b"%d %d m %d %d l\n" % (x, top, x, bottom) for x in edges)
        return b"%b RG %d w\n" % (colours.HAIR, _HAIRLINE) + lines + b"S\n"
