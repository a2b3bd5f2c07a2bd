"""Parts of a drawing as forms: cut once where texts of a job and rows of its data come, and filled in for
each job by joining the pieces. Searching them anew took a tenth of a small workbook's time.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from prelo.formats.xlsx.place import made_up
from prelo.formats.xlsx.standins import Standins, runs

# Where a reference to rows may stand. Elsewhere, as in a title, such a number is the user's own.
_REFERENCES = re.compile(
    r'(?:(?:\bref|\bsqref|\bval)="|<(?:c:f|xm:f|xm:sqref|formula\d?|definedName\b[^>]*|totalsRowFormula)>)([^"<]+)'
)
# And no part of a sheet's name, which may stand in quotes and hold anything.
_MADE_UP = re.compile(r"(?<=[A-Z$])1\d{6}(?!\d)(?![^,]*!)(?=(?:[^']*'[^']*')*[^']*$)")


@dataclass(frozen=True, slots=True)
class Form:
    """Text, runs of stand-ins, and made-up rows as numbers."""

    pieces: tuple[str | re.Match[str] | int, ...]

    @classmethod
    def of(cls, xml: str, *, rows: bool = True) -> "Form":
        """Cut `xml`; with `rows` at made-up rows, too."""
        found: list[tuple[int, int, re.Match[str] | int]] = [
            (*run.span(), run) for run in runs(xml)
        ]
        for reference in _REFERENCES.finditer(xml) if rows else ():
            start = reference.start(1)
            found += [
                (start + row.start(), start + row.end(), int(row[0]))
                for row in _MADE_UP.finditer(reference[1])
            ]
        pieces: list[str | re.Match[str] | int] = []
        done = 0
        for start, end, blank in sorted(found, key=lambda one: one[0]):
            pieces += [xml[done:start], blank]
            done = end
        return cls((*pieces, xml[done:]))

    @property
    def whole(self) -> bool:
        """Whether there is nothing to fill in."""
        return len(self.pieces) == 1

    def filled(self, standins: Standins) -> "Form":
        """With the texts of one job where their stand-ins are."""
        return Form(
            tuple(
                standins.text(piece) if isinstance(piece, re.Match) else piece
                for piece in self.pieces
            )
        )

    def written(self, end: Callable[[int], int] = int) -> str:
        """As it goes into a file; `end` tells a sheet's last row."""
        return "".join([_written(piece, end) for piece in self.pieces])


def _written(piece: str | re.Match[str] | int, end: Callable[[int], int]) -> str:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, re.Match):
        return piece[0]  # in a workbook with private characters of its own
    sheet, after = made_up(piece)
    return str(end(sheet) + after)
