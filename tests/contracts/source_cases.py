"""One small table from every technology, and how to read it; a new source is one line in SOURCES."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from prelo.adapters.source_file import FileSource
from prelo.adapters.source_python import PythonSource
from prelo.adapters.source_rows import RowsSource
from prelo.adapters.source_sql import SqlSource
from prelo.core.report import Report
from prelo.core.table import Column, Kind
from prelo.formats.stream import open_stream
from prelo.ports import Source

ROWS = [(1, "a", 1.5), (2, None, -2.25), (3, "ü", None)]
NAMES = ("n", "t", "x")


def rows_source(_: Path) -> tuple[Source, dict[str, Any]]:
    return RowsSource(), {"names": NAMES, "rows": ROWS}


def csv_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    (folder / "data.csv").write_text("n,t,x\n1,a,1.5\n2,,-2.25\n3,ü,\n", encoding="utf-8")
    return FileSource(folder), {"file": "data.csv"}


def parquet_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    pq.write_table(table(), folder / "data.parquet")
    return FileSource(folder), {"file": "data.parquet"}


def arrow_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    with pa.ipc.new_file(folder / "data.arrow", table().schema) as file:
        file.write_table(table())
    return FileSource(folder), {"file": "data.arrow"}


def arrow_stream_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    with pa.ipc.new_stream(folder / "data.arrow", table().schema) as file:
        file.write_table(table())
    return FileSource(folder), {"file": "data.arrow"}


def lines_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    lines = [json.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS]
    (folder / "data.jsonl").write_text("\n".join(lines) + "\n\n", encoding="utf-8")
    return FileSource(folder), {"file": "data.jsonl"}


def sql_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    fill(folder / "data.db", "create table t (n integer, t text, x real)", ROWS)
    return sqlite(folder), {"query": "select n, t, x from t order by n"}


def python_source(folder: Path) -> tuple[Source, dict[str, Any]]:
    (folder / "made.py").write_text(
        f"def made():\n    for row in {ROWS!r}:\n        yield dict(zip({NAMES!r}, row))\n",
        encoding="utf-8",
    )
    return PythonSource(folder, sqlite(folder).query), {"python": "made.py:made"}


SOURCES: dict[str, Callable[[Path], tuple[Source, dict[str, Any]]]] = {
    "rows": rows_source,
    "csv": csv_source,
    "parquet": parquet_source,
    "arrow": arrow_source,
    "arrow-stream": arrow_stream_source,
    "lines": lines_source,
    "sqlite": sql_source,
    "python": python_source,
}


def table() -> pa.Table:
    columns = list(zip(*ROWS, strict=True))
    return pa.table(
        [pa.array(columns[0], pa.int64()), pa.array(columns[1]), pa.array(columns[2])],
        names=list(NAMES),
    )


SPEC = {"names", "rows", "file", "query", "python", "connection", "digest"}


def report(**settings: Any) -> Report:
    spec = {key: settings.pop(key) for key in list(settings) if key in SPEC}
    columns = {
        name: Column(kind=Kind.parse(kind)) for name, kind in settings.pop("columns", {}).items()
    }
    return Report(name="tried", source=spec, columns=columns, **settings)  # pyright: ignore[reportArgumentType]


def read(source: Source, asked: Report, parameters: dict[str, Any] | None = None) -> pl.DataFrame:
    with source.open(asked, parameters or {}) as data:
        stream = open_stream(data, asked)
        frames = list(stream.frames)
    return pl.concat(frames) if frames else stream.first


def fields(source: Source, asked: Report) -> Any:
    with source.open(asked, {}) as data:
        return open_stream(data, asked).fields


def sqlite(folder: Path) -> SqlSource:
    return SqlSource({"default": f"sqlite:///{folder / 'data.db'}"})


def fill(path: Path, create: str, rows: list[Any]) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(create)
        if rows:
            marks = ",".join("?" * len(rows[0]))
            opened.executemany(f"insert into t values ({marks})", rows)
        opened.commit()
