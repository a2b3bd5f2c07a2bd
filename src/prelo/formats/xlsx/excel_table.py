"""The rows as an Excel table: a style with stripes, a filter, totals that know their columns by name."""

import re
from typing import Any

from xlsxwriter.utility import xl_range
from xlsxwriter.worksheet import Worksheet

from prelo.core.workbook import Total
from prelo.formats.stream import Field
from prelo.formats.xlsx.place import Place

_HOUSE_STYLE = "Medium 2"
_FUNCTIONS: dict[Total, tuple[str, int]] = {
    "sum": ("sum", 109), "count": ("count", 103), "min": ("min", 105), "max": ("max", 104),
    "mean": ("average", 101),
}  # fmt: skip
_LONGEST_TITLE, _LONGEST_NAME = 255, 255
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff]+")
_ESCAPED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_SPECIAL = re.compile(r"['#\[\]]")
_NO_LETTER = re.compile(r"[^\w.]+")
_REFERENCE = re.compile(r"[A-Za-z]{1,3}\d+|[RrCc]|[Rr]\d*[Cc]\d*")


def table_titles(fields: tuple[Field, ...]) -> tuple[str, ...]:
    """The titles of the columns as a table can have them: none empty, none twice in any case of letters.

    An empty one becomes `Column 3`, a second `amount` becomes `amount 2`, line breaks become spaces.
    The cells of the header must show these: Excel calls a file damaged where they differ.
    """
    titles: list[str] = []
    used: set[str] = set()
    for number, field in enumerate(fields, 1):
        title = _cut(_CONTROL.sub(" ", field.title), _LONGEST_TITLE).strip() or f"Column {number}"
        free, count = title, 1
        while free.casefold() in used:
            count += 1
            free = f"{_cut(title, _LONGEST_TITLE - 6)} {count}"
        used.add(free.casefold())
        titles.append(free)
    return tuple(titles)


def _cut(text: str, units: int) -> str:
    """At most so many UTF-16 units, which is how Excel counts; never half a character."""
    return text.encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore")


def table_name(sheet: str, used: set[str]) -> str:
    """A name for the table of a sheet, not among `used` (in lower case), to which it is added.

    By Excel's rules for names: letters, digits, _ and . after a first letter or _, and no reference to cells.
    """
    name = _NO_LETTER.sub("_", sheet).strip("_.")[: _LONGEST_NAME - 6] or "Table"
    if not (name[0].isalpha()) or _REFERENCE.fullmatch(name):
        name = f"_{name}"
    free, count = name, 1
    while free.lower() in used:
        count += 1
        free = f"{name}_{count}"
    used.add(free.lower())
    return free


def total_formula(total: Total, table: str, title: str) -> str:
    """The formula of a total in the table's totals row, as `SUBTOTAL(109,Sales[Amount])`.

    `title` is one of `table_titles`; what has a meaning in a reference is escaped (the grammar in
    ECMA-376 18.17.2). It is still to be escaped for XML. Excel could do without the table's name,
    LibreOffice could not.
    """
    escaped = _SPECIAL.sub(r"'\g<0>", title)
    return f"SUBTOTAL({_FUNCTIONS[total][1]},{table}[{escaped}])"


def add_table(
    sheet: Worksheet, place: Place, name: str, style: bool | str, *,  # noqa: FBT001  as the option is
    filtered: bool, totals: str | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Make a table of the header and the rows; give back the titles that the header's cells must show.

    `style` is True for the house's, or as XlsxOptions names it. `totals`: the row after the last is one
    of totals, and this is the word in its first column; None: there is no such row. No cell is written,
    and the sheet must have no filter of its own beside the table's.
    """
    titles = table_titles(place.fields)
    last_column = len(titles) - 1
    # Over one row, and the rest set afterwards: XlsxWriter remembers each cell of a table, and would write
    # those of its header and totals.
    sheet.add_table(place.first, 0, place.first, last_column, {
        "name": name, "style": f"Table Style {_HOUSE_STYLE if style is True else style}",
        "header_row": False, "autofilter": False,
        "columns": [{"header": _ESCAPED.sub("_x005F_", title)} for title in titles],
    })  # fmt: skip
    table: dict[str, Any] = sheet.tables[-1]
    table["header_row_count"] = 1
    table["autofilter"] = xl_range(place.header, 0, place.last, last_column) if filtered else None
    table["range"] = xl_range(place.header, 0, place.last + (totals is not None), last_column)
    if totals is not None:
        table["totals_row_shown"] = True
        _set_totals(table["columns"], place.fields, totals)
    return titles


def _set_totals(columns: list[dict[str, Any]], fields: tuple[Field, ...], word: str) -> None:
    for column, field in zip(columns, fields, strict=True):
        if field.column.total:
            column["total_function"] = _FUNCTIONS[field.column.total][0]
    if not fields[0].column.total:
        columns[0]["total_string"] = word
