"""A report made here and now, by whoever calls: no job, no store, no press."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from prelo.app.tables import open_tables
from prelo.core.parameters import typed
from prelo.core.report import Catalog, Report
from prelo.core.request import Caller, Request, order
from prelo.core.table import Manifest
from prelo.ports import Sink, Source, Writer


def render(
    report: Report,
    request: Request,
    sources: Mapping[str, Source],
    writer: Writer,
    out: Sink,
    heard: Callable[[int, int], None],
) -> Manifest:
    """Write what `request` asks of `report` into `out`; `heard(rows, pages)` after each batch.

    The report's limits are the service's and do not bind here. Raises Invalid for wrong parameters, or the
    Failure that ended it.
    """
    ordered, _ = order(request, Catalog([report]), Caller())
    parameters = typed(report.parameters, ordered.parameters)
    layout = ordered.layout(report, datetime.now(UTC))
    with open_tables(report, parameters, sources, many=writer.many) as data:
        manifest = writer.write(data, out, layout, heard)
    return manifest.model_copy(
        update={
            "report": report.name,
            "report_version": report.version,
            "parameters": ordered.parameters,
        }
    )
