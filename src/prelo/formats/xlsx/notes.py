"""What a cell says to whoever points at it or edits it: notes at titles, lists to choose from."""

import re
from math import ceil

from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.formats.stream import Field
from prelo.formats.xlsx.place import Place

_LONGEST_LIST, _LONGEST_TITLE = 255, 32  # UTF-16 units (ECMA-376 18.3.1.32, and what Excel opens)
_NOTE_WIDTH, _NOTE_LINE, _NOTE_LETTERS, _MOST_LINES = 210, 15, 34, 20
_CONTROL = re.compile("[\x00-\x1f\ufffe\uffff]+")


def draw_notes(sheet: Worksheet, place: Place) -> None:
    """Each column's note at its title, as high as its text needs. It names no author."""
    for column, field in enumerate(place.fields):
        note = field.column.note
        if note:
            lines = sum(max(1, ceil(len(line) / _NOTE_LETTERS)) for line in note.splitlines())
            sheet.write_comment(place.header, column, note, {
                "width": _NOTE_WIDTH, "height": min(lines, _MOST_LINES) * _NOTE_LINE + 12,
                "font_name": "Calibri", "font_size": 10, "color": "#FFFDF2",
            })  # fmt: skip


def draw_choices(sheet: Worksheet, place: Place) -> None:
    """Each column's choices as the list that Excel offers in its cells, and checks what is typed against.

    Raises FormatFailed for choices that Excel's list cannot hold.
    """
    for column, field in enumerate(place.fields):
        choices = field.column.choices
        if not choices:
            continue
        _check(field)
        offered = ", ".join(choices)
        sheet.data_validation(place.first, column, place.last, column, {
            "validate": "list", "source": [choice.replace('"', '""') for choice in choices],
            "error_title": _cut(_CONTROL.sub(" ", field.title), _LONGEST_TITLE),
            "error_message": _cut(f"Choose one of these: {offered}", 225),
        })  # fmt: skip


def _check(field: Field) -> None:
    wrong = None
    commas = [choice for choice in field.column.choices if "," in choice]
    blank = [choice for choice in field.column.choices if choice != choice.strip() or not choice]
    length = _units(",".join(field.column.choices).replace('"', '""'))
    if commas:
        wrong = f"'{commas[0]}' has a comma, which parts the choices in the file"
    elif blank:
        wrong = f"'{blank[0]}' is empty or has spaces around it, which Excel takes away"
    elif length > _LONGEST_LIST:
        wrong = f"together they have {length:,} characters, and Excel takes {_LONGEST_LIST}"
    if wrong:
        raise FormatFailed(f"the choices of the column '{field.name}' make no list: {wrong}")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _cut(text: str, units: int) -> str:
    """At most so many UTF-16 units, and never half a character."""
    if _units(text) <= units:
        return text
    return text.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", "ignore") + "…"
