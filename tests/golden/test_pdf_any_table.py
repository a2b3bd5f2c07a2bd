"""Any table becomes a PDF that is sound and has every row."""

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from conftest import find, run
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import ANY_TEXT, COLUMNS, ROWS, SCHEMA

from prelo import write_pdf

ROOM: dict[str, Any] = {"size": "A3", "font_size": 5}
GROUPS = st.sampled_from([(), ("text",), ("boolean", "word"), ("float",), ("list", "date")])
NUMERIC = ["integer", "small", "large", "decimal", "float", "single", "duration"]


def ids_in(file: bytes | bytearray) -> list[int]:
    """The numbers of the rows, as poppler reads them from a file in which qpdf finds no fault."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "file.pdf")
        path.write_bytes(file)
        run(find("qpdf", "qpdf"), "--check", path)
        text = run(find("pdftotext", "poppler-utils"), "-layout", path, "-")
    return [int(number) for number in re.findall(r"Row(\d+)End", text)]


def marked(rows: Sequence[dict[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    table = pa.Table.from_pylist(list(rows), schema)
    return table.append_column("", pa.array([f"Row{i}End" for i in range(len(rows))], pa.string()))


@settings(max_examples=50, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 12), groups=GROUPS, total=st.sampled_from(["sum", "mean"]))
def test_any_table_is_a_sound_file_with_every_row(
    rows: list[dict[str, Any]], cut: int, groups: tuple[str, ...], total: str
):
    whole = marked(rows)
    parts = iter([whole[:cut], whole[cut:]]) if 0 < cut < len(rows) else whole
    out = bytearray()
    columns = {name: {"total": total} for name in NUMERIC}
    manifest = write_pdf(parts, out, group_by=groups, columns=columns, **ROOM)
    assert manifest.rows == len(rows)
    assert ids_in(out) == list(range(len(rows)))


LOWEST, COUNTED = ["text", "date", "datetime", "time", "boolean"], ["word", "list"]


@settings(max_examples=15, deadline=None)
@given(rows=ROWS, title=ANY_TEXT, fact=ANY_TEXT)
def test_any_text_may_be_said_of_it(rows: list[dict[str, Any]], title: str, fact: str):
    out = bytearray()
    columns = {name: {"total": "min", "title": title} for name in LOWEST}
    columns |= {name: {"total": "count", "title": fact} for name in COUNTED}
    said: dict[str, Any] = {"title": title, "subtitle": fact, "facts": {title: fact}}
    stamp = {"user": title, "marks": {"fact": fact}}
    write_pdf(marked(rows), out, columns=columns, stamp=stamp, **said, **ROOM,
              watermark="{fact}", header="{user}|{fact}|{title}", page_totals=True)  # fmt: skip
    assert ids_in(out) == list(range(len(rows)))


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(COLUMNS)), ROWS)
def test_any_column_may_part_a_summary(name: str, rows: list[dict[str, Any]]):
    out = bytearray()
    values = {other: ["count"] for other in COLUMNS if other != name}
    values |= {other: ["sum", "mean", "max"] for other in NUMERIC if other != name}
    summary = {"by": name, "values": dict(list(values.items())[:3]), "top": 5}
    write_pdf(marked(rows), out, summaries=[summary], **ROOM)
    assert ids_in(out) == list(range(len(rows)))
