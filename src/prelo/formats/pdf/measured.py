"""Scales, bars and icons: colours that need the lowest and highest value of the whole column.

Where their cells stand is known page by page, what they look like only at the end. So values and places
wait in a temporary file, a few bytes a cell, and each page keeps a place among its contents for them.
"""

from array import array
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.body import DATA, Items
from prelo.formats.pdf.cells import Band, Cell
from prelo.formats.pdf.file import File
from prelo.formats.pdf.file.structure import ARTIFACT, END
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.marks import Measures, bar, icons, scale
from prelo.formats.pdf.paint import Painter
from prelo.formats.pdf.sheet import Sheet, box_of
from prelo.formats.spool import Spool

Floats = npt.NDArray[np.float64]
_ICON = 300  # from the cell's edge to the middle of its icon
_DRAWN = {"scale": scale, "bar": bar, "icons": icons}


class MeasuredCells:
    """The cells of one document that such a highlight colours."""

    def __init__(self, file: File, look: Look, painter: Painter) -> None:
        self._file, self._look = file, look
        self._wanted = [(field.name, highlight) for field, highlight in painter.measured]
        self._low = [np.inf] * len(self._wanted)
        self._high = [-np.inf] * len(self._wanted)
        self._streams, self._counts = array("Q"), array("Q")
        self._spool = Spool("a highlight by scale, bars or icons") if self._wanted else None
        self._count = 0  # of the page that is being filled
        self._items: Items | None = None
        self._bottoms: Ints = np.empty(0, np.int64)

    def __bool__(self) -> bool:
        return bool(self._wanted)

    def place(self, items: Items, bottoms: Ints) -> None:
        """The items of a frame stand at these heights."""
        self._items, self._bottoms = items, bottoms
        for number, measured in enumerate(items.paint.measured):
            if np.isfinite(measured.values).any():
                self._low[number] = min(self._low[number], float(np.nanmin(measured.values)))
                self._high[number] = max(self._high[number], float(np.nanmax(measured.values)))

    def draw(self, sheet: Sheet, part: slice) -> None:  # noqa: ARG002  its page is the open one
        """Keep some of these items, which stand on this page."""
        items = self._items
        if items is None or self._spool is None:
            return
        data = np.flatnonzero(items.sorts[part] == DATA) + part.start
        rows = items.rows[data]
        columns = [self._bottoms[data], items.heights[data]]
        columns += [measured.values[rows] for measured in items.paint.measured]
        self._spool.write(np.column_stack(columns).astype(np.float64).tobytes())
        self._count += len(data)

    def between(self) -> bytes | None:
        """The content stream of the page that ends, to be written at the end."""
        number = self._file.reserve()
        self._streams.append(number)
        self._counts.append(self._count)
        if len(self._streams) % len(self._look.bands) == 0:
            self._count = 0
        return b"%d 0 R" % number

    def close(self) -> None:
        """Write what was kept, now that the ends are known."""
        if self._spool is None:
            return
        self._spool.rewind()
        width, bands = 2 + len(self._wanted), self._look.bands
        for at in range(0, len(self._streams), len(bands)):
            size = self._counts[at] * width * 8
            cells = np.frombuffer(self._spool.read(size), np.float64).reshape(-1, width)
            for number, band in zip(self._streams[at : at + len(bands)], bands, strict=True):
                self._file.stream(b"".join(self._page(cells, band)), number=number)
        self._spool.close()

    def _page(self, cells: Floats, band: Band) -> Iterator[bytes]:
        bottoms, heights = (cells[:, n].astype(np.int64) for n in range(2))
        yield ARTIFACT
        for number, (name, highlight) in enumerate(self._wanted):
            box = box_of(band, name)
            values = cells[:, 2 + number]
            there = np.isfinite(values)
            if box is None or not there.any():
                continue
            span = (self._low[number], self._high[number])
            places = np.column_stack([bottoms[there], heights[there]])
            icon = self._icon(next(cell for cell in band.cells if cell.name == name))
            cells_there = Measures(values[there], span, box, places, icon)
            yield _DRAWN[highlight.show](highlight, cells_there)
        yield END

    def _icon(self, cell: Cell) -> int:
        """The middle of an icon, where its cell begins."""
        if self._look.rtl:
            return cell.right + cell.trail - _ICON
        return cell.left - cell.lead + _ICON
