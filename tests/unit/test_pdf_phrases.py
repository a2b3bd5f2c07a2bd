"""Whole columns of shaped strings, held against the same strings one by one."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prelo.formats.pdf.glyphs import phrases
from prelo.formats.pdf.glyphs.characters import Characters
from prelo.formats.pdf.glyphs.faces import shipped
from prelo.formats.pdf.glyphs.phrases import Phrases
from prelo.formats.pdf.glyphs.typeface import Program, Typeface
from prelo.formats.pdf.glyphs.words import Words

WORDS = (
    "كتاب", "السلام", "لا", "مُحَمَّد", "שלום", "שָׁלוֹם", "नमस्ते", "हिन्दी", "ไทย", "e\u0301te\u0301",
    "Latin", "12", "(x)", "a\u0302", "한국", "ދިވެހި", "ܫܠܡܐ", "ߒߞߏ", "a\u00adb", "1٢", "אab",
)  # fmt: skip
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5)
gaps = st.sampled_from([" ", " ", "  ", "\n"])


@pytest.fixture(scope="module")
def words() -> Words:
    face, typeface = shipped("Regular"), Typeface()
    own = typeface.add(Program("RU", face.face, face.first))
    characters = Characters(face, own, typeface, "Regular")
    characters.know(np.array(sorted({ord(char) for char in " \n-" + "".join(WORDS)}), np.uint32))
    return Words("R", characters, typeface, "Regular", np.zeros(128, np.bool_))


@settings(max_examples=200)
@given(
    st.lists(st.tuples(texts, gaps), min_size=1, max_size=8),
    st.sampled_from([700, 900]),
    st.sampled_from([None, True, False]),
)
def test_columns_are_as_their_strings_one_by_one(
    words: Words,
    drawn: list[tuple[list[str], str]],
    size: int,
    way: bool | None,  # noqa: FBT001  Hypothesis gives it
):
    strings = [gap.join(parts) for parts, gap in drawn]
    column = Phrases(words)
    read = column.read(pl.Series(strings))
    ways = None if way is None else np.full(len(strings), way)
    one_by_one = [words.show(text, size, rtl=way) for text in strings]
    assert column.show(read, size, ways).to_list() == one_by_one
    assert column.widths(read).tolist() == [words.width(text) for text in strings]


def test_words_are_forgotten_and_what_was_read_before_stays(
    words: Words, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(phrases, "MOST", 3)
    column = Phrases(words)
    before, after = (column.read(pl.Series([text])) for text in ("كتاب السلام", "शब्द नमस्ते"))
    assert "كتاب" not in after.known
    assert column.show(before, 900, None).to_list() == [words.show("كتاب السلام", 900)]
    assert column.widths(before).tolist() == [words.width("كتاب السلام")]
