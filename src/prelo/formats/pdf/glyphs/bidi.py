"""The order of text that runs both ways: Unicode's bidirectional algorithm (UAX #9), one line at a time.

The rules about neighbours are regular expressions over a string with one letter per character, its
class; so a line costs microseconds. Isolates and bracket pairs are honoured.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from unicodedata import bidirectional, category

_DEEPEST = 125
_MOST_OPEN = 63  # brackets that may be open at once (BD16)
_LETTERS = {
    "L": "L", "R": "R", "AL": "A", "EN": "E", "ES": "+", "ET": "#", "AN": "N", "CS": ",", "NSM": "M",
    "BN": "b", "B": "P", "S": "S", "WS": "w", "ON": "o", "LRE": "1", "RLE": "2", "LRO": "3", "RLO": "4",
    "PDF": "5", "LRI": "6", "RLI": "7", "FSI": "8", "PDI": "9", "": "L",
}  # fmt: skip
_EXPLICIT = re.compile("[1-9]")
_EMBEDDING = {"1": 0, "2": 1, "3": 0, "4": 1}
_STRONG = re.compile("[LRA]")
_ISOLATE, _REMOVED = "678", "12345b"
_LEFTWARD_BLOCKS = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_NEUTRAL = "[oPSw6789]"
_Rules = list[tuple[str, re.Pattern[str], Callable[[re.Match[str]], str]]]
# What must be there for a rule to matter, the rule, and what it makes of each match.
_WEAK: _Rules = [  # W1 to W7, over a run that begins with the direction before it
    ("M", re.compile("([6789])(M+)"), lambda m: m[1] + "o" * len(m[2])),
    ("M", re.compile("(.)(M+)"), lambda m: m[1] * len(m[0])),
    ("A", re.compile("A[^LRA]*E[^LRA]*"), lambda m: m[0].replace("E", "N")),
    ("A", re.compile("A+"), lambda m: "R" * len(m[0])),
    ("E", re.compile("(?<=E)[+,](?=E)"), lambda _: "E"),
    ("N", re.compile("(?<=N),(?=N)"), lambda _: "N"),
    ("#", re.compile("#+(?=E)|(?<=E)#+"), lambda m: "E" * len(m[0])),
    ("", re.compile("[+,#]+"), lambda m: "o" * len(m[0])),
    ("E", re.compile("L[^LR]*E[^LR]*"), lambda m: m[0].replace("E", "L")),
]  # fmt: skip
_BETWEEN: _Rules = [  # N1
    ("L", re.compile(f"(?<=L){_NEUTRAL}+(?=L)"), lambda m: "L" * len(m[0])),
    ("", re.compile(f"(?<=[REN]){_NEUTRAL}+(?=[REN])"), lambda m: "R" * len(m[0])),
]  # fmt: skip
_LEFT_OVER = re.compile(_NEUTRAL)
_REMOVED_ONES = re.compile(f"[{_REMOVED}]")
_BLANK_AT_END = re.compile("(?<![w6789b12345])[w6789b12345]*(?:[PS]|$)")


def starts_right_to_left(text: str, *, otherwise: bool = False) -> bool:
    """The direction of a paragraph: that of its first strong character outside isolates (P2, P3)."""
    return bool(_base(_classes(text), int(otherwise)))


def levels(text: str, *, rtl: bool) -> list[int]:
    """The embedding level of each character of one line in a paragraph of that direction."""
    classes = _classes(text)
    base = int(rtl)
    if not _EXPLICIT.search(classes):
        found = [base] * len(text)
        kept = (
            [i for i, c in enumerate(classes) if c != "b"] if "b" in classes else range(len(text))
        )
        _resolve(text, classes, kept, found, (base, base))
    else:
        explicit = _Explicit(classes, base)
        found = explicit.levels
        for sequence, ends in list(explicit.sequences()):  # levels change below
            _resolve(text, "".join(explicit.classes), sequence, found, ends)
    for removed in _REMOVED_ONES.finditer(classes):  # what X9 removes goes with what is before it
        at = removed.start()
        found[at] = found[at - 1] if at else base
    for blank in _BLANK_AT_END.finditer(classes):  # L1
        found[blank.start() : blank.end()] = [base] * len(blank[0])
    return found


def runs(text: str, *, rtl: bool) -> list[tuple[int, int, bool]]:
    """The pieces of a line from left to right: from and to which character, and whether it runs leftwards."""
    found: list[tuple[int, int, int]] = []
    at = 0
    for level, same in groupby(levels(text, rtl=rtl)):
        count = len(list(same))
        found.append((at, at + count, level))
        at += count
    highest = max((level for _, _, level in found), default=0)
    for level in range(highest, 0, -1):  # L2
        ordered: list[tuple[int, int, int]] = []
        for turned, part in groupby(found, lambda run: run[2] >= level):  # noqa: B023  used at once
            same_side = list(part)
            ordered += reversed(same_side) if turned else same_side
        found = ordered
    return [(start, end, bool(level % 2)) for start, end, level in found]


class _Classes(dict[int, str]):
    def __missing__(self, code: int) -> str:
        char = chr(code)
        found = bidirectional(char)
        if not found and _LEFTWARD_BLOCKS.match(char):
            found = "R"  # unassigned here, but in a block of such scripts
        self[code] = letter = _LETTERS[found]
        return letter


_class_of = _Classes()


def _classes(text: str) -> str:
    return text.translate(_class_of)


def _base(classes: str, otherwise: int) -> int:
    depth = 0
    for c in classes:
        if c in _ISOLATE:
            depth += 1
        elif c == "9":
            depth = max(depth - 1, 0)
        elif not depth and _STRONG.match(c):
            return int(c != "L")
    return otherwise


class _Explicit:
    """X1 to X10: levels, and classes after overrides, as embeddings and isolates in the text say."""

    def __init__(self, classes: str, base: int) -> None:
        self.levels = [base] * len(classes)
        self.classes = list(classes)
        self._base = base
        self._matching: dict[int, int] = {}
        # Of each open embedding or isolate: level, override, the isolate's initiator.
        self._stack: list[tuple[int, str, int]] = [(base, "", -1)]
        self._lost_isolates = self._lost_embeddings = 0
        for i, c in enumerate(classes):
            if c == "9":
                self._end_isolate(i)
            elif c == "5":
                self._end_embedding()
            level, override, _ = self._stack[-1]
            self.levels[i] = level
            if override and c not in _REMOVED:
                self.classes[i] = override
            if c in _EMBEDDING:
                self._deepen(level, _EMBEDDING[c], "LR"[_EMBEDDING[c]] if c in "34" else "", -1)
            elif c in _ISOLATE:
                inner = classes[i + 1 : _end_of_isolate(classes, i)]
                self._deepen(level, _base(inner, 0) if c == "8" else int(c == "7"), "", i)

    def _deepen(self, level: int, odd: int, override: str, initiator: int) -> None:
        deeper = (level + 1) | 1 if odd else (level + 2) & ~1
        if deeper <= _DEEPEST and not self._lost_isolates and not self._lost_embeddings:
            self._stack.append((deeper, override, initiator))
        elif initiator >= 0:
            self._lost_isolates += 1
        elif not self._lost_isolates:
            self._lost_embeddings += 1

    def _end_isolate(self, at: int) -> None:
        if self._lost_isolates:
            self._lost_isolates -= 1
        elif any(initiator >= 0 for _, _, initiator in self._stack):
            self._lost_embeddings = 0
            while self._stack[-1][2] < 0:
                self._stack.pop()
            self._matching[self._stack.pop()[2]] = at

    def _end_embedding(self) -> None:
        if self._lost_isolates:
            return
        if self._lost_embeddings:
            self._lost_embeddings -= 1
        elif len(self._stack) > 1 and self._stack[-1][2] < 0:
            self._stack.pop()

    def sequences(self) -> Iterator[tuple[list[int], tuple[int, int]]]:
        """The isolating run sequences (BD13), each with the levels on both sides."""
        classes, levels = self.classes, self.levels
        kept = [i for i, c in enumerate(classes) if c not in _REMOVED]
        runs = [list(run) for _, run in groupby(kept, lambda i: levels[i])]
        begins = {run[0]: run for run in runs}
        place = {i: number for number, i in enumerate(kept)}
        closing = set(self._matching.values())
        for run in runs:
            if run[0] in closing:
                continue  # it goes on from the run that ends with its initiator
            whole = list(run)
            while (end := self._matching.get(whole[-1])) is not None:
                whole += begins[end]
            at, last = place[whole[0]], whole[-1]
            before = levels[kept[at - 1]] if at else self._base
            after = self._base
            if last not in self._open and place[last] + 1 < len(kept):
                after = levels[kept[place[last] + 1]]
            yield whole, (before, after)

    @property
    def _open(self) -> set[int]:
        """Initiators without an end."""
        return {i for i, c in enumerate(self.classes) if c in _ISOLATE} - set(self._matching)


def _end_of_isolate(classes: str, at: int) -> int:
    depth = 0
    for i in range(at, len(classes)):
        depth += (classes[i] in _ISOLATE) - (classes[i] == "9")
        if not depth:
            return i
    return len(classes)


def _resolve(
    text: str, classes: str, places: Sequence[int], found: list[int], ends: tuple[int, int]
) -> None:
    """W1 to I2 over one sequence of characters at one level; `ends` are the levels before and after it."""
    if not places:
        return
    level = found[places[0]]
    before, after = ("LR"[max(level, end) % 2] for end in ends)
    plain = len(places) == len(classes)
    own = classes if plain else "".join([classes[i] for i in places])
    now = before + own
    for needed, pattern, change in _WEAK:
        if needed in now:
            now = pattern.sub(change, now)
    if "o" in now:
        now = _brackets(text if plain else "".join([text[i] for i in places]), own, now, level)
    now += after
    for needed, pattern, change in _BETWEEN:
        if needed in now:
            now = pattern.sub(change, now)
    now = _LEFT_OVER.sub("LR"[level % 2], now)
    up = {"L": 1, "R": 0, "E": 1, "N": 1} if level % 2 else {"L": 0, "R": 1, "E": 2, "N": 2}
    for i, c in zip(places, now[1:-1], strict=True):
        found[i] = level + up[c]


def _brackets(text: str, own: str, now: str, level: int) -> str:
    """N0: a pair of brackets takes the direction of what is in it. `now` begins with one letter more."""
    pairs = _pairs(text, now)
    if not pairs:
        return now
    along, against = ("R", "L") if level % 2 else ("L", "R")
    letters = list(now)
    for start, end in pairs:
        inside = {_direction(c) for c in letters[start + 2 : end + 1]}
        if along in inside:
            chosen = along
        elif against in inside:
            context = next((d for c in letters[start::-1] if (d := _direction(c))), along)
            chosen = against if context == against else along
        else:
            continue
        for at in (start, end):
            letters[at + 1] = chosen
            at += 1  # noqa: PLW2901  marks go with the bracket
            while at < len(own) and own[at] == "M":
                letters[at + 1] = chosen
                at += 1  # noqa: PLW2901  the next is dealt with
    return "".join(letters)


def _direction(letter: str) -> str:
    return {"L": "L", "R": "R", "E": "R", "N": "R"}.get(letter, "")


def _pairs(text: str, now: str) -> list[tuple[int, int]]:
    """BD16: pairs of brackets that are neutral so far, by their opening ones."""
    closing = _closing()
    found: list[tuple[int, int]] = []
    open_: list[tuple[str, int]] = []
    for i, char in enumerate(text):
        if now[i + 1] != "o":
            continue
        if char in closing:
            if len(open_) == _MOST_OPEN:
                return []
            open_.append((closing[char], i))
        elif open_:
            char = _CANONICAL.get(char, char)  # noqa: PLW2901  the same bracket
            for depth in range(len(open_) - 1, -1, -1):
                if open_[depth][0] == char:
                    found.append((open_[depth][1], i))
                    del open_[depth:]
                    break
    return sorted(found)


_CANONICAL = {"\u232a": "\u3009"}


@lru_cache(maxsize=1)
def _closing() -> dict[str, str]:
    """The closing bracket of each opening one."""
    from bidi.mirror import MIRRORED

    mirrored: dict[str, str] = MIRRORED
    pairs = {o: c for o, c in mirrored.items() if category(o) == "Ps" and category(c) == "Pe"}
    return {o: _CANONICAL.get(c, c) for o, c in pairs.items()}
