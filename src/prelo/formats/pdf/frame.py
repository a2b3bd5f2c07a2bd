"""What stands around the rows: title, column header, footer. Drawn once, but for the page numbers."""

import polars as pl

from prelo.core.table import Kind, Layout
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.body import clean
from prelo.formats.pdf.file import File
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import Cell, Rows, Style, lay
from prelo.formats.stream import Field
from prelo.formats.words import Words

_MOST_HEADER_LINES = 6
_MOST_TITLE_LINES = 4
_HEADER_RULE, _FOOTER_RULE = 80, 30
_TEXT = Kind(name="text")
_FORM = b"/Type/XObject/Subtype/Form/BBox[%d %d %d %d]/Resources %d 0 R"


class Frame:
    """The frame of every page. `header` and `footer` are form objects that all pages share."""

    def __init__(
        self, layout: Layout, fields: tuple[Field, ...], look: Look, locale: Locale
    ) -> None:
        self._look = look
        self._words: Words = locale.words
        self.margin = b"%.2f" % (look.page.left / 100)
        self.title, self.title_height = self._title(layout)
        self._header, self.header_height = self._titles([f.title for f in fields])
        self._footer = self._name(layout.title)

    def write(self, file: File, resources: int) -> bytes:
        """Write the forms and return their entries of the XObject resource dictionary."""
        page = self._look.page
        box = (-page.left, -page.height, page.width, page.height)
        header = file.stream(self._header, _FORM % (*box, resources))
        footer = file.stream(self._footer, _FORM % (*box, resources))
        return b"/Header %d 0 R/Footer %d 0 R" % (header, footer)

    def page_number(self, page: int, pages: int) -> bytes:
        """The operators of "page x of y", flush right."""
        style = self._look.footer
        text, width = style.font.line(self._words.page.format(page=page, pages=pages), style.size)
        place = b"%d %d Td" % (self._look.page.measure - width, self._look.page.bottom)
        return b"q .01 0 0 .01 %b 0 cm BT %b rg /%b %d Tf %b%b ET Q" % (
            self.margin, colours.QUIET, style.font.key.encode(), style.size, place, text,
        )  # fmt: skip

    def continued(self, heading: str) -> tuple[bytes, int]:
        """The operators and height of the line that says which groups go on on this page."""
        style, cell = self._look.headings[-1], self._look.line_cell
        text, width = style.font.line(f"{heading} ({self._words.continued})", style.size)
        scale = max(min(100, cell.width * 100 // max(width, 1)), 1)
        height = style.height(1)
        operators = b"/%b %d Tf %d Tz %d %d Td%b %d %d Td 100 Tz /R %d Tf\n" % (
            style.font.key.encode(), style.size, scale, cell.left, -style.baseline, text,
            -cell.left, style.baseline - height, self._look.row.size,
        )  # fmt: skip
        return operators, height

    def _title(self, layout: Layout) -> tuple[bytes, int]:
        look, y, out = self._look, self._look.top, b""
        for text, style, colour in (
            (layout.title, look.title, colours.FRAME),
            (layout.subtitle, look.subtitle, colours.QUIET),
        ):
            if text:
                rows = self._paragraph(text, style)
                out += _block(rows, style, colour, y)
                y -= int(rows.heights[0])
        return out, look.top - y + (look.sizes.text if out else 0)

    def _paragraph(self, text: str, style: Style) -> Rows:
        cell = Cell("", 0, self._look.page.measure, "left", wraps=True)
        return lay([clean(pl.Series([text]), _TEXT)], [cell], style, _MOST_TITLE_LINES)

    def _titles(self, titles: list[str]) -> tuple[bytes, int]:
        """The column titles, standing on the rule below them; the origin is the header's upper left."""
        style = self._look.header
        cells = [Cell("", c.left, c.right, c.align, wraps=True) for c in self._look.cells]
        texts = [clean(pl.Series([title]), _TEXT) for title in titles]
        rows = lay(texts, cells, style, _MOST_HEADER_LINES)
        height = int(rows.heights[0])
        if height > style.height(1):
            tall = [
                int(lay([t], [c], style, _MOST_HEADER_LINES).heights[0])
                for t, c in zip(texts, cells, strict=True)
            ]
            lifted = [
                pl.Series(["\n" * ((height - h) // style.leading) + t[0]])
                for t, h in zip(texts, tall, strict=True)
            ]
            rows = lay(lifted, cells, style, _MOST_HEADER_LINES)
        rule = b"%b RG %d w 0 %d m %d %d l S\n" % (
            colours.FRAME, _HEADER_RULE, -height, self._look.table_width, -height,
        )  # fmt: skip
        return _block(rows, style, colours.FRAME, 0) + rule, height

    def _name(self, title: str) -> bytes:
        """The report's title and the line over the footer."""
        look, style = self._look, self._look.footer
        y = look.page.bottom
        rule = y + style.leading + style.leading // 4
        out = b"%b RG %d w 0 %d m %d %d l S\n" % (
            colours.HAIR,
            _FOOTER_RULE,
            rule,
            look.page.measure,
            rule,
        )
        if not title:
            return out
        text, width = style.font.line(" ".join(title.split()), style.size)
        scale = max(min(100, look.page.measure * 70 // max(width, 1)), 1)
        place = b"%b rg /%b %d Tf %d Tz 0 %d Td" % (
            colours.QUIET,
            style.font.key.encode(),
            style.size,
            scale,
            y,
        )
        return out + b"BT " + place + text + b" ET"


def _block(rows: Rows, style: Style, colour: bytes, top: int) -> bytes:
    """One laid out row as a text object of its own."""
    operators = Flat.of(rows.text).raw.tobytes()
    return b"BT %b rg /%b %d Tf 0 %d Td\n%bET\n" % (
        colour,
        style.font.key.encode(),
        style.size,
        top,
        operators,
    )
