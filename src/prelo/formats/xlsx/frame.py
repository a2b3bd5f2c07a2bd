"""Everything around the rows, drawn by XlsxWriter: a workbook whose sheets have no data yet.

It is drawn with a made-up last row, which `Frame` replaces when the real one is known; so one drawing
serves every job of a report, however many rows it has, and is kept.
"""

import re
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from itertools import groupby
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from prelo.core.table import Layout
from prelo.core.workbook import XlsxOptions
from prelo.formats.xlsx.looks import Look

_INK, _PALE, _LINE, _GREY, _LINK = "#1F3A5F", "#F4F6F9", "#E1E6ED", "#6B7280", "#0563C1"
_HEADER_LINE_HEIGHT = 15.75
_LONGEST_FOOTER = 80  # Excel takes 255 characters, its codes and doubled ampersands counted
_LONGEST_TEXT = (
    32_767 // 2
)  # XlsxWriter leaves out a text too long for a cell; characters may take two units

# One less than Excel's last row: XlsxWriter shortens a range to the very last row to whole columns.
_SOME_LAST_ROW = 1_048_575
_IN_SHEET = re.compile(rf"(?<=[A-Z]){_SOME_LAST_ROW}(?=\")")
_IN_NAME = re.compile(rf"(localSheetId=\"(\d+)\"[^>]*>[^<]*\$){_SOME_LAST_ROW}(?=<)")
_STYLE = re.compile(r'<c r="[A-Z]+\d+"(?: s="(\d+)")?')
_LETTER_PAPER, _A4_PAPER = 1, 9
_LETTER_COUNTRIES = {"US", "CA", "MX", "CL", "CO", "VE", "PH"}

_BEFORE_SHEETS = ("_rels/.rels", "xl/styles.xml", "xl/theme/theme1.xml")
"""Parts that are the same however many rows and sheets there are."""


@dataclass(frozen=True, slots=True)
class Spec:
    """All that a frame depends on. Equal specs share one drawing."""

    title: str
    subtitle: str
    author: str
    locale: str
    sheets: tuple[str, ...]
    columns: tuple[Look, ...]
    header_lines: int
    landscape: bool
    options: XlsxOptions = field(hash=False)

    @classmethod
    def of(
        cls,
        layout: Layout,
        sheets: tuple[str, ...],
        looks: tuple[Look, ...],
        lines: int,
        *,
        wide: bool,
    ) -> "Spec":
        words = layout.title, layout.subtitle, layout.author, layout.locale
        given = layout.xlsx.landscape
        options = XlsxOptions(
            **{k: getattr(layout.xlsx, k) for k in ("freeze_header", "autofilter", "zebra")}
        )
        return cls(*words, sheets, looks, lines, wide if given is None else given, options)

    @property
    def header_row(self) -> int:
        """The row of the column titles, counted from 1; a title takes rows above it."""
        lines = bool(self.title) + bool(self.subtitle)
        return lines + 2 if lines else 1


@dataclass(frozen=True, slots=True)
class Frame:
    """The parts of the workbook. `head` and `tail` are what stands around the rows of every sheet;
    `styles` and `total_styles` are each column's cell style, as an attribute or nothing.
    """

    first_row: int
    styles: tuple[str, ...]
    total_styles: tuple[str, ...]
    parts: dict[str, bytes]
    _head: str
    _tail: str

    def before_sheets(self) -> dict[str, bytes]:
        return {name: self.parts[name] for name in _BEFORE_SHEETS}

    def head(self, number: int, widths: list[float]) -> bytes:
        """The sheet up to its first row of data. Only the first sheet (0) is the selected one."""
        head = self._head if number == 0 else self._head.replace(' tabSelected="1"', "")
        return head.replace("<sheetData>", f"{_cols(widths)}<sheetData>", 1).encode()

    def tail(self, last_row: int) -> bytes:
        """The sheet from the end of its rows; ranges over the data end at `last_row`."""
        return _IN_SHEET.sub(str(max(last_row, self.first_row)), self._tail).encode()

    def after_sheets(self, last_rows: list[int]) -> dict[str, bytes]:
        """The parts that know every sheet, with the ranges that end at each sheet's last row."""
        rest = {name: data for name, data in self.parts.items() if name not in _BEFORE_SHEETS}

        def fix(match: re.Match[str]) -> str:
            return f"{match[1]}{max(last_rows[int(match[2])], self.first_row)}"

        rest["xl/workbook.xml"] = _IN_NAME.sub(fix, rest["xl/workbook.xml"].decode()).encode()
        return rest


@lru_cache(maxsize=64)
def draw(spec: Spec) -> Frame:
    """The frame of a workbook. Drawn once per report: a small job then costs no XlsxWriter at all."""
    buffer = BytesIO()
    book = Workbook(buffer, {"in_memory": True})
    book.set_properties({"title": spec.title, "subject": spec.subtitle, "author": spec.author})
    styles = _Styles(book)
    for name in spec.sheets:
        _draw_sheet(book.add_worksheet(name), spec, styles)
    book.close()
    with zipfile.ZipFile(buffer) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    return _cut(spec, parts)


class _Styles:
    """The cell formats of one workbook."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self.title = self._of(bold=True, font_size=16, font_color=_INK, valign="vcenter")
        self.subtitle = self._of(font_color=_GREY, valign="vcenter")
        self.band = self._of(bg_color=_PALE)

    def header(self, column: Look, *, filtered: bool) -> Format:
        aligned = _aligned(column)
        if filtered and column.align == "right":  # Excel draws the filter's button over the end
            aligned["indent"] = 2
        return self._of(
            bold=True, font_color="#FFFFFF", bg_color=_INK, **aligned, valign="vcenter", text_wrap=True,
        )  # fmt: skip

    def cell(self, column: Look, *, top: bool) -> Format:
        values: dict[str, Any] = {"num_format": column.number_format} | _aligned(column)
        if column.wrap:
            values["text_wrap"] = True
        if top:
            values["valign"] = "top"
        if column.link:
            values |= {"font_color": _LINK, "underline": 1}
        return self._of(**values, bottom=1, bottom_color=_LINE)

    def total(self, column: Look) -> Format:
        return self._of(
            num_format=column.total_format, **_aligned(column), bold=True, bg_color=_PALE, top=1,
            top_color=_INK, bottom=1, bottom_color=_INK,
        )  # fmt: skip

    def _of(self, **values: Any) -> Format:
        return self._book.add_format(values)


def _aligned(column: Look) -> dict[str, Any]:
    """One step of indent, so that a right-aligned column does not touch the next one."""
    return {"align": column.align} | ({} if column.align == "center" else {"indent": 1})


def _draw_sheet(sheet: Worksheet, spec: Spec, styles: _Styles) -> None:
    header = spec.header_row - 1
    last_column = len(spec.columns) - 1
    _draw_title(sheet, spec, styles)
    sheet.set_row(header, spec.header_lines * _HEADER_LINE_HEIGHT + 6)
    top = any(column.wrap for column in spec.columns)
    for i, column in enumerate(spec.columns):
        style = styles.header(column, filtered=spec.options.autofilter is not False)
        sheet.write_string(header, i, column.title[:_LONGEST_TEXT], style)
        sheet.write_blank(header + 1, i, None, styles.cell(column, top=top))
        sheet.write_blank(header + 2, i, None, styles.total(column))
    sheet.hide_gridlines(2)
    sheet.repeat_rows(header)
    sheet.fit_to_pages(1, 0)
    sheet.set_paper(_LETTER_PAPER if spec.locale[-2:] in _LETTER_COUNTRIES else _A4_PAPER)
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    sheet.set_footer(f"&L&8{_footer(spec.title)}&R&8&P / &N")
    if spec.landscape:
        sheet.set_landscape()
    if spec.options.freeze_header:
        sheet.freeze_panes(header + 1, 0)
    if spec.options.autofilter is not False:
        sheet.autofilter(header, 0, _SOME_LAST_ROW - 1, last_column)
    if spec.options.zebra:  # a rule, not cell styles: the bands stay in order when somebody sorts
        odd = {"type": "formula", "criteria": f"=MOD(ROW()-{header},2)=0", "format": styles.band}
        sheet.conditional_format(header + 1, 0, _SOME_LAST_ROW - 1, last_column, odd)


def _draw_title(sheet: Worksheet, spec: Spec, styles: _Styles) -> None:
    lines = [(spec.title, styles.title, 27.0), (spec.subtitle, styles.subtitle, 16.5)]
    lines = [line for line in lines if line[0]]
    for row, (text, style, height) in enumerate(lines):
        sheet.set_row(row, height)
        sheet.write_string(row, 0, text[:_LONGEST_TEXT], style)
    if lines:
        sheet.set_row(len(lines), 7.5)


def _footer(title: str) -> str:
    """The title beside the page number. An ampersand there begins a code unless doubled; after the code
    of the size, a digit would be taken for a part of it.
    """
    return " " + " ".join(title.split())[:_LONGEST_FOOTER].replace("&", "&&") if title else ""


def _cut(spec: Spec, parts: dict[str, bytes]) -> Frame:
    """Take the sheet apart at the two rows that only carried the styles."""
    first = spec.header_row + 1
    xml = parts["xl/worksheets/sheet1.xml"].decode()
    data, total, end = (
        xml.index(mark) for mark in (f'<row r="{first}"', f'<row r="{first + 1}"', "</sheetData>")
    )
    # XlsxWriter's <dimension> knows nothing of the rows, and openpyxl's read-only mode believes it.
    head = re.sub(r'<dimension ref="[^"]*"/>', "", xml[:data])
    rest = {name: part for name, part in parts.items() if not name.startswith("xl/worksheets/")}
    # The time of writing is the manifest's; equal data must give equal files.
    rest["docProps/core.xml"] = re.sub(
        rb"<dcterms:(created|modified).*?</dcterms:\1>", b"", rest["docProps/core.xml"]
    )
    return Frame(
        first, _styles_in(xml[data:total]), _styles_in(xml[total:end]), rest, head, xml[end:]
    )


def _styles_in(row: str) -> tuple[str, ...]:
    return tuple(f' s="{style}"' if style else "" for style in _STYLE.findall(row))


def _cols(widths: list[float]) -> str:
    """ECMA-376 18.3.1.13: a width of n characters is n digits and 5 pixels, in 256ths."""
    out: list[str] = []
    for width, same in groupby(enumerate(widths, 1), key=lambda item: item[1]):
        numbers = [number for number, _ in same]
        exact = int((width * 7 + 5) / 7 * 256) / 256
        out.append(f'<col min="{numbers[0]}" max="{numbers[-1]}" width="{exact}" customWidth="1"/>')
    return f"<cols>{''.join(out)}</cols>"
