"""PDFs of the service: what stands on their pages, ZIPs of documents, passwords, and ends without a file."""

import hashlib
import io
import json
from collections.abc import Generator
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import psutil
import pypdf
import pytest
from PIL import Image

from prelo.client import Client
from prelo.core.errors import JobFailed
from tests.e2e.serving import Server, serving

OPENS, OWNS = "Tr3sorschlüssel-Zürich", "Haus(meister)-42"
CATALOG = """
name: stamped
title: Sales of {region}
parameters: {region: {type: string, title: Region, default: all}}
show_parameters: true
timezone: America/Sao_Paulo
locale: pt-BR
source: {names: [city, amount], rows: [[Bern, 1], [Genf, 2]]}
pdf:
  header: "{report}|{region}|{date} {time}"
  footer: "<{user}>||{page}/{pages}"
  watermark: "for {region}"
xlsx: {header: "{report}|{region}|{date} {time}", footer: "<{user}>"}
---
name: plain
source: {names: [city, amount], rows: [[Bern, 1], [Genf, 2]]}
---
name: bills
title: Bills / {year}
parameters: {year: {type: integer, default: 2026}}
formats: [pdf, xlsx]
source:
  query: "select name, people from city where founded < :year order by name"
columns: {people: {total: sum}}
pdf: {document: bills/bill.html, per: name, files: zip}
---
name: letter
formats: [pdf, xlsx]
source: {query: "select name, people from city order by name"}
pdf: {document: bills/letter.html, cover: bills/cover.html}
---
name: dated
source: {names: [n], rows: [[1]]}
pdf: {document: bills/dated.html}
---
name: wrong-template
source: {query: "select name from city"}
pdf: {document: wrong/page.html}
---
name: breaks-half-way
source:
  query: >
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 30000)
    select i, case when i < 25000 then json('{}') else json('{') end as x from c
---
name: empty
title: Nothing at all
locale: de
source: {query: "select name, people from city where people < 0"}
---
name: locked
title: Salaries
source: {names: [who, salary], rows: [[Ann, 1000]]}
pdf: {password: !file files/opens.txt, owner_password: !file files/owns.txt, permissions: [print]}
---
name: locked-and-broken
title: Broken salaries
source: {query: select nothing from nowhere}
pdf: {password: !file files/opens.txt, owner_password: !file files/owns.txt}
---
name: everything
title: 日本 Ελληνικά مرحبا हिन्दी
logo: !file files/logo.png
source:
  query: >
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 60000)
    select i / 1000 as thousand, i as number, 'text ' || i as label from c
group_by: thousand
columns: {number: {total: sum, highlight: bar}, thousand: {hidden: true}}
pdf:
  contents: true
  page_totals: true
  watermark: Draft
  fonts: [!file files/own.ttf]
  cover: bills/cover.html
  archive: 3b
  attachments: {note.txt: !file files/opens.txt}
  summaries: [{by: thousand, values: {number: [sum, mean]}, charts: [{x: thousand, y: number sum}]}]
---
name: many-letters
source:
  query: >
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 400)
    select i / 10 as customer, i as number from c
pdf: {document: bills/chart.html, per: customer}
---
name: wide
source: {python: "wide.py:wide"}
pdf: {wide: pages}
"""
WIDE = """
import polars
def wide():
    return polars.DataFrame({f"column {i}": range(2000) for i in range(120)})
"""
TEMPLATES = {
    "bills/bill.html": "<h1>{{ title }}</h1><p>{{ group.name }} has {{ totals.text.people }} people</p>",
    "bills/letter.html": "<img src='logo.png'>{% for r in rows %}<p>{{ r.text.name }}</p>{% endfor %}",
    "bills/cover.html": "<h1>Cover of {{ stamp.report }} with {{ count }} rows</h1>",
    "bills/chart.html": "<p>{{ group.customer }}</p>{{ chart(x='number', y='number') }}",
    "bills/dated.html": "{{ stamp.made.isoformat() }}",
    "wrong/page.html": "<p>\n{{ rows[0].nmae }}</p>",
}


def made_catalog(folder: Path) -> None:
    for name in ("files", "bills", "wrong"):
        (folder / name).mkdir(parents=True)
    (folder / "all.yaml").write_text(CATALOG, encoding="utf-8")
    (folder / "wide.py").write_text(WIDE)
    for name, template in TEMPLATES.items():
        (folder / name).write_text(template)
    for name in ("bills", "files"):
        Image.new("RGB", (40, 20), "red").save(folder / name / "logo.png")
    font = files("prelo.formats") / "fonts" / "PreloSans-Regular.ttf"
    (folder / "files/own.ttf").write_bytes(font.read_bytes())
    (folder / "files/opens.txt").write_text(OPENS + "\r\n", encoding="utf-8")
    (folder / "files/owns.txt").write_text(OWNS, encoding="utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    folder = tmp_path_factory.mktemp("service")
    made_catalog(folder / "reports")
    with serving(folder) as server:
        yield server


def texts(file: bytes) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file), strict=True).pages]


def manifest(server: Server, job: dict[str, Any]) -> dict[str, Any]:
    return server.http.get(f"/v1/jobs/{job['id']}/manifest").json()


def file_of(server: Server, job: dict[str, Any]) -> bytes:
    return server.http.get(f"/v1/jobs/{job['id']}/file").content


ASKED = "North|South {page} {user}"


def read_at(server: Server, job: dict[str, Any]) -> str:
    """When the data was read, as a page in São Paulo says it."""
    read = datetime.fromisoformat(manifest(server, job)["data_as_of"])
    return read.astimezone(ZoneInfo("America/Sao_Paulo")).strftime("%d/%m/%Y %H:%M")


def test_a_page_says_the_report_its_parameters_and_when_the_data_was_read(server: Server):
    job = server.job("stamped", "pdf", parameters={"region": ASKED})
    (text,) = texts(file_of(server, job))
    head = " ".join(text.split("\n")[0].split())
    assert head == f"stamped {ASKED} {read_at(server, job)}"
    assert f"for {ASKED}" in text
    assert {"<>", "1/1"} <= set(text.split())
    assert f"Region {ASKED}" in " ".join(text.split())


def test_each_making_says_the_very_moment_at_which_it_read_the_data(server: Server):
    shown: set[str] = set()
    for _ in range(2):
        job = server.job("dated", "pdf", max_age=0)
        (text,) = texts(file_of(server, job))
        read = datetime.fromisoformat(manifest(server, job)["data_as_of"])
        assert text == read.replace(tzinfo=None).isoformat()
        shown.add(text)
    assert len(shown) == 2


def test_a_printed_workbook_says_them_too(server: Server):
    job = server.job("stamped", "xlsx", parameters={"region": ASKED})
    sheet = openpyxl.load_workbook(io.BytesIO(file_of(server, job))).worksheets[0]
    head = sheet.oddHeader
    assert head
    assert [(part.text or "").strip() for part in (head.left, head.center, head.right)] == [
        "stamped", ASKED, read_at(server, job),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("report", "form"), [("plain", "pdf"), ("plain", "xlsx"), ("letter", "pdf"), ("bills", "pdf")]
)
def test_a_file_that_shows_no_time_is_made_again_byte_by_byte(
    server: Server, report: str, form: str
):
    first, again = (server.job(report, form, max_age=0) for _ in range(2))
    assert first["id"] != again["id"]
    assert first["artifact"]["sha256"] == again["artifact"]["sha256"]
    assert b"CreationDate" not in file_of(server, again)


def test_documents_come_as_a_zip_and_the_same_report_as_a_workbook(server: Server, tmp_path: Path):
    job = server.job("bills", "pdf")
    with server.package(job, "Bills 2026.zip") as package:
        found = {name: texts(package.read(name))[0] for name in package.namelist()}
    assert list(found) == ["Bern.pdf", "Zürich.pdf"]
    assert "Zürich has 448,000 people" in found["Zürich.pdf"]
    with Client(str(server.http.base_url)) as client:
        saved = client.report("bills", format="pdf").save(tmp_path / "bills.zip")
        assert hashlib.sha256(saved.read_bytes()).hexdigest() == job["artifact"]["sha256"]
    split = server.job("bills", "pdf", overflow="split_files")["artifact"]
    assert split["sha256"] == job["artifact"]["sha256"]
    book = server.job("bills", "xlsx")["artifact"]
    assert book["name"] == "Bills 2026.xlsx"


def test_a_report_of_a_document_is_a_table_in_a_workbook(server: Server):
    cover, page = texts(server.file("letter", "pdf"))
    assert cover == "Cover of letter with 3 rows"
    assert page.split() == ["Bern", "Neustadt", "Zürich"]
    sheet = openpyxl.load_workbook(io.BytesIO(server.file("letter", "xlsx"))).worksheets[0]
    assert sheet["A2"].value == "Bern"


@pytest.mark.parametrize(
    ("report", "kind", "said"),
    [
        ("wrong-template", "format-failed", "page.html, line 2: there is no column 'nmae'"),
        ("breaks-half-way", "query-failed", "malformed JSON"),
    ],
)
def test_what_breaks_on_the_way_ends_the_job_and_leaves_nothing(
    server: Server, report: str, kind: str, said: str
):
    folder = server.folder / "data/files"
    before = sorted(folder.rglob("*.*"))
    job = server.job(report, "pdf")
    assert (job["state"], job["attempt"], job["error"]["type"]) == ("failed", 1, kind)
    assert said in job["error"]["detail"]
    assert str(server.folder) not in job["error"]["detail"]
    assert job["artifact"] is None
    assert server.http.get(f"/v1/jobs/{job['id']}/file").status_code == 409
    assert sorted(folder.rglob("*.*")) == before
    with Client(str(server.http.base_url)) as client, pytest.raises(JobFailed, match=said):
        client.report(report, format="pdf").bytes()


def test_no_rows_are_a_file_that_says_so(server: Server):
    job = server.job("empty", "pdf")
    assert job["completeness"] == "empty"
    (text,) = texts(file_of(server, job))
    assert "Keine Daten" in text


def test_a_pdf_with_passwords_opens_with_each_and_no_other(server: Server):
    file = server.file("locked", "pdf")
    for word, kind in ((OPENS, 1), (OWNS, 2), (OPENS + "\r\n", 0), ("", 0)):
        document = pypdf.PdfReader(io.BytesIO(file))
        assert document.decrypt(word) == kind
        if kind:
            assert "Ann 1,000" in document.pages[0].extract_text()


def test_a_password_is_in_no_answer_no_log_no_store_and_no_process_listing(server: Server):
    jobs = [server.job(name, "pdf") for name in ("locked", "locked-and-broken")]
    assert [job["state"] for job in jobs] == ["succeeded", "failed"]
    http = server.http
    addresses = ["jobs", "reports", "reports/locked", "status", "openapi.json"]
    addresses += [f"jobs/{job['id']}{part}" for job in jobs for part in ("", "/manifest")]
    answers = [http.get(f"/v1/{name}") for name in addresses] + [http.get("/openapi.json")]
    checked = http.post("/v1/jobs?validate_only=true", json={"report": "locked", "format": "pdf"})
    assert checked.status_code == 200
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    assert len(family) > 1, "a press is running"
    told = [answer.text for answer in (*answers, checked)] + [server.log]
    told += [" ".join(p.cmdline()) + str(p.environ()) for p in family]
    assert "Salaries" in "".join(told)
    for text in told:
        assert not [secret for secret in (OPENS, OWNS, "Tr3sor", "Haus(") if secret in text]
    stored = [p.read_bytes() for p in (server.folder / "data").rglob("*") if p.is_file()]
    assert any(b"locked-and-broken" in content for content in stored)
    assert not [s for content in stored for s in spellings() if s in content]


def spellings() -> list[bytes]:
    """How the passwords could stand in a file."""
    return [
        spelled
        for secret in (OPENS, OWNS)
        for spelled in (
            secret.encode(), secret.encode("utf-16-le"), json.dumps(secret).encode()[1:-1],
        )
    ]  # fmt: skip


@pytest.mark.parametrize("report", ["everything", "many-letters", "wide", "bills", "plain"])
def test_every_sort_of_pdf_has_room_in_the_usual_memory(server: Server, report: str):
    """The limit is 1 GiB of data; what a page needs of libraries is read into it."""
    job = server.job(report, "pdf")
    assert job["state"] == "succeeded", job["error"]
    told = manifest(server, job)
    assert told["pages"] >= 1
    assert told["peak_memory_bytes"] < 700 << 20, told
