"""One sheet as XlsxWriter draws it: title, header, printing, and a row of each sort to carry the styles."""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.image import Image
from xlsxwriter.worksheet import Worksheet

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout
from prelo.core.workbook import is_svg
from prelo.formats.running import pieces
from prelo.formats.stream import Field
from prelo.formats.words import from_the_right, words_of
from prelo.formats.xlsx.charts import draw_charts, keep_sizes
from prelo.formats.xlsx.excel_table import add_table, table_name
from prelo.formats.xlsx.headings import draw_headings
from prelo.formats.xlsx.highlights import draw_highlights
from prelo.formats.xlsx.looks import Look, look
from prelo.formats.xlsx.notes import draw_choices, draw_notes
from prelo.formats.xlsx.place import Place
from prelo.formats.xlsx.sparklines import draw_sparklines
from prelo.formats.xlsx.styles import Styles

_HEADER_LINE_HEIGHT = 15.75
_LOGO_HEIGHT = 52  # pixels
_LONGEST_FOOTER = 80  # of each part; Excel takes 255 UTF-16 units, its codes counted
_CODES = {"page": "&P", "pages": "&N", "sheet": "&A"}
_LONGEST_LABEL = 255
_LONGEST_TEXT = 32_767 // 2  # XlsxWriter leaves out a longer text; a character may be two units
_PAPERS = {"letter": 1, "tabloid": 3, "legal": 5, "A3": 8, "A4": 9, "A5": 11}
_LETTER_COUNTRIES = {"US", "CA", "MX", "CL", "CO", "VE", "PH"}
_DAMAGED = "the logo is a damaged image; save it anew, as PNG or JPEG"
_PICTURE = re.compile(
    r'<xdr:twoCellAnchor editAs="absolute">(<xdr:from>.*?</xdr:from>)<xdr:to>.*?</xdr:to>'
    r'(<xdr:pic>.*?<a:ext cx="(\d+)" cy="(\d+)"/>.*?)</xdr:twoCellAnchor>'
)
_ALLOWED = {"select_locked_cells": True, "select_unlocked_cells": True, "autofilter": True, "sort": True,
            "format_columns": True, "format_rows": True}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where the table stands, and how many rows from its first on only carry styles."""

    place: Place
    carriers: int


@dataclass(frozen=True, slots=True)
class SheetSpec:
    """One sheet to draw. `lines`: of text in the header. `groups`: those that have headings."""

    name: str
    layout: Layout
    fields: tuple[Field, ...]
    groups: tuple[Field, ...]
    lines: int
    landscape: bool

    @property
    def filtered(self) -> bool:
        """Whether the titles have the buttons of a filter."""
        return filtered(self.layout)

    def key(self) -> str:
        """What this sheet looks like, as text."""
        columns = [f"{f.name}\t{f.column.model_dump_json()}" for f in (*self.fields, *self.groups)]
        layout = self.layout.model_dump_json(exclude=_NOT_DRAWN)
        rest = f"{self.lines} {self.landscape} {len(self.groups)}"
        return "\n".join([self.name, layout, *columns, rest])


_NOT_DRAWN = {
    "about": True, "sheets": True, "columns": True, "pdf": True, "csv": True,
    "xlsx": {"template", "password", "summaries", "info"},
}  # fmt: skip


def filtered(layout: Layout) -> bool:
    given = layout.xlsx.autofilter
    return not headed(layout) if given is None else given


def headed(layout: Layout) -> bool:
    """Whether the rows stand under headings of groups."""
    return bool(layout.group_by) and layout.xlsx.groups == "headings"


def draw_sheet(
    book: Workbook, spec: SheetSpec, styles: Styles, last: int, tables: set[str]
) -> Drawing:
    """`last` is the made-up last row; `tables` are the names of the Excel tables drawn so far."""
    sheet = book.add_worksheet(spec.name)
    styles.rtl = from_the_right(spec.layout.locale, spec.layout.xlsx.rtl)
    looks = [look(field, spec.layout.locale) for field in spec.fields]
    top = _draw_title(sheet, spec.layout, styles)
    over = any(field.column.heading for field in spec.fields)
    place = Place(spec.name, top + over, top + over + 1, last, spec.fields, bool(spec.groups))
    draw_headings(sheet, place, styles.over)
    titles = _draw_table(sheet, place, spec, tables)
    _draw_header(sheet, place, spec, titles, looks, styles)
    carriers = _draw_carriers(sheet, place, spec, looks, styles)
    _draw_extras(book, sheet, place, spec, styles)
    _set_page(sheet, spec, place, styles)
    return Drawing(place, carriers)


def _draw_title(sheet: Worksheet, layout: Layout, styles: Styles) -> int:
    """What stands above the table; the first row that is free."""
    row = 0
    if layout.logo:
        sheet.set_row_pixels(row, _LOGO_HEIGHT + 8)
        sheet.insert_image(row, 0, "logo", _fitted(layout.logo))
        row += 1
    for text, style, height in (
        (layout.title, styles.title(), 27.0),
        (layout.subtitle, styles.subtitle(), 16.5),
    ):
        if text:
            sheet.set_row(row, height)
            sheet.write_string(row, 0, text[:_LONGEST_TEXT], style)
            row += 1
    for label, value in layout.facts.items():
        sheet.write_rich_string(
            row,
            0,
            styles.label,
            f"{label[:_LONGEST_LABEL]}:  ",
            styles.fact,
            value[: _LONGEST_TEXT - _LONGEST_LABEL] or "-",
            styles.facts(),
        )
        row += 1
    if row:
        sheet.set_row(row, 7.5)
        row += 1
    return row


def _fitted(logo: bytes) -> dict[str, object]:
    """The image at its place: as high as its row at most, never enlarged."""
    image = _image(logo)
    scale = min(1.0, _LOGO_HEIGHT / (image.height * 96 / image.y_dpi))
    return {
        "image_data": BytesIO(logo), "x_scale": scale, "y_scale": scale, "x_offset": 4, "y_offset": 4,
        "object_position": 3, "decorative": True,
    }  # fmt: skip


def _image(logo: bytes) -> Image:
    """XlsxWriter reads no further than the sizes; a PNG says where it ends (W3C PNG, 11.2.5)."""
    if is_svg(logo):
        raise FormatFailed("the logo is an SVG, which a workbook does not hold; give it as PNG")
    try:
        image = Image(BytesIO(logo))
    except (XlsxWriterException, struct.error) as error:
        raise FormatFailed(_DAMAGED) from error
    cut = logo.startswith(b"\x89PNG") and b"IEND" not in logo
    if cut or not image.width or not image.height:
        raise FormatFailed(_DAMAGED)
    return image


def _draw_table(
    sheet: Worksheet, place: Place, spec: SheetSpec, tables: set[str]
) -> tuple[str, ...]:
    """The Excel table or the filter, if there is one; the titles that the header must show."""
    options, fields = spec.layout.xlsx, place.fields
    if options.table:
        total = words_of(spec.layout.locale).total if any(f.column.total for f in fields) else None
        return add_table(
            sheet,
            place,
            table_name(spec.name, tables),
            options.table,
            filtered=spec.filtered,
            totals=total,
        )
    if spec.filtered:
        sheet.autofilter(place.header, 0, place.last, len(fields) - 1)
    return tuple(field.title for field in fields)


def keep_places(drawing: str, layout: Layout) -> str:
    """The XML of a sheet's drawing, its charts and logo anchored by corner and size: XlsxWriter anchors by
    two corners, and does not know the widths of our columns.
    """

    def by_size(match: re.Match[str]) -> str:
        return (
            f'<xdr:oneCellAnchor>{match[1]}<xdr:ext cx="{match[3]}" cy="{match[4]}"/>{match[2]}'
            "</xdr:oneCellAnchor>"
        )

    return keep_sizes(_PICTURE.sub(by_size, drawing), layout.xlsx.charts)


def _draw_header(
    sheet: Worksheet, place: Place, spec: SheetSpec, titles: tuple[str, ...], looks: list[Look],
    styles: Styles,
) -> None:  # fmt: skip
    sheet.set_row(place.header, spec.lines * _HEADER_LINE_HEIGHT + 6)
    for i, (title, column) in enumerate(zip(titles, looks, strict=True)):
        style = styles.header(column, filtered=spec.filtered)
        sheet.write_string(place.header, i, title[:_LONGEST_TEXT], style)
        if spec.fields[i].column.outline:
            sheet.set_column(i, i, None, None, {"level": spec.fields[i].column.outline})
    for i, line in enumerate(spec.layout.xlsx.sparklines, len(looks)):
        plain = Look(line.title, "General", "left", False, False, "General")
        sheet.write_string(place.header, i, line.title, styles.header(plain, filtered=False))


def _draw_carriers(
    sheet: Worksheet, place: Place, spec: SheetSpec, looks: list[Look], styles: Styles
) -> int:
    """A row of each sort: of data, of totals, then headings and subtotals by level. Their number."""
    top = any(column.wrap for column in looks)
    levels = range(len(spec.groups))
    rows = [[styles.cell(column, top=top) for column in looks]]
    rows += [[styles.total(column) for column in looks]]
    rows += [[styles.heading(level) for _ in looks] for level in levels]
    inner = len(levels) - 1
    rows += [
        [styles.subtotal(column, level if level < inner else None) for column in looks]
        for level in levels
    ]
    for number, row in enumerate(rows, place.first):
        for i, style in enumerate(_lengthened(row, len(spec.layout.xlsx.sparklines))):
            sheet.write_blank(number, i, None, style)
    if levels:  # says in the sheet's properties how deep the outline is
        sheet.set_row(place.first, None, None, {"level": len(levels)})
    return len(rows)


def _lengthened(row: list[Format], sparklines: int) -> list[Format]:
    return row + row[-1:] * sparklines


def _draw_extras(
    book: Workbook, sheet: Worksheet, place: Place, spec: SheetSpec, styles: Styles
) -> None:
    options, last_column = spec.layout.xlsx, len(spec.fields) - 1
    draw_highlights(book, sheet, place)
    # A rule, not cell styles: the bands stay in order when somebody sorts. The rules before it win.
    if options.zebra:
        odd = f"=MOD(ROW()-{place.header},2)=0"
        rule = {"type": "formula", "criteria": odd, "format": styles.band}
        sheet.conditional_format(place.first, 0, place.last, last_column, rule)
    draw_choices(sheet, place)
    draw_notes(sheet, place)
    draw_sparklines(sheet, place, options.sparklines)
    column = len(spec.fields) + len(options.sparklines) + 1
    draw_charts(book, sheet, place, options.charts, column, locale=spec.layout.locale)


def _set_page(sheet: Worksheet, spec: SheetSpec, place: Place, styles: Styles) -> None:
    layout, options = spec.layout, spec.layout.xlsx
    sheet.hide_gridlines(2)
    sheet.repeat_rows(place.header - any(f.column.heading for f in spec.fields), place.header)
    sheet.fit_to_pages(1, 0)
    country = layout.locale.replace("_", "-")[-2:]
    sheet.set_paper(_PAPERS[options.paper or ("letter" if country in _LETTER_COUNTRIES else "A4")])
    sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    marks = layout.stamp.marks | {"title": layout.title}
    if options.header:
        sheet.set_header(_printed(options.header, marks))
    footer = options.footer
    sheet.set_footer(_printed("{title}||{page} / {pages}" if footer is None else footer, marks))
    if spec.landscape:
        sheet.set_landscape()
    if options.freeze_header or options.freeze_columns:
        sheet.freeze_panes(place.first if options.freeze_header else 0, options.freeze_columns)
    if styles.rtl:
        sheet.right_to_left()
    if options.protect:
        sheet.protect("", _ALLOWED)


def _printed(text: str, marks: Mapping[str, str]) -> str:
    """`left|middle|right` in Excel's codes. An ampersand begins a code unless doubled; after the code of
    the size, a digit would be taken for a part of it.
    """
    out: list[str] = []
    for place, part in zip("LCR", text.split("|", 2), strict=False):
        shown = "".join(_fitting(pieces(" ".join(part.split()), marks, _CODES)))
        if shown:
            out.append(f"&{place}&8{'' if shown[0] == '&' and shown[:2] != '&&' else ' '}{shown}")
    return "".join(out)


def _fitting(parts: Sequence[str]) -> Iterator[str]:
    """Texts and marks by turns in Excel's codes, as many as Excel takes."""
    room = _LONGEST_FOOTER
    for at, part in enumerate(parts):
        words = [_CODES[part]] if at % 2 else ["&&" if c == "&" else c for c in part]
        for word in words:
            room -= len(word.encode("utf-16-le", "replace")) // 2
            if room < 0:
                return
            yield word
