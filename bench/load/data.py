"""What the reports are of: a table that many small ones read, and one of a million rows."""

import psycopg

SMALL_ROWS = 50
QUERY = "select n, name, price, sold, note from item where k = mod(:k, 100) order by n"
# The same of so many times fifty.
MORE = "select n, name, price, sold, note from item where k < :many and :k = :k order by k, n"
_ITEMS = f"""
create table item as
select k, n, 'Item ' || n || ' of ' || k as name, (n * 1.25 + k)::numeric(12, 2) as price,
    date '2026-01-01' + n as sold, 'made for the measurement, line ' || n as note
from generate_series(0, 99) k, generate_series(1, {SMALL_ROWS}) n
"""
# Sixteen columns as TPC-H's line items have them; made by the server, so that nothing is to be loaded.
BIG_QUERY = "select * from lineitem"
_LINEITEM = """
create table lineitem as
select i as l_orderkey, (i * 7919) % 200000 as l_partkey, (i * 104729) % 10000 as l_suppkey,
    1 + i % 7 as l_linenumber, (1 + i % 50)::numeric(12, 2) as l_quantity,
    ((i * 31) % 9000000 / 100.0 + 900)::numeric(12, 2) as l_extendedprice,
    (i % 11 / 100.0)::numeric(12, 2) as l_discount, (i % 9 / 100.0)::numeric(12, 2) as l_tax,
    (array['A', 'N', 'R'])[1 + i % 3] as l_returnflag, (array['F', 'O'])[1 + i % 2] as l_linestatus,
    date '1992-01-01' + (i * 13 % 2500)::integer as l_shipdate,
    date '1992-02-01' + (i * 17 % 2500)::integer as l_commitdate,
    date '1992-03-01' + (i * 19 % 2500)::integer as l_receiptdate,
    (array['DELIVER IN PERSON', 'COLLECT COD', 'NONE', 'TAKE BACK RETURN'])[1 + i % 4] as l_shipinstruct,
    (array['TRUCK', 'MAIL', 'REG AIR', 'AIR', 'FOB', 'RAIL', 'SHIP'])[1 + i % 7] as l_shipmode,
    'carefully final packages ' || i % 5000 as l_comment
from generate_series(1::bigint, {rows}) i
"""


def fill(database: str, big_rows: int) -> None:
    """Make both tables there."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_ITEMS)
        connection.execute("create index on item (k, n)")
        connection.execute(_LINEITEM.format(rows=big_rows).encode())
        connection.execute("analyze")
