"""One workbook in the making: its sheets one after the other, and the parts that close it."""

from dataclasses import dataclass, replace

import polars as pl

from prelo.core.errors import FormatFailed, RowLimit
from prelo.core.table import Completeness, Layout, Manifest, Overflow, SheetRows
from prelo.formats.stream import Stream
from prelo.formats.words import words_of
from prelo.formats.xlsx.frame import Frame, Spec, draw
from prelo.formats.xlsx.looks import fit, header_lines, look
from prelo.formats.xlsx.names import numbered, sheet_name
from prelo.formats.xlsx.package import Package, Part
from prelo.formats.xlsx.rows import Rows
from prelo.formats.xlsx.totals import Span, total_row

_PORTRAIT = 130  # characters that an upright page still shows in a legible size


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a sheet ends: its last row, its columns, and the bytes of XML after which no frame is added.

    A part must end below 4 GiB; 256 MiB are left for the last frame.
    """

    rows: int = 1_048_576
    columns: int = 16_384
    bytes: int = (1 << 32) - (1 << 28)


class Book:
    """Takes frames and writes sheets into `package`, each with the frame's head and tail."""

    def __init__(self, package: Package, stream: Stream, layout: Layout, limits: Limits) -> None:
        self._package = package
        self._overflow = layout.overflow
        self._limits = limits
        self._name = sheet_name(layout)
        self._word = words_of(layout.locale).total
        self._spec, self._widths = _spec(stream, layout, self._name, limits)
        self._frame: Frame = draw(self._spec)
        self._rows = Rows(stream.fields, self._frame.styles, self._widths)
        self._room = limits.rows - self._frame.first_row + 1 - bool(self._rows.totals)
        self._sheets: list[Span] = []
        self._part: Part | None = None
        self._fields = stream.fields
        self.truncated = False
        if self._room < 1:
            raise FormatFailed("the title and header leave no room for rows on a sheet")
        for name, data in self._frame.before_sheets().items():
            package.add(name, data)
        self._open()

    @property
    def rows(self) -> int:
        return sum(span.last - span.first + 1 for span in self._sheets)

    def add(self, frame: pl.DataFrame) -> bool:
        """Write a frame, over as many sheets as it takes. False when no more rows will be taken."""
        while frame.height:
            room = self._room_left()
            if not room and not self._may_go_on():
                return False
            if not room:
                self._close_sheet(b"")
                self._open()
                continue
            self._write(frame[:room])
            frame = frame[room:]
        return True

    def close(self) -> Manifest:
        """Write totals and everything that depends on the number of rows and sheets."""
        last = self._sheets[-1]
        totals = b""
        if self._rows.totals and self.rows:
            filled = [span for span in self._sheets if span.last >= span.first]
            totals = total_row(
                last.last + 1, self._rows.totals, self._frame.total_styles, filled, self._word
            )
        self._close_sheet(totals)
        final = self._frame
        if len(self._sheets) > 1:
            final = draw(replace(self._spec, sheets=tuple(span.sheet for span in self._sheets)))
        for name, data in final.after_sheets([span.last for span in self._sheets]).items():
            self._package.add(name, data)
        return self._manifest()

    def _open(self) -> None:
        number = len(self._sheets)
        first = self._frame.first_row
        self._sheets.append(Span(numbered(self._name, number + 1), first, first - 1))
        self._part = self._package.part(f"xl/worksheets/sheet{number + 1}.xml")
        self._part.write(self._frame.head(number, self._widths))

    def _room_left(self) -> int:
        span = self._sheets[-1]
        used = span.last - span.first + 1
        full = used and self._part and self._part.size >= self._limits.bytes
        return 0 if full else self._room - used

    def _may_go_on(self) -> bool:
        """Whether there may be another sheet, now that this one is full and rows are left."""
        if self._overflow is Overflow.FAIL:
            raise RowLimit(
                f"the data has more rows than fit one sheet ({self.rows:,} do), and the report's overflow is "
                "'fail'; choose split_sheets or truncate, or ask for less"
            )
        self.truncated = self._overflow is Overflow.TRUNCATE
        return not self.truncated

    def _write(self, frame: pl.DataFrame) -> None:
        assert self._part  # noqa: S101  open from the first moment to close()
        span = self._sheets[-1]
        self._part.write(self._rows.xml(frame, span.last + 1))
        self._sheets[-1] = replace(span, last=span.last + frame.height)

    def _close_sheet(self, totals: bytes) -> None:
        assert self._part  # noqa: S101
        self._part.write(totals + self._frame.tail(self._sheets[-1].last))
        self._part.close()

    def _manifest(self) -> Manifest:
        state = Completeness.COMPLETE if self.rows else Completeness.EMPTY
        reason = None
        if self.truncated:
            state = Completeness.TRUNCATED
            reason = f"the file ends after {self.rows:,} rows, where the sheet was full; the data has more"
        elif len(self._sheets) > 1:
            state = Completeness.SPLIT
            reason = f"the rows are spread over {len(self._sheets)} sheets"
        return Manifest(
            format="xlsx",
            rows=self.rows,
            columns=tuple(field.name for field in self._fields),
            sheets=tuple(SheetRows(name=s.sheet, rows=s.last - s.first + 1) for s in self._sheets),
            completeness=state,
            reason=reason,
            warnings=self._rows.warnings(),
        )


def _spec(stream: Stream, layout: Layout, name: str, limits: Limits) -> tuple[Spec, list[float]]:
    """What the frame depends on, and the widths, which each job's data decide."""
    fields = stream.fields
    if not fields:
        raise FormatFailed("every column is hidden; a sheet needs at least one to show")
    if len(fields) > limits.columns:
        raise FormatFailed(
            f"the data has {len(fields):,} columns, and a sheet has room for {limits.columns:,}"
        )
    filtered = layout.xlsx.autofilter is not False
    widths = fit(fields, stream.first, layout.locale, filtered=filtered)
    lines = header_lines(fields, widths, filtered=filtered)
    looks = tuple(look(f, layout.locale) for f in fields)
    return Spec.of(layout, (name,), looks, lines, wide=sum(widths) > _PORTRAIT), widths
