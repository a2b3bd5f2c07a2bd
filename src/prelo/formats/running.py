"""Lines that stand on every page: the marks in them, and what those stand for that are no page's."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import babel
from babel.dates import format_date, format_time

from prelo.core.table import Layout

_MARK = re.compile(r"\{([a-z_][a-z0-9_]*)\}", re.IGNORECASE)
_YEAR = re.compile("y+")
_CLOCK = ("date", "time")


def pieces(text: str, marks: Mapping[str, str], moving: Iterable[str] = ()) -> tuple[str, ...]:
    """Texts, with their marks filled in, and names of `moving` marks by turns.

    What a mark stands for is never read for marks again; a mark that nobody knows stays as it is written.
    """
    out = [""]
    for at, piece in enumerate(_MARK.split(text)):
        if at % 2 and piece in moving:
            out += [piece, ""]
        elif at % 2:
            out[-1] += " ".join(marks.get(piece, f"{{{piece}}}").split())
        else:
            out[-1] += piece
    return tuple(out)


def marks_of(layout: Layout, lines: Iterable[str]) -> dict[str, str]:
    """What the marks in these lines stand for. The clock is read only where one of them asks for it and
    nobody said the time.
    """
    stamp = layout.stamp
    own = {"title": layout.title, "report": stamp.report, "user": stamp.user}
    known = stamp.marks | own
    asked = {name for line in lines for name in _MARK.findall(line)}
    if asked & set(_CLOCK):
        made = stamp.made or datetime.now(UTC)
        local = made.astimezone(ZoneInfo(layout.timezone)) if made.tzinfo else made
        known |= zip(_CLOCK, _clock(local, layout.locale), strict=True)
    return {name: text for name, text in known.items() if name in asked}


def _clock(made: datetime, tag: str) -> tuple[str, str]:
    """The day, its year in full, and the time of day as a locale writes them in short, in digits 0 to 9."""
    try:
        locale = babel.Locale.parse(tag.replace("_", "-"), sep="-")
    except (babel.UnknownLocaleError, ValueError):
        return date.isoformat(made), f"{made:%H:%M}"
    day = _YEAR.sub("yyyy", locale.date_formats["short"].pattern)
    return format_date(made, day, locale), format_time(made.time(), "short", locale=locale)
