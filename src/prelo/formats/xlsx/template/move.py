"""How rows, areas and formulas change when the marked row becomes many rows.

It is what Excel does when rows are inserted right below the marked row: an area that covers it grows,
what stands below moves down, and a single cell of the marked row stays the cell of the first row.
"""

from dataclasses import dataclass, replace

from prelo.formats.xlsx.template.references import (
    LAST_ROW,
    End,
    Reference,
    quoted,
    rewrite,
)

_HOLE = "\0"  # no XML text can hold it


@dataclass(frozen=True, slots=True)
class Move:
    """Row `row` of `sheet` (counted from 1) becomes `rows` rows, at least one."""

    sheet: str
    row: int
    rows: int

    @property
    def down(self) -> int:
        """By how many rows goes down what stands below."""
        return self.rows - 1

    def line(self, row: int) -> int:
        """Where a single row is afterwards."""
        return min(row + self.down, LAST_ROW) if row > self.row else row

    def last(self, row: int) -> int:
        """Where the last row of an area is afterwards."""
        return min(row + self.down, LAST_ROW) if row >= self.row else row

    def areas(self, text: str) -> str:
        """Areas on the sheet, with spaces between them (ST_Sqref): there, B6 is an area of one cell."""
        return " ".join(self.formula(area, self.sheet, area=True) for area in text.split())

    def covers(self, area: str) -> bool:
        """Whether an area on the sheet has cells of the marked row."""
        rows: list[int] = []

        def keep(reference: Reference) -> str:
            rows.extend(end.row for end in reference.ends)
            return ""

        rewrite(area, keep)
        return bool(rows) and (0 in rows or min(rows) <= self.row <= max(rows))

    def name(self, text: str) -> str:
        """What a defined name refers to. A single cell stands for an area, unless it is in a formula."""
        area = not rewrite(text, lambda _: "").strip("(), ")
        return self.formula(text, None, area=area, relative=False)

    def formula(
        self, text: str, home: str | None, *, area: bool = False, relative: bool = True
    ) -> str:
        """A formula on the sheet `home`. `area`: a single cell stands for an area, as in a chart.

        Without `relative`, rows without a $ stay: they are distances from where the formula is applied.
        """

        def change(reference: Reference) -> str:
            if not reference.on(self.sheet, home):
                return str(reference)
            return str(self.reference(reference, area=area, relative=relative))

        return rewrite(text, change)

    def reference(
        self, reference: Reference, *, area: bool = False, relative: bool = True
    ) -> Reference:
        """A reference that is known to point to the sheet."""
        ends = reference.ends
        if len(ends) == 1 and (area or reference.summed) and ends[0].row == self.row:
            ends = ends * 2
        if len(ends) == 1:
            rows = [self.line(ends[0].row)]
        else:
            upper, lower = ends if ends[0].row <= ends[1].row else ends[::-1]
            rows = [self.line(upper.row), self.last(lower.row)]
            rows = rows if upper is ends[0] else rows[::-1]
        after = tuple(
            replace(end, row=row) if end.row and (end.fixed or relative) else end
            for end, row in zip(ends, rows, strict=True)
        )
        unchanged = len(after) > len(reference.ends) and after[0] == after[1]
        return reference if unchanged else replace(reference, ends=after)


class Pins:
    """Names for what is not known yet: where ranges end, while the sheet above them is already written.

    A formula above the data, or in it, that covers rows of the data or points below them gets a defined
    name instead of that reference; the names are in a part that is written last.
    """

    def __init__(self, sheet: str, row: int, taken: set[str]) -> None:
        self._probe = Move(sheet, row, 2)
        self._taken = {name.casefold() for name in taken}
        self.names: dict[str, str] = {}
        """The names, and what they stand for in the template."""

    def formula(self, text: str) -> str:
        """A formula above the marked row."""
        return rewrite(text, self._pinned)

    def pieces(self, text: str) -> tuple[str | int, ...]:
        """A formula of the marked row as texts and numbers: a number stands for the row's own plus it.

        Rows without a $ go along with each row; what stands below the data is the same for all.
        """
        holed = rewrite(text, self._along)
        return tuple(
            int(piece) if i % 2 else piece for i, piece in enumerate(holed.split(_HOLE)) if piece
        )

    def _pinned(self, reference: Reference) -> str:
        home = self._probe.sheet
        if not reference.on(home, home) or self._probe.reference(reference) == reference:
            return str(reference)
        ends = reference.ends
        if reference.summed and len(ends) == 1 and ends[0].row == self._probe.row:
            ends = ends * 2
        fixed = tuple(
            End(f"${end.column.lstrip('$')}" if end.column else "", fixed=True, row=end.row)
            for end in ends
        )
        return self._name(str(Reference(quoted(home), fixed)), "_".join(map(_plain, ends)))

    def _along(self, reference: Reference) -> str:
        probe = self._probe
        along = [end.row and not end.fixed and end.row <= probe.row for end in reference.ends]
        if not reference.on(probe.sheet, probe.sheet) or not any(along):
            return self._pinned(reference)
        ends = [
            f"{end.column}{_HOLE}{end.row - probe.row}{_HOLE}"
            if goes
            else self._pinned(Reference("", (end,)))
            for end, goes in zip(reference.ends, along, strict=True)
        ]
        return reference.prefix + ":".join(ends)

    def _name(self, target: str, word: str) -> str:
        for name, known in self.names.items():
            if known == target:
                return name
        name, count = f"prelo_{word}", 1
        while name.casefold() in self._taken:
            count += 1
            name = f"prelo_{word}_{count}"
        self._taken.add(name.casefold())
        self.names[name] = target
        return name


def _plain(end: End) -> str:
    return str(end).replace("$", "")
