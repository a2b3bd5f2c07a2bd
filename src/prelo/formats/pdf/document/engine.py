"""A document's pages: HTML from its template, made PDF by the engine it names; or those of a finished PDF."""

from collections.abc import Mapping
from typing import Any, Protocol

from prelo.core.errors import FormatFailed, Permanent
from prelo.core.page import Document
from prelo.formats.pdf.document import needed
from prelo.formats.pdf.document.context import Scope, asset
from prelo.formats.pdf.document.folder import Folder
from prelo.formats.pdf.document.template import Templates
from prelo.formats.pdf.document.wkhtml import Wkhtml

_PANGO = (
    "WeasyPrint finds no Pango on this machine; install the libraries pango, pangoft2, gobject, harfbuzz and "
    "fontconfig (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)"
)


class Engine(Protocol):
    """Turns HTML into a PDF. `missing` are the characters that no font had."""

    missing: set[int]

    def pdf(self, html: str) -> bytes: ...


class Maker:
    """Makes the pages of one Document, once or a thousand times. `shared`: they all go into one file."""

    def __init__(self, document: Document, scope: Scope, *, shared: bool) -> None:
        self._document = document
        self._folder = Folder(document.folder or ".")
        self.finished = document.template.lower().endswith(".pdf")
        """The document is a PDF already; it has no template."""
        self._scope = scope
        self._templates = Templates(
            self._folder, scope.filters.by_name(), {**scope.names(), "asset": asset(self._folder)}
        )
        if scope.layout.pdf.archive:
            _check_archive(document, finished=self.finished)
        self._engine = None if self.finished else engine_of(document, self._folder, shared=shared)
        if not self.finished:
            self._templates.check(document.template)

    def pdf(self, context: Mapping[str, Any], of: str = "") -> bytes:
        """The pages. Raises FormatFailed, with the template and `of`, the document they are about."""
        if self._engine is None:
            return self._folder.read(self._document.template)
        html = self._templates.render(self._document.template, context, of)
        return self.pages_of(html, of)

    def pages_of(self, html: str, of: str) -> bytes:
        assert self._engine is not None  # noqa: S101  only a PDF has none
        try:
            pdf = self._engine.pdf(html)
            if self._scope.layout.pdf.archive and self._engine.missing:
                told = " ".join(f"U+{code:04X}" for code in sorted(self._engine.missing)[:5])
                raise FormatFailed(
                    f"no font has {told}, and an archive (PDF/A) shows no empty boxes"
                )
        except Permanent as error:
            about = f", the document of {of}" if of else ""
            raise type(error)(f"{self._document.template}{about}: {error}") from error
        return pdf

    @property
    def removed(self) -> int:
        return self._templates.removed

    @property
    def missing(self) -> int:
        return len(self._engine.missing) if self._engine else 0


def _check_archive(document: Document, *, finished: bool) -> None:
    if finished:
        raise FormatFailed(
            f"'{document.template}' is a PDF file, and an archive (PDF/A) cannot vouch for what is in it; "
            "make it of a template, or leave out 'archive'"
        )
    if document.engine != "weasyprint":
        raise FormatFailed(
            f"an archive (PDF/A) is not made by {document.engine}; leave out 'engine' or 'archive'"
        )


def engine_of(document: Document, folder: Folder, *, shared: bool) -> Engine:
    if document.engine == "wkhtmltopdf":
        return Wkhtml()
    try:
        with needed():
            from prelo.formats.pdf.document.weasy import Weasy
    except OSError as error:
        raise FormatFailed(_PANGO) from error
    return Weasy(folder, shared=shared)
