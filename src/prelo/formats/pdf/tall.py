"""Rows higher than a page flow over: they are parted into rows that have room. They are few."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
import polars as pl

from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.cells import Ink, Line
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.rows import broken


def parted(bands: Sequence[Line], high: Ints, look: Look) -> tuple[Ints, list[Line]]:
    """The parts of the `high` rows in order: which row each belongs to, and what stands in its bands."""
    rows: list[int] = []
    texts: list[list[list[str]]] = [[[] for _ in band.cells] for band in bands]
    for row in high.tolist():
        cells = [_cells(band, row, look) for band in bands]
        count = max(len(parts) for band in cells for parts in band)
        rows += [row] * count
        for kept, band in zip(texts, cells, strict=True):
            for column, parts in zip(kept, band, strict=True):
                column.extend(part or "" for part, _ in zip_longest(parts, range(count)))
    places = np.array(rows)
    lines = [
        Line(
            [pl.Series(column, dtype=pl.String) for column in columns],
            band.cells,
            {name: _gathered(ink, places) for name, ink in band.inks.items()},
        )
        for columns, band in zip(texts, bands, strict=True)
    ]
    return places, lines


def _cells(band: Line, row: int, look: Look) -> list[list[str]]:
    """The parts of each cell of a row: as many lines as have room on a page."""
    out: list[list[str]] = []
    for text, cell in zip(band.texts, band.cells, strict=True):
        lines = broken(text[row], cell, look.row) if cell.fit == "wrap" else [text[row]]
        step = look.most_lines(look.row)
        out.append(["\n".join(lines[at : at + step]) for at in range(0, max(len(lines), 1), step)])
    return out


def _gathered(ink: Ink, rows: Ints) -> Ink:
    return ink if isinstance(ink.before, str) else Ink(ink.before.gather(rows), ink.after)
