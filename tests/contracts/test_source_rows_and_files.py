"""What inline rows and files add to the sources' promises."""

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prelo.adapters.source_file import FileSource
from prelo.adapters.source_rows import RowsSource
from prelo.core.errors import (
    SourceInvalid,
)
from tests.contracts.source_cases import fields, read, report


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("integer", "12", 12),
        ("integer", 3.0, 3),
        ("boolean", "TRUE", True),
        ("boolean", 0, False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("code", "007", "007"),
        ("text", 5, "5"),
        ("text", True, "true"),
        ("number", "1.5", 1.5),
    ],
)
def test_inline_values_are_read_by_their_kind(kind: str, value: Any, wanted: Any):
    asked = report(names=("v",), rows=[(value,), (None,)], columns={"v": kind})
    assert read(RowsSource(), asked)["v"].to_list() == [wanted, None]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 1.5),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "x"),
        ("number", "many"),
        ("money:EUR", "1,50"),
        ("money:EUR", "1e40"),
        ("boolean", 2),
        ("boolean", "perhaps"),
        ("date", "31.01.2026"),
        ("date", 20260131),
        ("datetime", "soon"),
        ("time", "25:00"),
        ("duration", "long"),
        ("text", {"a": 1}),
        ("text", "\ud800"),
    ],
)
def test_an_inline_value_that_does_not_fit_is_named(kind: str, value: Any):
    rows = [(None,), (value,)]
    with pytest.raises(SourceInvalid, match=r"column 'v', row 2: .* is not a valid "):
        RowsSource().check(report(names=("v",), rows=rows, columns={"v": kind}))


def test_money_in_texts_keeps_every_digit_and_floats_stay_floats():
    asked = report(
        names=("a", "b"),
        rows=[("0.10", 1.1), ("12345678901234567.89", 2)],
        columns={"a": "money:EUR"},
    )
    frame = read(RowsSource(), asked)
    assert [str(value).rstrip("0") for value in frame["a"]] == ["0.1", "12345678901234567.89"]
    assert frame["b"].to_list() == [1.1, 2.0]


def test_undescribed_inline_columns_take_the_narrowest_kind():
    asked = report(
        names=("i", "f", "b", "t", "n"), rows=[(1, 1, True, 1, None), (2, 2.5, False, "x", None)]
    )
    kinds = [str(field.kind) for field in fields(RowsSource(), asked)]
    assert kinds == ["integer", "number", "boolean", "text", "text"]


def test_times_with_a_zone_and_without_do_not_mix():
    rows = [("2026-01-01T00:00:00Z",), ("2026-01-01T00:00:00",)]
    with pytest.raises(SourceInvalid, match="choose one"):
        RowsSource().check(report(names=("v",), rows=rows, columns={"v": "datetime"}))


def test_short_rows_and_no_rows():
    with pytest.raises(SourceInvalid, match="row 2 has 1 values, the report has 2"):
        RowsSource().check(report(names=("a", "b"), rows=[(1, 2), (1,)]))
    assert read(RowsSource(), report(names=("a", "b"), rows=[])).columns == ["a", "b"]


def test_codes_keep_their_zeros_and_na_is_a_text(tmp_path: Path):
    (tmp_path / "d.csv").write_text('zip,country,empty\n00123,NA,""\n10000,DE,\n')
    assert read(FileSource(tmp_path), report(file="d.csv")).rows() == [
        ("00123", "NA", ""),
        ("10000", "DE", None),
    ]


def test_a_column_that_begins_empty_or_whole_is_read_by_its_kind(tmp_path: Path):
    lines = "".join(f"{n},,\n" for n in range(300_000)) + "0.5,late,1.25\n"
    (tmp_path / "d.csv").write_text("n,t,m\n" + lines)
    kinds = {"n": "number", "m": "money:EUR"}
    last = read(FileSource(tmp_path), report(file="d.csv", columns=kinds)).row(-1)
    assert (last[0], last[1], float(last[2])) == (0.5, "late", 1.25)


def test_a_broken_line_half_way_is_named(tmp_path: Path):
    good = "".join(f"{n},x\n" for n in range(200_000))
    (tmp_path / "few.csv").write_text(f"a,b\n{good}1\n")
    (tmp_path / "type.csv").write_text(f"a,b\n{good}x,x\n")
    with pytest.raises(SourceInvalid, match=r"'few.csv' is broken .*Row #200002: Expected 2"):
        read(FileSource(tmp_path), report(file="few.csv"))
    with pytest.raises(SourceInvalid, match=r"Row #200002: .*'x'; give the column a kind"):
        read(FileSource(tmp_path), report(file="type.csv"))


def test_broken_files_of_every_kind_are_said(tmp_path: Path):
    many = pa.table({"a": list(range(50_000))})
    pq.write_table(many, tmp_path / "cut.parquet")
    with pa.ipc.new_stream(tmp_path / "cut.arrow", many.schema) as file:
        file.write_table(many, 1000)
    for name in ("cut.parquet", "cut.arrow"):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    (tmp_path / "cut.jsonl").write_text('{"a": 1}\n{"a": \n')
    (tmp_path / "list.jsonl").write_text('{"a": 1}\n[1]\n')
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9t\xe9\n")
    for name, said in {
        "cut.parquet": "cannot be read",
        "cut.arrow": "broken after row",
        "cut.jsonl": "line 2 is not JSON",
        "list.jsonl": "line 2 is no JSON object",
        "empty.csv": "Empty",
        "latin.csv": "UTF8",
    }.items():
        with pytest.raises(SourceInvalid, match=said):
            read(FileSource(tmp_path), report(file=name))


def test_files_outside_missing_or_unknown_are_refused(tmp_path: Path):
    folder = tmp_path / "catalog"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    (folder / "notes.txt").write_text("")
    outside = ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "x/../../secret.csv")
    for name in outside:
        with pytest.raises(SourceInvalid, match="not below the catalog"):
            read(FileSource(folder), report(file=name))
    with pytest.raises(SourceInvalid, match="missing"):
        read(FileSource(folder), report(file="gone.csv"))
    with pytest.raises(SourceInvalid, match=r"no known kind; use one of .*\.parquet"):
        read(FileSource(folder), report(file="notes.txt"))
