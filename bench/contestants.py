"""What is timed: each contestant writes TPC-H lineitem, from Parquet to a file, in a process of its own.

python -m bench.contestants NAME ROWS      prints one line of JSON: seconds, peak memory, bytes, pages
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.data import lineitem

PDF_COLUMNS = [
    "l_orderkey", "l_partkey", "l_quantity", "l_extendedprice", "l_discount", "l_returnflag",
    "l_shipdate", "l_shipmode", "l_comment",
]  # fmt: skip
TITLE = "Line items"
MONEY = {"l_extendedprice": "money:USD"}
A4_LANDSCAPE = (842, 595)
BATCH = 10_000


def batches(rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The first rows of the sample, batch by batch: what a source hands to a writer."""
    left = rows
    for batch in pq.ParquetFile(lineitem()).iter_batches(BATCH, columns=columns):
        yield batch.slice(0, left)
        left -= batch.num_rows
        if left <= 0:
            return


def reader(rows: int, columns: list[str] | None = None) -> pa.RecordBatchReader:
    first = next(batches(1, columns))
    return pa.RecordBatchReader.from_batches(first.schema, batches(rows, columns))


def _quiet(rows: int, pages: int) -> None:
    """Nobody watches a benchmark's progress."""


def prelo_xlsx(rows: int, target: Path) -> dict[str, Any]:
    from prelo.core.table import Layout
    from prelo.formats.xlsx import Xlsx

    columns = {name: {"kind": kind} for name, kind in MONEY.items()}
    columns["l_quantity"] = {"total": "sum"}
    layout = Layout.model_validate({"title": TITLE, "columns": columns})
    with target.open("wb") as out:
        manifest = Xlsx().write(reader(rows), out, layout, _quiet)
    assert manifest.rows == rows
    return {}


def xlsxwriter_constant_memory(rows: int, target: Path) -> dict[str, Any]:
    """XlsxWriter as its documentation advises for much data, with the same frame and formats."""
    import xlsxwriter

    book = xlsxwriter.Workbook(str(target), {"constant_memory": True})
    sheet = book.add_worksheet("Line items")
    bold = book.add_format({"bold": True, "bg_color": "#1F4E79", "font_color": "white"})
    number = book.add_format({"num_format": "#,##0.00"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    source = reader(rows)
    formats: list[Any] = []
    for i, field in enumerate(source.schema):
        is_decimal = pa.types.is_decimal(field.type)
        formats.append(number if is_decimal else day if pa.types.is_date(field.type) else None)
        sheet.set_column(i, i, 14)
    sheet.write_string(0, 0, TITLE, bold)
    for i, name in enumerate(source.schema.names):
        sheet.write_string(1, i, name, bold)
    sheet.freeze_panes(2, 0)
    _fill(sheet, source, formats)
    sheet.autofilter(1, 0, rows + 1, len(formats) - 1)
    book.close()
    return {}


def _fill(sheet: Any, source: pa.RecordBatchReader, formats: list[Any]) -> None:
    writers: list[Callable[..., Any]] = []
    for field in source.schema:
        if pa.types.is_date(field.type):
            writers.append(sheet.write_datetime)
        elif pa.types.is_decimal(field.type) or pa.types.is_integer(field.type):
            writers.append(sheet.write_number)
        else:
            writers.append(sheet.write_string)
    row = 2
    for batch in source:
        for values in zip(*(_numbers(column).to_pylist() for column in batch.columns), strict=True):
            for i, value in enumerate(values):
                writers[i](row, i, value, formats[i])
            row += 1


def _numbers(column: Any) -> Any:
    """Decimals as floats, which is what XlsxWriter writes fastest; it has no decimals."""
    return column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column


def prelo_pdf(rows: int, target: Path) -> dict[str, Any]:
    from prelo.core.table import Layout
    from prelo.formats.pdf import Pdf

    layout = Layout.model_validate(
        {
            "title": TITLE,
            "columns": {
                "l_extendedprice": {"kind": "money:USD", "total": "sum"},
                "l_quantity": {"total": "sum"},
            },
            "pdf": {"orientation": "landscape", "font_size": 7},
        }
    )
    with target.open("wb") as out:
        manifest = Pdf().write(reader(rows, PDF_COLUMNS), out, layout, _quiet)
    assert manifest.rows == rows
    return {"pages": manifest.pages}


_EDGES = [30, 90, 150, 200, 280, 330, 380, 450, 510, 810]
_RIGHT = {0, 1, 2, 3, 4}
_TOP, _ROW, _PER_PAGE = 535, 11, 45


def reportlab_canvas(rows: int, target: Path) -> dict[str, Any]:
    """The fastest way ReportLab has: the same strings drawn by hand, no table layout at all."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont("F", _font()))
    canvas = Canvas(str(target), pagesize=A4_LANDSCAPE)
    pages = line = 0
    for batch in batches(rows, PDF_COLUMNS):
        for values in zip(*(_texts(column) for column in batch.columns), strict=True):
            if line % _PER_PAGE == 0:
                if pages:
                    canvas.showPage()
                pages += 1
                _page_frame(canvas, pages)
            _draw_row(canvas, values, _TOP - (line % _PER_PAGE + 1) * _ROW)
            line += 1
    canvas.save()
    return {"pages": pages}


def _page_frame(canvas: Any, number: int) -> None:
    width, height = A4_LANDSCAPE
    canvas.setFont("F", 12)
    canvas.drawString(30, height - 36, TITLE)
    canvas.setFont("F", 7)
    canvas.drawRightString(width - 30, 20, f"page {number}")
    for i, name in enumerate(PDF_COLUMNS):
        canvas.drawString(_EDGES[i] + 2, _TOP + 2, name)


def _draw_row(canvas: Any, values: Iterable[str], y: float) -> None:
    for i, text in enumerate(values):
        if i in _RIGHT:
            canvas.drawRightString(_EDGES[i + 1] - 2, y, text)
        else:
            canvas.drawString(_EDGES[i] + 2, y, text)
    canvas.line(30, y - 2, 810, y - 2)


def reportlab_longtable(rows: int, target: Path) -> dict[str, Any]:
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import LongTable, SimpleDocTemplate, TableStyle

    data: list[Any] = [PDF_COLUMNS]
    for batch in batches(rows, PDF_COLUMNS):
        data += zip(*(_texts(column) for column in batch.columns), strict=True)
    table = LongTable(data, repeatRows=1)
    table.setStyle(
        TableStyle([("FONTSIZE", (0, 0), (-1, -1), 7), ("GRID", (0, 0), (-1, -1), 0.25, "grey")])
    )
    SimpleDocTemplate(str(target), pagesize=landscape(A4)).build([table])
    return {}


def _texts(column: Any) -> list[str]:
    """The strings a report shows, made before the peer is handed them."""
    return [f"{v:,}" if pa.types.is_decimal(column.type) else str(v) for v in column.to_pylist()]


def _font() -> str:
    import prelo.formats

    folder = Path(prelo.formats.__file__).parent / "fonts"
    return str(next(folder.glob("*Regular.ttf")))


CONTESTANTS: dict[str, Callable[[int, Path], dict[str, Any]]] = {
    "prelo xlsx": prelo_xlsx,
    "xlsxwriter constant_memory": xlsxwriter_constant_memory,
    "prelo pdf": prelo_pdf,
    "reportlab canvas by hand": reportlab_canvas,
    "reportlab LongTable": reportlab_longtable,
}


def main() -> None:
    name, rows = sys.argv[1], int(sys.argv[2])
    target = Path(sys.argv[3])
    began = time.perf_counter()
    extra = CONTESTANTS[name](rows, target)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_mb = peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    print(
        json.dumps({"seconds": seconds, "peak_mb": peak_mb, "bytes": target.stat().st_size} | extra)
    )


if __name__ == "__main__":
    main()
