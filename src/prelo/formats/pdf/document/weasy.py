"""HTML and CSS to PDF by WeasyPrint, which gets to see the document's folder and nothing else."""

import io
import logging
import mimetypes
import re
import threading
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import DataHandler, Request

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcherResponse

from prelo.core.errors import FormatFailed
from prelo.formats.pdf.document.folder import Folder

# Relative addresses become these. No such host can exist (RFC 2606), and nothing is ever asked of one: with
# file:// instead, WeasyPrint would open paths by itself, and links would tell where the folder stands.
_BASE = "https://folder.invalid/"
_FACE = "prelo:"
_FACES = {"PreloSans-Regular.ttf": 400, "PreloSans-Bold.ttf": 700}
_MOST_IMAGES = 200  # kept decoded between documents
_MOST_TOLD = 5
_LOADED_BADLY = re.compile(r"Failed to (?:load|render)|Unsupported stylesheet")


class Weasy:
    """One run's engine. `shared`: its documents go into one file, so a font's glyphs are those of all
    documents so far; most come out with the very same font programs, which that file then holds once.
    """

    def __init__(self, folder: Folder, *, shared: bool) -> None:
        self._fetch = _Fetcher(folder)
        self._fonts = FontConfiguration()
        self._base = CSS(
            string=_base_sheet(), base_url=_BASE, url_fetcher=self._fetch, font_config=self._fonts
        )
        self._images: dict[str, Any] = {}
        self._glyphs: dict[str, Any] | None = {} if shared else None
        self.missing: set[int] = set()
        """Characters that no font has."""

    def pdf(self, html: str) -> bytes:
        """Raises FormatFailed for what the document may not read, lacks, or what cannot be laid out."""
        out = io.BytesIO()
        with _heard() as said:
            try:
                self._write(html, out)
            except FormatFailed:
                raise
            except MemoryError:
                raise
            except Exception as error:
                self._fetch.check()
                raise FormatFailed(
                    f"WeasyPrint cannot lay the page out: {type(error).__name__}: {error}"
                ) from error
            self._fetch.check()
        if said:
            raise FormatFailed("; ".join(said))
        if len(self._images) > _MOST_IMAGES:
            self._images.clear()
        return out.getvalue()

    def _write(self, html: str, out: io.BytesIO) -> None:
        page = HTML(string=html, base_url=_BASE, url_fetcher=self._fetch)
        _check_attached(page)
        document = page.render(
            font_config=self._fonts, stylesheets=[self._base], cache=self._images
        )
        self._fetch.check()
        for sheet in document.pages:  # a link to a file of the folder leads no reader anywhere
            sheet.links[:] = [link for link in sheet.links if not str(link[1]).startswith(_BASE)]
        fonts = document.fonts = _Fonts(self._glyphs)
        document.write_pdf(out)
        for font in fonts.values():
            self.missing.update(font.missing)


class _Fonts(dict[Any, Any]):
    """A document's fonts. Those of one name share the glyphs seen so far, if they are to."""

    def __init__(self, glyphs: dict[str, Any] | None) -> None:
        super().__init__()
        self._glyphs = glyphs

    def __setitem__(self, key: Any, font: Any) -> None:
        if self._glyphs is not None:
            known = self._glyphs.setdefault(font.hash, ({}, {}, {}))
            font.widths, font.to_unicode, font.missing = known
        super().__setitem__(key, font)


class _Fetcher:
    """What WeasyPrint calls for every address. It opens no connection, having nothing to open one with."""

    _fail_on_errors = False  # WeasyPrint looks at it; all faults of a document are told at once

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._faults: dict[str, None] = {}

    def __call__(self, url: str) -> URLFetcherResponse:
        try:
            return self._response(url)
        except Exception as error:
            self._faults[str(error)] = None
            raise

    def check(self) -> None:
        """Raises FormatFailed if anything could not be had."""
        if self._faults:
            told, more = list(self._faults)[:_MOST_TOLD], len(self._faults) - _MOST_TOLD
            raise FormatFailed("; ".join([*told, *([f"and {more} more"] if more > 0 else [])]))

    def _response(self, url: str) -> URLFetcherResponse:
        if url.startswith(_BASE):
            return self._file(url)
        if url.lower().startswith("data:"):
            found = DataHandler().data_open(Request(url))  # noqa: S310  the data is in the address
            return URLFetcherResponse(url[:40], found.read(), dict(found.headers.items()))
        name = url.removeprefix(_FACE)
        if url.startswith(_FACE) and name in _FACES:
            face = (files("prelo.formats") / "fonts" / name).read_bytes()
            return URLFetcherResponse(url, face, {"Content-Type": "font/ttf"})
        raise FormatFailed(
            f"the address '{url[:200]}' was refused: a document reads nothing but the files of its folder; "
            "put the file there"
        )

    def _file(self, url: str) -> URLFetcherResponse:
        name = unquote(urlsplit(url).path.removeprefix("/"))
        content = self._folder.read(name)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return URLFetcherResponse(url, content, {"Content-Type": kind})


def _base_sheet() -> str:
    """The shipped faces as "Prelo Sans", which text has that asks for no other."""
    face = '@font-face{font-family:"Prelo Sans";font-weight:%d;src:url(%s%s)}'
    faces = "".join(face % (weight, _FACE, name) for name, weight in _FACES.items())
    return faces + 'html{font-family:"Prelo Sans",sans-serif}'


def _check_attached(page: HTML) -> None:
    """Attached files would carry the moment of writing, and end with the page's own file."""
    for element in page.etree_element.iter():
        if "attachment" in (element.get("rel") or "").lower().split():
            raise FormatFailed(
                f"the document attaches '{element.get('href')}'; attach files by the report's own option: "
                "pdf: {attachments: …}"
            )


@contextmanager
def _heard() -> Generator[list[str]]:
    """What WeasyPrint only logs though the page then lacks it: an image or a style sheet that is none."""
    said: list[str] = []
    thread = threading.get_ident()

    class Hearing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if record.thread == thread and _LOADED_BADLY.match(text) and len(said) < _MOST_TOLD:
                said.append(text.replace(_BASE, ""))

    logger, hearing = logging.getLogger("weasyprint"), Hearing(logging.ERROR)
    logger.addHandler(hearing)
    try:
        yield said
    finally:
        logger.removeHandler(hearing)
