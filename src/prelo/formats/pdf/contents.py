"""What leads to the groups of a table: bookmarks, and a list with page numbers in front."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from prelo.core.page import PdfOptions
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.cells import Cell, Line
from prelo.formats.pdf.file.outline import Outline
from prelo.formats.pdf.frame import block, shown
from prelo.formats.pdf.front import FrontPage
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import lay

_MOST = 20_000  # entries of the list: all are in memory
_DOTS = b"[40 120] 0 d 1 J 40 w"


@dataclass(frozen=True, slots=True)
class _Entry:
    words: str
    page: int
    index: int
    y: int


class Groups:
    """Hears of every page, and keeps where groups begin. What no longer has room is counted in `left`."""

    def __init__(self, options: PdfOptions) -> None:
        self.outline = Outline() if options.bookmarks else None
        self._listed: list[_Entry] | None = [] if options.contents else None
        self._left = 0

    @property
    def left(self) -> int:
        """Entries that are neither bookmarks nor in the list."""
        return self._left + (self.outline.dropped if self.outline else 0)

    def page(self, number: int, index: int, marks: Sequence[tuple[int, str, int]]) -> None:
        """Page object `number`, `index` pages after the table's first, has these headings."""
        for level, words, y in marks:
            if self.outline:
                self.outline.add(words, level, number, y)
            if self._listed is not None and level == 0:
                if len(self._listed) < _MOST:
                    self._listed.append(_Entry(words, number, index, y))
                else:
                    self._left += 1

    def count(self, look: Look) -> int:
        """How many pages the list takes."""
        return -(-len(self._listed or ()) // _fit(look))

    def pages(self, look: Look, title: str, before: int) -> list[FrontPage]:
        """The list, on pages in front of which stand `before` others: `title`, and a line for each group."""
        entries, fit, count = self._listed or (), _fit(look), self.count(look)
        top, step = _top(look), look.contents.height(1)
        out: list[FrontPage] = []
        for first in range(0, len(entries), fit):
            part = entries[first : first + fit]
            numbers = [str(entry.index + before + count + 1) for entry in part]
            content = b"" if first else _heading(look, title)
            links = [_link(e, look, top - n * step, step) for n, e in enumerate(part)]
            out.append(FrontPage(content + _lines(look, part, numbers, top), links))
        return out


def _top(look: Look) -> int:
    """Where the lines of a page begin."""
    return look.top - look.title.height(1) - look.sizes.text


def _fit(look: Look) -> int:
    """The lines of a page."""
    return max((_top(look) - look.bottom) // look.contents.height(1), 1)


def _heading(look: Look, title: str) -> bytes:
    cell = Cell("", 0, look.page.measure, look.start)
    return block(
        lay(Line.plain([shown([title])], [cell]), look.title), look.title, colours.FRAME, look.top
    )


def _lines(look: Look, entries: Sequence[_Entry], numbers: list[str], top: int) -> bytes:
    style, measure = look.contents, look.page.measure
    words = shown([" ".join(entry.words.split()) for entry in entries])
    pages = pl.Series(numbers)
    wide = measure * 9 // 10
    cells = [Cell("", 0, wide, "left", "ellipsis"), Cell("", wide, measure, "right", "shrink")]
    if look.rtl:
        cells = [
            Cell("", measure - wide, measure, "right", "ellipsis"),
            Cell("", 0, measure - wide, "left"),
        ]
    rows = lay(Line.plain([words, pages], cells), style)
    return _dots(look, words.to_list(), numbers, top) + block(rows, style, colours.INK, top)


def _dots(look: Look, words: list[str], numbers: list[str], top: int) -> bytes:
    """Leaders between the words and the page."""
    style, measure = look.contents, look.page.measure
    gap, out = style.size, b"q %b RG %b\n" % (colours.QUIET, _DOTS)
    for n, (text, number) in enumerate(zip(words, numbers, strict=True)):
        begin = style.font.width(text) * style.size // 1000 + gap
        end = measure - style.font.width(number) * style.size // 1000 - gap
        if begin < min(end, measure * 9 // 10):
            a, b = (measure - begin, measure - end) if look.rtl else (begin, end)
            y = top - n * style.height(1) - style.baseline
            out += b"%d %d m %d %d l S\n" % (a, y, b, y)
    return out + b"Q\n"


def _link(entry: _Entry, look: Look, top: int, height: int) -> bytes:
    left = look.page.left
    corners = (left, top - height, left + look.page.measure, top)
    return b"<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect[%.2f %.2f %.2f %.2f]" % tuple(
        corner / 100 for corner in corners
    ) + b"/Dest[%d 0 R/XYZ null %.2f null]>>" % (entry.page, entry.y / 100)
