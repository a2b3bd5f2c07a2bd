"""Documents from beginning to end: a group of rows is read, made a page or more, and forgotten."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
import polars as pl

from prelo.core.table import Completeness, Layout, Manifest, SheetRows, ValueWarning
from prelo.formats.groups import Totals
from prelo.formats.pdf.document.around import Around, Pages
from prelo.formats.pdf.document.assembly import Assembly
from prelo.formats.pdf.document.context import Names, Scope
from prelo.formats.pdf.document.engine import Maker
from prelo.formats.pdf.document.package import Package
from prelo.formats.pdf.document.parts import parted
from prelo.formats.pdf.locale import locale_of
from prelo.formats.stream import Progress, Stream
from prelo.ports import Sink

_PAGE = "(page)"  # the column of a warning about text that is in none
_REMOVED = "control characters, which no page can show, were left out"
_MISSING = "no font has these characters; they are shown as empty boxes"
_BETWEEN = " \N{MIDDLE DOT} "
_NO_VALUE = "\N{EN DASH}"
_EMPTY = (
    '<meta charset="utf-8"><title>%s</title><style>@page{size:A4;margin:2.5cm}h1{font-size:18pt}'
    "p{color:#5f6b7a}</style><h1>%s</h1><p>%s</p>"
)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written. `files` are those of a ZIP, each with its rows."""

    rows: int
    pages: int
    documents: int
    files: tuple[SheetRows, ...]
    warnings: tuple[ValueWarning, ...]

    def manifest(self, stream: Stream) -> Manifest:
        return Manifest(
            format="pdf",
            rows=self.rows,
            columns=tuple(field.name for field in stream.fields),
            sheets=self.files,
            pages=self.pages,
            completeness=Completeness.COMPLETE if self.rows else Completeness.EMPTY,
            warnings=self.warnings,
        )


def write_documents(stream: Stream, out: Sink, layout: Layout, progress: Progress) -> Written:
    """Write the layout's `document`, one or one for each run of equal values in `per`, as one PDF or as a ZIP
    of PDFs. `stream` was opened to keep the columns of `per`.

    Memory is the rows and pages of one document. Raises FormatFailed for a template at fault (by file and
    line), for an address that is not in its folder, or for an engine that is not here; RowLimit for a
    document of more than 100,000 rows and a ZIP of more than 10,000 documents.
    """
    run = _Run(stream, layout, progress)
    return run.zipped(out) if layout.pdf.files == "zip" else run.joined(out)


class _Run:
    def __init__(self, stream: Stream, layout: Layout, progress: Progress) -> None:
        assert layout.pdf.document  # noqa: S101  the caller looked
        fields = (*stream.fields, *stream.hidden)
        self._layout = layout
        self._stream = stream
        self._progress = progress
        self._scope = Scope(layout, fields, locale_of(layout.locale))
        shared = bool(layout.pdf.per) and layout.pdf.files == "one"
        self._maker = Maker(layout.pdf.document, self._scope, shared=shared)
        self._around = Around(self._scope, shared=shared)
        self._totals = Totals(fields, None)
        self._rows = self._done = self._pages = self._documents = 0

    def joined(self, out: Sink) -> Written:
        """All documents in one file, the cover and the annex around them all."""
        per = self._layout.pdf.per
        assembly = Assembly(out, self._layout, is_one=not per)
        for names, name in self._contexts():
            pages = assembly.add(self._pdf(names, name), name)
            self._tell(names["count"], pages)
        whole = self._whole()
        self._add(assembly, self._around.annex(whole), front=False)
        whole["pages"] = assembly.pages
        self._add(assembly, self._around.cover(whole), front=True)
        assembly.close()
        return self._written(assembly.pages, ())

    def zipped(self, out: Sink) -> Written:
        """Each document a file of its own, with cover and annex."""
        package = Package(out)
        for names, name in self._contexts():
            with package.file(name, names["count"]) as file:
                assembly = Assembly(file, self._layout, is_one=True)
                assembly.add(self._pdf(names, name))
                self._add(assembly, self._around.annex(names, name), front=False)
                names["pages"] = assembly.pages
                self._add(assembly, self._around.cover(names, name), front=True)
                assembly.close()
            self._tell(names["count"], assembly.pages)
        package.close()
        return self._written(self._pages, tuple(package.files))

    def _contexts(self) -> Iterator[tuple[Names, str]]:
        """What each document is made with, and its name: the values of `per`."""
        per = self._layout.pdf.per
        for number, frame in enumerate(parted(self._counted(), per), 1):
            names = self._scope.of_rows(frame, per)
            texts = [names["group"].text[column] or _NO_VALUE for column in per]
            yield {**names, "number": number}, _BETWEEN.join(texts)
        if not self._rows:
            yield self._scope.of_rows(self._stream.first, ()), ""

    def _counted(self) -> Iterator[pl.DataFrame]:
        for frame in self._stream.frames:
            self._totals.feed(frame, np.zeros(frame.height, np.bool_))
            self._rows += frame.height
            yield frame

    def _pdf(self, names: Names, name: str) -> bytes:
        if self._rows or not self._layout.pdf.per:
            return self._maker.pdf(names, name)
        title, empty = escape(self._layout.title), self._scope.locale.words.empty
        return self._maker.pages_of(_EMPTY % (title, title, empty), name)

    def _whole(self) -> Names:
        """What the cover and the annex of all documents are made with."""
        totals = self._totals.end(self._rows) if self._rows else None
        names = self._scope.of_whole(self._stream.first.clear(), totals, self._rows)
        return {**names, "documents": self._documents}

    def _add(self, assembly: Assembly, pages: Pages | None, *, front: bool) -> None:
        if pages:
            assembly.add(pages.pdf, front=front, foreign=pages.foreign)

    def _tell(self, rows: int, pages: int) -> None:
        self._documents += 1
        self._pages += pages
        self._done += rows
        self._progress(self._done, self._pages)

    def _written(self, pages: int, files: tuple[SheetRows, ...]) -> Written:
        makers = [self._maker, *self._around.makers]
        told = {
            "characters-removed": (sum(maker.removed for maker in makers), _REMOVED),
            "characters-missing": (sum(maker.missing for maker in makers), _MISSING),
        }
        warnings = tuple(
            ValueWarning(column=_PAGE, type=kind, count=count, detail=detail)
            for kind, (count, detail) in told.items()
            if count
        )
        return Written(self._rows, pages, self._documents, files, warnings)
