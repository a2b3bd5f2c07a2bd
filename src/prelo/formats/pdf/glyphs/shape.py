"""Words as glyphs: fonts, scripts and HarfBuzz for one word at a time; nothing here knows sizes.

What a code is read back as is chosen so that the codes of a word, from left to right, spell its text (or
its text backwards, where it runs leftwards, as readers expect): so they need nothing else. Where that
cannot be, because there are more glyphs than characters, or where readers would lose the thread, because
a mark stands high or far back, the word says its text beside it (ActualText). Leftwards that would be
read backwards, as one glyph's text is; there a letter says its marks too, all of it backwards, and the
letters of a ligature are carried by glyphs that nobody sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from prelo.formats.pdf.glyphs.characters import IGNORABLE, Characters
from prelo.formats.pdf.glyphs.harfbuzz import hb
from prelo.formats.pdf.glyphs.kept import Kept
from prelo.formats.pdf.glyphs.pen import Code, Codes, Glyph, Pen, Place, Row
from prelo.formats.pdf.glyphs.told import JOINING, joined, led, told
from prelo.formats.pdf.glyphs.typeface import Typeface


@dataclass(frozen=True, slots=True)
class Word:
    """A shaped word. `advances` are of each character in reading order, the first of a cluster has all of
    it; `inside` says before which characters no line may be cut; `unsaid`: the codes do not spell it.
    """

    advances: tuple[int, ...]
    inside: tuple[bool, ...]
    rows: tuple[Row, ...] = ()
    unsaid: bool = False


@dataclass(slots=True)
class _Draft:
    """A word that is being shaped."""

    advances: list[int]
    inside: list[bool]
    unsaid: bool = False


class _Run(NamedTuple):
    """A stretch of a word in one font and one script."""

    start: int
    text: str
    program: int
    script: str | None


class Shaper:
    """Shapes words with the fonts of one style of a document. Their characters must be known."""

    def __init__(self, characters: Characters, typeface: Typeface, style: str) -> None:
        self._characters, self._typeface, self._style = characters, typeface, style
        self._own = typeface.programs.index(characters.own)
        self._buffer = hb.Buffer()
        self._buffer.flags = hb.BufferFlags.REMOVE_DEFAULT_IGNORABLES
        self._scripts = _Scripts()
        self._alone = _Alone(characters, self._scripts)
        self._codes = Codes(typeface)
        self._having = Kept[tuple[str], int | None](lambda key: self._program_with(key[0]))

    def shape(self, text: str, *, leftwards: bool) -> Word:
        """The word as glyphs from left to right."""
        count = len(text)
        alike = {self._alone[char] for char in text}
        if len(alike) == 1 and (one := alike.pop()):
            word, runs = _Draft([0] * count, [False] * count), [_Run(0, text, *one)]
        else:
            word = _Draft([0] * count, joined(text))
            runs = self._runs(text, word.inside)
        pen = Pen()
        for run in reversed(runs) if leftwards else runs:
            self._put(run, word, pen, leftwards=leftwards)
        rows = pen.end()
        unsaid = word.unsaid or (pen.strayed and not leftwards)
        return Word(tuple(word.advances), tuple(word.inside), rows, unsaid)

    def _runs(self, text: str, inside: list[bool]) -> list[_Run]:
        scripts = self._scripts.of(text)
        programs = self._programs(text, inside)
        out: list[_Run] = []
        at = 0
        for (program, script), same in groupby(zip(programs, scripts, strict=True)):
            end = at + len(list(same))
            out.append(_Run(at, text[at:end], program, script))
            at = end
        return out

    def _programs(self, text: str, inside: list[bool]) -> list[int]:
        """The program of each character: one for a base and its marks, and no change without need."""
        codes = [ord(char) for char in text]
        out: list[int] = self._characters.program[codes].tolist()
        if len(set(out)) == 1 and not any(inside) and not self._characters.lacking[codes].any():
            return out
        at = 0
        while at < len(text):
            end = at + 1
            while end < len(text) and inside[end]:
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

    def _put(self, run: _Run, word: _Draft, pen: Pen, *, leftwards: bool) -> None:
        self._shape(run, leftwards=leftwards)
        glyphs = [(info.codepoint, info.cluster) for info in self._buffer.glyph_infos]
        places = [found.position for found in self._buffer.glyph_positions]
        if glyphs and not self._put_singly(run, glyphs, places, word, pen):
            whole = [Glyph(*glyph, place) for glyph, place in zip(glyphs, places, strict=True)]
            self._put_clusters(run, whole, word, pen, leftwards=leftwards)

    def _put_singly(
        self,
        run: _Run,
        glyphs: list[tuple[int, int]],
        places: list[Place],
        word: _Draft,
        pen: Pen,
    ) -> bool:
        """The plain case: each character has one glyph, and none is a mark."""
        start, text, program = run.start, run.text, run.program
        if len(glyphs) != len(text) or True in word.inside[start : start + len(text)]:
            return False
        if len({cluster for _, cluster in glyphs}) != len(text):
            return False
        found = [self._codes[program, number, text[cluster]] for number, cluster in glyphs]
        codes = [code for code in found if code]
        if len(codes) < len(found):
            return False
        for (_, cluster), place in zip(glyphs, places, strict=True):
            word.advances[start + cluster] = place[2]
        pen.put_all(program, codes, places)
        return True

    def _put_clusters(
        self, run: _Run, glyphs: list[Glyph], word: _Draft, pen: Pen, *, leftwards: bool
    ) -> None:
        program = self._typeface.programs[run.program]
        starts = sorted({glyph.cluster for glyph in glyphs})
        ends = dict(zip(starts, [*starts[1:], len(run.text)], strict=True))
        for start, same in groupby(glyphs, lambda glyph: glyph.cluster):
            members = list(same)
            # What shows nothing at the beginning of a run goes with what follows.
            begin = 0 if start == starts[0] else start
            first, last = run.start + begin, run.start + ends[start]
            word.advances[first] = sum(glyph.place[2] for glyph in members)
            word.inside[first + 1 : last] = [True] * (last - first - 1)
            found = told(
                run.text[begin : ends[start]],
                members,
                carries=program.blank > 0,
                leftwards=leftwards,
            )
            if leftwards and last == len(word.advances):
                found = led(found)
            word.unsaid |= found.short
            for unit in found.carried:
                if code := self._codes[run.program, program.blank, unit]:
                    pen.put(run.program, code, (0, 0, 0, 0))
            for glyph, meaning in zip(members, found.texts, strict=True):
                code = self._codes[run.program, glyph.number, meaning]
                word.unsaid |= code is None and not leftwards
                pen.put(run.program, code or Code.of(program, glyph.number), glyph.place)

    def _shape(self, run: _Run, *, leftwards: bool) -> None:
        """Into the buffer."""
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
        hb.shape(self._typeface.programs[run.program].face.font, buffer)


class _Alone(dict[str, tuple[int, "str | None"] | None]):
    """The program and script of a character that stands for itself; None for what needs a look around."""

    def __init__(self, characters: Characters, scripts: "_Scripts") -> None:
        super().__init__()
        self._characters, self._scripts = characters, scripts

    def __missing__(self, char: str) -> tuple[int, str | None] | None:
        code, tables = ord(char), self._characters
        one = (int(tables.program[code]), self._scripts[char])
        self[char] = found = None if JOINING[char] or tables.lacking[code] else one
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
