"""A workbook taken apart around its marked row, and put together again when the rows are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Self

from lxml import etree  # pyright: ignore[reportAttributeAccessIssue]  # a C module without types

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template.facts import Facts
from prelo.formats.xlsx.template.marks import Place, Slot, find_marked_row, slots
from prelo.formats.xlsx.template.move import Move, Pins
from prelo.formats.xlsx.template.opening import (
    Book,
    Element,
    S,
    damage_refused,
    dump,
    local,
    parse,
    unpack,
)
from prelo.formats.xlsx.template.parts import around_rows, moved, rows_below
from prelo.formats.xlsx.template.references import LAST_ROW
from prelo.formats.xlsx.template.refusals import refuse_what_cannot_grow
from prelo.formats.xlsx.template.settle import settle

_HERE = b"<?prelo-rows ?>"  # as lxml writes it
# CT_Workbook is a sequence (ECMA-376 18.2.27); what may stand before its names, and before calcPr.
_BEFORE_NAMES = {
    "fileVersion", "fileSharing", "workbookPr", "workbookProtection", "AlternateContent", "revisionPtr",
    "bookViews", "sheets", "functionGroups", "externalReferences",
}  # fmt: skip
_BEFORE_CALC = _BEFORE_NAMES | {"definedNames"}


@dataclass(frozen=True, slots=True)
class Template:
    """The pieces around the rows, which may be asked for again and again; equal input gives equal bytes.

    `slots` are the cells of the marked row from left to right, and `row_attributes` what stands in its
    <row> beside the number: a space and attributes, or nothing. The first row of data is row `first_row`
    of `sheet`, whose XML is `part`; `room` rows fit there. The file is `head()`, the rows, and `tail(rows)`
    in that part, and `parts(rows)` beside it.
    """

    slots: tuple[Slot, ...]
    row_attributes: str
    first_row: int
    room: int
    sheet: str
    part: str
    _book: Book
    _names: dict[str, str]

    @classmethod
    @damage_refused()
    def read(cls, workbook: bytes, facts: Mapping[str, str]) -> Self:
        """Take a workbook apart. Raises FormatFailed with what is wrong with it and what to do."""
        book = unpack(workbook)
        place = find_marked_row(book)
        part = book.sheets[place.sheet]
        settled = settle(book, place)
        filler = Facts(facts)
        sheet = parse(settled[part], part)
        row = _row(sheet, place)
        refuse_what_cannot_grow(book, sheet, place)
        main = parse(book.parts[book.main], book.main)
        pins = Pins(
            place.sheet, place.row, {str(n.get("name")) for n in main.iter(f"{S}definedName")}
        )
        found = slots(row, book, pins)
        room = LAST_ROW + 1 - _last_row(sheet, place)
        attributes = "".join(f' {k}="{escape(v)}"' for k, v in row.attrib.items() if _kept(k))
        settled[part] = _cut(sheet, row, pins)
        filled = {name: filler.part(name, data) for name, data in settled.items()}
        whole = Book(filled, book.main, book.sheets)
        return cls(found, attributes, place.row, room, place.sheet, part, whole, pins.names)

    def head(self) -> bytes:
        """The XML of the sheet up to its rows of data; the same however many they are."""
        return self._book.parts[self.part].partition(_HERE)[0]

    @damage_refused()
    def tail(self, rows: int) -> bytes:
        """The XML of the sheet after its rows of data. With none it begins with one blank row."""
        sheet, move = parse(self._book.parts[self.part], self.part), self._move(rows)
        rows_below(sheet, move)
        around_rows(sheet, move, self.sheet)
        rest = dump(sheet).partition(_HERE)[2]
        return rest if rows else self._blank_row() + rest

    def parts(self, rows: int) -> Iterator[tuple[str, bytes]]:
        """Every other part of the file by its name, for so many rows of data."""
        move, owners = self._move(rows), self._book.owners()
        for name, data in self._book.parts.items():
            if name == self._book.main:
                yield name, self._main(data, move)
            elif name != self.part:
                yield name, moved(name, data, move, owners.get(name))

    def _move(self, rows: int) -> Move:
        return Move(self.sheet, self.first_row, max(rows, 1))

    def _blank_row(self) -> bytes:
        number = self.first_row
        cells = "".join(f'<c r="{slot.letter}{number}"{slot.style}/>' for slot in self.slots)
        return f'<row r="{number}"{self.row_attributes}>{cells}</row>'.encode()

    def _main(self, data: bytes, move: Move) -> bytes:
        """The workbook's own part: its names, the names of Pins, and the order to compute everything."""
        root = parse(data, self._book.main)
        names = _child(root, "definedNames", _BEFORE_NAMES) if self._names else None
        for name in root.iterfind(f"{S}definedNames/{S}definedName"):
            name.text = move.name(name.text or "")
        for name, target in self._names.items():
            etree.SubElement(names, f"{S}definedName", name=name).text = move.formula(target, None)
        _child(root, "calcPr", _BEFORE_CALC).set("fullCalcOnLoad", "1")
        return dump(root)


def _row(sheet: Element, place: Place) -> Element:
    for row in sheet.iterfind(f"{S}sheetData/{S}row"):
        if row.get("r") == str(place.row):
            return row
    raise FormatFailed(f"the template's marked row (row {place.row} of '{place.sheet}') is empty")


def _kept(attribute: str) -> bool:
    """What the row's number and columns say changes; names with a namespace are an editor's own hints."""
    return attribute not in {"r", "spans"} and "}" not in attribute


def _last_row(sheet: Element, place: Place) -> int:
    """The last row with content: rows below it that have styles only may fall off the end of the sheet."""
    full = [
        int(row.get("r"))
        for row in sheet.iterfind(f"{S}sheetData/{S}row")
        if any(len(cell) for cell in row.iterfind(f"{S}c"))
    ]
    return max(place.row, *full) if full else place.row


def _cut(sheet: Element, row: Element, pins: Pins) -> bytes:
    """The sheet with a sign where its marked row was, and its rows above ready for any number of rows."""
    for above in row.itersiblings(f"{S}row", preceding=True):
        for formula in above.iterfind(f"{S}c/{S}f"):
            formula.text = pins.formula(formula.text or "")
    for dimension in sheet.findall(f"{S}dimension"):
        sheet.remove(dimension)
    row.getparent().replace(row, etree.ProcessingInstruction("prelo-rows"))
    return dump(sheet)


def _child(root: Element, name: str, before: set[str]) -> Element:
    """The child of that name; where there is none, a new one at its place in the sequence."""
    found = root.find(f"{S}{name}")
    if found is None:
        found = etree.Element(f"{S}{name}")
        root.insert(sum(local(child) in before for child in root.iterchildren("*")), found)
    return found
