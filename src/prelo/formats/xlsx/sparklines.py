"""A small chart in every row. One for each row of data is far more than XlsxWriter could hold, so it draws
the first of each column, and the others are made from their row numbers when the sheet ends.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.core.workbook import Sparkline
from prelo.formats.stream import BATCH_ROWS
from prelo.formats.xlsx.place import Place
from prelo.formats.xlsx.styles import INK

_LAST, _NEGATIVE = "#E69F00", "#C44E52"
_GROUP = re.compile(
    r"<x14:sparkline><xm:f>[^<]*!([A-Z]+)\d+:([A-Z]+)\d+</xm:f><xm:sqref>([A-Z]+)\d+</xm:sqref></x14:sparkline>"
)


def draw_sparklines(sheet: Worksheet, place: Place, sparklines: Sequence[Sparkline]) -> None:
    """The sparklines of the first row, in the columns after the last field.

    Raises ColumnMissing for a column that the sheet does not show, FormatFailed for columns in the wrong
    order or without numbers.
    """
    for number, sparkline in enumerate(sparklines):
        first, last = _columns(place, sparkline)
        column = len(place.fields) + number
        sheet.add_sparkline(place.first, column, {
            "range": xl_range(place.first, first, place.first, last), "type": sparkline.type,
            "series_color": sparkline.color or INK, "negative_color": _NEGATIVE, "last_color": _LAST,
            "weight": 1.5, "negative_points": sparkline.type != "line",
            "last_point": sparkline.type == "line",
        })  # fmt: skip


def _columns(place: Place, sparkline: Sparkline) -> tuple[int, int]:
    what = f"the sparkline '{sparkline.title}'"
    first, last = place.column(sparkline.first, what), place.column(sparkline.last, what)
    if first >= last:
        raise FormatFailed(
            f"{what} goes from '{sparkline.first}' to '{sparkline.last}', which stands "
            f"{'before it' if last < first else 'in the same column'}; name two columns in the sheet's order"
        )
    for field in place.fields[first : last + 1]:
        if not field.kind.numeric:
            raise FormatFailed(
                f"{what} goes over the column '{field.name}', which is a {field.kind}; put the columns of "
                "numbers side by side"
            )
    return first, last


class Sparklines:
    """The end of a sheet's XML, from its `</sheetData>` on, with the sparklines of any number of rows."""

    def __init__(self, tail: str) -> None:
        self._tail = tail

    def pieces(self, sheet: str, first: int, last: int) -> Iterator[bytes]:
        """The tail of the sheet of that name, with a sparkline in each row from `first` to `last` (counted
        from 1); one in the row `first` if there are no rows, as a group has at least one.
        """
        quoted = sheet.replace("'", "''")
        name = escape(f"'{quoted}'!")
        last = max(first, last)
        end = 0
        for group in _GROUP.finditer(self._tail):
            yield self._tail[end : group.start()].encode()
            for start in range(first, last + 1, BATCH_ROWS):
                yield _rows(group, name, start, min(start + BATCH_ROWS, last + 1))
            end = group.end()
        yield self._tail[end:].encode()


def _rows(group: re.Match[str], sheet: str, start: int, stop: int) -> bytes:
    row = pl.int_range(start, stop, dtype=pl.Int64).cast(pl.String)
    left, right, at = group.groups()
    joined = pl.select(
        pl.concat_str(
            pl.lit(f"<x14:sparkline><xm:f>{sheet}{left}"), row, pl.lit(f":{right}"), row,
            pl.lit(f"</xm:f><xm:sqref>{at}"), row, pl.lit("</xm:sqref></x14:sparkline>"),
        )
    ).to_series()  # fmt: skip
    buffer: Any = joined.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()[2]
    return memoryview(buffer).tobytes()
