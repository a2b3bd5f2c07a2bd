"""What callers see of a job, a report and a page of jobs: the JSON that the doors answer and clients read.

A field that a newer server adds is ignored by an older client.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from prelo.core.dataset import DatasetColumn, Dialect, Form
from prelo.core.errors import Problem
from prelo.core.job import State
from prelo.core.report import Format, Limits
from prelo.core.table import Completeness, ValueWarning


def rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(rfc3339, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ProgressView(View):
    """How far the attempt is. `percent` only where the number of rows is known beforehand."""

    rows: int
    rows_expected: int | None = None
    pages: int = 0
    percent: float | None = None


class ArtifactView(View):
    """The finished file: `size` in bytes, `rows` without header and totals."""

    name: str
    media_type: str
    size: int
    sha256: str
    rows: int | None = None
    pages: int | None = None
    expires_at: Time | None = None


class QueueView(View):
    """Where a waiting job stands in its lane: `position` 1 is the next one; none: too far to count.
    `eta_seconds`: until its file is there, as an estimate by what the report took lately.
    """

    position: int | None = None
    eta_seconds: float | None = None


class JobView(View):
    """A job. `phase` says what a running one is doing; `run_at` when a queued one may begin; `queue`, where
    one waiting job is shown alone, where it stands.

    `error` is why it failed, or why its last attempt did. `links` are paths on the same server: what can
    be done with the job as it is now.
    """

    id: str
    report: str
    version: int
    format: str
    parameters: dict[str, Any]
    generation: int
    state: State
    phase: str | None = None
    progress: ProgressView
    attempt: int
    run_at: Time | None = None
    queue: QueueView | None = None
    created_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    cancel_requested_at: Time | None = None
    artifact: ArtifactView | None = None
    completeness: Completeness | None = None
    warnings: tuple[ValueWarning, ...] = ()
    error: Problem | None = None
    links: dict[str, str] = {}


class JobPage(View):
    """Jobs, newest first. `next` is the cursor of the page after this one, if there is one."""

    jobs: tuple[JobView, ...]
    next: str | None = None


class DatasetView(View):
    """Rows that were uploaded: `size` in bytes; `dialect` is how a CSV file was read."""

    id: str
    form: Form
    size: int
    sha256: str
    rows: int
    columns: tuple[DatasetColumn, ...]
    dialect: Dialect | None = None
    created_at: Time
    expires_at: Time
    links: dict[str, str] = {}


class DatasetPage(View):
    """Datasets, newest first; `next` as of jobs."""

    datasets: tuple[DatasetView, ...]
    next: str | None = None


class ReportView(View):
    """A report of the catalog. `parameters` is a JSON Schema (2020-12). Its source is nobody's business."""

    name: str
    version: int
    versions: tuple[int, ...]
    title: str
    description: str
    parameters: dict[str, Any]
    formats: tuple[Format, ...]
    limits: Limits
    links: dict[str, str] = {}


class ReportPage(View):
    """The catalog, as far as one may ask for it: each report in its newest version."""

    reports: tuple[ReportView, ...]


class EstimateView(View):
    """What it would take: `rows` as the source counts them, if it can within half a second; `seconds` and
    `bytes` as the median of the last `jobs` finished ones of your tenant's.
    """

    rows: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    jobs: int = 0


class QuotaView(View):
    """What is `left` of `limit`."""

    limit: int
    left: int


class CheckedView(View):
    """A request that would be accepted: complete, with the `id` that its first job has or would have.
    `quota`: what it would be counted against: `requests` of this minute, `queued` jobs.
    """

    id: str
    fingerprint: str
    report: str
    version: int
    format: Format
    parameters: dict[str, Any]
    locale: str
    timezone: str
    overflow: str
    estimate: EstimateView = EstimateView()
    quota: dict[str, QuotaView] = {}


class StatusView(View):
    """`depth`: queued and due, or running, by lane. `health`: anything but 0 is an alert."""

    version: str
    roles: tuple[str, ...]
    depth: dict[str, int]
    health: dict[str, int]
