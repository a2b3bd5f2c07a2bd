"""Parameters that follow the calendar, as `{{ today - 1 month }}`: a language of a few words, read by hand.

    value   := sum [ "|" 'format' ]
    sum     := atom { ("+" | "-") number unit }
    atom    := today | yesterday | tomorrow | now | fire.date | fire.time
             | ("start_of" | "end_of") "(" unit [ "," sum ] ")" | "(" sum ")"

Nothing of it is ever run as code, and whatever is not in it is refused with its place.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from prelo.core.errors import FieldError, Invalid
from prelo.core.parameters import Parameter

_MOST, _DEEPEST, _MOST_DIGITS = 200, 8, 5
_MARK = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"(?P<number>[0-9]+)|(?P<name>[A-Za-z_][A-Za-z_.]*)|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>[-+(),|])"
)
_SPACE = re.compile(r"\s*")
_CODE = re.compile(r"%(.?)", re.DOTALL)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}
_CLOCK = {"hour": 3600, "minute": 60}
_UNITS = (*_DAYS, *_MONTHS)
_CODES: dict[str, Callable[[date], str]] = {
    "Y": lambda day: f"{day.year:04}",
    "y": lambda day: f"{day.year % 100:02}",
    "m": lambda day: f"{day.month:02}",
    "d": lambda day: f"{day.day:02}",
    "j": lambda day: f"{day.timetuple().tm_yday:03}",
    "q": lambda day: str((day.month + 2) // 3),
    "G": lambda day: f"{day.isocalendar().year:04}",
    "V": lambda day: f"{day.isocalendar().week:02}",
    "u": lambda day: str(day.isoweekday()),
    "H": lambda day: day.strftime("%H"),
    "M": lambda day: day.strftime("%M"),
    "S": lambda day: day.strftime("%S"),
    "%": lambda _: "%",
}


class Wrong(ValueError):
    """What cannot be read or reckoned, in a sentence that says where."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def filled(
    given: Mapping[str, Any], known: Mapping[str, Parameter], moment: datetime
) -> dict[str, Any]:
    """The parameters with the values of their expressions at this moment, on the clocks of its zone.

    Raises Invalid with one FieldError per parameter that cannot be reckoned.
    """
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in given.items():
        try:
            values[name] = _for(known.get(name), value, moment)
        except Wrong as error:
            pointer = "/parameters/" + name.replace("~", "~0").replace("/", "~1")  # RFC 6901
            errors.append(FieldError(pointer=pointer, detail=str(error)))
    if errors:
        said = "; ".join(f"{error.pointer.rpartition('/')[2]}: {error.detail}" for error in errors)
        raise Invalid(f"the parameters cannot be reckoned: {said}", tuple(errors))
    return values


def _for(parameter: Parameter | None, given: Any, moment: datetime) -> Any:
    """A value as a parameter of its type takes it: a date gets a date, a number what the format shows."""
    if not isinstance(given, str) or ("{{" not in given and "}}" not in given):
        return given
    value = evaluate(given, moment)
    kind = parameter.type if parameter else "string"
    if isinstance(value, datetime) and kind == "date":
        value = value.date()
    text = _shown(value)
    return parameter.from_text(text) if parameter and kind in {"integer", "number"} else text


def evaluate(text: str, moment: datetime) -> date | str:
    """The value of a text with expressions: a date or a datetime if it is one, else a text. Raises Wrong."""
    rest = _MARK.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise Wrong(f"'{_cut(text)}': each {{{{ needs its }}}}")
    whole = _MARK.fullmatch(text.strip())
    if whole and "{{" not in whole[1]:
        return _Reader(whole[1], moment).value()
    return _MARK.sub(lambda mark: _shown(_Reader(mark[1], moment).value()), text)


class _Reader:
    """Reads one expression from left to right, and reckons as it goes."""

    def __init__(self, source: str, moment: datetime) -> None:
        self._source, self._moment = source, moment
        if len(source) > _MOST:
            raise Wrong(f"an expression has at most {_MOST} characters, this one {len(source)}")
        self._tokens = self._split(source)
        self._next = self._depth = 0

    def value(self) -> date | str:
        found: date | str = self._sum()
        if self._took("|"):
            found = self._formatted(found)
        if self._token.kind != "end":
            raise self._wrong("expected + or -, | or the end")
        return found

    def _split(self, source: str) -> list[_Token]:
        tokens: list[_Token] = []
        at = _end_of_space(source, 0)
        while at < len(source):
            match = _TOKEN.match(source, at)
            if match is None:
                raise self._wrong(f"'{source[at]}' means nothing here", at)
            tokens.append(_Token(match.lastgroup or "", match[0], at))
            at = _end_of_space(source, match.end())
        return [*tokens, _Token("end", "", len(source))]

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _took(self, *texts: str) -> str:
        """The next token if it is one of these; else nothing, and it stays."""
        token = self._token
        if token.kind == "text" or token.text not in texts:
            return ""
        self._next += 1
        return token.text

    def _needed(self, text: str) -> None:
        if not self._took(text):
            raise self._wrong(f"expected {text}")

    def _sum(self) -> date:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong(f"more than {_DEEPEST} brackets in each other")
        found = self._atom()
        while sign := self._took("+", "-"):
            found = self._moved(found, sign)
        self._depth -= 1
        return found

    def _atom(self) -> date:
        today = self._moment.date()
        simple = {
            "now": self._moment, "fire.time": self._moment, "today": today, "fire.date": today,
            "yesterday": today - timedelta(days=1), "tomorrow": today + timedelta(days=1),
        }  # fmt: skip
        if name := self._took(*simple):
            return simple[name]
        if self._took("("):
            found = self._sum()
        elif name := self._took("start_of", "end_of"):
            found = self._edge(name)
        else:
            raise self._wrong(
                "expected today, yesterday, tomorrow, now, fire.date, fire.time, start_of(…) or end_of(…)"
            )
        self._needed(")")
        return found

    def _edge(self, which: str) -> date:
        self._needed("(")
        unit = self._unit(_UNITS)
        at = self._token.at
        found = self._sum() if self._took(",") else self._moment.date()
        return self._reckoned(lambda: (_start if which == "start_of" else _end)(found, unit), at)

    def _moved(self, found: date, sign: str) -> date:
        number, at = self._token, self._token.at
        if number.kind != "number":
            raise self._wrong("expected a number, as in today - 1 month")
        if len(number.text) > _MOST_DIGITS:
            raise self._wrong("the number is too large")
        self._next += 1
        clock = tuple(_CLOCK) if isinstance(found, datetime) else ()
        unit = self._unit((*_UNITS, *clock))
        count = int(sign + number.text)
        return self._reckoned(lambda: _shifted(found, count, unit), at)

    def _unit(self, units: tuple[str, ...]) -> str:
        name = self._took(*units, *(f"{unit}s" for unit in units))
        if not name:
            raise self._wrong(f"expected a unit: {', '.join(units)}")
        return name.removesuffix("s")

    def _formatted(self, found: date | str) -> str:
        token = self._token
        if token.kind != "text" or not isinstance(found, date):
            raise self._wrong("expected a format in quotes, as '%Y-%m'")
        self._next += 1

        def shown(code: re.Match[str]) -> str:
            if code[1] not in _CODES:
                known = " ".join(f"%{name}" for name in _CODES)
                raise self._wrong(f"the format has %{code[1]}; there are {known}", token.at)
            return _CODES[code[1]](found)

        return _CODE.sub(shown, token.text[1:-1])

    def _reckoned(self, reckon: Callable[[], date], at: int) -> date:
        try:
            return reckon()
        except (ValueError, OverflowError) as error:
            raise self._wrong(
                "there is no such day in the calendar (year 1 to 9999)", at
            ) from error

    def _wrong(self, sentence: str, at: int | None = None) -> Wrong:
        if at is None:
            token = self._token
            at = token.at
            sentence += f", not '{token.text}'" if token.text else ", not the end"
        return Wrong(f"'{{{{{_cut(self._source)}}}}}', character {at + 3}: {sentence}")


def _end_of_space(source: str, at: int) -> int:
    match = _SPACE.match(source, at)
    return match.end() if match else at


def _shifted(found: date, count: int, unit: str) -> date:
    """By the calendar: a month after 31 January is the last of February. Hours go by the clock."""
    if unit in _CLOCK and isinstance(found, datetime):
        moved = found.astimezone(UTC) + timedelta(seconds=count * _CLOCK[unit])
        return moved.astimezone(found.tzinfo)
    if unit in _DAYS:
        return _real(found + timedelta(days=count * _DAYS[unit]))
    year, month = divmod(found.year * 12 + found.month - 1 + count * _MONTHS[unit], 12)
    day = min(found.day, monthrange(year, month + 1)[1])
    return _real(found.replace(year=year, month=month + 1, day=day))


def _real(found: date) -> date:
    """A time that the clocks skip is the one they show instead."""
    if not isinstance(found, datetime):
        return found
    return found.astimezone(UTC).astimezone(found.tzinfo)


def _start(of: date, unit: str) -> date:
    day = of.date() if isinstance(of, datetime) else of
    if unit == "week":  # ISO 8601: from Monday
        return day - timedelta(days=day.weekday())
    month = {"year": 1, "quarter": day.month - (day.month - 1) % 3}.get(unit, day.month)
    return day if unit == "day" else day.replace(month=month, day=1)


def _end(of: date, unit: str) -> date:
    return _shifted(_start(of, unit), 1, unit) - timedelta(days=1)


def _shown(value: date | str) -> str:
    if isinstance(value, str):
        return value
    return value.isoformat("T", "seconds") if isinstance(value, datetime) else value.isoformat()


def _cut(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[:_MOST]}…"
