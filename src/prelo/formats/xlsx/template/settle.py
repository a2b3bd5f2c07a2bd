"""A template made ready once: what hinders a move is written out, what will be wrong is taken out."""

import re

from xlsxwriter.utility import xl_cell_to_rowcol

from prelo.formats.xlsx.template.facts import MARK, text_of
from prelo.formats.xlsx.template.marks import (
    Place,
    Strings,
    cells,
    inside,
    pivot_areas,
    string_index,
)
from prelo.formats.xlsx.template.opening import (
    Book,
    Element,
    S,
    dump,
    parse,
    relations_of,
    root_name,
)
from prelo.formats.xlsx.template.references import shifted

_TYPES = "[Content_Types].xml"
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.{}.main+xml"


def settle(book: Book, place: Place) -> dict[str, bytes]:
    """The parts of the book, ready for any number of rows and for facts."""
    parts = dict(book.parts)
    strings, shown = Strings(book), set[int]()
    for name, part in book.sheets.items():
        data, home = parts[part], name == place.sheet
        asks, computes = strings.may_ask(data), _FORMULA.search(data) is not None
        if root_name(data) != "worksheet" or not (home or asks or computes):
            continue
        root = parse(data, part)
        shown |= _shown(root, place.row if home else 0, pivot_areas(book, part))
        if home or computes:
            _expand_shared(root, everywhere=home)
            _forget_results(root)
            parts[part] = dump(root)
    for part in book.related(book.main, "sharedStrings"):
        parts[part] = _without_hidden_marks(parts[part], part, shown)
    _forget_order_of_calculation(parts, book)
    return parts


def _shown(sheet: Element, marked: int, pivots: list[str]) -> set[int]:
    """The shared strings of cells that are neither in the marked row nor made anew by a pivot table."""
    return {
        index
        for row, cell in cells(sheet)
        if (index := string_index(cell)) is not None
        and row != marked
        and not any(inside(cell.get("r"), area) for area in pivots)
    }


def _expand_shared(sheet: Element, *, everywhere: bool) -> None:
    """Write out the formulas that cells share (ECMA-376 18.3.1.40): moved, they would not be alike.

    Not `everywhere`: only those that look at other sheets.
    """
    masters: dict[str, tuple[str, int, int]] = {}
    for formula in sheet.iterfind(f"{S}sheetData/{S}row/{S}c/{S}f[@t='shared']"):
        cell = formula.getparent()
        row, column = xl_cell_to_rowcol(cell.get("r"))
        group = str(formula.get("si"))
        if formula.text and (everywhere or "!" in formula.text):
            masters[group] = formula.text, row, column
        if group not in masters:
            continue
        text, first_row, first_column = masters[group]
        formula.text = shifted(text, row - first_row, column - first_column)
        for attribute in ("t", "ref", "si"):
            formula.attrib.pop(attribute, None)


def _forget_results(sheet: Element) -> None:
    """Remove what formulas gave in the template, as they will give something else."""
    for formula in sheet.iterfind(f"{S}sheetData/{S}row/{S}c/{S}f"):
        cell = formula.getparent()
        for value in cell.findall(f"{S}v"):
            cell.remove(value)
        cell.attrib.pop("t", None)


def _without_hidden_marks(data: bytes, part: str, shown: set[int]) -> bytes:
    """Shared strings, those blank that ask for something and are nowhere shown."""
    root = parse(data, part)
    for i, item in enumerate(root.iterfind(f"{S}si")):
        if i not in shown and MARK.search("".join(t.text or "" for t in text_of(item))):
            item[:] = []
            item.append(item.makeelement(f"{S}t", {}))
    return dump(root)


def _forget_order_of_calculation(parts: dict[str, bytes], book: Book) -> None:
    """Take out calcChain, which programs make anew, and call a template (.xltx) a workbook."""
    chains = book.related(book.main, "calcChain")
    types = parse(parts[_TYPES], _TYPES)
    for node in list(types.iterchildren("*")):
        if str(node.get("PartName")).lstrip("/") in chains:
            types.remove(node)
        elif node.get("ContentType") == _WORKBOOK.format("template"):
            node.set("ContentType", _WORKBOOK.format("sheet"))
    parts[_TYPES] = dump(types)
    for chain in chains:
        del parts[chain]
        path = relations_of(book.main)
        root = parse(parts[path], path)
        for node in list(root.iterchildren("*")):
            if str(node.get("Type")).endswith("/calcChain"):
                root.remove(node)
        parts[path] = dump(root)
