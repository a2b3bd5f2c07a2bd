"""write_pdf's own options: documents by their paths, files by path or content, short forms."""

import io
import os
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest

import prelo
from prelo.core.page import Document, Stamp

FRAME = pl.DataFrame({"city": ["Köln", "Zürich"], "amount": [1.5, 2.25]})


@pytest.fixture
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below the working folder, with a template that reads another file."""
    folder = tmp_path / "letters"
    folder.mkdir()
    (folder / "page.html").write_text("{{ count }} of {% include 'part.html' %}")
    (folder / "part.html").write_text("{{ stamp.user or 'nobody' }}")
    monkeypatch.chdir(tmp_path)
    return folder


def texts(**options: Any) -> list[str]:
    out = io.BytesIO()
    prelo.write_pdf(FRAME, out, **options)
    return [page.extract_text() for page in pypdf.PdfReader(out).pages]


def test_a_document_is_a_path_or_a_dict_from_the_working_folder_on(letters: Path):
    given: list[Any] = [
        "letters/page.html", Path("letters/page.html"), letters / "page.html",
        {"template": "letters/page.html"}, {"template": Path("page.html"), "folder": "letters"},
        {"template": "page.html", "folder": letters}, Document(template="page.html", folder="letters"),
    ]  # fmt: skip
    for document in given:
        assert texts(document=document) == ["2 of nobody"]
    assert texts(document={"template": "letters/page.html"}, cover="letters/page.html")[
        0
    ].startswith("2")
    assert texts(annex=letters / "page.html")[-1] == "2 of nobody"
    os.chdir(letters)
    assert texts(document="page.html", stamp={"user": "Ana"}) == ["2 of Ana"]


def test_a_document_stays_where_it_was_when_the_program_goes_elsewhere(letters: Path):
    def rows() -> Any:
        os.chdir("/")
        yield FRAME

    out = io.BytesIO()
    prelo.write_pdf(rows(), out, document="letters/page.html")
    assert pypdf.PdfReader(out).pages[0].extract_text() == "2 of nobody"


@pytest.mark.parametrize("option", ["document", "cover", "annex"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("none.html", "there is no file 'none.html'; add it, or mend the path"),
        ("letters", "there is no file 'letters'"),
        ("x" * 5000, "there is no file"),
        ("a\0b", r"there is no file 'a\\x00b'"),
        ({"template": "page.html", "folder": "nowhere"}, "there is no file 'nowhere/page.html'"),
        ({"template": 5}, "must be text"),
        ({"template": "letters/page.html", "engine": "word"}, "should be 'weasyprint' or"),
        ({"tmplate": "letters/page.html"}, "there is no such option|required"),
        ([1], "should be a valid dictionary"),
    ],
)
def test_a_document_that_is_none_is_named_with_its_option(
    letters: Path, option: str, given: Any, said: str
):
    target = letters / "made.pdf"
    with pytest.raises(prelo.Invalid, match=rf"^{option}[.\w]*: .*({said})"):
        prelo.write_pdf(FRAME, target, **{option: given})
    assert not target.exists()


def test_a_template_reads_its_own_folder_only(letters: Path):
    (letters / "page.html").write_text("{% include '../outside.html' %}")
    (letters.parent / "outside.html").write_text("secret")
    with pytest.raises(prelo.PreloError, match="is not in the document's folder"):
        texts(document="letters/page.html")


def test_short_forms_are_understood(letters: Path):
    (letters / "page.html").write_text("{{ group.city }}")
    assert texts(document="letters/page.html", per="city") == ["Köln", "Zürich"]
    summary = {"by": "city", "values": {"amount": "sum"}, "title": "By city"}
    assert "By city" in texts(summaries=[summary])[0]
    assert "by Ana" in texts(stamp={"user": "Ana"}, footer="by {user}")[0]
    assert "by Ana" in texts(stamp=Stamp(user="Ana"), footer="by {user}")[0]


def test_a_password_is_in_no_error():
    secret = "geheim"
    for wrong in ({"margin": -1}, {"owner_password": [secret]}, {"archive": "2b"}, {"password": 5}):
        options: Any = {"password": secret, "owner_password": secret} | wrong
        with pytest.raises(prelo.Invalid) as caught:
            prelo.write_pdf(FRAME, bytearray(), **options)
        assert secret not in str(caught.value)
