"""`prelo render` to PDFs, option by option: read back by others, and mistakes as sentences."""

import io
import json
import re
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest

from tests.e2e.test_cli_render import render, typed

ROWS = "shop,article,amount\n" + "".join(
    f"{shop},article {n},{n}.50\n" for shop in ("Bern", "Genf", "Zug") for n in range(40)
)
LAYOUT = """
title: From the layout
pdf: {footer: "", watermark: Laid out}
"""
REPORTS = """
name: letters
source: {names: [shop, a], rows: [[Bern, 1], [Genf, 2]]}
pdf: {document: letter.html, per: shop, files: zip}
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a layout, templates, a logo, a font and a catalog."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "sales.csv").write_text(ROWS)
    (folder / "look.yaml").write_text(LAYOUT)
    (folder / "letter.html").write_text("<p>Dear {{ rows[0].shop }}, {{ count }} lines</p>")
    (folder / "cover.html").write_text("<h1>Cover of {{ count }}</h1>")
    (folder / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
    )
    font = files("prelo.formats") / "fonts" / "PreloSans-Regular.ttf"
    (folder / "own.ttf").write_bytes(font.read_bytes())
    writer = pypdf.PdfWriter()
    writer.add_blank_page(300, 200)
    writer.write(folder / "terms.pdf")
    (folder / "reports").mkdir()
    (folder / "reports/all.yaml").write_text(REPORTS)
    (folder / "reports/letter.html").write_text("<p>To {{ group.shop }}</p>")
    return folder


def made(home: Path, target: Path, *words: str) -> pypdf.PdfReader:
    """The PDF that these words make."""
    ran = render(home, *words, "-o", str(target))
    assert ran.returncode == 0, ran.stderr
    return pypdf.PdfReader(target, strict=True)


def texts(document: pypdf.PdfReader) -> list[str]:
    return [page.extract_text() for page in document.pages]


def test_what_stands_on_each_page(home: Path, tmp_path: Path):
    words = ["sales.csv", "--title", "Sales", "--group-by", "shop", "--total", "amount=sum"]
    words += ["--contents", "--page-totals", "--watermark", "Draft", "--logo", "logo.svg"]
    words += ["--header", "Left|Middle|{title}", "--footer", "p. {page}/{pages}"]
    contents, *pages = texts(made(home, tmp_path / "made.pdf", *words))
    assert "Contents" in contents
    assert len(pages) > 1
    for number, text in enumerate(pages, 2):
        assert "This page" in text
        assert f"p. {number}/{1 + len(pages)}" in text
        assert re.search(r"Left\s+Middle\s+Sales", text)
        assert "Draft" in text
    assert "shop: Genf" in contents


def test_an_option_counts_more_than_the_layout_which_says_the_rest(home: Path, tmp_path: Path):
    words = ["sales.csv", "--layout", "look.yaml", "--watermark", "Mine"]
    (first, *_) = texts(made(home, tmp_path / "made.pdf", *words))
    assert "Mine" in first
    assert "From the layout" in first
    assert "Laid out" not in first
    assert "Page 1" not in first
    (first, *_) = texts(made(home, tmp_path / "made.pdf", *words, "--footer", "{page}"))
    assert "\n1" in first


def test_an_archive_is_2b_or_with_attachments_3b(home: Path, tmp_path: Path):
    target = tmp_path / "made.pdf"
    made(home, target, "sales.csv", "--archive")
    assert b"<pdfaid:part>2</pdfaid:part>" in target.read_bytes()
    words = ["--archive", "--attach", "sales.csv", "--attach", "look.yaml"]
    attached = made(home, target, "sales.csv", *words).attachments
    assert attached == {"look.yaml": [LAYOUT.encode()], "sales.csv": [ROWS.encode()]}
    assert b"<pdfaid:part>3</pdfaid:part>" in target.read_bytes()


def test_a_font_is_read_and_must_be_one(home: Path, tmp_path: Path):
    made(home, tmp_path / "made.pdf", "sales.csv", "--font", "own.ttf")
    ran = render(home, "sales.csv", "-o", str(tmp_path / "no.pdf"), "--font", "look.yaml")
    assert (ran.returncode, "is no font with outlines" in ran.stderr) == (2, True)
    assert not (tmp_path / "no.pdf").exists()


def test_documents_with_a_cover_and_an_annex(home: Path, tmp_path: Path):
    words = ["sales.csv", "--document", "letter.html", "--per", "shop"]
    words += ["--cover", "cover.html", "--annex", "terms.pdf"]
    document = made(home, tmp_path / "made.pdf", *words)
    cover, *letters, annex = texts(document)
    assert "Cover of 120" in cover
    assert [text.strip() for text in letters] == [
        f"Dear {s}, 40 lines" for s in ("Bern", "Genf", "Zug")
    ]
    assert (annex, document.pages[-1].mediabox.width) == ("", 300)
    covered = texts(made(home, tmp_path / "table.pdf", "sales.csv", "--cover", "cover.html"))
    assert "Cover of 120" in covered[0]
    assert "article 39" in covered[-1]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["sales.csv", "--document", "letter.html", "--per", "shop"], ["Bern", "Genf", "Zug"]),
        (["-r", "letters", "--watermark", "Copy"], ["Bern", "Genf"]),
    ],
)
def test_a_zip_holds_a_pdf_for_each_document(
    home: Path, tmp_path: Path, words: list[str], names: list[str]
):
    target = tmp_path / "made.zip"
    ran = render(home, *words, "-o", str(target), "--json")
    manifest: dict[str, Any] = json.loads(ran.stdout)["manifest"]
    assert manifest["format"] == "pdf", ran.stderr
    with zipfile.ZipFile(target) as zipped:
        assert zipped.namelist() == [f"{name}.pdf" for name in names]
        (text,) = texts(pypdf.PdfReader(io.BytesIO(zipped.read(names[0] + ".pdf"))))
    assert names[0] in text
    said = render(home, *words, "-o", str(target)).stdout
    assert f"{len(names)} files" in said


def test_workbooks_have_headers_and_footers_of_their_own(home: Path, tmp_path: Path):
    words = [
        "sales.csv",
        "-o",
        str(tmp_path / "made.xlsx"),
        "--header",
        "Ours",
        "--footer",
        "{page}",
    ]
    assert render(home, *words).returncode == 0
    sheet: Any = openpyxl.load_workbook(tmp_path / "made.xlsx").worksheets[0]
    assert sheet.oddHeader.left.text == "Ours"
    assert sheet.oddFooter.left.text == "&P"


def test_a_password_is_asked_for_and_opens_the_pdf(home: Path, tmp_path: Path):
    target = tmp_path / "made.pdf"
    words = ["sales.csv", "-o", str(target), "--password"]
    code, screen = typed(home, words, ["schlüssel 1", "schlüssel 1"])
    assert code == 0, screen
    assert "schlüssel" not in screen
    document = pypdf.PdfReader(target)
    assert document.is_encrypted
    assert not document.decrypt("wrong")
    assert document.decrypt("schlüssel 1")
    assert "article 1" in document.pages[0].extract_text()


MISTAKES = [
    (["-o", "x.csv", "--watermark", "Draft"], 2, "is for PDFs, and 'x.csv' is none"),
    (["-o", "x.xlsx", "--contents"], 2, "is for PDFs, and 'x.xlsx' is none"),
    (["-o", "x.xlsx", "--page-totals"], 2, "'--page-totals': is for PDFs"),
    (["-o", "x.zip", "--archive"], 2, "'x.zip' holds workbooks; --document and --per make a ZIP of"),
    (["-o", "x.csv", "--logo", "logo.svg"], 2, "is for workbooks and PDFs, and 'x.csv' is none"),
    (["-o", "x.csv", "--password"], 2, "'--password': is for workbooks and PDFs"),
    (["-o", "x.csv", "--footer", ""], 2, "'--footer': is for workbooks and PDFs"),
    (["-o", "x.pdf", "--table"], 2, "'--table': is for workbooks, and 'x.pdf' is none"),
    (["-o", "x.pdf", "--overflow", "fail"], 2, "'--overflow': is for workbooks"),
    (["-o", "x.pdf", "--archive", "--password"], 2, "'--password': is not for an archive"),
    (["-o", "x.pdf", "--password"], 2, "as pdf: {password: !file name}"),
    (["-o", "x.pdf", "--attach", "no.txt"], 3, "cannot read no.txt: No such file"),
    (["-o", "x.pdf", "--font", "no.ttf"], 3, "cannot read no.ttf: No such file"),
    (["-o", "x.pdf", "--attach", "a.csv", "--attach", "b/a.csv"], 2, "'a.csv' is given twice"),
    (["-o", "x.pdf", "--document", "no.html"], 3, "cannot read no.html: No such file"),
    (["-o", "x.pdf", "--cover", "no.html"], 3, "cannot read no.html: No such file"),
    (["-o", "x.pdf", "--annex", "reports"], 3, "cannot read reports: Is a directory"),
    (["-o", "x.pdf", "--per", "shop"], 2, "belong to a document; give a template"),
    (["-o", "x.zip", "--document", "letter.html"], 2, "'files: zip' needs 'per'"),
    (["-o", "x.zip", "--document", "letter.html", "--info"], 2, "and 'x.zip' holds PDFs"),
    (["-o", "x.xlsx", "--document", "letter.html"], 2, "'--document': is for PDFs"),
    (["-o", "x.pdf", "--document", "terms.pdf"], 2, "a finished PDF can be a cover or an annex"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), MISTAKES)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    home: Path, words: list[str], code: int, said: str
):
    refused(home, ["sales.csv", *words], code, said)


def test_a_report_of_documents_in_files_of_their_own_is_named_as_a_zip(home: Path):
    refused(home, ["-r", "letters", "-o", "x.pdf"], 2, "makes a ZIP of PDFs: name it x.zip")
    refused(home, ["-r", "letters", "-o", "x.zip", "--info"], 2, "and 'x.zip' holds PDFs")


def refused(home: Path, words: list[str], code: int, said: str) -> None:
    ran = render(home, *words)
    assert said in ran.stderr
    assert (ran.returncode, ran.stdout) == (code, "")
    assert "Traceback" not in ran.stderr
    assert [path.name for path in home.iterdir() if path.name.startswith(("x.", ".x"))] == []
