"""Real hyperlinks for the web and mail addresses of a column, written once the rows are.

The address stands in the sheet's relationships, its part after "#" in the hyperlink itself, as Excel writes
them (ECMA-376 18.3.1.47). What the address is never changes the cell: it shows its text in any case.
"""

import re

import polars as pl
import pyarrow as pa

from prelo.formats.addresses import ADDRESS, NO_ADDRESS

_MOST_LINKS = 65_530  # of one sheet; Excel drops all links of a sheet that has more
_LONGEST = 2_079  # UTF-16 units of an address, and of its part after "#"
MOST_BYTES = 16 << 20  # of addresses in memory until the sheet ends

_MAIL = r"^(?i:mailto:)"
# What Excel escapes in an address, and XlsxWriter after it; a "%" is left where it begins an escape.
_ESCAPES = {char: f"%{ord(char):02x}" for char in '" <>[]^`{}'}
_XML = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

_RELATIONS = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
)
_RELATIONSHIPS = re.compile(rb"<(\w+:)?Relationships\b[^>]*?(/?)>")
# CT_Worksheet, ECMA-376 18.3.1.99. Those before may hold elements named like those after.
_BEFORE = re.compile(rb"</(?:customSheetViews|conditionalFormatting|dataValidations)>")
_AFTER = re.compile(
    rb"<(?:printOptions|pageMargins|pageSetup|headerFooter|rowBreaks|colBreaks|customProperties|cellWatches"
    rb"|ignoredErrors|smartTags|drawing|legacyDrawing|legacyDrawingHF|drawingHF|picture|oleObjects|controls"
    rb"|webPublishItems|tableParts|extLst)\b|</worksheet>"
)


class Links:
    """The hyperlinks of one sheet. Equal addresses share a relationship.

    `first` is the number of the first one, rId1001: those of the drawn sheet must all be below.
    """

    def __init__(self, first: int = 1001, most_bytes: int = MOST_BYTES) -> None:
        self._first = first
        self._most_bytes = most_bytes
        self._kept: list[pa.Table] = []
        self._room = _MOST_LINKS
        self._bytes = most_bytes

    @property
    def size(self) -> int:
        """Bytes of addresses kept until the workbook ends."""
        return self._most_bytes - self._bytes

    def add(self, letter: str, rows: pl.Series, values: pl.Series) -> int:
        """Link the cells of column `letter` whose `values` (String) are addresses, each in its row of `rows`
        (numbers of the sheet, from 1).

        Returns how many addresses stay plain text because the sheet can hold no more, or no longer, ones.
        """
        url = pl.col("url")
        found = pl.DataFrame({"row": rows, "url": values.str.strip_chars()})
        found = found.filter(url.str.contains(ADDRESS), ~url.str.contains(NO_ADDRESS))
        if not found.height or not self._room:
            return found.height
        found = found.select(pl.concat_str(pl.lit(letter), "row").alias("ref"), *_parts(url))
        size = pl.col("target").str.len_bytes() + pl.col("location").str.len_bytes().fill_null(0)
        kept = found.filter(_fits("target"), _fits("location").fill_null(value=True))
        kept = kept.head(self._room).with_columns(size.cum_sum().alias("size"))
        kept = kept.filter(pl.col("size") <= self._bytes)
        if kept.height:
            self._room -= kept.height
            self._bytes -= int(kept["size"][-1])
            # Arrow copies: a few texts that are kept would else hold all texts of their frame.
            self._kept.append(kept.drop("size").to_arrow(compat_level=pl.CompatLevel.oldest()))
        return found.height - kept.height

    def xml(self) -> bytes:
        """The element <hyperlinks>, or nothing."""
        items = self._items()
        # A sheet of the user's own may not have declared the prefix.
        return b'<hyperlinks xmlns:r="%s">%s</hyperlinks>' % (_RELATIONS, items) if items else b""

    def spliced(self, tail: bytes) -> bytes:
        """`tail`, a sheet from the end of its rows on, with the hyperlinks in their place: after
        dataValidations, before printOptions and pageMargins (ECMA-376 18.3.1.99), or in the element that
        is there already.
        """
        if not self._kept:
            return tail
        if (drawn := tail.find(b"</hyperlinks>")) >= 0:
            return tail[:drawn] + self._items() + tail[drawn:]
        start = max((match.end() for match in _BEFORE.finditer(tail)), default=0)
        after = _AFTER.search(tail, start)
        assert after  # noqa: S101  every sheet ends
        return tail[: after.start()] + self.xml() + tail[after.start() :]

    def relationships(self, drawn: bytes | None) -> bytes | None:
        """The sheet's part of relationships: `drawn` with ours at its end, or a new one; None for neither."""
        _, targets = self._all()
        if not targets.height:
            return drawn
        items = targets.select(
            pl.concat_str(
                pl.lit('<Relationship Id="rId'), "id",
                pl.lit(f'" Type="{_RELATIONS.decode()}/hyperlink" Target="'), _attribute("target"),
                pl.lit('" TargetMode="External"/>'),
            ).str.join("")
        )  # fmt: skip
        return _with_more(drawn or _EMPTY, items.item().encode())

    def _items(self) -> bytes:
        links, targets = self._all()
        if not links.height:
            return b""
        ids = links.join(targets, on="target", how="left", maintain_order="left")
        location = pl.concat_str(pl.lit(' location="'), _attribute("location"), pl.lit('"'))
        items = ids.select(
            pl.concat_str(
                pl.lit('<hyperlink ref="'), "ref", pl.lit('" r:id="rId'), "id", pl.lit('"'),
                pl.when(pl.col("location") != "").then(location).otherwise(pl.lit("")), pl.lit("/>"),
            ).str.join("")
        )  # fmt: skip
        return items.item().encode()

    def _all(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Every link, and every address once with its number."""
        if not self._kept:
            return pl.DataFrame(), pl.DataFrame()
        links = pl.DataFrame(pl.from_arrow(pa.concat_tables(self._kept)))
        targets = links.select(pl.col("target").unique(maintain_order=True))
        return links, targets.with_row_index("id", self._first)


def _parts(url: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """The escaped address, and its part after "#" or NULL. Mail has no such part."""
    mail = url.str.contains(_MAIL)
    halves = url.str.splitn("#", 2).struct
    target = pl.when(mail).then(url).otherwise(halves.field("field_0"))
    location = pl.when(~mail).then(halves.field("field_1"))
    escaped = target.str.replace_all("%", "%25", literal=True)
    escaped = escaped.str.replace_all(r"%25([0-9A-Fa-f]{2})", "%$1")
    escaped = escaped.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    return escaped.alias("target"), location.alias("location")


def _fits(name: str) -> pl.Expr:
    text = pl.col(name).str
    return text.len_chars() + text.count_matches(r"[\x{10000}-\x{10FFFF}]") <= _LONGEST


def _attribute(name: str) -> pl.Expr:
    return pl.col(name).str.replace_many(list(_XML), list(_XML.values()))


def _with_more(part: bytes, items: bytes) -> bytes:
    """A part of relationships with `items` at its end, whatever prefix its elements have."""
    root = _RELATIONSHIPS.search(part)
    assert root  # noqa: S101  a part of this name has this root
    prefix = root[1] or b""
    items = items.replace(b"<", b"<" + prefix)
    if root[2]:
        return part[: root.start(2)] + b">" + items + b"</%sRelationships>" % prefix
    end = part.rindex(b"</")
    return part[:end] + items + part[end:]
