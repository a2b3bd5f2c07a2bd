"""Reports on request: very fast XLSX, PDF and CSV writers, and an asynchronous report service.

import prelo
prelo.write_xlsx(frame, "sales.xlsx", title="Sales", columns={"amount": "money:EUR"})

Every name below is imported on first use, so that `import prelo` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prelo.client import AsyncClient, Client
    from prelo.core.definition import report
    from prelo.core.errors import (
        ColumnMissing,
        Conflict,
        Damaged,
        Failure,
        Forbidden,
        Gone,
        Invalid,
        JobFailed,
        KeyReused,
        Misconfigured,
        NotFinished,
        NotFound,
        PreloError,
        Refused,
        SourceInvalid,
        TooLarge,
        Unauthenticated,
        Unavailable,
    )
    from prelo.core.report import Report
    from prelo.core.table import Column, Kind, Layout, Manifest, Overflow
    from prelo.core.workbook import Chart, Highlight, Sparkline, Summary
    from prelo.formats.door import write_csv, write_pdf, write_xlsx

    __version__: str

__all__ = [
    "AsyncClient",
    "Chart",
    "Client",
    "Column",
    "ColumnMissing",
    "Conflict",
    "Damaged",
    "Failure",
    "Forbidden",
    "Gone",
    "Highlight",
    "Invalid",
    "JobFailed",
    "KeyReused",
    "Kind",
    "Layout",
    "Manifest",
    "Misconfigured",
    "NotFinished",
    "NotFound",
    "Overflow",
    "PreloError",
    "Refused",
    "Report",
    "SourceInvalid",
    "Sparkline",
    "Summary",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "__version__",
    "report",
    "write_csv",
    "write_pdf",
    "write_xlsx",
]

_PLACES = {
    "AsyncClient": "client",
    "Client": "client",
    "report": "core.definition",
    "Report": "core.report",
    **dict.fromkeys(("Column", "Kind", "Layout", "Manifest", "Overflow"), "core.table"),
    **dict.fromkeys(("Chart", "Highlight", "Sparkline", "Summary"), "core.workbook"),
    **dict.fromkeys(("write_csv", "write_pdf", "write_xlsx"), "formats.door"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("prelo")
    if name not in __all__:
        raise AttributeError(f"module 'prelo' has no attribute '{name}'")
    value = getattr(import_module(f"prelo.{_PLACES.get(name, 'core.errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
