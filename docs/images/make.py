# ruff: noqa: INP001, TID251  a script, which hands its own environment on
"""The pictures of the README and of docs/xlsx.md, made from the examples and their data: docs/images/*.png.

    .venv/bin/python docs/images/make.py [reports] [workbooks] [demo]

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
import workbooks  # noqa: E402  the path comes first
from sample import sample  # noqa: E402

COLOURS = 256
EDGE = "#c8ced8"
# The picture's name, the example's workbook, the page that shows it, and dots per inch.
WORKBOOKS = (
    ("xlsx-colours", "coloured", 1, 150),
    ("xlsx-groups", "grouped", 1, 110),
    ("xlsx-table", "charted", 1, 165),
    ("xlsx-summary", "summarized", 3, 170),
    ("xlsx-template", "template", 1, 115),
    ("xlsx-filled", "filled", 1, 115),
)


def main() -> None:
    wanted = sys.argv[1:] or ["reports", "workbooks", "demo"]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if "demo" in wanted:
            terminal(place / "demo")
        if "reports" in wanted:
            reports(place)
        if "workbooks" in wanted:
            workbooks.main(place)
            for name, made, page, dots in WORKBOOKS:
                picture(printed(place / f"{made}.xlsx"), HERE / f"{name}.png", dots, page=page)


def reports(place: Path) -> None:
    """Two reports of the examples' catalog."""
    (place / "sample").mkdir()
    database = sample(place / "sample")
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


def picture(pdf: Path, target: Path, dots: int, *, page: int = 1, whole: bool = False) -> None:
    """A page of a PDF: the whole sheet of paper, or what is printed above its footer."""
    drawn = pdf.with_suffix("")
    pages = ["-f", str(page), "-l", str(page)]
    draw = ["pdftoppm", "-png", "-singlefile", *pages, "-r", str(dots), pdf, drawn]
    subprocess.run(draw, check=True)
    image = Image.open(drawn.with_suffix(".png")).convert("RGB")
    if not whole:
        top = image.crop((0, 0, image.width, image.height * 9 // 10))
        blank = Image.new("RGB", top.size, "white")
        image = ImageOps.expand(top.crop(ImageChops.difference(top, blank).getbbox()), 24, "white")
    ImageOps.expand(image, 1, EDGE).quantize(COLOURS).save(target, optimize=True)


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
