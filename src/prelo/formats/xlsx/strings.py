"""Shared strings: texts that repeat stand once in a table of the workbook, and cells hold their numbers.

The table is in memory until the end, so only columns of few distinct texts are in it; the others stay
inline, whatever their length.
"""

import re
from collections.abc import Hashable

import polars as pl

from prelo.formats.xlsx.cells import text

_COLUMN_ENTRIES = 10_000  # distinct texts of one column
_FEW = 200  # so many distinct texts are few even where the first frame has hardly more rows
_TABLE_ENTRIES = 100_000
_TABLE_BYTES = 16 << 20

_OPEN, _CLOSE = '<si><t xml:space="preserve">', "</t></si>"  # as rows.py writes an inline text
_EMPTY = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"></sst>'
)
_ROOT = re.compile(rb"<(\w+:)?sst\b([^>]*?)(/?)>")
_ITEM = re.compile(rb"<(?:\w+:)?si[\s/>]")
# Entries end where the extensions or the root do (ECMA-376 18.4.9, CT_Sst).
_END = re.compile(rb"<(?:\w+:)?extLst\b|</(?:\w+:)?sst\s*>")
_COUNT = re.compile(rb"""\scount\s*=\s*["'](\d+)["']""")
_UNIQUE = re.compile(rb"""\suniqueCount\s*=\s*["']\d+["']""")


class _Known:
    """Texts and the number that each has in the table. An Enum finds them in half the time of a join."""

    def __init__(self, texts: pl.Series, numbers: pl.Series) -> None:
        self._texts = pl.Enum(texts)
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def find(self, values: pl.Series) -> pl.Series:
        """The number of each value, as text; NULL for NULL and for what is not known."""
        return self._numbers.gather(values.cast(self._texts, strict=False).to_physical())

    def with_more(self, texts: pl.Series, numbers: pl.Series) -> "_Known":
        """These and `texts`, none of which is known yet."""
        own = self._texts.categories
        return _Known(pl.concat([own, texts]), pl.concat([self._numbers, numbers]))


_NOTHING = _Known(pl.Series([], dtype=pl.String), pl.Series([], dtype=pl.String))


class SharedStrings:
    """The table of one workbook (ECMA-376 18.4): equal texts of any columns have one entry.

    `first` is how many `<si>` the drawn frame's own table has: ours are numbered on from there.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._table = _NOTHING
        # By column, its part of the table: the whole is too large to look up every frame in.
        self._known: dict[Hashable, _Known] = {}
        self._inline: set[Hashable] = set()
        self._entries: list[bytes] = []
        self._size = 0
        self._references = 0

    def indices(self, column: Hashable, values: pl.Series) -> pl.Expr | None:
        """The texts of one frame as numbers of table entries: a literal of as many Strings, NULL for NULL.

        None: write this frame of the column inline. That holds for good for a column whose texts are too
        many or whose new texts the table has no room for, and for one frame where a text is longer than a
        cell. `column` is whatever tells the column apart in the workbook.
        """
        if column in self._inline:
            return None
        found = self._known.get(column, _NOTHING).find(values)
        filled = len(values) - values.null_count()
        if len(found) - found.null_count() < filled:
            new = values.filter(found.is_null()).drop_nulls().unique(maintain_order=True)
            if not self._learn(column, new, filled):
                return None
            found = self._known[column].find(values)
        self._references += filled
        return pl.lit(found)

    def xml(self, drawn: bytes | None) -> bytes:
        """The part xl/sharedStrings.xml: the frame's own, `drawn`, with our entries at its end."""
        drawn = drawn or _EMPTY
        root = _ROOT.search(drawn)
        assert root  # noqa: S101  a part of this name has this root
        # Any other number of entries, and every cell of ours would show another's text.
        assert len(_ITEM.findall(drawn)) == self._first  # noqa: S101  or every cell shows another's text
        prefix, attributes, closed = root[1] or b"", root[2], root[3]
        body = b"</%ssst>" % prefix if closed else drawn[root.end() :]
        end = _END.search(body)
        assert end  # noqa: S101  well-formed
        counted = _COUNT.search(attributes)
        references = self._references + (int(counted[1]) if counted else self._first)
        counts = b' count="%d" uniqueCount="%d"' % (references, self._first + len(self._table))
        rest = _UNIQUE.sub(b"", _COUNT.sub(b"", attributes))
        ours = b"".join(self._entries)
        if prefix:  # every "<" of ours is markup: texts are escaped
            ours = re.sub(rb"<(/?)", rb"<\1" + prefix, ours)
        head = drawn[: root.start()] + b"<%ssst%s%s>" % (prefix, rest, counts)
        return head + body[: end.start()] + ours + body[end.start() :]

    def _learn(self, column: Hashable, new: pl.Series, filled: int) -> bool:
        """Take `new` texts of a column into the table; `filled` values of the frame are not NULL."""
        known = self._known.get(column, _NOTHING)
        most = _COLUMN_ENTRIES - len(known)
        if not len(known):
            most = min(most, max(_FEW, filled // 2))
        if len(new) > most:
            return self._leave(column)
        new = _compact(new)
        fresh = new.filter(self._table.find(new).is_null())
        value, cut, _ = text(fresh)
        if cut:
            return False
        entries = _joined(fresh, value)
        full = len(self._table) + len(fresh) > _TABLE_ENTRIES
        if full or self._size + len(entries) > _TABLE_BYTES:
            return self._leave(column)
        self._add(fresh, entries)
        self._known[column] = known.with_more(new, self._table.find(new))
        return True

    def _add(self, fresh: pl.Series, entries: bytes) -> None:
        start = self._first + len(self._table)
        numbers = pl.int_range(start, start + len(fresh), eager=True).cast(pl.String)
        self._table = self._table.with_more(fresh, numbers)
        self._entries.append(entries)
        self._size += len(entries)

    def _leave(self, column: Hashable) -> bool:
        self._inline.add(column)
        self._known.pop(column, None)
        return False


def _compact(values: pl.Series) -> pl.Series:
    """The same texts in a buffer of their own: the few that are kept would hold all texts of a frame."""
    return pl.Series("text", values.to_arrow(compat_level=pl.CompatLevel.oldest()), pl.String)


def _joined(texts: pl.Series, escaped: pl.Expr) -> bytes:
    """The entries of `texts`, end to end."""
    entry = pl.concat_str(pl.lit(_OPEN), escaped, pl.lit(_CLOSE))
    return texts.to_frame().select(entry.str.join("")).item().encode()
