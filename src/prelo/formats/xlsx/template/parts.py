"""What becomes of each part of a workbook when the marked row becomes many rows."""

import re
from collections.abc import Callable

from prelo.formats.xlsx.template.marks import letters
from prelo.formats.xlsx.template.move import Move
from prelo.formats.xlsx.template.opening import (
    ID,
    Element,
    S,
    damage_refused,
    dump,
    local,
    parse,
    root_name,
)
from prelo.formats.xlsx.template.references import LAST_ROW

_XM = "{http://schemas.microsoft.com/office/excel/2006/main}"
_FORMULAS = {"f", "formula", "formula1", "formula2", "calculatedColumnFormula", "totalsRowFormula"}
_CACHES = {"numCache", "strCache", "multiLvlStrCache", "dlblRangeCache"}
_CORNERS = 8  # [MS-OI29500] Anchor: left column, offset, top row, offset, right column …
_CONTROLS = ("fmlaLink", "fmlaRange", "fmlaGroup", "fmlaTxbx")
_VML_BOX = re.compile(r"<(\w+:)?ClientData\b.*?</(\w+:)?ClientData>", re.DOTALL)
_VML_ROW = re.compile(r"(?<=Row>)\s*(\d+)\s*(?=</)")
_VML_ANCHOR = re.compile(r"(?<=Anchor>)[^<]+(?=</)")
_VML_FORMULA = re.compile(r"(<(?:\w+:)?Fmla\w+>)([^<]*)(?=</)")


@damage_refused()
def moved(part: str, data: bytes, move: Move, home: str | None) -> bytes:
    """`part` after the move; `home` is the name of the sheet it belongs to, where it belongs to one.

    A part in which nothing changes comes back as it is, byte for byte.
    """
    name = root_name(data)
    if name == "xml" and part.endswith(".vml"):
        return _vml(data.decode(errors="surrogateescape"), move, home).encode(
            errors="surrogateescape"
        )
    elsewhere = name == "worksheet" and home != move.sheet
    if name not in _MOVERS or (elsewhere and b"!" not in data):
        return data
    root = parse(data, part)
    before = dump(root)
    _MOVERS[name](root, move, home)
    after = dump(root)
    return data if after == before else after


def rows_below(sheet: Element, move: Move) -> None:
    """Move down the rows of the marked row's sheet that stand below it."""
    for row in list(sheet.iterfind(f"{S}sheetData/{S}row")):
        number = int(row.get("r"))
        if number <= move.row:
            continue
        row.attrib.pop("spans", None)  # a hint, of cells by their columns
        if number + move.down > LAST_ROW:
            row.getparent().remove(row)  # it has no content: Template.room sees to that
            continue
        row.set("r", str(number + move.down))
        for cell in row.iterfind(f"{S}c"):
            cell.set("r", f"{letters(cell)}{number + move.down}")
        for formula in row.iterfind(f"{S}c/{S}f"):
            _formula(formula, move, move.sheet)
            for name in {"ref", "r1", "r2"} & set(formula.attrib):
                formula.set(name, move.formula(formula.get(name), move.sheet))


def around_rows(sheet: Element, move: Move, home: str | None) -> None:
    """Everything of a sheet that follows its rows: rules, merged cells, links, filters, sparklines …"""
    for child in sheet.iterchildren("*"):
        if local(child) != "sheetData":
            _references(child, move, home)
            _anchors(child, move, home)
        elif home != move.sheet:
            for formula in child.iterfind(f"{S}row/{S}c/{S}f"):
                _formula(formula, move, home)


def _references(root: Element, move: Move, home: str | None) -> None:
    """Areas and formulas, wherever they stand in `root`. Formulas first: they look at their areas."""
    for node in root.iter("*"):
        if local(node) in _FORMULAS:
            _rule(node, move, home)
        elif local(node) == "cfvo" and node.get("val"):
            relative = not _for_marked_row(node, move, home)
            node.set("val", move.formula(node.get("val"), home, relative=relative))
        elif node.get("location"):
            node.set("location", move.formula(node.get("location"), home))
    if home == move.sheet:
        for node in root.iter("*"):
            _areas(node, move)


def _areas(node: Element, move: Move) -> None:
    name = local(node)
    if name == "sqref" and node.text:
        node.text = move.areas(node.text)
    elif name == "brk" and int(node.get("id")) >= move.row:
        node.set("id", str(min(int(node.get("id")) + move.down, LAST_ROW)))
    elif name in {"inputCells", "cellWatch"}:
        node.set("r", move.formula(node.get("r"), move.sheet))
    elif name == "selection" or (name == "dataRef" and node.get("sheet") not in {None, move.sheet}):
        pass
    else:
        for attribute in {"ref", "sqref"} & set(node.attrib):
            node.set(attribute, move.areas(node.get(attribute)))


def _rule(node: Element, move: Move, home: str | None) -> None:
    """A formula of a rule, or the range that a sparkline shows."""
    sparkline = local(node.getparent()) in {"sparkline", "sparklineGroup"}
    relative = sparkline or not _for_marked_row(node, move, home)
    _formula(node, move, home, area=sparkline, relative=relative)


def _for_marked_row(node: Element, move: Move, home: str | None) -> bool:
    """Whether a rule is applied to the marked row: its rows without a $ are distances then, and stay."""
    while home == move.sheet and node is not None:
        areas = node.get("sqref") or node.findtext(f"{_XM}sqref")
        if areas:
            return any(move.covers(area) for area in areas.split())
        node = node.getparent()
    return False


def _formula(
    node: Element, move: Move, home: str | None, *, area: bool = False, relative: bool = True
) -> None:
    if node.text:
        node.text = move.formula(node.text, home, area=area, relative=relative)


def _anchors(root: Element, move: Move, home: str | None) -> None:
    """A drawing keeps its size: one that begins below the marked row moves, any other stays."""
    if home != move.sheet:
        return
    for anchor in root.iter("*"):
        corners = list(anchor.iterfind("{*}from/{*}row"))
        if corners and int(corners[0].text) >= move.row:  # counted from 0
            for row in [*corners, *anchor.iterfind("{*}to/{*}row")]:
                row.text = str(min(int(row.text) + move.down, LAST_ROW - 1))


def _drawing(root: Element, move: Move, home: str | None) -> None:
    _anchors(root, move, home)
    for node in root.iter("*"):
        if node.get("textlink"):
            node.set("textlink", move.formula(node.get("textlink"), home))


def _chart(root: Element, move: Move, _home: str | None) -> None:
    """Ranges grow, but a title is one cell. What a chart remembers of its cells is from the template."""
    for node in list(root.iter("*")):
        name, parent = local(node), node.getparent()
        if name == "f":
            owners = {local(parent), local(parent.getparent())}
            _formula(node, move, None, area=not owners & {"tx", "txData", "dlblFTEntry"})
        elif name in _CACHES or (name == "lvl" and local(parent) in {"strDim", "numDim"}):
            parent.remove(node)


def _notes(root: Element, move: Move, home: str | None) -> None:
    for node in root.iter("*"):
        if node.get("ref") and home == move.sheet:
            node.set("ref", move.formula(node.get("ref"), home))


def _pivot_table(root: Element, move: Move, home: str | None) -> None:
    for location in root.iterfind(f"{S}location"):
        if home == move.sheet:
            location.set("ref", move.areas(location.get("ref")))


def _pivot_cache(root: Element, move: Move, _home: str | None) -> None:
    """Programs read the source anew when they open it, and forget values that it no longer has."""
    sources = list(root.iter(f"{S}worksheetSource", f"{S}rangeSet"))
    for source in sources:
        on = str(source.get("sheet")).casefold() == move.sheet.casefold()
        if on and source.get("ref") and not source.attrib.get(ID):
            source.set("ref", move.areas(source.get("ref")))
    if sources:
        root.set("refreshOnLoad", "1")
        root.set("missingItemsLimit", "0")


def _control(root: Element, move: Move, home: str | None) -> None:
    for name in set(_CONTROLS) & set(root.attrib):
        root.set(name, move.formula(root.get(name), home))


def _vml(text: str, move: Move, home: str | None) -> str:
    """The boxes of notes and old controls. As text: Excel's VML is not always well-formed XML."""

    def box(match: re.Match[str]) -> str:
        data = _VML_FORMULA.sub(lambda m: m[1] + move.formula(m[2], home), match[0])
        row, anchor = _VML_ROW.search(data), _VML_ANCHOR.search(data)
        corners = anchor[0].split(",") if anchor else []
        top = row[0] if row else corners[2] if len(corners) == _CORNERS else "0"
        if int(top) < move.row:  # counted from 0
            return data
        if len(corners) == _CORNERS:
            corners[2], corners[6] = (f" {int(corners[i]) + move.down}" for i in (2, 6))
            data = _VML_ANCHOR.sub(",".join(corners), data)
        return _VML_ROW.sub(lambda m: str(int(m[0]) + move.down), data)

    return _VML_BOX.sub(box, text) if home == move.sheet else text


_MOVERS: dict[str, Callable[[Element, Move, str | None], None]] = {
    "worksheet": around_rows,
    "table": _references,
    "comments": _notes,
    "ThreadedComments": _notes,
    "wsDr": _drawing,
    "chartSpace": _chart,
    "pivotTableDefinition": _pivot_table,
    "pivotCacheDefinition": _pivot_cache,
    "formControlPr": _control,
}
