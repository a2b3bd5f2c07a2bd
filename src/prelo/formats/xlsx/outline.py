"""The rows that groups add to a sheet, as XML: headings and subtotals, whole columns of them at a time."""

from dataclasses import dataclass

import polars as pl

from prelo.formats.groups import Flags, Ints
from prelo.formats.xlsx.cells import text
from prelo.formats.xlsx.rows import ROW, TEXT, TEXT_END, VALUE_END, Pieces, blank, concat, numbered
from prelo.formats.xlsx.totals import SUBTOTAL
from prelo.formats.xlsx.weave import Part

_DEEPEST = 7  # ECMA-376 18.3.1.73
_COLLAPSED = ' collapsed="1"'  # of the row below what is folded
_LABEL, _FIRST, _LAST = "label", "first", "last"


@dataclass(frozen=True, slots=True)
class Lines:
    """Rows of one sort as XML, and the rows of the sheet they are; `cut` texts were too long for a cell."""

    text: pl.Series
    rows: Ints
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Spans:
    """The rows of the sheet that subtotals stand in, and the first and last of their data; first is 0 for a
    group that began on an earlier sheet.
    """

    rows: Ints
    firsts: Ints
    lasts: Ints


@dataclass(frozen=True, slots=True)
class Look:
    """One level of groups, 0 the outermost: its columns' letters, and the styles of its rows."""

    level: int
    folded: bool
    letters: tuple[str, ...]
    heading: tuple[str, ...]
    subtotal: tuple[str, ...]


def attributes(level: int, *, folded: bool) -> str:
    """Those of a row at this level of the outline. With `folded` only the outermost rows are to be seen."""
    if not level:
        return ""
    return f' outlineLevel="{min(level, _DEEPEST)}"' + (' hidden="1"' if folded else "")


def headings(look: Look, labels: pl.Series, rows: Ints, below: Flags) -> Lines:
    """A heading for each of `labels`; where `below`, what is folded ends above it."""
    frame, cut = _framed(labels, rows)
    pieces = _begun(look)
    if below.any():
        collapsed = pl.when(pl.lit(pl.Series(below))).then(pl.lit(_COLLAPSED)).otherwise(pl.lit(""))
        pieces.add(collapsed)
    pieces.add(">")
    for i, (letter, style) in enumerate(zip(look.letters, look.heading, strict=True)):
        pieces.add(*(blank(letter, style) if i else _label(letter, style)))
    return _lines(frame, pieces, rows, cut)


def subtotals(
    look: Look, labels: pl.Series, spans: Spans, totals: dict[int, tuple[str, pl.Series]]
) -> Lines:
    """A row for each of `labels`, which is said where the first column has no total; `totals` by column."""
    frame, cut = _framed(labels, spans.rows)
    frame = frame.with_columns(
        pl.Series(_FIRST, spans.firsts).cast(pl.String),
        pl.Series(_LAST, spans.lasts).cast(pl.String),
    )
    pieces = _begun(look)
    pieces.add(_COLLAPSED if look.folded else "", ">")
    for i, (letter, style) in enumerate(zip(look.letters, look.subtotal, strict=True)):
        if i in totals:
            total, values = totals[i]
            formula = None if i == 0 and total == "count" else _formula(total, letter, spans)
            pieces.add(*_total(f'<c r="{letter}', style, values, formula))
        else:
            pieces.add(*(blank(letter, style) if i else _label(letter, style)))
    return _lines(frame, pieces, spans.rows, cut)


def _framed(labels: pl.Series, rows: Ints) -> tuple[pl.DataFrame, int]:
    """Row numbers and labels, as XML; how many labels were too long for a cell."""
    frame = pl.DataFrame({_LABEL: labels}).with_columns(numbered(pl.Series(rows)))
    label, odd, _ = text(frame[_LABEL])
    if not odd:
        return frame.with_columns(label), 0
    cut = pl.when(pl.lit(odd.mask)).then(odd.instead).otherwise(label)
    return frame.with_columns(cut.alias(_LABEL)), int(odd.mask.sum())


def _begun(look: Look) -> Pieces:
    pieces = Pieces()
    pieces.add('<row r="', ROW, f'"{attributes(look.level, folded=look.folded)}')
    return pieces


def _lines(frame: pl.DataFrame, pieces: Pieces, rows: Ints, cut: int) -> Lines:
    pieces.add("</row>")
    return Lines(frame.select(pl.concat_str(pieces.all())).to_series(), rows, cut)


def _label(letter: str, style: str) -> list[Part]:
    return [f'<c r="{letter}', ROW, f'"{style}{TEXT}', pl.col(_LABEL), TEXT_END]


def _formula(total: str, letter: str, spans: Spans) -> list[Part]:
    """Of the rows on this sheet; of a group that began on an earlier one there is none."""
    cells: list[Part] = [letter, pl.col(_FIRST), f":{letter}", pl.col(_LAST)]
    parts: list[Part] = [f"<f>SUBTOTAL({SUBTOTAL[total]},", *cells, ")</f>"]
    if spans.firsts.all():
        return parts
    return [pl.when(pl.col(_FIRST) != "0").then(concat(parts)).otherwise(pl.lit(""))]


def _total(start: str, style: str, values: pl.Series, formula: list[Part] | None) -> list[Part]:
    """The cells of one column. Blank where there is nothing to total, as of rows that are all empty."""
    cached: pl.Expr = pl.lit(values.cast(pl.String))
    error: Part = ""
    fits = values.is_finite().fill_null(value=True) if values.dtype.is_float() else None
    if fits is not None and not fits.all():
        cached = pl.when(pl.lit(fits)).then(cached).otherwise(pl.lit("#NUM!"))
        error = pl.when(pl.lit(fits)).then(pl.lit("")).otherwise(pl.lit(' t="e"'))
    cell: list[Part] = [
        start,
        ROW,
        f'"{style}',
        error,
        ">",
        *(formula or []),
        "<v>",
        cached,
        VALUE_END,
    ]
    if not values.null_count():
        return cell
    return [concat(cell).fill_null(concat([start, ROW, f'"{style}/>']))]
