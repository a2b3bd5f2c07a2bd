"""Tables as PDF: a page frame around rows computed column by column, streamed page by page."""

from collections.abc import Iterator
from itertools import chain

import polars as pl

from prelo.core.table import Completeness, Layout, Manifest, ValueWarning
from prelo.formats.pdf.body import Body
from prelo.formats.pdf.columns import Page, cells_of, page_of, wish
from prelo.formats.pdf.embed import embed
from prelo.formats.pdf.file import File, PageTree, text_string
from prelo.formats.pdf.flow import Flow
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.frame import Frame
from prelo.formats.pdf.locale import locale_of
from prelo.formats.pdf.look import Look, Sizes
from prelo.formats.stream import Progress, Stream, open_stream
from prelo.ports import Sink

__all__ = ["Pdf"]

_PRODUCER = "Prelo"
_FRAME = "(titles and headings)"  # the column of a warning about text that is in none
_MISSING = "no font has some of the characters; they are shown as empty boxes"
_REMOVED = "control characters, which no page can show, were left out"
_CUT = "the text is higher than a page; its end is not in the file"


class Pdf:
    """The PDF writer. Equal data and layout give equal bytes: no clock and no chance is in the file."""

    many = False

    def media_type(self, layout: Layout) -> str:  # noqa: ARG002  the same for every layout
        return "application/pdf"

    def write(self, data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
        """Write `data` as a table and say what was written.

        `out` is written to from front to back; memory is one frame, whatever the number of rows. Raises
        what open_stream raises, and Invalid for an unknown locale; the file is then not complete.
        """
        locale = locale_of(layout.locale)
        stream = open_stream(data, layout)
        body = Body(stream.fields, layout, stream.first.schema, locale)
        first_texts = body.texts(stream.first)
        typeface = Typeface(layout.pdf.fonts, language=layout.locale, rtl=bool(layout.pdf.rtl))
        regular, bold = Font("R", "Regular", typeface), Font("B", "Bold", typeface)
        look = _look(stream, layout, first_texts, (regular, bold))
        file = File(out)
        tree, resources = PageTree(file), file.reserve()
        frame = Frame(layout, stream.fields, look, locale)
        look.leave_room(frame.header_height)
        flow = Flow(file, tree, frame, look, layout.pdf)
        texts_ready = chain([first_texts], iter(lambda: None, 0))
        for (batch, last), texts in zip(_with_last(stream.frames), texts_ready, strict=False):
            flow.add(body.items(batch, texts or body.texts(batch), look, last=last), body)
            progress(body.rows, flow.pages)
        if body.rows == 0:
            flow.say(locale.words.empty)
        pages = flow.close()
        forms = frame.write(file, resources)
        fonts = embed(typeface, (regular, bold), file)
        file.add(b"<</Font<<%b>>/XObject<<%b>>>>" % (fonts, forms), resources)
        _close(file, tree, look.page, layout, resources)
        return _manifest(stream, body, pages, (regular, bold))


def _with_last(frames: Iterator[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Each frame, and whether it is the last: its rows and the totals at the end go on pages together."""
    held = next(frames, None)
    while held is not None:
        following = next(frames, None)
        yield held, following is None
        held = following


def _look(stream: Stream, layout: Layout, texts: list[pl.Series], fonts: tuple[Font, Font]) -> Look:
    sizes = Sizes.of(layout.pdf)
    wanted = [wish(f, t, fonts, sizes.text) for f, t in zip(stream.fields, texts, strict=True)]
    page = page_of(layout.pdf, wanted, sizes.gap, sizes.text)
    cells = cells_of(stream.fields, wanted, page.measure, sizes.gap, sizes.text)
    return Look(page, sizes, cells, *fonts)


def _close(file: File, tree: PageTree, page: Page, layout: Layout, resources: int) -> None:
    box = b"/MediaBox[0 0 %.2f %.2f]/Resources %d 0 R" % (
        page.width / 100,
        page.height / 100,
        resources,
    )
    root = tree.close(box)
    catalog = file.add(
        b"<</Type/Catalog/Pages %d 0 R/Lang%b/ViewerPreferences<</DisplayDocTitle true>>>>"
        % (root, text_string(layout.locale))
    )
    entries = {b"Title": layout.title, b"Subject": layout.subtitle, b"Author": layout.author}
    told = b"".join(b"/%b%b" % (name, text_string(text)) for name, text in entries.items() if text)
    info = file.add(b"<<%b/Producer%b>>" % (told, text_string(_PRODUCER)))
    file.close(catalog, info)


def _manifest(stream: Stream, body: Body, pages: int, fonts: tuple[Font, Font]) -> Manifest:
    regular, bold = fonts
    told = {
        "characters-missing": (regular.missing + bold.missing, _MISSING),
        "characters-removed": (body.removed, _REMOVED),
        "text-cut": (body.cut, _CUT),
    }
    warnings = [
        ValueWarning(column=name or _FRAME, type=kind, count=count, detail=detail)
        for kind, (counts, detail) in told.items()
        for name, count in counts.items()
        if count
    ]
    return Manifest(
        format="pdf",
        rows=body.rows,
        columns=tuple(field.name for field in stream.fields),
        pages=pages,
        completeness=Completeness.COMPLETE if body.rows else Completeness.EMPTY,
        warnings=tuple(warnings),
    )
