"""Who writes a PDF: Prelo and ReportLab, nine columns of lineitem. Contestants as in contestants.py."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from bench.contestants import Contestant, reader

COLUMNS = [
    "l_orderkey", "l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_returnflag",
    "l_shipdate", "l_shipmode", "l_comment",
]  # fmt: skip
TITLE = "Line items"
A4_LANDSCAPE = (842, 595)
_EDGES = [30, 90, 150, 200, 280, 330, 380, 450, 510, 810]
_RIGHT = {0, 1, 2, 3, 4}
_TOP, _ROW, _PER_PAGE = 535, 11, 45


def prelo(source: Path, rows: int, target: Path) -> int:
    from prelo import write_pdf

    manifest = write_pdf(
        reader(source, rows, COLUMNS),
        target,
        title=TITLE,
        columns={
            "l_extendedprice": {"kind": "money:USD", "total": "sum"},
            "l_quantity": {"total": "sum"},
        },
        orientation="landscape",
        font_size=7,
    )
    assert manifest.rows == rows
    return 0


def canvas(source: Path, rows: int, target: Path) -> int:
    """The fastest way ReportLab has: the same strings drawn by hand, no table layout at all."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont("F", _font()))
    page = Canvas(str(target), pagesize=A4_LANDSCAPE)
    pages = line = 0
    for batch in reader(source, rows, COLUMNS):
        for values in zip(*map(_texts, batch.columns), strict=True):
            if line % _PER_PAGE == 0:
                if pages:
                    page.showPage()
                pages += 1
                _draw_frame(page, pages)
            _draw_row(page, values, _TOP - (line % _PER_PAGE + 1) * _ROW)
            line += 1
    page.save()
    return 0


def _draw_frame(page: Any, number: int) -> None:
    width, height = A4_LANDSCAPE
    page.setFont("F", 12)
    page.drawString(30, height - 36, TITLE)
    page.setFont("F", 7)
    page.drawRightString(width - 30, 20, f"page {number}")
    for i, name in enumerate(COLUMNS):
        page.drawString(_EDGES[i] + 2, _TOP + 2, name)


def _draw_row(page: Any, values: Iterable[str], y: float) -> None:
    for i, text in enumerate(values):
        if i in _RIGHT:
            page.drawRightString(_EDGES[i + 1] - 2, y, text)
        else:
            page.drawString(_EDGES[i] + 2, y, text)
    page.line(30, y - 2, 810, y - 2)


def long_table(source: Path, rows: int, target: Path) -> int:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import LongTable, SimpleDocTemplate, TableStyle

    data: list[Any] = [COLUMNS]
    for batch in reader(source, rows, COLUMNS):
        data += zip(*map(_texts, batch.columns), strict=True)
    table = LongTable(data, repeatRows=1)
    table.setStyle(
        TableStyle([("FONTSIZE", (0, 0), (-1, -1), 7), ("GRID", (0, 0), (-1, -1), 0.25, "grey")])
    )
    SimpleDocTemplate(str(target), pagesize=landscape(A4)).build([table])
    return 0


def _texts(column: Any) -> list[str]:
    """The strings a report shows, made before the peer is handed them."""
    return [f"{v:,}" if pa.types.is_decimal(column.type) else str(v) for v in column.to_pylist()]


def _font() -> str:
    import prelo.formats

    folder = Path(prelo.formats.__file__).parent / "fonts"
    return str(next(folder.glob("*Regular.ttf")))


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
