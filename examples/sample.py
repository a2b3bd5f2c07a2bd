"""The sample database of the demo and the tests: TPC-H's customers, orders and lineitems in SQLite.

    python examples/sample.py FOLDER [SCALE]        scale 0.1: 600,572 lineitems, about six seconds

The rows come from tpchgen-cli, the same ones on every machine. A database that is there is left alone.
"""

import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import adbc_driver_sqlite.dbapi as sqlite
import polars as pl

SCHEMA = """
create table region (r_regionkey integer primary key, r_name text, r_comment text);
create table nation (n_nationkey integer primary key, n_name text, n_regionkey integer, n_comment text);
create table customer (
    c_custkey integer primary key, c_name text, c_address text, c_nationkey integer, c_phone text,
    c_acctbal real, c_mktsegment text, c_comment text);
create table orders (
    o_orderkey integer primary key, o_custkey integer, o_orderstatus text, o_totalprice real,
    o_orderdate text, o_orderpriority text, o_clerk text, o_shippriority integer, o_comment text);
create table lineitem (
    l_orderkey integer, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity real,
    l_extendedprice real, l_discount real, l_tax real, l_returnflag text, l_linestatus text,
    l_shipdate text, l_commitdate text, l_receiptdate text, l_shipinstruct text, l_shipmode text,
    l_comment text);
create view sale as
    select r_name as region, n_name as nation, c_custkey as customer_id, c_name as customer,
           c_mktsegment as segment, o_orderkey as order_id, o_orderdate as day,
           l_quantity as quantity, l_extendedprice * (1 - l_discount) as revenue
    from lineitem join orders on o_orderkey = l_orderkey join customer on c_custkey = o_custkey
         join nation on n_nationkey = c_nationkey join region on r_regionkey = n_regionkey
"""
TABLES = ("region", "nation", "customer", "orders", "lineitem")
INDEXES = (
    "create index orders_by_day on orders (o_orderdate)",
    "create index lineitem_by_order on lineitem (l_orderkey)",
)


def sample(folder: Path, scale: float = 0.1) -> Path:
    """The path of the sample database in `folder`, made if it is not there."""
    database = folder / f"tpch-{scale:g}.db"
    if database.exists():
        return database
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        unfinished = Path(place, "unfinished.db")
        _generate(Path(place), scale)
        _load(Path(place), unfinished)
        unfinished.replace(database)
    return database


def _generate(place: Path, scale: float) -> None:
    program = Path(sysconfig.get_path("scripts"), "tpchgen-cli")
    subprocess.run(
        [program, "parquet", "-s", str(scale), "-T", ",".join(TABLES), "-o", place],
        check=True,
        capture_output=True,
    )


def _load(place: Path, database: Path) -> None:
    with sqlite.connect(str(database), autocommit=True) as opened, opened.cursor() as cursor:
        for statement in ("pragma journal_mode = off", "pragma synchronous = off"):
            cursor.execute(statement)
            cursor.fetchall()
        for statement in SCHEMA.split(";"):
            cursor.execute(statement)
        for table in TABLES:
            cursor.adbc_ingest(table, _rows(place / f"{table}.parquet").to_arrow(), mode="append")
        for statement in INDEXES:
            cursor.execute(statement)


def _rows(path: Path) -> pl.DataFrame:
    """SQLite knows neither decimals nor dates: floats and ISO texts."""
    types = pl.selectors
    return pl.read_parquet(path).with_columns(
        types.decimal().cast(pl.Float64), types.date().dt.to_string("iso")
    )


if __name__ == "__main__":
    print(sample(Path(sys.argv[1]), float((sys.argv[2:] or ["0.1"])[0])))
