"""Workbooks of the service: their sheets and their frames, and a password that stays where it was written."""

import io
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import msoffcrypto
import openpyxl
import psutil
import pypdf
import pytest
from PIL import Image

from tests.e2e.serving import Server, serving

SECRET = "Tr3sorschlüssel-Zürich"
CATALOG = """
name: many-sheets
title: Sales of {year}
parameters: {year: {type: integer, title: Year, default: 2026}}
show_parameters: true
facts: {Department: "Accounts of {year}"}
source:
  names: [city, amount]
  rows: [[Bern, 1], [Genf, 2]]
xlsx: {sheet: Sales}
sheets:
  Offices: {title: "Offices in {year}", source: {file: offices.csv}, columns: {code: code}}
  Cities:
    source: {query: "select name, people from city where founded < :year order by name"}
  Squares: {source: {python: "squares.py:squares"}}
---
name: two-queries
source: {query: "select name from city"}
sheets: {People: {source: {query: "select people from city"}}}
---
name: limited
source: {names: [a], rows: [[1], [2], [3]]}
sheets: {More: {source: {names: [b], rows: [[4], [5]]}}}
limits: {rows: 4}
---
name: broken-sheet
source: {names: [a], rows: [[1]]}
sheets: {Lost: {source: {query: select nothing from nowhere}}}
---
name: breaks-half-way
source: {names: [a], rows: [[1]]}
sheets: {Half: {source: {query: "select 1 as x union all select json('{') as x"}}}
---
name: split
title: "Rows / {year}"
parameters: {year: {type: integer, default: 2026}}
source:
  query: >
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 25) select i from c
xlsx: {rows_per_sheet: 10}
---
name: framed
title: Orders
parameters: {month: {type: string, default: March & more}}
source: {names: [item, price], rows: [[ink, 4.5], [pens, 1.25]]}
xlsx: {template: !file files/orders.xlsx}
---
name: with-logo
title: Logo
logo: !file files/logo.png
source: {names: [a], rows: [[1]]}
---
name: locked
title: Salaries
source: {names: [who, salary], rows: [[Ann, 1000]]}
xlsx: {password: !file files/password.txt}
---
name: locked-and-broken
title: Broken salaries
source: {query: select nothing from nowhere}
xlsx: {password: !file files/password.txt}
---
name: locked-and-crashing
title: Crash
source: {python: "squares.py:crash"}
xlsx: {password: !file files/password.txt}
"""
SQUARES = """
def squares(year):
    print("squares of", year)
    return [{"n": n, "square": n * n} for n in range(4)]

def crash():
    raise KeyError("the function's own fault")
"""


def template() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet
    cells = {
        "A1": "{{title}} of {{month}}", "A3": "Item", "B3": "Price",
        "A4": "{{rows}}{{item}}", "B4": "{{price}}", "B5": "=SUM(B4:B4)",
    }  # fmt: skip
    for place, value in cells.items():
        sheet[place] = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def picture(color: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 20), color).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    folder = tmp_path_factory.mktemp("service")
    made_catalog(folder / "reports")
    with serving(folder) as server:
        yield server


def made_catalog(folder: Path) -> None:
    (folder / "files").mkdir(parents=True)
    (folder / "all.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "squares.py").write_text(SQUARES)
    (folder / "offices.csv").write_text("code,office\n0017,Bern\n0042,Genf\n")
    (folder / "files/orders.xlsx").write_bytes(template())
    (folder / "files/logo.png").write_bytes(picture("red"))
    (folder / "files/password.txt").write_text(SECRET + "\n", encoding="utf-8")


def workbook(server: Server, report: str, **rest: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(server.file(report, **rest)))


def cells(sheet: Any) -> list[list[Any]]:
    """The rows that hold anything, without their empty ends."""
    rows = [[cell for cell in row if cell is not None] for row in sheet.iter_rows(values_only=True)]
    return [row for row in rows if row]


def test_every_sheet_has_the_rows_of_its_own_source(server: Server):
    book = workbook(server, "many-sheets", parameters={"year": 2027})
    assert book.sheetnames == ["Sales", "Offices", "Cities", "Squares"]
    assert cells(book["Sales"])[-2:] == [["Bern", 1], ["Genf", 2]]
    assert cells(book["Offices"]) == [
        ["Offices in 2027"], ["code", "office"], ["0017", "Bern"], ["0042", "Genf"],
    ]  # fmt: skip
    assert cells(book["Cities"])[1:] == [["Bern", 134_000], ["Zürich", 448_000]]
    assert cells(book["Squares"])[1:] == [[0, 0], [1, 1], [2, 4], [3, 9]]
    assert "squares of 2027" in server.log


def test_what_was_asked_for_stands_under_the_title(server: Server):
    rows = cells(workbook(server, "many-sheets", parameters={"year": 2028})["Sales"])
    words = " ".join(str(cell) for row in rows[:-2] for cell in row)
    assert rows[0] == ["Sales of 2028"]
    assert "Department" in words
    assert "Accounts of 2028" in words
    assert "Year" in words


def test_a_pdf_and_a_csv_have_the_reports_own_rows_only(server: Server):
    assert server.file("many-sheets", "csv") == b"city,amount\r\nBern,1\r\nGenf,2\r\n"
    pdf = pypdf.PdfReader(io.BytesIO(server.file("many-sheets", "pdf")))
    text = "".join(page.extract_text() for page in pdf.pages)
    assert "Genf" in text
    assert "Zürich" not in text


def test_the_manifest_counts_the_rows_of_every_sheet(server: Server):
    job = server.job("many-sheets")
    manifest = server.http.get(f"/v1/jobs/{job['id']}/manifest").json()
    assert [(s["name"], s["rows"]) for s in manifest["sheets"]] == [
        ("Sales", 2), ("Offices", 2), ("Cities", 2), ("Squares", 4),
    ]  # fmt: skip
    assert manifest["rows"] == job["artifact"]["rows"] == 10


def test_two_sheets_may_ask_the_same_database(server: Server):
    book = workbook(server, "two-queries")
    assert [len(cells(sheet)) for sheet in book] == [4, 4]


def test_the_limit_of_rows_is_for_all_sheets_together(server: Server):
    job = server.job("limited")
    assert (job["state"], job["error"]["type"]) == ("failed", "row-limit")
    assert "more than 4 rows" in job["error"]["detail"]
    assert server.job("limited", "csv")["state"] == "succeeded"


@pytest.mark.parametrize(
    ("report", "said"),
    [("broken-sheet", "the sheet 'Lost': "), ("breaks-half-way", "malformed JSON")],
)
def test_a_sheet_whose_source_breaks_ends_the_job_and_leaves_nothing(
    server: Server, report: str, said: str
):
    files = server.folder / "data/files"
    before = sorted(files.rglob("*.*"))
    job = server.job(report)
    assert (job["state"], job["attempt"], job["error"]["type"]) == ("failed", 1, "query-failed")
    assert said in job["error"]["detail"]
    assert job["artifact"] is None
    assert server.http.get(f"/v1/jobs/{job['id']}/file").status_code == 409
    assert sorted(files.rglob("*.*")) == before


def test_rows_split_into_files_come_as_a_zip_of_workbooks(server: Server):
    job = server.job("split", overflow="split_files")
    with server.package(job, "Rows 2026.zip") as files:
        books = [openpyxl.load_workbook(io.BytesIO(files.read(n))) for n in files.namelist()]
    assert [len(cells(book.worksheets[0])) - 2 for book in books] == [10, 10, 5]
    whole = server.job("split")["artifact"]
    assert whole["name"].endswith(".xlsx")
    assert server.job("split", "csv", overflow="split_files")["artifact"]["name"].endswith(".csv")


def test_a_template_of_the_catalog_is_filled_with_rows_and_parameters(server: Server):
    rows = cells(workbook(server, "framed", parameters={"month": "April <1>"}).worksheets[0])
    assert rows[0] == ["Orders of April <1>"]
    assert rows[2:] == [["ink", 4.5], ["pens", 1.25], ["=SUM(B4:B5)"]]
    assert b"pens" in server.file("framed", "csv")


def test_a_logo_of_the_catalog_is_in_the_workbook(server: Server):
    sheet = workbook(server, "with-logo").worksheets[0]
    images = sheet._images
    assert [image._data() for image in images] == [picture("red")]


def test_a_workbook_with_a_password_opens_with_it_alone(server: Server):
    office = msoffcrypto.OfficeFile(io.BytesIO(server.file("locked")))
    assert office.is_encrypted()
    opened = io.BytesIO()
    office.load_key(password=SECRET)
    office.decrypt(opened)
    assert cells(openpyxl.load_workbook(opened).worksheets[0])[-1] == ["Ann", 1000]
    office.load_key(password=SECRET + "\n")
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        office.decrypt(io.BytesIO())


def test_a_password_is_in_no_answer_no_log_no_store_and_no_process_listing(server: Server):
    jobs = [server.job(name) for name in ("locked", "locked-and-broken", "locked-and-crashing")]
    assert [job["state"] for job in jobs] == ["succeeded", "failed", "failed"]
    http = server.http
    told = [
        http.get(address).text
        for job in jobs
        for address in (f"/v1/jobs/{job['id']}", f"/v1/jobs/{job['id']}/manifest")
    ]
    addresses = ["jobs", "reports", "reports/locked", "status", "openapi.json"]
    answers = [http.get(f"/v1/{name}") for name in addresses] + [http.get("/openapi.json")]
    assert sum(answer.status_code == 200 for answer in answers) == 5
    told += [answer.text for answer in answers]
    checked = http.post("/v1/jobs?validate_only=true", json={"report": "locked"})
    assert checked.status_code == 200
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    assert len(family) > 1, "a press is running"
    told += [*(" ".join(p.cmdline()) + str(p.environ()) for p in family), checked.text, server.log]
    assert "Salaries" in "".join(told)
    for text in told:
        assert SECRET not in text
        assert "Tr3sor" not in text
    stored = [p.read_bytes() for p in (server.folder / "data").rglob("*") if p.is_file()]
    assert any(b"locked-and-broken" in content for content in stored)
    assert not any(spelled in content for content in stored for spelled in spellings())


def spellings() -> list[bytes]:
    """How the password could stand in a file."""
    return [SECRET.encode(), SECRET.encode("utf-16-le"), json.dumps(SECRET).encode()[1:-1]]
