"""A page being filled: what is drawn under the text, the text, what can be clicked."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from prelo.core.page import PdfOptions
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flags, Ints
from prelo.formats.pdf.body import DATA, GRAND, TOTAL, Items
from prelo.formats.pdf.cells import Band
from prelo.formats.pdf.frame import edges_of
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.paint import Fill

_HAIRLINE, _LINE = 30, 60
_MOST_DRAWN = 32


@dataclass(slots=True)
class Layer:
    """One band of the rows of a page, which is a page of its own: fills, the lines over them, the text."""

    under: list[bytes] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    text: list[bytes | memoryview] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Sheet:
    """The page, or the pages beside each other, being filled; the next item begins at `y`.

    `marks` are the headings on it: level, words, y. `page` is its number from 0.
    """

    layers: list[Layer]
    page: int
    start: int
    y: int
    fresh: bool = True
    marks: list[tuple[int, str, int]] = field(default_factory=list)
    goes_on: int | None = None


class Drawer:
    """Draws what lies under the text of some items that follow each other."""

    def __init__(self, look: Look, options: PdfOptions) -> None:
        self._look = look
        self._zebra, self._grid = options.rules == "zebra", options.rules == "grid"
        self._drawn: dict[bytes, list[tuple[list[bytes], list[bytes]]]] = {}

    def draw(self, sheet: Sheet, items: Items, part: slice, bottoms: Ints) -> None:
        """`bottoms` are the lower edges of the items of `part`."""
        if items.paint.fills:
            self._draw(sheet.layers, items, part, bottoms)
            return
        # Most pages of most tables look the same under their text.
        looks = (bottoms, items.heights[part], items.sorts[part], items.shaded[part])
        key = b"".join(look.tobytes() for look in looks)
        drawn = self._drawn.get(key)
        if drawn is None:
            blank = [Layer() for _ in sheet.layers]
            self._draw(blank, items, part, bottoms)
            if len(self._drawn) == _MOST_DRAWN:
                self._drawn.clear()
            drawn = self._drawn[key] = [(layer.under, layer.lines) for layer in blank]
        for layer, (under, lines) in zip(sheet.layers, drawn, strict=True):
            layer.under += under
            layer.lines += lines

    def _draw(self, layers: Sequence[Layer], items: Items, part: slice, bottoms: Ints) -> None:
        heights, sorts = items.heights[part], items.sorts[part]
        shaded = items.shaded[part] if self._zebra else None
        data = sorts == DATA if items.paint.fills else None
        tops, totalled = bottoms + heights, int(sorts.max()) >= TOTAL
        for layer, band in zip(layers, self._look.bands, strict=True):
            if shaded is not None and shaded.any():
                box = (band.left, band.width)
                layer.under.append(_boxes(colours.SHADE, box, bottoms[shaded], heights[shaded]))
            if data is not None:
                rows = items.rows[part][data]
                layer.under += self._fills(
                    items.paint.fills, band, rows, (bottoms[data], heights[data])
                )
            if self._grid:
                layer.lines.append(rules(band, bottoms, _HAIRLINE, colours.HAIR))
                layer.lines.append(self._verticals(band, sorts == DATA, bottoms, tops))
            if totalled:
                layer.lines.append(rules(band, tops[sorts == TOTAL], _HAIRLINE, colours.FRAME))
                layer.lines.append(rules(band, tops[sorts == GRAND], _LINE, colours.FRAME))

    def _verticals(self, band: Band, data: Flags, bottoms: Ints, tops: Ints) -> bytes:
        """The lines between columns, along rows that follow each other."""
        begins = np.flatnonzero(np.diff(data, prepend=False) & data)
        ends = np.flatnonzero(np.diff(data, append=False) & data)
        spans = zip(tops[begins].tolist(), bottoms[ends].tolist(), strict=True)
        edges = edges_of(band)
        lines = b"".join(b"%d %d m %d %d l\n" % (x, a, x, b) for a, b in spans for x in edges)
        return b"%b RG %d w\n" % (colours.HAIR, _HAIRLINE) + lines + b"S\n"

    def _fills(
        self, fills: Sequence[Fill], band: Band, rows: Ints, edges: tuple[Ints, Ints]
    ) -> list[bytes]:
        out: list[bytes] = []
        bottoms, heights = edges
        for fill in fills:
            box = box_of(band, fill.name)
            chosen = fill.index[rows]
            for number in np.unique(chosen[chosen >= 0]).tolist() if box else []:
                there = chosen == number
                out.append(_boxes(fill.palette[number], box, bottoms[there], heights[there]))
        return out


def box_of(band: Band, name: str | None) -> tuple[int, int] | None:
    """Where the cell of a column begins and how wide it is; of the whole row; None: it is in no such band."""
    if name is None:
        return band.left, band.width
    names = [cell.name for cell in sorted(band.cells, key=lambda cell: cell.left)]
    if name not in names:
        return None
    left, right = edges_of(band)[names.index(name) :][:2]
    return left, right - left


def _boxes(colour: bytes, box: tuple[int, int] | None, bottoms: Ints, heights: Ints) -> bytes:
    left, width = box or (0, 0)
    places = np.empty(2 * len(bottoms), np.int64)
    places[::2], places[1::2] = bottoms, heights
    rect = b"%d %%d %d %%d re\n" % (left, width)
    return colour + b" rg\n" + rect * len(bottoms) % tuple(places.tolist()) + b"f\n"


def rules(band: Band, heights: Ints, width: int, colour: bytes) -> bytes:
    """Lines across the table."""
    if not len(heights):
        return b""
    line = b"%d %%d m %d %%d l\n" % (band.left, band.left + band.width)
    twice = np.repeat(heights, 2).tolist()
    return b"%b RG %d w\n" % (colour, width) + line * len(heights) % tuple(twice) + b"S\n"
