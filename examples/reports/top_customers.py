"""A report as code: the database does the counting, Python what SQL is clumsy at."""

from datetime import date
from typing import Any, Literal

import polars as pl

import prelo


@prelo.report(
    title="Our best customers",
    subtitle="{start} to {end}, {segment}",
    formats=["xlsx", "pdf"],
    parameters={"top": {"minimum": 1, "maximum": 10_000, "title": "How many"}},
    columns={
        "rank": {"title": "#", "kind": "integer", "width": 6},
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
    segment: Literal[
        "ALL", "AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"
    ] = "ALL",
    top: int = 100,
    *,
    sources: Any,
) -> pl.DataFrame:
    """The customers with the most revenue, their share of it, and a grade by quarters of that revenue."""
    rows = sources["default"].query(
        """
        select customer, nation, count(distinct order_id) as orders, sum(revenue) as revenue
        from sale
        where day >= :start and day < :end and (:segment = 'ALL' or segment = :segment)
        group by customer_id
        """,
        start=start,
        end=end,
        segment=segment,
    )
    revenue = pl.col("revenue")
    running = revenue.cum_sum() / revenue.sum()
    return (
        pl.DataFrame(rows)
        .sort("revenue", "customer", descending=[True, False])
        .select(
            pl.int_range(1, pl.len() + 1).alias("rank"),
            "customer",
            "nation",
            "orders",
            "revenue",
            (revenue / revenue.sum()).alias("share"),
            pl.when(running <= 0.25)
            .then(pl.lit("A"))
            .when(running <= 0.5)
            .then(pl.lit("B"))
            .when(running <= 0.75)
            .then(pl.lit("C"))
            .otherwise(pl.lit("D"))
            .alias("grade"),
        )
        .head(top)
    )
