"""Colours of cells: those of their column, and those that follow the values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from prelo.core.errors import FormatFailed
from prelo.core.table import ValueWarning
from prelo.core.workbook import Highlight
from prelo.formats.addresses import ADDRESS, NO_ADDRESS
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.cells import Ink
from prelo.formats.pdf.conditions import RANKED, condition
from prelo.formats.stream import Field

MEASURED = {"scale", "bar", "icons"}
_DATED = {"date", "datetime", "time"}
_LINK = "#2458A6"
_HEAVY = 12  # thousandths of the size that strokes add to letters which a rule makes bold


@dataclass(frozen=True, slots=True)
class Fill:
    """Backgrounds of a column, or of whole rows (`name` is None): the number of a colour for each row; -1
    for none.
    """

    name: str | None
    palette: Sequence[bytes]
    index: Ints


@dataclass(frozen=True, slots=True)
class Measured:
    """Values that a scale, bars or icons go by; NaN where there is none."""

    name: str
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Paint:
    """The colours of one frame; `fills` lie over each other in this order."""

    inks: dict[str, Ink]
    fills: list[Fill]
    measured: list[Measured]


@dataclass(frozen=True, slots=True)
class _Rule:
    held: pl.Expr
    look: Highlight


class Painter:
    """Knows the colours of the columns. Raises FormatFailed for highlights that a kind cannot have."""

    def __init__(self, fields: Sequence[Field], hidden: Sequence[Field], size: int) -> None:
        self._fields, self._size = fields, size
        self._rules = {field.name: [*_rules(field, "cell"), *_linked(field)] for field in fields}
        self._rows = [rule for field in (*fields, *hidden) for rule in _rules(field, "row")]
        self.measured = [(f, h) for f in fields for h in _measuring(f)]
        """What is drawn when the whole column is known."""
        self.warnings = [
            _left(field, h) for field in fields for h in field.column.highlight if _ranked(h)
        ]

    def paint(self, frame: pl.DataFrame) -> Paint:
        """The colours of the rows of a frame."""
        wanted: dict[str, pl.Expr] = {}
        for field in self._fields:
            if any(_inked(rule.look) for rule in (*self._rules[field.name], *self._rows)):
                wanted[f"ink {field.name}"] = self._ink(field)
        layers = [(None, self._rows), *((f.name, self._rules[f.name]) for f in self._fields)]
        filled = [(name, [r for r in rules if r.look.fill]) for name, rules in layers]
        for name, rules in filled:
            if rules:
                wanted[f"fill {name}"] = _number(rules)
        wanted |= {f"measured {n}": _measure(f) for n, (f, _) in enumerate(self.measured)}
        found = frame.select(**wanted) if wanted else frame
        inks = {f.name: ink for f in self._fields if (ink := self._ink_of(f, found, wanted))}
        fills = [f for name, rules in filled for f in self._fill_of(name, rules, found)]
        measured = [
            Measured(f.name, found[f"measured {n}"].to_numpy())
            for n, (f, _) in enumerate(self.measured)
        ]
        return Paint(inks, self._columns(frame.height) + fills, measured)

    def _columns(self, rows: int) -> list[Fill]:
        return [
            Fill(f.name, [colours.operands(f.column.fill)], np.zeros(rows, np.int64))
            for f in self._fields
            if f.column.fill
        ]

    def _ink_of(self, field: Field, found: pl.DataFrame, wanted: dict[str, Any]) -> Ink | None:
        back = f"{colours.INK.decode()} rg"
        if f"ink {field.name}" in wanted:
            return Ink(found[f"ink {field.name}"], f"{back} 0 Tr")
        if field.column.color:
            return Ink(f"{colours.operands(field.column.color).decode()} rg", back)
        return None

    def _ink(self, field: Field) -> pl.Expr:
        own = field.column.color
        base = colours.operands(own) if own else colours.INK
        chosen: Any = pl
        for rule in (*self._rules[field.name], *self._rows):
            if _inked(rule.look):
                chosen = chosen.when(rule.held).then(pl.lit(self._operators(rule.look, base)))
        return chosen.otherwise(pl.lit(f"{base.decode()} rg"))

    def _operators(self, look: Highlight, base: bytes) -> str:
        colour = (colours.operands(look.color) if look.color else base).decode()
        if not look.bold:
            return f"{colour} rg"
        # Stroked letters are bold and as wide as before, so the columns stay as they were laid out.
        return f"{colour} rg {colour} RG {self._size * _HEAVY // 1000} w 2 Tr"

    def _fill_of(self, name: str | None, rules: list[_Rule], found: pl.DataFrame) -> list[Fill]:
        if not rules:
            return []
        palette = [colours.operands(rule.look.fill) for rule in rules if rule.look.fill]
        return [Fill(name, palette, found[f"fill {name}"].to_numpy())]


def _rules(field: Field, show: str) -> list[_Rule]:
    return [
        _Rule(condition(field, h), h)
        for h in field.column.highlight
        if h.show == show and not _ranked(h)
    ]


def _linked(field: Field) -> list[_Rule]:
    """Addresses that can be clicked look so."""
    if field.kind.name != "link" or field.column.color:
        return []
    c = pl.col(field.name).str.strip_chars()
    held = c.str.contains(ADDRESS) & ~c.str.contains(NO_ADDRESS)
    return [_Rule(held, Highlight(show="cell", when="not blank", color=_LINK))]


def _ranked(highlight: Highlight) -> bool:
    return highlight.when in RANKED


def _inked(look: Highlight) -> bool:
    return bool(look.color or look.bold)


def _number(rules: list[_Rule]) -> pl.Expr:
    chosen: Any = pl
    for number, rule in enumerate(rules):
        chosen = chosen.when(rule.held).then(pl.lit(number, pl.Int64))
    return chosen.otherwise(pl.lit(-1, pl.Int64))


def _measuring(field: Field) -> list[Highlight]:
    found = [h for h in field.column.highlight if h.show in MEASURED]
    if found and not (field.kind.numeric or field.kind.name in _DATED):
        raise FormatFailed(
            f"the column '{field.name}' is a {field.kind}, and its highlight '{found[0].show}' needs "
            "numbers or dates; use show: cell, with a 'when'"
        )
    return found


def _measure(field: Field) -> pl.Expr:
    values = pl.col(field.name)
    if field.kind.name in {*_DATED, "duration"}:
        values = values.to_physical()
    values = values.cast(pl.Float64)
    return pl.when(values.is_finite()).then(values).otherwise(float("nan"))


def _left(field: Field, highlight: Highlight) -> ValueWarning:
    detail = f"the highlight '{highlight.when}' needs the whole column at once; a PDF leaves it out"
    return ValueWarning(column=field.name, type="highlight-left", count=1, detail=detail)
