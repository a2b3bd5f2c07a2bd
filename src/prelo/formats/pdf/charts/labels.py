"""Labels along an axis that never touch: all of them, every second or third, or turned."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import ceil, sqrt

from prelo.formats.pdf.charts.setting import Setting, Sheet

_ANGLE = 45
_GAP = 0.8  # of the size, between two labels side by side
_MEASURED = 100  # of very many texts the longest ones speak for all
_LINE = 1.25  # of the size, from one line to the next
_LONGEST = 0.34  # of the chart's height, for turned labels


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels at their places along an axis from left to right; `height` is the room they take."""

    places: tuple[tuple[float, str], ...]
    turned: bool
    height: float

    def draw(self, sheet: Sheet, left: float, top: float) -> None:
        """Below `top`; places count from `left`."""
        size = sheet.setting.small
        for at, text in self.places:
            if self.turned:
                sheet.text(left + at + size * 0.3, top - size, text, anchor="end", turned=_ANGLE)
            else:
                x = sheet.inside(left + at, text)
                sheet.text(x, top - size * 1.5, text, anchor="middle")


def below(
    texts: Sequence[str],
    places: Sequence[float],
    setting: Setting,
    *,
    sorted_: bool,
    room: tuple[float, float],
) -> Labels:
    """The labels of categories below a plot; `places` are the middles, evenly apart.

    Those that have an order of their own (`sorted_`: dates, numbers) are thinned out if there are too many;
    names are turned first, and shortened. `room` is the chart's height, and what is left of the plot.
    """
    size = setting.small
    if not texts:
        return Labels((), turned=False, height=0)
    band = places[1] - places[0] if len(places) > 1 else places[0] * 2
    widest = max(setting.width(text) for text in nlargest(_MEASURED, texts, len))
    every = max(1, ceil((widest + size * _GAP) / band))
    pairs = list(zip(places, texts, strict=True))
    if every == 1 or sorted_:
        return Labels(tuple(pairs[::every]), turned=False, height=size * 2)
    every = max(1, ceil(size * _LINE * sqrt(2) / band))
    most = room[0] * _LONGEST * sqrt(2)
    shown = [
        (at, setting.fitted(text, min(most, (room[1] + at - 1.2 * size) * sqrt(2))))
        for at, text in pairs[::every]
    ]
    longest = max(setting.width(text) for _, text in shown)
    return Labels(tuple(shown), turned=True, height=longest / sqrt(2) + size * 1.3)


def spread(labels: Sequence[str], places: Sequence[float], setting: Setting) -> list[bool]:
    """Which of the labels around `places` (ascending) may stand without touching the one before."""
    end, out = float("-inf"), list[bool]()
    for text, at in zip(labels, places, strict=True):
        half = setting.width(text) / 2
        fits = at - half >= end
        out.append(fits)
        end = at + half + setting.small * _GAP if fits else end
    return out
