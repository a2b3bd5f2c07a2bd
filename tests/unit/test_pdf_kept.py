"""What is kept of texts stays within its bound, by their sizes and by their number."""

import pytest

from prelo.formats.pdf.glyphs import kept
from prelo.formats.pdf.glyphs.kept import ENTRY, Kept


def test_what_was_made_is_made_once_and_past_the_bound_forgotten(monkeypatch: pytest.MonkeyPatch):
    made: list[str] = []

    def make(key: tuple[str]) -> int:
        made.append(key[0])
        return len(key[0])

    monkeypatch.setattr(kept, "MOST", 3 * ENTRY)
    lengths = Kept[tuple[str], int](make)
    assert [lengths[text,] for text in ("a", "bb", "a", "bb")] == [1, 2, 1, 2]
    assert made == ["a", "bb"]
    assert lengths["c" * 100,] == 100  # longer than all that is left
    assert list(lengths) == [("c" * 100,)]
    assert [lengths[text,] for text in ("a", "bb", "ccc")] == [1, 2, 3]
    assert len(lengths) < 4
