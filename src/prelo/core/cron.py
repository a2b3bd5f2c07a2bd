"""Cron patterns on the clocks of a place: which moments a pattern names, through every change of the clocks.

The rule is that of Debian's cron (cron(8), "Notes on daylight saving time"), for changes of any length:

- A pattern for times of day (neither minute nor hour begins with `*`) fires once for each of its times. What
  falls into an hour that is skipped fires at the first moment after it; of one that comes twice, the first
  counts.
- A pattern that repeats within the day (`*/15 * * * *`, `0 * * * *`) follows the clock on the wall: nothing
  in an hour that is skipped, and all of it again in one that comes twice.

cronsim reads the patterns. It is only asked about plain wall clocks: its own way through changes of the
clocks goes by whole hours and days, which fails where half an hour, a midnight or a day is skipped.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_MOST = 200  # characters of a pattern
_FIELDS = 5
_SECOND, _MINUTE = timedelta(seconds=1), timedelta(minutes=1)
_AHEAD = timedelta(hours=25)  # no clock was ever set back further than a day
_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  a wall clock has no zone
_NAMES = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_ALLOWED = {
    "Bad minute": "the minute must be 0 to 59",
    "Bad hour": "the hour must be 0 to 23",
    "Bad day-of-month": "the day must be 1 to 31, or L for the last one, and one that a month of it has",
    "Bad month": "the month must be 1 to 12, or JAN to DEC",
    "Bad day-of-week": "the day of the week must be 0 to 7 (0 and 7 are Sunday), or SUN to SAT",
}


def pattern(cron: str) -> str:
    """The five fields. Raises ValueError, with a sentence, for what is no pattern or never fires."""
    told = " ".join(cron.split())
    fields = _NAMES.get(told.lower(), told).split()
    if len(cron) > _MOST:
        raise ValueError(f"a pattern has at most {_MOST} characters")
    if len(fields) != _FIELDS:
        more = "; a schedule fires once a minute at most" if len(fields) > _FIELDS else ""
        count = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
        raise ValueError(
            f"'{told}' has {count}; a pattern has five: minute, hour, day, month, day of the "
            f"week, as 0 9 * * 1-5{more}"
        )
    # cronsim stumbles over these two together, and nothing is meant by them.
    if re.search(r"#[^,]*/", fields[-1]):
        raise ValueError(f"'{told}' cannot be read: a day of the week has either # or /")
    # cronsim takes 5-5/2, which is 5, for 5/2, which is 5, 7, 9 and so on.
    made = re.sub(r"\b(\w+)-\1/[0-9]+", r"\1", " ".join(fields))
    try:
        first = next(CronSim(made, _EPOCH), None)
    except CronSimError as error:
        raise ValueError(f"'{told}' cannot be read: {_ALLOWED.get(str(error), error)}") from error
    if first is None:
        raise ValueError(f"'{told}' never fires: no day is like that")
    return made


def zone(name: str) -> ZoneInfo:
    """A zone of the IANA database. Raises ValueError for a name that is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: `America` is a folder
        raise ValueError(
            f"there is no time zone '{name}'; use a name such as Europe/Lisbon or UTC"
        ) from error


def moments(cron: str, place: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """The moments of a valid pattern after this one, in UTC, the next one first."""
    fields = pattern(cron)
    # Where the clocks are about to be set back, what they show now they have shown already, and will again.
    back = max(_offset(after, place) - _offset(after + _AHEAD, place), timedelta())
    start = after.astimezone(place).replace(tzinfo=None, fold=0) - back - _MINUTE
    walls = CronSim(fields, start)
    repeats = any(field.startswith("*") for field in fields.split()[:2])
    last = after
    for moment in (_each if repeats else _once)(walls, place):
        if moment > last:
            yield moment
            last = moment


def _once(walls: Iterator[datetime], place: ZoneInfo) -> Iterator[datetime]:
    """The first moment at which the clocks show each of these, or have gone past it."""
    for wall in walls:
        before, after = _at(wall, place)
        yield before if before <= after else _jump(after, before, place)


def _each(walls: Iterator[datetime], place: ZoneInfo) -> Iterator[datetime]:
    """All moments at which the clocks show one of these."""
    held: list[datetime] = []  # second moments, until the first ones of what follows have passed
    for wall in walls:
        first, second = _at(wall, place)
        if first > second:
            continue
        while held and held[0] < first:
            yield heappop(held)
        if first == second and not held:
            yield first
            continue
        for moment in {first, second}:
            heappush(held, moment)
    yield from sorted(held)


def _at(wall: datetime, place: ZoneInfo) -> tuple[datetime, datetime]:
    """A time on the wall by the offsets before and after a change of the clocks; they are the same nearly
    always. The first is the earlier one where the time comes twice, and the later one where it never comes.
    """
    here = wall.replace(tzinfo=place)
    return here.astimezone(UTC), here.replace(fold=1).astimezone(UTC)


def _jump(low: datetime, high: datetime, place: ZoneInfo) -> datetime:
    """The moment, after `low` and not after `high`, at which the clocks are set forward."""
    before = _offset(low, place)
    while high - low > _SECOND:
        middle = low + (high - low) // (2 * _SECOND) * _SECOND
        if _offset(middle, place) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(moment: datetime, place: ZoneInfo) -> timedelta:
    return moment.astimezone(place).utcoffset() or timedelta()
