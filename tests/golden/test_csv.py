"""CSV files, read back by Python's csv module, pandas and Polars."""

import csv
import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prelo.core.errors import ColumnMissing, FormatFailed
from prelo.core.table import Completeness, Layout, Manifest
from prelo.formats.csv import Csv

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def write(data: object, **layout: Any) -> tuple[bytes, Manifest]:
    out = io.BytesIO()
    manifest = Csv().write(data, out, Layout(**layout), lambda _, __: None)
    return out.getvalue(), manifest


def read(file: bytes, **options: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode(), newline=""), strict=True, **options))


def test_every_kind_has_its_plain_form():
    frame = pl.DataFrame(
        {
            "i": [-5],
            "f": [1234567.25],
            "d": [Decimal("12.50")],
            "b": [True],
            "day": [date(2026, 1, 31)],
            "at": [datetime(2026, 1, 31, 10)],
            "exact": [datetime(2026, 1, 31, 10, 0, 0, 5000)],
            "t": [time(9, 30)],
            "took": [timedelta(minutes=90)],
            "s": ["plain"],
            "none": [None],
        }
    )
    file, manifest = write(frame, title="Not written", columns={"i": {"total": "sum"}})
    assert read(file) == [
        ["i", "f", "d", "b", "day", "at", "exact", "t", "took", "s", "none"],
        ["-5", "1234567.25", "12.50", "true", "2026-01-31", "2026-01-31T10:00:00",
         "2026-01-31T10:00:00.005", "09:30:00", "5400.0", "plain", ""],
    ]  # fmt: skip
    assert (manifest.format, manifest.rows, manifest.completeness) == ("csv", 1, "complete")


@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=20))
def test_any_text_comes_back_as_it_was(rows: list[tuple[str, str | None]]):
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    file, _ = write(frame, csv={"formulas": "keep"})
    assert read(file)[1:] == [[a, b or ""] for a, b in rows]
    assert pl.read_csv(file, schema=frame.schema).equals(frame)


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=20), st.sampled_from([",", ";", "\t", "|"]))
def test_a_file_of_one_column_loses_no_row(values: list[str | None], delimiter: str):
    options = {"formulas": "keep", "delimiter": delimiter}
    file, manifest = write(pl.DataFrame({"a": values}, schema={"a": pl.String}), csv=options)
    assert read(file, delimiter=delimiter) == [["a"], *([value or ""] for value in values)]
    assert manifest.rows == len(values)


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_no_text_is_left_to_run_as_a_formula(texts: list[str]):
    texts = [*texts, "=1+1", "-5", "@x", "\tx", "\rx", "+1", "x=1"]
    file, manifest = write(pl.DataFrame({"a": texts, "b": 0}))
    found = [row[0] for row in read(file)[1:]]
    assert not [text for text in found if text[:1] in "=+-@\t\r" and text]
    assert [text.removeprefix("'") for text in found] == [t.removeprefix("'") for t in texts]
    changed = sum(before != after for before, after in zip(texts, found, strict=True))
    assert [(w.column, w.type, w.count) for w in manifest.warnings] == [
        ("a", "formula-escaped", changed)
    ]


def test_negative_numbers_are_no_formulas():
    file, manifest = write(pl.DataFrame({"a": [-1], "b": [-1.5]}))
    assert read(file)[1] == ["-1", "-1.5"]
    assert manifest.warnings == ()


def test_titles_are_the_header_and_may_repeat():
    columns = {
        "a": {"title": "Sum, total"},
        "b": {"title": "=x"},
        "c": {"title": "=x"},
        "d": {"hidden": True},
    }
    file, manifest = write(pl.DataFrame({"a": [1], "b": [2], "c": [3], "d": [4]}), columns=columns)
    assert read(file) == [["Sum, total", "'=x", "'=x"], ["1", "2", "3"]]
    assert manifest.columns == ("a", "b", "c")


def test_columns_of_groups_are_written_even_where_a_pdf_hides_them():
    hidden = {"g": {"title": "Group", "hidden": True}}
    file, _ = write(pl.DataFrame({"g": ["x"], "v": [1]}), columns=hidden, group_by="g")
    assert read(file) == [["Group", "v"], ["x", "1"]]


def test_options_are_followed():
    frame = pl.DataFrame({"a": ["x;y"], "b": [1]})
    options = {"delimiter": ";", "header": False, "bom": True, "line_end": "\n"}
    assert write(frame, csv=options)[0] == b'\xef\xbb\xbf"x;y";1\n'
    assert write(frame)[0] == b"a,b\r\nx;y,1\r\n"


@pytest.mark.parametrize("delimiter", ['"', "\n", "\r", "ä"])
def test_what_cannot_separate_is_refused(delimiter: str):
    with pytest.raises(FormatFailed, match="cannot separate"):
        write(pl.DataFrame({"a": [1]}), csv={"delimiter": delimiter})


def test_numbers_that_came_as_texts_keep_their_value():
    data = [
        {"a": "0.10", "b": "7"},
        {"a": "1234567890123456789.05", "b": "0.125"},
        {"a": None, "b": "100"},
    ]
    file, _ = write(data, columns={"a": "money:EUR", "b": "decimal"})
    assert read(file)[1:] == [["0.1", "7"], ["1234567890123456789.05", "0.125"], ["", "100"]]


def test_floats_are_read_back_as_the_same_floats():
    values = [0.1, 1e300, -1e-300, 1 / 3, 1e16, float("nan"), float("inf"), float("-inf")]
    file, _ = write(pl.DataFrame({"a": values, "b": 0}))
    assert [repr(float(row[0])) for row in read(file)[1:]] == [repr(value) for value in values]
    found = pd.read_csv(io.BytesIO(file))["a"].tolist()
    assert found == pytest.approx(values, nan_ok=True)


def test_times_are_those_of_the_layouts_zone():
    frame = pl.DataFrame({"at": [datetime(2026, 7, 1, 22)]}).with_columns(
        pl.col("at").dt.replace_time_zone("UTC")
    )
    for data in (frame, frame.with_columns(other=1)):  # one column takes a way of its own
        file, _ = write(data, timezone="Europe/Berlin")
        assert read(file)[1][0] == "2026-07-02T00:00:00"


def test_many_frames_make_one_file_and_tell_their_progress():
    seen: list[int] = []
    out = io.BytesIO()
    frame = pl.DataFrame({"a": range(25_000), "b": "x"})
    Csv().write(frame, out, Layout(), lambda rows, _: seen.append(rows))
    assert seen == [10_000, 20_000, 25_000]
    assert pl.read_csv(out.getvalue()).equals(frame)


def test_no_rows_make_a_header_and_say_so():
    file, manifest = write(pl.DataFrame(schema={"a": pl.Int64, "b": pl.String}))
    assert file == b"a,b\r\n"
    assert (manifest.rows, manifest.completeness) == (0, Completeness.EMPTY)


def test_a_missing_column_is_refused_before_a_byte_is_written():
    out = io.BytesIO()
    with pytest.raises(ColumnMissing):
        Csv().write([{"a": 1}], out, Layout(columns={"b": {}}), lambda _, __: None)  # pyright: ignore[reportArgumentType]
    assert out.getvalue() == b""
