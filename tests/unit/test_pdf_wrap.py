"""Lines of a column, held against the plainest way to break one text."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.font import Measured
from prelo.formats.pdf.wrap import Lines, wrap

_MARKS = "\u0301\u0903"  # without and with a width of its own
_texts = st.text(st.sampled_from("ab é日-/\n 1.()\u00ad\u0301"), max_size=24).map(
    # One soft hyphen at a time; at the end of a paragraph it adds nothing.
    lambda text: re.sub("\u00ad+(?=\n|$)", "", re.sub("\u00ad+", "\u00ad", text))
)


def measured(texts: list[str], width: int = 10) -> Measured:
    text = "".join(texts)
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    advances = [0 if c in "\u00ad\u0301\n" else width for c in text]
    inside = np.array([c in _MARKS for c in text], np.bool_)
    totals: Ints = np.cumsum([0, *advances])
    return Measured(codes, totals, np.cumsum([0, *map(len, texts)]), width, inside)


def lines_of(texts: list[str], room: int, most: int = 99) -> tuple[Lines, list[list[str]]]:
    text = "".join(texts)
    found = wrap(measured(texts), room * 10, most)
    out: list[list[str]] = [[] for _ in texts]
    for owner, start, end in zip(found.owner, found.start, found.end, strict=True):
        out[owner].append(text[start:end])
    return found, out


@settings(max_examples=300, deadline=None)
@given(st.lists(_texts, min_size=1, max_size=5), st.integers(2, 9))
def test_no_line_is_too_wide_and_only_spaces_and_newlines_are_left_out(texts: list[str], room: int):
    found, lines = lines_of(texts, room)
    assert not found.cut.any()
    for text, parts in zip(texts, lines, strict=True):
        kept = "".join(parts).replace(" ", "")
        assert kept == text.replace(" ", "").replace("\n", "")
        for part in parts:
            letters = len(part) - part.count("\u0301") - part.count("\u00ad")
            assert letters + (part.endswith("\u00ad") and part is not parts[-1]) <= room


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.text("ab\u0301\u0903 日", max_size=12), min_size=1, max_size=4), st.integers(1, 9)
)
def test_a_mark_is_never_the_first_of_a_line_that_its_letter_is_not_on(texts: list[str], room: int):
    for text, parts in zip(texts, lines_of(texts, room)[1], strict=True):
        begun = sum(part.startswith(tuple(_MARKS)) for part in parts)
        assert begun <= len(re.findall(f"(?:^| )[{_MARKS}]", text))


def test_a_soft_hyphen_counts_where_a_line_ends_after_it():
    assert lines_of(["abc\u00addef"], 4)[1] == [["abc\u00ad", "def"]]
    assert lines_of(["abcd\u00adefgh"], 4)[1] == [["abcd", "\u00adefgh"]]
    assert lines_of(["ab\u00adcd\u00adef"], 4)[1] == [["ab\u00ad", "cd\u00adef"]]


def test_newlines_end_lines_and_too_many_are_cut():
    found, lines = lines_of(["a\n\nb", "c"], 5)
    assert lines == [["a", "", "b"], ["c"]]
    found, lines = lines_of(["a b c d", "x"], 1, most=2)
    assert lines == [["a", "b"], ["x"]]
    assert found.cut.tolist() == [True, False]


def test_spaces_hang_over_the_edge():
    assert lines_of(["abc   def"], 3)[1] == [["abc", "def"]]
    assert lines_of(["  abc"], 3)[1][0][-1].strip() == "abc"
