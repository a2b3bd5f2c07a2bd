"""Rows under headings of their groups, with subtotals and an outline that folds them.

Nothing is done row by row or group by group: of each frame come the rows of data, and of each level its
headings and its subtotals, as columns of texts; the rows of the sheet they stand in bring them in order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prelo.core.table import ValueWarning
from prelo.formats.groups import Boundaries, Closed, Flags, Ints, Totals, float_mean, labelled
from prelo.formats.stream import Field
from prelo.formats.words import words_of
from prelo.formats.xlsx.outline import Lines, Look, Spans, attributes, headings, subtotals
from prelo.formats.xlsx.rows import Rows, RowStyles, Strings, Written, Xml, joined
from prelo.formats.xlsx.totals import Running

_CUT = "headings of groups are cut after 32,767 characters, where Excel ends a cell"


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups, from the outermost in. `shown` makes the texts of their values, "" of NULL. `folded`: the
    sheet opens with the outermost groups closed.
    """

    fields: tuple[Field, ...]
    shown: Callable[[pl.Series, Field], pl.Series]
    locale: str = "en-US"
    folded: bool = False


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a frame goes. `rows` of the sheet are those of the data that is taken; before each stand the
    subtotals of groups that have ended, from the inside out, and `headings` from the outside in.

    `depth` is the outermost level that begins there, or how many there are. `before` is the last row of data
    before the frame, `after` the row after its last; `fresh`: no row of data is on this sheet yet.
    """

    rows: Ints
    headings: Ints
    depth: Ints
    before: int
    after: int
    fresh: bool


class Grouped(Rows):
    """Rows whose groups have headings and, where a column has a total, subtotals.

    A group that goes on with the next sheet has its headings there, too, and its subtotal is the value for
    all its rows, without a formula. Frames have the columns of the groups, be they shown or hidden.
    """

    def __init__(
        self,
        fields: tuple[Field, ...],
        grouping: Grouping,
        styles: RowStyles,
        widths: Sequence[float],
        letters: Sequence[str] = (),
        strings: Strings | None = None,
    ) -> None:
        super().__init__(fields, styles.data, widths, letters, strings)
        self._attributes = attributes(len(grouping.fields), folded=grouping.folded)
        self._folded = grouping.folded
        self._boundaries = Boundaries([field.name for field in grouping.fields])
        looks = [
            Look(level, grouping.folded, tuple(self._letters), *pair)
            for level, pair in enumerate(zip(styles.headings, styles.subtotals, strict=True))
        ]
        self._levels = [_Level(grouping, look, fields) for look in looks]
        self._parts: dict[str, pl.Series] = {}
        self._open = 0  # levels that have an open group, from the outermost in
        self._last = 0
        self._fresh = True

    def restart(self) -> None:
        self.totals = {
            i: Running(f, grouped=True) for i, f in enumerate(self._fields) if f.column.total
        }

    def write(self, frame: pl.DataFrame, row: int, room: int, most: int | None = None) -> Written:
        """As Rows.write. What the subtotals of the open groups need of `room` is kept free for `end`."""
        if not frame.height:
            return Written((), 0, 0)
        begins = self._boundaries.look(frame)
        at = self._place(begins, row, room, frame.height if most is None else most)
        taken = len(at.rows)
        lines = self._take(frame[:taken], begins, at) if taken else []
        if taken < frame.height:  # a group that the next row ends has its subtotals on this sheet
            lines += self._close(int(at.depth[taken]), at.after)
        return Written(_in_order(lines, row), taken, sum(len(part.rows) for part in lines))

    def end(self, row: int) -> Written:
        lines = self._close(0, row)
        if self._folded and not self.totals and not self._fresh:
            # What is folded needs a row below it that says so, even an empty one.
            return Written([b'<row r="%d" collapsed="1"/>' % row], 0, 0)
        return Written(_in_order(lines, row), 0, len(lines))

    def turn(self, row: int) -> None:  # noqa: ARG002  the next frame brings its own
        self._fresh = True
        for level in self._levels:
            level.first = 0

    def warnings(self) -> tuple[ValueWarning, ...]:
        return super().warnings() + tuple(
            ValueWarning(column=level.field.name, type="text-cut", count=level.cut, detail=_CUT)
            for level in self._levels
            if level.cut
        )

    def _total(self, i: int, part: pl.Series) -> None:
        super()._total(i, part)
        self._parts[self._names[i]] = part

    def _place(self, begins: list[Flags], row: int, room: int, most: int) -> _Places:
        levels, subtotals = len(self._levels), bool(self.totals)
        depth = levels - np.sum(begins, axis=0)
        headings, ended = levels - depth, levels - depth
        ended[0] = max(self._open - depth[0], 0)
        if self._fresh:
            headings[0] = levels
        rows = row - 1 + np.cumsum(headings + ended * subtotals + 1)
        fitting = np.searchsorted(rows, row + room - levels * subtotals)
        rows = rows[: min(int(fitting), most)]
        after = int(rows[-1]) + 1 if len(rows) else row
        return _Places(rows, headings, depth, self._last, after, self._fresh)

    def _take(self, frame: pl.DataFrame, begins: list[Flags], at: _Places) -> list[Lines]:
        lines = [Lines(self._rows(frame, pl.Series(at.rows)), at.rows)]
        parts = pl.DataFrame(self._parts)
        for level, flags in zip(self._levels, begins, strict=True):
            lines += level.lines(frame, parts, flags[: frame.height], at)
        self._boundaries.pass_by(frame)
        self._open, self._last, self._fresh = len(self._levels), int(at.rows[-1]), False
        return lines

    def _close(self, depth: int, row: int) -> list[Lines]:
        """The subtotals of the open groups of level `depth` and further in, from row `row` on."""
        closing = self._levels[depth : self._open]
        self._open = min(self._open, depth)
        if not self.totals:
            return []
        return [level.close(row + i, self._last) for i, level in enumerate(reversed(closing))]


class _Level:
    """One level of groups and what is known of the one that is open. `first` is its first row of data on
    this sheet, 0 if it began on an earlier one. `cut` counts texts too long for a heading.
    """

    def __init__(self, grouping: Grouping, look: Look, fields: tuple[Field, ...]) -> None:
        self.field = grouping.fields[look.level]
        self.first = self.cut = 0
        self._look = look
        self._above = (
            len(grouping.fields) - look.level
        )  # rows from a heading to its first row of data
        self._shown = grouping.shown
        self._words = words_of(grouping.locale)
        self._totalled = [
            (i, f.name, f.column.total) for i, f in enumerate(fields) if f.column.total
        ]
        self._sums = Totals(fields, None, float_mean)
        self._open = pl.Series([""])

    def lines(
        self, frame: pl.DataFrame, parts: pl.DataFrame, begins: Flags, at: _Places
    ) -> list[Lines]:
        """The headings before the rows of `frame`, and the subtotals of groups that have ended there;
        `parts` are what the rows add to the totals.
        """
        starts = np.flatnonzero(begins)
        groups = self._open
        if len(starts):
            values = frame[self.field.name].gather(starts)
            groups = pl.concat([groups, self._shown(values, self.field)])
        lines = self._headings(starts, groups, at)
        firsts = np.append(self.first, at.rows[starts])
        if parts.width:
            closed = self._sums.feed(parts, begins)
            lines += self._subtotals(closed, groups[:-1], firsts[:-1], at)
        self._open, self.first = groups[-1:], int(firsts[-1])
        return lines

    def close(self, row: int, last: int) -> Lines:
        """The subtotal of the open group, whose last row of data is row `last`."""
        spans = Spans(np.array([row]), np.array([self.first]), np.array([last]))
        return self._lines(self._open, spans, self._sums.end(0))

    def _headings(self, starts: Ints, groups: pl.Series, at: _Places) -> list[Lines]:
        again = bool(at.fresh and at.depth[0] > self._look.level)
        if not len(starts) and not again:
            return []
        before = f"{self.field.title}: "
        labels = labelled(groups[1:], before)
        if again:
            first = labelled(groups[:1], before, f" ({self._words.continued})")
            labels, starts = pl.concat([first, labels]), np.append(0, starts)
        # Where no subtotal says that what is above is folded, the next heading does.
        below = (at.depth[starts] == self._look.level) & ~(at.fresh & (starts == 0))
        below &= self._look.folded and not self._totalled
        made = headings(self._look, labels, at.rows[starts] - self._above, below)
        self.cut += made.cut
        return [made]

    def _subtotals(
        self, closed: Closed, groups: pl.Series, firsts: Ints, at: _Places
    ) -> list[Lines]:
        """Those of the last of `groups`: the first one may be none, or have ended with the last sheet."""
        before = closed.before
        if not len(before):
            return []
        inside = self._look.level - at.depth[before]
        rows = at.rows[before] - at.headings[before] - inside - 1
        lasts = np.append(at.before, at.rows)[before]
        spans = Spans(rows, firsts[-len(before) :], lasts)
        return [self._lines(groups[-len(before) :], spans, closed)]

    def _lines(self, groups: pl.Series, spans: Spans, closed: Closed) -> Lines:
        labels = labelled(groups, *self._words.total_of.split("{group}"))
        totals = {i: (total, closed.totals[name]) for i, name, total in self._totalled}
        return subtotals(self._look, labels, spans, totals)


def _in_order(lines: list[Lines], row: int) -> Xml:
    """The rows from row `row` of the sheet on, which `lines` fill without a gap."""
    if len(lines) == 1:
        return joined(lines[0].text)
    if not lines:
        return ()
    rows = np.concatenate([part.rows for part in lines]) - row
    order = np.empty_like(rows)
    order[rows] = np.arange(len(rows))
    return joined(pl.concat([part.text for part in lines]).gather(order))
