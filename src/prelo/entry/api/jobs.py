"""The routes of jobs: ask, look, list, cancel, retry, refresh, forget."""

import time
from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import AwareDatetime, Field

from prelo.app import intake
from prelo.app.outlook import Queue, queue_of
from prelo.app.rates import Quota
from prelo.core import request as core
from prelo.core.job import Job, State
from prelo.core.model import Model
from prelo.core.request import Caller
from prelo.core.view import CheckedView, JobPage, QuotaView, View
from prelo.entry.api.openapi import CREATE, IF_NONE_MATCH, PREFER, describe, get
from prelo.entry.api.paging import cut, link, place_of, placed
from prelo.entry.api.reading import (
    Here,
    House,
    Prefer,
    Who,
    knows,
    read_body,
    read_key,
    read_prefer,
)
from prelo.entry.api.views import checked_view, etag, job_view, path
from prelo.ports import JobFilter

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_MAX_RETRY_AFTER = 30
_PATIENCE = 4  # a job of so many seconds is worth a look every second


@router.post("", **CREATE)
async def create(request: Request, here: Here, who: Who, validate_only: bool = False) -> Response:  # noqa: FBT001, FBT002
    """Ask for a report: by its name in the catalog, or with columns and rows of your own.

    An equal request is answered by the job that is there: joined while it is under way, reused while its
    file is young enough (`max_age`). `Prefer: wait=N` (at most 60) waits for the file.
    `Idempotency-Key` makes repeating safe even across `max_age`; a key is kept for a day.
    """
    asked = await read_body(request, here.config.max_body)
    key = read_key(request, asked.digest)
    if validate_only:
        return shown(await checked(asked.request, request.state.quota, here, who))
    submitted = await intake.submit(
        asked.request, who, here.ports, key=key, max_queued=here.config.max_queued
    )
    here.note(who, "ask", submitted.job, fresh=submitted.fresh)
    headers = {"Idempotency-Replayed": "true"} if submitted.replayed else {}
    return await _placed(submitted.job, request, here, who, headers)


async def checked(
    asked: core.Request, requests: Quota | None, here: House, who: Caller
) -> CheckedView:
    """What would be asked for, what it would take, and what it would be counted against."""
    order, report = await intake.check(asked, who, here.ports)
    estimate = await here.estimates.of(order, report)
    quota: dict[str, QuotaView] = {}
    if requests is not None:
        quota["requests"] = QuotaView(limit=requests.limit, left=requests.left)
    if (most := here.config.max_queued_per_tenant) is not None:
        left = max(most - await here.ports.store.waiting(who.tenant), 0)
        quota["queued"] = QuotaView(limit=most, left=left)
    return checked_view(order, estimate, quota)


async def _placed(
    job: Job, request: Request, here: Here, who: Who, headers: dict[str, str] | None = None
) -> Response:
    """201 with a file, 202 under way, 200 for a job that ended otherwise."""
    prefer = read_prefer(request)
    if prefer.wait and not job.state.ended:
        job = await intake.wait(job.id, who, here.ports, prefer.wait)
    status = 201 if job.state is State.SUCCEEDED else 200 if job.state.ended else 202
    return _job(job, status, prefer, {"Location": path(job), **(headers or {})})


@get(
    router,
    "/{job_id:uuid}",
    **describe("Look at a job", ("200:JobView", "304"), (404, 503)),
    openapi_extra={"parameters": [PREFER, IF_NONE_MATCH]},
)
async def show(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """The job as it is. `Prefer: wait=N` waits for its end; with `If-None-Match`, for any change.

    `Retry-After` says when to ask again: one second for a young job, up to thirty for an old one.
    """
    prefer = read_prefer(request)

    conditional = "if-none-match" in request.headers

    def changed(job: Job) -> bool:
        return not knows(request, etag(_json(job_view(job))))

    def news(job: Job) -> bool:
        return job.state.ended or changed(job)

    enough = news if conditional else intake.ended
    job = await intake.wait(str(job_id), who, here.ports, prefer.wait or 0, enough)
    if not conditional or changed(job):
        queue = await queue_of(job, int(time.time() * 1000), here.ports)
        return _job(job, 200, prefer, {}, queue)
    answer = _job(job, 200, prefer, {})
    unchanged = {k: v for k, v in answer.headers.items() if not k.startswith("content-")}
    return Response(status_code=304, headers=unchanged)


class Listing(Model):
    """The query of a listing. Pages are reached by the `cursor` of the page before."""

    state: list[State] = []
    report: str | None = None
    created_after: AwareDatetime | None = None
    cursor: str | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


@get(router, "", **describe("List jobs", ("200:JobPage",), (422, 503)))
async def listing(query: Annotated[Listing, Query()], here: Here, who: Who) -> Response:
    """Newest first. The `Link` header with `rel="next"`, and `next` in the body, lead to the next page."""
    jobs, cursor = await page_of(query, here, who)
    answer = shown(JobPage(jobs=tuple(job_view(job) for job in jobs), next=cursor))
    return link(answer, "/v1/jobs", query, cursor)


async def page_of(query: Listing, here: House, who: Caller) -> tuple[Sequence[Job], str | None]:
    """The jobs of a page, and the cursor of the next one if there is one."""
    after = query.created_after
    chosen = JobFilter(
        tenant=who.tenant,
        scope=who.scope,
        states=tuple(query.state),
        report=query.report,
        hidden=here.ports.catalog.hidden_from(who.permissions),
        created_after=None if after is None else int(after.timestamp() * 1000),
        before=place_of(query.cursor),
        limit=query.limit + 1,  # one more than shown tells whether there is a next page
    )
    return cut(await intake.listing(chosen, here.ports), query.limit, placed)


@router.post(
    "/{job_id:uuid}:cancel",
    **describe("Cancel a job", ("200:JobView", "202:JobView"), (404, 409, 503)),
)
async def cancel(job_id: UUID, here: Here, who: Who) -> Response:
    """200: it is cancelled. 202: it is running, and will stop as soon as its worker has heard."""
    job = await intake.cancel(str(job_id), who, here.ports)
    return _job(job, 200 if job.state.ended else 202, Prefer(None, respond_async=False), {})


@router.post(
    "/{job_id:uuid}:retry",
    **describe("Run a job again", ("200:JobView", "201:JobView", "202:JobView"), (404, 409, 503)),
    openapi_extra={"parameters": [PREFER]},
)
async def retry(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """Run a failed, dead, cancelled or expired job again, under the same id, with all its attempts."""
    job = await intake.retry(str(job_id), who, here.ports)
    return await _placed(job, request, here, who)


@router.post(
    "/{job_id:uuid}:refresh",
    **describe(
        "Make the file anew", ("200:JobView", "201:JobView", "202:JobView"), (404, 409, 503)
    ),
    openapi_extra={"parameters": [PREFER]},
)
async def refresh(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """The same report with today's data: a new job of its own (see `Location`), or the one under way."""
    submitted = await intake.refresh(str(job_id), who, here.ports)
    here.note(who, "ask", submitted.job, fresh=submitted.fresh, refresh=True)
    return await _placed(submitted.job, request, here, who)


@router.delete(
    "/{job_id:uuid}", status_code=204, **describe("Forget a job", ("204",), (404, 409, 503))
)
async def forget(job_id: UUID, here: Here, who: Who) -> Response:
    """Delete an ended job and its file. This does not cancel: a job under way is refused with 409."""
    await intake.forget(str(job_id), who, here.ports)
    return Response(status_code=204)


def shown(view: View) -> Response:
    return Response(_json(view), media_type="application/json", headers={"Vary": "Prefer"})


def _job(
    job: Job, status: int, prefer: Prefer, headers: dict[str, str], queue: Queue | None = None
) -> Response:
    """Where a job waits is no change of it: while it does, its tag is a weak one."""
    plain = _json(job_view(job))
    tag, body = etag(plain), plain if queue is None else _json(job_view(job, queue))
    headers |= {
        "ETag": f"W/{tag}" if job.state is State.QUEUED else tag,
        "Vary": "Prefer",
        "Cache-Control": "private, no-cache",
    }
    if not job.state.ended:
        headers["Retry-After"] = str(_retry_after(job, int(time.time() * 1000)))
    if applied := prefer.applied(finished=job.state.ended):
        headers["Preference-Applied"] = applied
    return Response(body, status, headers, media_type="application/json")


def _retry_after(job: Job, now: int) -> int:
    """Seconds until the next look is worth it: the older the job, the longer."""
    age = max(now - job.created_at, 0) // 1000
    due = (job.run_at - now) // 1000 if job.state is State.QUEUED else 0
    return min(max(1 + age // _PATIENCE, due), _MAX_RETRY_AFTER)


def _json(view: View) -> bytes:
    return view.model_dump_json().encode()
