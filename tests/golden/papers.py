"""PDF files of one drawing, and what other readers see of them."""

import io
import subprocess
from pathlib import Path

import pypdf
from conftest import find
from PIL import Image
from reportlab.graphics.shapes import Drawing

from prelo.formats.pdf.drawn.assets import Assets, Drawn
from prelo.formats.pdf.drawn.logo import draw_logo
from prelo.formats.pdf.drawn.operators import operators_of
from prelo.formats.pdf.embed import embed
from prelo.formats.pdf.file import File, PageTree
from prelo.formats.pdf.font import Font, Typeface

WIDE = 60_000


class Paper:
    """A PDF file in the making; pages are filled with operators in 1/100 pt."""

    def __init__(self, *, archive: bool = False) -> None:
        self._out = io.BytesIO()
        self._file = File(self._out)
        self._resources = self._file.reserve()
        self._tree = PageTree(self._file, self._resources)
        self.typeface = Typeface()
        self.fonts = (Font("R", "Regular", self.typeface), Font("B", "Bold", self.typeface))
        self.assets = Assets(self._file, archive=archive)

    def page(self, content: bytes) -> None:
        data = b"q .01 0 0 .01 0 0 cm\n" + content + b"Q"
        self._tree.add(b"%d 0 R" % self._file.stream(data))

    def pdf(self, width: float, height: float) -> bytes:
        fonts = embed(self.typeface, self.fonts, self._file)
        entries = (fonts, self.assets.xobjects, self.assets.shadings)
        dictionary = b"<</Font<<%b>>/XObject<<%b>>/Shading<<%b>>>>" % entries
        self._file.add(dictionary, self._resources)
        box = b"/MediaBox[0 0 %.2f %.2f]" % (width, height)
        root = self._tree.close(box)
        catalog = self._file.add(b"<</Type/Catalog/Pages %d 0 R>>" % root)
        self._file.close(catalog, self._file.add(b"<<>>"))
        return self._out.getvalue()

    def only(self, drawn: Drawn) -> bytes:
        """The file with nothing but this on a page of its size."""
        self.page(drawn.at(0, 0))
        return self.pdf(drawn.width / 100, drawn.height / 100)


def of_drawing(drawing: Drawing) -> bytes:
    paper = Paper()
    return paper.only(operators_of(drawing, paper.fonts, paper.assets))


def of_logo(image: bytes, *, archive: bool = False) -> bytes:
    paper = Paper(archive=archive)
    return paper.only(draw_logo(image, paper.fonts, paper.assets, WIDE))


def operators(file: bytes, page: int = 0) -> str:
    contents = pypdf.PdfReader(io.BytesIO(file), strict=True).pages[page].get_contents()
    assert contents is not None
    return contents.get_data().decode("latin-1")


def seen(file: bytes, folder: Path, dots: int = 96) -> Image.Image:
    """The first page as poppler paints it."""
    path, stem = folder / "drawn.pdf", folder / "drawn"
    path.write_bytes(file)
    program = find("pdftoppm", "poppler-utils")
    command = [program, "-r", str(dots), "-png", "-singlefile", str(path), str(stem)]
    done = subprocess.run(command, capture_output=True, timeout=50, check=True)
    assert not done.stderr, done.stderr
    with Image.open(stem.with_suffix(".png")) as image:
        return image.convert("RGB")
