"""The body of the table: data rows, group headings and totals as one sequence of items to put on pages."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.core.table import Column, Kind, Layout
from prelo.formats.conform import infer_kind
from prelo.formats.groups import Boundaries, Closed, Totals, labelled
from prelo.formats.pdf.arrow import Flags, Flat, Ints
from prelo.formats.pdf.groups import total_kind
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import Style, lay
from prelo.formats.pdf.text import as_text
from prelo.formats.stream import Field

DATA, HEADING, TOTAL, GRAND, UNDER = range(5)
"""Sorts of items; UNDER is the second line of a total."""

_BETWEEN_LEVELS = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
_LOST = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]"


@dataclass(frozen=True, slots=True)
class Items:
    """Items in order: their operators end to end, height, sort, and the data row each stands at."""

    operators: Flat
    heights: Ints
    sorts: Ints
    rows: Ints
    rows_before: int

    @property
    def kept(self) -> Flags:
        """Items that stay on one page with the next: headings, and what a total follows."""
        follows = np.append(self.sorts[1:] >= TOTAL, False)
        return (self.sorts == HEADING) | follows

    @property
    def shaded(self) -> Flags:
        """Every second data row."""
        return (self.sorts == DATA) & ((self.rows + self.rows_before) % 2 == 1)


@dataclass(frozen=True, slots=True)
class _Part:
    """Items of one sort, with where they go: before, at or after which data row, as a sort key."""

    text: pl.Series
    heights: Ints
    keys: Ints
    rows: Ints
    sort: int


class Body:
    """Turns frames into items, and knows the groups that are open between them."""

    def __init__(
        self, fields: Sequence[Field], layout: Layout, schema: pl.Schema, locale: Locale
    ) -> None:
        self._fields = fields
        self._locale = locale
        self._groups = [_group_field(name, layout, schema) for name in layout.group_by]
        self._boundaries = Boundaries(layout.group_by)
        names = [None, *layout.group_by]
        self._totals = (
            [Totals(fields, name) for name in names] if any(f.column.total for f in fields) else []
        )
        self._labels: list[list[str]] = [[] for _ in self._groups]
        self._label_rows: list[Ints] = [np.empty(0, np.int64) for _ in self._groups]
        self.rows = 0
        self.cut: Counter[str] = Counter()
        """Values whose text was higher than a page, by column."""
        self.removed: Counter[str] = Counter()
        """Values that control characters were taken out of, by column."""

    def texts(self, frame: pl.DataFrame) -> list[pl.Series]:
        """The visible columns as they will be shown."""
        out: list[pl.Series] = []
        for field in self._fields:
            text = as_text(frame[field.name], field.kind, self._locale, field.column.format)
            cleaned = clean(text, field.kind)
            if cleaned is not text:
                self.removed[field.name] += int(text.str.contains(_LOST).sum())
            out.append(cleaned)
        return out

    def total_texts(self, closed: Closed) -> dict[str, pl.Series]:
        """The totals of closed groups as they will be shown, by field."""
        fields = {f.name: f for f in self._fields}
        return {
            name: as_text(v, total_kind(fields[name]), self._locale, fields[name].column.format)
            for name, v in closed.totals.items()
        }

    def items(
        self, frame: pl.DataFrame, texts: list[pl.Series], look: Look, *, last: bool
    ) -> Items:
        """The items of a frame: its rows, the headings they begin with, totals of groups that ended; after
        the `last` one, of those still open too.
        """
        rows = lay(texts, look.cells, look.row, look.most_lines)
        self.cut.update(rows.cut)
        at = np.arange(frame.height)
        levels = len(self._groups)
        parts = [_Part(rows.text, rows.heights, self._key(at, levels), at, DATA)]
        begins = self._boundaries.begins(frame) if levels else []
        if self._totals:
            whole = np.zeros(frame.height, np.bool_)
            whole[0] = self.rows == 0
            for level, (totals, begun) in enumerate(
                zip(self._totals, [whole, *begins], strict=True)
            ):
                parts += self._total_part(totals.feed(frame, begun), level, look)
                if last:
                    parts += self._total_part(totals.end(frame.height), level, look)
        parts += self._headings(frame, begins, look)
        items = _ordered(parts, self.rows)
        self.rows += frame.height
        return items

    def heading_at(self, row: int) -> str:
        """The groups that a row of the last frame belongs to, in one line; empty without groups."""
        found: list[str] = []
        for labels, rows in zip(self._labels, self._label_rows, strict=True):
            found.append(labels[int(np.searchsorted(rows, row, "right")) - 1])
        return _BETWEEN_LEVELS.join(found)

    def _key(self, rows: Ints, step: int) -> Ints:
        """Sort keys: totals before a row from the inside out, its headings from the outside in, the row."""
        levels = len(self._groups)
        return rows * (2 * levels + 2) + levels + 1 + step

    def _headings(self, frame: pl.DataFrame, begins: list[Flags], look: Look) -> Iterator[_Part]:
        for level, (field, begun) in enumerate(zip(self._groups, begins, strict=True)):
            rows = np.flatnonzero(begun)
            values = self._text(frame[field.name].gather(rows), field)
            labels = labelled(values, f"{field.title}: ")
            # The group that the frame goes on with begins before its first row.
            known = self._labels[level][-1:]
            self._labels[level] = known + labels.to_list()
            self._label_rows[level] = np.concatenate([np.full(len(known), -1), rows])
            if len(rows):
                style = look.headings[min(level, len(look.headings) - 1)]
                laid = lay([labels], [look.line_cell], style, look.most_lines)
                text = _in_style(laid.text, style, look.row)
                yield _Part(text, laid.heights, self._key(rows, level), rows, HEADING)

    def _total_part(self, closed: Closed, level: int, look: Look) -> Iterator[_Part]:
        if not len(closed.before):
            return
        texts = self.total_texts(closed)
        cells = [cell for cell in look.cells if cell.name in texts]
        rows, sort = [[texts[cell.name] for cell in cells]], GRAND if level == 0 else TOTAL
        label, places = look.total_label(cells[0]), [cells]
        if (
            label is look.line_cell
        ):  # no room beside the totals: the label stands on a line above them
            rows.insert(0, [])
            places.insert(0, [])
        rows[0].insert(0, self._total_labels(closed, level))
        places[0].insert(0, label)
        for shown, where in zip(rows, places, strict=True):
            laid = lay(shown, where, look.total, look.most_lines)
            text = _in_style(laid.text, look.total, look.row)
            key = self._key(closed.before, -1 - level)
            yield _Part(text, laid.heights, key, closed.before, sort)
            sort = UNDER

    def _total_labels(self, closed: Closed, level: int) -> pl.Series:
        words = self._locale.words
        if closed.group is None:
            return pl.Series([words.total] * len(closed.before))
        before, after = words.total_of.split("{group}")
        return labelled(self._text(closed.group, self._groups[level - 1]), before, after)

    def _text(self, values: pl.Series, group: Field) -> pl.Series:
        text = as_text(values, group.kind, self._locale, group.column.format)
        return clean(text, group.kind)


def _group_field(name: str, layout: Layout, schema: pl.Schema) -> Field:
    column = layout.columns.get(name, Column())
    return Field(
        name, column.model_copy(update={"kind": column.kind or infer_kind(name, schema[name])})
    )


def _in_style(text: pl.Series, style: Style, back: Style) -> pl.Series:
    """Operators between a switch to the font of their style and the switch back to that of the rows."""
    begin, end = f"/{style.font.key} {style.size} Tf ", f"/{back.font.key} {back.size} Tf\n"
    return pl.DataFrame({"t": text}).select(pl.lit(begin) + pl.col("t") + pl.lit(end)).to_series()


def _ordered(parts: list[_Part], rows_before: int) -> Items:
    if len(parts) == 1:
        part = parts[0]
        sorts = np.full(len(part.rows), part.sort)
        return Items(Flat.of(part.text), part.heights, sorts, part.rows, rows_before)
    order = np.argsort(np.concatenate([p.keys for p in parts]), kind="stable")
    sorts = np.concatenate([np.full(len(p.rows), p.sort) for p in parts])
    return Items(
        operators=Flat.of(pl.concat([p.text for p in parts]).gather(order)),
        heights=np.concatenate([p.heights for p in parts])[order],
        sorts=sorts[order],
        rows=np.concatenate([p.rows for p in parts])[order],
        rows_before=rows_before,
    )


def clean(text: pl.Series, kind: Kind) -> pl.Series:
    """Text without control characters: a line end breaks the line, a tab is a space, the others go."""
    if kind.name not in {"text", "code", "link"}:
        return text
    if not text.str.contains(_CONTROLS).any():
        return text
    return (
        text.str.replace_all("\r\n|[\r\u0085\u2028\u2029\v\f]", "\n")
        .str.replace_all("\t", " ", literal=True)
        .str.replace_all("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff]", "")
        .str.strip_chars_end("\n")
    )
