"""A report as code: the database does the counting, Python what SQL is clumsy at."""

from datetime import date
from typing import Any, Literal

import polars as pl

import prelo

Segment = Literal["ALL", "AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"]
QUERY = """
select customer, nation, count(distinct order_id) as orders, round(sum(revenue), 2) as revenue
from sale
where day >= :start and day < :end and (:segment = 'ALL' or segment = :segment)
group by customer_id
"""


@prelo.report(
    title="Our best customers",
    subtitle="Orders from {start} until before {end} · market segment: {segment}",
    formats=["xlsx", "pdf"],
    parameters={"top": {"minimum": 1, "maximum": 10_000, "title": "How many"}},
    columns={
        "rank": {"title": "#", "kind": "integer"},
        "customer": {"title": "Customer"},
        "nation": {"title": "Nation"},
        "orders": {"title": "Orders", "kind": "integer", "total": "sum"},
        "revenue": {"title": "Revenue", "kind": "money:USD", "total": "sum"},
        "share": {"title": "Of all", "kind": "percent(2)", "total": "sum"},
        "grade": {"title": "Grade", "align": "center"},
    },
)
def top_customers(
    start: date = date(1995, 1, 1),
    end: date = date(1996, 1, 1),
    segment: Segment = "ALL",
    top: int = 100,
    *,
    sources: Any,
) -> pl.DataFrame:
    """The customers with the most revenue, their share of it, and a grade by quarters of that revenue."""
    rows = sources["default"].query(QUERY, start=start, end=end, segment=segment)
    revenue = pl.col("revenue")
    ranked = pl.DataFrame(rows).sort("revenue", "customer", descending=[True, False])
    return ranked.select(
        pl.int_range(1, pl.len() + 1).alias("rank"),
        "customer",
        "nation",
        "orders",
        "revenue",
        (revenue / revenue.sum()).alias("share"),
        graded(revenue.cum_sum() / revenue.sum()).alias("grade"),
    ).head(top)


def graded(share: pl.Expr) -> pl.Expr:
    """A for the customers who bring the first quarter of the revenue, B for the second …"""
    quarter = (share * 4).floor().clip(0, 3).cast(pl.Int64)
    return quarter.replace_strict([0, 1, 2, 3], ["A", "B", "C", "D"])
