"""A ZIP of PDFs, written from front to back."""

import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from prelo.core.errors import RowLimit
from prelo.core.table import SheetRows
from prelo.formats.pdf.document.names import FileNames
from prelo.ports import Sink

_MOST_FILES = 10_000
_EPOCH = (1980, 1, 1, 0, 0, 0)  # equal documents make an equal ZIP


class Package:
    """`files` are those written so far, with their rows."""

    def __init__(self, out: Sink) -> None:
        self._sink = _Forward(out)
        self._zip = zipfile.ZipFile(cast("Any", self._sink), "w", zipfile.ZIP_STORED)
        self._names = FileNames()
        self.files: list[SheetRows] = []

    @contextmanager
    def file(self, name: str, rows: int) -> Generator[Sink]:
        """A sink for one more file. Raises RowLimit past 10,000 of them."""
        if len(self.files) == _MOST_FILES:
            raise RowLimit(
                f"the data makes more than {_MOST_FILES:,} documents, the most that one ZIP holds; ask for "
                "less, or for one file: files: one"
            )
        entry = zipfile.ZipInfo(self._names.take(name), _EPOCH)
        with self._sink, self._zip.open(entry, "w", force_zip64=True) as file:
            yield cast("Sink", file)
        self.files.append(SheetRows(name=entry.filename, rows=rows))

    def close(self) -> None:
        self._zip.close()


class _Forward:
    """A sink as a file that cannot seek, which is all that zipfile asks for. After an error it takes nothing
    more: zipfile would end the entry all the same, and so make half a file look whole.
    """

    def __init__(self, out: Sink) -> None:
        self._out = out
        self._broken = False

    def __enter__(self) -> None:
        """What follows may break."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._broken = self._broken or error is not None

    def write(self, data: bytes) -> int:
        if not self._broken:
            self._out.write(data)
        return len(data)

    def flush(self) -> None:
        """What was written is on its way."""
