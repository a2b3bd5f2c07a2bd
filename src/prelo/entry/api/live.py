"""A job as it goes on: server-sent events."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from prelo.app import intake
from prelo.core.errors import NotFound, Unavailable
from prelo.core.job import Job
from prelo.entry.api.openapi import describe
from prelo.entry.api.reading import Here, Who
from prelo.entry.api.views import etag, job_view

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
_IDLE = 15.0  # seconds; proxies drop connections that are quiet for longer
_HELLO = "retry: 2000\n\n"


@router.get("/{job_id:uuid}/events", **describe("Follow a job", ("200", "204"), (404, 503)))
async def events(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """`text/event-stream`: `state` (the job) first and at every change of state, `progress`, and `end`
    (the job) as the last one.

    A client that comes back with the `Last-Event-ID` of the end gets 204, which tells it to stay away.
    """
    changes = cast(
        "AsyncGenerator[Job | None]", intake.changes(str(job_id), who, here.ports, _IDLE)
    )
    first = await anext(changes)  # before the answer begins: there may be no such job
    seen = request.headers.get("last-event-id")
    if first is not None and first.state.ended and seen == _id(first):
        await changes.aclose()
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(first, changes), 200, headers, "text/event-stream")


async def _told(first: Job | None, changes: AsyncGenerator[Job | None]) -> AsyncIterator[str]:
    """The events. The stream just ends when the job is forgotten or the store cannot be reached: the
    client comes back, and is answered by a problem.
    """
    yield _HELLO
    last = None
    async with aclosing(changes):
        try:
            if first is not None:
                yield _event(first, None)
                last = first
            async for job in changes:
                if job is None:
                    yield ": still here\n\n"
                elif last is None or _id(job) != _id(last):  # a beat alone is no news
                    yield _event(job, last)
                    last = job
        except (NotFound, Unavailable):
            return


def _event(job: Job, last: Job | None) -> str:
    view = job_view(job)
    name, data = "state", view.model_dump_json()
    if job.state.ended:
        name = "end"
    elif last and (last.state, last.attempt) == (job.state, job.attempt):
        name = "progress"
        data = view.model_dump_json(include={"id", "state", "phase", "progress"})
    return f"event: {name}\nid: {_id(job)}\ndata: {data}\n\n"


def _id(job: Job) -> str:
    """What the job looks like stands for the event: whoever has seen it has seen the job so."""
    return etag(job_view(job).model_dump_json().encode()).strip('"')
