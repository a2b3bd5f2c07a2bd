"""Pages in front of the table, written when everything behind them is known."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from prelo.formats.pdf.file import File, PageTree
from prelo.formats.pdf.file.structure import END, begin
from prelo.formats.pdf.frame import Frame


@dataclass(frozen=True, slots=True)
class FrontPage:
    """Operators in 1/100 pt, x from the left margin; the bodies of its links."""

    content: bytes
    links: Sequence[bytes] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Count:
    """Where pages stand in the whole file: so many are before them, and so many there are."""

    before: int
    pages: int


def write_front(
    pages: Sequence[FrontPage], file: File, tree: PageTree, frame: Frame, count: Count
) -> None:
    """Write pages with their running lines, in front of those written before."""
    for index, page in enumerate(pages):
        links = [file.add(body) for body in page.links]
        content = file.stream(
            b"".join([frame.begin(), frame.watermark(), begin(b"P", 0), page.content, END, b"Q\n"])
        )
        moving = file.stream(
            frame.moving(pl.Series([count.before + index + 1]), count.pages)[0].encode(),
            deflate=False,
        )
        listed = b" ".join(b"%d 0 R" % number for number in links)
        more = b"/Annots[%b]" % listed if links else b""
        tree.add(b"%d 0 R %d 0 R" % (content, moving), more, (b"P",), front=True)
