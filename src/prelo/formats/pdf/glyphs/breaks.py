"""Where a line may end: Unicode's rules (UAX #14) over all characters of a column at once.

Most rules are about a character and the one before it, or the last before spaces: two tables over pairs of
classes say which rule is the first that applies, and what it says. The few that look further are masks,
each with its place among the rules; so their order is kept.

South-East Asian scripts without spaces (class SA) are taken for alphabetic, as UAX #14 allows where there
is no dictionary: their lines end at spaces and zero width spaces, and elsewhere only as a last resort.
"""

from functools import lru_cache
from unicodedata import category, east_asian_width

import numpy as np
import numpy.typing as npt

from prelo.formats.pdf.arrow import Flags, Ints

_Codes = npt.NDArray[np.uint32]
_Classes = npt.NDArray[np.uint8]

# Unicode's classes, and our own within them: SOT the start of a text, QI and QF opening and closing
# quotes, OW and CW brackets of East Asia, DC the dotted circle, HH the hyphen that is nothing else.
_NAMES = (
    "SOT", "BK", "CR", "LF", "NL", "SP", "ZW", "WJ", "GL", "CM", "ZWJ", "B2", "BA", "BB", "HY", "CB", "CL",
    "CP", "CW", "EX", "IN", "NS", "OP", "OW", "QU", "QI", "QF", "IS", "NU", "PO", "PR", "SY", "AK", "AL",
    "AP", "AS", "DC", "EB", "EM", "H2", "H3", "HH", "HL", "ID", "JL", "JV", "JT", "RI", "VF", "VI",
)  # fmt: skip
_ID = {name: number for number, name in enumerate(_NAMES)}
_COUNT = len(_NAMES)
_RESOLVED = {"AI": "AL", "SG": "AL", "XX": "AL", "": "AL", "CJ": "NS"}  # LB1
_WIDE = {"F", "W", "H"}
_WIDER = {"BA": ("HH",), "CP": ("CW",), "OP": ("OW",), "QU": ("QI", "QF"), "AL": ("DC",)}
_NO_BASE = "BK CR LF NL SP ZW"
_DOTTED_CIRCLE, _HYPHEN = 0x25CC, 0x2010
_FIRST_WIDE = 0x1100  # below it nothing is of East Asia's widths
_BEFORE_OPENING = "SOT BK CR LF NL OP QU GL SP ZW"
_AFTER_CLOSING = "SP GL WJ CL QU CP EX IS SY BK CR LF NL ZW"
_BEFORE_HYPHEN = "SOT BK CR LF NL SP ZW CB GL"

# Rules by place; True ends a line. Of pairs: what is before, what is after; "*" is anything. SPACED ones
# hold with spaces between, TIGHT ones without.
_ANY = "*"
_TIGHT = (
    (110, _ANY, "WJ", False), (110, "WJ", _ANY, False), (120, "GL", _ANY, False),
    (121, "not SP BA HY", "GL", False), (130, _ANY, "CL CP EX SY", False), (140, "OP", _ANY, False),
    (154, _ANY, "IS", False), (160, "CL CP", "NS", False), (170, "B2", "B2", False),
    (190, _ANY, "QU -QI", False), (190, "QU -QF", _ANY, False), (200, _ANY, "CB", True),
    (200, "CB", _ANY, True), (210, _ANY, "BA HY NS", False), (210, "BB", _ANY, False),
    (212, "SY", "HL", False), (220, _ANY, "IN", False), (230, "AL HL", "NU", False),
    (230, "NU", "AL HL", False), (231, "PR", "ID EB EM", False), (231, "ID EB EM", "PO", False),
    (240, "PR PO", "AL HL", False), (240, "AL HL", "PR PO", False), (250, "PO PR HY IS", "NU", False),
    (260, "JL", "JL JV H2 H3", False), (260, "JV H2", "JV JT", False), (260, "JT H3", "JT", False),
    (270, "JL JV JT H2 H3", "PO", False), (270, "PR", "JL JV JT H2 H3", False),
    (280, "AL HL", "AL HL", False), (281, "AP", "AK AS DC", False), (281, "AK AS DC", "VF VI", False),
    (290, "IS", "AL HL", False), (300, "AL HL NU", "OP -OW", False), (300, "CP -CW", "AL HL NU", False),
    (302, "EB", "EM", False), (310, _ANY, _ANY, True),
)  # fmt: skip
_SPACED = (
    (110, _ANY, "WJ", False), (130, _ANY, "CL CP EX SY", False), (140, "OP", _ANY, False),
    (154, _ANY, "IS", False), (160, "CL CP", "NS", False), (170, "B2", "B2", False),
    (180, _ANY, _ANY, True),
)  # fmt: skip


def breaks(codes: _Codes, bounds: Ints) -> Flags:
    """Before which characters a line may end, newlines apart. `bounds` are where strings begin and end."""
    if not len(codes):
        return np.zeros(0, np.bool_)
    classes = _table().take(codes)
    starts = np.zeros(len(codes) + 1, np.bool_)
    starts[bounds[:-1]] = True
    starts = starts[:-1]
    # Within words (LB28) no line ends, and to what stands beside a word one letter says as much as all.
    letters = (classes == _ID["AL"]) & (codes < _FIRST_WIDE)
    inner = letters & ~starts
    inner[1:] &= letters[:-1]
    kept = np.flatnonzero(~inner)
    out = np.zeros(len(codes), np.bool_)
    out[kept] = _breaks(codes[kept], classes[kept], starts[kept])
    return out


def _breaks(codes: _Codes, classes: _Classes, starts: Flags) -> Flags:
    out, decided = _early(classes, starts)
    absorbed = _absorbed(classes, starts)
    if absorbed is None:
        found = _Text(codes, classes, starts).breaks()
        return np.where(decided, out, found) & ~starts
    kept = np.flatnonzero(~absorbed)
    found = _Text(codes[kept], classes[kept], starts[kept]).breaks()
    out[absorbed] = False
    out[kept] = np.where(decided[kept], out[kept], found)
    return out & ~starts


def _early(classes: _Classes, starts: Flags) -> tuple[Flags, Flags]:
    """LB4 to LB8a, which see every mark: whether a line may end, and whether they say so at all."""
    before = _shifted(classes, starts)
    out = _is(before, "BK CR LF NL")
    decided = out | _is(classes, "BK CR LF NL SP ZW") | (before == _ID["ZWJ"])
    out &= (before != _ID["CR"]) | (classes != _ID["LF"])
    late = _places(before, "SP ZW")
    late = late[~decided[late]]
    late = late[classes[_back(classes, starts, late, "SP")] == _ID["ZW"]]
    out[late] = decided[late] = True
    return out, decided


def _absorbed(classes: _Classes, starts: Flags) -> Flags | None:
    """LB9: marks that belong to what is before them; None if there are no marks at all."""
    marks = _is(classes, "CM ZWJ")
    if not marks.any():
        return None
    at = np.flatnonzero(marks & ~starts)
    alone = at[_is(classes[_back(classes, starts, at, "CM ZWJ")], _NO_BASE)]
    marks &= ~starts
    marks[alone] = False
    return marks


def _places(classes: _Classes, names: str) -> Ints:
    return np.flatnonzero(_is(classes, names))


def _back(classes: _Classes, starts: Flags, at: Ints, names: str) -> Ints:
    """From the place before each of `at` back over such classes; at a string's first character it ends."""
    over = _lookup(names)
    at = at - 1
    while (going := over[classes[at]] & ~starts[at]).any():
        at = at - going
    return at


def _shifted(classes: _Classes, starts: Flags) -> _Classes:
    """The class before each character."""
    before = np.empty_like(classes)
    before[1:] = classes[:-1]
    before[starts] = _ID["SOT"]
    return before


class _Text:
    """Characters without the marks that belong to others: LB10 to LB31."""

    def __init__(self, codes: _Codes, classes: _Classes, starts: Flags) -> None:
        self.codes, self.now, self.starts = codes, classes, starts
        marks = _places(classes, "CM ZWJ")
        if len(marks):
            self.codes, self.now = codes.copy(), classes.copy()
            self.codes[marks], self.now[marks] = ord("A"), _ID["AL"]
        self.before = _shifted(self.now, starts)
        self.rules = np.empty(0, np.int16)
        self.present = np.bincount(self.now, minlength=_COUNT) > 0

    def breaks(self) -> Flags:
        tight, spaced = _pairs()
        self.rules = tight.reshape(-1)[self.before * np.uint16(_COUNT) + self.now]
        after_space = self._after("SP")
        behind = self._behind(after_space, "SP")
        self.rules[after_space] = spaced[behind, self.now[after_space]]
        self._quotes(after_space, behind)
        self._hyphens()
        self._numbers()
        self._pictures()
        return self.rules % 2 == 1

    def _rule(self, place: int, at: Ints, *, ends: bool = False) -> None:
        """A rule holds at these places, where none before it does."""
        at = at[self.rules[at] > place * 2 + 1]
        self.rules[at] = place * 2 + ends

    def _where(self, names: str) -> Ints:
        """The places of classes, but for the first characters of strings."""
        if not (self.present & _lookup(names)).any():
            return np.empty(0, np.int64)
        at = _places(self.now, names)
        return at[~self.starts[at]]

    def _after(self, names: str) -> Ints:
        """The places after classes."""
        if not (self.present & _lookup(names)).any():
            return np.empty(0, np.int64)
        return _places(self.before, names)

    def _behind(self, at: Ints, names: str) -> _Classes:
        """The class before each place and before such classes; SOT where there is nothing but them."""
        back = _back(self.now, self.starts, at, names)
        return np.where(_is(self.now[back], names), np.uint8(_ID["SOT"]), self.now[back])

    def _next(self, at: Ints, further: int = 1) -> _Classes:
        """The class after each place; SOT at the end of a string."""
        inside = np.minimum(at + further, len(self.now) - 1)
        ended = at + further > inside
        for step in range(1, further + 1):
            ended |= self.starts[np.minimum(at + step, len(self.now) - 1)]
        return np.where(ended, np.uint8(_ID["SOT"]), self.now[inside])

    def _quotes(self, after_space: Ints, behind: _Classes) -> None:
        """LB15a to LB15c, LB19a."""
        at = after_space[
            (self.now[after_space] == _ID["IS"]) & (self._next(after_space) == _ID["NU"])
        ]
        self._rule(153, at, ends=True)
        if not (self.present & _lookup("QU")).any():
            return
        quotes = _places(self.now, "QU")
        opened = after_space[behind == _ID["QI"]]
        at = np.append(opened, self._after("QI"))
        quote = _back(self.now, self.starts, at, "SP")
        self._rule(151, at[_is(self.before[quote], _BEFORE_OPENING)])
        at = self._where("QF")
        after = self._next(at)
        self._rule(152, at[(after == _ID["SOT"]) | _is(after, _AFTER_CLOSING)])
        self._rule(191, self._beside_quotes(quotes))

    def _beside_quotes(self, quotes: Ints) -> Ints:
        """LB19a: quotes hold on to what is on both sides, but between wide characters."""
        last = len(self.now) - 1
        narrow_before = self.starts[quotes] | ~_east_asian(self.codes[np.maximum(quotes - 1, 0)])
        narrow_after = (self._next(quotes) == _ID["SOT"]) | ~_east_asian(
            self.codes[np.minimum(quotes + 1, last)]
        )
        held = narrow_before | narrow_after
        within = (quotes < last) & ~self.starts[np.minimum(quotes + 1, last)]
        at = np.append(quotes[held], quotes[held & within] + 1)
        return at[~self.starts[at]]

    def _hyphens(self) -> None:
        """LB20a and LB21a."""
        at = self._after("HY BA")
        if not len(at):
            return
        earlier = self.before[at - 1]
        first = (
            _is(earlier, _BEFORE_HYPHEN) & _is(self.before[at], "HY HH") & _is(self.now[at], "AL")
        )
        self._rule(201, at[first])
        self._rule(211, at[(earlier == _ID["HL"]) & (self.now[at] != _ID["HL"])])

    def _numbers(self) -> None:
        """LB25."""
        at = self._where("PO PR NU")
        self._rule(250, at[self._behind(at, "SY IS") == _ID["NU"]])
        at = self._where("PO PR")
        at = at[_is(self.before[at], "CL CP")]
        at = at[~self.starts[at - 1]]
        self._rule(250, at[self._behind(at - 1, "SY IS") == _ID["NU"]])
        at = self._where("OP")
        at = at[_is(self.before[at], "PO PR")]
        after, then = self._next(at), self._next(at, 2)
        begun = (after == _ID["NU"]) | ((after == _ID["IS"]) & (then == _ID["NU"]))
        self._rule(250, at[begun])

    def _pictures(self) -> None:
        """LB28a, LB30a and LB30b, what is not about pairs."""
        at = self._where("AK AS DC")
        if len(at):
            earlier = np.where(self.starts[at - 1], np.uint8(_ID["SOT"]), self.before[at - 1])
            joined = (self.before[at] == _ID["VI"]) & _is(earlier, "AK AS DC")
            self._rule(281, at[joined & _is(self.now[at], "AK DC")])
            self._rule(281, at[_is(self.before[at], "AK AS DC") & (self._next(at) == _ID["VF"])])
        at = self._where("RI")
        at = at[self.before[at] == _ID["RI"]]
        if len(at):
            first = _back(self.now, self.starts, at, "RI")
            first = first + (self.now[first] != _ID["RI"])
            self._rule(301, at[(at - first) % 2 == 1])
        self._rule(302, self._modified(self._where("EM")))

    def _modified(self, at: Ints) -> Ints:
        """Modifiers after a picture that Unicode has set aside for later."""
        from uniseg.emoji import extended_pictographic

        chars = [chr(code) for code in self.codes[at - 1].tolist()]
        later = [category(char) == "Cn" and extended_pictographic(char) for char in chars]
        return at[np.array(later, np.bool_)]


def _east_asian(codes: _Codes) -> Flags:
    distinct, where = np.unique(codes, return_inverse=True)
    return np.array([east_asian_width(chr(code)) in _WIDE for code in distinct.tolist()])[where]


def _is(classes: _Classes, names: str) -> Flags:
    return _lookup(names)[classes]


@lru_cache(maxsize=128)
def _lookup(names: str) -> Flags:
    """Whether a class is one of the names, with our own within it; after a minus, without that one."""
    if names.startswith("not "):
        return ~_lookup(names.removeprefix("not "))
    found = np.zeros(_COUNT, np.bool_)
    for name in names.split():
        if name == _ANY:
            found[:] = True
        elif name.startswith("-"):
            found[_ID[name[1:]]] = False
        else:
            found[[_ID[part] for part in (name, *_WIDER.get(name, ()))]] = True
    return found


@lru_cache(maxsize=1)
def _pairs() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """For [class before, class]: twice the place of the first rule that holds, one more if a line may end
    there; without and with spaces between.
    """
    tables = np.full((2, _COUNT, _COUNT), np.iinfo(np.int16).max, np.int16)
    for table, rules in zip(tables, (_TIGHT, _SPACED), strict=True):
        for place, before, after, ends in rules:
            mask = _lookup(before)[:, None] & _lookup(after)[None, :] & (table > place * 2 + 1)
            table[mask] = place * 2 + ends
    return tables[0], tables[1]


@lru_cache(maxsize=1)
def _table() -> _Classes:
    """The class of every code point."""
    from uniseg import db_lookups

    column = db_lookups.columns.index("Line_Break")
    names = [_RESOLVED.get(row[column], row[column]) for row in db_lookups.values]
    by_value = np.array([_ID.get(name, 0) for name in names], np.uint8)
    blocks = np.frombuffer(db_lookups.index2, np.uint8).reshape(-1, 1 << db_lookups.shift)
    values = blocks[np.frombuffer(db_lookups.index1, np.uint8)].reshape(-1)
    table = by_value[values]
    for sort in ("SA", "QU", "OP", "CP"):
        numbers = [i for i, name in enumerate(names) if name == sort]
        for code in np.flatnonzero(np.isin(values, numbers)).tolist():
            table[code] = _ID[_own(sort, chr(code))]
    table[_DOTTED_CIRCLE], table[_HYPHEN] = _ID["DC"], _ID["HH"]
    return table


def _own(sort: str, char: str) -> str:
    """The class within a class."""
    if sort == "SA":
        return "CM" if category(char) in {"Mn", "Mc"} else "AL"
    if sort == "QU":
        return {"Pi": "QI", "Pf": "QF"}.get(category(char), "QU")
    wide = east_asian_width(char) in _WIDE
    return {"OP": "OW", "CP": "CW"}[sort] if wide else sort
