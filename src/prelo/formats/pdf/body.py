"""The body of the table: data rows, group headings and totals as one sequence of items to put on pages."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from prelo.core.table import Column, Kind, Layout, ValueWarning
from prelo.formats.conform import infer_kind
from prelo.formats.groups import Boundaries, Closed, Totals, labelled
from prelo.formats.pdf import tall
from prelo.formats.pdf.arrow import Flags, Flat, Ints
from prelo.formats.pdf.cells import Line, Style
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.paint import Paint, Painter
from prelo.formats.pdf.rows import Rows, lay_across
from prelo.formats.pdf.text import as_text
from prelo.formats.pdf.totals import TotalLines, totalled
from prelo.formats.stream import Field, Stream

DATA, HEADING, TOTAL, GRAND, UNDER = range(5)
"""Sorts of items; UNDER is the second line of a total."""

_BETWEEN_LEVELS = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
_LOST = "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]"
_BLANK, _DELETE = 0x20, 0x7F
_CONTROLS = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]"
_REMOVED = "control characters, which no page can show, were left out"
_CUT = "the text was too long for its place and ends early"


@dataclass(frozen=True, slots=True)
class Items:
    """Items in order: their operators end to end, for each band; height, sort, and the data row each stands
    at. `labels` are the headings' levels and words, `tags` their numbers, by item.
    """

    operators: list[Flat]
    heights: Ints
    sorts: Ints
    rows: Ints
    tags: Ints
    labels: list[tuple[int, str]]
    paint: Paint
    shaded: Flags
    """Every second data row."""

    @property
    def kept(self) -> Flags:
        """Items that stay on one page with the next: headings, and what a total follows."""
        follows = np.append(self.sorts[1:] >= TOTAL, False)
        return (self.sorts == HEADING) | follows


@dataclass(frozen=True, slots=True)
class _Part:
    """Items of one sort, with where they go: before, at or after which data row, as a sort key."""

    texts: list[pl.Series]
    heights: Ints
    keys: Ints
    rows: Ints
    sort: int
    tags: Ints = field(default_factory=lambda: np.empty(0, np.int64))


class Body:
    """Turns frames into items, and knows the groups that are open between them."""

    def __init__(self, stream: Stream, layout: Layout, locale: Locale, size: int) -> None:
        self._fields = stream.fields
        self._locale = locale
        self._groups = [_group_field(n, layout, stream.first.schema) for n in layout.group_by]
        self._boundaries = Boundaries(layout.group_by)
        self._lines = TotalLines(self._fields, locale)
        names = [None, *layout.group_by]
        self._totals = [Totals(self._fields, n) for n in names] if totalled(self._fields) else []
        self._painter = Painter(self._fields, stream.hidden, size)
        self._labels: list[list[str]] = [[] for _ in self._groups]
        self._label_rows: list[Ints] = [np.empty(0, np.int64) for _ in self._groups]
        self.rows = 0
        self.grand: Closed | None = None
        """The totals of all rows, once the last frame is through."""
        self._cut: Counter[str] = Counter()
        self._removed: Counter[str] = Counter()

    @property
    def painter(self) -> Painter:
        return self._painter

    @property
    def lines(self) -> TotalLines:
        return self._lines

    def warnings(self) -> Iterator[ValueWarning]:
        """What could not be shown as it was."""
        told = (("characters-removed", self._removed, _REMOVED), ("text-cut", self._cut, _CUT))
        for kind, counts, detail in told:
            for name, count in counts.items():
                if count:
                    yield ValueWarning(column=name, type=kind, count=count, detail=detail)
        yield from self._painter.warnings

    def texts(self, frame: pl.DataFrame) -> list[pl.Series]:
        """The visible columns as they will be shown."""
        out: list[pl.Series] = []
        for one in self._fields:
            text = as_text(frame[one.name], one.kind, self._locale, one.column.format)
            cleaned = clean(text, one.kind)
            if cleaned is not text:
                self._removed[one.name] += int(text.str.contains(_LOST).sum())
            out.append(cleaned)
        return out

    def items(
        self, frame: pl.DataFrame, texts: list[pl.Series], look: Look, *, last: bool
    ) -> Items:
        """The items of a frame: its rows, the headings they begin with, totals of groups that ended; after
        the `last` one, of those still open too.
        """
        levels = len(self._groups)
        begins = self._boundaries.begins(frame) if levels else []
        labels: list[tuple[int, str]] = []
        paint = self._painter.paint(frame)
        parts = list(self._data(texts, paint, look))
        parts += self._group_totals(frame, begins, look, last=last)
        parts += self._headings(frame, begins, labels, look)
        items = _ordered(parts, labels, paint, self.rows)
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

    def _data(self, texts: list[pl.Series], paint: Paint, look: Look) -> Iterator[_Part]:
        bands = [Line([texts[p] for p in b.places], b.cells, paint.inks) for b in look.bands]
        laid = lay_across(bands, look.row)
        self._cut.update(laid.cut)
        levels, at = len(self._groups), np.arange(len(laid.heights))
        high = laid.lines > look.most_lines(look.row)
        if high.any():
            yield self._part(laid, at[~high], at[~high], levels)
            rows, bands = tall.parted(bands, np.flatnonzero(high), look)
            parted = lay_across(bands, look.row)
            yield self._part(parted, np.arange(len(rows)), rows, levels)
        else:
            yield _Part(laid.texts, laid.heights, self._key(at, levels), at, DATA)

    def _part(self, laid: Rows, kept: Ints, rows: Ints, levels: int) -> _Part:
        texts = [text.gather(kept) for text in laid.texts]
        return _Part(texts, laid.heights[kept], self._key(rows, levels), rows, DATA)

    def _group_totals(
        self, frame: pl.DataFrame, begins: list[Flags], look: Look, *, last: bool
    ) -> Iterator[_Part]:
        whole = np.zeros(frame.height, np.bool_)
        whole[0] = self.rows == 0
        # Totals are empty where none are asked for.
        for level, (totals, begun) in enumerate(zip(self._totals, [whole, *begins], strict=False)):
            yield from self._total_part(totals.feed(frame, begun), level, look)
            if last:
                ended = totals.end(frame.height)
                self.grand = self.grand or ended
                yield from self._total_part(ended, level, look)

    def _headings(
        self, frame: pl.DataFrame, begins: list[Flags], said: list[tuple[int, str]], look: Look
    ) -> Iterator[_Part]:
        for level, (group, begun) in enumerate(zip(self._groups, begins, strict=True)):
            rows = np.flatnonzero(begun)
            values = self._text(frame[group.name].gather(rows), group)
            labels = labelled(values, f"{group.title}: ")
            # The group that the frame goes on with begins before its first row.
            known = self._labels[level][-1:]
            self._labels[level] = known + labels.to_list()
            self._label_rows[level] = np.concatenate([np.full(len(known), -1), rows])
            if len(rows):
                tags = np.arange(len(said), len(said) + len(rows))
                said += [(level, label) for label in self._labels[level][len(known) :]]
                style = look.headings[min(level, len(look.headings) - 1)]
                lines = [Line.plain([labels], [look.line_cell(band)]) for band in look.bands]
                laid = lay_across(lines, style, look.most_lines(style))
                self._cut[group.name] += laid.cut.get("", 0)
                texts = [in_style(text, style, look.row) for text in laid.texts]
                yield _Part(texts, laid.heights, self._key(rows, level), rows, HEADING, tags)

    def _total_part(self, closed: Closed, level: int, look: Look) -> Iterator[_Part]:
        if not len(closed.before):
            return
        sort, key = GRAND if level == 0 else TOTAL, self._key(closed.before, -1 - level)
        for laid in self._lines.lay(self._total_labels(closed, level), closed, look):
            texts = [in_style(text, look.total, look.row) for text in laid.texts]
            yield _Part(texts, laid.heights, key, closed.before, sort)
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


def in_style(text: pl.Series, style: Style, back: Style) -> pl.Series:
    """Operators between a switch to the font of their style and the switch back to that of the rows."""
    begin, end = f"/{style.font.key} {style.size} Tf ", f"/{back.font.key} {back.size} Tf\n"
    return pl.DataFrame({"t": text}).select(pl.lit(begin) + pl.col("t") + pl.lit(end)).to_series()


def _ordered(
    parts: list[_Part], labels: list[tuple[int, str]], paint: Paint, rows_before: int
) -> Items:
    sorts = np.concatenate([np.full(len(p.rows), p.sort) for p in parts])
    tags = [p.tags if p.sort == HEADING else np.full(len(p.rows), -1) for p in parts]
    texts = [
        bands[0] if len(parts) == 1 else pl.concat(bands)
        for bands in zip(*(p.texts for p in parts), strict=True)
    ]
    heights, rows, tagged = (
        np.concatenate(a) for a in ([p.heights for p in parts], [p.rows for p in parts], tags)
    )
    if len(parts) > 1:
        order = np.argsort(np.concatenate([p.keys for p in parts]), kind="stable")
        texts = [text.gather(order) for text in texts]
        heights, rows, tagged, sorts = (a[order] for a in (heights, rows, tagged, sorts))
    flats = [Flat.of(text) for text in texts]
    shaded = (sorts == DATA) & ((rows + rows_before) % 2 == 1)
    return Items(flats, heights, sorts, rows, tagged, labels, paint, shaded)


def clean(text: pl.Series, kind: Kind) -> pl.Series:
    """Text without control characters: a line end breaks the line, a tab is a space, the others go."""
    if kind.name not in {"text", "code", "link"}:
        return text
    raw = Flat.of(text).raw
    # In ASCII, a look at the bytes tells the same eighty times as fast.
    plain = not raw.size or (int(raw.min()) >= _BLANK and int(raw.max()) < _DELETE)
    if plain or not text.str.contains(_CONTROLS).any():
        return text
    return (
        text.str.replace_all("\r\n|[\r\u0085\u2028\u2029\v\f]", "\n")
        .str.replace_all("\t", " ", literal=True)
        .str.replace_all("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufeff]", "")
        .str.strip_chars_end("\n")
    )
