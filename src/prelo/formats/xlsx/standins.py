"""Texts that differ from job to job, kept out of the drawing, so that all jobs of a report share one.

What is drawn instead is a stand-in: a run of one private character (Unicode 16, 23.5), as long as the text,
so that what is cut at some length is cut where the text would be. Only texts that are the same in XML stand
aside; others, and a workbook with private characters of its own, are drawn as they are.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from xlsxwriter.utility import quote_sheetname

from prelo.formats.xlsx.drawing import SheetSpec

_PRIVATE = range(0xE000, 0xF900)
_RUN = re.compile(r"'?(([\ue000-\uf8ff])\2*)'?")
# No markup, quote, control, half of a pair, or escape of OOXML; and no white space but single spaces within,
# as a header has it.
_LETTERS = r"[^\s\x00-\x1f\x7f-\x9f&<>\"'\ud800-\uf8ff\ufffe\uffff\U00010000-\U0010ffff]+"
_PLAIN = re.compile(rf"(?!.*_x)(?!.{{256}}){_LETTERS}(?: {_LETTERS})*")


class Standins:
    """What stands for what in the drawing of some sheets. `size`: private characters in all of it."""

    def __init__(self) -> None:
        self.size = 0
        self._texts: dict[str, str] = {}
        self._characters: dict[tuple[str, bool], str] = {}
        self._names: set[str] = set()

    def instead(self, text: str, *, name: bool = False) -> str:
        """The stand-in of a text, or the text itself if it is not plain. `name`: it is a sheet's, which
        formulas may have to quote. Equal texts have the same one: XlsxWriter writes them once.
        """
        if len(self._texts) == len(_PRIVATE) or not _PLAIN.fullmatch(text):
            return text
        character = self._characters.setdefault((text, name), chr(_PRIVATE[len(self._texts)]))
        self._texts[character] = text
        if name:
            self._names.add(character)
        self.size += len(text)
        return character * len(text)

    def text(self, run: re.Match[str]) -> str:
        """The text that comes where this run of stand-ins is."""
        around, own, character = run[0], run[1], run[2]
        text = self._texts[character]
        if character in self._names and around[0] == around[-1] == "'":
            return quote_sheetname(text)
        times = -(-len(own) // len(text))  # the same mark twice makes one run
        return around.replace(own, (text * times)[: len(own)])


def runs(text: str) -> Iterator[re.Match[str]]:
    """The runs of one private character in a text."""
    return _RUN.finditer(text)


def private_in(text: str) -> int:
    """How many private characters are in a text."""
    return sum(len(run[1]) for run in runs(text))


def stand_aside(sheets: Sequence[SheetSpec]) -> tuple[list[SheetSpec], Standins]:
    """The sheets as they are drawn, and what stands for what there."""
    standins = Standins()
    return [_aside(sheet, standins) for sheet in sheets], standins


def _aside(sheet: SheetSpec, standins: Standins) -> SheetSpec:
    layout, instead = sheet.layout, standins.instead
    marks = {name: instead(text) for name, text in layout.stamp.marks.items()}
    update: dict[str, Any] = {
        "title": instead(layout.title),
        "subtitle": instead(layout.subtitle),
        "facts": {label: instead(value) for label, value in layout.facts.items()},
        "stamp": layout.stamp.model_copy(update={"marks": marks}),
    }
    # The name of an Excel table is made from the sheet's.
    name = sheet.name if layout.xlsx.table else instead(sheet.name, name=True)
    return replace(sheet, name=name, layout=layout.model_copy(update=update))
