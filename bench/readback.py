"""Whether a file holds what it was given, as somebody else reads it: nobody wins by dropping columns."""

from datetime import date, datetime, time
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

import pyarrow as pa
from pypdf import PageObject, PdfReader
from python_calamine import load_workbook

from bench import pdf
from bench.contestants import reader


def check(target: Path, source: Path, rows: int, above: int) -> None:
    """Raises ValueError with the first difference.

    In a workbook `above` rows stand over the data, in a PDF so many lines around it on every page.
    """
    if target.suffix == ".pdf":
        _check_pdf(target, source, rows, above)
    else:
        _check_workbook(target, source, rows, above)


def _check_pdf(target: Path, source: Path, rows: int, above: int) -> None:
    """The first and the last row, on the first and the last page; what stands around them; the font."""
    file = PdfReader(target)
    count = len(file.pages)
    ends = zip((0, count - 1), _ends(source, rows), strict=True)
    for number, row in ends:
        page = file.pages[number]
        frame = [*pdf.COLUMNS, pdf.HEADER, f"page {number + 1} of {count}"] if above else []
        _find(page, frame + [pdf.TITLE] * (number == 0), number)
        _find(page, [text for text in next(pdf.strings(row)) if text.isascii()], number)
    embedded = _embedded(file.pages[0])
    if not any("PreloSans" in name for name in embedded):
        raise ValueError(f"the font is not embedded, only these: {embedded}")


def _ends(source: Path, rows: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    batches = reader(source, rows, pdf.COLUMNS)
    first = last = next(batches)
    for batch in batches:
        last = batch
    return first.slice(0, 1), last.slice(last.num_rows - 1)


def _find(page: PageObject, texts: list[str], number: int) -> None:
    """Spaces do not count: readers guess them from the places of the glyphs."""
    there = "".join(page.extract_text().lower().split())
    for text in texts:
        if "".join(text.lower().split()) not in there:
            raise ValueError(f"'{text}' is not on page {number + 1}")


def _embedded(page: PageObject) -> list[str]:
    found: list[str] = []
    for font in page["/Resources"]["/Font"].values():
        inner = font.get_object()
        inner = inner["/DescendantFonts"][0].get_object() if "/DescendantFonts" in inner else inner
        if "/FontFile2" in inner.get("/FontDescriptor", {}):
            found.append(inner["/BaseFont"].replace("-", ""))
    return found


def _check_workbook(target: Path, source: Path, rows: int, above: int) -> None:
    """The number of rows, and every cell of the first and last row."""
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
