"""Links: the addresses of a column can be clicked where they stand, whole columns at a time."""

from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
import polars as pl

from prelo.formats.addresses import ADDRESS, NO_ADDRESS
from prelo.formats.pdf.arrow import Ints
from prelo.formats.pdf.body import DATA, Items
from prelo.formats.pdf.cells import Cell
from prelo.formats.pdf.file import File
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.sheet import Sheet
from prelo.formats.stream import Field

_PLAIN = "!#$%&'()*+,/:;=?@[]~"  # what an address keeps besides letters and figures (RFC 3986)
_LONGEST = 2_079  # characters; the rest is no address


class Links:
    """The annotations of one document's links (ISO 32000-1, 12.5.6.5)."""

    def __init__(self, file: File, look: Look, fields: Sequence[Field]) -> None:
        self._file, self._look = file, look
        self._names = [field.name for field in fields if field.kind.name == "link"]
        self._addresses: dict[str, pl.Series] = {}
        self._placed: list[tuple[int, Ints, Ints]] = []

    def __bool__(self) -> bool:
        return bool(self._names)

    def read(self, frame: pl.DataFrame) -> None:
        """The addresses of a frame, before its items are placed."""
        for name in self._names:
            text = frame[name].str.strip_chars()
            linked = pl.DataFrame({"t": text}).select(
                pl.when(
                    pl.col("t").str.contains(ADDRESS)
                    & ~pl.col("t").str.contains(NO_ADDRESS)
                    & (pl.col("t").str.len_chars() <= _LONGEST)
                ).then("t")
            )
            self._addresses[name] = linked.to_series()

    def place(self, items: Items, bottoms: Ints) -> None:
        """Write the annotations of the frame's items, which stand at these heights."""
        self._placed = []
        data = np.flatnonzero(items.sorts == DATA)
        for number, band in enumerate(self._look.bands):
            for cell in band.cells:
                if cell.name not in self._addresses:
                    continue
                addresses = self._addresses[cell.name].gather(items.rows[data])
                there = addresses.is_not_null().to_numpy()
                at = data[there]
                if len(at):
                    told = _uris(addresses.filter(pl.Series(there)))
                    bodies = self._bodies(told, cell, bottoms[at], items.heights[at])
                    first = self._file.many(bodies)
                    self._placed.append((number, at, first + np.arange(len(at))))

    def draw(self, sheet: Sheet, part: slice) -> None:
        """The links of some of these items belong to this page."""
        for number, at, objects in self._placed:
            low, high = np.searchsorted(at, [part.start, part.stop])
            here = objects[low:high].tolist()
            if here:
                sheet.layers[number].links.append(b"%d 0 R " * len(here) % tuple(here))

    def between(self) -> None:
        return None

    def _bodies(self, uris: pl.Series, cell: Cell, bottoms: Ints, heights: Ints) -> pl.Series:
        left = self._look.page.left
        sides = [f"{(left + x) / 100:.2f}" for x in (cell.left, cell.right)]
        places = {"u": uris, "y": bottoms / 100, "z": (bottoms + heights) / 100}
        body = pl.concat_str(
            pl.lit("<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect["),
            pl.lit(f"{sides[0]} "),
            pl.col("y").cast(pl.String),
            pl.lit(f" {sides[1]} "),
            pl.col("z").cast(pl.String),
            pl.lit("]/A<</S/URI/URI("),
            pl.col("u").str.replace_many(["\\", "(", ")"], ["\\\\", "\\(", "\\)"]),
            pl.lit(")>>>>"),
        )
        return pl.DataFrame(places).select(body).to_series()


def _uris(addresses: pl.Series) -> pl.Series:
    """The addresses as URIs, which are ASCII; few are anything else."""
    other = addresses.str.len_bytes() != addresses.str.len_chars()
    if not other.any():
        return addresses
    known = {text: quote(text, _PLAIN) for text in addresses.filter(other).unique().to_list()}
    return addresses.replace(known)
