"""Who writes a workbook: Prelo and its peers, each as its own documentation advises for much data.

A contestant is given Parquet and a path, reads the first `rows` and writes them, typed. It says how
many rows stand above the data, so that somebody else can read them back. Vendors are imported where
they are used: a process pays for one of them.
"""

import itertools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 10_000
MONEY, DAY, MOMENT = "#,##0.00", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
WIDTH = 14

Contestant = Callable[[Path, int, Path], int]


def reader(source: Path, rows: int, columns: list[str] | None = None) -> pa.RecordBatchReader:
    """The first rows, batch by batch: what a source hands to a writer."""
    file = pq.ParquetFile(source, pre_buffer=False)  # buffered before, it would stay in memory
    schema = (
        file.schema_arrow if columns is None else pa.schema(map(file.schema_arrow.field, columns))
    )
    # Threads that take turns on one core would keep memory of their own, the more the longer it takes.
    batches = file.iter_batches(BATCH, columns=columns, use_threads=False)
    return pa.RecordBatchReader.from_batches(schema, _head(batches, rows))


def _head(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    while rows > 0 and (batch := next(batches, None)):
        yield batch.slice(0, rows)
        rows -= batch.num_rows


def records(source: Path, rows: int) -> Iterator[tuple[Any, ...]]:
    """Rows for writers that take Python's values; decimals as floats, which they write fastest."""
    for batch in reader(source, rows):
        columns = (
            column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column
            for column in batch.columns
        )
        yield from zip(*(column.to_pylist() for column in columns), strict=True)


def formats(source: Path) -> list[str]:
    """The number format of each column; "" where there is none to give."""
    return [_format(field.type) for field in pq.ParquetFile(source).schema_arrow]


def _format(kind: pa.DataType) -> str:
    if pa.types.is_decimal(kind):
        return MONEY
    if pa.types.is_timestamp(kind):
        return MOMENT
    return DAY if pa.types.is_date(kind) else ""


def prelo(source: Path, rows: int, target: Path) -> int:
    from prelo import write_xlsx

    data = reader(source, rows)
    money = "l_extendedprice" in data.schema.names
    columns = {"l_extendedprice": "money:USD", "l_quantity": {"total": "sum"}} if money else {}
    manifest = write_xlsx(data, target, title="Line items" if money else "", columns=columns)
    assert manifest.rows == rows
    return 3 if money else 1


def xlsxwriter(source: Path, rows: int, target: Path) -> int:
    """In its constant memory mode, each value by the method of its type."""
    from xlsxwriter import Workbook

    book = Workbook(target, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True, "bg_color": "#1F4E79", "font_color": "white"})
    names = pq.ParquetFile(source).schema_arrow.names
    styles = [book.add_format({"num_format": f}) if f else None for f in formats(source)]
    sheet.set_column(0, len(names) - 1, WIDTH)
    for i, name in enumerate(names):
        sheet.write_string(0, i, name, bold)
    sheet.freeze_panes(1, 0)
    writers = [_by_type(sheet, field.type) for field in pq.ParquetFile(source).schema_arrow]
    for row, values in enumerate(records(source, rows), 1):
        for i, value in enumerate(values):
            if value is None:
                sheet.write_blank(row, i, None, styles[i])
            else:
                writers[i](row, i, value, styles[i])
    sheet.autofilter(0, 0, rows, len(names) - 1)
    book.close()
    return 1


def _by_type(sheet: Any, kind: pa.DataType) -> Callable[..., Any]:
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return sheet.write_datetime
    if pa.types.is_boolean(kind):
        return sheet.write_boolean
    if pa.types.is_decimal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return sheet.write_number
    return sheet.write_string


def xlsxturbo(source: Path, rows: int, target: Path) -> int:
    """In its constant memory mode, at its fastest level of compression."""
    import polars as pl
    from xlsxturbo import df_to_xlsx

    frame = pl.scan_parquet(source).head(rows).collect()
    styles = {
        name: {"num_format": form}
        for name, form in zip(frame.columns, formats(source), strict=True)
        if form
    }
    widths = dict.fromkeys(range(frame.width), float(WIDTH))
    df_to_xlsx(
        frame, str(target), constant_memory=True, compression_level=1, autofilter=True, freeze_panes=True,
        header_format={"bold": True}, column_formats=styles or None, column_widths=widths,
    )  # fmt: skip
    return 1


def duckdb(source: Path, rows: int, target: Path) -> int:
    """The extension comes in a wheel: nothing is downloaded. It draws no styles, filter or widths."""
    import duckdb as vendor
    import duckdb_extension_excel as wheel

    extension = next(Path(wheel.__path__[0]).rglob("excel.duckdb_extension"))
    with vendor.connect(config={"threads": 1}) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(
            f"COPY (SELECT * FROM read_parquet('{source}') LIMIT {rows}) TO '{target}' "
            "WITH (FORMAT xlsx, HEADER true)"
        )
    return 1


def polars(source: Path, rows: int, target: Path) -> int:
    import polars as pl

    frame = pl.scan_parquet(source).head(rows).collect()
    frame.write_excel(target, autofilter=True, freeze_panes=(1, 0))
    return 1


def pyexcelerate(source: Path, rows: int, target: Path) -> int:
    from pyexcelerate import Format, Style, Workbook

    names = pq.ParquetFile(source).schema_arrow.names
    book = Workbook()
    sheet = book.new_sheet("Sheet1", data=[names, *records(source, rows)])
    for i, form in enumerate(formats(source), 1):
        if form:
            sheet.set_col_style(i, Style(format=Format(form)))
    book.save(target)
    return 1


def openpyxl(source: Path, rows: int, target: Path) -> int:
    """In its write-only mode."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    names = pq.ParquetFile(source).schema_arrow.names
    for values in itertools.chain([names], records(source, rows)):
        sheet.append(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        book.save(target)
    return 1


XLSX: dict[str, Contestant] = {
    "prelo": prelo,
    "xlsxturbo": xlsxturbo,
    "duckdb": duckdb,
    "xlsxwriter": xlsxwriter,
    "pyexcelerate": pyexcelerate,
    "openpyxl": openpyxl,
    "polars": polars,
}
TITLES = {
    "prelo": "Prelo",
    "xlsxturbo": "xlsxturbo, constant memory, level 1",
    "duckdb": "DuckDB excel extension",
    "xlsxwriter": "XlsxWriter, constant memory",
    "pyexcelerate": "PyExcelerate",
    "openpyxl": "openpyxl, write-only",
    "polars": "Polars write_excel",
}
