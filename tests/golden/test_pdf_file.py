"""The objects, pages and description of a PDF file, read back by pypdf, pikepdf, qpdf and poppler."""

import io
from pathlib import Path
from typing import Any, cast

import numpy as np
import pikepdf
import polars as pl
import pytest
from conftest import Run, find, run
from drafts import Draft
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import catalog, numbered, reader, saved, write
from pydantic import ValidationError

from prelo.formats.pdf.file import File, text_string


def opened(file: bytes, **options: Any) -> pikepdf.Pdf:
    """As pikepdf sees it, which must have nothing to say about it. Its objects do not outlive it."""
    document = pikepdf.open(io.BytesIO(file), **options)
    document.check_pdf_syntax()
    assert document.get_warnings() == []
    return document


def test_pages_in_front_come_first_though_written_last(qpdf: Run, tmp_path: Path):
    draft = Draft.of()
    for number in range(100):
        draft.page(f"page {number}")
    for number in range(40):
        draft.page(f"contents {number}", front=True)
    file = draft.finished()
    texts = [page.extract_text().splitlines()[0] for page in reader(file).pages]
    assert texts == [f"contents {n}" for n in range(40)] + [f"page {n}" for n in range(100)]
    qpdf("--check", saved(file, tmp_path))


def test_a_page_may_have_entries_of_its_own():
    draft = Draft.of()
    draft.page("wide", b"/MediaBox[0 0 800 400]/Tabs/S")
    draft.page("usual")
    wide, usual = reader(draft.finished()).pages
    assert (wide.mediabox.width, wide["/Tabs"]) == (800, "/S")
    assert float(usual.mediabox.width) == 595.28


def test_a_page_of_another_file_is_placed_with_all_its_entries():
    draft = Draft.of()
    draft.page("ours")
    content = draft.file.stream(b"0 0 50 50 re f")
    number = draft.file.reserve()
    placed = draft.tree.place(
        b"/MediaBox[0 0 100 100]/Resources<<>>/Contents %d 0 R" % content, number
    )
    assert placed == number
    pages = reader(draft.finished()).pages
    assert [page.mediabox.width for page in pages][1] == 100


links = st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])), max_size=60)


@given(addresses=links)
@settings(max_examples=25, deadline=None)
def test_many_objects_stand_where_the_file_says(addresses: list[str]):
    draft = Draft.of()
    links = pl.Series(addresses, dtype=pl.String)
    bodies = pl.select(
        pl.format(
            "<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect[0 0 9 9]/A<</S/URI/URI(x:{})>>>>", links
        )
    ).to_series()  # fmt: skip
    first = draft.file.many(bodies)
    annots = b"".join(b"%d 0 R " % n for n in range(first, first + len(addresses)))
    draft.page("linked", b"/Annots[%b]" % annots)
    document = opened(draft.finished())
    page = document.pages[0]
    found = [str(annot.A.URI) for annot in cast("Any", page.obj).Annots]
    assert found == [f"x:{address}" for address in addresses]


def test_numbers_in_a_row_can_be_reserved():
    file = File(io.BytesIO())
    assert [file.reserve(), file.reserve(3), file.reserve()] == [1, 2, 5]


def test_a_stream_cannot_be_written_as_another_object():
    with pytest.raises(ValueError, match="stream"):
        File(io.BytesIO()).add(b"<</Length 1>>stream\nx\nendstream")


class Sink:
    """How often it is written to, and how large a piece is at most."""

    def __init__(self) -> None:
        self.calls = self.most = self.size = 0

    def write(self, data: bytes | bytearray | memoryview, /) -> None:
        self.calls += 1
        self.size += len(data)
        self.most = max(self.most, len(data))


def test_small_objects_are_written_together_and_do_not_pile_up():
    sink = Sink()
    file = File(sink)
    for _ in range(20_000):
        file.add(b"<</Type/Nothing>>")
    assert sink.calls > 5
    assert sink.most < 70_000
    file.close(1, 2)
    assert sink.calls < 40


def test_equal_input_gives_an_equal_file_and_other_input_another_name():
    def name(file: bytes) -> Any:
        identity: Any = reader(file).trailer["/ID"]
        assert identity[0] == identity[1]
        return identity[0]

    first, second = (write(numbered(50), title="A")[0] for _ in range(2))
    assert first == second
    others = [
        write(numbered(50), title="B")[0],  # equally long
        write(numbered(51), title="A")[0],
        write(numbered(50), title="A", author="X")[0],
    ]
    assert len({name(file) for file in (first, *others)}) == 4


@given(st.lists(st.binary(min_size=3, max_size=3), min_size=2, max_size=2, unique=True))
def test_every_byte_counts_for_the_name_of_a_file(contents: list[bytes]):
    names: set[str] = set()
    for content in contents:
        out = io.BytesIO()
        file = File(out)
        file.close(file.add(b"<</Type/Catalog>>"), file.add(b"<%b>" % content.hex().encode()))
        names.add(out.getvalue().partition(b"/ID[")[2][:34].decode())
    assert len(names) == 2


class Told:
    """What is said of a file, in the two places where it is said."""

    def __init__(self, file: bytes) -> None:
        document = reader(file)
        self.info = document.metadata
        self.xmp: Any = document.xmp_metadata


@given(title=st.text(max_size=30), author=st.text(max_size=30))
@settings(max_examples=40, deadline=None)
def test_any_title_and_author_are_told_alike_in_both_places(title: str, author: str):
    draft = Draft.of(title=title, author=author, subtitle="<&>", locale="pt_BR")
    draft.page("x")
    told = Told(draft.finished())
    assert told.info is not None
    # XML reads every end of a line as one.
    heard = (told.xmp.dc_title or {}).get("x-default", "")
    assert heard == (told.info.title or "").replace("\r\n", "\n").replace("\r", "\n")
    assert [*(told.xmp.dc_creator or ()), ""][0] == (told.info.author or "").replace(
        "\r\n", "\n"
    ).replace("\r", "\n")
    assert told.xmp.dc_description["x-default"] == told.info.subject == "<&>"
    assert (told.xmp.dc_language, told.xmp.pdf_producer) == (["pt-BR"], "Prelo")
    if title.isprintable():
        assert (told.info.title or "") == title


def test_a_file_says_when_it_was_made_only_if_it_was_told():
    told = Told(write(numbered(1), stamp={"made": "2026-11-25T18:30:05.25-03:00"})[0])
    assert told.info is not None
    assert str(told.info.creation_date) == "2026-11-25 18:30:05-03:00"
    assert str(told.xmp.xmp_create_date) == "2026-11-25 21:30:05"
    assert b"CreationDate" not in write(numbered(1))[0]


def test_the_language_is_a_tag_and_the_direction_the_layouts():
    draft = Draft.of(locale="ar_EG")
    draft.page("x")
    root = catalog(reader(draft.finished(rtl=True)))
    assert root["/Lang"] == "ar-EG"
    assert root["/ViewerPreferences"]["/Direction"] == "/R2L"


ATTACHED = {"data.csv": b"a,b\r\n1,2", "données.xlsx": b"PK\x05\x06", "a (1).txt": b""}


def test_attachments_come_out_as_they_went_in(qpdf: Run, tmp_path: Path):
    made = "2026-11-25T18:30:05+00:00"
    file, _ = write(numbered(2), pdf={"attachments": ATTACHED}, stamp={"made": made})
    qpdf("--check", saved(file, tmp_path))
    document = opened(file)
    # A name tree is searched by halves: its names must be in order. (pikepdf would mend it unasked.)
    names = catalog(reader(file))["/Names"]["/EmbeddedFiles"]["/Names"]
    assert names[::2] == ["a (1).txt", "data.csv", "données.xlsx"]
    found = document.attachments
    assert {name: found[name].get_file().read_bytes() for name in found} == ATTACHED
    sheet = found["données.xlsx"].get_file()
    assert sheet.mime_type == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert (sheet.size, str(sheet.mod_date)) == (4, "2026-11-25 18:30:05+00:00")
    relations = {str(f.UF): str(f.AFRelationship) for f in document.Root.AF}
    assert relations == {
        "data.csv": "/Data", "données.xlsx": "/Data", "a (1).txt": "/Unspecified",
    }  # fmt: skip
    assert find("pdfdetach", "poppler-utils")
    assert run("pdfdetach", "-list", saved(file, tmp_path)).startswith("3 embedded files")


def test_the_checksum_of_an_attachment_is_its_md5():
    file, _ = write(numbered(1), pdf={"attachments": {"x.bin": b"abc"}})
    document = opened(file)
    attached = document.attachments["x.bin"].get_file()
    assert attached.md5.hex() == "900150983cd24fb0d6963f7d28e17f72"
    assert attached.mime_type == "application/octet-stream"


@pytest.mark.parametrize("name", ["", "a/b.txt", "..\\b.txt", "a\nb", "..", "a\ud800", "\x9b"])
def test_a_name_that_is_a_path_is_refused(name: str):
    with pytest.raises(ValidationError, match="is no name for an attachment"):
        write(numbered(1), pdf={"attachments": {name: b"x"}})


texts = st.text(max_size=20)


@given(text=texts)
def test_any_text_can_be_a_string(text: str):
    found = pikepdf.Object.parse(text_string(text))
    expected = text.encode("utf-16-be", "replace").decode("utf-16-be")
    assert str(found) == expected


def test_the_table_of_offsets_holds_a_hundred_thousand_objects(qpdf: Run, tmp_path: Path):
    draft = Draft.of()
    draft.file.many(pl.Series(np.arange(100_000)).cast(pl.String))
    draft.page("x")
    qpdf("--check", saved(draft.finished(), tmp_path))
