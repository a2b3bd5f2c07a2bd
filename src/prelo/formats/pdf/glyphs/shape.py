"""Words as glyphs: fonts, scripts and HarfBuzz for one word at a time; nothing here knows sizes.

What a code is read back as is chosen so that the codes of a word, from left to right, spell its text (or
its text backwards, where it runs leftwards, as readers expect): so they need nothing else. Where that
cannot be, because there are more glyphs than characters, or where readers would lose the thread, because
a mark stands high or far back, the word says its text beside it (ActualText). Leftwards that would be
read backwards, as one glyph's text is; there a letter says its marks too, all of it backwards, and the
letters of a ligature are carried by glyphs that nobody sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple
from unicodedata import category, normalize

from prelo.formats.pdf.glyphs.characters import IGNORABLE, Characters
from prelo.formats.pdf.glyphs.harfbuzz import hb
from prelo.formats.pdf.glyphs.kept import Kept
from prelo.formats.pdf.glyphs.typeface import Program, Typeface

_JOINER = "\u200d"
_RIGHT_TO_LEFT_MARK = "\u200f"
_APART = 100  # UNITS between glyphs of a word, at least: readers (poppler) part what is nearer or goes back


class Row(NamedTuple):
    """Glyphs of one program at one height, in UNITS, with the operator that shows them."""

    program: int
    rise: int
    shown: str


@dataclass(slots=True)
class Word:
    """A shaped word. `advances` are of each character in reading order, the first of a cluster has all of
    it; `inside` says before which characters no line may be cut; `unsaid`: the codes do not spell it.
    """

    advances: list[int]
    inside: list[bool]
    rows: list[Row] = field(default_factory=list[Row])
    unsaid: bool = False


class _Run(NamedTuple):
    """A stretch of a word in one font and one script."""

    start: int
    text: str
    program: int
    script: str | None


class _Glyph(NamedTuple):
    number: int
    cluster: int
    x: int
    y: int
    advance: int


class Shaper:
    """Shapes words with the fonts of one style of a document. Their characters must be known."""

    def __init__(self, characters: Characters, typeface: Typeface, style: str) -> None:
        self._characters, self._typeface, self._style = characters, typeface, style
        self._own = typeface.programs.index(characters.own)
        self._buffer = hb.Buffer()
        self._buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
        self._scripts = _Scripts()
        self._having = Kept[tuple[str], int | None](lambda key: self._program_with(key[0]))

    def shape(self, text: str, *, leftwards: bool) -> Word:
        """The word as glyphs from left to right."""
        word = Word([0] * len(text), _joined(text))
        pen = _Pen(word.rows)
        runs = self._runs(text, word.inside)
        for run in reversed(runs) if leftwards else runs:
            self._put(run, word, pen, leftwards=leftwards)
        pen.end()
        word.unsaid |= pen.strayed and not leftwards
        return word

    def _runs(self, text: str, joined: list[bool]) -> list[_Run]:
        scripts = self._scripts.of(text)
        programs = self._programs(text, joined)
        if len(set(programs)) == len(set(scripts)) == 1:
            return [_Run(0, text, programs[0], scripts[0])]
        out: list[_Run] = []
        at = 0
        for (program, script), same in groupby(zip(programs, scripts, strict=True)):
            end = at + len(list(same))
            out.append(_Run(at, text[at:end], program, script))
            at = end
        return out

    def _programs(self, text: str, joined: list[bool]) -> list[int]:
        """The program of each character: one for a base and its marks, and no change without need."""
        codes = [ord(char) for char in text]
        out: list[int] = self._characters.program[codes].tolist()
        if len(set(out)) == 1 and not any(joined) and not self._characters.lacking[codes].any():
            return out
        at = 0
        while at < len(text):
            end = at + 1
            while end < len(text) and joined[end]:
                end += 1
            out[at:end] = self._cluster(text[at:end], out[at - 1] if at else None)
            at = end
        return out

    def _cluster(self, text: str, before: int | None) -> list[int]:
        shown = IGNORABLE.sub("", text)
        codes = [ord(char) for char in shown]
        if not codes:
            return [self._own if before is None else before] * len(text)
        tables = self._characters
        first = int(tables.program[codes[0]])
        settled = first == self._own and not tables.lacking[codes[0]]
        for number in (first,) if settled or before is None else (before, first):
            if self._has(number, codes):
                return [number] * len(text)
        number = self._having[shown,] if len(codes) > 1 else None
        if number is not None:
            return [number] * len(text)
        return [int(tables.program[ord(char)]) for char in text]

    def _has(self, number: int, codes: Sequence[int]) -> bool:
        known = self._typeface.programs[number].face.codes
        return all(code in known for code in codes)

    def _program_with(self, text: str) -> int | None:
        """The program of the first face that has all characters of it."""
        codes = {ord(char) for char in text}
        faces = [*self._typeface.given(self._style), *self._typeface.system(self._style)]
        face = next((f for f in faces if all(code in f.codes for code in codes)), None)
        return self._typeface.number(face) if face else None

    def _put(self, run: _Run, word: Word, pen: "_Pen", *, leftwards: bool) -> None:
        program = self._typeface.programs[run.program]
        glyphs = self._glyphs(run, program.face.font, leftwards=leftwards)
        if glyphs and not self._put_singly(run, glyphs, word, pen):
            self._put_clusters(run, glyphs, word, pen, leftwards=leftwards)

    def _put_singly(self, run: _Run, glyphs: list[_Glyph], word: Word, pen: "_Pen") -> bool:
        """The plain case: each character has one glyph, and none is a mark."""
        start, text = run.start, run.text
        if len(glyphs) != len(text) or any(word.inside[start : start + len(text)]):
            return False
        if len({glyph.cluster for glyph in glyphs}) != len(text):
            return False
        program = self._typeface.programs[run.program]
        for glyph in glyphs:
            number = glyph.number
            word.advances[start + glyph.cluster] = glyph.advance
            code = program.code(number, text[glyph.cluster])
            if code is None:
                return False
            program.used[code] = True
            pen.put(run.program, code, program.face.advance(number), glyph)
        return True

    def _put_clusters(
        self, run: _Run, glyphs: list[_Glyph], word: Word, pen: "_Pen", *, leftwards: bool
    ) -> None:
        program = self._typeface.programs[run.program]
        starts = sorted({glyph.cluster for glyph in glyphs})
        ends = dict(zip(starts, [*starts[1:], len(run.text)], strict=True))
        for start, same in groupby(glyphs, lambda glyph: glyph.cluster):
            members = list(same)
            # What shows nothing at the beginning of a run goes with what follows.
            begin = 0 if start == starts[0] else start
            first, last = run.start + begin, run.start + ends[start]
            word.advances[first] = sum(glyph.advance for glyph in members)
            word.inside[first + 1 : last] = [True] * (last - first - 1)
            told = _told(run.text[begin : ends[start]], members, program, leftwards=leftwards)
            if leftwards and last == len(word.advances):
                told = _led(told)
            word.unsaid |= told.short
            for unit in told.carried:
                code = program.code(program.blank, unit)
                if code is not None:
                    program.used[code] = True
                    pen.put(run.program, code, 0, _Glyph(program.blank, 0, 0, 0, 0))
            for glyph, meaning in zip(members, told.texts, strict=True):
                code = program.code(glyph.number, meaning)
                word.unsaid |= code is None and not leftwards
                code = glyph.number if code is None else code
                program.used[code] = True
                pen.put(run.program, code, program.face.advance(glyph.number), glyph)

    def _glyphs(self, run: _Run, font: Any, *, leftwards: bool) -> list[_Glyph]:
        buffer = self._buffer
        levels = hb.BufferClusterLevel
        buffer.clear_contents()
        buffer.cluster_level = (
            levels.MONOTONE_GRAPHEMES if leftwards else levels.MONOTONE_CHARACTERS
        )
        buffer.not_found_glyph = self._characters.box if run.program == self._own else 0
        buffer.add_str(run.text)
        buffer.direction = "rtl" if leftwards else "ltr"
        if run.script:
            buffer.script = run.script
        buffer.language = self._typeface.language
        hb.shape(font, buffer)
        return [
            _Glyph(info.codepoint, info.cluster, x, y, advance)
            for info, (x, y, advance, _) in zip(
                buffer.glyph_infos, (p.position for p in buffer.glyph_positions), strict=True
            )
        ]


class _Pen:
    """Joins glyphs into rows, and keeps the difference between where PDF and HarfBuzz would stand."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows
        self._program, self._rise = -1, 0
        self._codes, self._moved = "", ""
        self._ahead = 0
        self._width = _APART
        self.strayed = False
        """A glyph stands high or low, or not clearly after the one before."""

    def put(self, program: int, code: int, width: int, glyph: _Glyph) -> None:
        if (program, glyph.y) != (self._program, self._rise):
            self._flush()
            self._program, self._rise = program, glyph.y
        move = glyph.x - self._ahead
        self.strayed |= bool(glyph.y) or self._width + move < _APART or move < -_APART
        self._width = width
        self._move(move)
        self._codes += f"{code:04X}"
        self._ahead = glyph.x + width - glyph.advance

    def end(self) -> None:
        self._move(-self._ahead)
        self._flush()

    def _move(self, by: int) -> None:
        if by:
            self._moved += f"<{self._codes}>{-by}" if self._codes else f"{-by} "
            self._codes = ""

    def _flush(self) -> None:
        if self._moved:
            last = f"<{self._codes}>" if self._codes else ""
            self._rows.append(Row(self._program, self._rise, f"[{self._moved}{last}]TJ"))
        elif self._codes:
            self._rows.append(Row(self._program, self._rise, f"<{self._codes}>Tj"))
        self._codes, self._moved = "", ""


class _Told(NamedTuple):
    """What the glyphs of a cluster are read back as, and what has to be carried before them."""

    carried: list[str]
    texts: list[str]
    short: bool = False


def _told(text: str, glyphs: Sequence[_Glyph], program: Program, *, leftwards: bool) -> _Told:
    if leftwards:
        return _told_leftwards(text, glyphs, carries=program.blank > 0)
    count = len(glyphs)
    if count > len(text) and len(split := normalize("NFD", text)) <= count:
        text = split
    if count <= len(text):
        return _Told([], [*text[: count - 1], text[count - 1 :]])
    speaking = _first_wide(glyphs, len(text))
    silent = [glyph for i, glyph in enumerate(glyphs) if i not in speaking]
    letters = iter(text)
    texts = [next(letters) if i in speaking else "" for i in range(count)]
    return _Told([], texts, short=any(glyph.advance for glyph in silent))


def _told_leftwards(text: str, glyphs: Sequence[_Glyph], *, carries: bool) -> _Told:
    """Each letter with its marks, backwards; glyphs without a width say nothing."""
    units: list[str] = []
    for char, joins in zip(text, _joined(text), strict=True):
        if units and joins:
            units[-1] = char + units[-1]
        else:
            units.append(char)
    units.reverse()
    wide = sum(1 for glyph in glyphs if glyph.advance) or 1
    spare = max(len(units) - wide, 0)
    carried, units = units[:spare], units[spare:]
    if not carries:
        carried, units[0] = [], "".join([*carried, units[0]])
    speaking = _first_wide(glyphs, len(units))
    own = iter(units)
    return _Told(carried, [next(own) if i in speaking else "" for i in range(len(glyphs))])


def _led(told: _Told) -> _Told:
    """The leftmost cluster of a word, which readers see first: a mark there would be taken for text that
    runs rightwards.
    """
    units = [*told.carried, *told.texts]
    first = next((i for i, unit in enumerate(units) if unit), None)
    if first is None or category(units[first][0])[0] != "M":
        return told
    units[first] = _RIGHT_TO_LEFT_MARK + units[first]
    return _Told(units[: len(told.carried)], units[len(told.carried) :])


def _first_wide(glyphs: Sequence[_Glyph], count: int) -> set[int]:
    """The places of so many glyphs, of those with a width first."""
    return set(sorted(range(len(glyphs)), key=lambda i: (not glyphs[i].advance, i))[:count])


class _Joining(dict[str, bool]):
    """Whether a character belongs to the one before: marks, what shows nothing, shades of skin."""

    def __missing__(self, char: str) -> bool:
        mark = category(char)[0] == "M" or "\U0001f3fb" <= char <= "\U0001f3ff"
        self[char] = joins = mark or bool(IGNORABLE.match(char))
        return joins


_joining = _Joining()


def _joined(text: str) -> list[bool]:
    """Which characters belong to the one before, as what follows a joiner does too."""
    found = [_joining[char] for char in text]
    found[0] = False
    if _JOINER in text:
        for at in range(1, len(text)):
            found[at] |= text[at - 1] == _JOINER
    return found


class _Scripts(dict[str, str | None]):
    """The script of a character as HarfBuzz knows it; None if it is common to several."""

    def __missing__(self, char: str) -> str | None:
        buffer = hb.Buffer()
        buffer.add_str(char)
        buffer.guess_segment_properties()
        self[char] = script = buffer.script
        return script

    def of(self, text: str) -> list[str | None]:
        """The scripts of a text's characters; what is common has that of its neighbours."""
        found = [self[char] for char in text]
        known = next((script for script in found if script), None)
        for i, script in enumerate(found):
            known = found[i] = script or known
        return found
