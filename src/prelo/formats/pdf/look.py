"""How the document looks: fonts, sizes, colours, and where things stand. Lengths are in 1/100 pt."""

from collections.abc import Sequence
from dataclasses import dataclass

from prelo.core.page import PdfOptions
from prelo.core.table import Align
from prelo.formats.pdf.cells import Band, Cell, Style
from prelo.formats.pdf.columns import Page
from prelo.formats.pdf.font import Font

# Colours as operands: dark slate for what frames the table, near black for what is in it.
INK = b".13 .15 .18"
FRAME = b".16 .24 .35"
QUIET = b".42 .46 .52"
SHADE = b".955 .964 .976"
HAIR = b".80 .83 .87"


_LEAST_LABEL = 3  # ems that the word of a total needs


def operands(colour: str) -> bytes:
    """`#RRGGBB` as the operands of rg and RG."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return b"%.3f %.3f %.3f" % (red, green, blue)


@dataclass(frozen=True, slots=True)
class Sizes:
    """What follows from the size of the text."""

    text: int

    @classmethod
    def of(cls, options: PdfOptions) -> "Sizes":
        return cls(round(options.font_size * 100))

    @property
    def gap(self) -> int:
        """On each side of the text of a column."""
        return self.text // 2

    @property
    def footer(self) -> int:
        return max(self.text * 7 // 8, 500)


class Look:
    """Styles of every sort of line, the columns, and the page they stand on."""

    def __init__(
        self,
        page: Page,
        sizes: Sizes,
        bands: Sequence[Band],
        fonts: tuple[Font, Font],
        *,
        rtl: bool,
    ) -> None:
        self.page, self.sizes, self.bands, self.rtl = page, sizes, bands, rtl
        self.regular, self.bold = fonts
        self.start: Align = "right" if rtl else "left"
        """The side where reading begins."""
        self.row = self._style(1, 0.25)
        self.header = self._style(1, 0.35, heavy=True)
        self.total = self._style(1, 0.3, heavy=True)
        # From the outermost groups inwards.
        self.headings = (self._style(1.15, 0.5, heavy=True), self._style(1.0, 0.4, heavy=True))
        self.title = self._style(1.9, 0.0, heavy=True)
        self.subtitle = self._style(1.15, 0.3)
        self.fact = self._style(1, 0.1)
        self.contents = self._style(1.1, 0.3)
        self.footer = Style(self.regular, sizes.footer, sizes.footer * 6 // 5, 0, self.bold)
        self.top = page.height - page.top
        self.bottom = page.bottom + self.footer.leading * 2
        """The lowest the table may reach: above the footer and some air."""
        self.most_lines = 1
        """Lines of the highest row that has room on a page."""

    def _style(self, scale: float, padding: float, *, heavy: bool = False) -> Style:
        size = round(self.sizes.text * scale)
        font = self.bold if heavy else self.regular
        return Style(font, size, size * 6 // 5, round(self.sizes.text * padding), self.bold)

    def line_cell(self, band: Band) -> Cell:
        """One cell across the table: for headings."""
        across = max(band.width, self.page.measure // 2) - band.gap
        if self.rtl:
            return Cell("", self.page.measure - across, self.page.measure - band.gap, "right")
        return Cell("", band.gap, across, "left")

    def total_label(self, band: Band, totals: Sequence[Cell]) -> Cell | None:
        """Where the word of a total stands: before the first one; None: there is no room beside them."""
        line, least = self.line_cell(band), self.sizes.text * _LEAST_LABEL
        if not totals:
            return line
        if self.rtl:
            first = max(cell.right for cell in totals) + 2 * band.gap
            return Cell("", first, line.right, "right") if first + least < line.right else None
        first = min(cell.left for cell in totals) - 2 * band.gap
        return Cell("", line.left, first, "left") if first > line.left + least else None

    def leave_room(self, header_height: int, *, page_totals: bool) -> None:
        """Let no row be higher than a page with its header and a line of continued groups."""
        if page_totals:
            self.bottom += self.total.height(1)
        room = self.top - self.bottom - header_height - self.headings[-1].height(1)
        self.most_lines = max((room - self.row.height(0)) // self.row.leading, 1)
