"""Text as one line of a drawing."""

import re

_BREAKS = re.compile(r"[\s\x1c-\x1f\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff]")


def plain(text: str) -> str:
    """In one line, and without what no font has a glyph for: control characters and halves of others."""
    return _CONTROLS.sub("", _BREAKS.sub(" ", text))
