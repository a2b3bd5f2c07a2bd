"""What a screen reader goes by: which marked contents of each page are text, and in which order.

As little as it takes (ISO 32000-1, 14.7): under one Document an element for each marked content, page by
page. What no tag encloses is read to nobody, so shading, rules, headers and footers are artifacts.
"""

from array import array

import numpy as np
import polars as pl

from prelo.formats.pdf.arrow import Flat
from prelo.formats.pdf.file.objects import File

ARTIFACT = b"/Artifact BMC\n"
END = b"EMC\n"


def begin(tag: bytes, mcid: int) -> bytes:
    """The operator that begins a page's marked content number `mcid`; END ends it."""
    return b"/%b<</MCID %d>>BDC\n" % (tag, mcid)


class Structure:
    """The marked contents of all pages, some ten bytes a page until the end."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._pages, self._sorts, self._front = array("Q"), array("Q"), array("B")
        self._tags: dict[tuple[bytes, ...], int] = {}

    @property
    def next(self) -> int:
        """The StructParents entry of the next page."""
        return len(self._pages)

    def add(self, page: int, tags: tuple[bytes, ...], *, front: bool = False) -> None:
        """Note that the page has marked contents of these types, MCIDs counting from 0."""
        self._sorts.append(self._tags.setdefault(tags, len(self._tags)))
        self._pages.append(page)
        self._front.append(front)

    def close(self) -> bytes:
        """Write the elements and return the catalog's entries."""
        if not self._pages:
            return b""
        file = self._file
        root, document = file.reserve(), file.reserve()
        sorts = np.array(self._sorts)
        counts = np.array([len(tags) for tags in self._tags])
        each = counts[sorts]
        page = np.repeat(np.arange(len(each)), each)
        mcid = np.arange(len(page)) - (np.cumsum(each) - each)[page]
        names = pl.Series([tag.decode() for tags in self._tags for tag in tags])
        first = file.many(
            pl.DataFrame(
                {
                    "tag": names.gather((np.cumsum(counts) - counts)[sorts][page] + mcid),
                    "page": np.array(self._pages)[page],
                    "mcid": mcid,
                }
            ).select(
                pl.format("<</S/{}/P {} 0 R/Pg {} 0 R/K {}>>", "tag", pl.lit(document), "page", "mcid")
            ).to_series()
        )  # fmt: skip
        elements = np.arange(first, first + len(page))
        read = np.argsort(~np.array(self._front, np.bool_)[page], stable=True)
        kids = _joined(pl.Series(elements[read]), pl.lit("\n"))
        file.add(b"<</S/Document/P %d 0 R/K[%b]>>" % (root, kids), document)
        # Of each page: its StructParents, and an array of its elements.
        opening = pl.when(pl.Series(mcid) == 0).then(pl.format("]{}[", pl.Series(page)))
        rows = _joined(pl.Series(elements), opening.otherwise(pl.lit(" ")))
        parents = file.add(b"<</Nums[%b]]>>" % rows[1:])
        file.add(
            b"<</Type/StructTreeRoot/K %d 0 R/ParentTree %d 0 R/ParentTreeNextKey %d>>"
            % (document, parents, len(each)),
            root,
        )
        return b"/MarkInfo<</Marked true>>/StructTreeRoot %d 0 R" % root


def _joined(numbers: pl.Series, before: pl.Expr) -> bytes:
    """References to all the numbers, each with the text `before` it."""
    text = pl.select(pl.concat_str([before, numbers, pl.lit(" 0 R")])).to_series()
    return Flat.of(text).raw.tobytes()
