"""Breaking text into lines, all strings of a column at once.

One running sum of widths over all characters makes "how far does a line reach" a binary search, and two
running maxima make "where may it break" a look-up; so the loop runs once per line of the tallest cell,
whatever the number of cells.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.arrow import Flags, Ints
from prelo.formats.pdf.font import Measured

_SPACE, _NEWLINE = ord(" "), ord("\n")
_BREAK_AFTER = np.array([ord(c) for c in " -/\u2013\u2014\u200b\u00ad"], np.uint32)


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
    """Break strings into at most `most` lines, none wider than `width` if it has two characters.

    `codes` are the characters of all strings end to end, `totals` their running width, `bounds` where each
    string begins and ends. Lines end at a newline, else after a space, hyphen, dash or slash, else anywhere;
    the space or newline at the end of a line is left out.
    """
    codes, totals, bounds = text.codes, text.totals, text.bounds
    places = np.arange(len(codes) + 1)
    last_break = np.zeros(len(codes) + 1, np.int64)  # the last place <= p that a line may end at
    np.maximum.accumulate(np.where(np.isin(codes, _BREAK_AFTER), places[1:], 0), out=last_break[1:])
    newlines = np.where(np.append(codes, _NEWLINE) == _NEWLINE, places, len(codes))
    next_newline = np.minimum.accumulate(newlines[::-1])[::-1]
    blanks = np.append(codes, 0) != _SPACE
    next_text = np.minimum.accumulate(np.where(blanks, places, len(codes))[::-1])[::-1]
    text_before = np.maximum.accumulate(np.where(np.insert(codes, 0, 0) != _SPACE, places, 0))

    owner, start, stop = np.arange(len(bounds) - 1), bounds[:-1], bounds[1:]
    found: list[tuple[Ints, Ints, Ints]] = []
    while len(owner) and len(found) < most:
        paragraph = np.minimum(next_newline[start], stop)
        reach = np.searchsorted(totals, totals[start] + width, "right") - 1
        reach = np.maximum(reach, start + 1)
        at = np.where(
            last_break[np.minimum(reach, stop)] > start, last_break[np.minimum(reach, stop)], reach
        )
        # A space that hangs over the edge does not matter: the break is before it.
        spills = (reach < paragraph) & (np.append(codes, 0)[reach] == _SPACE)
        at = np.where(spills, reach, at)
        whole = reach >= paragraph
        end = np.where(whole, paragraph, at)
        found.append((owner, start, np.maximum(text_before[end], start)))
        over = whole | (next_text[end] >= paragraph)
        after = np.where(over, paragraph + 1, next_text[end])
        more = ~over | (paragraph < stop)
        owner, start, stop = owner[more], after[more], stop[more]
    cut = np.zeros(len(bounds) - 1, np.bool_)
    cut[owner] = True
    owners, starts, ends = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(owners, kind="stable")
    return Lines(owners[order], starts[order], ends[order], cut)
