"""The data of a report: one table, or one for each sheet of its workbook."""

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from prelo.core.errors import Failure, SourceUnavailable
from prelo.core.report import Report
from prelo.ports import Source

Sources = Mapping[str, Source]


@contextmanager
def open_tables(
    report: Report, parameters: Mapping[str, Any], sources: Sources, *, many: bool
) -> Generator[object]:
    """What a writer is handed: the report's own table, or with `many` and further sheets a dict of all.

    Each source has a snapshot of its own. Raises what they raise, with the name of the sheet.
    """
    with ExitStack() as stack:
        tables: dict[str, object] = {}
        for name, one in _tables(report, many=many):
            with _named(name, one):
                opening = sources[one.source.technology].open(one, parameters)
                tables[name] = stack.enter_context(opening)
        yield tables if len(tables) > 1 else tables[""]


def count_rows(
    report: Report, parameters: Mapping[str, Any], sources: Sources, *, many: bool
) -> int | None:
    """How many rows all these tables will bring, roughly; None where one of them cannot tell."""
    total = 0
    for _, one in _tables(report, many=many):
        rows = sources[one.source.technology].count(one, parameters)
        if rows is None:
            return None
        total += rows
    return total


def check_tables(report: Report, sources: Sources) -> None:
    """See whether every source can be reached and understands the report; raises as opening them does."""
    for name, one in _tables(report, many=True):
        with _named(name, one):
            sources[one.source.technology].check(one)


def _tables(report: Report, *, many: bool) -> Iterator[tuple[str, Report]]:
    """The report itself under '', and with `many` a report for each of its further sheets."""
    yield "", report
    for name in report.sheets if many else ():
        yield name, report.of_sheet(name)


@contextmanager
def _named(sheet: str, one: Report) -> Generator[None]:
    try:
        yield
    except Failure as error:
        said = f"the sheet '{sheet}': {error.detail}" if sheet else error.detail
        named = type(error)(said, error.errors)
        if isinstance(named, SourceUnavailable):
            named.source = one.source.name
        raise named from error
