"""What every source promises."""

from pathlib import Path
from typing import Any

import pytest

from prelo.core.errors import Failure
from prelo.formats.stream import open_stream
from prelo.ports import Source
from tests.contracts.source_cases import ROWS, SOURCES, read, report
from tests.contracts.sql_fixtures import Place

Tried = tuple[str, Source, dict[str, Any]]
SERVERS = ("postgresql", "mariadb")


@pytest.fixture(params=[*SOURCES, *SERVERS])
def tried(request: pytest.FixtureRequest, tmp_path: Path) -> Tried:
    """The name of a technology, the source, and how the report names what is in it."""
    name = request.param
    if name in SOURCES:
        return name, *SOURCES[name](tmp_path)
    place: Place = request.getfixturevalue(f"on_{name}")
    place.run(
        "create table t (n bigint, t varchar(10), x double precision)",
        "insert into t values (1, 'a', 1.5), (2, null, -2.25), (3, 'ü', null)",
        "analyze t" if name == "postgresql" else "analyze table t",
    )
    return name, place.source, {"query": "select n, t, x from t order by n"}


def test_rows_arrive_in_order_with_their_types_and_nulls(tried: Tried):
    _, source, spec = tried
    asked = report(**spec)
    source.check(asked)
    for _ in range(2):  # a source is opened again and again in a warm press
        frame = read(source, asked)
        assert frame.rows() == ROWS
        assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "String", "Float64"]


def test_a_column_gets_the_kind_that_the_report_gives_it(tried: Tried):
    _, source, spec = tried
    frame = read(source, report(columns={"n": "code", "x": "money:EUR"}, **spec))
    assert frame["n"].to_list() == ["1", "2", "3"]
    assert [None if v is None else float(v) for v in frame["x"]] == [1.5, -2.25, None]


def test_a_value_that_is_not_of_the_kind_is_named(tried: Tried):
    _, source, spec = tried
    with pytest.raises(Failure, match=r"column 't', row 1: 'a' is not a valid integer"):
        read(source, report(columns={"t": "integer"}, **spec))


def test_leaving_in_the_middle_is_clean(tried: Tried):
    _, source, spec = tried

    def use() -> None:
        with source.open(report(**spec), {}) as data:
            open_stream(data, report(**spec))
            raise OSError("ours")  # never taken for the source's

    with pytest.raises(OSError, match=r"^ours$"):
        use()


def test_a_count_is_right_or_none(tried: Tried):
    name, source, spec = tried
    counted = source.count(report(**spec), {})
    counts = {"rows", "parquet", "sqlite", "postgresql"}
    assert counted == (len(ROWS) if name in counts else None)
