"""The marked row: where it is, and what stands in each of its cells."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from xlsxwriter.utility import xl_cell_to_rowcol, xl_col_to_name

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template.facts import MARK, text_of
from prelo.formats.xlsx.template.move import Pins
from prelo.formats.xlsx.template.opening import Book, Element, S, parse, root_name
from prelo.formats.xlsx.template.references import Reference, rewrite

ROWS, NAME = "rows", "prelo_rows"
_ONE_ROW = "the template's marked row must be one row"


@dataclass(frozen=True, slots=True)
class Slot:
    """One cell of the marked row.

    `style` is its attribute with a space before it, or nothing. Where `column` is None, `content` is what
    follows the style in the XML of the cell in every row: a number in it stands for the number of the row
    plus it, as ('><f>C', 0, '*D', 0, '</f></c>').
    """

    letter: str
    style: str
    column: str | None
    content: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """The marked row: its sheet by name, and its number."""

    sheet: str
    row: int


class Strings:
    """The texts of cells, which are in a part of their own or in the cell."""

    def __init__(self, book: Book) -> None:
        found = book.related(book.main, "sharedStrings")
        items = parse(book.parts[found[0]], found[0]).iterfind(f"{S}si") if found else ()
        self._texts = [_joined(item) for item in items]
        marked = [str(i) for i, text in enumerate(self._texts) if MARK.search(text)]
        self._asking = re.compile(rf">\s*(?:{'|'.join(marked)})\s*</".encode()) if marked else None

    def text(self, cell: Element) -> str:
        """The text of a cell; empty when it holds something else."""
        index = string_index(cell)
        if index is not None:
            return self._texts[index] if index < len(self._texts) else ""
        inline = cell.find(f"{S}is")
        return _joined(inline) if inline is not None else ""

    def may_ask(self, sheet: bytes) -> bool:
        """False when no text of a sheet asks for anything: large sheets of plain data need no parsing."""
        return b"{" in sheet or (
            self._asking is not None and self._asking.search(sheet) is not None
        )


def string_index(cell: Element) -> int | None:
    """The number of the shared string that a cell shows; None when it holds something else."""
    value = (cell.findtext(f"{S}v") or "").strip()
    return int(value) if cell.get("t") == "s" and value.isdecimal() else None


def cells(sheet: Element) -> Iterator[tuple[int, Element]]:
    """The cells of a sheet with the numbers of their rows. Numbers left out in the XML are added to it."""
    number = 0
    for row in sheet.iterfind(f"{S}sheetData/{S}row"):
        number = int(row.get("r") or number + 1)
        row.set("r", str(number))
        before = None
        for cell in row.iterchildren(f"{S}c"):
            if cell.get("r") is None:
                column = xl_cell_to_rowcol(before)[1] + 1 if before else 0
                cell.set("r", f"{xl_col_to_name(column)}{number}")
            before = cell.get("r")
            yield number, cell


def letters(cell: Element) -> str:
    """The column of a cell, as "AB"."""
    return xl_col_to_name(xl_cell_to_rowcol(cell.get("r"))[1])


def pivot_areas(book: Book, part: str) -> list[str]:
    """Where pivot tables stand on a sheet: what its cells show there is made from the data."""
    return [
        str(location.get("ref"))
        for pivot in book.related(part, "pivotTable")
        for location in parse(book.parts[pivot], pivot).iterfind(f"{S}location")
    ]


def corners(area: str) -> tuple[tuple[int, int], tuple[int, int]]:
    """First and last row and column of an area, from 0."""
    first, _, last = area.replace("$", "").partition(":")
    return xl_cell_to_rowcol(first), xl_cell_to_rowcol(last or first)


def inside(cell: str, area: str) -> bool:
    (top, left), (bottom, right) = corners(area)
    row, column = xl_cell_to_rowcol(cell)
    return top <= row <= bottom and left <= column <= right


def find_marked_row(book: Book) -> Place:
    """Raises FormatFailed when there is none, or when there are two."""
    strings = Strings(book)
    places = _named(book)
    for name, part in book.sheets.items():
        data = book.parts[part]
        if root_name(data) == "worksheet" and strings.may_ask(data):
            pivots = pivot_areas(book, part)
            places |= {
                Place(name, row)
                for row, cell in cells(parse(data, part))
                if _begins_rows(strings.text(cell))
                and not any(inside(cell.get("r"), area) for area in pivots)
            }
    if not places:
        raise FormatFailed(
            "the template marks no row: write {{rows}} in a cell of the row that the data replaces, or give "
            f"that row the name {NAME}"
        )
    if len(places) > 1:
        known = sorted(f"row {place.row} of '{place.sheet}'" for place in places)
        raise FormatFailed(f"{_ONE_ROW}, and these are marked: {', '.join(known)}")
    return next(iter(places))


def _named(book: Book) -> set[Place]:
    """Where the defined name says that the marked row is."""
    places: set[Place] = set()

    def keep(reference: Reference) -> str:
        rows = {end.row for end in reference.ends}
        sheet = next((name for name in book.sheets if reference.on(name, None)), None)
        if sheet is None or len(rows) > 1 or 0 in rows:
            raise FormatFailed(f"{_ONE_ROW}, and the name {NAME} refers to {reference}")
        places.add(Place(sheet, rows.pop()))
        return ""

    for name in parse(book.parts[book.main], book.main).iter(f"{S}definedName"):
        if str(name.get("name")).lower() == NAME:
            rewrite(str(name.text or ""), keep)
            if not places:
                raise FormatFailed(f"{_ONE_ROW}, and the name {NAME} refers to '{name.text or ''}'")
    return places


def slots(row: Element, book: Book, pins: Pins) -> tuple[Slot, ...]:
    """The cells of the marked row. Raises FormatFailed for text around a column, and when none is named."""
    strings = Strings(book)
    found = tuple(_slot(cell, strings.text(cell), pins) for cell in row.iterfind(f"{S}c"))
    if not any(slot.column for slot in found):
        raise FormatFailed(
            f"no cell of the template's marked row (row {row.get('r')}) names a column of the data, "
            "as {{amount}}"
        )
    return found


def _joined(item: Element) -> str:
    return "".join(t.text or "" for t in text_of(item))


def _begins_rows(text: str) -> bool:
    match = MARK.match(text.lstrip())
    return match is not None and match[1] == ROWS


def _slot(cell: Element, text: str, pins: Pins) -> Slot:
    letter = letters(cell)
    style = _attribute(cell, "s")
    began = _begins_rows(text)
    if began:
        text = MARK.sub("", text.lstrip(), count=1)
    match = MARK.fullmatch(text.strip())
    if match:
        return Slot(letter, style, match[1])
    if MARK.search(text):
        raise FormatFailed(
            f"the template's cell {cell.get('r')} has text around a column of the data ({text.strip()}); "
            "write the column alone, and the words in another cell or in the cell's number format"
        )
    return Slot(letter, style, None, _text(text) if began else _content(cell, pins))


def _attribute(cell: Element, name: str) -> str:
    return f' {name}="{escape(cell.get(name))}"' if cell.get(name) else ""


def _text(text: str) -> tuple[str, ...]:
    inside = f'<is><t xml:space="preserve">{escape(text, quote=False)}</t></is>'
    return (f' t="inlineStr">{inside}</c>',) if text.strip() else ("/>",)


def _content(cell: Element, pins: Pins) -> tuple[str | int, ...]:
    formula = cell.find(f"{S}f")
    if formula is not None:
        return _formula(cell, formula, pins)
    value, inline = cell.findtext(f"{S}v"), cell.find(f"{S}is")
    if inline is not None:
        return _text(_joined(inline))
    if value is None:
        return ("/>",)
    kind = _attribute(cell, "t")
    return (f"{kind}><v>{escape(value, quote=False)}</v></c>",)


def _formula(cell: Element, formula: Element, pins: Pins) -> tuple[str | int, ...]:
    text = pins.pieces(str(formula.text or ""))
    escaped = tuple(escape(p, quote=False) if isinstance(p, str) else p for p in text)
    kind = formula.get("t", "normal")
    if kind == "normal":
        return ("><f>", *escaped, "</f></c>")
    if kind != "array" or formula.get("ref") != cell.get("r"):
        raise FormatFailed(
            f"the template's cell {cell.get('r')} has an array formula or data table over "
            f"{formula.get('ref')}; in the marked row it may fill its own cell only"
        )
    # cm marks a formula that may spill; its target is described in the part of metadata.
    spill = _attribute(cell, "cm")
    return (f'{spill}><f t="array" ref="{letters(cell)}', 0, '">', *escaped, "</f></c>")
