"""PDF documents read back by pypdf, poppler and qpdf: pages, values, groups, files, what is around them."""

import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pypdf
import pytest
from conftest import Run
from documents import COLUMNS, Desk, lines, unpacked
from pdfs import catalog, pages, reader, saved, squeezed

from prelo.core.errors import RowLimit
from prelo.core.table import Completeness
from prelo.formats.pdf.document import parts

LETTER = """<!doctype html><meta charset="utf-8"><title>Bill {{ rows[0].invoice }}</title>
<h1>{{ title or 'Bill' }}</h1>
{% for row in rows %}<p>{{ row.item }}: {{ row.text.amount }}</p>{% endfor %}
<p>{{ count }} lines, {{ totals.text.amount }}</p>"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def names(outline: list[Any]) -> list[Any]:
    return [names(each) if isinstance(each, list) else each.title for each in outline]


def test_a_document_shows_its_rows_and_totals_as_tables_write_them(desk: Desk):
    file, manifest = desk.write(
        LETTER, layout={"title": "Faktura", "locale": "de", "columns": COLUMNS}
    )
    (text,) = pages(file)
    assert text.split("\n") == [
        "Faktura", "Thing 1: 1,00 €", "Thing 2: 2,00 €", "Thing 3: 3,00 €", "Thing 4: 4,00 €",
        "4 lines, 10,00 €",
    ]  # fmt: skip
    assert (manifest.rows, manifest.pages) == (4, 1)
    assert manifest.completeness is Completeness.COMPLETE
    assert manifest.columns == ("invoice", "item", "amount", "day")


def test_filters_write_single_values_by_kind_and_locale(desk: Desk):
    template = """{{ 1234.5|money('BRL') }}|{{ 1234.5|number(1) }}|{{ 7|integer }}|{{ 0.256|percent(1) }}|
        {{ rows[0].day|date }}|{{ rows[0].day|date('mmmm yyyy') }}|{{ totals.amount|show('amount') }}|
        {{ none|money('BRL') }}|{{ 3661|duration }}|{{ '12.5'|kind('decimal(2)') }}|
        {{ (2**60*64)|integer }}"""
    file, _ = desk.write(template, layout={"locale": "pt-BR", "columns": COLUMNS})
    found = squeezed(pages(file)[0]).split("|")
    assert found == [
        "R$1.234,50", "1.234,5", "7", "25,6%", "01/01/2026", "janeiro2026", "€10,00", "", "1:01:01",
        "12,50", "73.786.976.294.838.206.464",
    ]  # fmt: skip


def test_a_template_knows_columns_facts_stamp_and_may_slice_and_sum_rows(desk: Desk):
    template = """{% for c in columns %}{{ c.title }}:{{ c.kind }}:{{ c.align }};{% endfor %}
        {{ facts['Region'] }};{{ stamp.user }};{{ stamp.date }};{{ stamp.time }};{{ subtitle }};
        {{ rows[1:3]|map(attribute='item')|join('+') }};{{ rows|sum(attribute='amount') }};
        {{ 'amount' in rows[0] }};{{ rows[0]|join(',') }};{{ rows[-1].item }}"""
    made = datetime(2026, 3, 4, 5, 6, 7)
    file, _ = desk.write(
        template,
        layout={
            "subtitle": "May",
            "facts": {"Region": "North"},
            "stamp": {"user": "ada", "made": made},
            "columns": {**COLUMNS, "item": {"title": "Article"}},
        },
    )
    assert squeezed(pages(file)[0]).split(";") == [
        "invoice:text:left", "Article:text:left", "amount:money:EUR:right", "day:date:left", "North", "ada",
        "3/4/2026", "5:06:07AM", "May", "Thing2+Thing3", "10.00", "True", "invoice,item,amount,day", "Thing4",
    ]  # fmt: skip


def test_rows_with_equal_values_make_a_document_each_with_a_bookmark(desk: Desk, qpdf: Run):
    file, manifest = desk.write(
        "<h2>{{ group.invoice }} no. {{ number }}</h2>" + LETTER,
        lines(3),
        per="invoice",
        layout={"title": "Bills", "columns": COLUMNS},
    )
    document = reader(file)
    assert [page.extract_text().split("\n")[0] for page in document.pages] == [
        "A-1 no. 1", "A-2 no. 2", "A-3 no. 3",
    ]  # fmt: skip
    assert names(document.outline)[0::2] == ["A-1", "A-2", "A-3"]
    marks: list[Any] = document.outline
    places = [document.get_destination_page_number(mark) for mark in marks[0::2]]
    assert places == [0, 1, 2]
    assert (manifest.rows, manifest.pages) == (6, 3)
    assert document.metadata is not None
    assert document.metadata.title == "Bills"
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, desk.folder))


def test_a_group_goes_on_over_frames_and_may_be_of_hidden_columns(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    heard: list[tuple[int, int]] = []
    frames = [lines(3, 10)[i : i + 7] for i in range(0, 30, 7)]
    file, _ = desk.write(
        "{{ group.invoice }}: {{ count }}, {{ rows[0].item }} to {{ rows[-1].item }}, {{ columns|length }}",
        iter(frames),
        lambda rows, pages: heard.append((rows, pages)),
        per="invoice",
        layout={"columns": {"invoice": {"hidden": True}}},
    )
    assert pages(file) == [
        "A-1: 10, Thing 1 to Thing 10, 3",
        "A-2: 10, Thing 11 to Thing 20, 3",
        "A-3: 10, Thing 21 to Thing 30, 3",
    ]
    assert heard == [(10, 1), (20, 2), (30, 3)]
    monkeypatch.setattr(parts, "MOST_ROWS", 9)
    with pytest.raises(RowLimit, match="more than 9 rows; part them by 'per', or make a table"):
        desk.write("x", lines(3, 10), per="invoice")


def test_a_zip_has_a_pdf_for_each_document_named_by_its_values(desk: Desk):
    rows = lines(3).with_columns(
        invoice=pl.Series(["31/12/2026", "31/12/2026", "../con", 'Ärger: "1"', 'ärger: "1"', None])
    )
    package, manifest = desk.write(LETTER, rows, per="invoice", files="zip")
    found = unpacked(package)
    assert list(found) == [
        "31-12-2026.pdf", "-con.pdf", "Ärger- -1-.pdf", "ärger- -1- (2).pdf", "\N{EN DASH}.pdf",
    ]  # fmt: skip
    assert "2 lines" in pages(found["31-12-2026.pdf"])[0]
    assert (manifest.sheets[0].name, manifest.sheets[0].rows) == ("31-12-2026.pdf", 2)
    assert manifest.pages == 5
    document = reader(found["-con.pdf"])
    assert document.metadata is not None
    assert document.metadata.title == "Bill ../con"


def test_no_rows_are_one_document_or_with_per_a_page_that_says_so(desk: Desk):
    empty = lines(1).clear()
    file, manifest = desk.write("{{ count }} rows, {{ totals.text.amount }}", empty)
    assert pages(file) == ["0 rows, €0.00"]
    assert manifest.completeness is Completeness.EMPTY
    layout = {"title": "Contas <1>", "locale": "pt-BR"}
    file, manifest = desk.write(LETTER, empty, per="invoice", layout=layout)
    assert pages(file) == ["Contas <1>\nSem dados"]
    package, manifest = desk.write(LETTER, empty, per="invoice", files="zip", layout=layout)
    assert list(unpacked(package)) == ["document.pdf"]
    assert (manifest.rows, manifest.pages) == (0, 1)


def test_cover_and_annex_stand_around_all_documents_and_know_their_totals(desk: Desk):
    writer = pypdf.PdfWriter()
    writer.add_blank_page(300, 200)
    content = io.BytesIO()
    writer.write(content)
    desk.put("terms.pdf", content.getvalue())
    desk.put("cover.html", "<h1>{{ documents }} bills, {{ count }} rows, {{ pages }} pages, "
             "{{ totals.text.amount }}</h1>")  # fmt: skip
    file, manifest = desk.write(
        LETTER,
        lines(3),
        per="invoice",
        cover=str(desk.folder / "cover.html"),
        annex=str(desk.folder / "terms.pdf"),
    )
    found = pages(file)
    assert found[0] == "3 bills, 6 rows, 4 pages, €21.00"
    assert [text.split("\n")[1] for text in found[1:4]] == [
        "Thing 1: €1.00", "Thing 3: €3.00", "Thing 5: €5.00",
    ]  # fmt: skip
    last = reader(file).pages[-1].mediabox
    assert (float(last.width), float(last.height)) == (300, 200)
    assert manifest.pages == 5


def test_in_a_zip_every_document_has_its_own_cover_and_annex(desk: Desk):
    desk.put("cover.html", "cover of {{ group.invoice }}, {{ pages }} pages")
    desk.put("annex.html", "annex of {{ group.invoice }}")
    around: dict[str, Any] = {
        name: str(desk.folder / f"{name}.html") for name in ("cover", "annex")
    }
    package, manifest = desk.write("body", lines(2), per="invoice", files="zip", **around)
    found = {name: pages(file) for name, file in unpacked(package).items()}
    assert found == {
        f"A-{n}.pdf": [f"cover of A-{n}, 2 pages", "body", f"annex of A-{n}"] for n in (1, 2)
    }
    assert manifest.pages == 6


def test_links_within_a_document_lead_to_its_own_pages_and_the_web_stays_reachable(desk: Desk):
    template = """<a href="#end">on</a> <a href="https://example.org/?a=1">out</a>
        <a href="page.html">self</a>
        <a href="javascript:alert(1)">js</a> <a href="file:///etc/passwd">file</a>
        <h2 id="end" style="break-before: page">End</h2>"""
    file, _ = desk.write(template, lines(2), per="invoice")
    document = reader(file)
    page: Any = document.pages[2]
    links = [annotation.get_object() for annotation in page["/Annots"]]
    inner, outer = links
    assert inner["/Dest"][0].get_object() == document.pages[3].get_object()
    assert outer["/A"]["/URI"] == "https://example.org/?a=1"
    assert names(document.outline) == ["A-1", ["End"], "A-2", ["End"]]


def test_equal_rows_make_equal_bytes_in_another_process(desk: Desk):
    desk.put(
        "logo.svg",
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    )
    template = LETTER + '<img src="logo.svg"><b>bold</b>'
    file, _ = desk.write(template, lines(3), per="invoice")
    code = """
import sys
from pathlib import Path
from documents import Desk, lines
sys.stdout.buffer.write(Desk(Path(sys.argv[1])).write(sys.argv[2], lines(3), per="invoice")[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(desk.folder), template],
        capture_output=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    assert done.stdout == file


def test_the_shipped_face_is_there_without_a_file_and_is_shared_by_all_documents(desk: Desk):
    template = (
        "<p>{{ group.invoice }} <b>bold</b> <span style='font-family: Prelo Sans'>plain</span></p>"
    )
    few, _ = desk.write(template, lines(3), per="invoice")
    many, _ = desk.write(template, lines(40), per="invoice")
    fonts: dict[str, set[int]] = {}
    for page in reader(many).pages:
        resources: Any = page["/Resources"]
        for font in resources["/Font"].values():
            under = font["/DescendantFonts"][0]["/FontDescriptor"]
            fonts.setdefault(under["/FontFamily"], set()).add(under.raw_get("/FontFile2").idnum)
    assert set(fonts) == {"Prelo Sans"}
    # A digit that had not occurred makes the program new; after all ten have, it is the same for ever.
    assert 2 <= len(fonts["Prelo Sans"]) < 12
    assert len(many) < len(few) + 37 * 1500


def test_what_no_font_has_and_what_no_page_can_show_is_counted(desk: Desk, pdftotext: Run):
    rows = lines(1, 2).with_columns(item=pl.Series(["a\x00b\x07c", "\U000f0000"]))
    file, manifest = desk.write(LETTER, rows)
    assert "abc: €1.00" in pdftotext(saved(file, desk.folder), "-")
    assert {w.type: w.count for w in manifest.warnings} == {
        "characters-removed": 2,
        "characters-missing": 1,
    }


def test_charts_are_drawn_from_a_documents_own_rows(desk: Desk):
    file, _ = desk.write("<p>x</p>{{ chart(x='item', y='amount', width=300, height=200) }}")
    assert "Thing 4" in pages(file)[0]
    assert catalog(reader(file))["/Lang"] == "en-US"


@pytest.mark.timeout(120)
def test_hundreds_of_documents_take_no_more_memory_than_a_few(desk: Desk):
    desk.put("page.html", "<p>{{ group.invoice }}: {{ totals.text.amount }}</p>")
    code = """
import resource, sys
from pathlib import Path
import psutil
from documents import Desk, lines
desk = Desk(Path(sys.argv[1]))
seen = []
here = psutil.Process()
def heard(rows, pages):
    seen.append(here.memory_info().rss >> 20)
template = "<p>{{ group.invoice }}: {{ totals.text.amount }}</p>"
_, manifest = desk.write(template, lines(300), heard, per="invoice")
assert manifest.pages == 300
print(seen[50], max(seen))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(desk.folder)],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    early, most = map(int, done.stdout.split())
    assert most - early < 12
