"""A data frame as a workbook, a PDF and a CSV: three calls, no service.

python examples/write_workbook.py [FOLDER]
"""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

import prelo


def main(folder: Path) -> None:
    sales = pl.DataFrame(
        {
            "day": [date(2026, 1, day) for day in (5, 5, 6, 7, 7)],
            "region": ["North", "South", "North", "North", "South"],
            "code": ["00017", "00023", "00017", "00042", "00023"],
            "units": [12, 7, 30, 4, 19],
            "amount": [Decimal("1250.50"), Decimal("799.90"), Decimal(3000), None, Decimal("1.10")],
        }
    )
    columns = {
        "day": prelo.Column("Day", kind="date"),
        "region": prelo.Column("Region"),
        "code": prelo.Column("Article", kind="code"),
        "units": prelo.Column("Units", kind="integer", total="sum"),
        "amount": prelo.Column("Amount", kind="money:BRL", total="sum"),
    }
    made = prelo.write_xlsx(
        sales, folder / "sales.xlsx", title="Sales", columns=columns, sheet="January", zebra=True
    )
    print(f"sales.xlsx: {made.rows} rows, {made.completeness}")
    made = prelo.write_pdf(
        sales.sort("region"),
        folder / "sales.pdf",
        title="Sales",
        subtitle="January 2026, by region",
        columns=columns,
        group_by="region",
        locale="pt-BR",
    )
    print(f"sales.pdf: {made.rows} rows on {made.pages} page(s)")
    made = prelo.write_csv(sales, folder / "sales.csv", columns=columns, delimiter=";")
    print(f"sales.csv: {made.rows} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
