"""Prelo over HTTP: Client, and AsyncClient which is the same with await.

What is asked and how answers are read stands in steps.py; the two clients only carry it out.
"""

from prelo.client.awaiting import AsyncClient, AsyncReportFile
from prelo.client.blocking import Client, ReportFile
from prelo.client.events import JobEvent
from prelo.core.view import JobView, ReportView

__all__ = [
    "AsyncClient",
    "AsyncReportFile",
    "Client",
    "JobEvent",
    "JobView",
    "ReportFile",
    "ReportView",
]
