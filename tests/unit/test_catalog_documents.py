"""Documents of a catalog: found beside the YAML, and part of what the report is."""

from pathlib import Path

import pytest

from prelo.adapters import catalog_folder
from prelo.adapters.catalog_folder import load_catalog
from prelo.core.errors import Misconfigured

YAML = """name: bills
source: {query: select 1}
pdf: {document: bills/page.html, per: [n], cover: bills/cover.html}
"""
PYTHON = """
import prelo

@prelo.report(pdf={"document": "bills/page.html"})
def coded():
    return []
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    place = tmp_path / "catalog"
    bills = place / "bills"
    bills.mkdir(parents=True)
    for name in ("page.html", "cover.html", "page.css"):
        (bills / name).write_text(name)
    (place / "bills.yaml").write_text(YAML)
    (place / "coded.py").write_text(PYTHON)
    return place


def test_a_document_knows_its_folder(catalog: Path):
    reports = load_catalog(catalog)
    document = reports.get("bills").pdf.document
    assert document is not None
    assert (document.template, document.folder) == ("page.html", str(catalog / "bills"))
    cover, coded = reports.get("bills").pdf.cover, reports.get("coded").pdf.document
    assert cover is not None
    assert coded is not None
    assert document.digest == cover.digest == coded.digest != ""


@pytest.mark.parametrize("name", ["page.html", "page.css", "new.png", "sub/new.css"])
def test_a_changed_file_of_the_folder_makes_another_report(catalog: Path, name: str):
    before = load_catalog(catalog)
    path = catalog / "bills" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("changed")
    after = load_catalog(catalog)
    for report in ("bills", "coded"):
        assert before.get(report).digest != after.get(report).digest


def test_neither_its_place_nor_what_is_hidden_makes_another_report(catalog: Path):
    before = load_catalog(catalog).get("bills")
    (catalog / "bills" / ".swap").write_text("x")
    moved = catalog.rename(catalog.parent / "elsewhere")
    after = load_catalog(moved).get("bills")
    assert before.digest == after.digest
    assert before.pdf != after.pdf


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "bills/none.html",
            r"bills\.yaml, line 1: pdf\.document: there is no file .*none\.html; add it",
        ),
        ("../outside.html", r"'outside\.html' is not in .*catalog or below"),
        ("/etc/passwd", r"'passwd' is not in .*catalog or below"),
        ("bills/link.html", r"'link\.html' is not in"),
        ("bills", r"there is no file .*bills"),
    ],
)
def test_a_template_that_is_not_there_is_told_when_the_catalog_is_loaded(
    catalog: Path, path: str, said: str
):
    (catalog.parent / "outside.html").write_text("x")
    (catalog / "bills" / "link.html").symlink_to(catalog.parent / "outside.html")
    (catalog / "bills.yaml").write_text(YAML.replace("bills/page.html", path))
    with pytest.raises(Misconfigured, match=said):
        load_catalog(catalog)


def test_the_folder_of_a_function_is_told_with_its_file(catalog: Path):
    (catalog / "coded.py").write_text(PYTHON.replace("page.html", "none.html"))
    with pytest.raises(
        Misconfigured, match=r"coded\.py, the report 'coded': pdf\.document: there is no"
    ):
        load_catalog(catalog)


def test_a_folder_with_too_much_in_it_is_refused(catalog: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catalog_folder, "_MOST_FILES", 2)
    with pytest.raises(Misconfigured, match=r"more than 2 files or 64 MB; keep in it only what"):
        load_catalog(catalog)
    monkeypatch.setattr(catalog_folder, "_MOST_FILES", 1000)
    monkeypatch.setattr(catalog_folder, "_MOST_BYTES", 10)
    with pytest.raises(Misconfigured, match=r"more than 1,000 files or 64 MB"):
        load_catalog(catalog)
