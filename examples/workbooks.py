"""What a workbook can have beside its rows: colours, groups, charts, summaries, a template of one's own.

python examples/workbooks.py [FOLDER]

The pictures in docs/xlsx.md are of these files.
"""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

import prelo

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")
STORES = {
    "Lisbon": ("South", "PT", [412, 398, 455, 510, 547, 603]),
    "Porto": ("South", "PT", [288, 301, 296, 312, 305, 331]),
    "Madrid": ("South", "ES", [731, 702, 690, 655, 641, 622]),
    "Sevilla": ("South", "ES", [204, 233, 251, 262, 290, 318]),
    "Berlin": ("North", "DE", [655, 671, 668, 702, 733, 741]),
    "Hamburg": ("North", "DE", [498, 455, 430, 402, 388, 371]),
    "Oslo": ("North", "NO", [377, 352, 391, 404, 399, 430]),
    "Bergen": ("North", "NO", [120, 118, 131, 125, 140, 152]),
}
BRICK = "#7A3B2E"
ENOUGH = {"show": "cell", "when": ">=", "value": 1, "color": "#2E7D32", "bold": True}
SHORT = {"show": "cell", "when": "<", "value": 0.95, "color": "#B3261E", "fill": "#FBE9E7"}


def stores() -> pl.DataFrame:
    """A row for each store: its revenue in thousands by month, and what was planned for the half year."""
    rows = [
        {
            "store": name,
            "region": region,
            "country": country,
            **dict(zip(MONTHS, values, strict=True)),
        }
        for name, (region, country, values) in STORES.items()
    ]
    half = pl.sum_horizontal(MONTHS)
    plan = (half * pl.Series([0.94, 1.04, 1.1, 0.98, 1.01, 1.15, 1.0, 0.97]) / 10).round() * 10
    return pl.DataFrame(rows).with_columns(half.alias("half"), plan.alias("plan").cast(pl.Int64))


def sales() -> pl.DataFrame:
    """A row for each store and month, sorted by region, country and store."""
    long = (
        stores()
        .sort("region", "country", "store")
        .unpivot(
            MONTHS,
            index=["region", "country", "store"],
            variable_name="month",
            value_name="thousands",
        )
    )
    number = pl.col("month").replace_strict(MONTHS, range(1, 7))
    return (
        long.with_columns(
            pl.date(2026, number, 1).alias("month"),
            (pl.col("thousands") * 1000).cast(pl.Decimal(12, 2)).alias("revenue"),
            (pl.col("thousands") * 7 // 10 + number * 3).alias("orders"),
        )
        .drop("thousands")
        .sort("region", "country", "store", "month", maintain_order=True)
    )


def coloured(target: Path) -> prelo.Manifest:
    """Colours that follow the values, and a heading over the titles of several columns."""
    reached = (pl.col("half") / pl.col("plan")).alias("reached")
    month = prelo.Column(
        kind="integer", align="center", heading="Revenue, thousand euros", highlight="scale"
    )
    return prelo.write_xlsx(
        stores().select("store", "region", *MONTHS, "half", "plan", reached),
        target,
        title="Stores, first half of 2026",
        facts={"Prepared for": "the board", "As of": "30 June 2026"},
        columns={
            "store": prelo.Column("Store", bold=True, width=14),
            "region": prelo.Column("Region"),
            **dict.fromkeys(MONTHS, month),
            "half": prelo.Column(
                "Half year", kind="integer", highlight="bar", width=16, indent=0, total="sum"
            ),
            "plan": prelo.Column("Plan", kind="integer", width=10, indent=0, total="sum"),
            "reached": prelo.Column(
                "Reached", kind="percent(0)", align="center", highlight=[ENOUGH, SHORT]
            ),
        },
        sheet="Stores",
        autofilter=False,
    )


def grouped(target: Path) -> prelo.Manifest:
    """Rows under headings, with subtotals; in Excel the groups fold."""
    return prelo.write_xlsx(
        sales().filter(pl.col("month") >= date(2026, 4, 1)),
        target,
        title="Sales by region and country",
        subtitle="Second quarter of 2026",
        group_by=["region", "country"],
        columns={
            "region": prelo.Column("Region", hidden=True),
            "country": prelo.Column("Country", hidden=True),
            "store": prelo.Column("Store", width=24),
            "month": prelo.Column("Month", kind="date", format="mmm yyyy"),
            "orders": prelo.Column("Orders", kind="integer", total="sum"),
            "revenue": prelo.Column("Revenue", kind="money:EUR", total="sum"),
        },
    )


def charted(target: Path) -> prelo.Manifest:
    """An Excel table, and a chart that reads it: columns, and a line on an axis of its own."""
    revenue, country = pl.col("revenue"), pl.col("country")
    months = (
        sales()
        .group_by("month")
        .agg(
            revenue.filter(country == "DE").sum().alias("germany"),
            revenue.filter(country == "PT").sum().alias("portugal"),
            pl.col("orders").filter(country.is_in(["DE", "PT"])).sum(),
        )
    )
    chart = {
        "title": "Revenue and orders",
        "x": "month",
        "y": ["germany", "portugal"],
        "lines": "orders",
        "width": 560,
        "height": 300,
    }
    return prelo.write_xlsx(
        months.sort("month"),
        target,
        title="Germany and Portugal",
        columns={
            "month": prelo.Column("Month", kind="date", format="mmm yyyy", width=12),
            "germany": prelo.Column("Germany", kind="money:EUR", total="sum"),
            "portugal": prelo.Column("Portugal", kind="money:EUR", total="sum"),
            "orders": prelo.Column("Orders", kind="integer", total="sum"),
        },
        table="Medium 2",
        charts=[chart],
    )


def summarized(target: Path) -> prelo.Manifest:
    """Totals by group on a sheet of their own, added up while the rows stream by; and a pie of them."""
    return prelo.write_xlsx(
        sales(),
        target,
        title="Sales, first half of 2026",
        sheet="Sales",
        columns={
            "country": prelo.Column("Country"),
            "orders": prelo.Column("Orders", kind="integer"),
            "revenue": prelo.Column("Revenue", kind="money:EUR"),
        },
        summaries=[
            {
                "by": "country",
                "values": {"revenue": ["sum", "mean"], "orders": "sum"},
                "sort": "value",
                "sheet": "Countries",
                "title": "Revenue by country",
                "charts": [
                    {"type": "pie", "x": "country", "y": "revenue sum", "width": 460, "height": 300}
                ],
            }
        ],
        info=True,
    )


def template(target: Path) -> None:
    """A workbook with a marked row, row 6. Drawn here to be read; in life, somebody makes it in Excel."""
    book = Workbook(target)
    large = book.add_format({"bold": True, "font_size": 20, "font_color": BRICK})
    title = book.add_format({"bold": True, "bottom": 2, "bottom_color": BRICK})
    numeric = book.add_format({"bold": True, "bottom": 2, "bottom_color": BRICK, "align": "right"})
    money = book.add_format({"num_format": "#,##0.00 [$€-407]"})
    due = book.add_format({"num_format": "#,##0.00 [$€-407]", "bold": True, "top": 1})
    sheet = book.add_worksheet("Invoice")
    sheet.write("A1", "Invoice {{number}}", large)
    sheet.write("A3", "For {{customer}}, on {{day}}")
    sheet.write_row("A5", ["Article", "Description"], title)
    sheet.write_row("C5", ["Quantity", "Price", "Amount"], numeric)
    sheet.write_row("A6", ["{{rows}}{{code}}", "{{article}}", "{{quantity}}"])
    sheet.write("D6", "{{price}}", money)
    sheet.write_formula("E6", "=C6*D6", money)
    sheet.write_column("B8", ["Together", "VAT, 23 %", "To be paid"])
    sheet.write_formula("E8", "=SUM(E6:E6)", money)
    sheet.write_formula("E9", "=E8*23%", money)
    sheet.write_formula("E10", "=E8+E9", due)
    _draw_around(book, sheet)
    book.close()


def _draw_around(book: Workbook, sheet: Worksheet) -> None:
    """Widths, printing on one page, and a chart over the marked row, which will grow with the data."""
    for columns, width in {"A:A": 20, "B:B": 22, "C:E": 13, "F:F": 3}.items():
        sheet.set_column(columns, width)
    sheet.hide_gridlines(2)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    chart: Any = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "categories": "=Invoice!$B$6:$B$6",
            "values": "=Invoice!$E$6:$E$6",
            "fill": {"color": BRICK},
            "gap": 60,
        }
    )
    chart.set_title({"name": "Amounts", "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "major_gridlines": {"visible": False}})
    chart.set_x_axis({"num_format": "#,##0", "major_gridlines": {"visible": False}})
    chart.set_size({"width": 380, "height": 210})
    sheet.insert_chart("G1", chart)


def filled(target: Path, frame: Path) -> prelo.Manifest:
    """The rows in a workbook of one's own: its marked row becomes the data, its facts are filled in."""
    lines = [
        {"code": "00017", "article": "Espresso cup", "quantity": 48, "price": Decimal("6.50")},
        {"code": "00023", "article": "Milk jug, 0.6 l", "quantity": 12, "price": Decimal("18.90")},
        {"code": "00042", "article": "Hand grinder", "quantity": 6, "price": Decimal("79.00")},
        {"code": "00108", "article": "Scale with timer", "quantity": 4, "price": Decimal("42.00")},
    ]
    facts = {"number": "2026-118", "customer": "Café Aurora, Lisboa", "day": "3 July 2026"}
    return prelo.write_xlsx(lines, target, template=frame, facts=facts)


def main(folder: Path) -> None:
    template(folder / "template.xlsx")
    made = {
        "coloured": coloured(folder / "coloured.xlsx"),
        "grouped": grouped(folder / "grouped.xlsx"),
        "charted": charted(folder / "charted.xlsx"),
        "summarized": summarized(folder / "summarized.xlsx"),
        "filled": filled(folder / "filled.xlsx", folder / "template.xlsx"),
    }
    for name, manifest in made.items():
        sheets = ", ".join(sheet.name for sheet in manifest.sheets)
        print(f"{name}.xlsx: {manifest.rows} rows on the sheets {sheets}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
