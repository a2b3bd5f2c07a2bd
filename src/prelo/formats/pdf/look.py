"""How the document looks: fonts, sizes, colours, and where things stand. Lengths are in 1/100 pt."""

from dataclasses import dataclass

from prelo.core.table import PdfOptions
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


@dataclass(frozen=True, slots=True)
class Look:
    """Styles of every sort of line, the columns, and the page they stand on."""

    page: Page
    sizes: Sizes
    cells: list[Cell]
    regular: Font
    bold: Font

    @property
    def row(self) -> Style:
        return self.sizes.style(self.regular)

    @property
    def header(self) -> Style:
        return self.sizes.style(self.bold, padding=0.35)

    @property
    def total(self) -> Style:
        return self.sizes.style(self.bold, padding=0.3)

    @property
    def headings(self) -> tuple[Style, ...]:
        """From the outermost groups inwards."""
        return self.sizes.style(self.bold, 1.15, 0.5), self.sizes.style(self.bold, 1.0, 0.4)

    @property
    def title(self) -> Style:
        return self.sizes.style(self.bold, 1.9, 0.0)

    @property
    def subtitle(self) -> Style:
        return self.sizes.style(self.regular, 1.15, 0.3)

    @property
    def footer(self) -> Style:
        return Style(self.regular, self.sizes.footer, self.sizes.footer * 6 // 5, 0)

    @property
    def table_width(self) -> int:
        """From the outer edge of the first column to that of the last."""
        return self.cells[-1].right + self.cells[0].left

    @property
    def line_cell(self) -> Cell:
        """One cell across the table: for headings."""
        gap = self.cells[0].left
        return Cell("", gap, max(self.table_width, self.page.measure // 2) - gap, "left", wraps=True)

    def total_label(self, first_total: Cell) -> Cell:
        """Where the word of a total stands: left of the first one, or across the table, above them."""
        gap = self.cells[0].left
        if first_total.left == gap:
            return self.line_cell
        return Cell("", gap, first_total.left - 2 * gap, "left", wraps=True)

    @property
    def top(self) -> int:
        return self.page.height - self.page.margin

    @property
    def bottom(self) -> int:
        """The lowest the table may reach: above the footer and some air."""
        return self.page.margin + self.footer.leading * 2

    @property
    def most_lines(self) -> int:
        """Lines of the highest row that surely has room on a page, under a header of some lines."""
        room = (self.top - self.bottom) * 3 // 5 - self.row.height(0)
        return max(room // self.row.leading, 1)
