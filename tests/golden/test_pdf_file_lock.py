"""PDFs with a password, opened by qpdf, pikepdf, pypdf and poppler."""

import io
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, cast

import pikepdf
import polars as pl
import pypdf
import pytest
from conftest import Run
from drafts import Draft
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import numbered, saved, write
from pydantic import SecretStr

from prelo.core.errors import Invalid
from prelo.formats.pdf.file import File, text_string
from prelo.formats.pdf.file.lock import Lock, prepared

USER, OWNER = "Sésame (ouvre-toi) Ж", "chefe"
SAID = {
    "title": "Gehälter (intern)",
    "author": "Personal",
    "pdf": {"password": USER, "owner_password": OWNER, "permissions": ("print", "fill"),
            "attachments": {"geheim.csv": b"name;1"}},
}  # fmt: skip


def opened(file: bytes, password: str = "") -> pikepdf.Pdf:
    """As pikepdf sees it. Its objects do not outlive it."""
    document = pikepdf.open(io.BytesIO(file), password=password)
    document.check_pdf_syntax()
    assert document.get_warnings() == []
    return document


@pytest.mark.parametrize("password", [USER, OWNER])
def test_each_password_opens_all_of_it_in_every_reader(password: str, qpdf: Run, tmp_path: Path):
    file, _ = write(numbered(300), **SAID)
    path = saved(file, tmp_path)
    said = qpdf(f"--password={password}", "--check", path)
    assert "No syntax or stream encoding errors" in said
    assert said.count("AESv3") == 3
    document = opened(file, password)
    assert str(document.docinfo["/Title"]) == SAID["title"]
    with document.open_metadata() as xmp:
        assert (xmp["dc:title"], xmp["dc:creator"]) == (SAID["title"], ["Personal"])
    assert document.attachments["geheim.csv"].get_file().read_bytes() == b"name;1"
    read = pypdf.PdfReader(io.BytesIO(file), strict=True)
    kind = pypdf.PasswordType.USER_PASSWORD if password == USER else None
    assert read.decrypt(password) == (kind or pypdf.PasswordType.OWNER_PASSWORD)
    assert "row-1" in read.pages[0].extract_text()
    assert read.metadata is not None
    assert read.metadata.title == SAID["title"]


def test_poppler_opens_it_too(pdftotext: Run, tmp_path: Path):
    path = saved(write(numbered(100), **SAID)[0], tmp_path)
    for option, password in (("-upw", USER), ("-opw", OWNER)):
        assert pdftotext(option, password, path, "-").count("row-") == 100


@pytest.mark.parametrize("password", ["", "sésame", OWNER + " "])
def test_another_password_is_refused(password: str, tmp_path: Path):
    file, _ = write(numbered(1), **SAID)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(io.BytesIO(file), password=password)
    assert pypdf.PdfReader(io.BytesIO(file)).decrypt(password) == pypdf.PasswordType.NOT_DECRYPTED
    told = subprocess.run(
        ["pdftotext", "-upw", password or "no", saved(file, tmp_path), "-"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert b"Incorrect password" in told.stderr


ALLOWS = {
    "print": {"print_lowres", "print_highres"}, "copy": {"extract"}, "change": {"modify_other"},
    "annotate": {"modify_annotation"}, "fill": {"modify_form"}, "assemble": {"modify_assembly"},
}  # fmt: skip


@pytest.mark.parametrize("named", [(), *((name,) for name in ALLOWS), tuple(ALLOWS)])
def test_without_the_owner_only_what_is_named_is_allowed(named: tuple[str, ...]):
    file, _ = write(numbered(1), pdf={"owner_password": OWNER, "permissions": named})
    allowed = opened(file).allow._asdict()  # everybody may open it
    assert allowed.pop("accessibility")
    assert {name for name, yes in allowed.items() if yes} == {a for n in named for a in ALLOWS[n]}


def test_without_an_owner_password_nobody_is_the_owner():
    file, _ = write(numbered(1), pdf={"password": "u", "permissions": ()})
    document = opened(file, "u")
    assert document.user_password_matched
    assert not document.owner_password_matched
    with pytest.raises(pikepdf.PasswordError):
        opened(file)


def test_every_key_that_chance_makes_can_be_found_again():
    # How long the hash takes hangs on the salts: some passwords are right in every 64th file only, or so.
    for _ in range(30):
        out = io.BytesIO()
        file = File(out, Lock("u", "o", ()))
        file.close(file.add(b"<</Type/Catalog/Pages<</Kids[]/Count 0>>>>"), file.add(b"<<>>"))
        for password in ("u", "o"):
            pikepdf.open(io.BytesIO(out.getvalue()), password=password).close()


any_text = st.text(max_size=40)


@given(texts=st.lists(any_text, max_size=6), data=st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_no_string_and_no_stream_stays_readable(texts: list[str], data: bytes):
    draft = Draft.of(pdf={"password": "u"})
    whole = b" ".join(map(text_string, texts))
    found = draft.file.add(b"<</All[%b 1 0 R<%b>(\\344\\n\\(x)]>>" % (whole, data.hex().encode()))
    stream = draft.file.stream(data, b"/More(told)")
    bodies = [b"<</S%b>>" % text_string(text) for text in texts]
    first = draft.file.many(pl.Series([b.decode() for b in bodies], dtype=pl.String))
    draft.page("x")
    file = draft.finished()
    document = opened(file, "u")
    *strings, _, raw, escapes = cast("Any", document.get_object(found, 0)).All
    heard = [t.encode("utf-16-be", "replace").decode("utf-16-be") for t in texts]
    assert [str(s) for s in strings] == heard
    assert (bytes(raw), bytes(escapes)) == (data, b"\xe4\n(x")
    read = document.get_object(stream, 0)
    assert (cast("Any", read).read_bytes(), str(cast("Any", read).More)) == (data, "told")
    many = [str(cast("Any", document.get_object(first + i, 0)).S) for i in range(len(texts))]
    assert many == heard
    for text in texts:
        if len(text) > 3:
            assert text_string(text) not in file


def test_nothing_that_is_said_can_be_found_in_the_file():
    draft = Draft.of(**SAID)
    page = draft.page("x")
    draft.outline.add("Bookmark", 0, page, 0)
    draft.file.many(pl.Series(["<</A<</S/URI/URI(https://example.org)>>>>"]))
    file = draft.finished()
    for word in (b"Geh", "Gehälter".encode("utf-16-be").hex().upper().encode(), b"Personal",
                 b"geheim", b"Bookmark", b"example.org", b"(Prelo)", b"xmpmeta"):  # fmt: skip
        assert word not in file


def test_a_string_that_has_no_clear_end_is_refused_not_left_readable():
    file = File(io.BytesIO(), Lock("u", None, ()))
    for body in (b"<</T(a(b)c)>>", b"<</T(a>>", b"<</T<AB(>>"):
        with pytest.raises(ValueError, match="parentheses"):
            file.add(body)


def test_two_files_of_equal_input_share_no_byte_of_their_strings():
    one, two = (write(numbered(3), pdf={"password": "u"})[0] for _ in range(2))
    assert one != two
    assert opened(one, "u").trailer.ID != opened(two, "u").trailer.ID


def test_a_password_is_the_same_however_it_was_typed(qpdf: Run, tmp_path: Path):
    file, _ = write(numbered(1), pdf={"password": "e\u0301\u00ad\ufb01\u2168\u00a0x"})
    assert "No syntax" in qpdf("--password=éfiIX x", "--check", saved(file, tmp_path))
    # RFC 4013, 3
    for typed, meant in (("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"),
                         ("\u00aa", "a"), ("\u2168", "IX")):  # fmt: skip
        assert prepared(typed) == meant.encode()
    assert prepared("\u0627\u0628") == "\u0627\u0628".encode()


@pytest.mark.parametrize(
    ("password", "why"),
    [("\x07", "readers refuse"), ("\u0627\u0031", "right to left"), ("", "1 to 127 bytes"),
     ("\u00ad", "1 to 127 bytes"), ("é" * 64, "this has 128"), ("\ud800", "readers refuse"),
     ("🔑", "readers refuse")],
)  # fmt: skip
def test_a_password_that_no_reader_takes_is_refused(password: str, why: str):
    for option in ("password", "owner_password"):
        with pytest.raises(Invalid, match=why) as caught:
            Draft.of(pdf={option: SecretStr(password)})
        assert not password or password not in str(caught.value)


def test_a_password_of_127_bytes_opens():
    longest = "é" * 63 + "x"
    assert opened(write(numbered(1), pdf={"password": longest})[0], longest)


class Nowhere:
    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        pass


def test_memory_stays_flat_however_much_is_encrypted():
    file = File(Nowhere(), Lock("u", None, ()))
    content = os.urandom(100_000)
    file.stream(content)
    tracemalloc.start()
    for _ in range(200):
        file.stream(content)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_without_the_library_the_error_says_what_to_install():
    say = """
import io, sys
sys.modules["cryptography"] = None
from prelo.core.errors import FormatFailed
from prelo.core.page import PdfOptions
from prelo.formats.pdf.file.whole import begin
begin(io.BytesIO(), PdfOptions())
try:
    begin(io.BytesIO(), PdfOptions(password="u"))
except FormatFailed as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", say], capture_output=True, text=True, check=True)
    assert "pip install 'prelo[password]'" in said.stdout
