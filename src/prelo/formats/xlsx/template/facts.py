"""Facts put where the template says {{name}}: in cells, headers, titles of charts, text boxes, notes …

The text may be cut into runs of different looks anywhere, even inside the braces, as editors do.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from prelo.core.errors import FormatFailed
from prelo.formats.xlsx.template.opening import Element, S, dump, local, parse, root_name

MARK = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_CONTROLS = {i: None for i in range(32) if i not in {9, 10}} | {0xFFFE: None, 0xFFFF: None}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000))
_ESCAPE_LIKE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_SIZE_CODE = re.compile(r"&\d+\Z")
_NAMES = {"table": f"{S}tableColumn", "pivotCacheDefinition": f"{S}cacheField"}

_Dress = Callable[[str, str], str]  # a fact's text, and the text before it


class Facts:
    """The texts that may be asked for, by name. Characters that no XML can hold are left out."""

    def __init__(self, facts: Mapping[str, str]) -> None:
        self._texts = {
            name: text.translate(_CONTROLS | _SURROGATES) for name, text in facts.items()
        }

    def part(self, part: str, data: bytes) -> bytes:
        """The part with its facts filled in.

        Raises FormatFailed when a name is unknown, or a header would be too long for Excel.
        """
        if b"{" not in data or root_name(data) not in _TEXTS:
            return data
        root = parse(data, part)
        changed = False
        for nodes, dress in _TEXTS[root_name(data)](root):
            if self._fill(nodes, dress):
                changed = True
                _check_length(nodes, dress)
        for node in root.iter(_NAMES.get(local(root), "-")):
            name = str(node.get("name"))
            node.set("name", MARK.sub(lambda match: self._text(match[1]), name))
            changed = changed or node.get("name") != name
        return dump(root) if changed else data

    def _fill(self, nodes: list[Element], dress: _Dress) -> bool:
        """Replace from the last to the first, so that positions found before stay true."""
        texts = [node.text or "" for node in nodes]
        whole = "".join(texts)
        found = list(MARK.finditer(whole))
        for match in reversed(found):
            value = dress(self._text(match[1]), whole[: match.start()])
            _replace(texts, match.start(), match.end(), value)
        for node, text in zip(nodes, texts, strict=True):
            _write(node, text)
        return bool(found)

    def _text(self, name: str) -> str:
        if name not in self._texts:
            known = ", ".join(sorted(self._texts)) or "none"
            raise FormatFailed(
                f"the template asks for {{{{{name}}}}} outside its marked row; what there is: {known}"
            )
        return self._texts[name]


def text_of(item: Element) -> list[Element]:
    """The text elements of a string (CT_Rst), without its phonetic hints."""
    return [t for t in item.iter(f"{S}t") if local(t.getparent()) != "rPh"]


def _write(node: Element, text: str) -> None:
    if text == (node.text or ""):
        return
    node.text = text
    if node.tag != f"{S}t":
        return
    node.set(_SPACE, "preserve")
    if not text and local(node.getparent()) == "r":
        node.getparent().getparent().remove(node.getparent())


def _replace(texts: list[str], start: int, end: int, value: str) -> None:
    """Replace start:end of the joined texts; the value goes where the first replaced character was."""
    at = 0
    for i, text in enumerate(texts):
        low, high = max(start - at, 0), min(end - at, len(text))
        if low < high:
            texts[i] = text[:low] + value + text[high:]
            value = ""
        at += len(text)


def _check_length(nodes: list[Element], dress: _Dress) -> None:
    what, most = _MOST.get(dress, ("", 0))
    size = sum(len((node.text or "").encode("utf-16-le")) // 2 for node in nodes)
    if what and size > most:
        raise FormatFailed(
            f"with its facts, {what} of the template has {size:,} characters; Excel takes {most:,}"
        )


def _plain(value: str, _before: str) -> str:
    return value


def _in_cell(value: str, _before: str) -> str:
    """What reads like an escape of a character is escaped (ECMA-376 22.9.2.19)."""
    return _ESCAPE_LIKE.sub("_x005F_", value)


def _in_header(value: str, before: str) -> str:
    """An ampersand begins a code there, and digits after &12 would be read as part of the size."""
    space = " " if _SIZE_CODE.search(before) and value[:1].isdigit() else ""
    return space + value.replace("&", "&&")


_MOST: dict[_Dress, tuple[str, int]] = {
    _in_cell: ("a cell", 32_767),
    _in_header: ("a header or footer", 255),
}
_Texts = Iterator[tuple[list[Element], _Dress]]


def _strings(root: Element) -> _Texts:
    """Of shared strings, of cells, of notes."""
    for item in root.iter(f"{S}si", f"{S}is", f"{S}text"):
        yield text_of(item), _in_cell
    for header in root.iterfind(f"{S}headerFooter/*"):
        yield [header], _in_header


def _paragraphs(root: Element) -> _Texts:
    for paragraph in root.iter(f"{_A}p"):
        yield list(paragraph.iter(f"{_A}t")), _plain


def _leaves(root: Element) -> _Texts:
    for node in root.iter("*"):
        if len(node) == 0:
            yield [node], _plain


def _none(_root: Element) -> _Texts:
    return iter(())


_TEXTS: dict[str, Callable[[Element], _Texts]] = {
    "sst": _strings,
    "worksheet": _strings,
    "chartsheet": _strings,
    "comments": _strings,
    "chartSpace": _paragraphs,
    "wsDr": _paragraphs,
    "userShapes": _paragraphs,
    "coreProperties": _leaves,
    "Properties": _leaves,
    "table": _none,
    "pivotCacheDefinition": _none,
}
