"""Who writes a PDF: Prelo and ReportLab; typesetters.py has more. Contestants as in contestants.py.

All do the same job: nine columns of lineitem as strings in the form of en-US, a title, every second row
shaded, the column titles and a line above them on each page, "page x of y" below, the shipped face
embedded. Where a layout can be spared by giving widths, peers are given them. Each says how many lines
stand on every page besides the rows; only wkhtmltopdf has none.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.contestants import Contestant, reader

COLUMNS = [
    "l_orderkey", "l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_returnflag",
    "l_shipdate", "l_shipmode", "l_comment",
]  # fmt: skip
NUMBERS = 5
"""The first so many columns stand flush right."""
MONEY = "l_extendedprice"
TITLE, HEADER = "Line items", "TPC-H, scale 0.17"
A4_LANDSCAPE = (842, 595)
WIDTHS = [60, 60, 54, 74, 54, 62, 60, 60, 286]
FONT, MARGIN, PER_PAGE = 7, 36, 42
SHADE = "#F3F5F8"
_ROW, _PAD = 11, 4
LINES = 3
"""On every page: the header, the columns' titles, the footer."""
_EDGES = [MARGIN + sum(WIDTHS[:i]) for i in range(len(WIDTHS) + 1)]


def shown(source: Path, rows: int) -> Iterator[tuple[str, ...]]:
    """The strings of each row."""
    for batch in reader(source, rows, COLUMNS):
        yield from strings(batch)


def strings(batch: pa.RecordBatch) -> Iterator[tuple[str, ...]]:
    return zip(*map(_texts, COLUMNS, batch.columns), strict=True)


def _texts(name: str, column: Any) -> list[str]:
    values = column.to_pylist()
    if pa.types.is_date(column.type):
        return [f"{v.month}/{v.day}/{v.year}" for v in values]
    if pa.types.is_integer(column.type) or pa.types.is_decimal(column.type):
        sign = "$" if name == MONEY else ""
        return [f"{sign}{v:,}" for v in values]
    return values


def fonts() -> Path:
    """The folder of the shipped face."""
    import prelo.formats

    return Path(prelo.formats.__file__).parent / "fonts"


def prelo(source: Path, rows: int, target: Path) -> int:
    from prelo import write_pdf

    manifest = write_pdf(reader(source, rows, COLUMNS), target, **keywords())
    assert manifest.rows == rows
    assert not manifest.warnings, "; ".join(f"{w.column}: {w.detail}" for w in manifest.warnings)
    return LINES


def keywords() -> dict[str, Any]:
    """Prelo's, for this job."""
    return {
        "title": TITLE,
        "header": f"{HEADER}||",
        "columns": {MONEY: "money:USD"},
        "orientation": "landscape",
        "font_size": FONT,
    }


def canvas(source: Path, rows: int, target: Path) -> int:
    """The fastest way ReportLab has: the same strings drawn by hand, no table layout at all."""
    from reportlab.pdfgen.canvas import Canvas

    _register()
    page = Canvas(str(target), pagesize=A4_LANDSCAPE)
    count, top = -(-rows // PER_PAGE), A4_LANDSCAPE[1] - MARGIN - 3 * _ROW
    for number, values in enumerate(shown(source, rows)):
        line = number % PER_PAGE
        if line == 0:
            if number:
                page.showPage()
            _draw_frame(page, f"page {page.getPageNumber()} of {count}", top)
        y = top - (line + 1) * _ROW
        if number % 2:
            page.setFillColor(SHADE)
            page.rect(MARGIN, y - 3, _EDGES[-1] - MARGIN, _ROW, stroke=0, fill=1)
            page.setFillColor("black")
        _draw_row(page, values, y)
    page.save()
    return LINES


def _register() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    for name, style in (("F", "Regular"), ("B", "Bold")):
        pdfmetrics.registerFont(TTFont(name, fonts() / f"PreloSans-{style}.ttf"))


def _draw_frame(page: Any, footer: str, top: int) -> None:
    if page.getPageNumber() == 1:
        page.setFont("B", 13)
        page.drawString(MARGIN, top + _ROW, TITLE)
    page.setFont("B", FONT)
    _draw_row(page, COLUMNS, top)
    page.setFont("F", FONT)
    _draw_edges(page, footer)


def _draw_edges(page: Any, footer: str) -> None:
    width, height = A4_LANDSCAPE
    page.drawString(MARGIN, height - MARGIN, HEADER)
    page.drawRightString(width - MARGIN, MARGIN - _ROW, footer)


def _draw_row(page: Any, values: Iterable[str], y: float) -> None:
    for i, text in enumerate(values):
        if i < NUMBERS:
            page.drawRightString(_EDGES[i + 1] - _PAD, y, text)
        else:
            page.drawString(_EDGES[i] + _PAD, y, text)


def long_table(source: Path, rows: int, target: Path) -> int:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate

    _register()
    table = LongTable([COLUMNS, *shown(source, rows)], colWidths=WIDTHS, repeatRows=1)
    table.setStyle(
        [
            ("FONT", (0, 0), (-1, 0), "B", FONT),
            ("FONT", (0, 1), (-1, -1), "F", FONT),
            ("ALIGN", (0, 0), (NUMBERS - 1, -1), "RIGHT"),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [None, SHADE]),
            ("TOPPADDING", (0, 0), (-1, -1), 1),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ]
    )
    title = Paragraph(TITLE, ParagraphStyle("title", fontName="B", fontSize=13))
    margins = dict.fromkeys(["leftMargin", "rightMargin", "topMargin", "bottomMargin"], MARGIN)
    document = SimpleDocTemplate(str(target), pagesize=landscape(A4), **margins)
    document.build([title, table], canvasmaker=_numbered())
    return LINES


def _numbered() -> Any:
    """A canvas that keeps all pages until their number is known, the way ReportLab's users do it."""
    from reportlab.pdfgen.canvas import Canvas

    class Numbered(Canvas):
        def __init__(self, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  the vendor's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            pages = self._pages
            for number, page in enumerate(pages, 1):
                self.__dict__.update(page)
                self.setFont("F", FONT)
                _draw_edges(self, f"page {number} of {len(pages)}")
                super().showPage()
            super().save()

    return Numbered


PDF: dict[str, Contestant] = {
    "prelo pdf": prelo,
    "reportlab canvas": canvas,
    "reportlab LongTable": long_table,
}
TITLES = {
    "prelo pdf": "Prelo",
    "reportlab canvas": "ReportLab canvas, the same strings by hand",
    "reportlab LongTable": "ReportLab LongTable",
}
