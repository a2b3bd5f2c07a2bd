"""Pages of finished PDFs within another file: everything they show and nothing that acts."""

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pypdf
import pytest
from conftest import Run
from documents import Desk, lines
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import pages, reader, saved, write
from pikepdf import Array, Dictionary, Name, String

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout
from prelo.formats.pdf.document.assembly import Assembly
from prelo.formats.pdf.document.graft import Grafter, Under
from prelo.formats.pdf.file import File, PageTree


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def joined(*parts: bytes, foreign: bool = True, **layout: Any) -> bytes:
    out = io.BytesIO()
    assembly = Assembly(out, Layout.model_validate(layout), is_one=False)
    for number, part in enumerate(parts):
        assembly.add(part, f"part {number}", foreign=foreign)
    assembly.close()
    return out.getvalue()


def made(pdf: pikepdf.Pdf) -> bytes:
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def text_page(pdf: pikepdf.Pdf, text: bytes, **more: Any) -> pikepdf.Object:
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, 200, 100]),
            Resources=Dictionary(Font=Dictionary(F=font)),
            Contents=pdf.make_stream(b"BT /F 12 Tf 10 50 Td (" + text + b") Tj ET"),
            **more,
        )
    )


def test_a_table_and_documents_become_one_file(desk: Desk, qpdf: Run, pdftotext: Run):
    table, _ = write(lines(400), title="Table")
    letter, _ = desk.write("<p>A letter to ä€漢", lines(1))
    file = joined(letter, table, letter, title="Both")
    whole = pages(file)
    assert whole == [*pages(letter), *pages(table), *pages(letter)]
    document = reader(file)
    marks: list[Any] = document.outline
    assert [mark.title for mark in marks] == ["part 0", "part 1", "part 2"]
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, desk.folder))
    assert "A letter to ä€漢" in pdftotext(saved(file, desk.folder), "-")
    assert len(file) < len(letter) + len(table) + 3000, (
        "the second letter's objects are there already"
    )


def test_inherited_entries_come_along(desk: Desk):
    pdf = pikepdf.new()
    pdf.pages.append(pikepdf.Page(text_page(pdf, b"turned")))
    page, root = pdf.pages[0].obj, pdf.Root.Pages
    root.Rotate, root.MediaBox, root.Resources = 90, page.MediaBox, page.Resources
    del page.MediaBox
    del page.Resources
    found = reader(joined(made(pdf))).pages[0]
    assert (found.rotation, found.extract_text()) == (90, "turned")
    assert float(found.mediabox.width) == 200


def test_what_acts_is_left_behind_and_what_shows_stays(desk: Desk):
    pdf = pikepdf.new()
    script = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))
    look = pdf.make_stream(b"0 0 1 rg 0 0 50 20 re f BT 1 g /F 9 Tf 2 5 Td (typed) Tj ET")
    look.update(Dictionary(Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 50, 20])))
    look.Resources = Dictionary(
        Font=Dictionary(F=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    )
    field = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("name"), Rect=Array([10, 10, 60, 30]),
            AP=Dictionary(N=look), AA=Dictionary(K=script), F=4, V=String("typed"),
        )
    )  # fmt: skip
    run = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=script)
    launch = Dictionary(S=Name.Launch, F=String("/bin/sh"))
    start = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=launch)
    page = text_page(pdf, b"form", Annots=Array([field, run, start]), AA=Dictionary(O=script))
    pdf.pages.append(pikepdf.Page(page))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))
    pdf.Root.OpenAction = script
    file = joined(made(pdf))
    assert reader(file).pages[0].extract_text().split() == ["form", "typed"]
    for word in (b"JavaScript", b"Launch", b"AcroForm", b"/AA", b"OpenAction", b"/bin/sh"):
        assert word not in file


def test_circles_and_pages_within_resources_end(desk: Desk, qpdf: Run):
    pdf = pikepdf.new()
    page = text_page(pdf, b"round")
    one, two = pdf.make_indirect(Dictionary()), pdf.make_indirect(Dictionary())
    one.Next, two.Next, two.Page = two, one, page
    page.Resources.Properties = Dictionary(P=one, Pages=pdf.Root.Pages, Self=page)
    pdf.pages.append(pikepdf.Page(page))
    file = joined(made(pdf), made(pdf))
    assert pages(file) == ["round", "round"]
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, desk.folder))


def test_links_by_name_and_bookmarks_lead_to_the_new_pages():
    pdf = pikepdf.new()
    first, second = text_page(pdf, b"first"), text_page(pdf, b"second")
    link = Dictionary(
        Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), Dest=String("there")
    )
    first.Annots = Array([link])
    for page in (first, second):
        pdf.pages.append(pikepdf.Page(page))
    place = Array([pdf.pages[1].obj, Name.FitH, 70])
    pdf.Root.Names = Dictionary(Dests=Dictionary(Names=Array([String("there"), place])))
    with pdf.open_outline() as outline:
        chapter = pikepdf.OutlineItem("Chapter", 0)
        chapter.children.append(pikepdf.OutlineItem("Section ß", 1))
        outline.root.append(chapter)
    document = reader(joined(made(pdf), made(pdf)))
    page: Any = document.pages[2]
    leads = page["/Annots"][0].get_object()["/Dest"]
    assert leads[0].get_object() == document.pages[3].get_object()
    assert leads[3] == 70
    marks: list[Any] = document.outline
    _, (chapter_of_2, (section,)) = marks[2:]
    assert (chapter_of_2.title, section.title) == ("Chapter", "Section ß")
    assert document.get_destination_page_number(section) == 3


def test_a_pdf_with_a_password_is_refused_with_a_sentence(desk: Desk):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret")
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises(FormatFailed, match="needs a password; save it without"):
        joined(out.getvalue())


def test_something_may_lie_under_every_page(qpdf: Run, desk: Desk):
    pdf = pikepdf.new()
    pdf.pages.append(pikepdf.Page(text_page(pdf, b"over", CropBox=Array([0, 0, 150, 90]))))
    out = io.BytesIO()
    file = File(out)
    form = file.stream(b"1 0 0 rg 0 0 5 5 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 5 5]")
    under = Under(b"/Red %d 0 R" % form, lambda box: b"q 1 0 0 1 %d %d cm /Red Do Q\n" % box[2:])
    tree = PageTree(file, 0)
    for leaf in Grafter(file, under=under).copy(made(pdf)).pages:
        tree.place(leaf.entries, leaf.number)
    file.close(file.add(b"<</Type/Catalog/Pages %d 0 R>>" % tree.close(b"")), file.add(b"<<>>"))
    page = reader(out.getvalue()).pages[0]
    assert page.extract_text() == "over"
    contents = page.get_contents()
    assert contents is not None
    assert contents.get_data().startswith(b"q 1 0 0 1 150 90 cm /Red Do Q\nq")
    assert "No syntax or stream encoding errors" in qpdf(
        "--check", saved(out.getvalue(), desk.folder)
    )


def values() -> st.SearchStrategy[Any]:
    words = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1)
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(-(2**31), 2**31 - 1), st.text().map(String),
        st.binary().map(String), st.decimals(-1000, 1000, places=4),
        words.map(lambda text: Name("/" + text)),
    )  # fmt: skip
    keys = st.sampled_from(["/A", "/B C", "/#", "/(x)", "/ü"])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(Array),
            st.dictionaries(keys, inner, max_size=4).map(
                lambda d: Dictionary({k: v for k, v in d.items() if v is not None})
            ),
        ),
        max_leaves=12,
    )


@settings(max_examples=60, deadline=None)
@given(value=values(), indirect=st.booleans())
def test_every_value_comes_over_as_it_was(value: Any, indirect: bool):  # noqa: FBT001  the property's
    pdf = pikepdf.new()
    page = text_page(pdf, b"x")
    held = Array([value])
    page.Resources.Kept = pdf.make_indirect(held) if indirect else held
    pdf.pages.append(pikepdf.Page(page))
    with pikepdf.open(io.BytesIO(joined(made(pdf)))) as found:
        assert plain(found.pages[0].Resources.Kept) == plain(held)


def plain(value: Any) -> Any:
    if isinstance(value, Array):
        return [plain(item) for item in value]
    if isinstance(value, Dictionary):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, String):
        return bytes(value)
    return (
        Decimal(value)
        if isinstance(value, int | Decimal) and not isinstance(value, bool)
        else value
    )
