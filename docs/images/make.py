# ruff: noqa: INP001, TID251  a script, which hands its own environment on
"""The README's pictures, made from the examples' sample data: docs/images/*.png.

    .venv/bin/python docs/images/make.py

Needs, by their names in Debian: libreoffice-calc-nogui and fonts-crosextra-carlito (in place of Calibri)
for the workbook, poppler-utils for the pages, librsvg2-bin and fonts-dejavu-core for the terminal.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops, ImageOps
from rich.console import Console

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "examples"))

import demo  # noqa: E402  beside the path just added
from sample import sample  # noqa: E402

COLOURS = 64
EDGE = "#c8ced8"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        terminal(place / "demo")
        database = sample(place / "demo")
        best = rendered(place / "best.xlsx", "top-customers", database, "top=12")
        picture(printed(best), HERE / "workbook.png", dots=150)
        grouped = rendered(place / "sales.pdf", "sales-by-nation", database, "region=EUROPE")
        picture(grouped, HERE / "pdf.png", dots=110, whole=True)


def rendered(target: Path, report: str, database: Path, param: str) -> Path:
    """A report of the examples' catalog, made by the command line as anybody would."""
    command = [sys.executable, "-m", "prelo", "render", "--report", report, "--param", param]
    settings = {
        "PRELO_CATALOG": str(ROOT / "examples/reports"),
        "PRELO_CONNECTION_DEFAULT": f"sqlite:///{database}",
    }
    subprocess.run([*command, "-o", target], check=True, env={**os.environ, **settings})
    return target


def printed(workbook: Path) -> Path:
    """The workbook as LibreOffice prints it."""
    place = workbook.parent
    home = f"-env:UserInstallation=file://{place}/office"
    convert = ["soffice", home, "--headless", "--convert-to", "pdf", "--outdir", place, workbook]
    subprocess.run(convert, check=True, stdout=subprocess.DEVNULL)
    return workbook.with_suffix(".pdf")


def picture(pdf: Path, target: Path, dots: int, *, whole: bool = False) -> None:
    """The first page of a PDF: the whole sheet of paper, or what is printed above its footer."""
    page = pdf.with_suffix("")
    draw = ["pdftoppm", "-png", "-singlefile", "-r", str(dots), pdf, page]
    subprocess.run(draw, check=True)
    image = Image.open(page.with_suffix(".png")).convert("RGB")
    if not whole:
        top = image.crop((0, 0, image.width, image.height * 9 // 10))
        blank = Image.new("RGB", top.size, "white")
        image = ImageOps.expand(top.crop(ImageChops.difference(top, blank).getbbox()), 24, "white")
    ImageOps.expand(image.quantize(COLOURS).convert("RGB"), 1, EDGE).quantize(COLOURS).save(
        target, optimize=True
    )


def terminal(folder: Path) -> None:
    """What the demo prints, as Rich draws it."""
    folder.mkdir(parents=True)
    sample(folder)  # made before, as in every run but the first
    demo.console = Console(
        record=True, width=80, file=io.StringIO(), color_system="truecolor", highlight=False
    )
    here = Path.cwd()
    os.chdir(folder.parent)
    try:
        demo.main(Path(folder.name))
    finally:
        os.chdir(here)
    drawn = demo.console.export_svg(title="make demo")
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    # Rich spaces for Fira Code, whose advance is 0.61 of its size; that of DejaVu is 0.602.
    drawn = drawn.replace("Fira Code, monospace", "DejaVu Sans Mono").replace(
        "font-size: 20px", "font-size: 20.26px"
    )
    drawing = folder / "demo.svg"
    drawing.write_text(drawn.replace("<svg ", '<svg xml:space="preserve" ', 1), encoding="utf-8")
    target = HERE / "demo.png"
    subprocess.run(["rsvg-convert", "--output", target, drawing], check=True)
    Image.open(target).quantize(COLOURS).save(target, optimize=True)


if __name__ == "__main__":
    main()
