"""Every example is executed on a small sample database, and its files are read by others."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pypdf
import pytest
from python_calamine import CalamineWorkbook

from prelo import wiring
from prelo.app.render import render
from prelo.config import Config
from prelo.core.report import Report
from prelo.core.request import Request
from prelo.core.table import Manifest
from prelo.formats.door import whole_file
from tests import forks

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SCALE = "0.01"
LINE_ITEMS = 60_175
ASKED: dict[str, dict[str, Any]] = {"orders": {"start": "1995-01-01", "end": "1995-02-01"}}
ROWS = {
    "line-items": LINE_ITEMS,
    "monthly-sales": 12,
    "offices": 5,
    "service-levels": 5,
    "top-customers": 100,
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    script = [sys.executable, str(EXAMPLES / "sample.py"), str(folder), SCALE]
    made = subprocess.run(script, capture_output=True, text=True, check=True)
    return Path(made.stdout.strip())


@pytest.fixture(scope="module")
def config(database: Path) -> Config:
    connections = {"default": f"sqlite:///{database}"}
    return Config.load({}, catalog=EXAMPLES / "reports", connections=connections)


REPORTS = sorted(
    wiring.catalog(Config.load({}, catalog=EXAMPLES / "reports")), key=lambda r: r.name
)
EVERY = [(report, form) for report in REPORTS for form in report.formats]


def silent(rows: int, pages: int) -> None:
    pass


def made(report: Report, form: str, config: Config, path: Path) -> Manifest:
    asked = {"report": report.name, "parameters": ASKED.get(report.name, {}), "format": form}
    request = Request.model_validate(asked)
    with whole_file(path) as out:
        return render(report, request, wiring.sources(config), wiring.writer(form), out, silent)


def in_xlsx(path: Path) -> list[list[Any]]:
    """The rows that hold anything, of all sheets."""
    book = CalamineWorkbook.from_path(path)
    return [
        row
        for name in book.sheet_names
        for row in book.get_sheet_by_name(name).to_python()
        if any(row)
    ]


def in_pdf(path: Path) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)


def marks(document: pypdf.PdfReader) -> list[str]:
    """The outermost bookmarks."""
    return [str(mark.title) for mark in document.outline if not isinstance(mark, list)]


def in_csv(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_the_catalog_has_at_least_five_reports_of_every_kind():
    assert len(REPORTS) >= 5
    assert {report.source.technology for report in REPORTS} == {"sql", "file", "python", "rows"}


@pytest.mark.parametrize(("report", "form"), EVERY, ids=[f"{r.name}.{f}" for r, f in EVERY])
def test_an_example_report_is_made_as_it_says(
    report: Report, form: str, config: Config, tmp_path: Path
):
    path = tmp_path / f"made.{form}"
    manifest = made(report, form, config, path)
    assert manifest.rows == ROWS.get(report.name, manifest.rows) > 0
    assert manifest.completeness == "complete"
    headings = [c.title for c in report.columns.values() if c.title]
    if form == "pdf":
        text = in_pdf(path)
        own = report.pdf.document is not None  # its template says what stands on the page
        missing = [h for h in headings if h not in text and h not in ("Region", "Nation")]
        missing = [] if own else missing
        assert manifest.pages == len(pypdf.PdfReader(path).pages)
        assert own or re.search(rf"1 (of|von) {manifest.pages}\b", text)
    elif form == "xlsx":
        rows = in_xlsx(path)
        cells = [str(cell) for row in rows for cell in row]  # a group's heading is "Region: ASIA"
        missing = [h for h in headings if not any(h in (c, c.partition(":")[0]) for c in cells)]
        assert len(rows) > manifest.rows
    else:
        lines = in_csv(path)
        missing = [h for h in headings if h not in lines[0]]
        assert len(lines) == 1 + manifest.rows
    assert missing == []


def test_every_order_of_the_day_has_its_invoice(config: Config, tmp_path: Path):
    path = tmp_path / "invoices.pdf"
    manifest = made(by_name("invoices"), "pdf", config, path)
    document = pypdf.PdfReader(path)
    numbers = marks(document)
    assert len(numbers) == manifest.pages == 7
    for number, page in zip(numbers, document.pages, strict=True):
        text = page.extract_text()
        assert f"INVOICE NO.\n{number}" in text
        due, total = re.findall(r"(?:AMOUNT DUE\n|Total due )(\$[\d,.]+)", text)
        assert due == total


def by_name(name: str) -> Report:
    return next(report for report in REPORTS if report.name == name)


def test_a_workbook_of_an_example_has_real_dates_numbers_and_a_total(
    config: Config, tmp_path: Path
):
    made(by_name("monthly-sales"), "xlsx", config, tmp_path / "made.xlsx")
    rows = in_xlsx(tmp_path / "made.xlsx")
    months = [row for row in rows if isinstance(row[0], date)]
    assert [row[0].month for row in months] == list(range(1, 13))
    total = sum(row[3] for row in months)
    assert rows[-1][3] == pytest.approx(total)
    assert "Sales of 1995" in str(rows[0][0])


def test_the_sheets_of_an_example_agree_on_the_revenue(config: Config, tmp_path: Path):
    manifest = made(by_name("sales-by-nation"), "xlsx", config, tmp_path / "made.xlsx")
    assert [sheet.name for sheet in manifest.sheets] == ["Nations", "Regions", "Years"]
    book = CalamineWorkbook.from_path(tmp_path / "made.xlsx")
    regions, years = (book.get_sheet_by_name(name).to_python() for name in ("Regions", "Years"))
    by_region = {row[0]: row[2] for row in regions if isinstance(row[2], float)}
    by_year = {row[0]: row[2] for row in years if isinstance(row[2], float)}
    assert by_region.keys() >= {"ASIA", "MIDDLE EAST"}
    assert by_year.keys() >= {"1992", "1998"}
    assert by_region.pop("Total") == pytest.approx(sum(by_region.values()))
    assert by_year.pop("Total") == pytest.approx(sum(by_year.values()))
    assert sum(by_region.values()) == pytest.approx(sum(by_year.values()))


def test_codes_of_an_example_keep_their_zeros(config: Config, tmp_path: Path):
    made(by_name("offices"), "xlsx", config, tmp_path / "made.xlsx")
    codes = {row[0] for row in in_xlsx(tmp_path / "made.xlsx")}
    assert {"0017", "0023", "0042", "0108", "0110"} <= codes


def test_the_sample_database_is_made_once(database: Path):
    before = database.stat().st_mtime_ns
    subprocess.run(
        [sys.executable, str(EXAMPLES / "sample.py"), str(database.parent), SCALE],
        check=True,
        capture_output=True,
    )
    assert database.stat().st_mtime_ns == before


def test_the_script_that_writes_a_workbook(tmp_path: Path):
    subprocess.run(
        [sys.executable, str(EXAMPLES / "write_workbook.py"), str(tmp_path)],
        check=True,
        capture_output=True,
    )
    rows = in_xlsx(tmp_path / "sales.xlsx")
    assert any("00017" in row for row in rows)
    assert any(row[3:5] == [72, pytest.approx(5051.5)] for row in rows)
    assert "North" in in_pdf(tmp_path / "sales.pdf")
    with (tmp_path / "sales.csv").open(encoding="utf-8") as file:
        assert file.readline().rstrip() == "Day;Region;Code;Units;Amount".replace("Code", "Article")


def test_the_script_that_shows_what_a_workbook_can_have(tmp_path: Path):
    script = [sys.executable, str(EXAMPLES / "workbooks.py"), str(tmp_path)]
    subprocess.run(script, check=True, capture_output=True)
    sheets = CalamineWorkbook.from_path(tmp_path / "summarized.xlsx").sheet_names
    assert sheets == ["Sales", "Countries", "About"]
    assert any("Total South" in row for row in in_xlsx(tmp_path / "grouped.xlsx"))
    invoice = in_xlsx(tmp_path / "filled.xlsx")
    assert invoice[0][0] == "Invoice 2026-118"
    codes = [row[0] for row in invoice if str(row[0]).isdigit()]
    assert codes == ["00017", "00023", "00042", "00108"]


def test_the_script_that_shows_what_a_pdf_can_have(tmp_path: Path):
    script = [sys.executable, str(EXAMPLES / "pages.py"), str(tmp_path)]
    said = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    files = {path.stem: pypdf.PdfReader(path) for path in tmp_path.iterdir()}
    for name, document in files.items():
        assert re.search(rf"{name}.pdf: \d+ rows, pages: {len(document.pages)}\n", said)
    contents, *rest = (page.extract_text() for page in files["grouped"].pages)
    assert [store in contents for store in marks(files["grouped"])] == [True] * 8
    assert all("This page" in text for text in rest)
    assert "Todos os seres humanos" in in_pdf(tmp_path / "languages.pdf")
    (tmp_path / "orders.xlsx").write_bytes(files["archived"].attachments["orders.xlsx"][0])
    assert len(in_xlsx(tmp_path / "orders.xlsx")) == 1 + 1 + 230 + 1
    assert len(marks(files["invoices"])) == len(files["invoices"].pages) == 3
    assert "230" in files["covered"].pages[0].extract_text()


@contextmanager
def server(data: Path, database: Path) -> Generator[str]:
    words = ["serve", "--json", "--port", "0", "--data", str(data)]
    settings = {
        "PRELO_CATALOG": str(EXAMPLES / "reports"),
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{database}",
    }
    with forks.begun(words, {**os.environ, **settings}, data.parent / "log.txt") as serving:
        try:
            yield json.loads(serving.stdout.readline())["url"]
        finally:
            serving.terminate()
            assert serving.wait(30) == 0


def test_the_script_that_asks_a_server(database: Path, tmp_path: Path):
    with server(tmp_path / "data", database) as url:
        script = [sys.executable, str(EXAMPLES / "ask_a_server.py"), url, str(tmp_path)]
        said = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    assert "sales-by-nation" in said
    assert "A wrong parameter is refused" in said
    assert "Orders" in in_pdf(tmp_path / "orders.pdf")
    assert any("00023" in row for row in in_xlsx(tmp_path / "stock.xlsx"))


def test_the_demo_keeps_its_promises(database: Path, tmp_path: Path):
    (tmp_path / database.name).symlink_to(database)
    script = [sys.executable, str(EXAMPLES / "demo.py"), str(tmp_path), SCALE]
    ran = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "All as promised" in ran.stdout
    assert "no such column: l_prize" in ran.stdout
    assert len(in_xlsx(tmp_path / "line-items.xlsx")) > LINE_ITEMS
    assert "1 of" in in_pdf(tmp_path / "sales-by-nation.pdf")
