"""Schemathesis asks whatever the description of the API allows, and what it does not, and reads each answer.

Loading it takes a second: import this where it is needed.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import hooks
from schemathesis.engine import events, from_schema

from tests.manual.problem_types import types_of

# A request is refused for more reasons than a JSON Schema can say (a cron that never fires, a report that
# is not there), and numbers may come as texts: what is said about that is not counted.
_OFF = ("positive_data_acceptance", "negative_data_rejection")
Known = dict[str, list[str]]


@dataclass
class Outcome:
    """`cases`: requests that were answered; `said`: how often by which status; `wrong`: what was amiss."""

    cases: int = 0
    said: Counter[str] = field(default_factory=Counter[str])
    phases: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])


def fuzz(url: str, known: Known, examples: int, *, thorough: bool, seed: int = 1) -> Outcome:
    """`known`: ids that there are, by the names that paths have for them; they are used in half of the cases.
    The first of each is there to stay.
    `examples`: how many requests of each route, and chains of requests. `thorough`: besides, every edge.
    """
    config = schemathesis.Config.from_dict(
        {
            "seed": seed,
            "cache": {"enabled": False},
            "request-timeout": 30,
            "continue-on-failure": True,
            "generation": {"max-examples": examples, "database": "none"},
            "phases": {"coverage": {"enabled": thorough}},
            # Reading one takes a process of its own; the suite of datasets has files of every kind.
            "operations": [
                {
                    "include-name": "POST /v1/datasets",
                    "generation": {"max-examples": 20 if thorough else 1},
                }
            ],
            "checks": {name: {"enabled": False} for name in _OFF},
        }
    )
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
    sender = _Sender(known, seed)

    @schemathesis.hook
    def before_call(context: Any, case: Any, kwargs: Any) -> None:
        sender.change(case)

    outcome = Outcome()
    try:
        for event in from_schema(schema).execute():
            _note(event, outcome)
    finally:
        hooks.unregister(before_call)
    return outcome


class _Sender:
    """Changes some requests before they are sent."""

    def __init__(self, known: Known, seed: int) -> None:
        self._known, self._chance = known, random.Random(seed)

    def change(self, case: Any) -> None:
        chained = "stateful" in str(case.meta.phase.name).lower() if case.meta else False
        for name in self._known.keys() & (case.path_parameters or {}).keys():
            if case.path.endswith("/events"):  # of a job that is under way they never end
                case.path_parameters[name] = self._known[name][0]
            elif case.method.upper() == "DELETE":  # what is known stays
                if (value := str(case.path_parameters[name])) in self._known[name]:
                    case.path_parameters[name] = value[:-1] + ("1" if value[-1] == "0" else "0")
            elif not chained and self._chance.random() < 0.5:  # links know best
                case.path_parameters[name] = self._chance.choice(self._known[name])
        for name, value in list((case.headers or {}).items()):
            if name.lower() == "prefer":
                case.headers[name] = re.sub(
                    r"\d+", "0", str(value)
                )  # nobody is there to be waited for


@schemathesis.check
def the_answer_is_named(context: Any, response: Any, case: Any) -> None:
    """By its status, and a problem by its type, in the description of the route and in docs/api.md."""
    operation = case.operation
    told = operation.schema.raw_schema["paths"][operation.path][operation.method.lower()]
    status = str(response.status_code)
    if response.status_code == 405:  # another method, or another address once it is written out
        assert response.json()["type"] == "method-not-allowed"
        return
    assert status in told["responses"], f"{status} is not among {sorted(told['responses'])}"
    if response.status_code >= 400:
        problem = response.json()
        assert problem["status"] == response.status_code, problem
        types = types_of(f"{operation.method.upper()} {operation.path}", told, status)
        assert problem["type"] in types, (
            f"{problem['type']} is not among {types}: {problem['detail']}"
        )


def _note(event: Any, outcome: Outcome) -> None:
    if isinstance(event, events.ScenarioFinished):
        found = event.recorder
        outcome.cases += len(found.interactions)
        outcome.phases[event.phase.value] += len(found.interactions)
        for one in found.interactions.values():
            outcome.said[str(one.response.status_code if one.response else "none")] += 1
        for checks in found.checks.values():
            for check in checks:
                if check.failure_info is not None:
                    info = check.failure_info
                    said = f"{info.failure.title}: {info.failure.message}\n{info.code_sample}"
                    outcome.wrong.append(f"{found.label} {check.name}: {said}")
    elif isinstance(event, events.NonFatalError):
        outcome.wrong.append(f"{event.label}: {event.value!r}")
    elif isinstance(event, events.FatalError):
        raise event.exception
