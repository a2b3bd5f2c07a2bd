# ruff: noqa: INP001, TID251  a script, which hands its own environment on
"""The pictures of the README and of docs/xlsx.md and pdf.md, made from the examples and their data:
docs/images/*.png.

    .venv/bin/python docs/images/make.py [reports] [workbooks] [pages] [demo]

Needs, by their names in Debian: libreoffice-calc-nogui and fonts-crosextra-carlito (in place of Calibri)
for the workbooks, poppler-utils for all pages, fonts-noto-core and fonts-noto-cjk for the languages,
librsvg2-bin and fonts-dejavu-core for the terminal.
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
import pages  # noqa: E402  the path comes first
import workbooks  # noqa: E402  the path comes first
from sample import sample  # noqa: E402

COLOURS, FEW = 256, 24
WHOLE, CUT = True, False
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
# The picture's name, the examples' PDFs and pages beside each other, dots per inch, whole or cut to what is
# printed above the footer, and how many colours it needs.
PAGES = (
    ("pdf-groups", (("grouped", 1), ("grouped", 2)), 75, WHOLE, COLOURS),
    ("pdf-colours", (("coloured", 1),), 165, CUT, COLOURS),
    ("pdf-summary", (("summarized", 1),), 100, CUT, COLOURS),
    ("pdf-across", (("across", 1), ("across", 2)), 110, CUT, COLOURS),
    ("pdf-languages", (("languages", 1),), 130, CUT, FEW),
    ("pdf-arabic", (("arabic", 1),), 130, CUT, COLOURS),
    ("pdf-draft", (("draft", 1),), 110, WHOLE, FEW),
    ("pdf-documents", (("covered", 1), ("invoices", 2)), 70, WHOLE, COLOURS),
)


def main() -> None:
    wanted = sys.argv[1:] or ["reports", "workbooks", "pages", "demo"]
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
        if "pages" in wanted:
            pages.main(place)
            for name, shown, dots, whole, colours in PAGES:
                images = [drawn(place / f"{made}.pdf", page, dots) for made, page in shown]
                images = images if whole else cut(images)
                row = beside([framed(image) for image in images])
                saved(row, HERE / f"{name}.png", colours)


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
    image = drawn(pdf, page, dots)
    saved(framed(image if whole else cut([image])[0]), target)


def drawn(pdf: Path, page: int, dots: int) -> Image.Image:
    """A page as poppler draws it."""
    target = pdf.with_suffix("")
    pages = ["-f", str(page), "-l", str(page)]
    draw = ["pdftoppm", "-png", "-singlefile", *pages, "-r", str(dots), pdf, target]
    subprocess.run(draw, check=True)
    return Image.open(target.with_suffix(".png")).convert("RGB")


def cut(images: list[Image.Image]) -> list[Image.Image]:
    """What is printed above the footer, with some white around it; at the same heights of all."""
    tops = [image.crop((0, 0, image.width, image.height * 7 // 8)) for image in images]
    blank = Image.new("RGB", tops[0].size, "white")
    boxes = [ImageChops.difference(top, blank).getbbox() or (0, 0, 1, 1) for top in tops]
    high, low = min(box[1] for box in boxes), max(box[3] for box in boxes)
    return [
        ImageOps.expand(top.crop((box[0], high, box[2], low)), 24, "white")
        for top, box in zip(tops, boxes, strict=True)
    ]


def framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, 1, EDGE)


def beside(images: list[Image.Image]) -> Image.Image:
    """Images in a row, a little apart."""
    gap = 16
    width = sum(image.width for image in images) + gap * (len(images) - 1)
    row = Image.new("RGB", (width, max(image.height for image in images)), "white")
    x = 0
    for image in images:
        row.paste(image, (x, 0))
        x += image.width + gap
    return row


def saved(image: Image.Image, target: Path, colours: int = COLOURS) -> None:
    """In few colours, which make few bytes."""
    image.quantize(colours).save(target, optimize=True)


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
