"""Breaking text into lines, all strings of a column at once.

One running sum of widths over all characters makes "how far does a line reach" a binary search. It is a
search among the places where a line may end: arrays as long as there are words, not characters. So the loop
runs once per line of the tallest cell, whatever the number of cells.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.arrow import Flags, Ints

_SPACE, _NEWLINE = ord(" "), ord("\n")
_BREAK_AFTER = np.zeros(0x2016, np.bool_)  # what is beyond is as the last
_BREAK_AFTER[[ord(c) for c in " -/\u2013\u2014\u200b\u00ad"]] = True


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines in order: of which string, and from and to which character of the whole column.

    `cut` marks the strings that had more lines than allowed.
    """

    owner: Ints
    start: Ints
    end: Ints
    cut: Flags


def wrap(codes: npt.NDArray[np.uint32], totals: Ints, bounds: Ints, width: int, most: int) -> Lines:
    """Break strings into at most `most` lines, none wider than `width` if it has two characters.

    `codes` are the characters of all strings end to end, `totals` their running width, `bounds` where each
    string begins and ends. Lines end at a newline, else after a space, hyphen, dash or slash, else anywhere;
    the space or newline at the end of a line is left out.
    """
    blanks, newlines = _Blanks(codes), np.flatnonzero(codes == _NEWLINE)
    breaks = np.flatnonzero(_BREAK_AFTER.take(codes, mode="clip")) + 1
    # A space that hangs over the edge does not matter.
    reached = totals[breaks - (codes[breaks - 1] == _SPACE)]

    owner, start, stop = np.arange(len(bounds) - 1), bounds[:-1], bounds[1:]
    found: list[tuple[Ints, Ints, Ints]] = []
    while len(owner) and len(found) < most:
        paragraph = np.minimum(_next(newlines, start, len(codes)), stop)
        limit = totals[start] + width
        end = _previous(breaks, np.searchsorted(reached, limit, "right"))
        inside = end <= start  # not even a word has room
        reach = np.searchsorted(totals, limit[inside], "right") - 1
        end[inside] = np.maximum(reach, start[inside] + 1)
        whole = (totals[paragraph] <= limit) | (start + 1 >= paragraph)
        end = np.where(whole, paragraph, end)
        found.append((owner, start, np.maximum(blanks.before(end), start)))
        after = blanks.after(end)
        over = whole | (after >= paragraph)
        more = ~over | (paragraph < stop)
        owner, stop = owner[more], stop[more]
        start = np.where(over, paragraph + 1, after)[more]
    cut = np.zeros(len(bounds) - 1, np.bool_)
    cut[owner] = True
    owners, starts, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return Lines(owners[order], starts[order], ends[order], cut)


class _Blanks:
    """Runs of spaces, to be left out at the end of a line and before the next."""

    def __init__(self, codes: npt.NDArray[np.uint32]) -> None:
        places = np.flatnonzero(codes == _SPACE)
        alone = np.diff(places) > 1
        self._begin = places[np.append(True, alone)[: len(places)]]
        self._end = places[np.append(alone, True)[: len(places)]] + 1

    def before(self, end: Ints) -> Ints:
        """Where the text before these places ends."""
        run = np.searchsorted(self._begin, end, "left")
        begin, last = _previous(self._begin, run), _previous(self._end, run)
        return np.where(end <= last, begin, end)

    def after(self, end: Ints) -> Ints:
        """Where the text from these places on begins."""
        run = np.searchsorted(self._begin, end, "right")
        return np.maximum(end, _previous(self._end, run))


def _previous(places: Ints, number: Ints) -> Ints:
    """The place before the one of this number, -1 where there is none."""
    return np.append(places, -1)[number - 1]


def _next(places: Ints, at: Ints, end: int) -> Ints:
    """The first place from `at` on, `end` where there is none."""
    return (
        np.append(places, end)[np.searchsorted(places, at, "left")] if len(places) else at * 0 + end
    )
