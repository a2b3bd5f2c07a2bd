"""The order of text that runs both ways, held against unicode-bidi (Rust, by python-bidi)."""

from unicodedata import bidirectional

from bidi import get_display
from bidi.mirror import MIRRORED
from hypothesis import given, settings
from hypothesis import strategies as st

from prelo.formats.pdf.glyphs.bidi import runs, starts_right_to_left

_CHARS = (
    "abאבג\u0627\u0628\u062a012\u0660\u0661\u0662+-#$%,.:/ ()[]{}<>«»!?&*\u0301\u064b\u200d\u200e\u200f\u061c"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_INVISIBLE = {"LRE", "RLE", "LRO", "RLO", "PDF", "BN", "LRI", "RLI", "FSI", "PDI"}


def alike(text: str) -> str:
    """What a bracket becomes in a mirror is the renderer's to draw."""
    return "".join(min(c, MIRRORED.get(c, c)) for c in text)


def shown(text: str, *, rtl: bool) -> str:
    parts = [(text[a:b], leftwards) for a, b, leftwards in runs(text, rtl=rtl)]
    return "".join(
        "".join(MIRRORED.get(c, c) for c in reversed(part)) if leftwards else part
        for part, leftwards in parts
    )


def visible(text: str) -> str:
    return "".join(c for c in text if bidirectional(c) not in _INVISIBLE)


@settings(max_examples=2000, deadline=None)
@given(st.text(st.sampled_from(_CHARS), max_size=14), st.booleans())
def test_the_order_is_that_of_unicode(text: str, rtl: bool):  # noqa: FBT001  the property's
    # Spaces at the end of a line are set back by rule L1, which the other leaves to its caller.
    text += "a"
    wanted = str(get_display(text, base_dir="LR"[rtl]))
    assert alike(visible(shown(text, rtl=rtl))) == alike(visible(wanted))


def test_words_and_numbers_of_a_sentence():
    assert shown("שלום (abc) 12", rtl=True) == "12 (abc) םולש"
    assert shown("abc שלום 12, 3", rtl=False) == "abc 3 ,12 םולש"


def test_the_first_strong_character_decides_the_direction():
    assert starts_right_to_left("12 (א) abc")
    assert not starts_right_to_left("12 (a) א")
    assert not starts_right_to_left("\u2067א\u2069 a")  # what is isolated does not count
    assert starts_right_to_left("12", otherwise=True)
    assert not starts_right_to_left("12")
