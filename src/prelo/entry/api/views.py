"""Jobs and reports as their callers see them."""

import hashlib
from datetime import UTC, datetime

from prelo.app.outlook import Estimate, Queue
from prelo.core.job import Job, State, job_id
from prelo.core.parameters import json_schema
from prelo.core.report import Catalog, Report
from prelo.core.request import Order
from prelo.core.view import (
    ArtifactView,
    CheckedView,
    EstimateView,
    JobView,
    ProgressView,
    QueueView,
    QuotaView,
    ReportView,
)


def job_view(job: Job, queue: Queue | None = None) -> JobView:
    manifest = job.manifest
    return JobView(
        id=job.id,
        report=job.report,
        version=job.version,
        format=job.format,
        parameters=job.parameters,
        generation=job.generation,
        state=job.state,
        phase=job.progress.phase if job.state is State.RUNNING else None,
        progress=_progress(job),
        attempt=job.attempt,
        run_at=_time(job.run_at) if job.state is State.QUEUED else None,
        queue=queue and QueueView(**queue.model_dump()),
        created_at=moment(job.created_at),
        started_at=_time(job.started_at),
        finished_at=_time(job.finished_at),
        cancel_requested_at=_time(job.cancel_requested_at),
        artifact=_artifact(job),
        completeness=manifest.completeness if manifest else None,
        warnings=manifest.warnings if manifest else (),
        error=job.error,
        links=_links(job),
    )


def _progress(job: Job) -> ProgressView:
    """A finished job's is what became of it: the last beat may be older than the last row."""
    if job.manifest is not None:
        rows, pages = job.manifest.rows, job.manifest.pages or 0
        return ProgressView(rows=rows, rows_expected=rows, pages=pages, percent=100.0)
    told = job.progress
    return ProgressView(
        rows=told.rows,
        rows_expected=told.rows_expected,
        pages=told.pages,
        percent=told.percent,
    )


def _artifact(job: Job) -> ArtifactView | None:
    file, manifest = job.artifact, job.manifest
    if file is None:
        return None
    return ArtifactView(
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        rows=manifest.rows if manifest else None,
        pages=manifest.pages if manifest else None,
        expires_at=_time(job.expires_at),
    )


def _links(job: Job) -> dict[str, str]:
    """What can be done now; an action is a POST, `forget` a DELETE, the others a GET."""
    here = path(job)
    links = {"self": here, "events": f"{here}/events"}
    if not job.state.ended:
        return links | {"cancel": f"{here}:cancel"}
    links["forget"] = here
    if job.state is State.SUCCEEDED:
        links |= {"file": f"{here}/file", "refresh": f"{here}:refresh"}
    elif not job.superseded:
        links["retry"] = f"{here}:retry"
    if job.manifest is not None:
        links["manifest"] = f"{here}/manifest"
    return links


def path(job: Job) -> str:
    return f"/v1/jobs/{job.id}"


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else moment(milliseconds)


def report_view(report: Report, catalog: Catalog) -> ReportView:
    here = f"/v1/reports/{report.name}"
    return ReportView(
        name=report.name,
        version=report.version,
        versions=catalog.versions(report.name),
        title=report.title,
        description=report.description,
        parameters=json_schema(report.parameters),
        formats=report.formats,
        limits=report.limits,
        links={"self": f"{here}/versions/{report.version}", "newest": here},
    )


def checked_view(order: Order, estimate: Estimate, quota: dict[str, QuotaView]) -> CheckedView:
    same = {name: getattr(order, name) for name in CheckedView.model_fields if hasattr(order, name)}
    return CheckedView(
        id=job_id(order.tenant, order.fingerprint, 0),
        estimate=EstimateView(
            rows=estimate.rows, seconds=estimate.seconds, bytes=estimate.size, jobs=estimate.jobs
        ),
        quota=quota,
        **same,
    )


def etag(body: bytes) -> str:
    """A strong validator: equal bytes, equal tag."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
