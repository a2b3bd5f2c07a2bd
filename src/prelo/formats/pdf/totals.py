"""Lines of totals: what they say and where it stands."""

from collections.abc import Sequence

import polars as pl

from prelo.core.table import Kind
from prelo.formats.groups import Closed, Totals
from prelo.formats.pdf.arrow import Flags
from prelo.formats.pdf.cells import Line
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import Rows, lay_across
from prelo.formats.pdf.text import as_text
from prelo.formats.stream import Field

_INTEGER = Kind(name="integer")
_MEAN_DIGITS = 2  # of the mean of integers


def total_kind(field: Field) -> Kind:
    """How the total of a column is written: as its values, a count as an integer."""
    total, kind = field.column.total, field.kind
    if total == "count":
        return _INTEGER
    if total == "mean" and kind.name == "integer":
        return Kind(name="decimal", digits=_MEAN_DIGITS)
    return kind


class TotalLines:
    """Draws the totals of closed groups. Where there is no room beside them, the label stands above."""

    def __init__(self, fields: Sequence[Field], locale: Locale) -> None:
        self._fields = {field.name: field for field in fields}
        self._locale = locale

    def texts(self, closed: Closed) -> dict[str, pl.Series]:
        """The totals of closed groups as they will be shown, by field."""
        return {name: self._text(self._fields[name], v) for name, v in closed.totals.items()}

    def _text(self, field: Field, values: pl.Series) -> pl.Series:
        return as_text(values, total_kind(field), self._locale, field.column.format)

    def lay(self, labels: pl.Series, closed: Closed, look: Look) -> list[Rows]:
        """One line, or two where the label has one of its own; a row for each group."""
        texts, most = self.texts(closed), look.most_lines(look.total)
        places = [[cell for cell in band.cells if cell.name in texts] for band in look.bands]
        beside = [look.total_label(b, cells) for b, cells in zip(look.bands, places, strict=True)]
        if all(beside):
            lines = [
                Line.plain([labels, *(texts[cell.name] for cell in cells)], [label, *cells])
                for label, cells in zip(beside, places, strict=True)
                if label
            ]
            return [lay_across(lines, look.total, most)]
        above = [Line.plain([labels], [look.line_cell(band)]) for band in look.bands]
        blank = pl.Series([""] * len(labels), dtype=pl.String)
        below = [
            Line.plain([texts[cell.name] for cell in cells], cells)
            if cells
            else Line.plain([blank], [look.line_cell(band)])
            for band, cells in zip(look.bands, places, strict=True)
        ]
        return [lay_across(line, look.total, most) for line in (above, below)]


class PageTotals:
    """The totals of the rows of each page, page by page."""

    def __init__(self, fields: Sequence[Field], lines: TotalLines, label: str) -> None:
        self._totals = Totals(fields, None)
        self._lines = lines
        self._label = label
        self._fresh = True

    def feed(self, frame: pl.DataFrame, turns: Flags, look: Look) -> list[Rows]:
        """The lines of the pages that ended before rows of the frame: `turns` marks the first of a page."""
        begins = turns.copy()
        begins[0] |= self._fresh
        self._fresh = False
        return self._lay(self._totals.feed(frame, begins), look)

    def end(self, look: Look) -> list[Rows]:
        """The line of the last page. Only after a feed."""
        return self._lay(self._totals.end(0), look)

    def _lay(self, closed: Closed, look: Look) -> list[Rows]:
        if not len(closed.before):
            return []
        labels = pl.Series([self._label] * len(closed.before))
        return self._lines.lay(labels, closed, look)


def totalled(fields: Sequence[Field]) -> bool:
    """Whether a column asks for a total."""
    return any(field.column.total for field in fields)
