"""Where links and bookmarks of a PDF lead: the page's new number and the height on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pikepdf

_MOST_MARKS = 10_000
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Goal:
    """A height, in 1/100 pt, on the page that will have this number."""

    page: int
    y: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A bookmark `level` steps deep, from 0."""

    title: str
    level: int
    goal: Goal


class Goals:
    """`pages` has the new number of each page by its old one."""

    def __init__(self, source: pikepdf.Pdf, pages: Mapping[tuple[int, int], int]) -> None:
        self._root: Any = source.Root
        self._pages = pages
        self._names: dict[str, Any] | None = None

    def of(self, thing: Any) -> Goal | None:
        """Where a link or a bookmark leads; None if to no page of this PDF."""
        action = thing.get("/A", {})
        place = thing.get("/Dest")
        if place is None and action.get("/S") == "/GoTo":
            place = action.get("/D")
        return self._goal(place)

    def marks(self) -> Iterator[Mark]:
        outlines = self._root.get("/Outlines", {})
        seen: set[tuple[int, int]] = set()
        yield from self._marks(outlines.get("/First"), 0, seen)

    def _marks(self, item: Any, level: int, seen: set[tuple[int, int]]) -> Iterator[Mark]:
        while item is not None and item.objgen not in seen and len(seen) < _MOST_MARKS:
            seen.add(item.objgen)
            goal = self.of(item)
            if goal is not None:
                yield Mark(str(item.get("/Title", "")), level, goal)
            if level < _DEEPEST:
                yield from self._marks(item.get("/First"), level + (goal is not None), seen)
            item = item.get("/Next")

    def _goal(self, place: Any) -> Goal | None:
        if isinstance(place, pikepdf.String | pikepdf.Name | str):
            place = self._named().get(str(place))
        if isinstance(place, pikepdf.Dictionary):
            place = place.get("/D")
        if not isinstance(place, pikepdf.Array) or not len(place):
            return None
        first: Any = place[0]
        number = self._pages.get(first.objgen) if isinstance(first, pikepdf.Object) else None
        return None if number is None else Goal(number, _height(list(place), first))

    def _named(self) -> dict[str, Any]:
        if self._names is None:
            self._names = {}
            old: Any = self._root.get("/Dests", {})
            self._names.update(old.items())
            tree = self._root.get("/Names", {}).get("/Dests")
            if tree is not None:
                self._names.update(pikepdf.NameTree(tree).items())
        return self._names


def _height(place: list[Any], page: Any) -> int:
    """Of /XYZ left top zoom and /FitH top; the top of the page for what says no height."""
    at = {"/XYZ": 3, "/FitH": 2, "/FitBH": 2}.get(str(place[1]), 0) if len(place) > 1 else 0
    y = place[at] if 0 < at < len(place) else None
    if y is None:
        box = page.get("/MediaBox")
        y = box[3] if box is not None else 0
    return round(float(y) * 100)
