"""What a PDF can have beside its rows: groups, colours, summaries, scripts of the world, archives, covers.

python examples/pages.py [FOLDER]

The pictures in docs/pdf.md are of these files. Invoices and cover need `pip install 'prelo[pdf-html]'`; the
page of languages shows as many scripts as the machine has fonts for.
"""

import random
import sys
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from workbooks import ENOUGH, MONTHS, SHORT, STORES, sales, stores

import prelo

HERE = Path(__file__).parent
LOGO = HERE / "reports/invoices/logo.svg"
ARTICLES = {
    "00017": ("Espresso cup", "6.50", "Thick porcelain, 60 ml. Keeps one espresso warm."),
    "00023": ("Milk jug, 0.6 l", "18.90", "Steel, its spout narrow enough to draw by."),
    "00042": (
        "Hand grinder", "79.00",
        "Conical burrs of 38 mm, 30 steps. Grinds 18 g in a minute and a half. Comes apart without a tool.",
    ),
    "00108": ("Scale with timer", "42.00", "2 kg to a tenth of a gram. Counts from the first drop."),
    "00110": ("Filter papers, 100", "4.20", "Size 2, unbleached."),
    "00131": (
        "Kettle with a swan neck", "64.00",
        "One litre. Holds the chosen degree for half an hour, and pours as slowly as the hand wants.",
    ),
}  # fmt: skip
CUSTOMERS = (
    "Café Aurora", "Padaria São João", "Hotel Mirador", "Bäckerei Öz", "Kaffebaren", "Torréfaction Noël",
    "Drogheda & Sons", "Østbanehallen", "La Rueda", "Zum Löwen",
)  # fmt: skip
ORDERS = {
    "region": prelo.Column(hidden=True),
    "month": prelo.Column(hidden=True),
    "store": prelo.Column("Store"),
    "day": prelo.Column("Day", kind="date", format="d mmm"),
    "code": prelo.Column("Code", kind="code"),
    "article": prelo.Column("Article"),
    "customer": prelo.Column("Customer"),
    "pieces": prelo.Column("Pieces", kind="integer", total="sum"),
    "amount": prelo.Column("Amount", kind="money:EUR", total="sum"),
}
STORE = prelo.Column("Store", hidden=True)
MONTH = prelo.Column("Month", kind="date", format="mmmm yyyy", hidden=True)
ARROWS = {"show": "icons", "icons": "5_arrows"}


def orders() -> pl.DataFrame:
    """A row for each order of a spring, sorted by store and day; equal each time."""
    chance = random.Random(7)  # noqa: S311  nothing is kept secret by it
    rows: list[dict[str, Any]] = []
    for store, (region, _, revenue) in STORES.items():
        for number in range(revenue[0] // 14):
            code = chance.choice(list(ARTICLES))
            article, price, _ = ARTICLES[code]
            pieces = chance.randint(1, 24)
            rows.append({
                "region": region,
                "store": store,
                "day": date(2026, 4, 1) + timedelta(days=number * 91 * 14 // revenue[0]),
                "code": code,
                "article": article,
                "customer": chance.choice(CUSTOMERS),
                "pieces": pieces,
                "amount": Decimal(price) * pieces,
            })  # fmt: skip
    month = pl.col("day").dt.truncate("1mo").alias("month")
    return pl.DataFrame(rows).with_columns(month).sort("store", "day", maintain_order=True)


def billed() -> pl.DataFrame:
    """The lines of three invoices."""
    kept = orders().filter(pl.col("customer").is_in(["Café Aurora", "Hotel Mirador", "La Rueda"]))
    kept = kept.filter(pl.col("day") >= date(2026, 6, 1)).sort(
        "customer", "day", maintain_order=True
    )
    net, number = pl.col("amount"), pl.col("customer").rank("dense")
    return kept.select(
        (number + 20260630).cast(pl.String).alias("invoice"),
        pl.lit(date(2026, 6, 30)).alias("day"),
        pl.lit(date(2026, 7, 30)).alias("due"),
        (number + 1040).cast(pl.String).alias("customer_id"),
        "customer",
        pl.lit("Rua da Prata 118").alias("address"),
        pl.lit("PORTUGAL").alias("nation"),
        pl.lit("+351 21 555 01 42").alias("phone"),
        pl.int_range(1, pl.len() + 1).over("customer").alias("line"),
        pl.col("code").alias("part"),
        pl.col("day").alias("shipped"),
        pl.col("pieces").alias("quantity"),
        (net / pl.col("pieces")).alias("price"),
        pl.lit(0).alias("discount"),
        net.alias("net"),
        (net * Decimal("0.23")).round(2).alias("tax"),
        (net + (net * Decimal("0.23")).round(2)).alias("gross"),
    )


def grouped(target: Path) -> prelo.Manifest:
    """Groups with subtotals, what each page adds up to, bookmarks, and a list of the groups in front."""
    return prelo.write_pdf(
        orders(),
        target,
        title="Orders of the spring",
        subtitle="By store and month",
        facts={"Period": "April to June 2026", "Prepared for": "the board"},
        logo=LOGO,
        group_by=["store", "month"],
        columns=ORDERS | {"store": STORE, "month": MONTH},
        page_totals=True,
        contents=True,
    )


def coloured(target: Path) -> prelo.Manifest:
    """Colours that follow the values, headings over columns, icons, and addresses that can be clicked."""
    reached = (pl.col("half") / pl.col("plan")).alias("reached")
    change = ((pl.col("Jun") - pl.col("Jan")) / pl.col("Jan")).alias("change")
    address = ("https://stores.example/" + pl.col("store").str.to_lowercase()).alias("page")
    month = prelo.Column(
        kind="integer",
        align="center",
        heading="Revenue, thousand euros",
        weight=1,
        highlight="scale",
    )
    plan = "Against the plan"
    return prelo.write_pdf(
        stores().select("store", *MONTHS, change, "half", "plan", reached, address),
        target,
        title="Stores, first half of 2026",
        subtitle="What they took, and how that stands to the plan",
        facts={"Prepared for": "the board", "As of": "30 June 2026"},
        logo=LOGO,
        columns={
            "store": prelo.Column("Store", bold=True, width=11),
            **dict.fromkeys(MONTHS, month),
            "change": prelo.Column("Jan to Jun", kind="percent(0)", highlight=ARROWS),
            "half": prelo.Column(
                "Half year", kind="integer", highlight="bar", width=14, total="sum", heading=plan
            ),
            "plan": prelo.Column("Plan", kind="integer", total="sum", heading=plan),
            "reached": prelo.Column(
                "Reached", kind="percent(0)", highlight=[ENOUGH, SHORT], heading=plan
            ),
            "page": prelo.Column("Page", kind="link"),
        },
        size="A5",
        orientation="landscape",
        font_size=7,
        header="Meridian Supply Co.||Confidential",
        rules="plain",
    )


def summarized(target: Path) -> prelo.Manifest:
    """Key figures, summaries and charts on pages of their own before the rows."""
    line = {"x": "month", "y": "revenue", "lines": "orders"}
    ring = {"type": "doughnut", "x": "country", "y": "revenue", "height": 220}
    bars = {"type": "bar", "x": "store", "y": "revenue", "height": 300}
    both = {"revenue": "sum", "orders": "sum"}
    return prelo.write_pdf(
        sales(),
        target,
        title="Sales, first half of 2026",
        subtitle="Eight stores in four countries",
        logo=LOGO,
        columns={
            "region": prelo.Column("Region"),
            "country": prelo.Column("Country"),
            "store": prelo.Column("Store"),
            "month": prelo.Column("Month", kind="date", format="mmmm yyyy"),
            "revenue": prelo.Column("Revenue", kind="money(0):EUR", total="sum"),
            "orders": prelo.Column("Orders", kind="integer", total="sum"),
        },
        summaries=[
            {"title": "Months", "by": "month", "values": both, "charts": [line]},
            {
                "title": "Countries",
                "by": "country",
                "values": both,
                "sort": "value",
                "charts": [ring],
            },
            {"title": "Stores", "by": "store", "values": both, "sort": "value", "charts": [bars]},
        ],
    )


def across(target: Path) -> prelo.Manifest:
    """More columns than a page has room for go on on the pages beside, after the first column."""
    week = pl.format("Week {}", pl.col("day").dt.week()).alias("week")
    amounts = orders().with_columns(week, pl.col("amount").cast(pl.Float64)).sort("day")
    table = amounts.pivot("week", index="store", values="amount", aggregate_function="sum")
    weekly = prelo.Column(kind="money(0):EUR", total="sum", highlight="scale")
    return prelo.write_pdf(
        table.sort("store"),
        target,
        title="Revenue by week",
        columns={
            "store": prelo.Column("Store", bold=True),
            **dict.fromkeys(table.columns[1:], weekly),
        },
        size="A5",
        orientation="portrait",
        rules="plain",
        wide="pages",
    )


def languages(target: Path) -> prelo.Manifest:
    """Every script that a font is there for: shaped, and broken into lines as it is written."""
    return prelo.write_pdf(
        pl.read_csv(HERE / "languages.csv"),
        target,
        title="All human beings are born free",
        subtitle="The first sentence of the Universal Declaration of Human Rights",
        columns={
            "language": prelo.Column("Language", bold=True),
            "name": prelo.Column("In itself"),
            "script": prelo.Column("Script"),
            "sentence": prelo.Column("Article 1"),
        },
        orientation="portrait",
        font_size=9,
    )


def arabic(target: Path) -> prelo.Manifest:
    """A page that is read from the right, with bars and arrows that begin there."""
    cities = ["القاهرة", "الإسكندرية", "الجيزة", "بورسعيد", "الأقصر", "أسوان"]
    rows = pl.DataFrame(
        {
            "city": cities,
            "region": ["القاهرة الكبرى", "الدلتا", "القاهرة الكبرى", "القناة", "الصعيد", "الصعيد"],
            "orders": [4812, 2967, 2240, 1105, 874, 512],
            "change": [0.12, 0.04, -0.03, 0.21, -0.08, 0.17],
            "revenue": [1_948_220, 1_173_460, 861_300, 402_815, 297_440, 180_905],
        }
    )
    return prelo.write_pdf(
        rows,
        target,
        title="المبيعات حسب المدينة",
        subtitle="النصف الأول من عام 2026",
        facts={"أعدّ من أجل": "مجلس الإدارة", "في": "30 يونيو 2026"},
        logo=LOGO,
        locale="ar-EG",
        columns={
            "city": prelo.Column("المدينة", bold=True),
            "region": prelo.Column("المنطقة"),
            "orders": prelo.Column("الطلبات", kind="integer", total="sum"),
            "change": prelo.Column("التغيّر", kind="percent(0)", highlight=ARROWS),
            "revenue": prelo.Column(
                "الإيرادات", kind="money(0):EGP", width=26, total="sum", highlight="bar"
            ),
        },
        size="A5",
        orientation="landscape",
    )


def draft(target: Path) -> prelo.Manifest:
    """A word across each page, lines around each cell, and long texts that wrap."""
    return prelo.write_pdf(
        [
            {"code": code, "article": name, "about": about, "price": Decimal(price)}
            for code, (name, price, about) in ARTICLES.items()
        ],
        target,
        title="Price list, autumn 2026",
        columns={
            "code": prelo.Column("Code", kind="code"),
            "article": prelo.Column("Article", bold=True, width=18),
            "about": prelo.Column("What it is", weight=1),
            "price": prelo.Column("Price", kind="money:EUR"),
        },
        size=(420, 300),
        rules="grid",
        watermark="Draft",
        header="||Not for customers",
    )


def archived(target: Path) -> prelo.Manifest:
    """PDF/A-3b for the archive, with the same rows as a workbook within."""
    workbook = bytearray()
    prelo.write_xlsx(orders(), workbook, title="Orders of the spring", columns=ORDERS)
    return prelo.write_pdf(
        orders(),
        target,
        title="Orders of the spring",
        author="Meridian Supply Co.",
        facts={"Attached": "orders.xlsx, the same rows"},
        columns=ORDERS,
        archive="3b",
        attachments={"orders.xlsx": workbook},
    )


def invoices(target: Path) -> prelo.Manifest:
    """A document for each run of equal values: pages made of a template in HTML and CSS."""
    return prelo.write_pdf(
        billed(),
        target,
        title="Invoices of 30 June 2026",
        columns={
            **dict.fromkeys(["day", "due", "shipped"], "date"),
            **dict.fromkeys(["invoice", "part"], "code"),
            "discount": "percent(0)",
            "price": "money:EUR",
            **dict.fromkeys(["net", "tax", "gross"], prelo.Column(kind="money:EUR", total="sum")),
        },
        document=HERE / "reports/invoices/invoice.html",
        per="invoice",
    )


def covered(target: Path) -> prelo.Manifest:
    """A cover made of HTML before a table, which knows the totals of all rows."""
    return prelo.write_pdf(
        orders(),
        target,
        title="Orders of the spring",
        subtitle="Eight stores, April to June 2026",
        facts={"Prepared for": "the board"},
        logo=LOGO,
        group_by="store",
        columns=ORDERS | {"store": STORE},
        cover=HERE / "cover/cover.html",
    )


MADE = (
    grouped, coloured, summarized, across, languages, arabic, draft, archived, invoices, covered,
)  # fmt: skip


def main(folder: Path) -> None:
    for make in MADE:
        target = folder / f"{make.__name__}.pdf"
        manifest = make(target)
        print(f"{target.name}: {manifest.rows} rows, pages: {manifest.pages}")
        for warning in manifest.warnings:
            print(f"  {warning.column}: {warning.count} values, {warning.detail}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if sys.argv[1:] else "."))
