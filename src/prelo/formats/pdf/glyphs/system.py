"""The fonts of this machine, and the order in which they are asked for a character.

They are looked for when a text first has a character that the shipped face lacks, once per process.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from prelo.formats.pdf.glyphs.faces import Face, faces_in
from prelo.formats.pdf.glyphs.harfbuzz import hb

_FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
    "/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts",
)  # fmt: skip
_ENDINGS = {".ttf", ".otf", ".ttc", ".otc"}
_FIRST = ("Noto Sans", "Noto", "DejaVu Sans")
_SPECIAL = {"Condensed", "Display", "Kufi", "Looped", "Mono", "Nastaliq", "Rashi", "UI", "Unjoined"}
_BLANK = ("LastResort", "Adobe Blank", "Adobe NotDef")  # every character, none of them readable
_REGIONS = {"ja": "JP", "ko": "KR", "zh": "SC", "zh-TW": "TC", "zh-HK": "HK", "zh-Hant": "TC"}
_RESTRICTED, _USAGE = 2, 15  # of OS/2's fsType: this one may not be embedded


@lru_cache(maxsize=1)
def system_faces() -> tuple[Face, ...]:
    """Every face in the folders for fonts that may and can be embedded, by file name."""
    found: list[Face] = []
    for path in _files():
        try:
            faces = list(faces_in(hb.Blob.from_file_path(path)))
        except (OSError, hb.HarfBuzzError):
            continue  # a file that is gone again, or that this user may not read
        found += [f for f in faces if f.family and not f.family.startswith((".", *_BLANK))]
    return tuple(face for face in found if not _restricted(face))


def _files() -> Iterator[Path]:
    for name in _FOLDERS:
        try:
            folder = Path(name).expanduser()
        except RuntimeError:
            continue  # a user without a home
        yield from sorted(p for p in folder.rglob("*") if p.suffix.lower() in _ENDINGS)


def _restricted(face: Face) -> bool:
    table = bytes(face.data.reference_table("OS/2").data)
    return len(table) >= 10 and table[9] & _USAGE == _RESTRICTED  # noqa: PLR2004  fsType ends at 10


def by_preference(language: str) -> list[Face]:
    """The system's faces, the best first: Noto Sans, other Noto, DejaVu Sans, then by name. Where fonts
    differ by region, that of the language (a BCP 47 tag) is first.
    """
    region = _region(language)

    def key(face: Face) -> tuple[int, bool, str, bool, str]:
        words = face.family.split()
        rank = next((i for i, name in enumerate(_FIRST) if face.family.startswith(name)), 9)
        regional = words[-1] in _REGIONS.values()
        family = " ".join(words[:-1]) if regional else face.family
        special = bool(_SPECIAL & set(words))
        return rank, special, family, regional and words[-1] != region, face.family

    return sorted(system_faces(), key=key)


def _region(language: str) -> str:
    parts = language.replace("_", "-").split("-")
    tags = [f"{parts[0]}-{part}" for part in parts[1:]]
    return next((_REGIONS[tag] for tag in [*tags, parts[0]] if tag in _REGIONS), "JP")


def in_style(faces: Sequence[Face], style: str) -> list[Face]:
    """The faces with those of each family beside each other, the nearest to the style first."""
    families = {face.family: number for number, face in reversed(list(enumerate(faces)))}
    ordered = sorted(faces, key=lambda f: (families[f.family], f.distance(style)))
    out: list[Face] = []
    for _, family in groupby(ordered, lambda f: f.family):
        members = list(family)
        upright = [f for f in members if not f.sloped]
        out += members if style == "Italic" or not upright else upright
    return out
