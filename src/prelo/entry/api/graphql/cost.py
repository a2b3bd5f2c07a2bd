"""What a document asks for, before anything is done for it: a small text can ask for very much."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
)

from prelo.entry.api.problems import HttpRefused

MAX_TOKENS = 1_000
MAX_DEPTH = 20  # as deep as tools ask for the schema
MAX_ALIASES = 30
MAX_SPREADS = 40
MAX_SELECTIONS = 400
MAX_COST = 20_000
MAX_FIRST = 200
FIRST = 50

# How many there are likely to be of what is below; of a page, if `first` does not say it.
_MANY = {
    "reports": 50,
    "types": 30,
    "fields": 4,
    "inputFields": 4,
    "enumValues": 3,
    "directives": 6,
    "checkSchedule": 5,
    "webhooks": 100,
    "notices": 10,
    "tries": 3,
    "columns": 20,
    "history": 10,
    "replayDead": 10,
    "dropDead": 10,
}
_PAGES = {
    "jobs": FIRST, "schedules": FIRST, "firings": FIRST, "upcoming": 5, "deliveries": FIRST,
    "datasets": FIRST, "deadJobs": FIRST, "deadAudit": FIRST, "audit": FIRST,
}  # fmt: skip
# What is more than a value that is at hand anyway, in fields: a look into the store, several, a change.
_LOOKS = {
    "job": 100, "jobs": 100, "checkJob": 100, "jobChanged": 100, "status": 500, "schedule": 100,
    "schedules": 100, "checkSchedule": 100, "upcoming": 100, "firings": 100, "webhook": 100, "webhooks": 100,
    "deliveries": 100, "notices": 100, "dataset": 100, "datasets": 100,
    "deadJob": 100, "deadJobs": 100, "deadAudit": 100, "audit": 100,
}  # fmt: skip
_CHANGES = {
    "createJob": 500, "cancelJob": 500, "retryJob": 500, "refreshJob": 500, "forgetJob": 500,
    "createSchedule": 500, "changeSchedule": 500, "pauseSchedule": 500, "resumeSchedule": 500,
    "runSchedule": 500, "deleteSchedule": 500, "createWebhook": 500, "changeWebhook": 500,
    "rotateWebhook": 500, "enableWebhook": 500, "testWebhook": 500, "deleteWebhook": 500,
    "replayDelivery": 500, "replayDeliveries": 500, "deleteDataset": 500,
    # They work for some seconds: one is all that a question may have.
    "replayDead": 10_000, "dropDead": 10_000,
}  # fmt: skip
# And of each that is below: times are reckoned by the calendar, five of each schedule.
_EACH = {"schedules": 50, "upcoming": 15, "checkSchedule": 15}


class TooCostly(HttpRefused):
    type = "graphql-too-costly"
    title = "The query asks for too much"


class _Weight(NamedTuple):
    """Of selections: how deep they go, and how many fields their answer has."""

    depth: int = 0
    cost: int = 0


@dataclass
class _Walk:
    """Each selection of the text is seen once, however often its fragment is spread."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    known: dict[str, _Weight] = field(default_factory=dict[str, _Weight])
    inside: set[str] = field(default_factory=set[str])
    selections: int = 0
    aliases: int = 0
    spreads: int = 0
    waits: int = 0

    def of(self, chosen: SelectionSetNode | None, level: int) -> _Weight:
        if chosen is None:
            return _Weight()
        _not_too_deep(level)
        weights = [self._one(one, level) for one in chosen.selections]
        depth = max((weight.depth for weight in weights), default=0)
        return _Weight(depth, sum(weight.cost for weight in weights))

    def _one(self, selection: SelectionNode, level: int) -> _Weight:
        self.selections += 1
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value, level)
        if isinstance(selection, InlineFragmentNode):
            return self.of(selection.selection_set, level + 1)
        assert isinstance(selection, FieldNode)  # noqa: S101  there is no fourth kind
        return self._field(selection, level)

    def _field(self, one: FieldNode, level: int) -> _Weight:
        self.aliases += one.alias is not None
        self.waits += any(argument.name.value == "wait" for argument in one.arguments or ())
        inner = self.of(one.selection_set, level + 1)
        if one.selection_set is None:  # a value that is at hand, whatever else has this name
            return _Weight(1, 1 + _CHANGES.get(one.name.value, 0))
        name = one.name.value
        many = self._first(one, _PAGES[name]) if name in _PAGES else _MANY.get(name, 1)
        work = _LOOKS.get(name, 0) + _CHANGES.get(name, 0)
        return _Weight(inner.depth + 1, 1 + work + many * (_EACH.get(name, 0) + inner.cost))

    def _fragment(self, name: str, level: int) -> _Weight:
        self.spreads += 1
        if name in self.inside:
            raise TooCostly(f"the fragment {name[:100]} contains itself, and so has no end")
        if name not in self.known and name in self.fragments:
            self.inside.add(name)
            self.known[name] = self.of(self.fragments[name].selection_set, level + 1)
            self.inside.discard(name)
        weight = self.known.get(name, _Weight())
        _not_too_deep(level + weight.depth)
        return weight

    def _first(self, page: FieldNode, usual: int) -> int:
        """How many are asked for; what is no number is refused later, with a better word."""
        given = next((a.value for a in page.arguments or () if a.name.value == "first"), None)
        value: Any = usual if given is None else MAX_FIRST
        if isinstance(given, IntValueNode):
            value = int(given.value[:9])
        elif isinstance(given, VariableNode):
            value = self.variables.get(given.name.value, MAX_FIRST)
        known = isinstance(value, int) and 0 < value < MAX_FIRST
        return value if known else MAX_FIRST


def check(document: DocumentNode, variables: Mapping[str, Any]) -> int:
    """The cost. Raises TooCostly, in a sentence that says what to ask for instead."""
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    walk = _Walk(fragments, variables)
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    weights = [walk.of(one.selection_set, 1) for one in operations]
    for name in fragments.keys() - walk.known.keys():
        walk.of(fragments[name].selection_set, 1)
    _counted(walk)
    worst = max(weights, default=_Weight(), key=lambda weight: weight.cost)
    if worst.cost > MAX_COST:
        raise TooCostly(
            f"the query costs {worst.cost:,}, and at most {MAX_COST:,} is answered: each field counts once "
            "for each job, or whatever it is asked of; ask for fewer fields, or for fewer by `first`"
        )
    return worst.cost


def _not_too_deep(levels: int) -> None:
    if levels > MAX_DEPTH:
        raise TooCostly(
            f"the query goes deeper than {MAX_DEPTH} levels; ask for what is below by another one"
        )


def _counted(walk: _Walk) -> None:
    for what, count, most in (
        ("fields and fragments", walk.selections, MAX_SELECTIONS),
        ("aliases", walk.aliases, MAX_ALIASES),
        ("uses of fragments", walk.spreads, MAX_SPREADS),
        ("fields that wait", walk.waits, 1),
    ):
        if count > most:
            raise TooCostly(f"the query has {count} {what}, and may have {most}; ask in several")
