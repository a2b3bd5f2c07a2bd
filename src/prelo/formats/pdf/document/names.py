"""Names for files in a ZIP: of the values that part the documents, safe on every system, no two alike."""

import re

_REFUSED = re.compile(
    r'[<>|":*?/\\\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+'
)
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_LONGEST = 150  # bytes in UTF-8; file systems take 255


class FileNames:
    """Names in the order in which they were asked for."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, text: str) -> str:
        """A name made of `text`, numbered if an earlier one is alike, whatever its case."""
        stem = _safe(text)
        name, number = f"{stem}.pdf", 1
        while name.casefold() in self._taken:
            number += 1
            name = f"{stem} ({number}).pdf"
        self._taken.add(name.casefold())
        return name


def _safe(text: str) -> str:
    stem = " ".join(_REFUSED.sub("-", text).split())
    stem = stem.encode()[:_LONGEST].decode(errors="ignore").strip(" .")
    return f"_{stem}" if _DEVICES.fullmatch(stem) else stem or "document"
