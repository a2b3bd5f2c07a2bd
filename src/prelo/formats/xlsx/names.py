r"""Names of sheets, by Excel's rules: 1 to 31 characters, none of []:*?/\, no apostrophe at either end."""

import re

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout

_LONGEST = 31
_REFUSED = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff]")
_RESERVED = "history"
_DEFAULT = "Report"


def sheet_name(layout: Layout) -> str:
    """The name the layout asks for, or one made from its title. Raises FormatFailed for one that Excel
    refuses: it would call the whole file damaged.
    """
    name = layout.xlsx.sheet
    if name is None:
        return _cut(_REFUSED.sub(" ", layout.title), _LONGEST).strip(" '") or _DEFAULT
    wrong = None
    if not name or _units(name) > _LONGEST:
        wrong = "it must have 1 to 31 characters"
    elif _REFUSED.search(name):
        wrong = r"none of []:*?/\ and no control character may be in it"
    elif name[0] == "'" or name[-1] == "'" or not name.strip():
        wrong = "it must not be blank, nor begin or end with an apostrophe"
    elif name.lower() == _RESERVED:
        wrong = "Excel keeps that name for itself"
    if wrong:
        raise FormatFailed(f"the sheet cannot be named '{name}': {wrong}")
    return name


def numbered(name: str, number: int) -> str:
    """The name of the `number`-th sheet of the same data, counted from 1."""
    if number == 1:
        return name
    mark = f" ({number})"
    return _cut(name, _LONGEST - len(mark)).rstrip() + mark


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, units: int) -> str:
    """At most so many UTF-16 units, which is how Excel counts; never half a character."""
    return text.encode("utf-16-le")[: units * 2].decode("utf-16-le", "ignore")


class Names:
    """The names of a workbook's sheets: no two alike, whatever their case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        """A name somebody asked for. Raises FormatFailed if another sheet has it."""
        if name.casefold() in self._taken:
            raise FormatFailed(f"two sheets would be named '{name}'; give one of them another name")
        return self._keep(name)

    def free(self, name: str, number: int = 1) -> str:
        """The name, or with the lowest number from `number` on that nobody has."""
        while numbered(name, number).casefold() in self._taken:
            number += 1
        return self._keep(numbered(name, number))

    def _keep(self, name: str) -> str:
        self._taken.add(name.casefold())
        return name
