"""XLSX: a frame drawn by XlsxWriter, rows made by column kernels, one streamed ZIP.

Whatever the number of rows, one frame of them is in memory. Text is never a formula. What Excel cannot
hold as it is (cells.py) is changed by rule and counted in the manifest, never in silence.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import polars as pl
from pydantic import SecretStr

from prelo.core.errors import FormatFailed
from prelo.core.table import Layout, Manifest, Overflow
from prelo.formats.stream import Progress
from prelo.formats.xlsx.book import Book
from prelo.formats.xlsx.files import write_files
from prelo.formats.xlsx.filled import Filled
from prelo.formats.xlsx.package import Package
from prelo.formats.xlsx.table import Limits
from prelo.ports import Sink

__all__ = ["Limits", "Xlsx"]


class Xlsx:
    """Writes tables as a workbook, or with overflow 'split_files' as a ZIP of workbooks.

    `data` is a table, or a dict of tables by the names of their sheets. `write` needs of `out` only
    `write`, raises what `open_stream` raises, FormatFailed, RowLimit (overflow 'fail') and FileLimit (past
    4 GiB), and whatever `out` raises. After an error, what was written is no file; no thread is left.
    Hidden columns are not in the file.
    """

    many = True

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def media_type(self, layout: Layout) -> str:
        """Of a workbook, or of a ZIP of workbooks."""
        if layout.overflow is Overflow.SPLIT_FILES:
            return "application/zip"
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def write(self, data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
        """Write `data` to `out` as `layout` says. `progress` hears of the rows after every frame."""
        if layout.overflow is Overflow.SPLIT_FILES:
            return write_files(data, out, layout, progress, self._write_one)
        return self._write_one(data, out, layout, progress)[0]

    def _write_one(
        self, data: object, out: Sink, layout: Layout, progress: Progress
    ) -> tuple[Manifest, Iterator[pl.DataFrame] | None]:
        password, most = layout.xlsx.password, layout.xlsx.rows_per_sheet
        limits = replace(self._limits, data_rows=most) if most else self._limits
        made = Filled if layout.xlsx.template is not None else Book
        with _locked(out, password) as sink, Package(sink) as package:
            book = made(package, data, layout, limits)
            return book.write(progress), book.rest


def _locked(out: Sink, password: SecretStr | None) -> AbstractContextManager[Sink]:
    if password is None:
        return nullcontext(out)
    try:
        from prelo.formats.xlsx.lock import Locked
    except ModuleNotFoundError as error:
        raise FormatFailed(
            "a workbook with a password needs the package 'cryptography'; install it by: "
            "pip install 'prelo[password]'"
        ) from error
    return Locked(out, password.get_secret_value())
