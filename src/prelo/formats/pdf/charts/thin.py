"""Fewer points that look the same: no eye tells apart what is less than a point of paper from the next."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.charts.data import Floats, Series

Rows = npt.NDArray[np.int64]
_FINE = 0.5  # points
_MANY = 5000


def tall(series: Sequence[Series]) -> Floats:
    """How long the bars of each category are together."""
    return np.sum([np.abs(np.nan_to_num(one.values)) for one in series], axis=0)


def tallest(heights: Floats, most: int) -> Rows:
    """At most `most` rows: of neighbours that fall together, the one whose bar is the longest."""
    count = len(heights)
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most + 1).astype(np.int64)
    heights = np.abs(np.nan_to_num(heights))
    return np.array(
        [first + int(np.argmax(heights[first:end])) for first, end in pairwise(edges.tolist())]
    )


def runs(values: Floats) -> list[slice]:
    """Where values follow each other without a gap."""
    there = np.concatenate([[False], np.isfinite(values), [False]]).astype(np.int8)
    steps = np.diff(there)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return [slice(int(a), int(b)) for a, b in zip(starts, ends, strict=True)]


def turning_points(x: Floats, y: Floats) -> Rows:
    """The points of a line (x ascending) that make its look: of those within half a point of paper the
    first, the lowest, the highest and the last.
    """
    if len(x) <= 2 * (float(x[-1] - x[0]) / _FINE + 2):
        return np.arange(len(x))
    column = np.floor((x - x[0]) / _FINE).astype(np.int64)
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    ends = np.append(starts[1:], len(x))
    kept: set[int] = set()
    for first, end in zip(starts.tolist(), ends.tolist(), strict=True):
        part = y[first:end]
        kept |= {first, first + int(part.argmin()), first + int(part.argmax()), end - 1}
    return np.array(sorted(kept))


def distinct(x: Floats, y: Floats) -> Rows:
    """One of all the points that fall on the same place of paper, in order; places are coarser where
    there are very many.
    """
    for fine in (_FINE, 2 * _FINE):
        cells = np.column_stack([np.round(x / fine), np.round(y / fine)])
        rows = np.sort(np.unique(cells, axis=0, return_index=True)[1])
        if len(rows) <= _MANY:
            break
    return rows
