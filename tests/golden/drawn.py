"""Small workbooks made by XlsxWriter alone, with what is under test drawn on their sheet."""

import csv
import io
import subprocess
import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from conftest import find, run
from openpyxl.worksheet.worksheet import Worksheet as Read
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from prelo.core.table import Column, Kind
from prelo.formats.stream import Field
from prelo.formats.xlsx.place import Place

Draw = Callable[[Workbook, Worksheet, Place], object]
SHEET = "It's <A>"
HEADER = 2  # rows above the header, so that nothing can count from the top by mistake


def fields(*columns: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> tuple[Field, ...]:
    """Each of a name, a kind, and what else a Column has."""
    made: list[Field] = []
    for name, kind, *more in columns:
        values: dict[str, Any] = {"kind": Kind.parse(kind), "title": name.title()}
        made.append(Field(name, Column(**values | dict(*more))))
    return tuple(made)


def place_of(shown: tuple[Field, ...], rows: int) -> Place:
    return Place(SHEET, HEADER, HEADER + 1, HEADER + rows, shown)


def workbook(
    draw: Draw, shown: tuple[Field, ...], rows: Sequence[Sequence[Any]], last: int = 0
) -> bytes:
    """A workbook with the rows; `last` is what the drawing takes for their last, the true one if 0."""
    out = io.BytesIO()
    book = Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet(SHEET)
    for column, field in enumerate(shown):
        sheet.write_string(HEADER, column, field.title)
        for number, row in enumerate(rows, HEADER + 1):
            dated = field.kind.name == "date"
            sheet.write(number, column, row[column], day if dated else None)
    place = place_of(shown, len(rows))
    draw(book, sheet, Place(SHEET, place.header, place.first, last or place.last, shown))
    book.close()
    return out.getvalue()


def opened(file: bytes) -> Read:
    with warnings.catch_warnings():  # openpyxl leaves out what came after Excel 2007, and says so
        warnings.simplefilter("ignore")
        sheet = openpyxl.load_workbook(io.BytesIO(file))[SHEET]
    assert isinstance(sheet, Read)
    return sheet


def parts(file: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(file)) as package:
        return {
            name: package.read(name).decode()
            for name in package.namelist()
            if name != "docProps/core.xml"  # has the time of writing
        }


def calculated(file: bytes, folder: Path) -> list[list[str]]:
    """The first sheet's cells as LibreOffice calculates and shows them."""
    made = _converted(file, folder, "csv:Text - txt - csv (StarCalc):44,34,76")
    return list(csv.reader(made.read_text().splitlines()))


def printed(file: bytes, folder: Path) -> str:
    """The text of the workbook as LibreOffice prints it, charts included."""
    pdf = _converted(file, folder, "pdf")
    return run(find("pdftotext", "poppler-utils"), "-layout", pdf, "-")


def _converted(file: bytes, folder: Path, to: str) -> Path:
    soffice = find("soffice", "libreoffice-calc-nogui")
    (folder / "drawn.xlsx").write_bytes(file)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    command = [soffice, profile, "--headless", "--convert-to", to, "--outdir", str(folder)]
    done = subprocess.run(
        [*command, str(folder / "drawn.xlsx")], capture_output=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder / f"drawn.{to[:3]}"
