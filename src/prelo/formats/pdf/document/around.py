"""What stands before and after the pages: a cover and an annex, made of HTML or PDF files of their own."""

from dataclasses import dataclass
from typing import Any

from prelo.core.page import Document
from prelo.formats.pdf.document.context import Names, Scope
from prelo.formats.pdf.document.engine import Maker


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages as a PDF of their own; `foreign` if nobody here made them."""

    pdf: bytes
    foreign: bool


class Around:
    """The cover and the annex that a layout asks for. Raises FormatFailed for one that cannot be had."""

    def __init__(self, scope: Scope, *, shared: bool = False) -> None:
        self._cover = _maker(scope.layout.pdf.cover, scope, shared=shared)
        self._annex = _maker(scope.layout.pdf.annex, scope, shared=shared)

    def cover(self, names: Names, of: str = "") -> Pages | None:
        """The cover's pages, made with these names; None without a cover."""
        return _pages(self._cover, names, of)

    def annex(self, names: Names, of: str = "") -> Pages | None:
        """As `cover`."""
        return _pages(self._annex, names, of)

    @property
    def makers(self) -> list[Maker]:
        return [maker for maker in (self._cover, self._annex) if maker]


def _maker(document: Document | None, scope: Scope, *, shared: bool) -> Maker | None:
    return Maker(document, scope, shared=shared) if document else None


def _pages(maker: Maker | None, names: dict[str, Any], of: str) -> Pages | None:
    return Pages(maker.pdf(names, of), maker.finished) if maker else None
