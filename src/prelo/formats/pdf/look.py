"""How the document looks: fonts, sizes, colours, and where things stand. Lengths are in 1/100 pt."""

from dataclasses import dataclass

from prelo.core.page import PdfOptions
from prelo.formats.pdf.columns import Page
from prelo.formats.pdf.font import Font
from prelo.formats.pdf.rows import Cell, Style

# Colours as operands: dark slate for what frames the table, near black for what is in it.
INK = b".13 .15 .18"
FRAME = b".16 .24 .35"
QUIET = b".42 .46 .52"
SHADE = b".955 .964 .976"
HAIR = b".80 .83 .87"


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

    def style(self, font: Font, scale: float = 1.0, padding: float = 0.25) -> Style:
        size = round(self.text * scale)
        return Style(font, size, leading=size * 6 // 5, padding=round(self.text * padding))


class Look:
    """Styles of every sort of line, the columns, and the page they stand on."""

    def __init__(
        self, page: Page, sizes: Sizes, cells: list[Cell], regular: Font, bold: Font
    ) -> None:
        self.page, self.sizes, self.cells = page, sizes, cells
        self.row = sizes.style(regular)
        self.header = sizes.style(bold, padding=0.35)
        self.total = sizes.style(bold, padding=0.3)
        # From the outermost groups inwards.
        self.headings = (sizes.style(bold, 1.15, 0.5), sizes.style(bold, 1.0, 0.4))
        self.title = sizes.style(bold, 1.9, 0.0)
        self.subtitle = sizes.style(regular, 1.15, 0.3)
        self.footer = Style(regular, sizes.footer, sizes.footer * 6 // 5, 0)
        gap = cells[0].left
        self.table_width = cells[-1].right + gap
        line = max(self.table_width, page.measure // 2) - gap
        self.line_cell = Cell("", gap, line, "left", wraps=True)
        """One cell across the table: for headings."""
        self.top = page.height - page.top
        self.bottom = page.bottom + self.footer.leading * 2
        """The lowest the table may reach: above the footer and some air."""
        self.most_lines = 1
        """Lines of the highest row that has room on a page."""

    def total_label(self, first_total: Cell) -> Cell:
        """Where the word of a total stands: left of the first one, or across the table, above them."""
        gap = self.line_cell.left
        if first_total.left == gap:
            return self.line_cell
        return Cell("", gap, first_total.left - 2 * gap, "left", wraps=True)

    def leave_room(self, header_height: int) -> None:
        """Let no row be higher than a page with its header and a line of continued groups."""
        room = self.top - self.bottom - header_height - self.headings[-1].height(1)
        self.most_lines = max((room - self.row.height(0)) // self.row.leading, 1)
