"""What measured highlights look like: shades, bars, and icons. All cells of a page at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prelo.core.workbook import Highlight
from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.look import operands

Floats = npt.NDArray[np.float64]

_SCALE = ("#FFFFFF", "#8FB1D8")
_BAR, _NEGATIVE, _AXIS = "#C5D5EA", "#F0C4BF", "#8C97A8"
_INSET = 60  # of a bar, from the edges of its cell
_THREE = ("#C0504D", "#E0A82E", "#5B9A5B")
_FOUR = ("#C0504D", "#E08A2E", "#D9C13A", "#5B9A5B")
_FIVE = ("#C0504D", "#E08A2E", "#D9C13A", "#9DB956", "#5B9A5B")
_LEVELS = {"3": _THREE, "4": _FOUR, "5": _FIVE}
_GREY = "#7A828E"
_CIRCLE = 0.5523  # of the radius: the handles of a quarter circle


@dataclass(frozen=True, slots=True)
class Measures:
    """Cells of a column: their values, the lowest and highest of all, the column's left edge and width, and
    the lower edge and height of each. `icon` is where the middle of an icon stands.
    """

    values: Floats
    span: tuple[float, float]
    box: tuple[int, int]
    places: Ints
    icon: int

    @property
    def shares(self) -> Floats:
        """Where in the span each value is, from 0 to 1; in the middle of one without length."""
        low, high = self.span
        if high <= low:
            return np.full(len(self.values), 0.5)
        return np.clip(self.values / (high - low) - low / (high - low), 0, 1)


def scale(highlight: Highlight, cells: Measures) -> bytes:
    """Each cell in its shade between the colours."""
    colors = highlight.colors or _SCALE
    colors = colors[::-1] if highlight.reverse else colors
    ends = np.array([[int(c[at : at + 2], 16) / 255 for at in (1, 3, 5)] for c in colors])
    steps = np.linspace(0, 1, len(colors))
    shades = np.column_stack([np.interp(cells.shares, steps, ends[:, k]) for k in range(3)])
    rect = b"%%.3f %%.3f %%.3f rg %d %%d %d %%d re f\n" % cells.box
    return rect * len(shades) % tuple(np.column_stack([shades, cells.places]).ravel().tolist())


def bar(highlight: Highlight, cells: Measures) -> bytes:
    """A bar from the axis, which is at the side where all values have one sign."""
    box, places, values = cells.box, cells.places, cells.values
    low, high = min(cells.span[0], 0.0), max(cells.span[1], 0.0)
    if low == high:
        return b""
    room = box[1] - 2 * _INSET
    axis = box[0] + _INSET + int(-low / (high - low) * room)
    lengths = (values / (high - low) * room).astype(np.int64)
    colour = operands((highlight.colors or (_BAR,))[0])
    out = b""
    for chosen, fill in ((values >= 0, colour), (values < 0, operands(_NEGATIVE))):
        bars = np.column_stack(
            [
                np.full(int(chosen.sum()), axis),
                places[chosen, 0] + _INSET,
                lengths[chosen],
                places[chosen, 1] - 2 * _INSET,
            ]
        )
        out += (
            b"%b rg\n" % fill
            + b"%d %d %d %d re\n" * len(bars) % tuple(bars.ravel().tolist())
            + b"f\n"
        )
    if low < 0 < high:
        lines = np.column_stack([places[:, 0], places.sum(1)]).ravel().tolist()
        out += b"%b RG 20 w\n" % operands(_AXIS)
        out += b"%d %%d m %d %%d l\n" % (axis, axis) * len(places) % tuple(lines) + b"S\n"
    return out


def icons(highlight: Highlight, cells: Measures) -> bytes:
    """A mark beside the text of each cell, by the third, quarter or fifth of the span its value is in."""
    count = int(highlight.icons[0])
    level = np.minimum((cells.shares * count).astype(np.int64), count - 1)
    level = count - 1 - level if highlight.reverse else level
    colours = _LEVELS[highlight.icons[0]]
    grey = "gray" in highlight.icons
    out = b""
    for step in np.unique(level).tolist():
        here = cells.places[level == step]
        colour = operands(_GREY if grey else colours[step])
        shape = _arrow(step, count) if "arrows" in highlight.icons else _disc()
        middles = (here[:, 0] + here[:, 1] // 2).tolist()
        out += b"%b rg\n" % colour
        out += b"q 1 0 0 1 %d %%d cm %b Q\n" % (cells.icon, shape) * len(middles) % tuple(middles)
    return out


def _disc(radius: int = 240) -> bytes:
    r, h = radius, int(radius * _CIRCLE)
    return (
        f"{r} 0 m {r} {h} {h} {r} 0 {r} c {-h} {r} {-r} {h} {-r} 0 c "
        f"{-r} {-h} {-h} {-r} 0 {-r} c {h} {-r} {r} {-h} {r} 0 c f"
    ).encode()


def _arrow(step: int, count: int) -> bytes:
    """From straight down to straight up, by steps."""
    turn = np.pi * (step / (count - 1) - 0.5)
    c, s = np.cos(turn), np.sin(turn)
    head = "-260 -70 m 40 -70 l 40 -220 l 280 0 l 40 220 l 40 70 l -260 70 l f"
    return f"q {c:.3f} {s:.3f} {-s:.3f} {c:.3f} 0 0 cm {head} Q".encode()
