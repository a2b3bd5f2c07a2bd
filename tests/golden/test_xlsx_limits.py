"""Where a sheet ends, what happens then, what reaches the sink, and what is left after an error."""

import io
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import openpyxl
import polars as pl
import pytest
import python_calamine as calamine

from prelo.core.errors import FormatFailed, RowLimit, SourceInvalid
from prelo.core.table import Completeness, Layout, Manifest
from prelo.formats.xlsx import Limits, Xlsx


def ignore_progress(rows: int, pages: int) -> None:
    """Nobody listens."""


def write(data: object, limits: Limits, **layout: Any) -> tuple[bytes, Manifest]:
    out = io.BytesIO()
    manifest = Xlsx(limits).write(data, out, Layout.model_validate(layout), ignore_progress)
    return out.getvalue(), manifest


def sheets(file: bytes) -> dict[str, list[list[Any]]]:
    book = calamine.load_workbook(io.BytesIO(file))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_rows_go_on_on_the_next_sheet_under_their_own_header():
    file, manifest = write(pl.DataFrame({"v": range(10)}), Limits(rows=5), title="")
    assert sheets(file) == {
        "Report": [["v"], [0.0], [1.0], [2.0], [3.0]],
        "Report (2)": [["v"], [4.0], [5.0], [6.0], [7.0]],
        "Report (3)": [["v"], [8.0], [9.0]],
    }
    assert manifest.completeness is Completeness.SPLIT
    assert [(s.name, s.rows) for s in manifest.sheets] == [
        ("Report", 4),
        ("Report (2)", 4),
        ("Report (3)", 2),
    ]
    assert manifest.rows == 10
    book = openpyxl.load_workbook(io.BytesIO(file))
    assert [sheet.auto_filter.ref for sheet in book.worksheets] == ["A1:A5", "A1:A5", "A1:A3"]
    assert [sheet.sheet_view.tabSelected for sheet in book.worksheets] == [True, None, None]


def test_rows_that_just_fill_a_sheet_make_one_sheet():
    file, manifest = write(pl.DataFrame({"v": range(4)}), Limits(rows=5))
    assert [len(rows) for rows in sheets(file).values()] == [5]
    assert manifest.completeness is Completeness.COMPLETE


def test_the_total_of_a_split_table_stands_on_its_last_sheet_and_covers_all():
    data = pl.DataFrame({"k": ["x"] * 7, "v": range(7), "m": range(7)})
    columns = {"v": {"total": "sum"}, "m": {"total": "mean"}}
    file, _ = write(data, Limits(rows=5), columns=columns, xlsx={"sheet": "It's & all"})
    read = sheets(file)
    assert [len(rows) for rows in read.values()] == [4, 4, 3]  # one row is kept free for the total
    assert read["It's & all (3)"][-1] == ["Total", 21.0, 3.0]
    last = openpyxl.load_workbook(io.BytesIO(file))["It's & all (3)"]
    assert (
        last["B3"].value == "=SUM('It''s & all'!B2:B4,'It''s & all (2)'!B2:B4,'It''s & all (3)'!B2)"
    )


def test_a_sheet_ends_near_its_limit_of_bytes():
    data = [pl.DataFrame({"t": ["x" * 1000] * 10_000}) for _ in range(3)]
    file, manifest = write(iter(data), Limits(bytes=5_000_000))
    assert [s.rows for s in manifest.sheets] == [10_000, 10_000, 10_000]
    assert sum(len(rows) - 1 for rows in sheets(file).values()) == 30_000


def test_sheet_names_stay_within_31_characters_when_numbered():
    file, _ = write(
        pl.DataFrame({"v": range(30)}), Limits(rows=3), title="", xlsx={"sheet": "n" * 31}
    )
    assert max(map(len, sheets(file))) == 31
    assert len(sheets(file)) == 15


def test_truncate_keeps_what_fits_and_says_so():
    read: list[int] = []

    def frames() -> Iterator[pl.DataFrame]:
        for number in range(50):
            read.append(number)
            yield pl.DataFrame({"v": [number] * 10_000})

    file, manifest = write(frames(), Limits(rows=15_001), overflow="truncate")
    assert [len(rows) for rows in sheets(file).values()] == [15_001]
    assert (manifest.rows, manifest.completeness) == (15_000, Completeness.TRUNCATED)
    assert "15,000" in (manifest.reason or "")
    assert len(read) < 5


def test_truncate_of_data_that_fits_is_complete():
    _, manifest = write(pl.DataFrame({"v": range(4)}), Limits(rows=5), overflow="truncate")
    assert manifest.completeness is Completeness.COMPLETE


def test_fail_raises_when_the_sheet_is_full():
    with pytest.raises(RowLimit, match="more rows than fit one sheet"):
        write(pl.DataFrame({"v": range(5)}), Limits(rows=5), overflow="fail")
    write(pl.DataFrame({"v": range(4)}), Limits(rows=5), overflow="fail")


def test_more_columns_than_a_sheet_has_are_refused():
    with pytest.raises(FormatFailed, match="16,385 columns, and a sheet has room for 16,384"):
        write(pl.DataFrame({f"c{i}": [1] for i in range(16_385)}), Limits())


class OnlyWrite:
    """A sink that can do nothing but write, and may fail after so many bytes."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.got = bytearray()
        self._fail_after = fail_after

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        if self._fail_after is not None and len(self.got) + len(data) > self._fail_after:
            raise OSError(28, "no space left")
        self.got += data
        return len(data)


BIG = pl.DataFrame({"v": range(50_000), "t": ["some text"] * 50_000})


def test_the_sink_needs_nothing_but_write():
    sink = OnlyWrite()
    Xlsx().write(BIG, sink, Layout(), ignore_progress)
    assert len(sheets(bytes(sink.got))["Report"]) == 50_001


def test_progress_is_told_after_each_frame():
    told: list[int] = []
    Xlsx().write(BIG, io.BytesIO(), Layout(), lambda rows, _: told.append(rows))
    assert told == [10_000, 20_000, 30_000, 40_000, 50_000]


def deflating_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("deflate")]


def test_a_sink_that_fails_ends_the_writing_and_leaves_no_thread():
    with pytest.raises(OSError, match="no space left"):
        Xlsx().write(BIG, OnlyWrite(200_000), Layout(), ignore_progress)
    assert deflating_threads() == []


def test_a_source_that_breaks_leaves_no_file_that_looks_whole_and_no_thread():
    def breaks() -> Iterator[pl.DataFrame]:
        yield BIG
        yield BIG
        raise ConnectionError("gone")

    seen: list[str] = []
    out = io.BytesIO()
    with pytest.raises((ConnectionError, SourceInvalid), match="gone"):
        Xlsx().write(breaks(), out, Layout(), lambda _, __: seen.extend(deflating_threads()))
    assert seen  # there was a thread to leave behind
    assert deflating_threads() == []
    assert b"PK\5\6" not in out.getvalue()


def test_abandoning_the_job_from_its_progress_is_clean():
    def stop(rows: int, pages: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Xlsx().write(BIG, io.BytesIO(), Layout(), stop)
    assert deflating_threads() == []


def test_the_last_moments_of_9999_are_no_number_and_a_null_struct_is_an_empty_cell():
    moments = [datetime(9999, 12, 31, 23, 59, 59, 999_999), datetime(9999, 12, 31, 23, 59, 59)]
    data = pl.DataFrame({"": [1, 2], "t": moments, "s": [{"a": 1}, None]})
    file, manifest = write(data, Limits())
    rows = list(openpyxl.load_workbook(io.BytesIO(file)).worksheets[0].values)
    assert rows == [
        ("", "t", "s"), (1, "9999-12-31 23:59:59", '{"a":1}'), (2, moments[1], None),
    ]  # fmt: skip
    assert [(w.column, w.count) for w in manifest.warnings] == [("t", 1)]


def test_the_total_of_short_floats_is_that_of_its_cells():
    data = pl.DataFrame({"f": pl.Series([16_777_216.0, 1.0, 1.0], dtype=pl.Float32)})
    file, _ = write(data, Limits(), columns={"f": {"total": "sum"}})
    rows = (
        calamine.CalamineWorkbook.from_filelike(io.BytesIO(file)).get_sheet_by_index(0).to_python()
    )
    assert rows[-1] == [16_777_218.0]
