"""Breaking text into lines, all strings of a column at once.

One running sum of widths over all characters makes "how far does a line reach" a binary search, and "where
may it end" is one among the places where a line may; so the loop runs once per line of the tallest cell,
whatever the number of cells. Where a line may end is Unicode's say (`glyphs.breaks`).
"""

from dataclasses import dataclass

import numpy as np

from prelo.formats.pdf.arrow import Flags, Ints
from prelo.formats.pdf.font import Measured
from prelo.formats.pdf.glyphs.breaks import breaks

_SPACE, _NEWLINE, _SOFT_HYPHEN = ord(" "), ord("\n"), 0xAD


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in order: of which string, and from and to which character of the whole column.

    `cut` marks the strings that had more lines than allowed.
    """

    owner: Ints
    start: Ints
    end: Ints
    cut: Flags


def wrap(text: Measured, width: int, most: int) -> Lines:
    """Break strings into at most `most` lines, none wider than `width` if it has two clusters.

    Lines end at a newline, else where Unicode lets them, else anywhere but before a mark or within a
    cluster; the spaces or the newline at the end of a line are left out. A soft hyphen stays: it is to be
    shown as a hyphen.
    """
    bounds, places = text.bounds, _Places(text)
    owner, start, stop = np.arange(len(bounds) - 1), bounds[:-1], bounds[1:]
    found: list[tuple[Ints, Ints, Ints]] = []
    while len(owner) and len(found) < most:
        paragraph = places.newline_from(start, stop)
        reach = np.searchsorted(text.totals, text.totals[start] + width, "right") - 1
        reach = np.maximum(reach, start + 1)
        whole = reach >= paragraph
        end = places.end(start, np.minimum(reach, stop), width)
        end = np.where(whole, paragraph, np.minimum(end, paragraph))
        found.append((owner, start, np.maximum(places.text_before(end), start)))
        going_on = places.next_text(end)
        over = whole | (going_on >= paragraph)
        after = np.where(over, paragraph + 1, going_on)
        more = ~over | (paragraph < stop)
        owner, start, stop = owner[more], after[more], stop[more]
    cut = np.zeros(len(bounds) - 1, np.bool_)
    cut[owner] = True
    owners, starts, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return Lines(owners[order], starts[order], ends[order], cut)


class _Places:
    """Where text, a line's last chance and a cluster are next to a place between characters.

    As arrays of runs of spaces, of chances and of newlines: far fewer than there are characters.
    """

    def __init__(self, text: Measured) -> None:
        self._text = text
        count = len(text.codes)
        spaces = np.flatnonzero(text.codes == _SPACE)
        apart = np.diff(spaces) > 1
        self._begins = spaces[np.append(True, apart)[: len(spaces)]]
        self._ends = spaces[np.append(apart, True)[: len(spaces)]] + 1
        self._newlines = np.flatnonzero(text.codes == _NEWLINE)
        self._chances = self._before_spaces(np.flatnonzero(breaks(text.codes, text.bounds)))
        self._soft = bool((text.codes == _SOFT_HYPHEN).any())
        self._cluster = self._next_cluster = None
        if text.inside is not None:
            at, inside = np.arange(count + 1), np.append(text.inside, False)
            self._cluster = np.maximum.accumulate(np.where(inside, 0, at))
            following = np.where(inside, count, at)
            self._next_cluster = np.minimum.accumulate(following[::-1])[::-1]

    def text_before(self, at: Ints) -> Ints:
        """Where the text before these places ends."""
        run = np.searchsorted(self._begins, at)
        return np.where(at <= _before(self._ends, run), _before(self._begins, run), at)

    def next_text(self, at: Ints) -> Ints:
        """Where the text from these places on begins."""
        run = np.searchsorted(self._begins, at, "right")
        return np.maximum(at, _before(self._ends, run))

    def _last_chance(self, at: Ints) -> Ints:
        """The last of these places, or before them, that a line may end at; 0 where there is none."""
        chance = np.searchsorted(self._chances, at, "right")
        return np.maximum(_before(self._chances, chance), 0)

    def newline_from(self, start: Ints, stop: Ints) -> Ints:
        """The newline that ends the paragraph that begins at `start`, or the end of its string."""
        if not len(self._newlines):
            return stop
        newlines = np.append(self._newlines, len(self._text.codes))
        return np.minimum(newlines[np.searchsorted(self._newlines, start)], stop)

    def _before_spaces(self, ends: Ints) -> Ints:
        """A line may hang over the edge by its spaces, so it ends before them; not those it begins with."""
        codes, bounds = self._text.codes, self._text.bounds
        before = self.text_before(ends)
        begin = bounds[np.searchsorted(bounds, ends, "right") - 1]
        return np.where((before > begin) & (codes[before - 1] != _NEWLINE), before, ends)

    def end(self, start: Ints, reach: Ints, width: int) -> Ints:
        """Where lines end that begin at `start` and have room up to `reach`."""
        at, cluster, least = self._last_chance(reach), reach, start + 1
        if self._cluster is not None and self._next_cluster is not None:
            cluster = self._cluster[reach]
            least = self._next_cluster[np.minimum(least, len(self._next_cluster) - 1)]
        if self._soft:
            at = np.where(self._spills(start, at, width), self._last_chance(at - 1), at)
            shorter = cluster - 1 if self._cluster is None else self._cluster[cluster - 1]
            cluster = np.where(self._spills(start, cluster, width), shorter, cluster)
        return np.where(at > start, at, np.where(cluster > start, cluster, least))

    def _spills(self, start: Ints, at: Ints, width: int) -> Flags:
        """There is no room for the hyphen that a line ends with."""
        codes, totals = self._text.codes, self._text.totals
        soft = (codes[at - 1] == _SOFT_HYPHEN) & (at > start)
        return soft & (totals[at] - totals[start] + self._text.hyphen > width)


def _before(places: Ints, number: Ints) -> Ints:
    """The place before the one of this number, -1 where there is none."""
    return np.append(places, -1)[number - 1]
