"""A job as it goes on: server-sent events."""

import random
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from prelo.app.listener import Closing, Event, Told
from prelo.core.news import Mark, Standing
from prelo.core.request import Caller
from prelo.entry.api.openapi import describe, header
from prelo.entry.api.reading import Here, House, Who
from prelo.entry.api.views import job_view

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
IDLE = 15.0  # seconds; proxies drop connections that are quiet for longer
_HELLO = "retry: 2000\n\n"
_LAST = header("Last-Event-ID", "The `id` of the last event that is known.", "0.1.18")
_ON_THE_WAY = {"id", "state", "phase", "progress", "attempt", "cancel_requested_at"}


@router.get(
    "/{job_id:uuid}/events",
    **describe("Follow a job", ("200:text/event-stream", "204"), (404, 503)),
    openapi_extra={"parameters": [_LAST]},
)
async def events(job_id: UUID, request: Request, here: Here, who: Who) -> Response:
    """`text/event-stream`: `state` (the job) first and at every change of state, `progress`, and `end`
    (the job) as the last one; a comment every 15 quiet seconds.

    A client that comes back with the `Last-Event-ID` of what it knows, to any server, is told what is new
    since; with that of the end it gets 204, which tells it to stay away.
    """
    seen = Mark.read(request.headers.get("last-event-id"))
    stream = _stream(str(job_id), seen, here, who)
    # Before the answer begins: there may be no such job.
    stands = cast("Standing | None", await anext(stream))
    if stands is not None and stands.job.state.ended and stands.mark == seen:
        await stream.aclose()
        return Response(status_code=204)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(cast("AsyncIterator[str]", stream), 200, headers, "text/event-stream")


async def _stream(
    job_id: str, seen: Mark | None, here: House, who: Caller
) -> AsyncGenerator[Standing | str | None]:
    """First how the job stands, then the events as text."""
    async with here.live.listener(who) as listener:
        stands = await here.live.follow(listener, {job_id: seen})
        yield stands.get(job_id)
        yield _HELLO
        while True:
            try:
                news = await listener.next(IDLE)
            except Closing:
                yield f"retry: {come_back_ms()}\n\n"
                return
            if not isinstance(news, Event):
                yield ": still here\n\n"
                continue
            if news.told is not None:
                yield _written(news, news.told)
            if news.kind in {"end", "gone"}:
                return


def come_back_ms() -> int:
    """When those whom a process sends away shall come back: not all at once."""
    return random.randint(500, 4_000)  # noqa: S311  not a secret


def _written(event: Event, told: Told) -> str:
    """Progress has no id: who comes back is told the newest in any case."""
    name = event.kind
    mark = "" if name == "progress" else f"id: {told.standing.mark}\n"
    return (
        f"event: {name}\n{mark}data: {drawn(told, 'progress' if name == 'progress' else 'job')}\n\n"
    )


def drawn(told: Told, what: Literal["job", "progress"]) -> str:
    """The job, or what changes on its way, as JSON: written once for all who are told."""
    text = told.drawn.get(what)
    if text is None:
        view = job_view(told.standing.job)
        text = view.model_dump_json(include=_ON_THE_WAY if what == "progress" else None)
        told.drawn[what] = text
    return text
