"""A table as PDF: a page frame around rows computed column by column, streamed page by page."""

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import polars as pl

from prelo.core.table import Completeness, Layout, Manifest, ValueWarning
from prelo.formats.pdf.body import Body
from prelo.formats.pdf.columns import Room, bands_of, page_of, wish
from prelo.formats.pdf.contents import Groups
from prelo.formats.pdf.drawn.assets import Assets
from prelo.formats.pdf.embed import embed
from prelo.formats.pdf.file import PageTree
from prelo.formats.pdf.file.whole import begin, finish
from prelo.formats.pdf.flow import Flow
from prelo.formats.pdf.font import Font, Typeface
from prelo.formats.pdf.frame import Frame
from prelo.formats.pdf.front import Count, write_front
from prelo.formats.pdf.joined import Joined, place
from prelo.formats.pdf.links import Links
from prelo.formats.pdf.locale import locale_of
from prelo.formats.pdf.look import Look, Sizes
from prelo.formats.pdf.measured import MeasuredCells
from prelo.formats.pdf.sheet import Drawer
from prelo.formats.pdf.totals import PageTotals, totalled
from prelo.formats.stream import Progress, Stream, open_stream
from prelo.formats.words import from_the_right
from prelo.ports import Sink

if TYPE_CHECKING:
    from prelo.formats.pdf.summaries import SummaryPages

_FRAME = "(titles and headings)"  # the column of a warning about text that is in none
_MISSING = "no font has some of the characters; they are shown as empty boxes"
_UNLISTED = "groups past what bookmarks and the list of contents hold are in neither"

Fonts = tuple[Font, Font]


class TableFile:
    """One PDF of one table, from its first byte to its last."""

    def __init__(self, stream: Stream, out: Sink, layout: Layout) -> None:
        self._stream, self._layout = stream, layout
        self._locale = locale_of(layout.locale)
        sizes = Sizes.of(layout.pdf)
        rtl = from_the_right(layout.locale, layout.pdf.rtl)
        self._typeface = Typeface(layout.pdf.fonts, language=layout.locale, rtl=rtl)
        self._fonts: Fonts = (
            Font("R", "Regular", self._typeface),
            Font("B", "Bold", self._typeface),
        )
        self._body = Body(stream, layout, self._locale, sizes.text)
        self._first = self._body.texts(stream.first)
        self._look = self._measured(sizes, rtl=rtl)
        self._file = begin(out, layout.pdf)
        self._resources = self._file.reserve()
        self._tree = PageTree(self._file, self._resources)
        self._assets = Assets(self._file, archive=layout.pdf.archive is not None)
        self._frame = Frame(layout, stream.fields, self._look, self._locale, self._assets)
        self._summary = self._summaries()
        paged = layout.pdf.page_totals and totalled(stream.fields)
        frame = self._frame
        self._look.leave_room(frame.title_height, frame.header_height, page_totals=paged)
        self._joined = Joined(stream, layout, self._locale)
        self._groups = Groups(layout.pdf)
        self._links = Links(self._file, self._look, stream.fields)
        self._cells = MeasuredCells(self._file, self._look, self._body.painter)
        drawer = Drawer(self._look, layout.pdf)
        self._flow = Flow(self._file, self._tree, self._frame, self._look, drawer)
        self._flow.listener = self._groups if layout.group_by else None
        self._flow.extras = [extra for extra in (self._links, self._cells) if extra]
        if paged:
            words = self._locale.words
            self._flow.totals = PageTotals(stream.fields, self._body.lines, words.page_total)

    def write(self, progress: Progress) -> Manifest:
        """Write all rows, then what had to wait for them."""
        body, flow = self._body, self._flow
        texts_ready = chain([self._first], iter(lambda: None, 0))
        for (frame, last), texts in zip(_with_last(self._stream.frames), texts_ready, strict=False):
            self._links.read(frame)
            items = body.items(frame, texts or body.texts(frame), self._look, last=last)
            flow.add(items, frame, body)
            if self._summary:
                self._summary.add(frame)
            progress(body.rows, flow.pages)
        if body.rows == 0:
            flow.say(self._locale.words.empty)
        return self._manifest(self._close())

    def _close(self) -> int:
        """Write what depends on the number of rows; returns that of the pages."""
        file, look, body = self._file, self._look, self._body
        written = self._flow.end()
        front = self._summary.pages(body, self._frame, self._assets) if self._summary else []
        contents = self._locale.words.contents
        pages = len(front) + self._groups.count(look) + written
        joined = self._joined
        joined.read(file, self._resources, look, (body.grand, body.rows), pages)
        count = Count(len(joined.cover), pages + len(joined.cover) + len(joined.annex))
        front += self._groups.pages(look, contents, count.before + len(front))
        self._flow.close(count.before + len(front), count.pages)
        place(joined.cover, self._tree, front=True)
        place(joined.annex, self._tree, front=False)
        write_front(front, file, self._tree, self._frame, count)
        self._finish()
        return count.pages

    def _finish(self) -> None:
        """Write what the file has once."""
        file, look = self._file, self._look
        self._cells.close()
        forms = self._frame.write(file, self._resources)
        entries = embed(self._typeface, self._fonts, file)
        drawn = (entries, forms, self._assets.xobjects, self._assets.shadings)
        dictionary = b"<</Font<<%b>>/XObject<<%b%b>>/Shading<<%b>>>>" % drawn
        file.add(dictionary, self._resources)
        size = b"/MediaBox[0 0 %.2f %.2f]" % (look.page.width / 100, look.page.height / 100)
        outline = self._groups.outline
        finish(file, self._tree, self._layout, inherited=size, outline=outline, rtl=look.rtl)

    def _summaries(self) -> "SummaryPages | None":
        if not self._layout.pdf.summaries:
            return None
        # What draws charts takes a while to import, and most tables have none.
        from prelo.formats.pdf.summaries import SummaryPages

        return SummaryPages(self._stream, self._layout, self._look, self._locale)

    def _measured(self, sizes: Sizes, *, rtl: bool) -> Look:
        """The page and its columns, as wide as the first frame needs them."""
        fields, options = self._stream.fields, self._layout.pdf
        wanted = [
            wish(field, text, self._fonts, sizes.text)
            for field, text in zip(fields, self._first, strict=True)
        ]
        page = page_of(options, wanted, sizes.gap, sizes.text)
        room = Room(page.measure, sizes.gap, sizes.text)
        bands = bands_of(fields, wanted, room, options, rtl=rtl)
        return Look(page, sizes, bands, self._fonts, rtl=rtl)

    def _manifest(self, pages: int) -> Manifest:
        body, missing = self._body, Counter[str]()
        columns = tuple(field.name for field in self._stream.fields)
        for name, count in chain.from_iterable(font.missing.items() for font in self._fonts):
            missing[name if name in columns else _FRAME] += count
        told = [(name, "characters-missing", n, _MISSING) for name, n in missing.items()]
        if self._groups.left:
            told.append((_FRAME, "groups-unlisted", self._groups.left, _UNLISTED))
        warnings = [
            ValueWarning(column=name, type=kind, count=count, detail=detail)
            for name, kind, count, detail in told
        ]
        return Manifest(
            format="pdf",
            rows=body.rows,
            columns=columns,
            pages=pages,
            completeness=Completeness.COMPLETE if body.rows else Completeness.EMPTY,
            warnings=(*warnings, *body.warnings()),
        )


def write_table(data: object, out: Sink, layout: Layout, progress: Progress) -> Manifest:
    """Write `data` as a table and say what was written.

    `out` is written to from front to back; memory is one frame, whatever the number of rows. Raises what
    open_stream raises, Invalid for an unknown locale, FormatFailed for what no page can hold; the file is
    then not complete.
    """
    locale_of(layout.locale)
    keep = [
        name
        for name, column in layout.columns.items()
        if column.hidden and any(highlight.show == "row" for highlight in column.highlight)
    ]
    keep += [name for summary in layout.pdf.summaries for name in (*summary.by, *summary.values)]
    return TableFile(open_stream(data, layout, keep), out, layout).write(progress)


def _with_last(frames: Iterator[pl.DataFrame]) -> Iterator[tuple[pl.DataFrame, bool]]:
    """Each frame, and whether it is the last: its rows and the totals at the end go on pages together."""
    held = next(frames, None)
    while held is not None:
        following = next(frames, None)
        yield held, following is None
        held = following
