"""The smallest job: 50 rows, with and without a chart, in one warm process. Prints one line of JSON.

python -m bench.small ROUNDS
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import polars as pl

from bench.run import pin

ROWS = 50
FRAME = pl.DataFrame(
    {
        "region": [f"region {i % 7}" for i in range(ROWS)],
        "order": range(1, ROWS + 1),
        "amount": [i * 12.75 for i in range(ROWS)],
        "share": [i / ROWS for i in range(ROWS)],
        "customer": [f"customer {i:04}" for i in range(ROWS)],
        "paid": [i % 3 == 0 for i in range(ROWS)],
    }
)
Writer = Callable[[], bytes]


def prelo(*, chart: bool = False) -> bytes:
    from prelo import write_xlsx

    target = BytesIO()
    columns = {"amount": {"kind": "money:EUR", "total": "sum"}, "share": "percent"}
    bars = [{"x": "order", "y": "amount"}] if chart else []
    write_xlsx(FRAME, target, title="Orders", columns=columns, charts=bars)
    return target.getvalue()


def xlsxwriter(*, chart: bool = False) -> bytes:
    from xlsxwriter import Workbook

    target = BytesIO()
    book = Workbook(target, {"in_memory": True})
    sheet = book.add_worksheet("Orders")
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    sheet.write_row(0, 0, FRAME.columns, bold)
    for row, values in enumerate(FRAME.iter_rows(), 1):
        for i, value in enumerate(values):
            sheet.write(row, i, value, money if i == 2 else None)
    sheet.autofilter(0, 0, ROWS, FRAME.width - 1)
    sheet.freeze_panes(1, 0)
    if chart:
        bars: Any = book.add_chart({"type": "column"})
        bars.add_series({"values": ["Orders", 1, 2, ROWS, 2]})
        sheet.insert_chart("H2", bars)
    book.close()
    return target.getvalue()


def xlsxturbo(*, chart: bool = False) -> bytes:
    from xlsxturbo import df_to_xlsx

    target = BytesIO()
    area = {"type": "column", "data_range": f"Orders!$C$2:$C${ROWS + 1}"}
    df_to_xlsx(
        FRAME, target, sheet_name="Orders", autofilter=True, freeze_panes=True, compression_level=1,
        column_formats={"amount": {"num_format": "#,##0.00"}}, charts={"H2": area} if chart else None,
    )  # fmt: skip
    return target.getvalue()


def openpyxl(*, chart: bool = False) -> bytes:
    from openpyxl import Workbook
    from openpyxl.chart import BarChart, Reference

    target = BytesIO()
    book = Workbook()
    sheet: Any = book.active
    sheet.append(FRAME.columns)
    for values in FRAME.iter_rows():
        sheet.append(values)
    sheet.auto_filter.ref = sheet.dimensions
    if chart:
        bars = BarChart()
        bars.add_data(
            Reference(sheet, min_col=3, min_row=1, max_row=ROWS + 1), titles_from_data=True
        )
        sheet.add_chart(bars, "H2")
    book.save(target)
    return target.getvalue()


def polars() -> bytes:
    target = BytesIO()
    FRAME.write_excel(target)
    return target.getvalue()


PLAIN: dict[str, Writer] = {
    "prelo": prelo,
    "xlsxturbo": xlsxturbo,
    "xlsxwriter": xlsxwriter,
    "openpyxl": openpyxl,
    "polars": polars,
}
CHART: dict[str, Writer] = {
    "prelo": lambda: prelo(chart=True),
    "xlsxturbo": lambda: xlsxturbo(chart=True),
    "xlsxwriter": lambda: xlsxwriter(chart=True),
    "openpyxl": lambda: openpyxl(chart=True),
}


def medians(writers: dict[str, Writer], rounds: int) -> dict[str, float]:
    """Milliseconds, each writer warm: a press, too, makes one file after the other."""
    times: dict[str, list[float]] = {name: [] for name in writers}
    for name, writer in writers.items():
        for _ in range(rounds + 3):
            before = time.perf_counter()
            written = writer()
            times[name].append((time.perf_counter() - before) * 1000)
            assert written.startswith(b"PK")
    return {name: statistics.median(taken[3:]) for name, taken in times.items()}


if __name__ == "__main__":
    pin(1)
    count = int(sys.argv[1])
    print(json.dumps({"plain": medians(PLAIN, count), "chart": medians(CHART, count)}))
