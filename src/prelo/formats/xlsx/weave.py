"""Rows from their pieces, without making a text of any row.

An Arrow string view (Columnar Format, "Variable-size Binary View Layout") has 16 bytes: the length, then the
text itself if it has at most 12 bytes, else its first four, a buffer's number and the place in it. So the
rows of a frame are a table of views with a column for each piece, and one cast of that table makes the
text. Polars' `concat_str` goes from piece to piece of every row; here a column of pieces is copied at once.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

_AT_ONCE = 1 << 16  # views: these and the text made of them stay in the processor's cache
_SHORT = 12
_View = np.complex128  # any type of 16 bytes, which NumPy copies as one

Part = str | pl.Expr
Views = npt.NDArray[np.complex128]


class Loom:
    """Weaves the frames of one table; the views of constant parts are kept from frame to frame."""

    def __init__(self) -> None:
        self._constants: list[str | None] = []
        self._table: Views = np.empty((0, 0), _View)
        self._buffers: list[Any] = []

    def weave(self, frame: pl.DataFrame, parts: list[Part]) -> list[memoryview]:
        """The parts of the first row end to end, then those of the next, as UTF-8; some rows in each buffer.

        Expressions give texts, none of them NULL; the same one twice is computed once.
        """
        self._keep([part if isinstance(part, str) else None for part in parts])
        exprs = {id(part): part for part in parts if isinstance(part, pl.Expr)}
        texts = frame.select(expr.alias(str(i)) for i, expr in enumerate(exprs.values()))
        buffers = [*self._buffers]
        found = {key: _views(texts.to_series(i), buffers) for i, key in enumerate(exprs)}
        columns = [(i, found[id(part)]) for i, part in enumerate(parts) if id(part) in found]
        out: list[memoryview] = []
        for start in range(0, frame.height, len(self._table)):
            table = self._table[: frame.height - start]
            for i, views in columns:
                table[:, i] = views[start : start + len(table)]
            out.append(_text(table, buffers))
        return out

    def _keep(self, constants: list[str | None]) -> None:
        if constants == self._constants:
            return
        self._constants, self._buffers = constants, []
        self._table = np.empty((max(1, _AT_ONCE // len(constants)), len(constants)), _View)
        self._table[:] = _views(pl.Series([text or "" for text in constants]), self._buffers)


def _views(texts: pl.Series, buffers: list[Any]) -> Views:
    """The views of a column, whose own buffers go to the end of `buffers`."""
    array: Any = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    _, views, *own = array.buffers()
    found = np.frombuffer(views, _View)[array.offset : array.offset + len(array)]
    if own and buffers:
        found = found.copy()
        fields = found.view(np.uint32).reshape(-1, 4)
        fields[fields[:, 0] > _SHORT, 2] += len(buffers)
    buffers += own
    return found


def _text(table: Views, buffers: list[Any]) -> memoryview:
    views: Any = pa.Array.from_buffers(
        pa.string_view(), table.size, [None, pa.py_buffer(table), *buffers]
    )
    return memoryview(views.cast(pa.large_string()).buffers()[2])
