"""Where lines may end, held against uniseg's implementation of UAX #14, one string at a time."""

import random
from itertools import pairwise
from unicodedata import category, east_asian_width

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from uniseg.linebreak import LineBreak, line_break, line_break_breakables

from prelo.formats.pdf.glyphs.breaks import breaks

_PUNCTUATION = (
    "\u25cc\u2010\u00ab\u00bb\u2018\u2019\u201c\u201d'\"()[]「」（）a1,.-/ $%א日é\u0301\u200d"  # noqa: RUF001  the signs that are meant
)


def _characters() -> list[str]:
    """Some characters of every class, and more of those that rules are about."""
    by_class: dict[LineBreak, list[str]] = {}
    for code in range(0x110000):
        if not 0xD800 <= code < 0xE000 and not _misjudged(chr(code)):
            by_class.setdefault(line_break(chr(code)), []).append(chr(code))
    chosen = random.Random(1)
    few = [c for chars in by_class.values() for c in chars[:3] + chosen.choices(chars, k=5)]
    return few + list(_PUNCTUATION) * 2


def _misjudged(char: str) -> bool:
    """Python takes what is not assigned for full width (UAX #11: neutral, outside of East Asia), and
    uniseg follows it.
    """
    return char < "\u1100" and category(char) == "Cn" and east_asian_width(char) == "F"


_chars = _characters()


def found(texts: list[str]) -> list[list[int]]:
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    bounds = np.cumsum([0, *map(len, texts)])
    flags = breaks(codes, bounds).astype(int)
    return [flags[a:b].tolist() for a, b in pairwise(bounds)]


@settings(max_examples=600, deadline=None)
@given(st.lists(st.text(st.sampled_from(_chars), max_size=8), min_size=1, max_size=4))
def test_lines_end_where_unicode_says_whatever_stands_beside_a_string(texts: list[str]):
    assert found(texts) == [[int(b) for b in line_break_breakables(text)] for text in texts]


def parts(text: str) -> list[str]:
    (flags,) = found([text])
    places = [i for i, flag in enumerate(flags) if flag]
    return [text[a:b] for a, b in pairwise([0, *places, len(text)])]


def test_sentences_of_the_standard_and_of_life():
    for marked in (
        "The |quick |(“brown”) |fox |can’t |jump |32.3 |feet, |right?",  # noqa: RUF001  the signs that are meant
        "well-|known |a/|b |-5 |3,000.00 |€ |$12 |http://|example.com/|path?",
        "日|本|語、|「カ|ギ」|の|文。",
        "Grö\u00ad|ße |a\u00a0b |c\u200b|d",
        "한|국|어 |띄|어|쓰|기",
        "ประเทศไทย |ไทย",
    ):
        assert parts(marked.replace("|", "")) == marked.split("|")
