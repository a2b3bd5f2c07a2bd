"""What every chart is set with: fonts, sizes and colours, and the pieces that all charts have."""

from dataclasses import dataclass
from typing import Any

from reportlab.graphics.shapes import Drawing, Group, Line, Rect, String
from reportlab.lib.colors import HexColor

from prelo.formats.palette import PALETTE
from prelo.formats.pdf.drawn.plain import plain
from prelo.formats.pdf.font import UNITS, Font
from prelo.formats.pdf.locale import Locale

Colour = Any
"""One of reportlab's."""
INK, TITLE, QUIET = HexColor("#21262E"), HexColor("#293D59"), HexColor("#6B7585")
GRID, BASE, WHITE, REST = (
    HexColor("#E1E6ED"),
    HexColor("#BFC7D2"),
    HexColor("#FFFFFF"),
    HexColor("#C9D0DA"),
)
_ELLIPSIS = "…"
_CAP = 0.714  # of the size: how high capitals and figures are


@dataclass(frozen=True, slots=True)
class Setting:
    """The fonts (regular and bold), the locale, and the size of the document's text in points."""

    fonts: tuple[Font, Font]
    locale: Locale
    text: float = 8.0

    @property
    def small(self) -> float:
        """The size of labels."""
        return self.text * 0.9

    @property
    def heading(self) -> float:
        """The size of a chart's title."""
        return self.text * 1.25

    def width(self, text: str, size: float | None = None, *, bold: bool = False) -> float:
        """How wide a text is in points."""
        return self.fonts[bold].width(plain(text)) * (size or self.small) / UNITS

    def fitted(
        self, text: str, most: float, size: float | None = None, *, bold: bool = False
    ) -> str:
        """The text, or as much of it as is no wider than `most` with an ellipsis behind it."""
        if self.width(text, size, bold=bold) <= most:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            shown = text[:middle].rstrip() + _ELLIPSIS
            low, high = (
                (middle, high) if self.width(shown, size, bold=bold) <= most else (low, middle - 1)
            )
        return text[:low].rstrip() + _ELLIPSIS


def color_of(number: int) -> Colour:
    """The colour of a series, counted from 0."""
    return HexColor(PALETTE[number % len(PALETTE)])


class Sheet:
    """A drawing, and how texts and rules are put on it."""

    def __init__(self, width: float, height: float, setting: Setting) -> None:
        self.drawing = Drawing(width, height)
        self.setting = setting
        self.width, self.height = width, height

    def add(self, shape: Any) -> None:
        self.drawing.add(shape)

    def text(self, x: float, y: float, text: str, **look: Any) -> None:
        """A text with its baseline at y, from x on or, by `anchor`, ending at or around it; `turned` by
        degrees.
        """
        bold, turned = look.get("bold", False), look.get("turned", 0)
        string = String(0 if turned else x, 0 if turned else y, plain(text))
        string.fontName = "Helvetica-Bold" if bold else "Helvetica"
        string.fontSize = look.get("size", self.setting.small)
        string.fillColor = look.get("color", QUIET)
        string.textAnchor = look.get("anchor", "start")
        if not turned:
            self.add(string)
            return
        group = Group(string)
        group.translate(x, y)
        group.rotate(turned)
        self.add(group)

    def inside(self, x: float, text: str) -> float:
        """The middle of a label as near to x as it may be without leaving the drawing."""
        half = self.setting.width(text) / 2
        return max(half, min(x, self.width - half))

    def middle(self, y: float, size: float | None = None) -> float:
        """The baseline of a text whose capitals stand around y."""
        return y - (size or self.setting.small) * _CAP / 2

    def rule(self, x1: float, y1: float, x2: float, y2: float, **look: Any) -> None:
        line = Line(x1, y1, x2, y2)
        line.strokeColor, line.strokeWidth = look.get("color", GRID), look.get("width", 0.5)
        self.add(line)

    def box(self, x: float, y: float, width: float, height: float, color: Colour) -> None:
        """A filled rectangle; negative lengths go the other way."""
        x, width = min(x, x + width), abs(width)
        y, height = min(y, y + height), abs(height)
        rect: Any = Rect(x, y, width, height)
        rect.fillColor, rect.strokeColor = color, None
        self.add(rect)
