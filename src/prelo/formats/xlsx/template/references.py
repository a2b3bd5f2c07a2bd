"""References in formulas: found in the text of a formula, and nothing else of it is touched.

Only what Excel itself takes for a reference is one: not what stands in a text ("A1"), in the name of a
function (LOG10), in a name (TAXES2024, R1C1), or in the brackets of a table (Sales[A1]).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from prelo.core.errors import FormatFailed

LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_LONGEST = (
    32_767  # Excel ends a formula at 8,192 characters; what is far longer was made to do harm
)

_END = r"\$?[A-Za-z]{1,3}\$?[1-9][0-9]{0,6}"
_TOKEN = re.compile(
    rf"""
      "(?:[^"]|"")*"                                                # a text
    | \#[A-Z][A-Z0-9/]*[!?]?                                        # an error: #REF!
    | (?P<prefix>(?:'(?:[^']|'')+'|(?:\[\d+\][\w.]*|[\w.]+)(?::[\w.]+)?)!)?
      (?P<ends>{_END}:{_END}|{_END}
        |\$?[A-Za-z]{{1,3}}:\$?[A-Za-z]{{1,3}}|\$?[1-9][0-9]{{0,6}}:\$?[1-9][0-9]{{0,6}})
      (?![\w.(!?\\])
    | (?:'(?:[^']|'')+'|\[\d+\][\w.]*|[\w.]+(?::[\w.]+)?)!          # a name of another sheet
    | [\w\\][\w.\\?]*                                               # a name, a function, a number
    | \[(?:'.|[^\[\]']|\[(?:'.|[^\[\]'])*\])*\]                     # columns of a table
    """,
    re.VERBOSE,
)
_PARTS = re.compile(r"(\$?)([A-Za-z]*)(\$?)([0-9]*)")
# What a spreadsheet's button for sums writes where there is one row of data: SUM(C6), not SUM(C6:C6).
_SUMS = re.compile(
    r"(?:\b(?:SUM|AVERAGE|COUNT|COUNTA|COUNTBLANK|MIN|MAX|MEDIAN|PRODUCT|STDEV|VAR|SUMSQ)"
    r"\(|\bSUBTOTAL\(\d+,|\bAGGREGATE\(\d+,\d*,)\Z",
    re.IGNORECASE,
)
_LONGEST_SUM = 20


@dataclass(frozen=True, slots=True)
class End:
    """A corner of a reference. `column` has its $ and is empty in 5:7; `row` is 0 in A:C."""

    column: str
    fixed: bool
    row: int

    def __str__(self) -> str:
        return f"{self.column}{'$' if self.fixed else ''}{self.row or ''}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One or two corners, after the prefix that names a sheet ('It''s'!), if any.

    `summed`: it is all that is summed, counted or averaged there, as in SUM(C6).
    """

    prefix: str
    ends: tuple[End, ...]
    summed: bool = False

    def __str__(self) -> str:
        return self.prefix + ":".join(str(end) for end in self.ends)

    def on(self, sheet: str, home: str | None) -> bool:
        """Whether it points to `sheet`, from a formula on the sheet `home`.

        References into other files ([1]Sheet1!A1) and through many sheets (Jan:Dec!A1) point to none.
        """
        name = self.prefix[:-1] if self.prefix else home
        if name is None:
            return False
        if name.startswith("'"):
            name = name[1:-1].replace("''", "'")
        return name.casefold() == sheet.casefold()


def rewrite(formula: str, change: Callable[[Reference], str]) -> str:
    """The formula with every reference replaced by what `change` makes of it."""
    if len(formula) > _LONGEST:
        raise FormatFailed(
            f"the template has a formula of {len(formula):,} characters; Excel takes 8,192"
        )

    def replaced(match: re.Match[str]) -> str:
        reference = _read(match) if match["ends"] else None
        return change(reference) if reference else match[0]

    return _TOKEN.sub(replaced, formula)


def shifted(formula: str, rows: int, columns: int) -> str:
    """The formula as it reads in a cell so many rows and columns further: what filling down does."""

    def change(reference: Reference) -> str:
        ends = tuple(_shifted(end, rows, columns) for end in reference.ends)
        return str(Reference(reference.prefix, ends))

    return rewrite(formula, change)


def quoted(sheet: str) -> str:
    """The name of a sheet as a formula's prefix."""
    return "'" + sheet.replace("'", "''") + "'!"


def _read(match: re.Match[str]) -> Reference | None:
    """None when it only looks like one: XFE1 is past the last column, so it is a name."""
    ends: list[End] = []
    for text in match["ends"].split(":"):
        parts = _PARTS.fullmatch(text)
        assert parts  # noqa: S101  the token's expression is made of the same parts
        dollar, letters, fixed, digits = parts.groups()
        if not letters:
            dollar, fixed = "", dollar or fixed
        if letters and _number(letters) > _LAST_COLUMN:
            return None
        if digits and not 1 <= int(digits) <= LAST_ROW:
            return None
        ends.append(End(dollar + letters, bool(fixed), int(digits or 0)))
    before = match.string[max(0, match.start() - _LONGEST_SUM) : match.start()]
    summed = match.string[match.end() : match.end() + 1] == ")" and _SUMS.search(before) is not None
    return Reference(match["prefix"] or "", tuple(ends), summed)


def _number(letters: str) -> int:
    return int(xl_cell_to_rowcol(f"{letters.upper()}1")[1]) + 1


def _shifted(end: End, rows: int, columns: int) -> End:
    """Past an edge a relative reference comes in again at the other side, as in Excel."""
    column, row = end.column, end.row
    if column and not column.startswith("$"):
        column = xl_col_to_name((_number(column) - 1 + columns) % _LAST_COLUMN)
    if row and not end.fixed:
        row = (row - 1 + rows) % LAST_ROW + 1
    return End(column, end.fixed, row)
