"""The sections of docs/errors.md: every type of problem that callers may meet, from where it is defined."""

from collections.abc import Iterator

from prelo.core import errors
from prelo.core.errors import PreloError, Problem
from prelo.entry.api import datasets, graphql, problems, sockets
from prelo.entry.api.graphql import cost, refusals
from prelo.entry.api.problems import INTERNAL, status_of
from tests.manual.advice import ADVICE

HOMES = (errors, problems, datasets, graphql, cost, refusals, sockets)
# Of calls, not of answers: the client's, and what is said when a process starts.
OURS = {errors.Misconfigured, errors.JobFailed, errors.NotFinished, errors.Damaged}
_FAULTS = {
    graphql.NotInstalled.type: "The operator's fault",
    errors.Quarantined.type: "The report's fault",
}


def known() -> dict[str, type[PreloError]]:
    """Every error that has a type of its own and reaches somebody, by its type."""
    found: dict[str, type[PreloError]] = {}
    for home in HOMES:
        for one in vars(home).values():
            if isinstance(one, type) and issubclass(one, PreloError) and "type" in vars(one):
                found[one.type] = one
    del found[PreloError.type]
    return found


def catalogue() -> str:
    answers = [one for one in known().values() if _answered(one)]
    answers.sort(key=lambda one: (_status(one), one.type))
    failures = errors.failures()
    parts = ["## Answers", _table(answers), *(_section(one) for one in answers), _internal()]
    parts += [
        "## Why a job failed",
        _of_jobs(),
        *(_section(one) for _, one in sorted(failures.items())),
    ]
    parts += ["## Of commands and the Python client", *(_section(one) for one in _ours())]
    return "\n\n".join(parts) + "\n"


def _answered(error: type[PreloError]) -> bool:
    return error not in OURS and not issubclass(error, errors.Failure)


def _ours() -> list[type[PreloError]]:
    return sorted(OURS, key=lambda one: one.type)


def _status(error: type[PreloError]) -> int:
    """An error's status is its class's, whatever it says."""
    return status_of(error.__new__(error))


def _table(answers: list[type[PreloError]]) -> str:
    rows = [f"| {_status(one)} | [{one.type}](#{one.type}) | {one.title} |" for one in answers]
    rows.append(f"| 500 | [{INTERNAL.type}](#{INTERNAL.type}) | {INTERNAL.title} |")
    return "\n".join(["| status | type | title |", "| ---: | --- | --- |", *rows])


def _of_jobs() -> str:
    return (
        "The `error` of a job, and what its attempts failed by. Of those that pass, Prelo tries the job "
        "again by itself, with pauses that grow; when its attempts are spent it is `dead`. Of the others "
        "it has `failed` at once."
    )


def _section(error: type[PreloError]) -> str:
    return "\n\n".join(_told(error.type, error.title, _whose(error), retryable=error.retryable))


def _internal() -> str:
    told: Problem = INTERNAL
    return "\n\n".join(_told(told.type, told.title, "500. Prelo's fault", retryable=told.retryable))


def _told(type_: str, title: str, whose: str, *, retryable: bool) -> Iterator[str]:
    when, what = ADVICE[type_]
    again = "it passes, and asking again helps" if retryable else "the same would go wrong again"
    yield f"### {type_}"
    yield f"*{title}.* {whose}; {again}."
    yield f"{when} **What to do:** {what}"


def _whose(error: type[PreloError]) -> str:
    if issubclass(error, errors.Transient):
        return "Nobody's fault, or the operator's"
    if issubclass(error, errors.Permanent):
        return "The fault of the report, of its data or of its parameters"
    if error is errors.Misconfigured:
        return "The operator's fault"
    if error in OURS:
        return "Raised by the client"
    ours = issubclass(error, errors.Unavailable) and _status(error) != 429
    fault = _FAULTS.get(
        error.type, "Nobody's fault, or the operator's" if ours else "The caller's fault"
    )
    return f"{_status(error)}. {fault}"
