"""XLSX: a frame drawn by XlsxWriter, rows made by column kernels, one streamed ZIP.

Whatever the number of rows, one frame of them is in memory. Text is never a formula. What Excel cannot
hold as it is (cells.py) is changed by rule and counted in the manifest, never in silence.
"""

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout, Manifest, Overflow
from prelo.formats.stream import Progress, flat, open_stream
from prelo.formats.xlsx.book import Book, Limits
from prelo.formats.xlsx.package import Package
from prelo.ports import Sink

# Wide rows are cut into shorter pieces: the XML of one piece is what memory holds.
_CELLS_AT_ONCE = 250_000

__all__ = ["Xlsx"]


class Xlsx:
    """Writes a table as one workbook.

    `write` needs of `out` only `write`, raises what `open_stream` raises, FormatFailed, RowLimit (overflow
    'fail') and FileLimit (past 4 GiB), and whatever `out` raises. After an error, what was written is no
    file; no thread is left. Hidden columns are not in the file.
    """

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    extension = "xlsx"

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def write(self, data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
        """Write `data` to `out` as `layout` says. `progress` hears of the rows after every frame."""
        if layout.overflow is Overflow.SPLIT_FILES:
            raise FormatFailed(
                "a workbook cannot be split into files yet; use split_sheets or truncate"
            )
        stream = open_stream(data, flat(layout))
        step = max(1, _CELLS_AT_ONCE // max(1, len(stream.fields)))
        with Package(out) as package:
            book = Book(package, stream, layout, self._limits)
            for frame in stream.frames:
                taken = all(book.add(piece) for piece in frame.iter_slices(step))
                progress(book.rows, 0)
                if not taken:
                    break
            return book.close()
