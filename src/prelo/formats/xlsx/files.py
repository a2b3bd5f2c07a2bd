"""Rows for which one sheet is too small, as a ZIP of workbooks that each stand alone."""

import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Protocol, cast

import polars as pl

from prelo.core.errors import FormatFailed, RowLimit
from prelo.core.table import Completeness, Layout, Manifest, SheetRows, ValueWarning
from prelo.formats.stream import Progress
from prelo.formats.xlsx.names import sheet_name
from prelo.ports import Sink


class WriteOne(Protocol):
    """Writes one workbook; gives its manifest, and the frames that found no room in it."""

    def __call__(
        self, data: object, out: Sink, layout: Layout, progress: Progress
    ) -> tuple[Manifest, Iterator[pl.DataFrame] | None]: ...


_MOST_FILES = 10_000
_REFUSED = str.maketrans(dict.fromkeys('<>|":*?/\\', " "))


def write_files(
    data: object, out: Sink, layout: Layout, progress: Progress, write_one: WriteOne
) -> Manifest:
    """Write `data` as workbooks of one sheet each, in a ZIP. Each adds up its own rows."""
    data, layout = _one_table(data, layout)
    name = sheet_name(layout).translate(_REFUSED).strip(" .") or "Report"
    done: list[Manifest] = []
    rest: object | None = data
    sink = _Forward(out)
    with zipfile.ZipFile(cast("Any", sink), "w", zipfile.ZIP_STORED) as package, sink:
        while rest is not None:
            if len(done) == _MOST_FILES:
                raise RowLimit(
                    f"the data needs more than {_MOST_FILES:,} workbooks; raise rows_per_sheet, or ask "
                    "for less"
                )
            entry = zipfile.ZipInfo(f"{name} {len(done) + 1}.xlsx", (1980, 1, 1, 0, 0, 0))
            heard = partial(_heard, progress, sum(made.rows for made in done))
            with package.open(entry, "w", force_zip64=True) as file:
                made, rest = write_one(rest, cast("Sink", file), layout, heard)
            done.append(made)
            layout = _without_hidden(layout)  # what is left has no such columns any more
    return _joined(done, name)


def _one_table(data: object, layout: Layout) -> tuple[object, Layout]:
    """The table of a dict of one, its name told by the layout: what is left of it has none."""
    tables = cast("Mapping[str, object]", data) if isinstance(data, Mapping) else {}
    if layout.sheets or len(tables) > 1:
        raise FormatFailed("split_files is for one table; with several sheets choose split_sheets")
    for name, table in tables.items():
        options = layout.xlsx.model_copy(update={"sheet": name or None})
        return table, layout.model_copy(update={"xlsx": options})
    return data, layout


def _heard(progress: Progress, before: int, rows: int, pages: int) -> None:
    progress(before + rows, pages)


def _without_hidden(layout: Layout) -> Layout:
    used = {*layout.group_by}
    used.update(name for s in layout.xlsx.summaries for name in (*s.by, *s.values))
    kept = {n: c for n, c in layout.columns.items() if n in used or not c.hidden}
    return layout.model_copy(update={"columns": kept})


class _Forward:
    """A sink as a file that cannot seek, which is all that zipfile asks for. After an error it takes nothing
    more: zipfile would write the directory all the same, and so make half a file look whole.
    """

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._broken = False

    def __enter__(self) -> None:
        """What follows may break."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._broken = error is not None

    def write(self, data: bytes) -> int:
        if not self._broken:
            self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """What was written is on its way."""


def _joined(done: list[Manifest], name: str) -> Manifest:
    """The manifest of the ZIP: its workbooks stand as its sheets."""
    warnings: dict[tuple[str, str, str], int] = {}
    for w in (w for made in done for w in made.warnings):
        key = w.column, w.type, w.detail
        warnings[key] = warnings.get(key, 0) + w.count
    update: dict[str, Any] = {
        "rows": sum(made.rows for made in done),
        "sheets": tuple(
            SheetRows(name=f"{name} {i}.xlsx", rows=made.rows) for i, made in enumerate(done, 1)
        ),
        "warnings": tuple(
            ValueWarning(column=column, type=kind, count=count, detail=detail)
            for (column, kind, detail), count in sorted(warnings.items())
        ),
    }
    if len(done) > 1:
        update["completeness"] = Completeness.SPLIT
        update["reason"] = f"the rows are spread over {len(done)} workbooks"
    return done[0].model_copy(update=update)
