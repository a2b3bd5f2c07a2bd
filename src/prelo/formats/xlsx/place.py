"""Where a table stands on its sheet."""

from dataclasses import dataclass

from prelo.core.errors import ColumnMissing
from prelo.formats.stream import Field

# Far from the last row of a sheet: XlsxWriter shortens a range to that one to whole columns.
_FIRST_MADE_UP = 1_000_000


def last_row(sheet: int) -> int:
    """The made-up last row of data of the sheet of that number, all counted from 0."""
    return _FIRST_MADE_UP - 1 + 2 * sheet


def made_up(shown: int) -> tuple[int, int]:
    """The sheet that a made-up row, as a file shows it, belongs to; and 1 if it is the row after."""
    return divmod(shown - _FIRST_MADE_UP, 2)


@dataclass(frozen=True, slots=True)
class Place:
    """Rows and columns are counted from 0. `last` is made up while a frame is drawn: the real one is not
    known yet, and is put in its stead when it is. `grouped`: subtotals stand among the rows.
    """

    sheet: str
    header: int
    first: int
    last: int
    fields: tuple[Field, ...]
    grouped: bool = False

    def column(self, name: str, what: str) -> int:
        """The column of the sheet that shows `name`; `what` asks for it, as "a chart"."""
        for i, field in enumerate(self.fields):
            if field.name == name:
                return i
        shown = ", ".join(field.name for field in self.fields)
        raise ColumnMissing(
            f"{what} names the column '{name}', which the sheet does not show; it shows {shown}"
        )
