"""A job as it goes on: server-sent events."""

import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Literal, cast
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from prelo.app.listener import Closing, Event, Told
from prelo.core.news import Mark, Standing
from prelo.core.request import Caller
from prelo.entry.api.openapi import describe, header
from prelo.entry.api.reading import Here, House, Who
from prelo.entry.api.views import job_view
from prelo.entry.sockets import DEAF, LINE, Deaf, Streams, bound, taken

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
    line: Streams | None = request.scope.get("extensions", {}).get(LINE)
    return _Events(
        stream,
        line,
        lambda: here.ports.observer.event(
            "live.dropped", tenant=who.tenant, detail=f"{DEAF}: {job_id}"
        ),
    )


class _Events(StreamingResponse):
    """Ends for a client that does not read. Its connection is its own, since its buffers are small: what is
    not read shall be seen soon, and cost little.
    """

    def __init__(
        self,
        stream: AsyncGenerator[Standing | str | None],
        line: Streams | None,
        dropped: Callable[[], None],
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Connection": "close"}
        super().__init__(cast("AsyncIterator[str]", stream), 200, headers, "text/event-stream")
        self._stream, self._line, self._dropped = stream, line, dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._line is not None:
            bound(self._line.transport)
        try:
            await super().__call__(scope, receive, send)
        finally:  # who left while something was sent to them has a place until then
            await self._stream.aclose()

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            await taken(send(message))

        try:
            await super().stream_response(in_time)
        except Deaf:
            self._dropped()
            await self._stream.aclose()
            cut = self._line and self._line.last_words(f": {DEAF}\n\n")
            try:  # until it reads after all, or is cut
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                if cut:
                    cut.cancel()


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
    text = told.drawn.get("json:" + what)
    if text is None:
        view = job_view(told.standing.job)
        text = view.model_dump_json(include=_ON_THE_WAY if what == "progress" else None)
        told.drawn["json:" + what] = text
    return text
