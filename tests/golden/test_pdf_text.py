"""Text of every script in a PDF, read back by poppler and pypdf."""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from unicodedata import category, normalize

import polars as pl
import pytest
from conftest import Run, find, run
from hypothesis import given, settings
from hypothesis import strategies as st
from pdfs import pages, saved, write
from scripts import SAMPLES, compared

from prelo.core.errors import Invalid
from prelo.formats.pdf.glyphs.characters import IGNORABLE
from prelo.formats.pdf.glyphs.faces import given_faces, shipped
from prelo.formats.pdf.glyphs.system import system_faces

NOTO = Path("/usr/share/fonts/truetype/noto")
DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
# pypdf knows fewer leftward scripts than Unicode, and no order of marks within them.
_BEYOND_PYPDF = {"Arabic with vowels", "Hebrew with points", "Yiddish", "Thaana", "N'Ko", "Adlam"}


def noto(name: str) -> bytes:
    path = NOTO / f"{name}.ttf"
    if not path.exists():
        pytest.skip(f"{path.name} is not installed (Debian: apt-get install fonts-noto-core)")
    return path.read_bytes()


@lru_cache(maxsize=1)
def sampled() -> bytes:
    noto("NotoSans-Regular")
    file, manifest = write(pl.DataFrame({"t": SAMPLES.values()}), columns={"t": {"width": 60}})
    assert manifest.warnings == ()
    return file


def test_poppler_reads_every_script_as_it_was_written(tmp_path: Path, pdftotext: Run, qpdf: Run):
    path = saved(sampled(), tmp_path)
    for found in (pdftotext(path, "-"), pdftotext("-layout", path, "-")):
        text = compared(found)
        assert [name for name, line in SAMPLES.items() if compared(line) not in text] == []
    assert "No syntax or stream encoding errors" in qpdf("--check", path)


def test_pypdf_reads_all_but_vowelled_text_and_rarer_leftward_scripts():
    text = compared("".join(pages(sampled())))
    missing = {name for name, line in SAMPLES.items() if compared(line) not in text}
    assert missing <= _BEYOND_PYPDF


def test_equal_input_gives_equal_bytes_with_any_fonts():
    data = pl.DataFrame({"t": ["日本", "سلام", "नमस्ते", "x"]})
    assert write(data, title="שלום") == write(data, title="שלום")


def test_lines_of_both_directions_stand_as_people_read_them(tmp_path: Path, pdftotext: Run):
    noto("NotoSansHebrew-Regular")
    data = pl.DataFrame({"t": ["abc שלום 123 def", "תודה ghi עולם"]})
    boxes = re.findall(
        r'<word xMin="(.+?)" .*?>(.*?)</word>',
        pdftotext("-bbox", saved(write(data)[0], tmp_path), "-"),
    )
    left = {frozenset(compared(word)): float(x) for x, word in boxes}
    for line in (["abc", "123", "שלום", "def"], ["עולם", "ghi", "תודה"]):
        places = [left[frozenset(word)] for word in line]
        assert places == sorted(places)  # a number after Hebrew stands left of it


@pytest.mark.parametrize("rtl", [True, False])
def test_wrapped_leftward_text_keeps_its_words_and_the_direction_of_its_paragraph(
    tmp_path: Path,
    pdftotext: Run,
    rtl: bool,  # noqa: FBT001  the case's
):
    noto("NotoSansHebrew-Regular")
    text = "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם abc def 12 כולם חוננו"
    file, _ = write(pl.DataFrame({"t": [text]}), columns={"t": {"width": 12}}, pdf={"rtl": rtl})
    found = compared(pdftotext(saved(file, tmp_path), "-"))
    assert all(word in found for word in text.split())


def test_a_title_in_bold_takes_the_bold_face_of_a_family():
    noto("NotoSansHebrew-Bold")
    file, _ = write(pl.DataFrame({"t": ["שלום"]}), title="שלום")
    names = set(re.findall(rb"/BaseFont/[A-Z]{6}\+(NotoSansHebrew\S*?)/", file))
    assert names == {b"NotoSansHebrew-Regular", b"NotoSansHebrew-Bold"}


def test_fonts_of_the_layout_come_before_those_of_the_system():
    given_font = (
        (DEJAVU / "DejaVuSans.ttf").read_bytes() if DEJAVU.exists() else noto("NotoSerif-Bold")
    )
    data = pl.DataFrame({"t": ["Բոլոր"]})
    file, manifest = write(data, pdf={"fonts": [given_font]})
    assert b"+DejaVuSans/" in file
    assert manifest.warnings == ()
    assert "Բոլոր" in pages(file)[0]


@pytest.mark.parametrize("broken", [b"", b"no font", b"\0\1\0\0" + b"\xff" * 400])
def test_a_broken_font_is_refused_by_its_number(broken: bytes):
    good = noto("NotoSansThai-Regular")
    with pytest.raises(Invalid, match=r"pdf\.fonts: file 2 is no font .*\.ttf"):
        write(pl.DataFrame({"t": ["x"]}), pdf={"fonts": [good, broken]})


def test_a_character_no_font_has_is_a_counted_box_and_can_still_be_copied():
    data = pl.DataFrame({"a": ["\ue123 x", "plain", "\U000f1234"], "b": ["1", "2", "3"]})
    file, manifest = write(data)
    (warning,) = manifest.warnings
    assert (warning.column, warning.type, warning.count) == ("a", "characters-missing", 2)
    assert "\ue123 x" in pages(file)[0]
    assert "\U000f1234" in pages(file)[0]


def test_private_characters_are_shown_by_a_font_the_layout_brings():
    symbols = Path("/usr/share/fonts/truetype/libreoffice/opens___.ttf")
    if not symbols.exists():
        pytest.skip("OpenSymbol is not installed (Debian: apt-get install fonts-opensymbol)")
    (face,) = given_faces([symbols.read_bytes()])
    data = pl.DataFrame({"a": [next(chr(c) for c in face.codes if 0xE000 <= c < 0xF900)]})
    assert write(data, pdf={"fonts": [symbols.read_bytes()]})[1].warnings == ()
    assert [w.count for w in write(data)[1].warnings] == [1]


def test_emoji_are_shown_by_outlines_and_what_only_selects_is_invisible():
    if not any(face.family == "DejaVu Sans" for face in system_faces()):
        pytest.skip("DejaVu Sans is not installed (Debian: apt-get install fonts-dejavu-core)")
    data = pl.DataFrame({"a": ["😀 ok", "❤\ufe0f", "\ufe0f", "😀\u200d😃 \u200b"]})
    file, manifest = write(data)
    assert manifest.warnings == ()
    assert "😀 ok" in pages(file)[0]


def test_italic_has_all_that_regular_has():
    regular, bold, italic = (set(shipped(s).face.codes) for s in ("Regular", "Bold", "Italic"))
    assert regular == bold == italic
    assert shipped("Italic").face.sloped


def test_a_narrow_column_never_parts_a_letter_from_its_marks(tmp_path: Path, pdftotext: Run):
    noto("NotoSansDevanagari-Regular")
    data = pl.DataFrame({"t": ["ก่ำ" * 30, "e\u0301" * 40, "क्षि" * 30]})
    file, _ = write(data, columns={"t": {"width": 6}})
    lines = [x.strip() for x in pdftotext("-layout", saved(file, tmp_path), "-").splitlines()]
    assert len(lines) > 12
    assert [x for x in lines if x and (category(x[0])[0] == "M" or x.startswith("ำ"))] == []
    assert compared("".join(lines)).count("क्षि") == 30


_anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    st.sampled_from(sorted(set("".join(SAMPLES.values())))), max_size=12
)


def shown(text: str) -> Counter[str]:
    """The characters that have to be seen, decomposed; but hyphens, which poppler drops at a line's end."""
    letters = re.sub("[-\u2010]", "", IGNORABLE.sub("", normalize("NFD", text)))
    return Counter(c for c in letters if category(c) not in {"Cc", "Zs", "Zl", "Zp"})


@settings(max_examples=60, deadline=None)
@given(st.lists(_anything, min_size=1, max_size=4))
def test_any_text_of_unicode_makes_a_sound_file_that_says_it(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
):
    file, manifest = write(pl.DataFrame({"t": texts, "u": [t + "x" for t in texts]}))
    path = saved(file, tmp_path_factory.mktemp("any"))
    run(find("qpdf", "qpdf"), "--check", path)
    found = shown(run(find("pdftotext", "poppler-utils"), path, "-"))
    lost = shown("".join(texts * 2)) - found
    assert not lost, (lost, manifest.warnings)
