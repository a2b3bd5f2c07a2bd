"""What a marked row cannot have around it: it would have to be repeated in every row, or cut in two."""

from collections.abc import Iterator

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template.marks import Place, corners, pivot_areas
from prelo.formats.xlsx.template.move import Move
from prelo.formats.xlsx.template.opening import Book, Element, S, parse

_SPARKLINE = "{http://schemas.microsoft.com/office/spreadsheetml/2009/9/main}sparkline"
_SQREF = "{http://schemas.microsoft.com/office/excel/2006/main}sqref"


def refuse_what_cannot_grow(book: Book, sheet: Element, place: Place) -> None:
    """Raises FormatFailed with the first hindrance, and what to do about it."""
    move = Move(place.sheet, place.row, 2)
    for hindrances in (_on_sheet(sheet, move), _pivot_tables(book, move), _tables(book, move)):
        for why in hindrances:
            raise FormatFailed(
                f"the template's marked row (row {place.row} of '{place.sheet}') {why}"
            )


def _on_sheet(sheet: Element, move: Move) -> Iterator[str]:
    for merged in sheet.iter(f"{S}mergeCell"):
        if _rows(merged.get("ref")) == (move.row, move.row):
            yield f"has merged cells ({merged.get('ref')}); unmerge them"
    for sparkline in sheet.iter(_SPARKLINE):
        if move.covers(sparkline.findtext(_SQREF) or ""):
            yield "has a sparkline, which cannot be repeated; move it to another row"
    for formula in sheet.iterfind(f"{S}sheetData/{S}row/{S}c/{S}f[@ref]"):
        first, last = _rows(formula.get("ref"))
        if first < last and first <= move.row <= last:
            yield f"is within the array formula or data table over {formula.get('ref')}; move that"


def _pivot_tables(book: Book, move: Move) -> Iterator[str]:
    for area in pivot_areas(book, book.sheets[move.sheet]):
        if move.covers(area):
            yield f"is beside or within the pivot table at {area}; move that to another sheet"


def _tables(book: Book, move: Move) -> Iterator[str]:
    for part in book.related(book.sheets[move.sheet], "table"):
        table = parse(book.parts[part], part)
        first, last = _rows(table.get("ref"))
        name = table.get("displayName")
        if first == move.row and table.get("headerRowCount") != "0":
            yield f"is the header of the table {name}; mark the row below it"
        if last == move.row and table.get("totalsRowCount", "0") != "0":
            yield f"is the total row of the table {name}; mark the row above it"


def _rows(area: str) -> tuple[int, int]:
    (first, _), (last, _) = corners(area)
    return first + 1, last + 1
