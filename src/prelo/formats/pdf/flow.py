"""Puts items on pages from top to bottom and writes each page as soon as it is full."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl

from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flags, Flat, Ints
from prelo.formats.pdf.body import DATA, Body, Items, in_style
from prelo.formats.pdf.cells import narrowed
from prelo.formats.pdf.file import File, PageTree
from prelo.formats.pdf.file.structure import ARTIFACT, END
from prelo.formats.pdf.file.structure import begin as tagged
from prelo.formats.pdf.frame import Frame
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import Rows
from prelo.formats.pdf.sheet import Drawer, Layer, Sheet, rules
from prelo.formats.pdf.totals import PageTotals

_HAIRLINE = 30
_AT_ONCE = 4096  # pages


@dataclass(frozen=True, slots=True)
class _Span:
    """Items that stand together on one page, the first from `y` down. `turn`: the page begins with them,
    under the line of these groups ("" for none); None: it goes on.
    """

    items: slice
    y: int
    turn: str | None


class _Around(NamedTuple):
    """What a page has up to the lines over its rows, then up to its rows; and what its parts are to ears."""

    head: bytes
    rows: bytes
    tags: tuple[bytes, ...]


class Listener(Protocol):
    """Who keeps what is known when a page is written."""

    def page(self, number: int, index: int, marks: Sequence[tuple[int, str, int]]) -> None:
        """Page object `number`, the page's place from 0, and its headings: level, words, y."""
        ...


class Extras(Protocol):
    """What else is drawn on pages: links, and colours that need the whole column."""

    def place(self, items: Items, bottoms: Ints) -> None:
        """The items of a frame stand so high, each on its page."""
        ...

    def draw(self, sheet: Sheet, part: slice) -> None:
        """Some of these items stand on this page."""
        ...

    def between(self) -> bytes | None:
        """The content stream of the page that ends, to be written later, between what lies under the text
        and the text.
        """
        ...


class Flow:
    """The pages of one document."""

    def __init__(
        self, file: File, tree: PageTree, frame: Frame, look: Look, drawer: Drawer
    ) -> None:
        self._file, self._tree, self._frame, self._look = file, tree, frame, look
        self._drawer = drawer
        self._moving = array("Q")
        self._goes_on = array("q")
        self._arounds: dict[tuple[int, int], _Around] = {}
        self.totals: PageTotals | None = None
        self.listener: Listener | None = None
        self.extras: Sequence[Extras] = ()
        self._sheet = self._begin(look.top - frame.title_height)

    @property
    def pages(self) -> int:
        """Those begun."""
        return len(self._moving) + len(self._look.bands)

    def add(self, items: Items, frame: pl.DataFrame, body: Body) -> None:
        """Place all items of a frame."""
        spans = list(self._spans(items, body))
        ended = iter(self._page_totals(items, frame, spans))
        reach = np.cumsum(items.heights)
        bottoms = np.empty_like(reach)
        for span in spans:
            before = int(reach[span.items.start - 1]) if span.items.start else 0
            bottoms[span.items] = span.y + before - reach[span.items]
        for extra in self.extras:
            extra.place(items, bottoms)
        for span in spans:
            if span.turn is not None:
                self._end(next(ended, None))
                self._turn(span.turn)
            self._put(items, span.items, bottoms[span.items])

    def say(self, text: str) -> None:
        """One quiet line in place of rows."""
        style = self._look.row
        for layer, band in zip(self._sheet.layers, self._look.bands, strict=True):
            cell = self._look.line_cell(band)
            shown, width = style.font.line(text, style.size)
            scale = narrowed(width, cell.width)
            x = cell.right - width * scale // 100 if cell.align == "right" else cell.left
            place = (colours.QUIET, scale, x, -style.baseline * 2, shown)
            layer.text.append(b"%b rg %d Tz %d %d Td%b 100 Tz\n" % place)

    def end(self) -> int:
        """Write the last page; returns how many there are."""
        if self.totals and not self._sheet.fresh:
            self._end(self.totals.end(self._look))
        self._finish()
        return len(self._moving)

    def close(self, front: int, pages: int) -> None:
        """Write what all pages say of their number: so many stand in front, so many there are in all."""
        for first in range(0, len(self._moving), _AT_ONCE):
            numbers = self._moving[first : first + _AT_ONCE]
            at = first + front + 1
            contents = self._frame.moving(pl.Series(range(at, at + len(numbers))), pages)
            ends = self._goes_on[first : first + _AT_ONCE]
            if any(ends):
                after = at + len(self._look.bands)
                said = [
                    self._frame.goes_on(y, after + n).decode() if y else ""
                    for n, y in enumerate(ends)
                ]
                contents = contents + pl.Series(said)
            self._file.streams(numbers, contents)

    def _spans(self, items: Items, body: Body) -> list[_Span]:
        """Where the pages break: where one is full, but not after an item that stays with the next."""
        reach = np.cumsum(items.heights)
        places = np.arange(1, len(reach) + 1)
        breaks = np.maximum.accumulate(np.where(items.kept, 0, places))
        at, count, y, fresh = 0, len(reach), self._sheet.y, self._sheet.fresh
        turn: str | None = None
        out: list[_Span] = []
        while at < count:
            done = int(reach[at - 1]) if at else 0
            full = int(np.searchsorted(reach, done + y - self._look.bottom, "right"))
            end = full if full == count else int(breaks[full - 1]) if full else 0
            if end <= at and fresh:
                # A page of headings, or an item higher than a page: it has to go on.
                end = max(full, at + 1)
            if end > at:
                out.append(_Span(slice(at, end), y, turn))
                y -= int(reach[end - 1]) - done
                fresh, at = False, end
            if at < count:
                turn = body.heading_at(int(items.rows[at])) if items.sorts[at] == DATA else ""
                y, fresh = self._first(turn), True
        return out

    def _first(self, turn: str) -> int:
        """Where the first item of a further page begins."""
        y = self._look.top - self._frame.header_height
        return y - self._look.headings[-1].height(1) if turn else y

    def _page_totals(
        self, items: Items, frame: pl.DataFrame, spans: Sequence[_Span]
    ) -> list[list[Rows]]:
        """For each page that ends within the frame, the line of its rows' totals."""
        if not self.totals:
            return []
        turns: Flags = np.zeros(frame.height, np.bool_)
        known = -1
        firsts: list[int | None] = []
        for span in spans:
            rows = items.rows[span.items][items.sorts[span.items] == DATA]
            new = rows[rows > known]
            if span.turn is not None:
                firsts.append(int(new[0]) if len(new) else None)
            known = int(rows[-1]) if len(rows) else known
        turns[[row for row in firsts if row is not None]] = True
        lines = iter(_one_by_one(self.totals.feed(frame, turns, self._look)))
        return [next(lines, []) if row is not None else [] for row in firsts]

    def _end(self, totals: Sequence[Rows] | None) -> None:
        """The totals of the page, below its rows."""
        sheet = self._sheet
        for laid in totals or ():
            first = laid is (totals or (None,))[0]
            for layer, band, text in zip(sheet.layers, self._look.bands, laid.texts, strict=True):
                if first:
                    top = np.array([sheet.y])
                    layer.lines.append(rules(band, top, _HAIRLINE, colours.FRAME))
                styled = in_style(text, self._look.total, self._look.row)
                layer.text.append(Flat.of(styled).raw.tobytes())
            sheet.y -= int(laid.heights[0])

    def _put(self, items: Items, part: slice, bottoms: Ints) -> None:
        sheet = self._sheet
        self._drawer.draw(sheet, items, part, bottoms)
        for extra in self.extras:
            extra.draw(sheet, part)
        for layer, flat in zip(sheet.layers, items.operators, strict=True):
            layer.text.append(flat.raw.data[flat.offsets[part.start] : flat.offsets[part.stop]])
        if self.listener:
            self._mark(items, part, bottoms)
        sheet.y = int(bottoms[-1])
        sheet.fresh = False

    def _mark(self, items: Items, part: slice, bottoms: Ints) -> None:
        """Keep the headings that stand on this page."""
        for at in np.flatnonzero(items.tags[part] >= 0).tolist():
            level, words = items.labels[items.tags[part.start + at]]
            top = int(bottoms[at] + items.heights[part.start + at])
            self._sheet.marks.append((level, words, top))

    def _begin(self, top: int) -> Sheet:
        y = top - self._frame.header_height
        page = len(self._moving)
        return Sheet([Layer() for _ in self._look.bands], page, y, y)

    def _turn(self, heading: str) -> None:
        if heading:
            self._sheet.goes_on = self._sheet.y
        self._finish()
        self._sheet = self._begin(self._look.top)
        height = 0
        for layer, band in zip(self._sheet.layers, self._look.bands, strict=True):
            if heading:
                operators, height = self._frame.continued(heading, band)
                layer.text.append(operators)
        self._sheet.y -= height

    def _finish(self) -> None:
        sheet = self._sheet
        for number, layer in enumerate(sheet.layers):
            head, rows, tags = self._around(number, sheet.start)
            under = [self._frame.begin(), ARTIFACT, *layer.under, END]
            over = [head, ARTIFACT, *layer.lines, END, rows, *layer.text, b"ET\n", END, b"Q\n"]
            self._write(layer, under, over, tags)

    def _around(self, number: int, start: int) -> _Around:
        """The same for all pages that begin as high, but for the first; so it is made once."""
        if self._moving and (known := self._arounds.get((number, start))):
            return known
        frame = self._frame
        first = not self._moving and not number
        titled = first and bool(frame.title)
        # Read aloud: the title, the columns' titles once, the rows.
        tags = (b"H1",) * titled + (b"P",) * first + (b"P",)
        head = [frame.watermark()]
        head += [tagged(b"H1", 0), frame.title, END] if titled else []
        head.append(tagged(b"P", len(tags) - 2) if first else ARTIFACT)
        top = start + frame.header_height
        head += [b"q 1 0 0 1 0 %d cm /Header%d Do Q\n" % (top, number), END]
        row = (colours.INK, self._look.row.size, start)
        rows = tagged(b"P", len(tags) - 1) + b"BT %b rg /R %d Tf 0 %d Td\n" % row
        around = _Around(b"".join(head), rows, tags)
        if self._moving:
            self._arounds[number, start] = around
        return around

    def _write(
        self,
        layer: Layer,
        under: list[bytes],
        over: list[bytes | memoryview],
        tags: tuple[bytes, ...],
    ) -> None:
        sheet, index = self._sheet, len(self._moving)
        between = [made for e in self.extras if (made := e.between()) is not None]
        if between:
            streams = [b"%d 0 R" % self._file.stream(b"".join(under)), *between]
            streams.append(b"%d 0 R" % self._file.stream(b"".join(over)))
        else:
            streams = [b"%d 0 R" % self._file.stream(b"".join([*under, *over]))]
        moving = self._file.reserve()
        self._moving.append(moving)
        self._goes_on.append(sheet.goes_on or 0)
        annotations = b"/Annots[%b]" % b"".join(layer.links) if layer.links else b""
        page = self._tree.add(b" ".join([*streams, b"%d 0 R" % moving]), annotations, tags)
        if self.listener and index == sheet.page:
            self.listener.page(page, index, sheet.marks)


def _one_by_one(laid: list[Rows]) -> list[list[Rows]]:
    """Lines of several pages laid out together, as those of each."""
    if not laid:
        return []
    return [
        [
            Rows([t[n : n + 1] for t in r.texts], r.heights[n : n + 1], r.lines[n : n + 1], {})
            for r in laid
        ]
        for n in range(len(laid[0].heights))
    ]
