"""Who writes a PDF from markup: wkhtmltopdf and WeasyPrint from HTML, Typst. The job is that of pdf.py.

Columns have given widths: so none of them has to look at all rows before it can set the first.
"""

import csv
import os
import shutil
import subprocess
from ctypes.util import find_library
from html import escape
from pathlib import Path

from bench.contestants import Contestant
from bench.pdf import (
    COLUMNS,
    FONT,
    HEADER,
    LINES,
    MARGIN,
    NUMBERS,
    SHADE,
    TITLE,
    WIDTHS,
    fonts,
    shown,
)

_ALIGN = f"td:nth-child(-n+{NUMBERS}),th:nth-child(-n+{NUMBERS}){{text-align:right}}"
_TABLE = (
    "table{width:100%;table-layout:fixed;border-collapse:collapse}h1{font-size:13pt}"
    "td,th{padding:1pt 3pt;white-space:nowrap;text-align:left}"
    f"tr:nth-child(even) td{{background:{SHADE}}}{_ALIGN}"
)
_TITLES = (
    "".join(f'<col style="width:{width / sum(WIDTHS):.2%}">' for width in WIDTHS)
    + "<thead><tr>"
    + "".join(f"<th>{name}</th>" for name in COLUMNS)
    + "</tr></thead>"
)


def _cells(row: tuple[str, ...]) -> str:
    return "<tr><td>" + "</td><td>".join(map(escape, row)) + "</td></tr>\n"


def wkhtmltopdf(source: Path, rows: int, target: Path) -> int:
    """Debian's build, on a Qt without patches, knows neither page numbers nor lines at a page's edges. (Pages
    parted by hand would have them, in a time that grows with the square of the rows.) It embeds only fonts
    that the system has; so it gets a system with one more.
    """
    page, home = target.with_suffix(".html"), target.with_name("home")
    with page.open("w") as file:
        file.write(
            f"<!doctype html><meta charset=utf-8><style>body{{font:{FONT * 4 / 3}pt Prelo Sans}}{_TABLE}"
            f"</style><h1>{TITLE}</h1><table>{_TITLES}<tbody>"
        )
        file.writelines(map(_cells, shown(source, rows)))
        file.write("</tbody></table>")
    shutil.copytree(fonts(), home / "fonts", dirs_exist_ok=True)
    subprocess.run(
        ["wkhtmltopdf", "--quiet", "-s", "A4", "-O", "Landscape", page, target],
        check=True,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_DATA_HOME": str(home)},
    )
    return 0


def weasyprint(source: Path, rows: int, target: Path) -> int:
    from weasyprint import HTML

    faces = "".join(
        f"@font-face{{font-family:Prelo Sans;font-weight:{weight};src:url({(fonts() / name).as_uri()})}}"
        for weight, name in (("400", "PreloSans-Regular.ttf"), ("700", "PreloSans-Bold.ttf"))
    )
    edges = (
        f"@page{{size:A4 landscape;margin:{MARGIN}pt;@top-left{{content:'{HEADER}'}}"
        "@bottom-right{content:'page ' counter(page) ' of ' counter(pages)}}"
    )
    body = "".join(map(_cells, shown(source, rows)))
    page = (
        f"<html lang=en><style>{faces}{edges}html{{font:{FONT}pt Prelo Sans}}{_TABLE}</style><h1>{TITLE}</h1>"
        f"<table>{_TITLES}<tbody>{body}</tbody></table>"
    )
    HTML(string=page).write_pdf(target)
    return LINES


_TYPST = """
#set page(paper: "a4", flipped: true, margin: %dpt, header: [%s],
  footer: context align(right, [page #counter(page).display("1 of 1", both: true)]))
#set text(font: "Prelo Sans", size: %dpt)
#text(13pt, weight: "bold")[%s]
#table(
  columns: (%s), stroke: none, inset: (x: 3pt, y: 2pt),
  align: (x, _) => if x < %d { right } else { left },
  fill: (_, y) => if y > 0 and calc.even(y) { rgb("%s") },
  table.header(%s), ..csv("rows.csv").flatten())
"""


def typst(source: Path, rows: int, target: Path) -> int:
    import typst as vendor

    with target.with_name("rows.csv").open("w", newline="") as file:
        csv.writer(file).writerows(shown(source, rows))
    widths = ", ".join(f"{width}fr" for width in WIDTHS)
    titles = ", ".join(f'strong("{name}")' for name in COLUMNS)
    text = _TYPST % (MARGIN, HEADER, FONT, TITLE, widths, NUMBERS, SHADE, titles)
    page = target.with_suffix(".typ")
    page.write_text(text)
    vendor.compile(page, output=target, font_paths=[fonts()], ignore_system_fonts=True)
    return LINES


def missing(name: str) -> str:
    """What a contestant needs and this machine does not have; empty if there is nothing."""
    if name == "wkhtmltopdf" and not shutil.which("wkhtmltopdf"):
        return "wkhtmltopdf"
    return "libpango" if name == "weasyprint" and not find_library("pango-1.0") else ""


PDF: dict[str, Contestant] = {
    "wkhtmltopdf": wkhtmltopdf,
    "typst": typst,
    "weasyprint": weasyprint,
}
TITLES = {
    "wkhtmltopdf": "wkhtmltopdf, no header or page numbers",
    "typst": "Typst",
    "weasyprint": "WeasyPrint",
}
