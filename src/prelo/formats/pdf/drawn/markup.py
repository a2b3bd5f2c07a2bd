"""Drawings as SVG, for documents made of HTML."""

from html import escape

from reportlab.graphics.shapes import Drawing

from prelo.formats.pdf.drawn.marks import Color, Line, Mark, Shape, Text, marks_of
from prelo.formats.pdf.drawn.paths import Path
from prelo.formats.pdf.drawn.plain import plain

FAMILY = "Prelo Sans"
_CAPS, _JOINS = ("butt", "round", "square"), ("miter", "round", "bevel")
_ANCHORS = {"middle": "middle", "end": "end", "numeric": "end"}


def svg(drawing: Drawing) -> str:
    """The drawing as an `svg` element, text as text. Equal drawings give equal strings.

    Raises ValueError for what only a page can have: images, clips and gradients.
    """
    width, height = _number(drawing.width), _number(drawing.height)
    marks = "".join(_mark(mark, float(drawing.height)) for mark in marks_of(drawing))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" '
        f'viewBox="0 0 {width} {height}" font-family="{FAMILY}">{marks}</svg>'
    )


def _mark(mark: Mark, height: float) -> str:
    if isinstance(mark, Text):
        return _text(mark, height)
    if not isinstance(mark, Shape):
        raise ValueError(f"a {type(mark).__name__.lower()} in a drawing for HTML")  # noqa: TRY004  a drawing at fault, not a caller
    rule = ' fill-rule="evenodd"' if mark.even_odd and mark.fill else ""
    fill = _color(mark.fill) if mark.fill else "none"
    return f'<path d="{_path(mark.path, height)}" fill="{fill}"{rule}{_line(mark.line)}/>'


def _text(mark: Text, height: float) -> str:
    a, b, c, d, e, f = mark.matrix
    turned = " ".join(map(_number, (a, -b, -c, d, e, height - f)))
    bold = ' font-weight="bold"' if mark.bold else ""
    anchor = _ANCHORS.get(mark.anchor)
    side = f' text-anchor="{anchor}"' if anchor else ""
    return (
        f'<text transform="matrix({turned})" font-size="{_number(mark.size)}"{bold}{side} '
        f'fill="{_color(mark.color)}">{escape(plain(mark.text))}</text>'
    )


def _line(line: Line | None) -> str:
    if line is None:
        return ""
    out = f' stroke="{_color(line.color)}" stroke-width="{_number(line.width)}"'
    if line.cap:
        out += f' stroke-linecap="{_CAPS[line.cap]}"'
    if line.join:
        out += f' stroke-linejoin="{_JOINS[line.join]}"'
    if any(line.dash):
        out += f' stroke-dasharray="{" ".join(map(_number, line.dash))}"'
        out += f' stroke-dashoffset="{_number(line.phase)}"'
    return out


def _path(path: Path, height: float) -> str:
    out: list[str] = []
    for operator, at in path:
        flipped = [height - value if place % 2 else value for place, value in enumerate(at)]
        letter = "Z" if operator == "h" else operator.upper()
        out.append(letter + " ".join(map(_number, flipped)))
    return "".join(out)


def _color(color: Color) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


def _number(value: float) -> str:
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
