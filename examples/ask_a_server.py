"""Ask a running server for reports: one of its catalog, and rows of your own.

python examples/ask_a_server.py URL [FOLDER]
"""

import sys
from pathlib import Path

import prelo


def main(url: str, folder: Path) -> None:
    with prelo.Client(url) as client:
        print("The catalog:", ", ".join(report.name for report in client.reports()))
        orders = client.report(
            "orders", {"start": "1995-01-01", "end": "1995-02-01", "status": "filled"}, format="pdf"
        )
        orders.save(folder / "orders.pdf")
        print(f"orders.pdf: {orders.job.artifact.rows if orders.job.artifact else 0} rows")
        stock = client.rows(
            {"article": "code", "units": "integer"},
            [["00017", 12], ["00023", 7]],
            title="Stock",
            format="xlsx",
        )
        stock.save(folder / "stock.xlsx")
        print(f"stock.xlsx: {stock.job.artifact.rows if stock.job.artifact else 0} rows")
        try:
            client.report("orders", {"start": "yesterday", "end": "1995-02-01"})
        except prelo.Invalid as error:
            print(f"A wrong parameter is refused before anything is made: {error}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2] if sys.argv[2:] else "."))
