"""What stands around the rows: title, facts, column header, running lines. Drawn once."""

from itertools import groupby, pairwise

import polars as pl

from prelo.core.table import Kind, Layout
from prelo.formats.pdf import look as colours
from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.body import clean
from prelo.formats.pdf.cells import Band, Cell, Ink, Line, Style, narrowed
from prelo.formats.pdf.drawn.assets import Assets, Drawn
from prelo.formats.pdf.file import File
from prelo.formats.pdf.file.structure import ARTIFACT, END
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import Rows, lay
from prelo.formats.pdf.running import RunningLine
from prelo.formats.pdf.watermark import watermark_of
from prelo.formats.running import marks_of
from prelo.formats.stream import Field

_MOST_HEADER_LINES = 6
_MOST_TITLE_LINES = 4
_MOST_FACT_LINES = 3
_HEADER_RULE, _FOOTER_RULE = 80, 30
_TEXT = Kind(name="text")
_FORM = b"/Type/XObject/Subtype/Form/BBox[%d %d %d %d]/Resources %d 0 R"
_LOGO = 40  # hundredths of the line that a logo may take
_FACT_ROWS = 3  # more facts than this stand in two columns
_LABEL = 0.4  # of a fact's width, at most


class Frame:
    """The frame of every page: form objects that all pages share, and what knows its page.

    Heights are what the title takes on the first page, the header on every one.
    """

    def __init__(
        self,
        layout: Layout,
        fields: tuple[Field, ...],
        look: Look,
        locale: Locale,
        assets: Assets,
    ) -> None:
        self._look, self._words, self._assets = look, locale.words, assets
        page, options = look.page, layout.pdf
        self._margin = b"%.2f" % (page.left / 100)
        footer = f"{{title}}||{locale.words.page}" if options.footer is None else options.footer
        marks = marks_of(layout, [options.header or "", footer, options.watermark])
        self._watermark = watermark_of(options.watermark, marks, look.bold)
        head = page.height - page.top - look.footer.baseline
        self._head = RunningLine(options.header or "", marks, look, head)
        self._foot = RunningLine(footer, marks, look, page.bottom)
        if self._head:
            look.top -= look.footer.leading * 2
        self.title, self.title_height = self._title(layout)
        headers = [self._titles([fields[p] for p in band.places], band) for band in look.bands]
        self.header_height = max(height for _, height in headers)
        # A lower header stands on the same line as the highest.
        self._headers = [
            b"1 0 0 1 0 %d cm\n%b" % (height - self.header_height, content)
            for content, height in headers
        ]

    def write(self, file: File, resources: int) -> bytes:
        """Write the forms and return their entries of the XObject resource dictionary."""
        page = self._look.page
        box = (-page.left, -page.height, page.width, page.height)
        forms = {b"Header%d" % n: content for n, content in enumerate(self._headers)}
        forms[b"Running"] = self._head.standing() + self._foot_rule() + self._foot.standing()
        entries = b"".join(
            b"/%b %d 0 R" % (name, file.stream(content, _FORM % (*box, resources)))
            for name, content in forms.items()
        )
        return entries + (self._watermark.write(file, resources) if self._watermark else b"")

    def begin(self) -> bytes:
        """The operators that every page begins with: its units, and what is the same on all."""
        start = b"q .01 0 0 .01 %b 0 cm\n" % self._margin
        return b"".join([start, ARTIFACT, b"/Running Do\n", END])

    def watermark(self) -> bytes:
        """The operators of the word across the page: over shading and fills, under the text."""
        page = self._look.page
        corners = (-page.left, 0, page.width - page.left, page.height)
        return self._watermark.operators(corners) if self._watermark else b""

    def moving(self, numbers: pl.Series, pages: int) -> pl.Series:
        """The operators of what knows the page's number, for pages of all these numbers."""
        begin = ARTIFACT + b"q .01 0 0 .01 %b 0 cm " % self._margin
        lines = self._head.moving(numbers, pages) + self._foot.moving(numbers, pages)
        text = pl.concat_str([pl.lit(begin.decode()), *lines, pl.lit(f"Q\n{END.decode()}")])
        shown = pl.select(text).to_series()
        return shown if lines else pl.Series([shown[0]] * len(numbers))

    def continued(self, heading: str, band: Band) -> tuple[bytes, int]:
        """The operators and height of the line that says which groups go on on this page."""
        style, cell = self._look.headings[-1], self._look.line_cell(band)
        text, width = style.font.line(f"{heading} ({self._words.continued})", style.size)
        scale = narrowed(width, cell.width)
        height = style.height(1)
        x = cell.right - width * scale // 100 if cell.align == "right" else cell.left
        operators = b"/%b %d Tf %d Tz %d %d Td%b %d %d Td 100 Tz /R %d Tf\n" % (
            style.font.key.encode(), style.size, scale, x, -style.baseline, text,
            -x, style.baseline - height, self._look.row.size,
        )  # fmt: skip
        return operators, height

    def goes_on(self, y: int, page: int) -> bytes:
        """The operators of the line below the last row that says where its group goes on."""
        style, measure = self._look.footer, self._look.page.measure
        text, width = style.font.line(self._words.goes_on.format(page=page), style.size)
        gap = self._look.bands[0].gap
        scale = narrowed(width, measure - 2 * gap)
        x = gap if self._look.rtl else measure - width * scale // 100 - gap
        content = b"q .01 0 0 .01 %b 0 cm BT %b rg /%b %d Tf %d Tz %d %d Td%b ET Q\n" % (
            self._margin, colours.QUIET, style.font.key.encode(), style.size, scale, x,
            y - style.leading, text,
        )  # fmt: skip
        return ARTIFACT + content + END

    def _title(self, layout: Layout) -> tuple[bytes, int]:
        look, y = self._look, self._look.top
        logo, least = self._logo(layout.logo)
        out = logo.content
        for text, style, colour in (
            (layout.title, look.title, colours.FRAME),
            (layout.subtitle, look.subtitle, colours.QUIET),
        ):
            if text:
                rows = self._paragraph(text, style, logo.width)
                out += block(rows, style, colour, y)
                y -= int(rows.heights[0])
        y = min(y, least)
        if layout.facts:
            y -= look.sizes.text // 2
            rows = self._facts(layout.facts)
            out += block(rows, look.fact, colours.INK, y)
            y -= int(rows.heights.sum())
        return out, look.top - y + (look.sizes.text if out else 0)

    def _logo(self, image: bytes | None) -> tuple[Drawn, int]:
        """The logo opposite the title, in its place, and its lower edge."""
        look = self._look
        if image is None:
            return Drawn(b"", 0, 0), look.top
        # What reads images takes a while to import, and most tables have none.
        from prelo.formats.pdf.drawn.logo import draw_logo

        fonts, most = (look.regular, look.bold), look.page.measure * _LOGO // 100
        drawn = draw_logo(image, fonts, self._assets, most)
        x = 0 if look.rtl else look.page.measure - drawn.width
        content = drawn.at(x, look.top - drawn.height)
        return Drawn(content, drawn.width + look.sizes.text, drawn.height), look.top - drawn.height

    def _paragraph(self, text: str, style: Style, beside: int) -> Rows:
        look, measure = self._look, self._look.page.measure
        cell = Cell(
            "", beside if look.rtl else 0, measure - (0 if look.rtl else beside), look.start
        )
        return lay(Line.plain([shown([text])], [cell]), style, _MOST_TITLE_LINES)

    def _facts(self, facts: dict[str, str]) -> Rows:
        """The facts below each other; many of them in two columns."""
        look, pairs = self._look, list(facts.items())
        across = 2 if len(pairs) > _FACT_ROWS else 1
        down = -(-len(pairs) // across)
        pairs += [("", "")] * (across * down - len(pairs))
        font, size, gap = look.fact.font, look.fact.size, look.sizes.text
        column = look.page.measure // across
        widest = max(font.width(label) for label, _ in pairs) * size // 1000 + 1
        split = min(widest, int(column * _LABEL))
        texts: list[pl.Series] = []
        cells: list[Cell] = []
        for number in range(across):
            part, left = pairs[number * down : (number + 1) * down], number * column
            places = [(left, left + split), (left + split + gap, left + column - gap)]
            if look.rtl:
                places = [(look.page.measure - b, look.page.measure - a) for a, b in places]
            texts += [shown([label for label, _ in part]), shown([text for _, text in part])]
            names = (f"label{number}", f"fact{number}")
            cells += [Cell(n, a, b, look.start) for n, (a, b) in zip(names, places, strict=True)]
        quiet = Ink(f"{colours.QUIET.decode()} rg", f"{colours.INK.decode()} rg")
        inks = {f"label{number}": quiet for number in range(across)}
        return lay(Line(texts, cells, inks), look.fact, _MOST_FACT_LINES)

    def _titles(self, fields: list[Field], band: Band) -> tuple[bytes, int]:
        """The column titles, standing on the rule below them; the origin is the header's upper left."""
        over, top = self._headings(fields, band)
        style = self._look.header
        cells = [Cell("", c.left, c.right, c.align) for c in band.cells]
        texts = [shown([field.title]) for field in fields]
        rows = lay(Line.plain(texts, cells), style, _MOST_HEADER_LINES)
        height = int(rows.heights[0])
        if height > style.height(1):
            tall = [
                int(lay(Line.plain([t], [c]), style, _MOST_HEADER_LINES).heights[0])
                for t, c in zip(texts, cells, strict=True)
            ]
            lifted = [
                pl.Series(["\n" * ((height - h) // style.leading) + t[0]])
                for t, h in zip(texts, tall, strict=True)
            ]
            rows = lay(Line.plain(lifted, cells), style, _MOST_HEADER_LINES)
        y = _HEADER_RULE // 2 - top - height  # above the fills of the first row
        rule = b"%b RG %d w %d %d m %d %d l S\n" % (
            colours.FRAME, _HEADER_RULE, band.left, y, band.left + band.width, y,
        )  # fmt: skip
        return over + block(rows, style, colours.FRAME, -top) + rule, top + height

    def _headings(self, fields: list[Field], band: Band) -> tuple[bytes, int]:
        """The headings over columns side by side that share one, each with a line below it."""
        if not any(field.column.heading for field in fields):
            return b"", 0
        style, out = self._look.header, b""
        spans: list[Cell] = []
        height = 0
        pairs = zip(fields, band.cells, strict=True)
        for heading, group in groupby(pairs, key=lambda pair: pair[0].column.heading):
            cells = [cell for _, cell in group]
            if heading:
                cell = Cell("", min(c.left for c in cells), max(c.right for c in cells), "center")
                rows = lay(Line.plain([shown([heading])], [cell]), style, _MOST_HEADER_LINES)
                out += block(rows, style, colours.QUIET, 0)
                spans.append(cell)
                height = max(height, int(rows.heights[0]))
        lines = b"".join(b"%d %d m %d %d l " % (c.left, -height, c.right, -height) for c in spans)
        return out + b"%b RG %d w %bS\n" % (colours.HAIR, _FOOTER_RULE * 2, lines), height

    def _foot_rule(self) -> bytes:
        """The line over the footer."""
        if not self._foot:
            return b""
        style, page = self._look.footer, self._look.page
        y = page.bottom + style.leading + style.leading // 4
        return b"%b RG %d w 0 %d m %d %d l S\n" % (colours.HAIR, _FOOTER_RULE, y, page.measure, y)


def edges_of(band: Band) -> list[int]:
    """Where the columns of a band end, from left to right: half way between their contents."""
    cells = sorted(band.cells, key=lambda cell: cell.left)
    ends = [(cell.left - cell.lead, cell.right + cell.trail) for cell in cells]
    inner = [(right + left) // 2 for (_, right), (left, _) in pairwise(ends)]
    return [band.left, *inner, band.left + band.width]


def shown(texts: list[str]) -> pl.Series:
    """Texts of the layout, without what no page can show."""
    return clean(pl.Series(texts, dtype=pl.String), _TEXT)


def block(rows: Rows, style: Style, colour: bytes, top: int) -> bytes:
    """Laid out rows as a text object of their own."""
    operators = Flat.of(rows.text).raw.tobytes()
    return b"BT %b rg /%b %d Tf 0 %d Td\n%bET\n" % (
        colour, style.font.key.encode(), style.size, top, operators,
    )  # fmt: skip
