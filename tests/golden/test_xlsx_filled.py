"""The user's own workbook filled through the library's door: rows, totals, facts, and what ends it."""

import io
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast

import openpyxl
import polars as pl
import pytest
from books import by_calamine, made, opened, parts_of
from conftest import find
from office import converted, faults
from templates import saved, small, with_parts

from prelo import write_xlsx
from prelo.core.errors import ColumnMissing, FormatFailed, RowLimit
from prelo.core.table import Completeness

N = 25
DATA = pl.DataFrame(
    {
        "item": [None if i == 3 else f"=item & <{i}>" for i in range(N)],
        "price": pl.Series(
            [None if i == 4 else Decimal(i) / 4 for i in range(N)], dtype=pl.Decimal(10, 2)
        ),
        "units": list(range(N)),
        "day": [date(2026, 1, 1) + timedelta(i) for i in range(N)],
        "at": [datetime(2026, 1, 1, 12) + timedelta(hours=i) for i in range(N)],
        "done": [i % 2 == 0 for i in range(N)],
        "spare": [float("nan")] * N,
    }
)


@cache
def invoice() -> bytes:
    """Title, a total above, a marked row 5 with a formula and a column used twice, a total below."""
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.title = "Invoice"
    for name, value in {
        "A1": "{{title}} for {{customer}}", "A2": "Due", "B2": "=SUM(G5:G5)",
        "A4": "Item", "B4": "Price", "C4": "Units", "D4": "Day", "E4": "At", "F4": "Done",
        "G4": "Amount", "H4": "Again",
        "A5": "{{rows}}{{item}}", "B5": "{{price}}", "C5": "{{units}}", "D5": "{{day}}",
        "E5": "{{at}}", "F5": "{{done}}", "G5": "=B5*C5", "H5": "{{item}}",
        "A7": "Total", "B7": "=COUNT(B5:B5)", "C7": "=SUM(C5:C5)", "D7": "=MAX(D5:D5)",
        "G7": "=SUM(G5:G5)",
    }.items():  # fmt: skip
        sheet[name] = value
    sheet["B5"].number_format = sheet["G5"].number_format = '#,##0.00 "EUR"'
    sheet["D5"].number_format = sheet["D7"].number_format = "yyyy-mm-dd"
    sheet["E5"].number_format = "yyyy-mm-dd hh:mm"
    other = book.create_sheet("Sum")
    other["A1"] = "=SUM(Invoice!C5:C5)"
    return saved(book)


FACTS = {"customer": "Åsa & <Sons>"}
USUAL: dict[str, Any] = {"template": invoice(), "title": "=1+1", "facts": FACTS}


def amount(rows: int) -> float:
    return sum(float(DATA["price"][i] or 0) * i for i in range(rows))


def test_rows_and_totals_are_right_in_libreoffice(tmp_path: Path):
    find("soffice", "libreoffice-calc-nogui")
    paths: list[Path] = []
    for rows in (N, 1, 0):
        path = tmp_path / f"rows{rows}.xlsx"
        manifest = write_xlsx(DATA[:rows], path, **USUAL)
        assert manifest.rows == rows
        assert faults(path.read_bytes(), tmp_path) == faults(invoice(), tmp_path)
        paths.append(path)
    for rows, path in zip((N, 1, 0), converted(paths, "xlsx"), strict=True):
        sheet = opened(path.read_bytes(), data_only=True)["Invoice"]
        last = 5 + max(rows, 1) + 1
        assert sheet.cell(last, 1).value == "Total"
        assert sheet.cell(last, 2).value == DATA[:rows]["price"].count()
        assert sheet.cell(last, 3).value == sum(range(rows))
        assert sheet.cell(last, 7).value == pytest.approx(amount(rows))
        assert sheet["B2"].value == pytest.approx(amount(rows))
        assert cast("Any", opened(path.read_bytes())["Sum"])["A1"].value is not None
        if rows:
            assert sheet.cell(last, 4).value == datetime(2026, 1, rows)


def test_values_have_their_types_and_the_looks_of_the_marked_row():
    file, manifest = made(DATA, **USUAL)
    sheet = opened(file)["Invoice"]
    assert [cell.value for cell in sheet[6]] == [
        "=item & <1>", 0.25, 1, datetime(2026, 1, 2), datetime(2026, 1, 1, 13), False, "=B6*C6",
        "=item & <1>",
    ]  # fmt: skip
    assert [cell.data_type for cell in sheet[6]] == ["s", "n", "n", "d", "d", "b", "f", "s"]
    assert [sheet.cell(8, column).value for column in (1, 8)] == [None, None]
    assert sheet["B9"].value is None
    assert sheet["B9"].number_format == sheet["B6"].number_format == '#,##0.00 "EUR"'
    assert sheet["A1"].value == "=1+1 for Åsa & <Sons>"
    assert sheet["A1"].data_type == "s"
    assert manifest.columns == ("item", "price", "units", "day", "at", "done", "item")
    assert manifest.warnings == (), "a column that is not shown warns of nothing"


def test_calamine_reads_the_same_rows():
    rows = by_calamine(made(DATA, **USUAL)[0])["Invoice"]
    assert [row[2] for row in rows[4 : 4 + N]] == list(range(N))
    assert [row[0] for row in rows[4 : 4 + N]] == [v or "" for v in DATA["item"]]
    assert rows[4 + N + 1][0] == "Total"


def test_what_a_cell_cannot_hold_is_counted():
    data = DATA.with_columns(
        item=pl.lit("x" * 40_000), units=pl.lit(10**15), day=pl.lit(date(1800, 1, 1)),
        price=pl.lit(float("nan")),
    )  # fmt: skip
    file, manifest = made(data[:2], **USUAL)
    found = [(w.column, w.type, w.count) for w in manifest.warnings]
    assert found == [
        ("item", "text-cut", 2), ("price", "not-a-number", 2), ("units", "large-integer", 2),
        ("day", "date-out-of-range", 2), ("item", "text-cut", 2),
    ]  # fmt: skip
    sheet = opened(file)["Invoice"]
    assert [sheet["C5"].value, sheet["D5"].value, sheet["B5"].value] == [
        str(10**15),
        "1800-01-01",
        None,
    ]


def test_rows_past_the_limit_are_left_out_refused_or_in_another_file(tmp_path: Path):
    file, manifest = made(DATA, **USUAL, rows_per_sheet=10, overflow="truncate")
    assert (manifest.rows, manifest.completeness) == (10, Completeness.TRUNCATED)
    assert opened(file)["Invoice"]["C16"].value == "=SUM(C5:C14)"
    for overflow in ("fail", "split_sheets"):
        with pytest.raises(RowLimit, match="10 that fit the template's sheet 'Invoice'"):
            write_xlsx(DATA, tmp_path / "no.xlsx", **USUAL, rows_per_sheet=10, overflow=overflow)
    assert list(tmp_path.iterdir()) == []
    files, manifest = made(DATA, **USUAL, rows_per_sheet=10, overflow="split_files")
    books = parts_of(files)
    assert [sheet.rows for sheet in manifest.sheets] == [10, 10, 5]
    assert len(books) == 3
    units: list[Any] = []
    for number, content in enumerate(books.values()):
        assert faults(content, tmp_path) == faults(invoice(), tmp_path)
        sheet = opened(content)["Invoice"]
        rows = 10 if number < 2 else 5
        units += [sheet.cell(5 + i, 3).value for i in range(rows)]
        assert sheet.cell(5 + rows + 1, 3).value == f"=SUM(C5:C{4 + rows})"
    assert units == list(range(N))


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(
        ColumnMissing, match="names the column 'price', which the data does not show"
    ):
        made(DATA.drop("price"), **USUAL)
    with pytest.raises(ColumnMissing, match="names the column 'price'"):
        made(DATA, **USUAL, columns={"price": {"hidden": True}})


def test_a_fact_that_is_missing_and_one_too_many_are_told_apart():
    file, _ = made(DATA, **USUAL | {"facts": FACTS | {"more": "unused"}})
    assert opened(file)["Invoice"]["A1"].value == "=1+1 for Åsa & <Sons>"
    with pytest.raises(FormatFailed, match="customer"):
        made(DATA, **USUAL | {"facts": {}})


def test_a_filled_template_may_have_a_password_and_equal_bytes_without():
    file, _ = made(DATA, **USUAL)
    assert made(DATA, **USUAL)[0] == file
    locked, _ = made(DATA, **USUAL, password="x")
    assert locked[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        assert package.testzip() is None


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (b"PK\3\4broken", "no workbook, or a damaged one"),
        (made(DATA, password="x")[0], "encrypted|password"),
        (with_parts(invoice(), {"xl/vbaProject.bin": b""}), "macro"),
        (small({"A1": "no marked row"}), "row"),
    ],
    ids=["broken", "encrypted", "macros", "unmarked"],
)
def test_templates_that_cannot_be_filled_are_refused_and_leave_nothing(
    template: bytes, sentence: str, tmp_path: Path
):
    with pytest.raises(FormatFailed, match=sentence):
        write_xlsx(DATA, tmp_path / "out.xlsx", template=template)
    assert list(tmp_path.iterdir()) == []


def test_a_template_may_be_given_by_its_path(tmp_path: Path):
    path = tmp_path / "invoice.xlsx"
    path.write_bytes(invoice())
    assert made(DATA, **USUAL | {"template": path})[0] == made(DATA, **USUAL)[0]
