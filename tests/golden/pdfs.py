"""What the tests of the PDF writer share: writing to bytes, and reading back by pypdf and poppler."""

import html
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import polars as pl
import pypdf
from PIL import Image

from prelo.core.table import Layout, Manifest
from prelo.formats.pdf import Pdf


def ignore_progress(rows: int, pages: int) -> None:
    """Nobody listens."""


def write(data: object, **layout: Any) -> tuple[bytes, Manifest]:
    out = io.BytesIO()
    manifest = Pdf().write(data, out, Layout.model_validate(layout), ignore_progress)
    return out.getvalue(), manifest


def reader(file: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(file), strict=True)


def catalog(document: pypdf.PdfReader) -> Any:
    return document.root_object


def pages(file: bytes) -> list[str]:
    return [page.extract_text() for page in reader(file).pages]


def saved(file: bytes, folder: Path) -> Path:
    path = folder / "file.pdf"
    path.write_bytes(file)
    return path


def boxes(
    pdftotext: Callable[..., str], path: Path, page: int = 0
) -> list[tuple[str, float, float, float, float]]:
    """Every word (of one page, if it is given) with its left, top, right and lower edge in points."""
    pages = ["-f", str(page), "-l", str(page)] if page else []
    found = re.findall(
        r'<word xMin="(.+?)" yMin="(.+?)" xMax="(.+?)" yMax="(.+?)">(.*?)</word>',
        pdftotext(*pages, "-bbox", path, "-"),
    )
    return [(html.unescape(w), float(a), float(b), float(c), float(d)) for a, b, c, d, w in found]


Colour = tuple[int, int, int]


class Picture:
    """A page as poppler draws it, four dots a point."""

    def __init__(self, pdftoppm: Callable[..., str], path: Path, page: int = 1) -> None:
        drawn = path.with_name(f"page-{page}")
        number = str(page)
        pdftoppm("-r", "288", "-f", number, "-l", number, "-png", "-singlefile", path, drawn)
        self.image = Image.open(drawn.with_suffix(".png")).convert("RGB")

    def at(self, x: float, y: float) -> Colour:
        """The colour of a place, in points from the upper left corner."""
        return cast("Colour", self.image.getpixel((round(x * 4), round(y * 4))))

    def colours(self, left: float, top: float, right: float, bottom: float) -> set[Colour]:
        """Those of an area."""
        box = self.image.crop(
            (round(left * 4), round(top * 4), round(right * 4), round(bottom * 4))
        )
        return {cast("Colour", colour) for _, colour in box.getcolors(1 << 24) or ()}


def squeezed(text: str) -> str:
    """Without white space, which readers place by distance and not by character."""
    return re.sub(r"\s", "", text)


def numbered(rows: int) -> pl.DataFrame:
    return pl.DataFrame({"n": range(1, rows + 1), "name": [f"row-{i}" for i in range(1, rows + 1)]})
