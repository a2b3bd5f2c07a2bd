"""The data of a report: one table, or one for each sheet of its workbook."""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from prelo.core.report import Report
from prelo.ports import Source


@contextmanager
def open_tables(
    report: Report, parameters: Mapping[str, Any], sources: Mapping[str, Source], *, many: bool
) -> Generator[object]:
    """What a writer is handed: the report's own table, or with `many` and further sheets a dict of all."""
    with ExitStack() as stack:

        def opened(one: Report) -> object:
            source = sources[one.source.technology]
            return stack.enter_context(source.open(one, parameters))

        own = opened(report)
        if not (many and report.sheets):
            yield own
            return
        yield {"": own} | {name: opened(report.of_sheet(name)) for name in report.sheets}
