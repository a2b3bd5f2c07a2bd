"""PDF tables read back by pypdf, poppler and qpdf: text, order, pages, structure."""

import io
import re
from decimal import Decimal
from pathlib import Path
from unicodedata import category

import polars as pl
import pytest
from conftest import Run
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import catalog, ignore_progress, numbered, pages, reader, saved, squeezed, write

from prelo.core.errors import Invalid
from prelo.core.table import Completeness, Layout
from prelo.formats.pdf import Pdf
from prelo.formats.pdf.glyphs.faces import shipped


def test_a_page_has_title_subtitle_header_and_values():
    file, manifest = write(
        numbered(2), title="Sales", subtitle="of May", columns={"n": {"title": "No."}}
    )
    text = pages(file)[0]
    found = [
        text.index(part) for part in ("Sales", "of May", "No.", "row-1", "row-2", "Page 1 of 1")
    ]
    assert found == sorted(found)
    assert (manifest.rows, manifest.pages, manifest.columns) == (2, 1, ("n", "name"))
    assert manifest.completeness is Completeness.COMPLETE
    assert manifest.warnings == ()


def test_every_row_comes_once_and_in_order_over_all_pages(pdftotext: Run, tmp_path: Path):
    file, manifest = write(numbered(25_000), columns={"n": "code"})
    text = pdftotext("-layout", saved(file, tmp_path), "-")
    found = [int(n) for n in re.findall(r"row-(\d+)", text)]
    assert found == list(range(1, 25_001))
    assert manifest.rows == 25_000


def test_every_page_has_its_number_the_header_and_the_title_below():
    file, manifest = write(numbered(300), title="Numbers")
    texts = pages(file)
    assert manifest.pages == len(texts) > 4
    for number, text in enumerate(texts, 1):
        assert text.rstrip().endswith(f"Page {number} of {len(texts)}")
        assert text.count("name") == 1
        assert text.count("Numbers") == (2 if number == 1 else 1)


def test_poppler_reads_the_same_pages(pdftotext: Run, tmp_path: Path):
    file, manifest = write(numbered(120), title="Numbers", locale="pt-BR")
    texts = pdftotext("-layout", saved(file, tmp_path), "-").split("\f")[:-1]
    assert len(texts) == manifest.pages
    assert f"Página 2 de {len(texts)}" in texts[1]
    assert "".join(texts).count("row-") == 120


@pytest.mark.parametrize("rules", ["zebra", "grid", "plain"])
@pytest.mark.parametrize("size", ["A3", "A5", "letter"])
def test_qpdf_finds_nothing_wrong(qpdf: Run, tmp_path: Path, rules: str, size: str):
    data = numbered(200).with_columns(t=pl.lit("(open \\ « Ж »")).with_columns(g=pl.col("n") // 40)
    options = {"rules": rules, "size": size}
    file, _ = write(data, title="A (title)", author="Ана", group_by="g", pdf=options)
    assert "No syntax or stream encoding errors" in qpdf("--check", saved(file, tmp_path))


def test_a_tree_of_many_pages_is_balanced_and_sound(qpdf: Run, tmp_path: Path):
    file, manifest = write(
        numbered(3_000), pdf={"size": "A5", "font_size": 14, "orientation": "landscape"}
    )
    assert manifest.pages is not None
    assert manifest.pages > 200  # more than two levels of nodes hold
    document = reader(file)
    assert len(document.pages) == manifest.pages
    kids = catalog(document)["/Pages"]["/Kids"]
    assert 1 < len(kids) <= 32
    qpdf("--check", saved(file, tmp_path))


def test_equal_input_gives_equal_bytes():
    assert write(numbered(500), title="Ω") == write(numbered(500), title="Ω")


def test_metadata_names_title_author_language_and_producer():
    file, _ = write(numbered(1), title="Umsätze", subtitle="Mai", author="Ana", locale="de-DE")
    document = reader(file)
    assert document.metadata is not None
    info = document.metadata
    assert (info.title, info.author, info.subject, info.producer) == (
        "Umsätze",
        "Ana",
        "Mai",
        "Prelo",
    )
    assert "/CreationDate" not in info
    assert catalog(document)["/Lang"] == "de-DE"


def test_no_rows_make_one_page_that_says_so():
    file, manifest = write(numbered(5)[:0], title="Sales", columns={"n": {"total": "sum"}})
    assert "No data" in pages(file)[0]
    assert "name" in pages(file)[0]
    assert (manifest.rows, manifest.pages, manifest.completeness) == (0, 1, Completeness.EMPTY)


def test_progress_counts_rows_and_pages_up():
    seen: list[tuple[int, int]] = []
    manifest = Pdf().write(
        numbered(25_000), io.BytesIO(), Layout(), lambda r, p: seen.append((r, p))
    )
    assert [rows for rows, _ in seen] == [10_000, 20_000, 25_000]
    assert seen == sorted(seen)
    assert seen[-1][1] == manifest.pages


def test_the_file_is_written_from_front_to_back_only():
    class Pipe:
        """Has write and nothing else, as an upload does."""

        def __init__(self) -> None:
            self.parts: list[bytes] = []

        def write(self, data: bytes | bytearray | memoryview, /) -> int:
            self.parts.append(bytes(data))
            return len(data)

    pipe = Pipe()
    Pdf().write(numbered(100), pipe, Layout(title="T"), ignore_progress)
    assert b"".join(pipe.parts) == write(numbered(100), title="T")[0]


@pytest.mark.parametrize(
    "text",
    ["Ελληνικά", "Кириллица", "ação çãõé", "Łódź Žižkov", "5 € = 450 ₹", "→ ✓ ● ≤", "Tiếng Việt"],
)
def test_text_of_many_scripts_is_read_back(pdftotext: Run, tmp_path: Path, text: str):
    file, manifest = write(
        pl.DataFrame({"a": [text, "ascii (too) \\"], "b": ["x", text]}), title=text
    )
    for found in (pages(file)[0], pdftotext(saved(file, tmp_path), "-")):
        assert squeezed(found).count(squeezed(text)) == 4  # title, two cells, footer
        assert "ascii (too) \\" in found
    assert manifest.warnings == ()


@pytest.mark.parametrize("text", ["a)", "((b", "c\\", "\\)d(", "e\\101", "<f>"])
def test_what_means_something_in_a_pdf_string_is_plain_text(qpdf: Run, tmp_path: Path, text: str):
    file, _ = write(pl.DataFrame({"t": [text] * 40 + ["end"], "r": ["x"] * 41}), title=text)
    found = "".join(pages(file))
    assert found.count(text) >= 41
    assert "end" in found
    qpdf("--check", saved(file, tmp_path))


def test_control_characters_go_and_line_ends_break_the_line():
    file, manifest = write(pl.DataFrame({"a": ["one\r\ntwo\tthree\x00\x1b", "four"]}))
    lines = [line.strip() for line in pages(file)[0].splitlines()]
    assert [line for line in lines if line in {"one", "two three", "four"}] == [
        "one",
        "two three",
        "four",
    ]
    (warning,) = manifest.warnings
    assert (warning.column, warning.type, warning.count) == ("a", "characters-removed", 1)


def test_an_unknown_locale_is_refused_with_a_sentence():
    with pytest.raises(Invalid, match="'xx-Nowhere' is no known locale"):
        write(numbered(1), locale="xx-Nowhere")


def test_forty_columns_keep_every_value():
    data = pl.DataFrame({f"c{i}": [i * 1_000 + j for j in range(3)] for i in range(40)})
    file, _ = write(data, columns=dict.fromkeys(data.columns, "code"))
    found = squeezed("".join(pages(file)))
    assert all(str(i * 1_000 + j) in found for i in range(40) for j in range(3))


def test_wide_tables_turn_the_page_and_narrow_ones_do_not():
    wide = pl.DataFrame({f"column {i}": ["some words of text"] for i in range(9)})
    for data, landscape in ((wide, True), (numbered(1), False)):
        box = reader(write(data)[0]).pages[0].mediabox
        assert (box.width > box.height) is landscape
    box = (
        reader(write(wide, pdf={"orientation": "portrait", "size": "letter"})[0]).pages[0].mediabox
    )
    assert (float(box.width), float(box.height)) == (612.0, 792.0)


_shown = sorted(
    c
    for c in shipped("Regular").face.codes
    if not chr(c).isspace() and chr(c).isprintable() and category(chr(c))[0] != "M"
)
"""Marks are another test's: readers compose them with their letters."""

_ascii = st.text(
    st.characters(min_codepoint=32, max_codepoint=126) | st.sampled_from("()\\\n"), max_size=60
)
_texts = _ascii | st.text(
    st.sampled_from([chr(c) for c in _shown]) | st.sampled_from(" ()\\<>\n"), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_texts, _texts), min_size=1, max_size=5))
def test_every_text_the_font_has_can_be_extracted(rows: list[tuple[str, str]]):
    data = pl.DataFrame(rows, schema=["a", "b"], orient="row")
    file, manifest = write(data, columns={"b": {"align": "right"}})
    found = squeezed("".join(pages(file)))
    for row in rows:
        for text in row:
            for line in text.split():
                assert all(found.count(c) >= line.count(c) for c in line)
    assert manifest.warnings == ()
    assert sum(found.count(c) for c in "()\\") == sum(
        t.count(c) for row in rows for t in row for c in "()\\"
    )


def test_values_are_written_as_their_kind_and_locale_say():
    data = pl.DataFrame(
        {"amount": [Decimal("-1234567.895"), None], "rate": [Decimal("0.125"), Decimal(0)]}
    )
    columns = {"amount": "money:EUR", "rate": "percent(1)"}
    for locale, amount, rate in (
        ("en-US", "-€1,234,567.90", "12.5%"),
        ("de-DE", "-1.234.567,90 €", "12,5 %"),
        ("fr-FR", "-1 234 567,90 €", "12,5 %"),
        ("hi-IN", "-€12,34,567.90", "12.5%"),
    ):
        text = squeezed(pages(write(data, columns=columns, locale=locale)[0])[0])
        assert squeezed(amount) in text
        assert squeezed(rate) in text
