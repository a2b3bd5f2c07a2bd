"""CSV as RFC 4180 has it: columns made ready by expressions, and written by Polars a frame at a time."""

import io
from collections.abc import Mapping

import polars as pl

from prelo.core.errors import FormatFailed
from prelo.core.table import Completeness, CsvOptions, Layout, Manifest, ValueWarning
from prelo.formats.stream import Field, Progress, flat, open_stream
from prelo.ports import Sink

_TEXTS = {"text", "code", "link"}
_FORMULA = r"^[=+\-@\t\r]"
_DATETIME = "%Y-%m-%dT%H:%M:%S%.f"
_TIME = "%H:%M:%S%.f"
_MONEY_DIGITS = 2


class Csv:
    """Port Writer for CSV: a header of the columns' titles, then the rows; UTF-8.

    Fields are quoted when they hold the delimiter, a quote or a line break; NULL is empty, and an empty
    text is "" (so is NULL in a file of one column: an empty line would be no row). Numbers are plain with
    '.', NaN and infinity are NaN, inf and -inf, dates and times are ISO 8601 (2026-01-31T10:00:00, in the
    layout's time zone), booleans true and false, durations seconds. Title, groups and totals are not
    written. Texts and titles that a spreadsheet would run as a formula are written as CsvOptions.formulas
    says; what was changed is counted in the warnings, per column.
    """

    many = False

    def media_type(self, layout: Layout) -> str:  # noqa: ARG002  the same for every layout
        return "text/csv; charset=utf-8"

    def write(self, data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
        options = _checked(layout.csv)
        stream = open_stream(data, flat(layout))
        cells, escaped = _cells(stream.fields, stream.first.schema, options), _Escaped(options)
        if options.bom:
            out.write(b"\xef\xbb\xbf")
        if options.header:
            out.write(_lines(_header(stream.fields, options), options))
        rows = 0
        for frame in stream.frames:
            out.write(_lines(frame.select(cells), options))
            escaped.count(frame, stream.fields)
            rows += frame.height
            progress(rows, 0)
        return Manifest(
            format="csv",
            rows=rows,
            columns=tuple(field.name for field in stream.fields),
            completeness=Completeness.COMPLETE if rows else Completeness.EMPTY,
            warnings=escaped.warnings(),
        )


def _checked(options: CsvOptions) -> CsvOptions:
    if not options.delimiter.isascii() or options.delimiter in '"\r\n':
        raise FormatFailed(
            f"{options.delimiter!r} cannot separate the fields of a CSV; use ',', ';', a tab or '|'"
        )
    return options


def _header(fields: tuple[Field, ...], options: CsvOptions) -> pl.DataFrame:
    titles = pl.DataFrame({str(place): [field.title] for place, field in enumerate(fields)})
    return titles.select(_safe(name, options) for name in titles.columns)


def _lines(frame: pl.DataFrame, options: CsvOptions) -> memoryview:
    lines = io.BytesIO()
    frame.write_csv(
        lines,
        include_header=False,
        separator=options.delimiter,
        line_terminator=options.line_end,
        datetime_format=_DATETIME,
        time_format=_TIME,
    )
    return lines.getbuffer()


def _cells(
    fields: tuple[Field, ...], schema: Mapping[str, pl.DataType], options: CsvOptions
) -> list[pl.Expr]:
    cells = [_cell(field, schema[field.name], options) for field in fields]
    return [_text(cells[0], fields[0]).fill_null("")] if len(cells) == 1 else cells


def _text(cell: pl.Expr, field: Field) -> pl.Expr:
    form = {"datetime": _DATETIME, "time": _TIME}.get(field.kind.name)
    return cell.dt.strftime(form) if form else cell.cast(pl.String)


def _cell(field: Field, dtype: pl.DataType, options: CsvOptions) -> pl.Expr:
    c = pl.col(field.name)
    if field.kind.name in _TEXTS:
        return _safe(field.name, options)
    if isinstance(dtype, pl.Duration):
        return c.dt.total_microseconds() / 1_000_000
    if isinstance(dtype, pl.Decimal) and dtype.scale > _digits(field):
        return c.cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")
    return c


def _digits(field: Field) -> int:
    """How many decimals the column shows. Values that have more came as texts; zeros at their end go."""
    if field.kind.digits is not None:
        return field.kind.digits
    return _MONEY_DIGITS if field.kind.name == "money" else 0


def _safe(name: str, options: CsvOptions) -> pl.Expr:
    text = pl.col(name)
    if options.formulas == "keep":
        return text
    return pl.when(text.str.contains(_FORMULA)).then("'" + text).otherwise(text).alias(name)


class _Escaped:
    """How many texts of each column were changed."""

    def __init__(self, options: CsvOptions) -> None:
        self._on = options.formulas == "escape"
        self._counts: dict[str, int] = {}

    def count(self, frame: pl.DataFrame, fields: tuple[Field, ...]) -> None:
        texts = [field.name for field in fields if self._on and field.kind.name in _TEXTS]
        found = frame.select(pl.col(name).str.contains(_FORMULA).sum() for name in texts)
        for name in texts:
            self._counts[name] = self._counts.get(name, 0) + found[name].item()

    def warnings(self) -> tuple[ValueWarning, ...]:
        return tuple(
            ValueWarning(
                column=name,
                type="formula-escaped",
                count=count,
                detail="texts that begin like a formula have an apostrophe before them",
            )
            for name, count in self._counts.items()
            if count
        )
