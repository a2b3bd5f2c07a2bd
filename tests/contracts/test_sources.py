"""What every source promises."""

from pathlib import Path

import pytest

from prelo.core.errors import (
    Failure,
)
from prelo.formats.stream import open_stream
from tests.contracts.source_cases import ROWS, SOURCES, read, report


@pytest.mark.parametrize("technology", list(SOURCES))
def test_rows_arrive_in_order_with_their_types_and_nulls(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    asked = report(**spec)
    source.check(asked)
    for _ in range(2):  # a source is opened again and again in a warm press
        frame = read(source, asked)
        assert frame.rows() == ROWS
        assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "String", "Float64"]


@pytest.mark.parametrize("technology", list(SOURCES))
def test_a_column_gets_the_kind_that_the_report_gives_it(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    frame = read(source, report(columns={"n": "code", "x": "money:EUR"}, **spec))
    assert frame["n"].to_list() == ["1", "2", "3"]
    assert [None if v is None else float(v) for v in frame["x"]] == [1.5, -2.25, None]


@pytest.mark.parametrize("technology", list(SOURCES))
def test_a_value_that_is_not_of_the_kind_is_named(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    with pytest.raises(Failure, match=r"column 't', row 1: 'a' is not a valid integer"):
        read(source, report(columns={"t": "integer"}, **spec))


@pytest.mark.parametrize("technology", list(SOURCES))
def test_leaving_in_the_middle_is_clean(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)

    def use() -> None:
        with source.open(report(**spec), {}) as data:
            open_stream(data, report(**spec))
            raise OSError("ours")  # never taken for the source's

    with pytest.raises(OSError, match=r"^ours$"):
        use()


@pytest.mark.parametrize("technology", list(SOURCES))
def test_a_count_is_right_or_none(technology: str, tmp_path: Path):
    source, spec = SOURCES[technology](tmp_path)
    counted = source.count(report(**spec), {})
    assert counted == (len(ROWS) if technology in {"rows", "parquet", "sqlite"} else None)
