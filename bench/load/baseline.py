"""The exporter that people write themselves: FastAPI, Celery with late acknowledgements on RabbitMQ, psycopg
pools, XlsxWriter, boto3. A report's state is a row; a task that was lost is lost.

Settings are environment variables BENCH_*; see contestants.py.
"""

import io
import os
import uuid
from typing import Any

import boto3
import psycopg
import xlsxwriter
from botocore.config import Config
from celery import Celery
from celery.signals import worker_process_init
from fastapi import FastAPI
from psycopg_pool import ConnectionPool
from pydantic import BaseModel

from bench.load.data import MORE, QUERY

TABLE = """
create table if not exists export (
    id uuid primary key, k integer not null, state text not null, key text,
    created timestamptz not null default now(), finished timestamptz
)
"""
_STORE = os.environ["BENCH_STORE"]
_BUCKET = os.environ["BENCH_BUCKET"]

exports = Celery("exports", broker=os.environ["BENCH_BROKER"])
exports.conf.update(task_acks_late=True, task_ignore_result=True, worker_hijack_root_logger=False)
app = FastAPI()
_pools: dict[str, ConnectionPool] = {}
_s3: list[Any] = []


def _pool() -> ConnectionPool:
    if "pool" not in _pools:
        _pools["pool"] = ConnectionPool(_STORE, min_size=2, max_size=8, open=True)
    return _pools["pool"]


class Wanted(BaseModel):
    k: int
    many: int = 1


@app.post("/exports", status_code=202)
def ask(wanted: Wanted) -> dict[str, str]:
    export_id = str(uuid.uuid4())
    with _pool().connection() as connection:
        connection.execute(
            "insert into export (id, k, state) values (%s, %s, 'queued')", (export_id, wanted.k)
        )
    export.delay(export_id, wanted.k, wanted.many)
    return {"id": export_id}


@worker_process_init.connect
def _open(**_: Any) -> None:
    style: Any = {"addressing_style": "path"}
    client = boto3.client("s3", endpoint_url=os.environ["BENCH_S3"], config=Config(s3=style))
    _s3.append(client)


@exports.task
def export(export_id: str, k: int, many: int) -> None:
    with _pool().connection() as connection:
        connection.execute("update export set state = 'running' where id = %s", (export_id,))
        query = (MORE if many > 1 else QUERY).replace(":many", "%(many)s").replace(":k", "%(k)s")
        cursor = connection.execute(query.encode(), {"k": k, "many": many})
        names = [column.name for column in cursor.description or ()]
        rows = cursor.fetchall()
    key = f"exports/{export_id}.xlsx"
    _s3[0].put_object(Bucket=_BUCKET, Key=key, Body=_workbook(names, rows))
    with _pool().connection() as connection:
        connection.execute(
            "update export set state = 'succeeded', key = %s, finished = now() where id = %s",
            (key, export_id),
        )


def _workbook(names: list[str], rows: list[Any]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "constant_memory": True}) as book:
        head = book.add_format({"bold": True, "bg_color": "#1F3A5F", "font_color": "#FFFFFF"})
        money = book.add_format({"num_format": "#,##0.00"})
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("Items")
        sheet.set_column(0, len(names) - 1, 16)
        sheet.write_row(0, 0, names, head)
        for number, (n, name, price, sold, note) in enumerate(rows, 1):
            sheet.write_number(number, 0, n)
            sheet.write_string(number, 1, name)
            sheet.write_number(number, 2, price, money)
            sheet.write_datetime(number, 3, sold, day)
            sheet.write_string(number, 4, note)
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, len(rows), len(names) - 1)
    return out.getvalue()


def prepare() -> None:
    """Make the table, which both programs have made before the clock starts."""
    with psycopg.connect(_STORE, autocommit=True) as connection:
        connection.execute(TABLE)
