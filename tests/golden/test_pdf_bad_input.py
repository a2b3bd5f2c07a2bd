"""What cannot be a PDF is refused with a sentence and leaves nothing; what is odd becomes a sound file."""

import io
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from books import LOGO
from conftest import Run
from disks import assert_old_file_stays
from pdfs import pages, reader, saved, squeezed

from prelo import Manifest, write_pdf
from prelo.core.errors import ColumnMissing, FormatFailed, Invalid, PreloError, SourceInvalid
from prelo.core.table import Completeness

DATA = pl.DataFrame({"k": ["x", "y"], "v": [1, 2]})
FONT = (files("prelo.formats") / "fonts/PreloSans-Regular.ttf").read_bytes()
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'>"
DAMAGED = "the logo is a damaged image; save it anew"
NO_FONT = r"fonts: file 1 is no font with outlines"
BAD: dict[str, tuple[dict[str, Any], type[PreloError], str]] = {
    "no image": ({"logo": b"hello"}, Invalid, "^logo: the file is no image"),
    "image cut": ({"logo": LOGO[:60]}, FormatFailed, DAMAGED),
    "image head": ({"logo": LOGO[:8]}, FormatFailed, DAMAGED),
    "jpeg head": ({"logo": b"\xff\xd8\xff"}, FormatFailed, DAMAGED),
    "gif head": ({"logo": b"GIF89a"}, FormatFailed, DAMAGED),
    "bmp of nothing": ({"logo": b"BM" + bytes(100)}, FormatFailed, DAMAGED),
    "drawing with a fault": ({"logo": SVG + b"\n<g></svg>"}, FormatFailed, "mismatched tag: line 2, col"),
    "drawing cut": ({"logo": SVG[:-20]}, FormatFailed, "the logo is an SVG that cannot be"),
    "drawing of no size": ({"logo": b"<svg/>"}, FormatFailed, "it has no size"),
    "no such image": ({"logo": "/no/such.png"}, Invalid, "^logo: cannot read /no/such.png: No such"),
    "empty font": ({"fonts": [b""]}, Invalid, NO_FONT),
    "no font": ({"fonts": [b"hello"]}, Invalid, NO_FONT),
    "font of zeros": ({"fonts": [b"\0\1\0\0" + bytes(500)]}, Invalid, NO_FONT),
    "font cut": ({"fonts": [FONT[:5000]]}, Invalid, NO_FONT),
    "no such font": ({"fonts": ["/no/such.ttf"]}, Invalid, "^fonts: cannot read /no/such.ttf: No such"),
    "font of a number": ({"fonts": 5}, Invalid, "^fonts: should be a valid tuple"),
    "control in a watermark": ({"watermark": "a\x08"}, Invalid, "^watermark: a control character"),
    "half in a watermark": ({"watermark": "\ud800"}, Invalid, "^watermark: a control character or half"),
    "control in a header": ({"header": "\x0b"}, Invalid, "^header: a control character"),
    "half in a footer": ({"footer": "a\udfff"}, Invalid, "^footer: a control character or half"),
    "half in a title": ({"title": "a\ud800"}, Invalid, "half a character"),
    "half in a user": ({"stamp": {"user": "\ud800"}}, Invalid, "half a character"),
    "margins": ({"margin": 400}, FormatFailed, "the margins leave no room on the page"),
    "margin below nothing": ({"margin": -1}, Invalid, "^margin: a margin is a number of points, 0 or"),
    "margin that is none": ({"margin": float("nan")}, Invalid, "^margin: a margin is a number"),
    "margin without end": ({"margin": float("inf")}, Invalid, "^margin: a margin is a number"),
    "two margins": ({"margin": (1, 2)}, Invalid, "^margin: .*four: top, right, bottom, left"),
    "size": ({"size": "A9"}, Invalid, "^size: a page is one of A3, A4, .*or its width and height"),
    "small size": ({"size": (71, 100)}, Invalid, "^size: a page is at least 72 points"),
    "large size": ({"size": (99_999, 100)}, Invalid, "^size: a page is one of .*up to 14,400"),
    "no room for rows": (
        {"size": (72, 72), "margin": 0, "font_size": 24},
        FormatFailed,
        "no row has room on a page below its header; take a larger page, smaller margins",
    ),
    "no room for facts": (
        {"facts": {f"Fact {n}": "said" for n in range(300)}},
        FormatFailed,
        r"the title and the facts under it are [\d,]+ points high, and a page has room for \d+",
    ),
    "font size": ({"font_size": 100}, Invalid, "^font_size: should be less than"),
    "locale": ({"locale": "xx-Nowhere"}, Invalid, "'xx-Nowhere' is no known locale"),
    "locale that is no tag": ({"locale": "?"}, Invalid, "^locale: '\\?' is no language tag"),
    "zone": ({"timezone": "Mars/Base"}, Invalid, "^timezone: 'Mars/Base' is no IANA"),
    "time": ({"stamp": {"made": "0001-01-01T00:00:00Z"}}, Invalid, "^stamp.made: .*is not when"),
    "group": ({"group_by": "nope"}, ColumnMissing, "'nope'.*it has: k, v"),
    "group of groups": ({"group_by": ["k", "k"]}, Invalid, "^group_by: 'k' stands there twice"),
    "column": ({"columns": {"nope": "text"}}, ColumnMissing, "'nope'.*it has: k, v"),
    "all hidden": (
        {"columns": {"k": {"hidden": True}, "v": {"hidden": True}}},
        SourceInvalid,
        "every column of the report is hidden",
    ),
    "sum of texts": (
        {"columns": {"k": {"total": "sum"}}},
        FormatFailed,
        "the column 'k' is a text, which has no sum; use total: count, or none",
    ),
    "bar of texts": ({"columns": {"k": {"highlight": "bar"}}}, FormatFailed, "'bar' needs numbers"),
    "summary": ({"summaries": [{"by": "nope"}]}, ColumnMissing, "'nope'"),
    "summary of texts": (
        {"summaries": [{"by": "v", "values": {"k": "sum"}}]},
        FormatFailed,
        "the sum of the column 'k', which is a text; ask for its count",
    ),
    "summary without groups": ({"summaries": [{"by": []}]}, Invalid, r"^summaries\.0: a summary needs"),
    "summary that is none": ({"summaries": ["k"]}, Invalid, r"^summaries\.0: should be"),
    "chart": (
        {"summaries": [{"by": "k", "charts": [{"x": "k", "y": "nope"}]}]},
        ColumnMissing,
        "a chart names the column 'nope'",
    ),
    "attachment": ({"attachments": {"a/b": b""}}, Invalid, "^attachments: 'a/b' is no name for"),
    "attached half": ({"attachments": {"\ud800": b""}}, Invalid, "^attachments: '.ud800' is no name"),
    "attached number": ({"attachments": {"a": 5}}, Invalid, r"^attachments\.a: should be a valid bytes"),
    "no such attachment": (
        {"attachments": {"a": "/no/such"}},
        Invalid,
        r"^attachments\.a: cannot read /no/such: No such",
    ),
    "no path": ({"attachments": {"a": "x\0"}}, Invalid, r"^attachments\.a: 'x\\x00' is no path"),
    "per": ({"per": "k"}, Invalid, "^'per' and 'files: zip' belong to a document; give a template"),
    "zip": ({"files": "zip"}, Invalid, "^'per' and 'files: zip' belong to a document"),
    "locked archive": ({"archive": "2b", "password": "x"}, Invalid, "^an archive .* is never encrypted"),
    "archive 2b": ({"archive": "2b", "attachments": {"a": b""}}, Invalid, "^PDF/A-2b holds no attach"),
    "empty password": ({"password": ""}, Invalid, "^a PDF's password has 1 to 127 bytes"),
    "long password": ({"password": "x" * 128}, Invalid, "this has 128"),
    "no such document": ({"document": "none.html"}, Invalid, "^document: there is no file 'none.html'"),
    "no such cover": ({"cover": {"template": "no.pdf"}}, Invalid, "^cover: there is no file 'no.pdf'"),
    "document": ({"document": 5}, Invalid, "^document: should be"),
    "option": ({"colour": "red"}, Invalid, "write_pdf has no option 'colour'; it has about, annex"),
    "option of a stamp": ({"stamp": {"usr": "x"}}, Invalid, r"^stamp\.usr: there is no such option"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
def test_wrong_options_are_refused_with_a_sentence_and_no_file(name: str, tmp_path: Path):
    options, error, sentence = BAD[name]
    with pytest.raises(error, match=sentence):
        write_pdf(DATA, tmp_path / "out.pdf", **options)
    assert list(tmp_path.iterdir()) == []


STRANGE: dict[str, tuple[Any, str]] = {
    "nothing": (None, "the data is None, and no table"),
    "no columns": (pl.DataFrame(), "neither rows nor columns"),
    "a name twice": (
        pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]),
        "two columns named 'a'; rename one",
    ),
    "bytes": (pa.table({"b": pa.array([b"x"])}), "the column 'b' is binary, which no cell can show"),
    "a list of bytes": (pa.table({"b": pa.array([[b"x"]])}), "the column 'b' has the type list"),
    "another type": (
        iter([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": ["x"]})]),
        "column 'a', after row 1: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(STRANGE))
def test_what_is_no_table_is_refused_with_a_sentence_and_no_file(name: str, tmp_path: Path):
    data, sentence = STRANGE[name]
    with pytest.raises(SourceInvalid, match=sentence):
        write_pdf(data, tmp_path / "out.pdf")
    assert list(tmp_path.iterdir()) == []


def made(data: object, **options: Any) -> tuple[bytes, Manifest]:
    out = io.BytesIO()
    manifest = write_pdf(data, out, **options)
    return out.getvalue(), manifest


EVERYTHING: dict[str, Any] = {
    "title": "Sales", "facts": {"Year": "2026"}, "group_by": "k", "contents": True,
    "columns": {"v": {"total": "sum"}}, "page_totals": True, "header": "{title}|{page}|{date}",
    "watermark": "Draft", "wide": "pages",
    "summaries": [{"by": "k", "values": {"v": "sum"}, "charts": [{"x": "k", "y": "v"}]}],
}  # fmt: skip


@pytest.mark.parametrize("options", [{}, EVERYTHING])
@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", "No data"),
        ("pt-BR", "Sem dados"),
        ("de-AT", "Keine Daten"),
        ("fr", "Aucune donnée"),
        ("es-MX", "Sin datos"),
        ("ja-JP", "No data"),
    ],
)
def test_no_rows_are_a_page_that_says_so(
    locale: str, said: str, options: dict[str, Any], qpdf: Run, tmp_path: Path
):
    file, manifest = made(DATA[:0], locale=locale, **options)
    qpdf("--check", saved(file, tmp_path))
    (text,) = pages(file)
    assert squeezed(said) in squeezed(text)
    assert "Total" not in text
    assert (manifest.rows, manifest.pages) == (0, 1)
    assert manifest.completeness is Completeness.EMPTY


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, ["All 0 of 0"]), ({"per": "k"}, ["Keine Daten"]), ({"cover": "page.html"}, ["All 0 of 0"] * 2)],
)  # fmt: skip
def test_no_rows_are_a_document_all_the_same(
    options: dict[str, Any], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "page.html").write_text("All {{ count }} of {{ rows|length }}")
    monkeypatch.chdir(tmp_path)
    file, manifest = made(DATA[:0], document="page.html", locale="de", **options)
    assert [text.strip() for text in pages(file)] == said
    assert manifest.completeness is Completeness.EMPTY
    zipped = io.BytesIO()
    write_pdf(DATA[:0], zipped, document="page.html", per="k", files="zip")
    assert zipped.getvalue().startswith(b"PK")


def test_a_font_cut_short_is_refused_or_draws_what_it_has(qpdf: Run, tmp_path: Path):
    """A font is read table by table: the end of a file may miss nothing that a page needs."""
    data = pl.DataFrame({"k": ["日本 Ж"]})
    for length in (12, 100, 5000, len(FONT) // 2, len(FONT) - 100):
        try:
            file, _ = made(data, fonts=[FONT[:length]])
        except Invalid as error:
            assert "is no font" in str(error)  # noqa: PT017  either may be
        else:
            qpdf("--check", saved(file, tmp_path))


def breaking(error: Exception) -> Iterator[pl.DataFrame]:
    for _ in range(4):
        yield pl.DataFrame({"v": range(10_000), "t": ["text"] * 10_000})
    raise error


@pytest.mark.parametrize(
    "more", [{}, {"password": "x"}, {"per": "v"}, {"per": "v", "files": "zip"}]
)
def test_a_source_that_breaks_leaves_what_was_there(more: dict[str, Any], tmp_path: Path):
    (tmp_path / "page.html").write_text("x")
    if "per" in more:
        more = {**more, "document": tmp_path / "page.html"}
    target = tmp_path / ("out.zip" if "files" in more else "out.pdf")
    target.write_bytes(b"old")
    array, stream = bytearray(b"old"), io.BytesIO()
    source = few if "per" in more else breaking
    for place in (target, array, stream):
        with pytest.raises(ConnectionResetError, match="gone"):
            write_pdf(source(ConnectionResetError("gone")), place, **more)
    assert target.read_bytes() == b"old"
    assert array == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [target.name, "page.html"]
    assert b"%%EOF" not in stream.getvalue()
    assert b"PK\5\6" not in stream.getvalue()


def few(error: Exception) -> Iterator[pl.DataFrame]:
    """Two documents, and no third."""
    yield pl.DataFrame({"v": [1, 1, 2, 3]})
    raise error


def test_a_disk_that_fills_is_told_as_a_limit_and_leaves_the_old_file(tmp_path: Path):
    assert_old_file_stays("write_pdf", tmp_path / "out.pdf")


def test_a_template_with_a_fault_is_told_by_its_line_and_leaves_no_file(tmp_path: Path):
    template, target = tmp_path / "page.html", tmp_path / "out.pdf"
    for text, said in (
        ("<p>\n{% for row in rows %}", r"page\.html, line 2: .*mend the template there"),
        ("\n\n{{ totl }}", r"page\.html, line 3: 'totl' is undefined"),
        ("{{ rows[0].amout }}", r"line 1: there is no column 'amout'; there are: k, v"),
    ):
        template.write_text(text)
        with pytest.raises(FormatFailed, match=said):
            write_pdf(DATA, target, document=template)
        assert list(tmp_path.iterdir()) == [template]


@pytest.mark.parametrize(
    "options",
    [
        {"size": (14_400, 14_400)},
        {"size": (72, 72), "margin": 0, "font_size": 4},
        {"size": "A5", "font_size": 24},
        {"margin": (0, 0, 0, 0)},
        {"watermark": " \t\n"},
        {"watermark": "x" * 10_000, "header": "x" * 1000 + "|" + "|" * 1000},
        {"title": "t" * 40_000, "subtitle": "s " * 20_000, "facts": {"k" * 9999: "v" * 9999, "": ""}},
        {"title": "a\x08\x00b", "author": "\x1b", "facts": {"\x08": "\x00"}},
        {"columns": {"v": {"format": "\x08"}, "k": {"title": "\x00" * 300, "width": 255}}},
        {"group_by": "k", "columns": {"k": {"hidden": True}, "v": {"title": "", "total": "max"}}},
        {"attachments": {"日本 (1).txt": b"a", "x" * 300 + ".pdf": b"", "-o": b"d"}},
        {"stamp": {"user": "|{page}\n\x08"}, "footer": "{user}|{nobody}|{}"},
    ],
)  # fmt: skip
def test_odd_options_make_a_sound_file_with_every_row(
    options: dict[str, Any], qpdf: Run, pdftotext: Run, tmp_path: Path
):
    data = pl.DataFrame({"k": ["first", "second"], "v": [11, 22]})
    file, manifest = made(data, **options)
    path = saved(file, tmp_path)
    qpdf("--check", path)
    words = pdftotext("-layout", path, "-").split()
    assert {"first", "second", "11", "22"} <= set(words)
    assert manifest.rows == 2


def test_a_heading_of_a_group_is_cut_at_its_page_and_counted(qpdf: Run, tmp_path: Path):
    data = pl.DataFrame({"g": ["word " * 5000], "v": [77]})
    file, manifest = made(data, group_by="g", size="A5", columns={"g": {"hidden": True}})
    qpdf("--check", saved(file, tmp_path))
    assert "77" in pages(file)[-1]
    assert [(w.column, w.type, w.count) for w in manifest.warnings] == [("g", "text-cut", 1)]


def test_empty_texts_everywhere_are_rows_all_the_same():
    data = pl.DataFrame({"": [""] * 300, "b": [""] * 300})
    file, manifest = made(data, group_by="b", facts={"": ""}, page_totals=True)
    assert manifest.rows == 300
    assert manifest.pages == len(reader(file).pages) > 4
    assert "b: \N{EN DASH}" in pages(file)[0]


def test_one_column_of_one_row_is_a_table():
    file, manifest = made(pl.DataFrame({"only": [7]}))
    assert pages(file)[0].split()[:2] == ["only", "7"]
    assert (manifest.rows, manifest.pages) == (1, 1)


def test_bookmarks_of_very_many_groups_are_bounded_and_counted(qpdf: Run, tmp_path: Path):
    groups = 21_000
    data = pl.DataFrame({"g": range(groups), "v": [1] * groups})
    columns: dict[str, Any] = {"g": {"hidden": True}}
    file, manifest = made(data, group_by="g", columns=columns, font_size=4, size="A3")
    qpdf("--check", saved(file, tmp_path))
    assert file.count(b"/XYZ") == 20_000
    (warning,) = manifest.warnings
    assert (warning.type, warning.count) == ("groups-unlisted", 1_000)
    small, manifest = made(data[:10_000], group_by="g", columns=columns, font_size=4, size="A3")
    assert (small.count(b"/XYZ"), manifest.warnings) == (10_000, ())


@pytest.mark.timeout(30)
@pytest.mark.parametrize("text", ["word ", "wörter "])
def test_a_text_of_a_million_letters_flows_over_in_bounded_time(
    text: str, pdftotext: Run, tmp_path: Path
):
    """A time that grows with the square of the length would be minutes."""
    said = text * (1_000_000 // len(text))
    file, manifest = made(pl.DataFrame({"t": ["before", said, "after"]}))
    shown = squeezed(pdftotext("-layout", saved(file, tmp_path), "-"))
    assert shown.count(text.strip()) >= len(said) // len(text)
    assert shown.index("before") < shown.rindex("after")
    assert (manifest.rows, manifest.warnings) == (3, ())
    assert manifest.pages
    assert manifest.pages > 100
