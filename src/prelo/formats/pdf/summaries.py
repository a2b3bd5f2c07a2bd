"""The summaries of a table: added up while its rows stream by, drawn on pages in front of them."""

import polars as pl

from prelo.core.table import Layout
from prelo.formats.pdf.body import Body
from prelo.formats.pdf.charts import Setting
from prelo.formats.pdf.drawn.assets import Assets
from prelo.formats.pdf.frame import Frame
from prelo.formats.pdf.front import FrontPage
from prelo.formats.pdf.locale import Locale
from prelo.formats.pdf.look import Look
from prelo.formats.pdf.summary import Room, key_figures, summary_pages, summed
from prelo.formats.stream import Stream
from prelo.formats.summary import Summing


class SummaryPages:
    """Those that a layout asks for. Raises FormatFailed or ColumnMissing for one that cannot be, at once."""

    def __init__(self, stream: Stream, layout: Layout, look: Look, locale: Locale) -> None:
        self._stream, self._layout, self._look, self._locale = stream, layout, look, locale
        self._summings = [Summing(summary, stream) for summary in layout.pdf.summaries]
        for summing in self._summings:
            summed(summing, layout.locale, layout.timezone)

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the rows of a frame."""
        for summing in self._summings:
            summing.add(frame)

    def pages(self, body: Body, frame: Frame, assets: Assets) -> list[FrontPage]:
        """The pages, under the title of the report; none where no row came."""
        if not body.rows:
            return []
        look, layout = self._look, self._layout
        setting = Setting((look.regular, look.bold), self._locale, look.sizes.text / 100)
        totals = body.grand.totals if body.grand else {}
        figures = key_figures(totals, self._stream.fields, body.rows, setting)
        found = [summed(summing, layout.locale, layout.timezone) for summing in self._summings]
        room = Room(
            look.page.measure,
            look.top,
            look.bottom,
            look.top - frame.title_height - look.sizes.text,
        )
        contents = summary_pages(figures, found, room, setting, assets)
        title = [frame.title, *(b"" for _ in contents[1:])]
        return [FrontPage(above + page) for above, page in zip(title, contents, strict=True)]
