"""How the document looks: fonts, sizes, colours, and where things stand. Lengths are in 1/100 pt."""

from collections.abc import Sequence
from dataclasses import dataclass

from prelo.core.errors import FormatFailed
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
        self._room = 0

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

    def leave_room(self, title: int, header: int, *, page_totals: bool) -> None:
        """Let no row be higher than a page with its header and a line of continued groups. Raises
        FormatFailed for a page on which none has room, or not the title with what is under it.
        """
        if page_totals:
            self.bottom += self.total.height(1)
        page = self.top - self.bottom
        self._room = page - header - self.headings[-1].height(1)
        if self._room < max(self.headings[0].height(1), self.total.height(1)):
            raise FormatFailed(
                "no row has room on a page below its header; take a larger page, smaller margins or a "
                "smaller font_size"
            )
        if title > page:
            raise FormatFailed(
                f"the title and the facts under it are {title / 100:,.0f} points high, and a page has room "
                f"for {page / 100:,.0f}; say less there, or take a larger page or a smaller font_size"
            )

    def most_lines(self, style: Style) -> int:
        """Lines of the highest row in this style that has room on a page."""
        return (self._room - style.height(0)) // style.leading
