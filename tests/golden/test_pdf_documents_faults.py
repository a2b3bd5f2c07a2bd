"""A template at fault is told by file, line and the document it was about; none runs away."""

from pathlib import Path

import polars as pl
import pytest
from documents import Desk, lines
from pdfs import pages
from PIL import Image

from prelo.core.errors import FormatFailed, Permanent, RowLimit
from prelo.formats.pdf.document import package, template


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n{% for x in %}", r"template page\.html, line 2: .*; mend the template there"),
        ("a\nb\n{{ total }}", r"template page\.html, line 3: 'total' is undefined"),
        (
            "{{ rows[0].amont }}",
            r"line 1: there is no column 'amont'; there are: invoice, item, amount, day",
        ),
        ("{{ rows[0].text.amont }}", "there is no column 'amont'"),
        ("{{ totals.item }}", "there is no column 'item'; there are: amount"),
        (
            "{{ rows[0].amount|show('amont') }}",
            "line 1: ValueError: show: there is no column 'amont'",
        ),
        ("{{ 'x'|money('EUR') }}", "ValueError: 'x' cannot be shown as money:EUR"),
        ("{{ 1|money('euro') }}", "'money:euro' is no kind"),
        ("{{ nowhere|number }}", "'nowhere' is undefined"),
        ("{{ 1 / 0 }}", "line 1: ZeroDivisionError"),
        ("{{ rows[99] }}", "line 1: .* has no element 99|line 1: IndexError"),
        (
            "\n{% include 'none.html' %}",
            "line 2: the document's folder has no template 'none.html'",
        ),
        ("{% include '../up.html' %}", r"'\.\./up\.html' is not in the document's folder"),
        ("{% include '/etc/passwd' %}", "'/etc/passwd' is not in the document's folder"),
        ("{% extends 'base.html' %}", r"template base\.html, line 2: 'lost' is undefined"),
        ("{{ rows.__class__ }}", "access to attribute '__class__' of .* is unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ rows[0]._table }}", "unsafe|no column '_table'"),
        ("{% set x = facts.update({'a': 1}) %}", "is unsafe"),
        ("{{ range(10**6)|list }}", "Range too big"),
        ("{{ 'x' * 10**9 }}", "line 1: the text or list is repeated too often"),
        ("{{ 10**9**9 }}", "the power is too large"),
        ("{{ [1]|random }}", "No filter named 'random'"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{{ chart(x='item', y='no') }}", "chart: there is no column 'no'"),
        ("{{ chart(x='item') }}", "chart: y Field required"),
        ("{{ asset('none.png') }}", "the document's folder has no file 'none.png'"),
        (
            "<link rel=attachment href=x.csv>",
            "the document attaches 'x.csv'; attach files by the report's own",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(template: str, said: str, desk: Desk):
    desk.put("base.html", "<p>\n{{ lost }}")
    with pytest.raises(FormatFailed, match=said) as failed:
        desk.write(template)
    assert isinstance(failed.value, Permanent)
    assert str(desk.folder) not in str(failed.value)


def test_a_fault_names_the_document_it_is_about(desk: Desk):
    template = "\n{{ 1 / (rows[0].amount - 3) }}"
    with pytest.raises(FormatFailed, match=r"page\.html, line 2, in the document of A-2: Division"):
        desk.write(template, lines(3), per="invoice")
    template = "<img src='{{ group.invoice }}.png'>"
    desk.put("A-1.png", b"\x89PNG")
    with pytest.raises(
        FormatFailed, match=r"page\.html, the document of A-1: Failed to load image at 'A-1\.png'"
    ):
        desk.write(template, lines(3), per="invoice")


def test_templates_include_and_inherit_within_their_folder(desk: Desk):
    desk.put(
        "parts/base.html", "<h1>{% block title %}{% endblock %}</h1>{% include 'parts/end.html' %}"
    )
    desk.put("parts/end.html", "\ufeff<p>end of {{ rows|length }}</p>")
    file, _ = desk.write("{% extends 'parts/base.html' %}{% block title %}Bill{% endblock %}")
    assert pages(file) == ["Bill\nend of 4"]


def test_a_template_that_is_not_there_or_no_text_is_told(desk: Desk):
    with pytest.raises(FormatFailed, match=r"has no template 'none\.html'; add it there"):
        desk.write("x", document={"template": str(desk.folder / "none.html")})
    desk.put("latin.html", "ä".encode("latin-1"))
    with pytest.raises(FormatFailed, match=r"'latin\.html' is no text in UTF-8"):
        desk.write("x", document={"template": str(desk.folder / "latin.html")})
    with pytest.raises(FormatFailed, match=r"has no file 'none\.pdf'"):
        desk.write("x", annex=str(desk.folder / "none.pdf"))
    desk.put("broken.pdf", b"%PDF-1.4 nothing")
    with pytest.raises(FormatFailed, match="the PDF is damaged"):
        desk.write("x", annex=str(desk.folder / "broken.pdf"))


def test_an_archive_vouches_for_what_is_in_it(desk: Desk):
    desk.put("terms.pdf", b"")
    with pytest.raises(FormatFailed, match=r"'terms\.pdf' is a PDF file, and an archive \(PDF/A\)"):
        desk.write("x", annex=str(desk.folder / "terms.pdf"), archive="2b")
    with pytest.raises(FormatFailed, match=r"is not made by wkhtmltopdf; leave out 'engine'"):
        desk.write("x", document={"engine": "wkhtmltopdf"}, archive="2b")
    with pytest.raises(FormatFailed, match=r"page\.html: no font has U\+F0000, and an archive"):
        desk.write("\U000f0000", archive="2b")
    Image.new("RGB", (9, 9)).save(desk.folder / "logo.png")
    file, _ = desk.write('<img src="logo.png">', archive="2b")
    assert b"/Interpolate" not in file
    assert b"/Interpolate" in desk.write('<img src="logo.png">')[0]


def test_too_much_html_and_too_many_files_end_with_a_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(template, "_MOST_TEXT", 1000)
    with pytest.raises(FormatFailed, match="more than 1,000 characters of HTML"):
        desk.write("{% for a in range(1000) %}{{ a }}{% endfor %}")
    monkeypatch.setattr(package, "_MOST_FILES", 2)
    with pytest.raises(RowLimit, match="more than 2 documents, the most that one ZIP holds"):
        desk.write("x", lines(3), per="invoice", files="zip")


def test_a_column_may_be_named_like_anything(desk: Desk):
    rows = pl.DataFrame(
        {"items": [1], "text": ["t"], "keys": ["k"], "a b": ["s"], "_x": ["u"], "": ["e"]}
    )
    template = "{% set r = rows[0] %}{{ r.items }}{{ r['text'] }}{{ r.text.text }}{{ r.keys }}{{ r['a b'] }}"
    file, _ = desk.write(template + "{{ r['_x'] }}{{ r[''] }}", rows, layout={"columns": {}})
    assert pages(file) == ["1ttksue"]
