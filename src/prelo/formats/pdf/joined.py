"""The cover before a table and the annex behind it: pages made of HTML, or of finished PDFs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prelo.core.table import Layout
from prelo.formats.groups import Closed
from prelo.formats.pdf.document import needed
from prelo.formats.pdf.file import File, PageTree
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.watermark import watermark_of
from prelo.formats.running import marks_of
from prelo.formats.stream import Stream

if TYPE_CHECKING:
    from prelo.formats.pdf.document.around import Pages
    from prelo.formats.pdf.document.graft import Leaf


class Joined:
    """Those that a layout asks for; without any, nothing that documents need is imported.

    Raises FormatFailed for a template at fault, or a missing package.
    """

    def __init__(self, stream: Stream, layout: Layout, locale: Locale) -> None:
        self._stream, self._layout = stream, layout
        self.cover: list[Leaf] = []
        self.annex: list[Leaf] = []
        self._wanted = bool(layout.pdf.cover or layout.pdf.annex)
        if not self._wanted:
            return
        with needed():
            from prelo.formats.pdf.document.around import Around
            from prelo.formats.pdf.document.context import Scope
        self._scope = Scope(layout, (*stream.fields, *stream.hidden), locale)
        self._around = Around(self._scope)

    def read(
        self, file: File, resources: int, look: Look, grand: tuple[Closed | None, int], pages: int
    ) -> None:
        """Make both: `grand` are the totals and the number of all rows, `pages` the table's."""
        if not self._wanted:
            return
        from prelo.formats.pdf.document.graft import Grafter, Under

        text, under = self._layout.pdf.watermark, None
        mark = watermark_of(text, marks_of(self._layout, [text]), look.bold)
        if mark:
            under = Under(mark.write(file, resources), mark.operators)
        grafter = Grafter(file, archive=self._layout.pdf.archive is not None, under=under)

        def copied(made: Pages | None) -> list[Leaf]:
            return list(grafter.copy(made.pdf, foreign=made.foreign).pages) if made else []

        totals, rows = grand
        names = self._scope.of_whole(self._stream.first.clear(), totals, rows)
        self.annex = copied(self._around.annex(names))
        names["pages"] = pages + len(self.annex)
        self.cover = copied(self._around.cover(names))


def place(leaves: list[Leaf], tree: PageTree, *, front: bool) -> None:
    """Put pages into the file: in front of all others written so far, or behind them."""
    for leaf in leaves:
        tree.place(leaf.entries, leaf.number, front=front)
