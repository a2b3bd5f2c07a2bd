"""Whether a workbook holds what it was given, as calamine reads it: nobody wins by dropping columns."""

from datetime import date, datetime, time
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

from python_calamine import load_workbook

from bench.contestants import reader


def check(target: Path, source: Path, rows: int, above: int) -> None:
    """The number of rows, and every cell of the first and last row; `above` stand over the data.

    Raises ValueError with the first difference.
    """
    sheet = load_workbook(target).get_sheet_by_index(0)
    if not sheet.end or sheet.end[0] + 1 < rows + above:
        raise ValueError(f"fewer rows were written than the {rows} given: the last is {sheet.end}")
    wanted = _first_and_last(source, rows)
    for number, values in enumerate(sheet.iter_rows(), -above):
        if number in wanted:
            _compare(number, wanted.pop(number), values)
    if wanted:
        raise ValueError(f"row {min(wanted)} is missing")


def _first_and_last(source: Path, rows: int) -> dict[int, list[Any]]:
    wanted: dict[int, list[Any]] = {}
    before = 0
    for batch in reader(source, rows):
        for number in {0, rows - 1}:
            if before <= number < before + batch.num_rows:
                row = batch.slice(number - before, 1).to_pylist()[0]
                wanted[number] = list(row.values())
        before += batch.num_rows
    return wanted


def _compare(number: int, given: list[Any], written: list[Any]) -> None:
    written = [*written, *[""] * (len(given) - len(written))]
    for column, (old, new) in enumerate(zip(map(_plain, given), map(_plain, written), strict=True)):
        if not (
            old == new or (isinstance(old, float) and isinstance(new, float) and isclose(old, new))
        ):
            raise ValueError(f"row {number}, column {column}: {new!r} was written for {old!r}")


def _plain(value: Any) -> Any:
    """A value as a workbook can hold it: a number, a text, or a moment to the second.

    DuckDB's workbooks lose the spaces at a text's ends. That is worth knowing, but no row is lost.
    """
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    if isinstance(value, date):
        return datetime.combine(value, time())
    if isinstance(value, bool | int | Decimal):
        return float(value)
    return "" if value is None else value.strip() if isinstance(value, str) else value
