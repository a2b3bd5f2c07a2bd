"""What Python functions add to the sources' promises."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from prelo.adapters.source_python import PythonSource
from prelo.core.errors import (
    DefinitionMissing,
    FunctionFailed,
    QueryFailed,
)
from prelo.core.report import Report
from prelo.ports import Source
from tests.contracts.source_cases import fill, read, report, sqlite


def python(tmp_path: Path, body: str, **settings: Any) -> tuple[Source, Report]:
    (tmp_path / "made.py").write_text(body)
    return PythonSource(tmp_path, sqlite(tmp_path).query), report(python="made.py:made", **settings)


@pytest.mark.parametrize(
    "result",
    [
        "pa.table({'a': [1, 2]})",
        "pa.record_batch({'a': [1, 2]})",
        "pl.DataFrame({'a': [1, 2]})",
        "pl.LazyFrame({'a': [1, 2]})",
        "pd.DataFrame({'a': [1, 2]})",
        "[{'a': 1}, {'a': 2}]",
        "iter([pl.DataFrame({'a': [1]}), pa.table({'a': [2]})])",
        "(pa.record_batch({'a': [n]}) for n in (1, 2))",
    ],
)
def test_a_function_may_return_any_table(result: str, tmp_path: Path):
    imports = "import pandas as pd, polars as pl, pyarrow as pa\n"
    source, asked = python(
        tmp_path, f"{imports}def made():\n    print('noise')\n    return {result}\n"
    )
    assert read(source, asked).rows() == [(1,), (2,)]


def test_a_function_gets_typed_parameters_and_the_connections(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (d date)", [("2026-01-01",), ("2026-03-01",)])
    source, asked = python(
        tmp_path,
        "def made(start, *, sources):\n"
        "    assert start.year == 2026\n"
        "    return sources['default'].query('select d from t where d > :start', start=start)\n",
    )
    assert read(source, asked, {"start": date(2026, 2, 1)}).rows() == [("2026-03-01",)]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "def made():\n    return 1 / 0\n",
            r"made.py, line 2: ZeroDivisionError: division by zero",
        ),
        ("def made():\n    yield {'a': 1}\n    raise KeyError('x')\n", r"line 3: KeyError: 'x'"),
        ("import sys\ndef made():\n    sys.exit(3)\n", r"line 3: SystemExit: 3"),
        ("def made():\n    return None\n", r"made.py:made returned NoneType, which is no table"),
        ("def made():\n    return 5\n", r"returned int"),
        ("def made():\n    return {'a': [1]}\n", r"returned dict"),
        ("async def made():\n    return []\n", r"async; make it a plain function"),
        ("def made(x):\n    return []\n", r"TypeError: .*missing 1 required"),
        ("def other():\n    return []\n", r"no function 'made'"),
        ("def made(:\n", r"made.py, line 1: SyntaxError"),
        ("import nowhere_at_all\n", r"line 1: ModuleNotFoundError"),
    ],
)
def test_a_function_that_fails_says_what_and_where(body: str, said: str, tmp_path: Path):
    source, asked = python(tmp_path, body)
    with pytest.raises(FunctionFailed, match=said):
        read(source, asked)


def test_a_failed_query_of_a_function_stays_a_failed_query(tmp_path: Path):
    fill(tmp_path / "data.db", "create table t (a)", [])
    body = "def made(sources):\n    return sources['default'].query('select b from t')\n"
    source, asked = python(tmp_path, body)
    with pytest.raises(QueryFailed, match="no such column: b"):
        read(source, asked)


def test_functions_elsewhere_or_changed_are_refused(tmp_path: Path):
    source, asked = python(tmp_path, "def made():\n    return []\n")
    with pytest.raises(FunctionFailed, match="not below"):
        read(source, report(python="../made.py:made"))
    with pytest.raises(DefinitionMissing, match="cannot be read"):
        read(source, report(python="gone.py:made"))
    changed = asked.model_copy(
        update={"source": asked.source.model_copy(update={"digest": "0" * 64})}
    )
    with pytest.raises(DefinitionMissing, match="changed since"):
        read(source, changed)


def test_checking_a_function_does_not_call_it(tmp_path: Path):
    source, asked = python(tmp_path, "def made(start):\n    raise RuntimeError\n")
    with pytest.raises(FunctionFailed, match="does not take the report's parameters"):
        source.check(asked)
    source.check(report(python="made.py:made", parameters={"start": {"type": "date"}}))


def test_an_importable_function_is_found(tmp_path: Path):
    source, _ = python(tmp_path, "")
    asked = report(python="tests.contracts.test_source_python:importable")
    assert read(source, asked).rows() == [(42,)]


def importable() -> Iterator[dict[str, int]]:
    yield {"a": 42}
