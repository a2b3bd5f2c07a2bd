"""What is in uploaded files: by other writers, in every form and encoding; and broken in every way."""

import asyncio
import io
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.adapters.assay_process import ProcessAssay
from prelo.adapters.datasets_arrow import DatasetSource
from prelo.adapters.datasets_arrow.assay import looked
from prelo.adapters.datasets_arrow.reading import opened
from prelo.adapters.files_object import ObjectFiles
from prelo.core.dataset import DatasetSpec, Finding
from prelo.core.errors import Invalid, SourceInvalid, Unavailable
from prelo.core.report import Report, SourceSpec
from prelo.core.table import Column
from prelo.ports import Files

FRAME = pd.DataFrame(
    {
        "name": ["Ana", "José", None],
        "n": [1, -2, 3],
        "x": [0.5, 1e9, -1.25],
        "code": ["007", "010", "1"],
    }
)


@contextmanager
def file_of(content: bytes) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body"
        path.write_bytes(content)
        yield path


def found_in(content: bytes, declared: Any = None, *, header: bool | None = None) -> Finding:
    with file_of(content) as path:
        return looked(path, declared, header=header)


def rows_of(
    content: bytes, names: Sequence[str] = (), *, header: bool | None = None, **columns: Column
) -> list[dict[str, Any]]:
    """As a report would read them, from storage."""
    found = found_in(content, header=header)
    files: Files = ObjectFiles("memory://")
    with files.create("key", "text/csv") as sink:
        sink.write(content)
    spec = DatasetSpec(id="ds_1", sha256="0", finding=found, key="key")
    source = SourceSpec(dataset=spec, names=tuple(names))
    report = Report(name="ad-hoc", source=source, columns=columns)
    port = DatasetSource(files)
    assert port.count(report, {}) == found.rows
    with port.open(report, {}) as data:
        rows: list[dict[str, Any]] = pa.table(data).to_pylist()
    assert len(rows) == found.rows
    return rows


def parquet(frame: pd.DataFrame = FRAME, **how: Any) -> bytes:
    out = io.BytesIO()
    frame.to_parquet(out, **how)
    return out.getvalue()


def arrow(frame: pd.DataFrame = FRAME, *, stream: bool = False) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pandas(frame)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


WRITTEN = {
    "parquet": parquet(),
    "arrow": arrow(),
    "arrow stream": arrow(stream=True),
    "jsonl": str(FRAME.to_json(orient="records", lines=True)).encode(),
    "csv": FRAME.to_csv(index=False).encode(),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_what_pandas_and_pyarrow_write_is_read_as_it_was(form: str):
    rows = rows_of(WRITTEN[form])
    assert rows == FRAME.astype(object).where(FRAME.notna(), None).to_dict("records")
    found = found_in(WRITTEN[form], declared=form.partition(" ")[0])
    assert (found.form, found.rows) == (form.partition(" ")[0], 3)
    assert [column.name for column in found.columns] == ["name", "n", "x", "code"]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_in_every_encoding_and_dialect(encoding: str, delimiter: str):
    frame = pd.DataFrame({"größe": ["a, b; c", "x|y", 'say "ü"'], "n": [1, 2, 3]})
    text = frame.to_csv(index=False, sep=delimiter, lineterminator="\r\n")
    content = text.encode(encoding)
    found = found_in(content, declared="csv")
    assert found.dialect
    assert (found.dialect.delimiter, found.dialect.header) == (delimiter, True)
    assert rows_of(content) == frame.to_dict("records")


DIALECTS: dict[str, tuple[str, bool | None, list[dict[str, Any]]]] = {
    "no header": (
        "1;2\n3;4\n",
        None,
        [{"column_1": 1, "column_2": 2}, {"column_1": 3, "column_2": 4}],
    ),
    "a header that is said to be none": ("a,b\n", False, [{"column_1": "a", "column_2": "b"}]),
    "a header alone": ("a,b\n", None, []),
    "numbers as a header": ("2024,2025\n1,2\n", True, [{"2024": 1, "2025": 2}]),
    "one column": ("name\nAna\n\nBea\n", None, [{"name": "Ana"}, {"name": "Bea"}]),
    "single quotes": ("a,b\n'x, y',1\n", None, [{"a": "x, y", "b": 1}]),
    "a name that is missing": ("a,\n1,2\n", True, [{"a": 1, "column_2": 2}]),
    "a line in a value": ('a,b\n"x\ny",1\n', None, [{"a": "x\ny", "b": 1}]),
    "a line in a name": ('"a\nb",c\nx,1\n', None, [{"a\nb": "x", "c": 1}]),
    "nothing and an empty text": (
        'a,b\n,1\n"",2\n',
        None,
        [{"a": None, "b": 1}, {"a": "", "b": 2}],
    ),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_csv_that_is_unusual_is_read_as_people_mean_it(name: str):
    text, header, rows = DIALECTS[name]
    assert rows_of(text.encode(), header=header) == rows


def test_a_column_is_what_all_of_its_rows_are():
    lines = [f"{n},{n}" for n in range(700_000)]
    content = "\n".join(["a,b", *lines, "x,7"]).encode()
    assert len(content) > 2 * (1 << 22), "the last row is beyond the first block"
    found = found_in(content)
    assert [column.type for column in found.columns] == ["string", "int64"]
    assert found.rows == 700_001


def test_the_reports_kinds_keep_digits():
    rows = rows_of(b"a,b\n1.10,5\n", a=Column(kind="decimal"), b=Column(kind="number"))  # type: ignore[arg-type]  read as kinds
    assert rows == [{"a": "1.10", "b": 5.0}]


def test_chosen_columns_come_in_the_order_that_was_asked_for():
    assert [list(row) for row in rows_of(WRITTEN["csv"], ("code", "n"))] == [["code", "n"]] * 3
    assert [list(row) for row in rows_of(WRITTEN["parquet"], ("x",))] == [["x"]] * 3


def test_json_lines_of_different_shapes_are_one_table():
    lines = [
        {"a": 1},
        {"b": [1, {"c": "ü"}], "a": 2.5},
        {"a": None, "d": True},
        {"e": 2**70, "b": "t"},
    ]
    content = b"\xef\xbb\xbf" + "\n\n".join(json.dumps(line) for line in lines).encode()
    assert rows_of(content) == [
        {"a": 1.0, "b": None, "d": None, "e": None},
        {"a": 2.5, "b": '[1, {"c": "ü"}]', "d": None, "e": None},
        {"a": None, "b": None, "d": True, "e": None},
        {"a": None, "b": "t", "d": None, "e": str(2**70)},
    ]


WRONG: dict[str, tuple[bytes, str | None, str]] = {
    "empty": (b"", None, "empty"),
    "blank": (b" \n\n", None, "empty"),
    "ragged": (b"a,b\n1,2\n3,4,5\n6,7\n", None, "Expected 2 columns, got 3"),
    "two names": (b"a,a\nx,2\n", None, "'a' is there 2 times"),
    "a workbook": (b"PK\x03\x04" + bytes(99), None, "a ZIP or a workbook"),
    "gzip": (b"\x1f\x8b\x08" + bytes(99), "csv", "compressed by gzip"),
    "zeros": (b"abc" + bytes(1000), "csv", "byte 3 is zero"),
    "no encoding": (b"a,b\n\x81\x8d,\xff\n", "csv", "near byte 4"),
    "half a pair": ("a,b\nx,\U0001f600\n".encode("utf-16")[:-5], "csv", "near byte"),
    "parquet cut": (parquet()[:-9], None, "cut"),
    "parquet torn": (parquet()[:40] + bytes(60) + parquet()[100:], None, "broken"),
    "arrow cut": (arrow()[:-200], None, "broken"),
    "arrow stream cut": (arrow(stream=True)[:-90], None, "broken"),
    "csv that says it is parquet": (
        b"a,b\n1,2\n",
        "parquet",
        "declared to be parquet, and its content is csv",
    ),
    "parquet that says it is csv": (parquet(), "csv", "its content is parquet"),
    "json cut": (b'{"a": 1}\n{"a": ', "jsonl", "line 2 is not JSON"),
    "json array": (b"[1, 2]\n", "jsonl", "line 1 is no JSON object"),
    "json that is no text": (b'{"a": "\xff"}\n', "jsonl", "line 1 is not JSON"),
    "json without names": (b"{}\n", "jsonl", "0 columns"),
    "json deep": (b'{"a":' + b"[" * 100_000 + b"\n", "jsonl", "line 1 is not JSON"),
    "no columns": (parquet(pd.DataFrame()), None, "0 columns"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_with_a_sentence(name: str):
    content, declared, said = WRONG[name]
    with pytest.raises(Invalid) as refused:
        found_in(content, declared)
    assert said in refused.value.detail


def test_a_text_that_is_no_utf_8_in_arrow_is_refused():
    bad = pa.StringArray.from_buffers(
        2, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")
    )
    table = pa.table({"a": bad})
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(Invalid, match="broken after row 0"):
        found_in(out.getvalue())


async def test_a_file_that_unpacks_to_more_than_there_is_harms_nobody(tmp_path: Path):
    """A dictionary with one long text, of which each row is: some bytes that are a hundred gigabytes."""
    text = pa.array(["x" * (1 << 20)])
    rows = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), text)
    path = tmp_path / "bomb"
    pq.write_table(pa.table({"a": rows}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 1 << 20
    assay = ProcessAssay([sys.executable, "-m", "prelo.entry.assay"])
    with pytest.raises(Invalid, match="takes more memory"):
        await assay.look(path, None, header=None)
    path.write_bytes(WRITTEN["csv"])
    good = await assay.look(path, "csv", header=None)
    assert good == found_in(WRITTEN["csv"])
    with pytest.raises(Invalid, match="declared to be jsonl"):
        await assay.look(path, "jsonl", header=None)


def test_a_file_that_is_gone_is_said():
    spec = DatasetSpec(id="ds_1", sha256="0", finding=found_in(WRITTEN["csv"]), key="gone")
    report = Report(name="ad-hoc", source=SourceSpec(dataset=spec))
    with (
        pytest.raises(SourceInvalid, match="upload it again"),
        DatasetSource(ObjectFiles("memory://")).open(report, {}),
    ):
        pass


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
VALUES = st.one_of(st.none(), TEXTS)
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=8)
)


@given(TABLES, st.sampled_from(["parquet", "arrow", "jsonl"]))
def test_rows_in_are_rows_out(table: list[list[str | None]], form: str):
    names = [f"c{n}" for n in range(len(table[0]))]
    rows = [dict(zip(names, row, strict=True)) for row in table]
    if form == "jsonl":
        content = "\n".join(json.dumps(row) for row in rows).encode()
    else:
        frame = pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names]))
        out = io.BytesIO()
        if form == "parquet":
            pq.write_table(frame, out)
        else:
            with pa.ipc.new_file(out, frame.schema) as writer:
                writer.write_table(frame)
        content = out.getvalue()
    assert rows_of(content) == rows


# A column of "TRUE", "1e5" or "NaN" only is one of truths or numbers, in quotes too: of texts that start with
# a letter there is none that is anything else.
_LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
WORDS = st.just("") | _LETTERS.map("x".__add__)


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), WORDS, WORDS), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_csv_rows_in_are_rows_out(rows: list[tuple[int, str, str]], delimiter: str, encoding: str):
    frame = pd.DataFrame(rows, columns=["number", "one", "two"])
    out = io.StringIO()
    frame.to_csv(out, index=False, sep=delimiter, quoting=2)  # texts in quotes: numbers are numbers
    assert [
        tuple(map(str, row.values()))
        for row in rows_of(out.getvalue().encode(encoding), header=True)
    ] == [tuple(map(str, row)) for row in rows]


def test_asyncio_is_not_kept_from_working_while_a_file_is_read():
    async def both() -> int:
        with file_of(b"a,b\n" + b"1,2\n" * 2_000_000) as path:
            from prelo.adapters.datasets_arrow import ArrowAssay

            looking = asyncio.create_task(ArrowAssay().look(path, "csv", header=None))
            ticks = 0
            while not looking.done():
                await asyncio.sleep(0.005)
                ticks += 1
            assert looking.result().rows == 2_000_000
            return ticks

    assert asyncio.run(both()) > 3


def test_times_with_a_zone_are_moments():
    (row,) = rows_of(b"id,at\n1,2026-01-01T00:00:00Z\n")
    assert row["at"].isoformat() == "2026-01-01T00:00:00+00:00"


def test_numbers_that_no_float_holds_exactly_stand_among_floats():
    rows = rows_of(b'{"a": 9007199254740993}\n{"a": 1.5}\n')
    assert [row["a"] for row in rows] == [9007199254740992.0, 1.5]


@pytest.mark.parametrize("line", [b'{"a": "\\ud800"}', b'{"\\udfff": 1}'])
def test_half_a_character_is_refused_with_its_line(line: bytes):
    with pytest.raises(Invalid, match="line 2 has half of a character"):
        found_in(b'{"a": "x"}\n' + line + b"\n")


def test_a_code_far_behind_many_numbers_is_a_code():
    rows = rows_of(b"id\n" + b"12345678\n" * 600_000 + b"00123\n")
    assert (rows[0]["id"], rows[-1]["id"]) == ("12345678", "00123")


def test_long_lines_are_read_in_short_batches():
    line = json.dumps({"a": "x" * 100_000}).encode() + b"\n"
    with file_of(line * 100) as path:
        batches = list(opened(path, found_in(line * 100), [pa.string()]))
    assert [batch.num_rows for batch in batches] == [42, 42, 16]


async def test_a_fault_of_ours_is_not_the_files(tmp_path: Path):
    (tmp_path / "body").write_bytes(b"a\n1\n")
    for command in ([sys.executable, "-c", "raise OSError"], [str(tmp_path / "nothing")]):
        with pytest.raises(Unavailable):
            await ProcessAssay(command).look(tmp_path / "body", None, header=None)
