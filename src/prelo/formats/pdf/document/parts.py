"""The rows of each document: all of them, or each run of rows with equal values in `per`."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from prelo.core.errors import RowLimit
from prelo.formats.groups import Boundaries

MOST_ROWS = 100_000
"""Of one document."""


def parted(frames: Iterator[pl.DataFrame], per: Sequence[str]) -> Iterator[pl.DataFrame]:
    """A frame for each document, or one of all rows without `per`; none where there are no rows.

    Holds the rows of one document. Raises RowLimit for one of more than MOST_ROWS.
    """
    boundaries = Boundaries(per)
    held: list[pl.DataFrame] = []
    for frame in frames:
        begins = set(np.flatnonzero(boundaries.begins(frame)[-1]).tolist()) if per else set[int]()
        for start, end in pairwise(sorted({0, *begins, frame.height})):
            if held and start in begins:
                yield pl.concat(held)
                held = []
            held.append(frame[start:end])
            _check(held)
    if held:
        yield pl.concat(held)


def _check(held: list[pl.DataFrame]) -> None:
    if sum(part.height for part in held) > MOST_ROWS:
        raise RowLimit(
            f"a document has more than {MOST_ROWS:,} rows; part them by 'per', or make a table: a report "
            "without 'document'"
        )
