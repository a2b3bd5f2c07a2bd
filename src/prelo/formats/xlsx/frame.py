"""Everything around the rows, drawn by XlsxWriter: a workbook whose sheets have no data yet.

Each sheet is drawn with a made-up last row (place.py), which `Frame` replaces when the real one is known;
so one drawing serves every job of a report, however many rows it has, and is kept.
"""

import hashlib
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import BytesIO
from itertools import count, groupby
from operator import itemgetter

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout
from prelo.formats.stream import Field
from prelo.formats.xlsx.drawing import Drawing, SheetSpec, draw_sheet, keep_places
from prelo.formats.xlsx.forms import Form
from prelo.formats.xlsx.place import last_row
from prelo.formats.xlsx.rows import RowStyles
from prelo.formats.xlsx.standins import Standins, private_in, stand_aside
from prelo.formats.xlsx.styles import Styles

_STYLE = re.compile(r'<c r="[A-Z]+\d+"(?: s="(\d+)")?')
_KNOWN = {"title", "subject", "author", "manager", "company", "category", "keywords", "comments",
          "status", "hyperlink_base"}  # fmt: skip

_TEXTS = ("docProps/", "xl/sharedStrings")  # parts that refer to no rows; what looks so is a title
_LONGEST_PROPERTY = 255
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Spec:
    """All that a frame depends on. Specs of the same key share one drawing."""

    sheets: tuple[SheetSpec, ...] = field(compare=False)
    key: str
    private: int
    """How many private characters there are."""

    @classmethod
    def of(cls, sheets: Sequence[SheetSpec]) -> "Spec":
        whole = "\n\n".join(sheet.key() for sheet in sheets)  # with a logo, much to keep
        key = hashlib.sha256(whole.encode()).hexdigest()
        return cls(tuple(sheets), key, private_in(whole))


@dataclass(frozen=True, slots=True)
class SheetFrame:
    """What stands around the rows of a sheet. `first_row` counts from 1; `columns` are those of the
    sheet: the fields, and a column for each sparkline.
    """

    first_row: int
    columns: int
    styles: RowStyles
    _head: Form
    _tail: Form

    def head(self, widths: list[float], fields: tuple[Field, ...], *, selected: bool) -> bytes:
        """The sheet up to its first row of data. Only the first sheet is the selected one."""
        head = self._head.written()
        if not selected:
            head = head.replace(' tabSelected="1"', "")
        return head.replace("<sheetData>", f"{_cols(widths, fields)}<sheetData>", 1).encode()

    def tail(self, last: int) -> str:
        """The sheet from the end of its rows; ranges over the data end at `last`."""
        return self._tail.written(lambda _: max(last, self.first_row))

    def filled(self, standins: Standins) -> "SheetFrame":
        return replace(self, _head=self._head.filled(standins), _tail=self._tail.filled(standins))


@dataclass(frozen=True, slots=True)
class Frame:
    """The drawn workbook: its sheets, and the parts beside them. `forms`: those of them with something to
    fill in.
    """

    sheets: tuple[SheetFrame, ...]
    parts: dict[str, bytes]
    forms: dict[str, Form]

    def filled(self, standins: Standins) -> "Frame":
        """With the texts of one job where their stand-ins are."""
        sheets = tuple(sheet.filled(standins) for sheet in self.sheets)
        forms = {name: form.filled(standins) for name, form in self.forms.items()}
        return replace(self, sheets=sheets, forms=forms)

    def rest(self, last_rows: list[int]) -> dict[str, bytes]:
        """The parts beside the sheets, their ranges ending at each sheet's last row of data."""
        ends = [
            max(last, sheet.first_row) for last, sheet in zip(last_rows, self.sheets, strict=True)
        ]
        return self.parts | {
            name: form.written(ends.__getitem__).encode() for name, form in self.forms.items()
        }


def draw(sheets: Sequence[SheetSpec]) -> Frame:
    """The frame of a workbook. Drawn once per report: a small job then costs no XlsxWriter at all."""
    aside, standins = stand_aside(sheets)
    spec = Spec.of(aside)
    if spec.private != standins.size:  # there are others, which are not ours to fill
        return drawn(Spec.of(sheets))
    return drawn(spec).filled(standins)


@lru_cache(maxsize=32)
def drawn(spec: Spec) -> Frame:
    buffer = BytesIO()
    book = Workbook(buffer, {"in_memory": True})
    _set_properties(book, spec.sheets[0].layout)
    try:
        drawings = _drawings(book, spec)
        book.close()
    except XlsxWriterException as error:
        raise FormatFailed(f"the workbook cannot be drawn: {error}") from error
    with zipfile.ZipFile(buffer) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    sheets = tuple(
        _cut(drawing, parts.pop(f"xl/worksheets/sheet{number}.xml").decode())
        for number, drawing in enumerate(drawings, 1)
    )
    drawn = [its.layout for its in spec.sheets if its.layout.logo or its.layout.xlsx.charts]
    for number, layout in enumerate(drawn, 1):
        name = f"xl/drawings/drawing{number}.xml"
        parts[name] = keep_places(parts[name].decode(), layout).encode()
    # The time of writing is the manifest's; equal data must give equal files.
    parts["docProps/core.xml"] = re.sub(
        rb"<dcterms:(created|modified).*?</dcterms:\1>", b"", parts["docProps/core.xml"]
    )
    forms = {
        name: Form.of(data.decode(), rows=not name.startswith(_TEXTS))
        for name, data in parts.items()
        if name.endswith(".xml")
    }
    return Frame(sheets, parts, {name: form for name, form in forms.items() if not form.whole})


def _drawings(book: Workbook, spec: Spec) -> list[Drawing]:
    styles, tables = Styles(book), set[str]()
    return [
        draw_sheet(book, sheet, styles, last_row(number), tables)
        for number, sheet in enumerate(spec.sheets)
    ]


def _set_properties(book: Workbook, layout: Layout) -> None:
    given = {"title": layout.title, "subject": layout.subtitle, "author": layout.author}
    own = layout.xlsx.properties
    book.set_properties(given | {name: own[name] for name in own if name in _KNOWN})
    for name, value in own.items():
        if name not in _KNOWN:
            _check_property(name, value)
            book.set_custom_property(name, value, "text")


def _check_property(name: str, value: str) -> None:
    """XlsxWriter leaves out what is too long, and writes the rest as it is."""
    if not name or max(len(name), len(value)) > _LONGEST_PROPERTY:
        raise FormatFailed(
            f"the property '{name[:40]}' must have a name, and name and value at most "
            f"{_LONGEST_PROPERTY} characters"
        )
    if _CONTROL.search(name + value):
        raise FormatFailed(
            f"the property '{_CONTROL.sub(' ', name)}' has a control character, which no XML can hold"
        )


def _cut(drawing: Drawing, xml: str) -> SheetFrame:
    """Take the sheet apart at the rows that only carried the styles."""
    first = drawing.place.first + 1
    rows = [_row(xml, first + i) for i in range(drawing.carriers)]
    styles = [_styles_in(row) for row in rows]
    levels = (len(styles) - 2) // 2
    made = RowStyles(
        styles[0], styles[1], tuple(styles[2 : 2 + levels]), tuple(styles[2 + levels :])
    )
    # XlsxWriter's <dimension> knows nothing of the rows, and openpyxl's read-only mode believes it.
    head = re.sub(
        r'<dimension ref="[^"]*"/>|<cols>.*?</cols>', "", xml[: xml.index(f'<row r="{first}"')]
    )
    tail = xml[xml.index("</sheetData>") :]
    return SheetFrame(first, len(styles[0]), made, Form.of(head, rows=False), Form.of(tail))


def _row(xml: str, number: int) -> str:
    start = xml.index(f'<row r="{number}"')
    return xml[start : xml.index("</row>", start)]


def _styles_in(row: str) -> tuple[str, ...]:
    return tuple(f' s="{style}"' if style else "" for style in _STYLE.findall(row))


def _cols(widths: list[float], fields: tuple[Field, ...]) -> str:
    """ECMA-376 18.3.1.13: a width of n characters is n digits and 5 pixels, in 256ths."""
    levels = [f.column.outline for f in fields] + [0] * (len(widths) - len(fields))
    out: list[str] = []
    columns = zip(count(1), widths, levels, strict=False)
    for (width, level), same in groupby(columns, key=itemgetter(1, 2)):
        numbers = [number for number, *_ in same]
        exact = int((width * 7 + 5) / 7 * 256) / 256
        folds = f' outlineLevel="{level}"' if level else ""
        out.append(
            f'<col min="{numbers[0]}" max="{numbers[-1]}" width="{exact}" customWidth="1"{folds}/>'
        )
    return f"<cols>{''.join(out)}</cols>"
