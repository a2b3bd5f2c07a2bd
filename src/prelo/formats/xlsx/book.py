"""One workbook in the making: its tables one after the other, and the parts that close it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import polars as pl

from prelo.core.errors import RowLimit
from prelo.core.table import Completeness, Layout, Manifest, Overflow, SheetRows, ValueWarning
from prelo.formats.stream import Progress
from prelo.formats.xlsx.about import about
from prelo.formats.xlsx.frame import draw
from prelo.formats.xlsx.names import Names
from prelo.formats.xlsx.package import Package, Part
from prelo.formats.xlsx.plan import Plan, about_plan, fitted, named, plan
from prelo.formats.xlsx.strings import SharedStrings
from prelo.formats.xlsx.table import Limits, TableWriter, Terms

_BEFORE_SHEETS = ("_rels/.rels", "xl/styles.xml", "xl/theme/theme1.xml")
"""Parts that are the same however many rows and sheets there are."""
_STRINGS = "xl/sharedStrings.xml"
_MOST_SHEETS = 1_000  # each is in memory until the end, and no program likes as many


class Book:
    """Writes one workbook into `package`. `write` does it all."""

    def __init__(self, package: Package, data: object, layout: Layout, limits: Limits) -> None:
        self._package = package
        self._layout = layout
        self._names = Names()
        self._plans = plan(data, layout, self._names)
        if layout.xlsx.info:
            self._plans.append(about_plan(layout, self._names, self._about))
        self._frame = draw([p.spec for p in self._plans])
        shared = layout.xlsx.strings == "shared"
        drawn = self._frame.parts.get(_STRINGS, b"").count(b"<si>")
        self._strings = SharedStrings(drawn) if shared else None
        self._terms = Terms(
            limits, layout.overflow, self._strings, set(), self._begin, self._names.free
        )
        self._writers: list[tuple[Plan, TableWriter]] = []
        self._begun = 0
        self.rest: Iterator[pl.DataFrame] | None = None
        """The frames that found no room, when overflow says that they go elsewhere or nowhere."""

    def write(self, progress: Progress) -> Manifest:
        """Write every sheet and the parts around them; `progress` hears of the rows after every frame."""
        for name in _BEFORE_SHEETS:
            self._package.add(name, self._frame.parts[name])
        for number, its in enumerate(self._plans):
            self._write_table(number, its, progress)
        self._write_rest()
        return self._manifest()

    def _write_table(self, number: int, its: Plan, progress: Progress) -> None:
        stream = its.open()
        widths = its.widths
        if not its.own:
            widths = [
                max(pair) for pair in zip(widths, fitted(stream, its.spec.layout), strict=True)
            ]
        terms = self._terms if its.own else _unbounded(self._terms)
        table = TableWriter(its, self._frame.sheets[number], widths, terms)
        self._writers.append((its, table))
        for frame in stream.frames:
            taken = table.add(frame)
            if its.own:
                progress(self._rows(), 0)
            if not taken:
                self.rest = chain([table.left], stream.frames)
                break
        table.close()

    def _begin(self) -> tuple[Part, bool]:
        """The part of the next sheet, and whether it is the first."""
        self._begun += 1
        if self._begun > _MOST_SHEETS:
            raise RowLimit(
                f"the data needs more than {_MOST_SHEETS:,} sheets; raise rows_per_sheet, or ask for less"
            )
        return self._package.part(f"xl/worksheets/sheet{self._begun}.xml"), self._begun == 1

    def _write_rest(self) -> None:
        """The parts that know every sheet. More sheets than were drawn: they are drawn once more."""
        leaves = [leaf for _, table in self._writers for leaf in table.leaves]
        final = self._frame
        if len(leaves) > len(self._plans):
            sheets = [named(its.spec, leaf.name) for its, t in self._writers for leaf in t.leaves]
            final = draw(sheets)
        parts = final.rest([leaf.last for leaf in leaves])
        for number, leaf in enumerate(leaves, 1):
            place = f"xl/worksheets/_rels/sheet{number}.xml.rels"
            made = leaf.links.relationships(parts.get(place))
            if made:
                parts[place] = made
        if self._strings:
            parts[_STRINGS] = self._strings.xml(parts[_STRINGS])
        for name, data in parts.items():
            if name not in _BEFORE_SHEETS:
                self._package.add(name, data)

    def _rows(self) -> int:
        return sum(table.rows for its, table in self._writers if its.own)

    def _about(self) -> pl.DataFrame:
        return about(self._layout, self._manifest())

    def _manifest(self) -> Manifest:
        tables = [table for its, table in self._writers if its.own]
        rows = self._rows()
        state, reason = _completeness(tables, rows)
        return Manifest(
            format="xlsx",
            rows=rows,
            columns=tuple(field.name for field in self._plans[0].spec.fields),
            sheets=tuple(
                SheetRows(name=leaf.name, rows=leaf.data)
                for _, table in self._writers
                for leaf in table.leaves
            ),
            completeness=state,
            reason=reason,
            warnings=tuple(self._warnings()),
        )

    def _warnings(self) -> Iterator[ValueWarning]:
        """What was changed; a column of a further sheet is named with its sheet."""
        for number, (its, table) in enumerate(self._writers):
            sheet = f"{its.spec.name}!" if number and its.own else ""
            for warning in table.warnings() if its.own else ():
                yield warning.model_copy(update={"column": sheet + warning.column})


def _unbounded(terms: Terms) -> Terms:
    """For sheets that are no data: no limit of the caller's cuts them, and what is left is not theirs."""
    limits = replace(terms.limits, data_rows=terms.limits.rows)
    return replace(terms, limits=limits, overflow=Overflow.SPLIT_SHEETS)


def _completeness(tables: list[TableWriter], rows: int) -> tuple[Completeness, str | None]:
    if any(table.truncated for table in tables):
        reason = f"the file ends after {rows:,} rows, where the sheet was full; the data has more"
        return Completeness.TRUNCATED, reason
    if not rows:
        return Completeness.EMPTY, None
    most = max(len(table.leaves) for table in tables)
    if most > 1:
        return Completeness.SPLIT, f"the rows are spread over {most} sheets"
    return Completeness.COMPLETE, None
